"""Exchange: rows that some units write sorted by a key, and others read by ranges of it. A shuffle, in files.

The first column of such a table is its key, of 64 bits. A file has one row group for each range that it has rows of, so
that a reader of a range reads no other rows: all readers together read each file once. What a reader holds is bounded
by the number of ranges, which is chosen from the number of rows before any of them is written.

Cost: n writers and m readers open n * m files; a unit is therefore a group of parts, and a range a million rows.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import Output, Store
from gristmill.schemas import Table

Bounds = npt.NDArray[np.uint64]
"""The first key of each range; the first range begins at 0, the last one has no end."""

MOST_RANGES = 4096
"""More would make the files' footers larger than what is read through them; ranges grow instead."""


def hash_bounds(rows: int, *, rows_per_range: int) -> Bounds:
    """Ranges of hashes, which are even. Their number is a power of two: it changes when a corpus doubles."""
    bits = max(0, rows - 1) // rows_per_range
    ranges = min(1 << bits.bit_length(), MOST_RANGES)
    return np.array([(number << 64) // ranges for number in range(ranges)], np.uint64)


def write(output: Output, table: Table, rows: pa.RecordBatch, *, bounds: Bounds, name: str | None = None) -> None:
    """Write rows, sorted by their first column, a row group for each range."""
    keys = _keys(rows[0])
    assert (keys[1:] >= keys[:-1]).all(), f"rows of {table.name} are sorted by {table.schema.names[0]}"
    cuts = [*np.searchsorted(keys, bounds), len(keys)]
    with output.table(table, name=name, packed=False) as writer:
        for start, end in itertools.pairwise(cuts):
            if start < end:
                writer.write(rows.slice(start, end - start))
                writer.end_row_group()


def read(store: Store, paths: Sequence[str], table: Table, *, bounds: Bounds, number: int) -> pa.Table:
    """The rows of range `number`, file after file, each file's in order. Files may be cut by other bounds."""
    low = int(bounds[number])
    high = int(bounds[number + 1]) if number + 1 < len(bounds) else None
    return pa.concat_tables([table.schema.empty_table(), *(between(store, path, low=low, high=high) for path in paths)])


def between(store: Store, path: str, *, low: int, high: int | None) -> pa.Table:
    """The rows of one file whose key is `low` or more and, where there is one, less than `high`."""
    with tables.opened(store.path(path)) as parquet:
        groups = []
        for group in range(parquet.num_row_groups):
            found = parquet.metadata.row_group(group).column(0).statistics
            if found.max >= low and (high is None or found.min < high):
                groups.append(group)
        rows = parquet.read_row_groups(groups) if groups else parquet.schema_arrow.empty_table()
    keys = _keys(rows[0])
    start = int(np.searchsorted(keys, np.uint64(low)))
    end = len(keys) if high is None else int(np.searchsorted(keys, np.uint64(high)))
    return rows.slice(start, end - start)


def _keys(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    return np.asarray(column).astype(np.uint64, copy=False)
