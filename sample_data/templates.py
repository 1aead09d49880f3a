"""HTML of the invented sites: eight page designs, from tidy HTML5 to table layouts that no validator likes.

What surrounds an article (menus, banners, adverts, comments) is meant to be as unlike from site to site as on the
real web, so that an extractor that works here does not work by knowing one template.
"""

from __future__ import annotations

import json
import tomllib
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from articles import DOMAINS, RIGHT_TO_LEFT, Article

Words = dict[str, Any]  # one language's table of interface.toml


def load_words(root: Path) -> dict[str, Words]:
    return tomllib.loads((root / "interface.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Page:
    """Everything a template needs."""

    url: str
    site: str
    article: Article
    published: datetime
    author: str
    related: tuple[tuple[str, str], ...]  # (url, title)
    words: Words
    charset: str | None = "utf-8"  # what a <meta> tag claims, if there is one

    @property
    def root(self) -> str:
        return "/".join(self.url.split("/")[:3])

    @property
    def tag(self) -> str:
        return str(self.words["tag"])

    @property
    def direction(self) -> str:
        return "rtl" if self.article.script in RIGHT_TO_LEFT else "ltr"

    @property
    def title(self) -> str:
        return escape(self.article.title, quote=False)

    @property
    def iso(self) -> str:
        return self.published.strftime("%Y-%m-%dT%H:%M:%S+00:00")

    @property
    def day(self) -> str:
        return self.published.strftime("%Y-%m-%d")

    @property
    def section(self) -> str:
        return str(self.words["sections"][DOMAINS.index(self.article.domain)])

    def word(self, key: str) -> str:
        return escape(str(self.words[key]), quote=False)

    def meta(self) -> str:
        return f'<meta charset="{self.charset}">' if self.charset else ""

    def meta_http(self) -> str:
        if not self.charset:
            return ""
        return f'<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset={self.charset}">'


def _variant(page: Page, salt: str, count: int) -> int:
    """A choice that looks random and is the same on every run."""
    return zlib.crc32(f"{page.article.lang}/{page.article.slug}/{salt}".encode()) % count


def _inline(page: Page, index: int, link: str = '<a href="{0}">{1}</a>') -> str:
    """A paragraph with a link or emphasis on a few of its words, as editors put them in."""
    paragraph = page.article.paragraphs[index]
    words = paragraph.split(" ")
    choice = _variant(page, f"inline{index}", 4)
    # Where words are not set apart by spaces, a cut could fall inside a character cluster.
    if choice == 0 or page.article.unspaced or len(words) < 12:
        return escape(paragraph, quote=False)
    before, middle, after = (escape(" ".join(part), quote=False) for part in (words[:5], words[5:8], words[8:]))
    marked = {
        1: link.format(page.related[0][0], middle),
        2: f"<em>{middle}</em>",
        3: f"<b>{middle}</b>",
    }[choice]
    return f"{before} {marked} {after}"


def _paragraphs(page: Page) -> list[str]:
    return [_inline(page, i) for i in range(len(page.article.paragraphs))]


def _menu(page: Page, item: str = '<li><a href="{0}">{1}</a></li>', sep: str = "\n") -> str:
    names = [page.words["home"], *page.words["sections"], page.words["about"], page.words["contact"]]
    paths = ["", *DOMAINS, "about", "contact"]
    return sep.join(
        item.format(f"{page.root}/{path}", escape(name, quote=False)) for path, name in zip(paths, names, strict=True)
    )


def _related(page: Page, item: str = '<li><a href="{0}">{1}</a></li>', sep: str = "\n") -> str:
    return sep.join(item.format(url, escape(title, quote=False)) for url, title in page.related)


def _json_ld(page: Page, kind: str = "NewsArticle") -> str:
    data = {
        "@context": "https://schema.org",
        "@type": kind,
        "headline": page.article.title,
        "datePublished": page.iso,
        "inLanguage": page.tag,
        "author": {"@type": "Person", "name": page.author},
        "publisher": {"@type": "Organization", "name": page.site},
        "mainEntityOfPage": page.url,
    }
    # "</" inside a script element would end it.
    dumped = json.dumps(data, ensure_ascii=page.charset not in ("utf-8", "UTF-8")).replace("</", "<\\/")
    return f'<script type="application/ld+json">{dumped}</script>'


def _open_graph(page: Page) -> str:
    return (
        f'<meta property="og:title" content="{escape(page.article.title)}">\n'
        f'<meta property="og:type" content="article"><meta property="og:url" content="{page.url}">\n'
        f'<meta property="article:published_time" content="{page.iso}">\n'
        f'<link rel="canonical" href="{page.url}">'
    )


def newspaper(page: Page) -> str:
    """Tidy HTML5 with landmarks: header, nav, main, article, aside, footer."""
    body = "\n".join(f"<p>{p}</p>" for p in _paragraphs(page)[1:])
    return f"""<!DOCTYPE html>
<html lang="{page.tag}" dir="{page.direction}">
<head>
{page.meta()}
<title>{page.title} | {page.site}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
{_open_graph(page)}
<link rel="stylesheet" href="/assets/main.3f2a.css">
{_json_ld(page)}
<script>window.dataLayer=window.dataLayer||[];function gtag(){{dataLayer.push(arguments);}}
gtag('js',new Date());</script>
</head>
<body class="single single-post">
<div id="cookie-banner" role="dialog" aria-live="polite"><p>{page.word("cookies")}</p>
<button class="btn">{page.word("accept")}</button></div>
<header class="site-header"><a class="logo" href="{page.root}/">{page.site}</a>
<form action="/search"><input name="q" placeholder="{page.word("search")}"></form>
<nav aria-label="primary"><ul>
{_menu(page)}
</ul></nav></header>
<main id="content">
<article>
<header><p class="kicker"><a href="{page.root}/{page.article.domain}">{page.section}</a></p>
<h1>{page.title}</h1>
<p class="byline">{page.author} &middot; <time datetime="{page.iso}">{page.day}</time></p></header>
<figure><img src="/img/{page.article.slug}.jpg" alt=""><figcaption>{page.site}</figcaption></figure>
<p class="lead">{_inline(page, 0)}</p>
<aside class="ad ad--inline" aria-hidden="true"><span>{page.word("advert")}</span>\
<iframe src="https://ads.example/f?s=1"></iframe></aside>
{body}
<ul class="share"><li><a href="#">{page.word("share")}</a></li><li><a href="#">RSS</a></li></ul>
</article>
<aside class="related"><h2>{page.word("related")}</h2><ul>
{_related(page)}
</ul></aside>
<section id="comments"><h2>{page.word("comments")} (2)</h2>
<div class="comment"><b>fenwick82</b><p>{escape(page.words["remarks"][0], quote=False)}</p></div>
<div class="comment"><b>old_harbour</b><p>{escape(page.words["remarks"][1], quote=False)}</p></div></section>
</main>
<footer><p>{page.word("newsletter")}</p><p>&copy; 2024 {page.site}. {page.word("rights")}.</p></footer>
<noscript><img height="1" width="1" src="https://count.example/p.gif"></noscript>
</body>
</html>
"""


def magazine(page: Page) -> str:
    """A front-end framework's div soup: hashed class names, no landmarks, state as a script."""
    state = json.dumps({"page": {"slug": page.article.slug, "id": _variant(page, "id", 99999)}, "user": None})
    advert = f'<div class="sc-AxjAm ad-slot" data-slot="mid"><div><span>{page.word("advert")}</span></div></div>'
    blocks = [
        f'<div class="sc-fz{i}xq kTgPpv"><p class="sc-gKcZ">{p}</p></div>' for i, p in enumerate(_paragraphs(page))
    ]
    blocks.insert(1, advert)
    joined = "".join(blocks)
    return f"""<!doctype html><html lang="{page.tag}"><head>{page.meta()}<meta name="generator" content="Nuxwerk 4">
<title>{page.title}</title>{_open_graph(page)}
<style>.kTgPpv{{margin:0 auto;max-width:42rem}}.sc-AxjAm{{min-height:250px}}</style></head>
<body><div id="__app"><div class="sc-bdVaJa topbar"><div class="sc-bwzfXH"><a href="/">{page.site}</a></div>\
<div class="sc-htpNat">{_menu(page, '<div class="nv"><a href="{0}"><span>{1}</span></a></div>', "")}</div></div>
<div class="sc-ifAKCX consent" style="display:none"><div>{page.word("cookies")}</div><div role="button">\
{page.word("accept")}</div></div>
<div class="sc-EHOje wrap"><div class="sc-bZQynM col-8"><div class="sc-gzVnrw"><div class="crumb"><a href="/">\
{page.word("home")}</a> &rsaquo; <a href="/{page.article.domain}">{page.section}</a></div>
<h1 class="sc-htoDjs">{page.title}</h1><div class="meta"><span>{page.author}</span> <time datetime="{page.day}">\
{page.day}</time></div></div>
<div class="sc-dnqmqq body">{joined}</div>
<div class="sc-iwsKbI shr"><span>{page.word("share")}:</span><a href="#f">f</a><a href="#x">x</a><a href="#w">w</a>\
</div></div>
<div class="sc-gZMcBi col-4"><div class="box"><div class="hd">{page.word("related")}</div>\
{_related(page, '<div class="it"><a href="{0}">{1}</a></div>', "")}</div>
<div class="box nl"><div class="hd">{page.word("newsletter")}</div><input type="email"></div></div></div>
<div class="sc-gqjmRU ft"><div>{page.site} 2024</div><div>{page.word("rights")}</div></div></div>
<script>window.__STATE__={state}</script></body></html>
"""


def portal(page: Page) -> str:
    """A portal of 2003 that is still online: tables, FONT, upper-case tags, nothing closed."""
    body = "<BR><BR>\n".join(_paragraphs(page))
    menu = _menu(page, '<TD><A HREF="{0}"><FONT SIZE=2>{1}</FONT></A>', " ")
    return f"""<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<HTML><HEAD>{page.meta_http()}
<TITLE>{page.title}</TITLE>
<SCRIPT LANGUAGE="JavaScript"><!--
function bookmark() {{ window.external.AddFavorite('{page.url}', document.title); }}
//--></SCRIPT>
</HEAD>
<BODY BGCOLOR=#FFFFFF TEXT=#000000>
<CENTER><TABLE WIDTH=900 BORDER=0 CELLPADDING=3><TR>{menu}</TABLE>
<TABLE WIDTH=900 BORDER=0><TR><TD VALIGN=top WIDTH=160 BGCOLOR=#EEEEEE>
<FONT SIZE=2><B>{page.word("related")}</B><BR>
{_related(page, '<LI><A HREF="{0}">{1}</A>')}
<P><A HREF="javascript:bookmark()">{page.word("share")}</A></FONT>
<TD VALIGN=top><H2>{page.title}</H2>
<FONT SIZE=2 COLOR=gray>{page.day} {page.author}</FONT><HR>
<FONT SIZE=3>{body}</FONT>
<HR><FONT SIZE=2>[<A HREF="/">{page.word("home")}</A>] [<A HREF="/about">{page.word("about")}</A>]</FONT>
<TD VALIGN=top WIDTH=120><FONT SIZE=1>{page.word("advert")}<BR><IMG SRC="/ad/banner1.gif" WIDTH=120 HEIGHT=600></FONT>
</TABLE>
<FONT SIZE=1>Copyright 2003-2024 {page.site} {page.word("rights")}</FONT></CENTER>
</BODY></HTML>
"""


def blog(page: Page) -> str:
    """A blog engine's theme: widgets left and right, tag cloud, a comment form."""
    body = "\n".join(f"<p>{p}</p>" for p in _paragraphs(page))
    cloud = " ".join(
        f'<a style="font-size:{9 + i * 2}pt">\
{escape(s)}</a>'
        for i, s in enumerate(page.words["sections"])
    )
    return f"""<!DOCTYPE html>
<html lang="{page.tag}" class="no-js"><head>
{page.meta()}
<title>{page.title} &#8211; {page.site}</title>
<link rel="alternate" type="application/rss+xml" href="{page.root}/feed/">
<link rel="canonical" href="{page.url}"><meta property="og:title" content="{escape(page.article.title)}">
</head><body class="post-template-default wp-embed-responsive">
<div id="page" class="hfeed site"><a class="skip-link screen-reader-text" href="#primary">&darr;</a>
<div id="sidebar" class="widget-area"><div class="site-branding"><p class="site-title"><a href="{page.root}">\
{page.site}</a></p></div>
<ul id="menu-main" class="menu">{_menu(page, '<li class="menu-item"><a href="{0}">{1}</a>')}</ul>
<div class="widget widget_search"><form><input type="search"><input type="submit" value="{page.word("search")}"></form>\
</div>
<div class="widget widget_recent"><h3 class="widget-title">{page.word("related")}</h3><ul>{_related(page)}</ul></div>
<div class="widget widget_tags">{cloud}</div></div>
<div id="primary" class="content-area"><div id="post-{_variant(page, "post", 9000)}" class="post type-post hentry">
<h1 class="entry-title">{page.title}</h1>
<div class="entry-meta"><span class="posted-on"><time class="entry-date published" datetime="{page.iso}">\
{page.day}</time></span>
<span class="author vcard">{page.author}</span></div>
<div class="entry-content">
{body}
<div class="sharedaddy sd-sharing"><h3>{page.word("share")}</h3><ul><li><a>E-mail</a><li><a>Print</a></ul></div>
</div><div class="entry-footer"><a rel="tag">{page.section}</a></div></div>
<div id="comments"><h2>{page.word("comments")}</h2><ol class="comment-list">
<li class="comment even"><div class="comment-content"><p>{escape(page.words["remarks"][1], quote=False)}</p></div></li>\
</ol>
<div id="respond"><form method="post"><textarea name="comment"></textarea><input type="submit"></form></div></div>
</div><div id="colophon">{page.site} | {page.word("rights")}</div></div>
<script src="/wp-includes/emoji.js"></script></body></html>
"""


def community(page: Page) -> str:
    """A mobile-first site: modal, sticky bars, paragraphs cut by widgets, unclosed and misnested tags."""
    paragraphs = _paragraphs(page)
    promo = f'</p><div class="promo"><a href="{page.related[0][0]}">{page.word("more")} &raquo;</a></div>'
    body = f"{paragraphs[0]}{promo}" + "".join(f"<p>{p}" for p in paragraphs[1:])
    return f"""<!DOCTYPE html>
<html lang={page.tag}>
<head>{page.meta()}<title>{page.site}: {page.title}</title>
{_open_graph(page)}
<meta name="description" content="{escape(page.article.paragraphs[0][:140])}">
<body data-theme="light">
<div class="sticky-top d-flex"><button class="hamburger" aria-label="menu"></button><a class="navbar-brand" href="/">\
{page.site}</a></div>
<div class="offcanvas" hidden>{_menu(page, '<a class="nav-link" href="{0}">{1}</a>', "")}</div>
<div class="modal fade" id="optin" style="display: none;"><div class="modal-body"><h5>{page.word("newsletter")}</h5>\
<input><button>{page.word("accept")}</button></div></div>
<div class="container"><div class="row"><div class="col-md-8">
<nav><ol class="breadcrumb"><li><a href="/">{page.word("home")}</a><li><a href="/{page.article.domain}">\
{page.section}</a></ol></nav>
<h1 class="display-5"><b>{page.title}</h1></b>
<small class="text-muted">{page.author}, {page.day}</small>
<div class="story"><p>{body}</div>
<div class="btn-group"><a class="btn" href="whatsapp://send">{page.word("share")}</a></div>
<h4>{page.word("related")}</h4><div class="card-deck">\
{_related(page, '<div class="card"><a href="{0}"><h6>{1}</h6></a></div>')}</div>
</div><div class="col-md-4"><div class="adbox">{page.word("advert")}</div></div></div></div>
<div class="fixed-bottom cookie">{page.word("cookies")} <a href="#">{page.word("accept")}</a></div>
<footer class="bg-dark"><ul class="list-inline">{_menu(page, "<li class=list-inline-item><a href='{0}'>{1}</a>")}</ul>\
<span>{page.word("rights")}</span></footer>
{_json_ld(page, "BlogPosting")}
"""


def gazette(page: Page) -> str:
    """A daily paper's content system: nested sections, paywall notice, "most read" list, print block."""
    body = "\n".join(f'<p class="txt">{p}</p>' for p in _paragraphs(page))
    return f"""<!DOCTYPE html>
<html dir="{page.direction}" lang="{page.tag}">
<head>
{page.meta_http()}
<title>{page.title} - {page.site}</title>
<meta name="pubdate" content="{page.iso}"><meta property="og:title" content="{escape(page.article.title)}">
<link rel="canonical" href="{page.url}">
</head>
<body>
<!-- cached {page.iso} node 4 -->
<div class="top"><div class="date">{page.day}</div><div class="logo"><h2>{page.site}</h2></div>
<div class="mainnav"><ul>{_menu(page)}</ul></div></div>
<div class="ticker"><span>{page.word("updated")}</span>{_related(page, '<a href="{0}">{1}</a>', " | ")}</div>
<div class="two-col">
<div class="main">
<div class="article-head"><h1>{page.title}</h1><div class="info">{page.author} | <span class="d">{page.day}</span>\
</div></div>
<div class="article-body">
{body}
</div>
<div class="tools"><a href="?print=1">{page.word("share")}</a> <a href="#c">{page.word("comments")}</a></div>
<div class="paywall" style="display:none">{page.word("newsletter")}</div>
<div class="comments" id="c"><h4>{page.word("comments")}</h4><p>1. {escape(page.words["remarks"][0], quote=False)}</p>\
</div>
</div>
<div class="side"><h4>{page.word("related")}</h4><ol>{_related(page)}</ol><div class="ad">{page.word("advert")}</div>\
</div>
</div>
<div class="foot"><p>{page.word("about")} | {page.word("contact")}</p>\
<p>&copy; {page.site} &mdash; {page.word("rights")}</p></div>
</body></html>
"""


def wiki(page: Page) -> str:
    """An encyclopaedia's skin: sidebar portlets, edit links, categories at the foot."""
    body = "\n".join(f"<p>{p}\n</p>" for p in _paragraphs(page))
    return f"""<!DOCTYPE html>
<html class="client-nojs" lang="{page.tag}" dir="{page.direction}">
<head>{page.meta()}<title>{page.title} &mdash; {page.site}</title>
<script>document.documentElement.className="client-js";RLCONF={{"wgPageName":"{page.article.slug}","wgIsArticle":true}};</script>
<link rel="canonical" href="{page.url}"></head>
<body class="mediawiki ltr sitedir-ltr ns-0 skin-vector">
<div id="mw-page-base" class="noprint"></div>
<div id="content" class="mw-body" role="main"><a id="top"></a>
<div id="siteNotice"><div class="notice">{page.word("newsletter")}</div></div>
<h1 id="firstHeading" class="firstHeading">{page.title}</h1>
<div id="bodyContent"><div id="siteSub" class="noprint">{page.site}</div>
<div id="mw-content-text" lang="{page.tag}" dir="{page.direction}"><div class="mw-parser-output">
<table class="infobox"><tr><th colspan="2">{page.section}</th></tr><tr><td>{page.word("updated")}</td><td>\
{page.day}</td></tr></table>
{body}
<h2><span class="mw-headline">{page.word("related")}</span>\
<span class="mw-editsection">[<a href="?action=edit">&#9998;</a>]</span></h2>
<ul>{_related(page)}</ul>
</div></div>
<div id="catlinks"><ul><li><a href="{page.root}/{page.article.domain}">{page.section}</a></li></ul></div></div></div>
<div id="mw-navigation"><div id="p-logo"><a href="/"></a></div>
<div class="portal"><h3>{page.site}</h3><ul>{_menu(page)}</ul></div></div>
<div id="footer"><ul><li>{page.word("updated")} {page.iso}</li><li><a href="/about">\
{page.word("about")}</a></li></ul></div>
</body></html>
"""


def forum(page: Page) -> str:
    """A message board: the text is the first post, replies follow, the sign-in box comes before it all."""
    body = "<br /><br />\n".join(_paragraphs(page))
    replies = "".join(
        f'<div class="post reply" id="p{i}"><dl class="profile"><dt>{name}</dt><dd>#{i}</dd></dl>'
        f'<div class="content">{escape(remark, quote=False)}</div></div>'
        for i, (name, remark) in enumerate(zip(("tallgrass", "kite_77"), page.words["remarks"], strict=True), 2)
    )
    return f"""<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="{page.tag}" lang="{page.tag}"><head>
{page.meta_http()}
<title>{page.site} &bull; {page.title}</title></head>
<body id="phpbb" class="section-viewtopic">
<div id="wrap"><div class="headerbar"><h1>{page.site}</h1><p>{page.word("search")} <input type="text" /></p></div>
<ul class="linklist navlinks">{_menu(page)}</ul>
<form id="login" action="/login"><fieldset><label>Login <input name="u" /></label><input type="password" /></fieldset>\
</form>
<h2 class="topic-title"><a href="{page.url}">{page.title}</a></h2>
<div class="pagination">1 / 1 &bull; 3</div>
<div id="p1" class="post bg1"><dl class="profile"><dt>{page.author}</dt><dd>Posts: {_variant(page, "posts", 4000)}</dd>\
</dl>
<p class="author"><time datetime="{page.iso}">{page.day}</time></p>
<div class="postbody"><div class="content">{body}</div><div class="signature">-- {page.author}</div></div></div>
{replies}
<div class="similar"><h3>{page.word("related")}</h3><ul>{_related(page)}</ul></div>
<div id="page-footer">{page.site} &bull; {page.word("rights")} &bull; <a href="/cookies">{page.word("cookies")}</a>\
</div>
</div></body></html>
"""


TEMPLATES: dict[str, Callable[[Page], str]] = {
    template.__name__: template for template in (newspaper, magazine, portal, blog, community, gazette, wiki, forum)
}


def bare(title: str, body: str, tag: str = "en", head: str = "") -> str:
    """A page with nothing around `body` (HTML): for junk, errors and the like. `head` is HTML as well."""
    return (
        f'<!DOCTYPE html>\n<html lang="{tag}"><head><meta charset="utf-8"><title>{escape(title)}</title>{head}</head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def plain(article: Article, words: Words, paragraphs: Iterable[str], *, head: str = "", foot: str = "") -> str:
    """A page of a small site, with little around the article. `paragraphs`, `head` and `foot` are HTML."""
    title = escape(article.title, quote=False)
    names = (escape(words[key], quote=False) for key in ("home", "about", "contact"))
    menu = "".join(f'<li><a href="/{n}">{name}</a></li>' for n, name in enumerate(names))
    joined = "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    body = (
        f"<header><nav><ul>{menu}</ul></nav></header>\n<main><article><h1>{title}</h1>\n{joined}\n</article></main>\n"
        f"<footer>{foot}<p>{escape(words['newsletter'], quote=False)}</p></footer>"
    )
    return bare(article.title, body, str(words["tag"]), head)


def front_page(site: str, root: str, words: Words, teasers: list[tuple[str, Article]]) -> str:
    """A list of headlines with the first words of each text, as every site has."""
    items = "\n".join(
        f'<div class="teaser"><h2><a href="{url}">{escape(a.title, quote=False)}</a></h2>'
        f"<p>{escape(a.paragraphs[0][:60], quote=False)}&hellip;</p></div>"
        for url, a in teasers
    )
    menu = " | ".join(f'<a href="{root}/{d}">{escape(s)}</a>' for d, s in zip(DOMAINS, words["sections"], strict=True))
    body = (
        f"<header><h1>{site}</h1><nav>{menu}</nav></header>\n<main>{items}</main>\n"
        f"<footer>{escape(words['cookies'])} {escape(words['rights'])}</footer>"
    )
    return bare(f"{site} - {words['home']}", body, str(words["tag"]))
