"""All tokens of the shards, in the order of the shards: as sequences, or as whole documents put together again."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.trainer.shards import Manifest, ManifestError, ShardReader
from gristmill.trainer.shards.files import ShardFiles

IntArray = npt.NDArray[np.int64]

_TOGETHER = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A training sequence.

    Attributes:
        tokens: (L) with padding at the end.
        doc_lens: tokens of each piece of a document; at least one.
    """

    tokens: npt.NDArray[Any]
    doc_lens: npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Some whole documents, one after the other.

    Attributes:
        tokens: of all of them, the end token of each included, no padding.
        lengths: tokens of each.
    """

    tokens: npt.NDArray[Any]
    lengths: npt.NDArray[np.int32]


def sequences(reader: ShardReader) -> Iterator[Sequence]:
    """Every sequence that has a piece in it: a removal may have left some that do not. Memory: a row group.

    Raises:
        ManifestError: a shard is damaged, or does not hold as many tokens as the manifest says.
    """
    manifest = reader.manifest
    with closing(ShardFiles(reader.folder, manifest)) as files:
        for number, shard in enumerate(manifest.shards):
            tokens = 0
            for each in range(-(-shard.sequences // manifest.row_group_sequences)):
                group = files.group(number, each)
                tokens += int(group.lengths.sum())
                for row, sequence in enumerate(group.tokens):
                    doc_lens = group.lengths[group.bounds[row] : group.bounds[row + 1]]
                    if len(doc_lens):
                        yield Sequence(tokens=sequence, doc_lens=doc_lens)
            if tokens != shard.tokens:
                raise _wrong(reader, number, f"{tokens:,} tokens, not {shard.tokens:,}")


def documents(reader: ShardReader) -> Iterator[Documents]:
    """Every document, about a million tokens of them at a time; in each shard by where its first piece stands.

    All pieces of a document are in one shard. Memory: a shard's tokens, and some 40 bytes for each of its pieces.

    Raises:
        ManifestError: a shard is damaged, or pieces, documents or tokens are missing in it.
    """
    with closing(ShardFiles(reader.folder, reader.manifest)) as files:
        for number, shard in enumerate(reader.manifest.shards):
            pieces = _Pieces.read(files, number, reader.manifest)
            order, firsts = pieces.by_document()
            fault = pieces.fault(order, firsts, end_id=reader.manifest.end_id)
            if fault is None and len(firsts) != shard.documents:
                fault = f"{len(firsts):,} documents, not {shard.documents:,}"
            if fault is None and (tokens := int(pieces.lengths.sum())) != shard.tokens:
                fault = f"{tokens:,} tokens, not {shard.tokens:,}"
            if fault is not None:
                raise _wrong(reader, number, fault)
            yield from pieces.together(order, firsts)


@dataclass(frozen=True, kw_only=True)
class _Pieces:
    """The pieces of documents in a shard, as they stand.

    Attributes:
        tokens: of all sequences, padding included.
        starts: where each piece begins in the tokens.
        lengths: tokens of each piece.
        offsets: where each piece begins in its document.
        documents: a number for the id of each piece's document.
    """

    tokens: npt.NDArray[Any]
    starts: IntArray
    lengths: IntArray
    offsets: IntArray
    documents: IntArray

    @classmethod
    def read(cls, files: ShardFiles, shard: int, manifest: Manifest) -> Self:
        length, sequences = manifest.sequence_length, manifest.shards[shard].sequences
        tokens = np.empty(sequences * length, manifest.token_type)
        starts, lengths, offsets, ids = [], [], [], []
        for number, row in enumerate(range(0, sequences, manifest.row_group_sequences)):
            group = files.group(shard, number)
            table = files.table(shard, number, ["doc_offsets", "doc_ids"])
            rows = len(group.tokens)
            tokens[row * length : (row + rows) * length] = group.tokens.reshape(-1)
            before = np.concatenate([[0], np.cumsum(group.lengths, dtype=np.int64)])
            in_row = before[:-1] - np.repeat(before[group.bounds[:-1]], np.diff(group.bounds))
            starts.append(in_row + np.repeat((row + np.arange(rows)) * length, np.diff(group.bounds)))
            lengths.append(group.lengths.astype(np.int64))
            offsets.append(table["doc_offsets"].chunk(0).flatten().to_numpy().astype(np.int64))
            ids.append(table["doc_ids"].chunk(0).flatten())
        return cls(
            tokens=tokens,
            starts=np.concatenate(starts),
            lengths=np.concatenate(lengths),
            offsets=np.concatenate(offsets),
            documents=pa.concat_arrays(ids).dictionary_encode().indices.to_numpy().astype(np.int64),
        )

    def by_document(self) -> tuple[IntArray, IntArray]:
        """The pieces in the order of whole documents, and where each document begins in that order.

        Copies of a document are alike: the n-th piece of an offset is counted as the n-th copy's.
        """
        alike = np.lexsort((self.offsets, self.documents))
        new = _changes(self.documents[alike]) | _changes(self.offsets[alike])
        run = np.flatnonzero(new)
        copy = np.empty_like(alike)
        copy[alike] = np.arange(len(alike)) - np.repeat(run, np.diff(run, append=len(alike)))
        order = np.lexsort((self.offsets, copy, self.documents))
        first = _changes(self.documents[order]) | _changes(copy[order])
        leader = order[first][np.cumsum(first) - 1]
        by_leader = np.argsort(leader, kind="stable")
        return order[by_leader], np.flatnonzero(_changes(leader[by_leader]))

    def fault(self, order: IntArray, firsts: IntArray, *, end_id: int) -> str | None:
        """Where pieces do not follow each other, from a document's first token to its end token."""
        lengths = self.lengths[order]
        wanted = np.zeros_like(order)
        wanted[1:] = (self.offsets[order] + lengths)[:-1]
        wanted[firsts] = 0
        lasts = np.append(firsts[1:], len(order))[: len(firsts)] - 1
        if (self.offsets[order] != wanted).any() or (lengths < 1).any():
            return "pieces of a document are missing"
        if (self.tokens[(self.starts[order] + lengths)[lasts] - 1] != end_id).any():
            return "a document does not end with the end token"
        return None

    def together(self, order: IntArray, firsts: IntArray) -> Iterator[Documents]:
        """The documents of an order, so many at a time that they come to about a million tokens."""
        starts, lengths = self.starts[order], self.lengths[order]
        pieces = np.append(firsts, len(order))
        ends = np.concatenate([[0], np.cumsum(lengths)])[pieces]
        at = 0
        while at < len(firsts):
            to = max(at + 1, int(np.searchsorted(ends, ends[at] + _TOGETHER, side="right")) - 1)
            own = slice(pieces[at], pieces[to])
            before = np.cumsum(lengths[own]) - lengths[own]
            places = np.arange(ends[to] - ends[at]) + np.repeat(starts[own] - before, lengths[own])
            yield Documents(tokens=self.tokens[places], lengths=np.diff(ends[at : to + 1]).astype(np.int32))
            at = to


def _changes(values: IntArray) -> npt.NDArray[np.bool_]:
    """Where a value is not that before it; the first is not."""
    found = np.ones(len(values), np.bool_)
    found[1:] = values[1:] != values[:-1]
    return found


def _wrong(reader: ShardReader, shard: int, how: str) -> ManifestError:
    name = reader.folder.name(reader.manifest.shards[shard].path)
    return ManifestError(f"{name}: not the shard that the manifest lists: {how}")
