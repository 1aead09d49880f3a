"""Records to documents: the main text of a page, and what it says about itself."""

import re
from dataclasses import dataclass
from typing import Literal

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from gristmill.filters.web import licences, opt_outs
from gristmill.pipelines.about import About, about
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
    opt_outs: list[str] | None
    """Reservations by page and header, as `filters.opt_outs` writes them; None where the record cannot carry any."""
    licence: str | None
    """The licence that page or header state."""


def extract(record: Record, *, extractor: Extractor) -> Extracted:
    """The text of a record with status ok, repaired by `clean`.

    HTML gives its main content, or the whole page's text where no main content is found. Never raises for what a page
    holds.
    """
    if record.text is not None:
        return _extracted(record, record.text, encoding=record.charset, about=About())
    text, encoding = decode(record.payload, declared=record.charset, media_type=record.media_type)
    match record.media_type:
        case "text/html" | "application/xhtml+xml":
            return _page(record, text, encoding=encoding, extractor=extractor)
        case "text/markdown":
            body, title = _markdown(text)
            return _extracted(record, body, encoding=encoding, about=About(title=title))
        case _:
            return _extracted(record, text, encoding=encoding, about=About())


def _extracted(record: Record, text: str, *, encoding: str | None, about: About) -> Extracted:
    title = record.title or about.title
    may_reserve = record.headers is not None or about.opt_outs is not None
    by_header = [tag for name, value in record.headers or () for tag in opt_outs.of_header(name, value)]
    return Extracted(
        text=clean(text),
        title=printable(clean(title)) if title else None,
        uri=about.uri or record.uri,
        date=about.date or record.date,
        encoding=encoding,
        opt_outs=opt_outs.merged([*(about.opt_outs or ()), *by_header]) if may_reserve else None,
        licence=licences.of_page(_stated(record, about)),
    )


def _stated(record: Record, about: About) -> licences.Stated:
    by_header = [
        url for name, value in record.headers or () if name == "link" for url in licences.of_link_header(value)
    ]
    return about.licences._replace(declared=[*by_header, *about.licences.declared])


def _page(record: Record, html: str, *, encoding: str, extractor: Extractor) -> Extracted:
    html = html.replace("\0", "")
    if has_huge_tag(html):
        text = _TAG.sub(" ", html).replace(">", " ")
        return _extracted(record, text, encoding=encoding, about=About())
    tree = HTMLTree.parse(html)
    text = _main_text(tree, html, url=record.uri, extractor=extractor)
    return _extracted(record, text, encoding=encoding, about=about(tree, base=record.uri))


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


def _markdown(text: str) -> tuple[str, str | None]:
    """Markdown without its front matter, and its title."""
    text = text.replace("\r\n", "\n")
    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    if front and (named := _FRONT_TITLE.search(front[0])):
        return body, named[1]
    heading = _HEADING.search(body)
    return body, (heading[1] or heading[2]) if heading else None
