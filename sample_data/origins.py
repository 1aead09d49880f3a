"""Planted origins: good pages whose host is blocked, whose owner reserves them from training, or that state a licence.

Every site is a host of its own. What its robots.txt says was fetched apart, as large crawls do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from articles import Article
from corpus import Expect
from marked import load_marked
from templates import plain
from warc import Capture, Headers
from web import Web

FILE = "web/origins.warc.gz"
ROBOTS_FILE = "web/robots.warc.gz"
_CC = "https://creativecommons.org"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a text of `planted_texts/origins.txt` is found, and what follows from it."""

    slug: str
    url: str
    reason: str
    expect: Expect = "kept"
    headers: tuple[tuple[str, str], ...] = ()
    head: str = ""  # HTML
    foot: str = ""  # HTML
    link: tuple[str, str] | None = None  # words of the text, and what they link to
    found: tuple[str, ...] | str = ()  # the reservations, blocklists or licence to be found


RESERVED: tuple[Origin, ...] = (
    Origin(
        slug="the-last-clockmaker-of-pellow",
        url="https://quiet-press.example/2024/clockmaker",
        reason="a robots <meta> says noai",
        expect="dropped",
        head='<meta name="robots" content="index, follow, noai, noimageai">',
        found=("meta:noai",),
    ),
    Origin(
        slug="les-couleurs-de-la-brume",
        url="https://atelier-brume.example/carnet/sept-matins",
        reason="an X-Robots-Tag header says noai",
        expect="dropped",
        headers=(("X-Robots-Tag", "noai, noimageai"),),
        found=("header:noai",),
    ),
    Origin(
        slug="deichverlag-briefe",
        url="https://www.deichverlag.example/ueber-uns.html",
        reason="a TDM-Reservation header",
        expect="dropped",
        headers=(("TDM-Reservation", "1"), ("TDM-Policy", "https://www.deichverlag.example/tdm.json")),
        found=("header:tdm",),
    ),
    Origin(
        slug="cuadernos-del-faro",
        url="https://punta-ceniza.example/cuadernos/",
        reason="a tdm-reservation <meta>",
        expect="dropped",
        head='<meta name="tdm-reservation" content="1">',
        found=("meta:tdm",),
    ),
    Origin(
        slug="erbario-del-frate",
        url="https://montesordo.example/biblioteca/erbario",
        reason="the host's tdmrep.json reserves this folder",
        expect="dropped",
        found=("site:tdm",),
    ),
    Origin(
        slug="the-inn-that-keeps-its-own-weather",
        url="https://weather-inn.example/book",
        reason="the host's robots.txt shuts out GPTBot and CCBot",
        expect="dropped",
        found=("robots:GPTBot", "robots:CCBot"),
    ),
    Origin(
        slug="pahadi-sarai-ki-rasoi",
        url="https://weather-inn.example/hi/rasoi?from=book",
        reason="the host's robots.txt shuts out GPTBot and CCBot",
        expect="dropped",
        found=("robots:GPTBot", "robots:CCBot"),
    ),
    Origin(
        slug="minutes-of-the-night-allotment",
        url="https://reading-shed.example/members/minutes-june",
        reason="the host's robots.txt shuts CCBot out of this folder",
        expect="dropped",
        found=("robots:CCBot",),
    ),
    Origin(
        slug="a-short-history-of-the-reading-shed",
        url="https://reading-shed.example/history",
        reason="the host's robots.txt shuts CCBot out of another folder only",
    ),
    Origin(
        slug="como-se-apaga-un-volcan",
        url="https://lomablanca.example/noticias/simulacro",
        reason="the host's robots.txt shuts out other agents, and all of them from another folder",
    ),
    Origin(
        slug="a-sign-for-the-machines",
        url="https://goose-green.example/minutes/noai-and-geese",
        reason="says noai in its text alone; its headers and its <meta> reserve nothing",
        headers=(("X-Robots-Tag", "all"), ("TDM-Reservation", "0")),
        head='<meta name="robots" content="index, follow, max-image-preview:large">',
    ),
)

