"""Reading evaluation sets: files of records to the texts of their items.

A file is JSON lines, one JSON document, Parquet, CSV or TSV, compressed or not. A field is a name, or a dotted path
through objects and lists: `data.paragraphs.qas.question` reaches every question of a set in SQuAD's layout. An *item*
is the innermost object that holds a text: a record, or an element nested in it. It is named by its own id, or that of
the record around it, and its place from there; in a set of several files the file's name stands before that.

Whatever would make a set find nothing is an error: no file, no record, a field that no record has, or one without text.
A damaged file is one too, since nobody can tell what is missing.
"""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.pipelines import files
from gristmill.pipelines.readers.records import Compression
from gristmill.pipelines.readers.streams import MAGIC, MEBIBYTE, open_plain
from gristmill.schemas import Recipe, RecipeError, nearest
from gristmill.schemas.recipe_measures import EvaluationSet

MAX_FILE_BYTES = 1 << 31
"""Plain bytes of a file of JSON, CSV or TSV, which is read whole."""

_SHOWN = 30
"""Names of fields that an error lists."""
_SEEN_RECORDS = 100
"""Records whose fields an error names."""
_READ_ROWS = 1024
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_SUFFIXES_OF_COMPRESSION = frozenset({".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd", ".lz4"})
_DEFAULT_ID = "id"


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemText:
    """A text of an item."""

    item: str
    field: str
    text: str


def check(recipe: Recipe, folder: str) -> None:
    """Read all evaluation sets of a recipe, which lies in `folder`, to the end.

    Raises:
        RecipeError: a set would find nothing, or cannot be read; the message names the field and the fix.
    """
    for given in recipe.contamination.sets:
        for _ in read(given, find_files(given, folder=folder)):
            pass


def find_files(given: EvaluationSet, *, folder: str) -> list[str]:
    """The files of a set, sorted, each once.

    Raises:
        RecipeError: a path matches nothing; the message names the nearest file there is.
    """
    found: set[str] = set()
    for pattern in given.paths:
        try:
            found.update(files.find(pattern, folder=folder))
        except ValueError as error:
            raise _wrong(given, f"paths: {error}") from error
    return sorted(found)


def read(given: EvaluationSet, locations: list[str]) -> Iterator[ItemText]:
    """Every text of every field of a set, in the order of the files and of their records.

    Raises:
        RecipeError: see the module. What is known only at the end (no text at all) is raised there.
    """
    seen = _Seen()
    for location, name in zip(locations, shown_names(locations), strict=True):
        records = 0
        try:
            for place, record in _records(location, given):
                records += 1
                seen.look(record)
                yield from _texts(record, given, file=name, place=place, seen=seen)
        except _ERRORS as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
            raise _wrong(given, f"paths: cannot read {location}: {reason}") from error
        if not records:
            raise _wrong(given, f"paths: {location} holds no records; take it out of the recipe, or mend it")
    for each in given.fields:
        if not seen.texts[each]:
            raise _wrong(given, seen.missing(each, files=locations))
    if given.id is not None and not seen.ids:
        raise _wrong(given, f"id: no record has a field {given.id!r}{nearest(given.id, seen.names)}")


_ERRORS = (OSError, EOFError, UnicodeError, ValueError, RecursionError, csv.Error, pa.ArrowException)


def _wrong(given: EvaluationSet, problem: str) -> RecipeError:
    return RecipeError(f"contamination.sets {given.name!r}: {problem}")


@dataclass(kw_only=True)
class _Seen:
    """What was met so far, for errors at the end."""

    texts: Counter[str] = field(default_factory=Counter)
    """Texts that are not blank, by field."""
    others: dict[str, str] = field(default_factory=dict)
    """What a field held that is no text, in words."""
    names: dict[str, None] = field(default_factory=dict)
    """Dotted names of the fields of the first records, in order."""
    ids: int = 0
    _records: int = 0

    def look(self, record: Any) -> None:
        if self._records < _SEEN_RECORDS:
            self._records += 1
            self.names.update(dict.fromkeys(_dotted(record, "")))

    def missing(self, name: str, *, files: list[str]) -> str:
        """Why a field gave no text."""
        where = files[0] if len(files) == 1 else f"{len(files)} files"
        if name in self.others:
            return f"fields: {name!r} holds {self.others[name]} in all records of {where}; name a field of text"
        there = ", ".join(list(self.names)[:_SHOWN]) or "no fields at all"
        return f"fields: no record of {where} has {name!r}; there are {there}{nearest(name, self.names)}"


def _dotted(value: Any, prefix: str, depth: int = 0) -> Iterator[str]:
    """Dotted names of what holds values in a record, the first element of lists standing for all."""
    if isinstance(value, list):
        value = value[0] if value else None
        if isinstance(value, dict | list):
            yield from _dotted(value, prefix, depth + 1)
            return
    if isinstance(value, dict) and depth < 20:
        for key, below in value.items():
            yield from _dotted(below, f"{prefix}.{key}" if prefix else str(key), depth + 1)
    elif prefix:
        yield prefix


def shown_names(locations: list[str]) -> list[str]:
    """What stands before the items of each file: nothing if there is one, else its name below their common folder."""
    if len(locations) == 1:
        return [""]
    parts = [each.split("/") for each in locations]
    common = 0
    while len({tuple(each[: common + 1]) for each in parts}) == 1 and all(common + 1 < len(each) for each in parts):
        common += 1
    shown = (os.fsencode("/".join(each[common:])).decode("utf-8", "backslashreplace") for each in parts)
    return [f"{each}:" for each in shown]


