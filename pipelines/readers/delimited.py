"""CSV and TSV with a header row: one record a row."""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.pipelines import cleaning, files
from gristmill.pipelines.readers.records import InputError, Record, Split, described, printable
from gristmill.pipelines.readers.streams import MEBIBYTE, Forward, open_plain
from gristmill.schemas import nearest
from gristmill.schemas.recipe import Columns

_BOM = "\ufeff"


class _TooLargeError(Exception):
    """A row, or what an open quote makes of the rest of the file, is larger than allowed."""


class _Lines:
    """Lines of decoded text for the csv module, which measures no row before it holds it: so we do."""

    def __init__(self, stream: Forward, *, encoding: str, limit: int) -> None:
        self._lines = _split(_decoded(stream, encoding), limit=limit)
        self._limit = limit
        self.n_chars = 0
        """Characters given since this was last set to 0."""

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.n_chars += len(line) if line is not None else 0
        if line is None or self.n_chars > 2 * self._limit:
            raise _TooLargeError
        return line


def _split(pieces: Iterator[str], *, limit: int) -> Iterator[str | None]:
    """Lines with their ends; None in place of a line longer than `limit`."""
    rest, cut = "", False
    for piece in pieces:
        *lines, last = piece.split("\n")
        for line in lines:
            yield None if cut or len(rest) + len(line) > limit else f"{rest}{line}\n"
            rest, cut = "", False
        cut = cut or len(rest) + len(last) > limit
        rest = "" if cut else rest + last
    if cut or rest:
        yield None if cut else rest


def read(split: Split, *, columns: Columns, max_record_bytes: int) -> Iterator[Record]:
    """One record a row after the header. `offset` is the row's number, the header not counted.

    Raises:
        InputError: the header has no text column.
    """
    csv.field_size_limit(max_record_bytes)  # of the whole process, but we set it before each file
    with files.open_seekable(split.location) as file:
        stream, damage = open_plain(file, split.compression)
        lines = _Lines(stream, encoding=_encoding(stream.peek(MEBIBYTE)), limit=max_record_bytes)
        row = 0
        header: _Header | None = None
        for fields, problem in _rows(lines, delimiter="\t" if split.format == "tsv" else ","):
            if header is None:
                if problem is None:
                    header = _Header(places=_places(fields, columns, path=split.path), width=len(fields))
                    continue
                header = _Header(places={}, width=0)
            record = Record.unreadable(rule="csv.invalid", detail=problem, offset=row, n_bytes=0) if problem else None
            if problem == "too_large":
                record = Record.too_large(limit=max_record_bytes, offset=row, n_bytes=0)
            yield record or _record(fields, header=header, row=row, limit=max_record_bytes)
            row += 1
        if found := damage():
            rule, detail = found
            yield Record.unreadable(rule=rule, detail=detail, offset=row, n_bytes=0)


def _rows(lines: _Lines, *, delimiter: str) -> Iterator[tuple[list[str], str | None]]:
    """Each row, or what is wrong with it."""
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.n_chars = 0
        try:
            fields = next(reader)
        except StopIteration:
            return
        except _TooLargeError:
            yield [], "too_large"
            reader = csv.reader(lines, delimiter=delimiter)
        except csv.Error as error:
            yield [], "too_large" if "field limit" in str(error) or "field larger" in str(error) else str(error)
        else:
            if fields:
                yield fields, None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Header:
    """Which field holds which part of a record; no places where the header cannot be read."""

    places: dict[str, int]
    width: int


def _record(fields: list[str], *, header: _Header, row: int, limit: int) -> Record:
    n_bytes = sum(len(each) for each in fields)
    places = header.places
    if not places:
        return Record.unreadable(rule="csv.no_header", detail="the header cannot be read", offset=row, n_bytes=n_bytes)
    if len(fields) != header.width:
        detail = f"{len(fields)} fields where the header has {header.width}"
        return Record.unreadable(rule="csv.ragged", detail=detail, offset=row, n_bytes=n_bytes)
    text = fields[places["text"]]
    payload = text.encode("utf-8", "surrogatepass")
    if len(payload) > limit:
        return Record.too_large(limit=limit, offset=row, n_bytes=len(payload))
    known = described({part: fields[place] for part, place in places.items()})
    return Record(offset=row, media_type="text/plain", payload=payload, text=text, n_bytes=len(payload), **known)


def _places(header: list[str], columns: Columns, *, path: str) -> dict[str, int]:
    """Which field holds which part of a record."""
    header = [name.strip().removeprefix(_BOM) for name in header]
    places = {}
    for part, name, asked in columns.parts():
        if name in header:
            places[part] = header.index(name)
        elif asked:
            shown = ", ".join(map(printable_name, header[:50]))
            raise InputError(f"{path}: no column {name!r}; there are {shown}{nearest(name, header)}")
    return places


def printable_name(name: str) -> str:
    """A column's name for a message."""
    return printable(name[:60]) or "''"


def _encoding(head: bytes) -> str:
    """The encoding of a whole file by its first MiB, which may end within a character."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    _, encoding = cleaning.decode(head[: head.rfind(b"\n") + 1] or head, declared=None, media_type="text/plain")
    return encoding


def _decoded(stream: Forward, encoding: str) -> Iterator[str]:
    decode = codecs.getincrementaldecoder(encoding)("replace").decode
    while data := stream.read(MEBIBYTE):
        yield decode(data)
    yield decode(b"", True)
