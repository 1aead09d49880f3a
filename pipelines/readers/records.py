"""What every reader yields, and what it reads: records and splits."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, Self

Status = Literal["ok", "skipped", "unreadable"]
Compression = Literal["none", "gzip", "bzip2", "xz", "zstd", "lz4"]
FileFormat = Literal["warc", "html", "jsonl", "parquet", "csv", "tsv", "text", "markdown", "pdf", "unknown"]


class InputError(ValueError):
    """The recipe and its input do not fit together; the message says what to change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One record of an input file, whatever became of it.

    `payload` holds its bytes as far as they are content, after transfer and content decoding; `text` is set where the
    file itself holds decoded text (JSONL, Parquet, CSV) or the reader had to decode it (PDF).
    """

    offset: int
    """Place in the file: bytes up to the (compressed) record, or row number. Unique within the file."""
    uri: str | None = None
    media_type: str | None = None
    payload: bytes = b""
    text: str | None = None
    charset: str | None = None
    """The character encoding that the record declares, which may be wrong."""
    title: str | None = None
    date: str | None = None
    captured: str | None = None
    """When an archive captured it (ISO 8601, UTC), such as 2024-05-06T04:00:05+00:00. As text these sort as in time."""
    headers: tuple[tuple[str, str], ...] | None = None
    """Fields of the response's header that speak of reservations or a licence, in order, names in lower case; None
    where the record has no such header."""
    n_bytes: int
    """Size of the record's block as found, before any content decoding."""
    status: Status = "ok"
    rule: str | None = None
    detail: str | None = None

    @classmethod
    def skipped(cls, *, rule: str, offset: int, n_bytes: int, **known: Any) -> Self:
        """A record that is no document by nature."""
        return cls(status="skipped", rule=rule, offset=offset, n_bytes=n_bytes, **known)

    @classmethod
    def unreadable(cls, *, rule: str, detail: str, offset: int, n_bytes: int, **known: Any) -> Self:
        """A record that is damaged, or larger than allowed."""
        return cls(status="unreadable", rule=rule, detail=detail[:500], offset=offset, n_bytes=n_bytes, **known)

    @classmethod
    def too_large(cls, *, limit: int, offset: int, n_bytes: int, **known: Any) -> Self:
        """A record that is larger than allowed."""
        detail = f"more than {limit:,} bytes"
        return cls.unreadable(rule="too_large", detail=detail, offset=offset, n_bytes=n_bytes, **known)


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """A part of a file that one worker reads: the records that begin at or after `start` and before `end`.

    `start` and `end` are bytes of the file as stored, for Parquet row groups; `end` None is the end of the file.
    """

    path: str
    """As tables show it: relative to the recipe."""
    location: str
    """What to open."""
    format: FileFormat
    compression: Compression
    start: int
    end: int | None
    size: int
    """Bytes to read, about; for balance."""
    framed: bool = False
    """Whether each compressed member holds one record, so that reading can begin at any of them (WARC)."""

    def to_json(self) -> dict[str, Any]:
        """The split as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """The split that `to_json` wrote."""
        return cls(**value)


def printable(value: object) -> str | None:
    """A short field (URL, title, date) as a string that any table can hold, or None where it is no string."""
    if not isinstance(value, str):
        return None
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode("utf-8")  # lone surrogates have no UTF-8
    return " ".join(value.replace("\0", " ").split())[:4096] or None


def described(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of a table says beside its text, as fields of a record.

    Args:
        row: its values by the names of `Columns.parts`.
    """
    when: Any = row.get("date")
    return {
        "uri": printable(row.get("url")),
        "title": printable(row.get("title")),
        "date": str(when.isoformat()) if hasattr(when, "isoformat") else printable(when),
        "captured": capture_date(row.get("captured")),
    }


# ISO 8601 in the W3C profile, of any of its precisions (WARC 1.1, 5.4), and with a space for the T.
_DATE = re.compile(
    r"(\d{4}(?:-\d\d){0,2})|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII
)


def capture_date(value: object) -> str | None:
    """The date of a capture so that text sorts as time does; None where it is none, for any nonsense would be newest.

    A moment is in UTC, and said to be if it names no zone, and is written +00:00: a Z would sort behind the fraction of
    a second that another date has in its place.
    """
    text = str(value.isoformat()) if isinstance(value, date) else value
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    day = found[1]
    try:
        moment = datetime.fromisoformat(day + "-01-01"[len(day) - 4 :] if day else found[0])
        return day or (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return None
