"""What a page says about itself: title, canonical URL, date, reservations, licence.

One walk over the few elements that may say it, and one over links that may name a licence. Both take time linear in
the page, whatever it holds.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from resiliparse.parse.html import DocumentNode, ElementNode, HTMLTree, Node

from gristmill.filters.web import opt_outs
from gristmill.filters.web.licences import MEDIA_TYPES, META_NAMES, Stated
from gristmill.pipelines.readers.records import printable

_ABOUT = 'meta,link[rel],title,time[datetime],script[type="application/ld+json"]'
_TITLES = ("og:title", "twitter:title", "dc.title")
_DATES = ("article:published_time", "og:article:published_time", "datepublished", "dc.date.issued", "dc.date", "date")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?")
_MAX_LD_JSON = 1 << 18

_LICENCE_LINKS = (
    'a[rel*="licen" i],a[href*="creativecommons.org/" i],[itemprop*="license" i],'
    'a[property*="license" i],link[property*="license" i]'
)
_LICENCE = re.compile(r"(?:^|[\s:/#])licen[cs]e(?:\s|$)", re.IGNORECASE)
_STATEMENT_PLACE = re.compile(r"footer|colophon|copyright|licen[cs]e", re.IGNORECASE)
_MAX_LICENCE_LINKS = 16
_MAX_ANCESTORS = 32
_MAX_OPT_OUTS = 1024
_MAX_NAMES = 1024
"""Characters of an element's class, id or relation that are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a page says about itself."""

    title: str | None = None
    uri: str | None = None
    date: str | None = None
    opt_outs: tuple[str, ...] | None = None
    """None where it is no page, and can say nothing."""
    licences: Stated = field(default_factory=Stated)


class _Said:
    """What the elements of a page have said so far."""

    def __init__(self) -> None:
        self.meta: dict[str, str] = {}
        self.opt_outs: set[str] = set()
        self.canonical: str | None = None
        self.title: str | None = None
        self.time: str | None = None
        self.published: str | None = None
        self.declared: list[str] = []
        self.described: list[str] = []

    def hear(self, element: ElementNode) -> None:
        """Take in one of the elements of `_ABOUT`."""
        match element.tag:
            case "meta":
                self._hear_meta(element)
            case "link":
                self._hear_link(element)
            case "title":
                self.title = self.title or printable(element.text)
            case "time":
                self.time = self.time or _iso_date(element.getattr("datetime"))
            case "script":
                self._hear_json(element.text or "")
            case _:
                pass

    def _hear_meta(self, element: ElementNode) -> None:
        name = element.getattr("property") or element.getattr("name") or element.getattr("itemprop")
        content = element.getattr("content")
        if not name or not content:
            return
        name = name.strip().lower()
        self.meta.setdefault(name, content)
        if len(self.opt_outs) < _MAX_OPT_OUTS:
            self.opt_outs.update(opt_outs.of_meta(name, content))
        if name in META_NAMES and len(self.described) < _MAX_LICENCE_LINKS:
            self.described.append(content)

    def _hear_link(self, element: ElementNode) -> None:
        relations = (element.getattr("rel") or "").lower()
        if "canonical" in relations and "canonical" in relations.split():
            self.canonical = self.canonical or element.getattr("href")
        elif "licen" in relations and _LICENCE.search(relations) and len(self.declared) < _MAX_LICENCE_LINKS:
            self.declared.append(element.getattr("href") or "")

    def _hear_json(self, script: str) -> None:
        dated, licensed = self.published is None and "datePublished" in script, '"license"' in script
        if not (dated or licensed) or len(script) > _MAX_LD_JSON:
            return
        for name, value in _json_ld(script):
            if name == "datePublished":
                self.published = self.published or _iso_date(value)
            elif len(self.described) < _MAX_LICENCE_LINKS:
                self.described.append(value)


