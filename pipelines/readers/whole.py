"""Files that are one record each: HTML, plain text, Markdown, PDF."""

from collections.abc import Iterator

from gristmill.pipelines import files
from gristmill.pipelines.readers import pdf
from gristmill.pipelines.readers.records import Record, Split
from gristmill.pipelines.readers.streams import open_plain

_MEDIA_TYPES = {"html": "text/html", "text": "text/plain", "markdown": "text/markdown", "pdf": "application/pdf"}


def read(split: Split, *, max_record_bytes: int) -> Iterator[Record]:
    """The file as one record; a damaged compressed file gives what can be read, and an unreadable record at its end."""
    with files.open_seekable(split.location) as file:
        stream, damage = open_plain(file, split.compression)
        payload = stream.read(max_record_bytes + 1)
        found = damage()
    if len(payload) > max_record_bytes:
        yield Record.too_large(limit=max_record_bytes, offset=0, n_bytes=split.size)
        return
    if payload or found is None:
        yield _record(payload, media_type=_MEDIA_TYPES[split.format], limit=max_record_bytes)
    if found is not None:
        rule, detail = found
        # A byte further on: two records of a file never share an offset.
        yield Record.unreadable(rule=rule, detail=detail, offset=max(1, len(payload)), n_bytes=0)


def _record(payload: bytes, *, media_type: str, limit: int) -> Record:
    record = Record(offset=0, media_type=media_type, payload=payload, n_bytes=len(payload))
    return pdf.with_text(record, limit=limit) if media_type == "application/pdf" else record
