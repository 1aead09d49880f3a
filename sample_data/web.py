"""The invented sites: which language is published where, under which addresses, delivered how."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from articles import Article
from corpus import EPOCH, Corpus
from templates import TEMPLATES, Page, Words, bare, front_page
from warc import Capture


@dataclass(frozen=True)
class Site:
    name: str
    host: str
    template: str
    file: str  # WARC file its captures go to
    path: str  # form of its article addresses
    languages: tuple[str, ...]
    authors: tuple[str, ...]


SITES = (
    Site(
        "The Northbridge Herald", "northbridge-herald.example", "newspaper", "web/anglophone.warc.gz",
        "{domain}/2024/{slug}", ("eng_Latn",), ("Ida Marchbanks", "Tobias Renshaw", "Oona Quillfeather"),
    ),
    Site(
        "Kontinent", "kontinent.example", "magazine", "web/western-europe.warc.gz",
        "{slug}-{n}.html", ("deu_Latn", "fra_Latn", "spa_Latn", "por_Latn", "ita_Latn"),
        ("L. Varnhagen", "C. Beaurivage", "M. Altomonte"),
    ),
    Site(
        "PanAsia Portal", "panasia-portal.example", "portal", "web/east-asia.warc.gz",
        "article.asp?id={n}", ("zho_Hans", "zho_Hant", "jpn_Jpan", "kor_Hang"), ("PanAsia", "webmaster"),
    ),
    Site(
        "Mekong Notes", "mekong-notes.example", "blog", "web/southeast-asia.warc.lz4",
        "2024/05/{slug}/", ("tha_Thai", "khm_Khmr", "vie_Latn", "ind_Latn"), ("admin", "sokha_w", "mai.p"),
    ),
    Site(
        "Saffron Street", "saffron-street.example", "community", "web/south-asia.warc.zst",
        "story/{slug}-{n}", ("hin_Deva", "tam_Taml", "ben_Beng", "tel_Telu"), ("Saffron Desk", "R. Anandkar"),
    ),
    Site(
        "Levant Gazette", "levant-gazette.example", "gazette", "web/middle-east.warc.gz",
        "news/{n}/{slug}", ("ara_Arab", "heb_Hebr", "fas_Arab", "urd_Arab"), ("N. Haddarin", "Gazette"),
    ),
    Site(
        "Pontos Encyclopaedia", "pontos-wiki.example", "wiki", "web/black-sea.warc.gz",
        "wiki/{slug}", ("rus_Cyrl", "ukr_Cyrl", "ell_Grek"), ("Pontos",),
    ),
    Site(
        "Ararat Wiki", "ararat-wiki.example", "wiki", "web/caucasus.warc",
        "w/{slug}", ("kat_Geor", "hye_Armn"), ("Ararat",),
    ),
    Site(
        "Baraza Forum", "baraza-forum.example", "forum", "web/forums.warc.gz",
        "viewtopic.php?f=3&t={n}", ("swa_Latn", "amh_Ethi", "pol_Latn", "tur_Latn", "fin_Latn"),
        ("marigold", "kisima", "two_left_boots"),
    ),
)  # fmt: skip
SITE_OF = {lang: site for site in SITES for lang in site.languages}
WET_FILE = "web/archive.warc.wet.gz"


@dataclass(frozen=True)
class Encoding:
    """How a page is encoded and what is said about that: by the HTTP header, by a <meta> tag."""

    codec: str = "utf-8"
    header: str | None = "utf-8"
    meta: str | None = "utf-8"
    bom: bytes = b""


UTF8 = Encoding()


@dataclass
class Web:
    corpus: Corpus
    words: dict[str, Words]
    by_language: dict[str, list[Article]]  # every text there is: for "read also" lists
    published: dict[str, list[tuple[str, Article]]] = field(default_factory=dict)  # by host
    _count: int = 0

    def host(self, lang: str, site: Site | None = None) -> str:
        site = site or SITE_OF[lang]
        tag = "www" if len(site.languages) == 1 else self.words[lang]["tag"].lower()
        return f"{tag}.{site.host}"

    def page(self, article: Article, site: Site, url: str, encoding: Encoding = UTF8) -> Page:
        """What surrounds an article follows from the article: copies on one site differ in the text alone."""
        host = url.split("/")[2]
        others = [a for a in self.by_language[article.lang] if a.slug != article.slug]
        number = zlib.crc32(article.slug.encode())
        start = number % len(others)
        picked = (others[start:] + others[:start])[:4]
        return Page(
            url=url,
            site=site.name,
            article=article,
            published=EPOCH - timedelta(hours=number % 9000),
            author=site.authors[number % len(site.authors)],
            related=tuple((f"https://{host}/{a.domain}/{a.slug}", a.title) for a in picked),
            words=self.words[article.lang],
            charset=encoding.meta,
        )

    def address(self, article: Article, site: Site) -> str:
        path = site.path.format(domain=article.domain, slug=article.slug, n=2000 + 7 * self._count)
        return f"https://{self.host(article.lang, site)}/{path}"

    def publish(
        self,
        article: Article,
        *,
        site: Site | None = None,
        url: str | None = None,
        encoding: Encoding = UTF8,
        **capture: Any,
    ) -> Capture:
        """Put an article on a site; the capture goes to the site's WARC file and to the inventory."""
        self._count += 1
        site = site or SITE_OF[article.lang]
        url = url or self.address(article, site)
        html = TEMPLATES[site.template](self.page(article, site, url, encoding))
        body = encoding.bom + html.encode(encoding.codec, "xmlcharrefreplace")
        content_type = "text/html" + (f"; charset={encoding.header}" if encoding.header else "")
        capture = {"content_type": content_type, **self._delivery(), **capture}
        made = self.add(site.file, Capture(url, self.corpus.tick(), body, **capture), article)
        self.published.setdefault(url.split("/")[2], []).append((url, article))
        return made

    def _delivery(self) -> dict[str, Any]:
        """Compression and chunking differ from page to page, as they do from server to server."""
        n = self._count
        return {"coding": "br" if n % 7 == 0 else "gzip" if n % 5 == 0 else "", "chunked": n % 4 == 1}

    def add(
        self, file: str, capture: Capture, article: Article | None = None, document: bool = True, **which: str
    ) -> Capture:
        self.corpus.captures.setdefault(file, []).append(capture)
        if document:
            self.corpus.enter(capture.url, file, article, **which)
        return capture

    def mirror(self, original: Capture, url: str, **changes: Any) -> Capture:
        """The same body under another address, in the same file."""
        file = next(name for name, captures in self.corpus.captures.items() if original in captures)
        copy = replace(original, url=url, when=self.corpus.tick(), **changes)
        return self.add(file, copy, document=copy.record_type == "response")

    def bare(self, lang: str, url: str, title: str, body: str, **capture: Any) -> Capture:
        """A page of its own making, without a site's template."""
        self._count += 1
        html = bare(title, body, str(self.words[lang]["tag"]))
        return self.add(SITE_OF[lang].file, Capture(url, self.corpus.tick(), html.encode("utf-8"), **capture))

    def convert(self, article: Article) -> None:
        """A WET record: text that somebody else extracted, site furniture included."""
        self._count += 1
        site, words = SITE_OF[article.lang], self.words[article.lang]
        url = self.address(article, site)
        menu = "\n".join([words["home"], " | ".join(words["sections"]), words["about"]])
        text = f"{menu}\n{article.title}\n" + "\n".join(article.paragraphs) + f"\n{words['rights']} {site.name}\n"
        capture = Capture(
            url, self.corpus.tick(), text.encode("utf-8"), plain_text=True, language=article.lang.partition("_")[0]
        )
        self.add(WET_FILE, capture, article)

    def front_pages(self) -> None:
        """Every host with enough articles gets its list of headlines."""
        for host, entries in sorted(self.published.items()):
            lang = entries[0][1].lang
            site = SITE_OF[lang]
            if len(entries) < 3 or not host.endswith(site.host):
                continue
            html = front_page(site.name, f"https://{host}", self.words[lang], entries[:10])
            self.add(site.file, Capture(f"https://{host}/", self.corpus.tick(), html.encode("utf-8")))

    def not_documents(self) -> None:
        """What a crawl brings home besides pages."""
        for site in SITES:
            lang = site.languages[0]
            for path, kind, more in _STRAYS[site.template]:
                url = f"https://{self.host(lang, site)}/{path}"
                self.add(site.file, Capture(url, self.corpus.tick(), **more), document=False)
                self.corpus.plant(url, kind, "skipped", _STRAY_REASONS[kind])


