"""Exchange: rows that some units write sorted by a key, and others read by ranges of it. A shuffle, in files.

The first column of such a table is its key, of 64 bits. A file has one row group for each range that it has rows of, so
that a reader of a range reads no other rows: all readers together read each file once. What a reader holds is bounded
by the number of ranges, which is chosen from the number of rows before any of them is written.

Cost: n writers and m readers open n * m files; a unit is therefore a group of parts, and a range a million rows.
"""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.pipelines import files, tables
from gristmill.pipelines.checkpoints import Output, Store
from gristmill.schemas import Table

Bounds = npt.NDArray[np.uint64]
"""The first key of each range; the first range begins at 0, the last one has no end."""

MOST_RANGES = 4096
"""More would make the files' footers larger than what is read through them; ranges grow instead."""


def ranges_for(rows: int, *, rows_per_range: int) -> int:
    """How many ranges of hashes hold about so many rows each. A power of two: it changes when a corpus doubles."""
    return min(1 << (max(0, rows - 1) // rows_per_range).bit_length(), MOST_RANGES)


def hash_bounds(ranges: int) -> Bounds:
    """Even ranges of hashes."""
    return np.array([(number << 64) // ranges for number in range(ranges)], np.uint64)


def write(
    output: Output, table: Table, rows: pa.Table | pa.RecordBatch, *, bounds: Bounds, name: str | None = None
) -> None:
    """Write rows, sorted by their first column, a row group for each range."""
    keys = _keys(rows[0])
    assert (keys[1:] >= keys[:-1]).all(), f"rows of {table.name} are sorted by {table.schema.names[0]}"
    cuts = [0, *np.searchsorted(keys, bounds[1:]), len(keys)]
    with output.table(table, name=name, packed=False) as writer:
        for start, end in itertools.pairwise(cuts):
            if start < end:
                writer.write(rows.slice(start, end - start))
                writer.end_row_group()


def read(
    store: Store, table: Table, *, bounds: Bounds, number: int, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The rows of range `number`, file after file, in the order of names; each file's are in order.

    Every file of the table is read: its folder is its phase's alone, and the phase is complete. The files may be cut
    by other bounds.
    """
    for path in files.list_files(store.path(table.name)):
        yield between(path, bounds=bounds, number=number, columns=columns)


def read_all(
    store: Store, table: Table, *, bounds: Bounds, number: int, columns: Sequence[str] | None = None
) -> pa.Table:
    """The same as one table."""
    schema = pa.schema([table.schema.field(name) for name in columns]) if columns else table.schema
    pieces = read(store, table, bounds=bounds, number=number, columns=columns)
    return pa.concat_tables([schema.empty_table(), *pieces]).combine_chunks()


def between(path: str, *, bounds: Bounds, number: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of one file in range `number`; the key is the first of the columns."""
    low = bounds[number]
    high = bounds[number + 1] if number + 1 < len(bounds) else None
    with tables.opened(path) as parquet:
        groups = []
        for group in range(parquet.num_row_groups):
            found = parquet.metadata.row_group(group).column(0).statistics
            if found.max >= low and (high is None or found.min < high):
                groups.append(group)
        rows = parquet.read_row_groups(groups, columns=columns)
    keys = _keys(rows[0])
    start = int(np.searchsorted(keys, low))
    end = len(keys) if high is None else int(np.searchsorted(keys, high))
    return rows.slice(start, end - start)


def _keys(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    return np.asarray(column, np.uint64)