BLOCKED: tuple[Origin, ...] = (
    Origin(
        slug="the-card-players-of-wharf-nine",
        url="https://jackpot-lounge.example/stories/wharf-nine",
        reason="the host is on the blocklist",
        expect="dropped",
        found=("sample-hosts",),
    ),
    Origin(
        slug="das-kegeln-im-salzkeller",
        url="https://de.salon.jackpot-lounge.example:8443/salzkeller",
        reason="the host is below a domain on the blocklist",
        expect="dropped",
        found=("sample-hosts",),
    ),
    Origin(
        slug="gluecksrad-auf-der-insel",
        url="https://www.xn--glcksrad-insel-hsb.example/sommerfest",
        reason="the blocklist spells the host with its umlaut, the address in punycode",
        expect="dropped",
        found=("sample-hosts",),
    ),
    Origin(
        slug="not-a-bet-but-a-bridge",
        url="https://not-jackpot-lounge.example/footbridge",
        reason="the host only ends like one on the blocklist",
    ),
    Origin(
        slug="the-harbour-market-at-five",
        url="https://www.harbour-market.example/at-five",
        reason="another host of this domain is on the blocklist",
    ),
    Origin(
        slug="mirrors-of-a-village-library",
        url="https://jackpot-lounge.example.whitcombe-mirrors.example/copy/https://jackpot-lounge.example/",
        reason="the host begins with one on the blocklist, and the path names it",
    ),
)

LICENSED: tuple[Origin, ...] = (
    Origin(
        slug="field-guide-to-gate-latches",
        url="https://latches.example/guide",
        reason="a rel=license link in the head",
        head=f'<link rel="license" href="{_CC}/licenses/by-sa/4.0/">',
        found="CC-BY-SA-4.0",
    ),
    Origin(
        slug="recetas-sin-dueno",
        url="https://olla-grande.example/recetas",
        reason="a rel=license link in the footer",
        foot=f'<p><a rel="license" href="{_CC}/publicdomain/zero/1.0/">CC0</a></p>',
        found="CC0-1.0",
    ),
    Origin(
        slug="who-owns-a-tune",
        url="https://lesser-ottery.example/tunes/milkman",
        reason="a link to a licence in the text, which is not the page's own",
        link=("Creative Commons licences", f"{_CC}/licenses/by/4.0/"),
        found="",
    ),
)

TDM_FILE = "https://montesordo.example/.well-known/tdmrep.json"
_TDM = '[{"location": "/biblioteca/*", "tdm-reservation": 1}, {"location": "/", "tdm-reservation": 0}]\n'
ROBOTS: tuple[tuple[str, str], ...] = (
    (
        "weather-inn.example",
        "# Guests are welcome, machines that learn are not.\n"
        "User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n\nUser-agent: *\nAllow: /\n",
    ),
    ("reading-shed.example", "User-agent: CCBot\nDisallow: /members/\n\nUser-agent: *\nDisallow: /search\n"),
    (
        "lomablanca.example",
        "User-agent: GreedyMirror\nDisallow: /\n\nUser-agent: *\nDisallow: /borradores/\nCrawl-delay: 10\n",
    ),
)


def plant(web: Web, root: Path) -> None:
    texts = {page.article.slug: page.article for page in load_marked(root, "origins")}
    for kind, key, origins in (
        ("opt_out", "opt_outs", RESERVED),
        ("blocklist", "blocklists", BLOCKED),
        ("licence", "page_licence", LICENSED),
    ):
        for origin in origins:
            _publish(web, texts.pop(origin.slug), origin, kind=kind, key=key)
    if texts:
        raise ValueError(f"origins.txt: nobody publishes {sorted(texts)}")
    tdm = Capture(TDM_FILE, web.corpus.tick(), _TDM.encode(), content_type="application/json")
    web.add(ROBOTS_FILE, tdm, document=False)
    web.corpus.plant(TDM_FILE, "not_text", "skipped", "media type that is not text")
    for host, rules in ROBOTS:
        url = f"https://{host}/robots.txt"
        capture = Capture(url, web.corpus.tick(), rules.encode(), content_type="text/plain")
        web.add(ROBOTS_FILE, capture, document=False)
        web.corpus.plant(url, "robots_txt", "skipped", "rules for crawlers, not a document")


def _publish(web: Web, article: Article, origin: Origin, *, kind: str, key: str) -> None:
    html = plain(article, web.words[article.lang], _linked(article, origin), head=origin.head, foot=origin.foot)
    headers: Headers = list(origin.headers)
    web.add(FILE, Capture(origin.url, web.corpus.tick(), html.encode("utf-8"), headers=headers), article)
    expected: dict[str, Any] = {key: origin.found}
    web.corpus.plant(origin.url, kind, origin.expect, origin.reason, **expected, lang=article.lang)


def _linked(article: Article, origin: Origin) -> Iterator[str]:
    for paragraph in article.paragraphs:
        text = escape(paragraph, quote=False)
        if origin.link:
            words, target = origin.link
            text = text.replace(words, f'<a href="{target}">{words}</a>')
        yield text
