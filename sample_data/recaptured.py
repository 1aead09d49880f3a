"""Planted pages that a crawl captured again: of each the newest capture stays, however much its text has changed.

Addresses differ as they do in crawls: by scheme, by spelling, by what a newsletter adds to a link. Near misses: pages
of one site that all name its front page as canonical, as badly set up systems do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from pathlib import Path

from articles import Article
from charsets import snippet
from marked import load_marked
from templates import plain
from warc import Capture
from web import Web

FILE = "web/recaptured.warc.gz"
KIND = "recaptured"


@dataclass(frozen=True, kw_only=True)
class Recaptured:
    """A page whose versions are `slug/1`, `slug/2` and so on in `planted_texts/recaptured.txt`."""

    slug: str
    urls: tuple[str, ...]  # of each capture, the oldest first
    days: tuple[int, ...]  # of each capture after the first
    change: str
    canonical: str | None = None
    newest_first: bool = False  # in the archive


PAGES: tuple[Recaptured, ...] = (
    Recaptured(
        slug="hollow-island-ferry",
        urls=("https://hollow-island.example/ferry",) * 3,
        days=(24, 61),
        change="a sentence or two differ",
    ),
    Recaptured(
        slug="aktuelles-aus-lindenkamp",
        urls=("https://www.lindenkamp.example/aktuelles.html",) * 2,
        days=(47,),
        change="another text in its place",
        newest_first=True,
    ),
    Recaptured(
        slug="el-molino-de-valdesombra",
        urls=(
            "https://www.valdesombra.example/noticias/molino?boletin=17&utm_source=boletin&utm_medium=email",
            "https://www.valdesombra.example/noticias/molino",
        ),
        days=(30,),
        change="its last sentences differ",
        canonical="https://www.valdesombra.example/noticias/molino",
    ),
    Recaptured(
        slug="purane-pul-ki-ghadi",
        urls=("http://purana-pul.example:80/khabar/ghadi", "https://purana-pul.example/khabar/ghadi"),
        days=(110,),
        change="its last paragraph differs",
        newest_first=True,
    ),
    Recaptured(
        slug="saka-no-ue-no-kashihonya",
        urls=("https://sakanoue.example/kashihonya/nikai?gclid=0b6u9tjl", "https://sakanoue.example/kashihonya/nikai"),
        days=(9,),
        change="sentences of two paragraphs differ",
    ),
    Recaptured(
        slug="floating-library",
        urls=(
            "https://bangsakae.example/%e0%b8%ab%e0%b9%89%e0%b8%ad%e0%b8%87%e0%b8%aa%e0%b8%a1%e0%b8%b8%e0%b8%94",
            "https://bangsakae.example/./%E0%B8%AB%E0%B9%89%E0%B8%AD%E0%B8%87%E0%B8%AA%E0%B8%A1%E0%B8%B8%E0%B8%94",
        ),
        days=(18,),
        change="its last paragraph differs",
    ),
)
# Slug and address of two pages that both claim to be copies of the front page.
MISUSED = (
    ("la-fanfare-sous-le-pont", "https://www.gravelle-sous-pont.example/fanfare"),
    ("un-four-pour-trois-villages", "https://www.gravelle-sous-pont.example/four"),
)
FRONT_PAGE = "https://www.gravelle-sous-pont.example/"


def plant(web: Web, root: Path) -> None:
    texts = {page.article.slug: page.article for page in load_marked(root, "recaptured")}
    for page in PAGES:
        _capture(web, page, [texts.pop(f"{page.slug}/{n}") for n in range(1, len(page.urls) + 1)])
    for slug, url in MISUSED:
        article = texts.pop(slug)
        _add(web, article, url, when=web.corpus.tick(), canonical=FRONT_PAGE)
        reason = "another page of its site names the same canonical address: the front page"
        web.corpus.plant(url, KIND, "kept", reason, contains=snippet(article), lang=article.lang)
    if texts:
        raise ValueError(f"recaptured.txt: nobody publishes {sorted(texts)}")


def _capture(web: Web, page: Recaptured, versions: list[Article]) -> None:
    first = web.corpus.tick()
    moments = [first, *(first + timedelta(days=day) for day in page.days)]
    captures = list(zip(versions, page.urls, moments, strict=True))
    for article, url, when in reversed(captures) if page.newest_first else captures:
        _add(web, article, url, when=when, canonical=page.canonical)
    *older, (newest, address, last) = captures
    for article, url, when in older:
        web.corpus.plant(
            url, KIND, "duplicate", f"there is a newer capture of the page: {page.change}",
            captured=stamp(when), of=address, of_captured=stamp(last), lang=article.lang,
        )  # fmt: skip
    reason = f"the newest of {len(captures)} captures of the page"
    web.corpus.plant(address, KIND, "kept", reason, captured=stamp(last), contains=snippet(newest), lang=newest.lang)


def stamp(when: datetime) -> str:
    """A moment of UTC as tables have it."""
    return f"{when.isoformat()}+00:00"


def _add(web: Web, article: Article, url: str, *, when: datetime, canonical: str | None) -> None:
    head = f'<link rel="canonical" href="{canonical}">' if canonical else ""
    paragraphs = (escape(paragraph, quote=False) for paragraph in article.paragraphs)
    html = plain(article, web.words[article.lang], paragraphs, head=head)
    web.add(FILE, Capture(url, when, html.encode("utf-8")), article, captured=stamp(when))
