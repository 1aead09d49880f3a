"""Records to documents: the main text of a page, its title, canonical URL and date."""

import json
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from gristmill.pipelines.cleaning import clean, decode
from gristmill.pipelines.readers.records import Record, printable

Extractor = Literal["resiliparse", "trafilatura"]

# The time for the main content grows with the square of the depth of blocks; a page of 100,000 nested ones would take
# minutes. Browsers stop at 512.
_MAX_DEPTH = 256
_MAX_MAIN_CONTENT_CHARS = 16 << 20
_BLOCK = re.compile(r"<(/?)(?:div|section|article|main|ul|ol|li|dl|dd|blockquote|nav|aside|form|span)\b", re.IGNORECASE)
_HUGE_TAG_CHARS = 1 << 17
_MAX_ATTRIBUTES = 4096
_TAG = re.compile(r"</?[A-Za-z](?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+")
_QUOTED = re.compile(r"\"[^\"]*+\"|'[^']*+'")
_ATTRIBUTE_BREAK = re.compile(r"[\s/=]+")
_ABOUT = 'meta,link[rel],title,time[datetime],script[type="application/ld+json"]'
_TITLES = ("og:title", "twitter:title", "dc.title")
_DATES = ("article:published_time", "og:article:published_time", "datepublished", "dc.date.issued", "dc.date", "date")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:Z|[+-]\d{2}:?\d{2})?)?")
_MAX_LD_JSON = 1 << 18
_FRONT_MATTER = re.compile(r"\A(?:---[ \t]*\n.*?\n(?:---|\.\.\.)|\+\+\+[ \t]*\n.*?\n\+\+\+)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title\s*[:=]\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
_HEADING = re.compile(r"^(?:#{1,6}[ \t]+(.+?)[ \t]*#*|(\S.*)\n(?:={3,}|-{3,}))[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """What a record says, and what it says about itself."""

    text: str
    """Clean text; empty where the record has none."""
    title: str | None
    uri: str | None
    """The canonical URL that a page gives, else the record's."""
    date: str | None
    """Date of publication that a page gives (ISO 8601), else the record's."""
    encoding: str | None
    """The encoding that the payload was decoded from."""


def extract(record: Record, *, extractor: Extractor) -> Extracted:
    """The text of a record with status ok, repaired by `clean`.

    HTML gives its main content, or the whole page's text where no main content is found. Never raises for what a page
    holds.
    """
    if record.text is not None:
        return _extracted(record, record.text, encoding=record.charset, about=_About())
    text, encoding = decode(record.payload, declared=record.charset, media_type=record.media_type)
    match record.media_type:
        case "text/html" | "application/xhtml+xml":
            return _page(record, text, encoding=encoding, extractor=extractor)
        case "text/markdown":
            body, title = _markdown(text)
            return _extracted(record, body, encoding=encoding, about=_About(title=title))
        case _:
            return _extracted(record, text, encoding=encoding, about=_About())


@dataclass(frozen=True, kw_only=True, slots=True)
class _About:
    """What a page says about itself."""

    title: str | None = None
    uri: str | None = None
    date: str | None = None


def _extracted(record: Record, text: str, *, encoding: str | None, about: _About) -> Extracted:
    title = record.title or about.title
    return Extracted(
        text=clean(text),
        title=printable(clean(title)) if title else None,
        uri=about.uri or record.uri,
        date=about.date or record.date,
        encoding=encoding,
    )


def _page(record: Record, html: str, *, encoding: str, extractor: Extractor) -> Extracted:
    html = html.replace("\0", "")
    if has_huge_tag(html):
        text = _TAG.sub(" ", html).replace(">", " ")
        return _extracted(record, text, encoding=encoding, about=_About())
    tree = HTMLTree.parse(html)
    text = _main_text(tree, html, url=record.uri, extractor=extractor)
    return _extracted(record, text, encoding=encoding, about=_about(tree, base=record.uri))


def _main_text(tree: HTMLTree, html: str, *, url: str | None, extractor: Extractor) -> str:
    if len(html) <= _MAX_MAIN_CONTENT_CHARS and not is_deep(html):
        if extractor == "trafilatura" and (text := _by_trafilatura(html, url=url)):
            return text
        main = extract_plain_text(tree, main_content=True, alt_texts=False, comments=False, post_meta=False)
        if main.strip():
            return main
    return extract_plain_text(tree, main_content=False, alt_texts=False)


def _by_trafilatura(html: str, *, url: str | None) -> str | None:
    """Main text by trafilatura; None where it finds none, or fails."""
    import trafilatura  # noqa: PLC0415 - takes most of a second, and few recipes ask for it

    try:
        text = trafilatura.extract(html, url=url, include_comments=False, favor_precision=True)
    except Exception:  # whatever it cannot do, the other extractor can
        return None
    return text or None


def is_deep(html: str) -> bool:
    """Whether blocks are nested so deeply that no person wrote them so."""
    if html.count("<") <= _MAX_DEPTH:
        return False
    depth = 0
    for closing in _BLOCK.findall(html):
        if not closing:
            depth += 1
            if depth > _MAX_DEPTH:
                return True
        elif depth:
            depth -= 1
    return False


def has_huge_tag(html: str) -> bool:
    """Whether a tag has thousands of attributes: the parser compares each with all others."""
    if len(html) < _HUGE_TAG_CHARS:
        return False
    tags = (found[0] for found in _TAG.finditer(html) if found.end() - found.start() >= _HUGE_TAG_CHARS // 8)
    return any(len(_ATTRIBUTE_BREAK.findall(_QUOTED.sub("", tag))) > _MAX_ATTRIBUTES for tag in tags)


def _about(tree: HTMLTree, *, base: str | None) -> _About:
    """Title, canonical URL and date, by one walk over the elements that may hold them."""
    meta: dict[str, str] = {}
    document = tree.document
    if document is None:
        return _About()
    canonical = title = time = published = None
    for element in document.query_selector_all(_ABOUT).values():  # iteration itself takes quadratic time
        match element.tag:
            case "meta":
                name = element.getattr("property") or element.getattr("name") or element.getattr("itemprop")
                if name and (content := element.getattr("content")):
                    meta.setdefault(name.strip().lower(), content)
            case "link" if "canonical" in (element.getattr("rel") or "").lower().split():
                canonical = canonical or element.getattr("href")
            case "title":
                title = title or printable(element.text)
            case "time":
                time = time or _iso_date(element.getattr("datetime"))
            case "script":
                published = published or _date_published(element.text or "")
            case _:
                pass
    dates = (_iso_date(meta.get(name)) for name in _DATES)
    named = (printable(meta.get(name)) for name in _TITLES)
    return _About(
        title=next(filter(None, named), None) or title,
        uri=_absolute(canonical, base=base) or _absolute(meta.get("og:url"), base=base),
        date=next(filter(None, dates), None) or published or time,
    )


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


def _date_published(script: str) -> str | None:
    """datePublished of schema.org's JSON-LD, wherever in it."""
    if "datePublished" not in script or len(script) > _MAX_LD_JSON:
        return None
    try:
        pending: list[Any] = [json.loads(script, strict=False)]
    except (ValueError, RecursionError):
        return None
    while pending:
        match pending.pop():
            case dict() as value:
                if isinstance(found := value.get("datePublished"), str) and (date := _iso_date(found)):
                    return date
                pending.extend(reversed(value.values()))
            case list() as values:
                pending.extend(reversed(values))
            case _:
                pass
    return None


def _markdown(text: str) -> tuple[str, str | None]:
    """Markdown without its front matter, and its title."""
    text = text.replace("\r\n", "\n")
    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    if front and (named := _FRONT_TITLE.search(front[0])):
        return body, named[1]
    heading = _HEADING.search(body)
    return body, (heading[1] or heading[2]) if heading else None