def about(tree: HTMLTree, *, base: str | None) -> About:
    """What a page says about itself; `base` is its URL."""
    document = tree.document
    if document is None:
        return About(opt_outs=())
    said = _Said()
    for element in document.query_selector_all(_ABOUT).values():  # iteration itself takes quadratic time
        said.hear(element)
    dates = (_iso_date(said.meta.get(name)) for name in _DATES)
    named = (printable(said.meta.get(name)) for name in _TITLES)
    return About(
        title=next(filter(None, named), None) or said.title,
        uri=_absolute(said.canonical, base=base) or _absolute(said.meta.get("og:url"), base=base),
        date=next(filter(None, dates), None) or said.published or said.time,
        opt_outs=tuple(opt_outs.merged(said.opt_outs)),
        licences=_licences(document, said),
    )


def _licences(document: DocumentNode, said: _Said) -> Stated:
    """What was heard of licences, and what links say."""
    declared, linked = said.declared, []
    for element in document.query_selector_all(_LICENCE_LINKS).values()[:_MAX_LICENCE_LINKS]:
        url = element.getattr("href") or element.getattr("content") or ""
        place = _place(element)
        names = (element.getattr(name) or "" for name in ("rel", "itemprop", "property"))
        if place == "figure":
            continue
        if any(_LICENCE.search(each[:_MAX_NAMES]) for each in names):
            declared.append(url)
        elif place == "statement":
            linked.append(url)
    return Stated(declared=declared, described=said.described, linked=linked)


def _place(element: ElementNode) -> str | None:
    """Whether an element stands within a figure, or where pages state their terms: the nearest such ancestor tells."""
    node: Node | None = element
    for _ in range(_MAX_ANCESTORS):
        if not isinstance(node, ElementNode) or node.tag in ("body", "html"):
            return None
        if node.tag in ("figure", "figcaption"):
            return "figure"
        if node.tag == "footer":
            return "statement"
        if any(_STATEMENT_PLACE.search((node.getattr(name) or "")[:_MAX_NAMES]) for name in ("id", "class")):
            return "statement"
        node = node.parent
    return None


def _absolute(url: str | None, *, base: str | None) -> str | None:
    """The URL in full, if it is one of the web."""
    if not url or not url.strip():
        return None
    try:
        joined = urljoin(base or "", url.strip())
        parts = urlsplit(joined)
        host = parts.hostname
    except ValueError:
        return None
    return printable(joined) if parts.scheme in ("http", "https") and host else None


def _iso_date(value: str | None) -> str | None:
    found = _ISO_DATE.match(value.strip()) if value else None
    # Year 1 is how some systems write that there is no date.
    return found[0] if found and found[0] >= "1500" else None


def _json_ld(script: str) -> Iterator[tuple[str, str]]:
    """`datePublished` and `license` of schema.org JSON-LD, wherever in it; not the licences of images and the like."""
    try:
        pending: list[Any] = [json.loads(script, strict=False)]
    except (ValueError, RecursionError):
        return
    while pending:
        match pending.pop():
            case dict() as value:
                if isinstance(date := value.get("datePublished"), str):
                    yield "datePublished", date
                if not _is_media(value):
                    yield from (("license", each) for each in _texts(value.get("license")))
                pending.extend(reversed(value.values()))
            case list() as values:
                pending.extend(reversed(values))
            case _:
                pass


def _is_media(value: dict[str, Any]) -> bool:
    kinds = value.get("@type")
    named = kinds if isinstance(kinds, list) else [kinds]
    return any(isinstance(each, str) and each in MEDIA_TYPES for each in named)


def _texts(value: Any) -> Iterator[str]:
    """A licence given as a string, as an object with an address, or as a list of these."""
    for each in (value if isinstance(value, list) else [value])[:_MAX_LICENCE_LINKS]:
        found = (each.get("url") or each.get("@id") or each.get("name")) if isinstance(each, dict) else each
        if isinstance(found, str):
            yield found
