"""From shards to what a model reads: which sequences come next, and their tokens with what to predict from them."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gristmill.trainer._torch import torch
from gristmill.trainer.attention import Spans
from gristmill.trainer.shards import Batch, ShardReader, State

IntArray = npt.NDArray[np.int64]
_NO_TARGET = -1


@dataclass(frozen=True, kw_only=True)
class Micro:
    """Tokens that go through the model at once. T: tokens of all their documents, padding left out.

    Attributes:
        tokens: (T), int64.
        targets: (T) the token that follows in the document, -1 at its end.
        positions: (T) place in the document, or in the piece of it that the context allows.
        pieces: (T) number of each token's piece, in the order of the shards' `doc_ids`. Stays on the host.
        indices: of the sequences.
    """

    tokens: torch.Tensor
    targets: torch.Tensor
    positions: torch.Tensor
    spans: Spans
    pieces: IntArray
    indices: IntArray

    @classmethod
    def of(cls, batch: Batch, *, context: int | None) -> Self:
        """Documents longer than the context are cut, none of their tokens left out."""
        numbers = batch.documents()
        here = numbers >= 0
        tokens = batch.tokens[here].astype(np.int64)
        lengths = batch.lengths.astype(np.int64)
        lengths = lengths[lengths > 0]
        cut = lengths if context is None else cut_evenly(lengths, context)
        ends = np.cumsum(cut)
        targets = np.concatenate([tokens[1:], [_NO_TARGET]])[: len(tokens)]
        targets[ends - 1] = _NO_TARGET
        return cls(
            tokens=torch.from_numpy(tokens),
            targets=torch.from_numpy(targets),
            positions=torch.from_numpy(np.arange(len(tokens)) - np.repeat(ends - cut, cut)),
            spans=Spans.of(cut),
            pieces=np.repeat(np.flatnonzero(batch.lengths), lengths),
            indices=batch.indices,
        )

    @property
    def n_targets(self) -> int:
        """Tokens that are to be predicted."""
        return int((self.targets >= 0).sum())

    def to(self, device: torch.device) -> Self:
        if device.type == "cpu":
            return self
        moved = {name: getattr(self, name).to(device, non_blocking=True) for name in ("tokens", "targets", "positions")}
        return replace(self, spans=self.spans.to(device), **moved)


def cut_evenly(lengths: IntArray, context: int) -> IntArray:
    """Lengths of pieces of at most `context`, all of a document of about one size, so that none is a token long."""
    parts = -(-lengths // context)
    each, longer = np.divmod(np.repeat(lengths, parts), np.repeat(parts, parts))
    number = np.arange(len(each)) - np.repeat(np.cumsum(parts) - parts, parts)
    cut: IntArray = each + (number < longer)
    return cut


class Feed:
    """The sequences of shards in their seeded order, taken from the front."""

    def __init__(self, reader: ShardReader, *, state: State) -> None:
        self._reader, self._state = reader, state
        self._indices = reader.indices(seed=state.seed, start=state.next)

    @classmethod
    def begin(cls, reader: ShardReader, *, seed: int) -> Self:
        return cls(reader, state=reader.begin(seed=seed))

    def take(self, count: int) -> IntArray:
        """The indices of the next so many sequences."""
        self._state = replace(self._state, next=self._state.next + count)
        return np.array([next(self._indices) for _ in range(count)], np.int64)

    @property
    def state(self) -> str:
        """Where to go on, as text."""
        return self._state.to_json()

    @classmethod
    def resume(cls, reader: ShardReader, state: str) -> Self:
        """Raises ManifestError where the state is of other shards."""
        return cls(reader, state=reader.begin(state=State.from_json(state)))


def read(reader: ShardReader, indices: IntArray, *, context: int | None) -> Micro:
    """The sequences of some indices, ready for a model."""
    return Micro.of(reader.read(indices), context=context)


def about(reader: ShardReader) -> dict[str, Any]:
    """What a model has to know of its shards."""
    manifest = reader.manifest
    return {
        "vocabulary_size": manifest.vocabulary_size,
        "tokenizer": manifest.tokenizer,
        "end_id": manifest.end_id,
        "pad_id": manifest.pad_id,
        "sequence_length": manifest.sequence_length,
        "bytes_per_token": manifest.totals["text_bytes"] / max(1, manifest.totals["tokens"]),
    }
