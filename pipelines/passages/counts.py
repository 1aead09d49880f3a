"""What is repeated, over all groups of parts: counted range of hashes by range, and sent back to those that have it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import exchange, files
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.passages.tally import (
    GRAM_COUNTS,
    GRAMS,
    PASSAGE_COUNTS,
    PASSAGE_KEYS,
    SEED_COUNTS,
    SEEDS,
    Int64s,
    Sums,
    UInt64s,
    numbered,
)
from gristmill.schemas import Table

MOST_READERS = 64
"""Shares that the rows of a range are written in: several groups of parts read the same one where there are more."""


def group_bounds(names: Sequence[str]) -> list[int]:
    """The shares of the groups of parts: the number of the first group of each."""
    numbers = sorted(int(name, 16) for name in names)
    step = max(1, -(-len(numbers) // MOST_READERS))
    return [0, *numbers[step::step]]


def count_passages(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Sum the documents that have a passage, by group and by language; write those that may be repeated ones.

    Memory: a range of the passages, some 100 bytes each.
    """
    units, rows = _read(store, PASSAGE_KEYS, unit=unit, settings=settings)
    sums, numbers = numbered(rows, by_group=True)
    of_language, languages = numbered(sums, by_group=False)
    everywhere = of_language.documents[languages]
    enough = (sums.documents >= settings["documents"]) | (everywhere >= settings["everywhere"])
    chosen = (enough | (sums.hashes == sums.groups))[numbers]
    found = _table(PASSAGE_COUNTS, sums, everywhere).take(pa.array(numbers[chosen]))
    _write(found, units[chosen], PASSAGE_COUNTS, settings=settings, output=output)


def count_seeds(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Sum the documents that have a seed; write those that several have. Memory: a range of the seeds, as above."""
    _count_copied(*_read(store, SEEDS, unit=unit, settings=settings), to=SEED_COUNTS, settings=settings, output=output)


def count_grams(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Sum the documents that have a gram; write those that several have. Memory: a range of the grams, as above."""
    _count_copied(*_read(store, GRAMS, unit=unit, settings=settings), to=GRAM_COUNTS, settings=settings, output=output)


def _count_copied(units: UInt64s, rows: Sums, *, to: Table, settings: JSON, output: Output) -> None:
    sums, numbers = numbered(rows, by_group=False)
    chosen = (sums.documents > 1)[numbers]
    found = _table(to, sums, sums.documents).take(pa.array(numbers[chosen]))
    _write(found, units[chosen], to, settings=settings, output=output)


def _read(store: Store, table: Table, *, unit: Unit, settings: JSON) -> tuple[UInt64s, Sums]:
    """The rows of a range, and the number of the group of parts that each is from."""
    bounds, number = exchange.hash_bounds(settings["ranges"]), unit.descriptor["range"]
    found, units = [table.schema.empty_table()], [np.empty(0, np.uint64)]
    for path in files.list_files(store.path(table.name)):
        found.append(exchange.between(path, bounds=bounds, number=number))
        name = path.rsplit("/", 1)[-1].removesuffix(".parquet")
        units.append(np.full(found[-1].num_rows, int(name, 16), np.uint64))
    columns = pa.concat_tables(found)
    return np.concatenate(units), Sums(*(columns[name].to_numpy() for name in table.schema.names))


def _table(table: Table, sums: Sums, everywhere: Int64s) -> pa.Table:
    """The table's rows but for the units that they go to."""
    arrays = [*map(pa.array, sums), pa.array(everywhere)]
    return pa.table(arrays, names=table.schema.names[1:])


def _write(rows: pa.Table, units: UInt64s, table: Table, *, settings: JSON, output: Output) -> None:
    """Write rows by the groups of parts that they go to."""
    rows = pa.table([pa.array(units), *rows.columns], schema=table.schema)
    rows = rows.sort_by([(name, "ascending") for name in ("unit", "hash", "group")])
    exchange.write(output, table, rows, bounds=np.array(settings["groups"], np.uint64))


def read_counts(store: Store, table: Table, *, unit: Unit, bounds: Sequence[int]) -> pa.Table:
    """The rows that were written for a group of parts, in the order of hashes, then of groups."""
    number = int(unit.local["name"], 16)
    share = int(np.searchsorted(bounds, number, side="right")) - 1
    pieces = exchange.read(store, table, bounds=np.array(bounds, np.uint64), number=share)
    mine = [piece.filter(pc.equal(piece["unit"], pa.scalar(number, pa.uint64()))) for piece in pieces]
    rows = pa.concat_tables([table.schema.empty_table(), *mine])
    return rows.sort_by([("hash", "ascending"), ("group", "ascending")]).combine_chunks()