def _texts(record: Any, given: EvaluationSet, *, file: str, place: "_Place", seen: _Seen) -> Iterator[ItemText]:
    for name in given.fields:
        for item, value in _values(record, name.split("."), place, id_field=given.id or _DEFAULT_ID, seen=seen):
            if isinstance(value, str) and value.strip():
                seen.texts[name] += 1
                yield ItemText(item=_clean(file + (".".join(item) or "0")), field=name, text=_clean(value))
            else:
                seen.others[name] = _kind(value)


_Place = tuple[str, ...]


def _values(
    value: Any, path: list[str], place: _Place, *, id_field: str, seen: _Seen, item: _Place = ()
) -> Iterator[tuple[_Place, Any]]:
    """Every value at a path, with the name of the innermost object that holds it.

    Args:
        place: positions in lists since that object.
        item: the object's name.
    """
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _values(each, path, (*place, str(number)), id_field=id_field, seen=seen, item=item)
    elif not path:
        yield item, value
    elif isinstance(value, dict):
        own = value.get(id_field)
        named = isinstance(own, str | int) and not isinstance(own, bool) and str(own).strip() != ""
        seen.ids += named
        item = (str(own),) if named else item + place
        for length in range(len(path), 0, -1):  # a key may hold a dot itself
            key = ".".join(path[:length])
            if key in value:
                yield from _values(value[key], path[length:], (), id_field=id_field, seen=seen, item=item)
                return


def _clean(text: str) -> str:
    """Text that any table can hold: lone surrogates, which JSON can spell, have no UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _kind(value: Any) -> str:
    match value:
        case str():
            return "blank text"
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "numbers"
        case dict():
            return "objects"
    return f"values of type {type(value).__name__}"


def _records(location: str, given: EvaluationSet) -> Iterator[tuple[_Place, Any]]:
    """The records of a file with their places: numbers, and none for a single JSON object."""
    with files.open_seekable(location) as file:
        head = file.read(8)
        file.seek(0)
        if head.startswith(b"PAR1"):
            yield from _parquet(file, given)
            return
        plain = _plain(file, _compression(head))
    if plain.startswith(b"PAR1"):
        yield from _parquet(io.BytesIO(plain), given)
        return
    text = plain.decode("utf-8-sig")
    delimiter = _DELIMITERS.get(_suffix(location))
    if delimiter is not None:
        yield from _numbered(_delimited(text, delimiter, given))
    else:
        yield from _json(text)


def _compression(head: bytes) -> Compression:
    return next((name for name, magic in MAGIC.items() if head.startswith(magic)), "none")


def _plain(file: BinaryIO, compression: Compression) -> bytes:
    """All of a file, decompressed; damage is an error here."""
    stream, damage = open_plain(file, compression)
    pieces, size = [], 0
    while piece := stream.read(MEBIBYTE):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_FILE_BYTES:
            raise ValueError(f"more than {MAX_FILE_BYTES:,} bytes; split it into several files")
    if found := damage():
        raise ValueError(": ".join(found))
    return b"".join(pieces)


def _suffix(location: str) -> str:
    path = PurePosixPath(location.lower())
    return path.with_suffix("").suffix if path.suffix in _SUFFIXES_OF_COMPRESSION else path.suffix


def _numbered(records: Iterable[Any]) -> Iterator[tuple[_Place, Any]]:
    return (((str(number),), each) for number, each in enumerate(records))


def _json(text: str) -> Iterator[tuple[_Place, Any]]:
    """Records of JSON lines, elements of a JSON array, or a single object."""
    text = text.strip()
    if not text:
        return
    if text[0] not in "{[":
        raise ValueError("neither JSON lines, JSON, Parquet, CSV nor TSV; CSV and TSV are told by the file's name")
    first, several, _ = text.partition("\n")
    if several and text[0] == "{" and _is_json(first):
        yield from _numbered(_json_lines(text))
        return
    value = json.loads(text)
    yield from _numbered(value) if isinstance(value, list) else [((), value)]


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _json_lines(text: str) -> Iterator[Any]:
    for number, line in enumerate(io.StringIO(text, newline="\n"), start=1):
        if not line.isspace():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number:,} is not JSON: {error}") from error


def _delimited(text: str, delimiter: str, given: EvaluationSet) -> Iterator[dict[str, str]]:
    """Rows by the names in the header; by number, where the fields are numbers and the first row has no such names."""
    csv.field_size_limit(MAX_FILE_BYTES - 1)  # of the whole process, but every reader sets it before it reads
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = next(rows, None)
    if header is None:
        return
    width = len(header)
    if all(each.isdecimal() for each in given.fields) and not set(given.fields) <= set(header):
        first, header = header, [str(number + 1) for number in range(width)]
        yield dict(zip(header, first, strict=True))
    for row in rows:
        if row and len(row) != width:
            raise ValueError(f"line {rows.line_num:,} has {len(row)} fields where the first row has {width}")
        if row:
            yield dict(zip(header, row, strict=True))


def _parquet(file: BinaryIO, given: EvaluationSet) -> Iterator[tuple[_Place, Any]]:
    """Rows, with the columns alone in which a field may lie; the first has the names of all."""
    with pq.ParquetFile(file) as table:
        names = table.schema_arrow.names
        wanted = [*given.fields, given.id or _DEFAULT_ID]
        columns = [name for name in names if any(each == name or each.startswith(f"{name}.") for each in wanted)]
        batches = table.iter_batches(_READ_ROWS, columns=columns or names[:1])
        rows = (row for batch in batches for row in batch.to_pylist())
        for place, row in _numbered(rows):
            yield place, {**dict.fromkeys(names), **row} if place == ("0",) else row
