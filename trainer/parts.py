"""Tables that grow while a run goes on: a Parquet file for each stretch of steps, written before its checkpoint.

A file is named by its last step and the rank that wrote it. A run that is taken up at a checkpoint removes the files
after it, and writes their rows again, the same.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.schemas.columns import Table

_NAME = "{:09d}-{}.parquet"


class Parts:
    """Rows of a table, in memory until they are written. Memory: those of the steps between two checkpoints."""

    def __init__(self, folder: Path, table: Table, *, rank: int = 0) -> None:
        self._folder, self._schema, self._rank = folder / table.name, table.schema, rank
        self._rows: list[dict[str, Any]] = []
        self._batches: list[pa.RecordBatch] = []

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Many rows at once, of the table's schema."""
        self._batches.append(batch)

    def flush(self, step: int) -> None:
        """Write what was added up to a step."""
        batches = [*self._batches, pa.RecordBatch.from_pylist(self._rows, schema=self._schema)]
        self._rows, self._batches = [], []
        table = pa.Table.from_batches(batches, schema=self._schema)
        if table.num_rows == 0:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / _NAME.format(step, self._rank)
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(table, unfinished, compression="zstd")
        unfinished.replace(path)

    def forget(self, step: int) -> None:
        """Remove what was written of steps after this one, by any rank: there may be fewer now."""
        for path in self._folder.glob("*.parquet"):
            if int(path.stem.partition("-")[0]) > step:
                path.unlink(missing_ok=True)


def read(folder: Path, table: Table) -> pa.Table:
    """All rows of a table of a run's folder."""
    paths = sorted((folder / table.name).glob("*.parquet"))
    return pa.concat_tables([table.schema.empty_table(), *(pq.read_table(path, schema=table.schema) for path in paths)])
