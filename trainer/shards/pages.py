"""Lists of numbers straight from the pages of a Parquet file.

Parquet stores a list's values with two levels of nesting each, which a general reader goes through one by one: half of
its time. Where nothing is null or empty and values are plain, as in our shards, they stand behind the levels one after
another; and where lists have one length, the levels say nothing. What looks any different is left to pyarrow, which
also tells what is damaged.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

_CODECS = {"ZSTD": "zstd", "SNAPPY": "snappy", "GZIP": "gzip"}
_DATA_PAGE, _PLAIN = 0, 0
_TRUE, _FALSE, _I16, _I32, _I64, _BINARY, _STRUCT = 1, 2, 4, 5, 6, 8, 12
_NO_PAGE = (ArithmeticError, LookupError, OSError, RecursionError, TypeError, ValueError, pa.ArrowException)


def is_plain(parquet: pq.ParquetFile, column: int) -> bool:
    """Whether a column holds lists of 32-bit numbers of which neither they nor what is in them is ever null."""
    about = parquet.schema.column(column)
    return bool(about.physical_type == "INT32" and about.max_definition_level == about.max_repetition_level == 1)


def fixed_lists(
    file: pa.NativeFile, chunk: pq.ColumnChunkMetaData, *, rows: int, length: int, kind: npt.DTypeLike
) -> npt.NDArray[Any] | None:
    """(rows, length) numbers of a column chunk, their pages' checksums compared; None where pyarrow has to look at it.

    Time: 3 to 4 ns a number, most of it decompression.
    """
    found = np.empty(rows * length, kind)
    filled = 0
    try:
        for page in _pages(file, chunk):
            found[filled : filled + page.count] = page.values()
            filled += page.count
    except _NO_PAGE:
        return None
    return found.reshape(rows, length) if filled == len(found) else None


def lists(
    file: pa.NativeFile, chunk: pq.ColumnChunkMetaData, *, rows: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]] | None:
    """Numbers of a column chunk, and where each list of them begins, with the end of the last; None as above."""
    try:
        pages = [(page.values(), page.continues()) for page in _pages(file, chunk)]
        values = np.concatenate([each for each, _ in pages])
        first = np.flatnonzero(np.concatenate([each for _, each in pages]) == 0)
    except _NO_PAGE:
        return None
    whole = len(first) == rows and len(values) == chunk.num_values
    return (values, np.append(first, len(values))) if whole else None


@dataclass(frozen=True, kw_only=True)
class _Page:
    """A data page (version 1): repetition levels, definition levels, values; levels behind their size in bytes."""

    data: pa.Buffer
    count: int

    def values(self) -> npt.NDArray[np.int32]:
        start = 0
        for _ in range(2):
            start += 4 + self._size_at(start)
        return np.frombuffer(self.data, "<i4", self.count, start)

    def continues(self) -> npt.NDArray[np.uint8]:
        """For each value whether it belongs to the list of the one before: runs, or groups of eight bits."""
        levels = memoryview(self.data).cast("B")[4 : 4 + self._size_at(0)]
        found = np.empty(self.count, np.uint8)
        at = filled = 0
        while filled < self.count:
            head, at = _varint(levels, at)
            if head & 1:
                bits = np.unpackbits(np.frombuffer(levels, np.uint8, head >> 1, at), bitorder="little")
                at += head >> 1
                found[filled : filled + len(bits)] = bits[: self.count - filled]
                filled += len(bits)
            else:
                found[filled : filled + (head >> 1)] = levels[at]
                at += 1
                filled += head >> 1
        return found

    def _size_at(self, start: int) -> int:
        return int(np.frombuffer(self.data, "<u4", 1, start)[0])


def _pages(file: pa.NativeFile, chunk: pq.ColumnChunkMetaData) -> Iterator[_Page]:
    """The pages of a column chunk. Raises one of `_NO_PAGE` where they are not of the kind above, or damaged."""
    if chunk.has_dictionary_page:
        raise ValueError("the values are those of a dictionary")
    codec = pa.Codec(_CODECS[chunk.compression])
    data = memoryview(file.read_at(chunk.total_compressed_size, chunk.data_page_offset))
    at = 0
    while at < len(data):
        header, start = _struct(data, at)
        about, at = header[5], start + header[3]
        if header[1] != _DATA_PAGE or about[2] != _PLAIN:
            raise ValueError("not a plain data page")
        body = data[start:at]
        if zlib.crc32(body) != header[4] & 0xFFFFFFFF:
            raise ValueError("not what was written")
        yield _Page(data=codec.decompress(body, header[2]), count=about[1])


def _struct(data: memoryview, at: int) -> tuple[dict[int, Any], int]:
    """A struct in Thrift's compact protocol, by numbers of its fields; and where it ends.

    A page begins with the struct PageHeader of parquet.thrift: 1 is its type, 2 and 3 its size before and after
    compression, 4 its checksum, 5 a DataPageHeader, of which 1 is the number of values and 2 their encoding.
    """
    found: dict[int, Any] = {}
    field = 0
    while head := data[at]:
        at += 1
        if not head >> 4:
            raise ValueError("a field's number stands by itself, which page headers do not need")
        field += head >> 4
        kind = head & 15
        if kind in (_TRUE, _FALSE):
            found[field] = kind == _TRUE
        elif kind in (_I16, _I32, _I64):
            number, at = _varint(data, at)
            found[field] = number >> 1 ^ -(number & 1)
        elif kind == _BINARY:
            size, at = _varint(data, at)
            at += size
        elif kind == _STRUCT:
            found[field], at = _struct(data, at)
        else:
            raise ValueError(f"a field of type {kind}, which page headers do not have")
    return found, at + 1


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if shift > 63:
            raise ValueError("no number of 64 bits")
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
