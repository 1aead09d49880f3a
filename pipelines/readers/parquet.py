"""Parquet: one record a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.pipelines import files
from gristmill.pipelines.readers.records import InputError, Record, Split, described
from gristmill.pipelines.readers.streams import MEBIBYTE, open_plain
from gristmill.schemas import nearest
from gristmill.schemas.recipe import Columns

_BATCH_ROWS = 512  # web documents are some KiB each: a few MiB at a time
_ERRORS = (pa.ArrowException, OSError, MemoryError, OverflowError)


def read(split: Split, *, columns: Columns, max_record_bytes: int) -> Iterator[Record]:
    """One record a row. `offset` is the row's number in the file.

    Raises:
        InputError: the file has no such text column, or it holds no text.
    """
    with _opened(split) as file:
        try:
            table = pq.ParquetFile(file, page_checksum_verification=False)
            starts = _row_group_starts(table.metadata)
        except _ERRORS as error:
            if split.start == 0:  # one row for the file, whatever number of splits an earlier plan made of it
                yield _damaged(error, offset=0, n_bytes=split.size)
            return
        names = _columns(table.schema_arrow, columns, path=split.path)
        end = len(starts) - 1 if split.end is None else min(split.end, len(starts) - 1)
        for group in range(split.start, end):
            yield from _read_group(table, group, names=names, first=starts[group], limit=max_record_bytes)


@contextmanager
def _opened(split: Split) -> Iterator[BinaryIO]:
    """The file; a compressed one is unpacked to a temporary file first, since Parquet is read from its end."""
    with files.open_seekable(split.location) as file:
        if split.compression == "none":
            yield file
            return
        stream, _ = open_plain(file, split.compression)
        with SpooledTemporaryFile(max_size=64 * MEBIBYTE) as plain:
            while piece := stream.read(MEBIBYTE):
                plain.write(piece)
            plain.seek(0)
            yield cast(BinaryIO, plain)


def row_groups(location: str) -> list[int] | None:
    """Bytes of each row group as stored; None where the file is damaged."""
    with files.open_seekable(location) as file:
        try:
            about = pq.ParquetFile(file).metadata
            groups = [about.row_group(index) for index in range(about.num_row_groups)]
            return [
                sum(max(0, each.column(i).total_compressed_size) for i in range(each.num_columns)) for each in groups
            ]
        except _ERRORS:
            return None


def _row_group_starts(about: Any) -> list[int]:
    starts = [0]
    for index in range(about.num_row_groups):
        starts.append(starts[-1] + about.row_group(index).num_rows)
    return starts


def _columns(schema: pa.Schema, columns: Columns, *, path: str) -> dict[str, str]:
    """Which column holds which part of a record."""
    kind = _type_of(schema, columns.text)
    if kind is None:
        raise _no_column(columns.text, schema, path=path)
    if not _is_text(kind):
        raise InputError(f"{path}: column {columns.text!r} holds {kind}, not text")
    found = {}
    for part, name, asked in columns.parts():
        if _type_of(schema, name) is not None:
            found[part] = name
        elif asked:
            raise _no_column(name, schema, path=path)
    return found


def _no_column(name: str, schema: pa.Schema, *, path: str) -> InputError:
    there = ", ".join(schema.names)
    return InputError(f"{path}: no column {name!r}; there are {there}{nearest(name, schema.names)}")


def _type_of(schema: pa.Schema, name: str) -> pa.DataType | None:
    if name in schema.names:
        return schema.field(name).type
    kind: Any = None
    fields: Any = schema
    for part in name.split("."):
        index = fields.get_field_index(part)
        if index < 0:
            return None
        kind = fields.field(index).type
        if not pa.types.is_struct(kind):
            return kind if name.endswith(part) else None
        fields = kind
    return kind


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    views = (pa.types.is_string_view, pa.types.is_binary_view)
    return any(test(kind) for test in (*tests, *views))


def _read_group(table: Any, group: int, *, names: dict[str, str], first: int, limit: int) -> Iterator[Record]:
    row = first
    try:
        for batch in table.iter_batches(
            _BATCH_ROWS, row_groups=[group], columns=list(names.values()), use_threads=False
        ):
            values = {part: _values(batch, name, as_bytes=part == "text") for part, name in names.items()}
            for index, content in enumerate(values["text"]):
                known = described({part: column[index] for part, column in values.items()})
                yield _record(content, row=row, limit=limit, known=known)
                row += 1
    except (*_ERRORS, UnicodeDecodeError) as error:
        yield _damaged(error, offset=row, n_bytes=0)


def _values(batch: pa.RecordBatch, name: str, *, as_bytes: bool) -> list[Any]:
    if name in batch.schema.names:
        column = batch.column(name)
    else:
        top, *below = name.split(".")
        column = pc.struct_field(batch.column(top), below)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if as_bytes:  # a string column need not hold UTF-8: we look for ourselves
        column = column.cast(pa.large_binary())
    values: list[Any] = column.to_pylist()
    return values


def _record(content: bytes | None, *, row: int, limit: int, known: dict[str, Any]) -> Record:
    if content is None:
        return Record.unreadable(rule="parquet.no_text", detail="null", offset=row, n_bytes=0, **known)
    if len(content) > limit:
        return Record.too_large(limit=limit, offset=row, n_bytes=len(content), **known)
    try:
        text, charset = content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        text, charset = None, None  # left to the detection of encodings
    return Record(
        offset=row,
        media_type="text/plain",
        payload=content,
        text=text,
        charset=charset,
        n_bytes=len(content),
        **known,
    )


def _damaged(error: BaseException, *, offset: int, n_bytes: int) -> Record:
    return Record.unreadable(
        rule="parquet.damaged", detail=str(error) or type(error).__name__, offset=offset, n_bytes=n_bytes
    )