_GIF = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
_ROBOTS = b"User-agent: *\nDisallow: /search\nDisallow: /login\nCrawl-delay: 5\nSitemap: /sitemap.xml\n"
_NOT_FOUND = bare("404", "<h1>404</h1><p>This page has moved or never existed.</p>").encode()
_ERROR = bare("500", "<h1>Internal Server Error</h1><p>Error 0x3fa1 in worker 7.</p>").encode()
_MOVED = bare("301", '<h1>Moved</h1><p><a href="/new">here</a></p>').encode()
_API = b'{"items": [{"id": 17, "title": "Harbour fair"}, {"id": 18, "title": "Tide table"}], "next": null}'
_RSS = b'<?xml version="1.0"?><rss version="2.0"><channel><title>Feed</title><link>/</link></channel></rss>'

_STRAY_REASONS = {
    "http_error": "an error page, not a document: HTTP status other than 200",
    "redirect": "a redirect, not a document",
    "not_text": "media type that is not text",
    "robots_txt": "rules for crawlers, not a document",
}
_missing = ("gone/page-17", "http_error", {"status": 404, "body": _NOT_FOUND})
_broken = ("search?q=%F0", "http_error", {"status": 500, "body": _ERROR})
_moved = ("old", "redirect", {"status": 301, "body": _MOVED, "headers": [("Location", "/new")]})
_robots = ("robots.txt", "robots_txt", {"body": _ROBOTS, "content_type": "text/plain"})
_STRAYS: dict[str, list[tuple[str, str, dict[str, Any]]]] = {
    "newspaper": [
        _robots,
        _missing,
        _moved,
        ("img/logo.png", "not_text", {"body": _PNG, "content_type": "image/png"}),
        ("api/latest", "not_text", {"body": _API, "content_type": "application/json"}),
    ],
    "magazine": [_robots, _broken, ("feed", "not_text", {"body": _RSS, "content_type": "application/rss+xml"})],
    "portal": [_missing, ("ad/banner1.gif", "not_text", {"body": _GIF, "content_type": "image/gif"})],
    "blog": [_robots, _moved, _missing],
    "community": [_broken, ("temp", "redirect", {"status": 302, "body": b"", "headers": [("Location", "/")]})],
    "gazette": [_robots, _missing],
    "wiki": [_moved, ("w/load.css", "not_text", {"body": b"body{margin:0}", "content_type": "text/css"})],
    "forum": [("attach/9", "not_text", {"body": bytes(range(256)), "content_type": "application/octet-stream"})],
}
