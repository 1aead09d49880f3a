"""Taking pieces of documents out of training sequences, which keep their number and their length."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

NARROW = ("doc_ids", "doc_lens", "doc_offsets")
"""Columns of a shard that `look` reads."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What there is to take out of some sequences.

    Attributes:
        tokens: by document.
        sequences: that lose a piece.
        pieces: of documents.
        documents: copies of documents that begin here.
    """

    tokens: Counter[str] = field(default_factory=Counter)
    sequences: int = 0
    pieces: int = 0
    documents: int = 0

    def __add__(self, other: "Cut") -> "Cut":
        return Cut(
            tokens=self.tokens + other.tokens,
            sequences=self.sequences + other.sequences,
            pieces=self.pieces + other.pieces,
            documents=self.documents + other.documents,
        )


def look(rows: pa.Table | pa.RecordBatch, ids: pa.Array) -> Cut:
    """What pieces of some documents there are in rows of a shard, of which only the columns `NARROW` are needed."""
    doc_ids, gone, owners = _gone(rows, ids)
    if not gone.any():
        return Cut()
    lengths = _flat(rows, "doc_lens").to_numpy()[gone]
    tokens: Counter[str] = Counter()
    for name, length in zip(doc_ids.filter(pa.array(gone)).to_pylist(), lengths.tolist(), strict=True):
        tokens[name] += length
    return Cut(
        tokens=tokens,
        sequences=len(np.unique(owners[gone])),
        pieces=int(gone.sum()),
        documents=int((_flat(rows, "doc_offsets").to_numpy()[gone] == 0).sum()),
    )


def cut_pieces(rows: pa.Table, ids: pa.Array, *, pad_id: int) -> pa.Table:
    """Rows of a shard without the pieces of some documents: those behind them move up, padding fills the end.

    Every column but the tokens has one value for each piece. Time: a few operations on whole columns, and a loop over
    the sequences that lose a piece.
    """
    _, gone, owners = _gone(rows, ids)
    if not gone.any():
        return rows
    lengths = _flat(rows, "doc_lens").to_numpy()
    kind = rows.schema.field("tokens").type
    tokens = _flat(rows, "tokens").to_numpy().reshape(-1, kind.list_size).copy()
    for row in np.unique(owners[gone]).tolist():
        here = owners == row
        tokens[row] = _moved_up(tokens[row], lengths[here], gone[here], pad_id=pad_id)
    kept = pa.array(~gone)
    counts = np.bincount(owners[~gone], minlength=rows.num_rows)
    bounds = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    columns = {
        name: pa.ListArray.from_arrays(bounds, _flat(rows, name).filter(kept), type=rows.schema.field(name).type)
        for name in rows.schema.names
        if name != "tokens"
    }
    columns["tokens"] = pa.FixedSizeListArray.from_arrays(pa.array(tokens.reshape(-1)), type=kind)
    return pa.table([columns[name] for name in rows.schema.names], schema=rows.schema)


def _gone(
    rows: pa.Table | pa.RecordBatch, ids: pa.Array
) -> tuple[pa.Array, npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """The document of each piece, whether it is to go, and the row of it."""
    lists = _plain(rows["doc_ids"])
    doc_ids = lists.flatten()
    gone = pc.is_in(doc_ids, value_set=ids).to_numpy(zero_copy_only=False)
    return doc_ids, gone, np.repeat(np.arange(len(lists)), pc.list_value_length(lists).to_numpy())


def _moved_up(
    tokens: npt.NDArray[Any], lengths: npt.NDArray[np.int32], gone: npt.NDArray[np.bool_], *, pad_id: int
) -> npt.NDArray[Any]:
    """A sequence without some of its pieces."""
    kept = tokens[: lengths.sum()][np.repeat(~gone, lengths)]
    found = np.full_like(tokens, pad_id)
    found[: len(kept)] = kept
    return found


def _flat(rows: pa.Table | pa.RecordBatch, name: str) -> pa.Array:
    return _plain(rows[name]).flatten()


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
