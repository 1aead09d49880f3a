"""Reading tables back: batches of bounded size, and single rows out of many files."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.pipelines import files
from gristmill.pipelines.checkpoints import Store

READ_ROWS = 4096


def batches(store: Store, path: str, *, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The record batches of a Parquet file. Memory: `READ_ROWS` rows of the columns, and a row group as stored."""
    with opened(store.path(path)) as parquet:
        yield from parquet.iter_batches(batch_size=READ_ROWS, columns=columns)


def read(store: Store, path: str, *, columns: Sequence[str] | None = None) -> pa.Table:
    """Some columns of a Parquet file, whole: for narrow columns only."""
    return read_file(store.path(path), columns=columns)


def read_file(path: str, *, columns: Sequence[str] | None = None) -> pa.Table:
    """The same of a file by its full path, in whatever output."""
    with opened(path) as parquet:
        return parquet.read(columns=columns)


@contextmanager
def opened(path: str) -> Iterator[pq.ParquetFile]:
    """A file of the output, to read; where it is damaged, the error says how to mend it."""
    try:
        with files.open_seekable(path) as handle, pq.ParquetFile(handle, page_checksum_verification=True) as parquet:
            yield parquet
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise ValueError(f"{path} is damaged ({error}); remove this file and run again") from error


def as_batch(table: pa.Table) -> pa.RecordBatch:
    """A table as one batch, each column one array: for few rows, or narrow columns."""
    return pa.record_batch([column.combine_chunks() for column in table.columns], schema=table.schema)


def aligned(*streams: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, ...]]:
    """Cut streams of batches at common rows, so that row i of each batch is the same document.

    Raises:
        ValueError: the streams have different numbers of rows.
    """
    sources = [iter(each) for each in streams]
    heads: list[pa.RecordBatch | None] = [None] * len(sources)
    while True:
        heads = [_filled(head, source) for head, source in zip(heads, sources, strict=True)]
        present = [head for head in heads if head is not None]
        if not present:
            return
        if len(present) != len(sources):
            raise ValueError("tables that should be aligned differ in their number of rows")
        rows = min(head.num_rows for head in present)
        yield tuple(head.slice(0, rows) for head in present)
        heads = [head.slice(rows) for head in present]


def _filled(head: pa.RecordBatch | None, source: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    while head is None or head.num_rows == 0:
        head = next(source, None)
        if head is None:
            return None
    return head


def only_ok(stream: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of `documents` that are documents: those the tables after it are aligned with."""
    for batch in stream:
        yield batch.filter(pc.equal(batch["status"], "ok"))


def take_rows(path: str, *, rows: npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
    """Some rows of a file, by its full path, in the order asked. Memory: one row group of the columns, and the rows."""
    wanted, places = np.unique(rows, return_inverse=True)
    found: list[pa.Table] = []
    with opened(path) as parquet:
        start = 0
        for group in range(parquet.num_row_groups):
            end = start + parquet.metadata.row_group(group).num_rows
            low, high = np.searchsorted(wanted, [start, end])
            if low < high:
                here = parquet.read_row_group(group, columns=list(columns))
                found.append(here.take(pa.array(wanted[low:high] - start)))
            start = end
        if not found:
            return parquet.schema_arrow.empty_table().select(list(columns))
    return pa.concat_tables(found).combine_chunks().take(pa.array(places))
