"""One WARC or ARC record, from its bytes: the header fields, and what of the block is a document."""

import re
from dataclasses import dataclass
from typing import Any

from gristmill.pipelines.readers import http, pdf
from gristmill.pipelines.readers.detect import ARC_LINE, looks_like_html
from gristmill.pipelines.readers.records import Record, capture_date, printable

MAX_HEADER = 1 << 16

_VERSION = re.compile(rb"WARC/\d\.\d{1,2}[ \t]*\r?\n")
# A header without an end would run on into the next record.
_SECOND_HEADER = re.compile(rb"WARC/\d\.\d{1,2}[ \t]*\r?\n[A-Za-z-]{1,60}:")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_SKIPPED_TYPES = frozenset({"request", "metadata", "warcinfo", "revisit", "continuation"})
_DOCUMENT_TYPES = frozenset(
    {"text/html", "application/xhtml+xml", "text/plain", "text/markdown", "text/x-markdown", "application/pdf"}
)
SITE_FILES = {"robots.txt": "warc.robots", ".well-known/tdmrep.json": "warc.tdmrep"}
"""Files that speak for a whole site, by path, and the rules under which their records are skipped."""
_SITE_FILE = re.compile(r"https?://[^/?#]+/(robots\.txt|\.well-known/tdmrep\.json)", re.IGNORECASE)
_NO_TYPES = frozenset({None, "", "unk", "unknown", "no-type", "application/octet-stream", "application/unknown", "*/*"})
_ALIASES = {
    "application/xhtml": "application/xhtml+xml",
    "application/x-pdf": "application/pdf",
    "text/x-markdown": "text/markdown",
    "text/pdf": "application/pdf",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The header of an archive record."""

    kind: str
    """WARC-Type in lower case; for ARC, response, resource or warcinfo."""
    fields: dict[str, str]
    """Names in lower case."""
    length: int | None
    """Bytes of the block, as declared."""
    size: int
    """Bytes of the header itself: the block begins behind it."""

    @property
    def uri(self) -> str | None:
        """What was captured."""
        return printable(self.fields.get("warc-target-uri", "").strip().removeprefix("<").removesuffix(">"))

    @property
    def known(self) -> dict[str, Any]:
        """What the header says of a record, whatever becomes of it."""
        date = printable(self.fields.get("warc-date"))
        return {"uri": self.uri, "date": date, "captured": capture_date(date)}


def header(data: bytes) -> Header | None:
    """The header at the beginning of some bytes; None where none begins there, or where it does not end."""
    if _VERSION.match(data):
        return _warc_header(data)
    found = ARC_LINE.match(data)
    return _arc_header(found) if found else None


def _warc_header(data: bytes) -> Header | None:
    end = _HEAD_END.search(data, 0, MAX_HEADER)
    if end is None or _SECOND_HEADER.search(data, 1, end.start()):
        return None
    fields = http.fields(data[: end.start()].partition(b"\n")[2])
    length = fields.get("content-length", "")
    return Header(
        kind=fields.get("warc-type", "").lower() or "unknown",
        fields=fields,
        length=int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None,
        size=end.end(),
    )


def _arc_header(found: re.Match[bytes]) -> Header:
    line = found[0].decode("utf-8", "replace").rstrip()
    length = int(found[1])
    before = re.fullmatch(r"(\S+:.*?) ([0-9A-Fa-f.:]{3,45}) (\d{8,14}) (.*?) ?\d+", line)
    uri, date, rest = (before[1], before[3], before[4]) if before else (line, "", "")
    fields = {"warc-target-uri": uri.replace(" ", "%20"), "warc-date": _arc_date(date)}
    if media_type := rest.partition(" ")[0]:
        fields["content-type"] = media_type
    scheme = uri.partition(":")[0].lower()
    kind = {"filedesc": "warcinfo", "http": "response", "https": "response"}.get(scheme, "resource")
    return Header(kind=kind, fields=fields, length=length, size=found.end())


def _arc_date(digits: str) -> str:
    if len(digits) == 14:
        d = digits
        return f"{d[:4]}-{d[4:6]}-{d[6:8]}T{d[8:10]}:{d[10:12]}:{d[12:]}Z"
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}" if len(digits) == 8 else digits


def record(head: Header, block: bytes, *, offset: int, limit: int) -> Record:
    """The record of a whole block."""
    known = {"offset": offset, "n_bytes": len(block), **head.known}
    if head.kind in _SKIPPED_TYPES:
        return Record.skipped(rule=f"warc.{head.kind}", **known)
    if (head.uri or "").lower().startswith("dns:") or head.fields.get("content-type", "").startswith("text/dns"):
        return Record.skipped(rule="warc.dns", **known)
    try:
        return _document(head, block, known=known, limit=limit)
    except http.TooLargeError:
        return Record.too_large(limit=limit, **known)


def _document(head: Header, block: bytes, *, known: dict[str, Any], limit: int) -> Record:
    content_type, charset = http.media_type(head.fields.get("content-type"))
    payload, notes = block, [_truncation(head)]
    if head.kind == "response" and (response := http.parse(block)):
        if response.status is not None and not 200 <= response.status <= 299:
            return Record.skipped(rule="http.status", detail=str(response.status), **known)
        payload, note = http.body(block, response, limit=limit)
        notes.append(note)
        content_type, charset = http.media_type(response.headers.get("content-type"))
        known["headers"] = response.speaking
    elif content_type in ("application/http", "message/http"):
        return Record.unreadable(rule="http.damaged", detail="no HTTP status line", **known)
    elif head.kind == "conversion" and content_type is None:
        content_type = "text/plain"
    media_type = _media_type(content_type, payload, identified=head.fields.get("warc-identified-payload-type"))
    if rule := _site_file(head, payload, media_type=media_type):
        return Record.skipped(rule=rule, media_type=media_type, payload=payload, **known)
    if media_type not in _DOCUMENT_TYPES:
        return Record.skipped(rule="media_type", detail=printable(media_type) or "none", **known)
    document = Record(
        media_type=media_type,
        payload=payload,
        charset=charset or ("utf-8" if head.kind == "conversion" else None),
        detail="; ".join(note for note in notes if note) or None,
        **known,
    )
    return pdf.with_text(document, limit=limit) if media_type == "application/pdf" else document


def _site_file(head: Header, payload: bytes, *, media_type: str | None) -> str | None:
    """The rule for files that say what robots may do on a whole site; a page in place of one is a page."""
    found = _SITE_FILE.fullmatch(head.uri or "")
    if found is None or head.kind not in ("response", "resource") or media_type == "application/pdf":
        return None
    # Servers send robots.txt as text/html now and then, and pages in place of it as text/plain.
    is_page = looks_like_html(payload[:4096]) or payload[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return None if is_page else SITE_FILES[found[1].lower()]


def _truncation(head: Header) -> str | None:
    reason = head.fields.get("warc-truncated")
    return f"truncated when captured: {printable(reason) or 'unspecified'}" if reason is not None else None


def _media_type(declared: str | None, payload: bytes, *, identified: str | None) -> str | None:
    """The declared media type, unless there is none to speak of: then what the archive or the bytes say."""
    if declared in _NO_TYPES:
        declared = http.media_type(identified)[0] or declared
    if declared in _NO_TYPES:
        if payload[:1024].lstrip().startswith(b"%PDF-"):
            return "application/pdf"
        return "text/html" if looks_like_html(payload[:4096]) else declared
    assert declared is not None
    return _ALIASES.get(declared, declared)
