"""Sums of documents by hash: what units write of their documents, and what is made of it over all units."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.schemas import Table

UInt64s = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]

AT_ONCE = 1 << 21
"""Rows that are added before they are summed again: 48 MB."""


def _table(name: str, *, row: str, columns: list[str]) -> Table:
    kinds = {"documents": pa.int64(), "everywhere": pa.int64()}
    schema = pa.schema([pa.field(column, kinds.get(column, pa.uint64())) for column in columns])
    return Table(name=f"intermediate/{name}", row=row, schema=schema)


_KEY = ["hash", "group", "documents"]
PASSAGE_KEYS = _table("passage_keys", row="a passage of a group, or all its documents", columns=_KEY)
SEEDS = _table("copied_seeds", row="a seed of copied spans", columns=_KEY)
GRAMS = _table("copied_grams", row="words in a row that other documents may have", columns=_KEY)
"""Passages are counted by place (site, or else input) and language: `group` is a hash of both, and the language is in
the hash of the passage, so that the same words in another language are another passage. A row whose hash is its group
counts the documents of that group; a language by itself is such a group too. Seeds and grams are counted over the
corpus, and `group` is the first document that has them, by rank."""

_COUNT = ["unit", *_KEY, "everywhere"]
PASSAGE_COUNTS = _table("passage_counts", row="a passage that may be a repeated one, or a group", columns=_COUNT)
SEED_COUNTS = _table("copied_seed_counts", row="a seed that several documents have", columns=_COUNT)
GRAM_COUNTS = _table("copied_gram_counts", row="a gram that several documents have", columns=_COUNT)
"""The same summed over all units, written for each unit that has the row: its number is the first column. `documents`
are those of the group, `everywhere` those of all groups."""


class Sums(NamedTuple):
    """Documents by hash and group."""

    hashes: UInt64s
    groups: UInt64s
    documents: Int64s


def numbered(rows: Sums, *, by_group: bool) -> tuple[Sums, Int64s]:
    """Sums in order, one for each hash and group, or for each hash alone with the least of its groups; and the number
    of the sum that each row is in.
    """
    order = np.lexsort((rows.groups, rows.hashes))
    hashes, groups = rows.hashes[order], rows.groups[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (by_group & (groups[1:] != groups[:-1]))
    starts = np.flatnonzero(first)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(first) - 1
    return Sums(hashes[starts], groups[starts], np.add.reduceat(rows.documents[order], starts)), numbers


class Tally:
    """Adds rows up as they come. Memory: 24 bytes for each different one, some times that while they are sorted."""

    def __init__(self, *, by_group: bool) -> None:
        self._by_group = by_group
        self._rows: list[Sums] = [Sums(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64))]
        self._fresh = 0

    def add(self, hashes: UInt64s, groups: UInt64s) -> None:
        """Add rows, of one document each."""
        self._rows.append(Sums(hashes, groups, np.ones(len(hashes), np.int64)))
        self._fresh += len(hashes)
        if self._fresh >= max(AT_ONCE, len(self._rows[0].hashes)):
            self._sum()

    def table(self, table: Table) -> pa.Table:
        """The sums of all rows, as rows of a table."""
        self._sum()
        return pa.table([pa.array(column) for column in self._rows[0]], schema=table.schema)

    def _sum(self) -> None:
        every = Sums(*(np.concatenate(column) for column in zip(*self._rows, strict=True)))
        self._rows, self._fresh = [numbered(every, by_group=self._by_group)[0]], 0


def distinct(hashes: UInt64s, rows: Int64s) -> tuple[UInt64s, Int64s]:
    """The different pairs of a hash, but 0, and the row of a document."""
    order = np.lexsort((rows, hashes))
    hashes, rows = hashes[order], rows[order]
    first = np.ones(len(order), np.bool_)
    first[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
    chosen = first & (hashes != 0)
    return hashes[chosen], rows[chosen]


def rows_of(offsets: Int64s) -> Int64s:
    """The row of the document of each entry of a batch whose documents begin at these offsets."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
