"""Layout of a shard: its documents, read from all files of `tokens`, and which of them stand where in its sequences."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from gristmill.filters._jit import jit
from gristmill.pipelines import encode, tables
from gristmill.pipelines.packing import IntArray, Pieces, pack
from gristmill.schemas import TOKENS, mix

_ORDERS = 1 << 64


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Documents whose place in the shuffle is in a range, in that order.

    Attributes:
        narrow: all columns but the tokens.
        tokens: of all documents, in the order they were read.
        starts: where each document's begin.
        lengths: how many each has.
    """

    narrow: pa.Table
    tokens: npt.NDArray[Any]
    starts: IntArray
    lengths: IntArray

    @classmethod
    def read(cls, paths: list[str], *, shard: int, shards: int, kind: pa.DataType) -> Self:
        """The documents of one of so many equal ranges.

        Memory: twice the tokens, and the other columns; one row group beside them.

        Args:
            kind: Arrow type of a token in memory.
        """
        low, high = -(-shard * _ORDERS // shards), -(-(shard + 1) * _ORDERS // shards)
        narrow = [TOKENS.schema.empty_table().drop_columns("tokens")]
        token_type = np.dtype(str(kind))
        tokens, lengths = [np.empty(0, token_type)], [np.empty(0, np.int64)]
        for path in paths:
            for table in _in_range(path, low=low, high=high):
                lists = table["tokens"].combine_chunks()
                narrow.append(table.drop_columns("tokens"))
                tokens.append(lists.flatten().to_numpy().astype(token_type))
                lengths.append(pc.list_value_length(lists).to_numpy().astype(np.int64))
        read, counts = pa.concat_tables(narrow).combine_chunks(), np.concatenate(lengths)
        order = encode.in_order(read)
        places = order.to_numpy()
        return cls(
            narrow=read.take(order),
            tokens=np.concatenate(tokens),
            starts=(np.cumsum(counts) - counts)[places],
            lengths=counts[places],
        )


def _in_range(path: str, *, low: int, high: int) -> Iterator[pa.Table]:
    """The rows of a tokens file with low <= order < high. Reads the row groups that may hold any."""
    with tables.opened(path) as parquet:
        column = parquet.schema_arrow.get_field_index("order")
        for group in range(parquet.num_row_groups):
            known = parquet.metadata.row_group(group).column(column).statistics
            bounded = known is not None and known.has_min_max
            if bounded and (known.max < low or known.min >= high):
                continue
            table = parquet.read_row_group(group, use_threads=False)
            if bounded and low <= known.min and known.max < high:
                yield table
                continue
            # As a NumPy comparison, since 2 ** 64 is no Arrow integer.
            order = table["order"].to_numpy()
            yield table.filter(pa.array((order >= np.uint64(low)) & (order <= np.uint64(high - 1))))


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Pieces of documents in the order they are written in.

    Attributes:
        pieces: sorted by sequence, then by place in the shuffle.
        first: where each sequence's pieces begin, and the end of the last.
    """

    pieces: Pieces
    first: IntArray

    @property
    def sequences(self) -> int:
        return len(self.first) - 1

    @classmethod
    def of(cls, documents: Documents, *, sequence_length: int, seed: int) -> Self:
        """Pack the documents, then shuffle the sequences by a hash of seed, document and offset of their first piece.

        Best fit opens sequences with the longest pieces, so that their numbers would tell lengths.
        """
        pieces = Pieces.of(documents.lengths, sequence_length=sequence_length)
        sequence = pack(pieces.length, sequence_length=sequence_length)
        _, leader = np.unique(sequence, return_index=True)
        order = documents.narrow["order"].to_numpy()[pieces.document[leader]]
        hashes = mix(order ^ mix(pieces.offset[leader].astype(np.uint64) + np.uint64(seed)))
        rank = np.empty(len(leader), np.int64)
        rank[np.lexsort((leader, hashes))] = np.arange(len(leader))
        by_rank = np.argsort(rank[sequence], kind="stable")
        return cls(
            pieces=Pieces(
                document=pieces.document[by_rank], offset=pieces.offset[by_rank], length=pieces.length[by_rank]
            ),
            first=np.searchsorted(rank[sequence][by_rank], np.arange(len(leader) + 1)),
        )

    def fingerprint(self, documents: Documents) -> int:
        """Names which tokens of which documents stand where: 53 bits, which any reader of JSON keeps."""
        order = documents.narrow["order"].to_numpy()[self.pieces.document]
        tokens = documents.tokens.sum(dtype=np.uint64)  # as a sum, since they come in the order of the input
        state = xxhash.xxh3_64()
        for each in (order, self.pieces.offset, self.pieces.length, self.first, tokens):
            state.update(each.tobytes())
        return state.intdigest() >> 11

    def batches(self, documents: Documents, *, schema: pa.Schema, pad_id: int, size: int) -> Iterator[pa.RecordBatch]:
        """The sequences as rows of the shard, `size` at a time."""
        for start in range(0, self.sequences, size):
            yield self._batch(documents, first=self.first[start : start + size + 1], schema=schema, pad_id=pad_id)

    def _batch(self, documents: Documents, *, first: IntArray, schema: pa.Schema, pad_id: int) -> pa.RecordBatch:
        here = slice(first[0], first[-1])
        document, offset, length = self.pieces.document[here], self.pieces.offset[here], self.pieces.length[here]
        kind = schema.field("tokens").type
        tokens = np.full((len(first) - 1) * kind.list_size, pad_id, documents.tokens.dtype)
        row = np.repeat(np.arange(len(first) - 1), np.diff(first))
        before = np.cumsum(length) - length
        within = before - before[first[:-1] - first[0]][row]
        _lay(documents.tokens, documents.starts[document] + offset, row * kind.list_size + within, length, tokens)
        narrow = documents.narrow.take(pa.array(document))
        flat = {
            "doc_lens": pa.array(length, pa.int32()),
            "doc_ids": narrow["doc_id"],
            "doc_offsets": pa.array(offset, pa.int32()),
            "languages": narrow["language"],
            "domains": narrow["domain"],
            "sources": narrow["source"],
            "qualities": narrow["quality"],
        }
        bounds = pa.array(first - first[0], pa.int32())
        columns = {
            field.name: pa.ListArray.from_arrays(bounds, _plain(flat[field.name]), type=field.type)
            for field in schema
            if field.name != "tokens"
        }
        columns["tokens"] = pa.FixedSizeListArray.from_arrays(pa.array(tokens), type=kind)
        return pa.record_batch([columns[name] for name in schema.names], schema=schema)


@jit
def _lay(source: Any, starts: Any, targets: Any, lengths: Any, out: Any) -> None:
    """Copy pieces of `lengths` tokens from their starts in one array to their targets in another."""
    for piece in range(len(starts)):
        start, target, length = starts[piece], targets[piece], lengths[piece]
        out[target : target + length] = source[start : start + length]


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
