"""The loss ledger: what each piece of a document cost the model at each sight, and which experts read it.

Written beside the log, a part for each stretch of steps. Nothing in a part depends on what came before its stretch, so
that a run that is taken up at a checkpoint writes the same rows again.

Shapes: P pieces, M layers with experts, E experts, X = M * E, L languages, G pairs of language and domain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.schemas import mix
from gristmill.schemas.training import LOSSES, ROUTING
from gristmill.trainer import routing
from gristmill.trainer._torch import torch
from gristmill.trainer.config import ModelConfig
from gristmill.trainer.feed import IntArray, Micro
from gristmill.trainer.model import Hidden
from gristmill.trainer.parts import Parts
from gristmill.trainer.shards import ShardReader

_ABOUT = ["doc_ids", "doc_offsets", "languages", "domains"]
_HELD = 1 << 24
"""Numbers (P, X) that wait in memory, 64 MB, before rows are made of them."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A micro-batch, whose last pieces may have no token."""

    step: int
    indices: IntArray
    loss_P: npt.NDArray[np.float64]
    tokens_P: IntArray
    counts_PX: npt.NDArray[np.int32]


class Ledger:
    """Losses by document of a share of the sequences, of one rank, and the use of experts by language and domain.

    Which sequences they are follows from their indices, so that a document is seen in all epochs or in none. Cost: sums
    over the tokens of each micro-batch; documents' names are read at the end of a stretch. Memory: 4 X bytes for each
    piece of a stretch, at most some 300 MB while rows are made.
    """

    def __init__(self, folder: Path, *, reader: ShardReader, model: ModelConfig, share: float, rank: int = 0) -> None:
        self._reader, self._model, self._share = reader, model, share
        self._losses, self._routing = (Parts(folder, table, rank=rank) for table in (LOSSES, ROUTING))
        self._seen: list[_Seen] = []

    def watch(self, step: int, micro: Micro, hidden: Hidden, loss_T: torch.Tensor) -> None:
        """Take note of a micro-batch."""
        if not len(micro.pieces) or not self._kept(micro.indices).any():
            return
        self._seen.append(
            _Seen(
                step=step,
                indices=micro.indices,
                loss_P=np.bincount(micro.pieces, loss_T.cpu().numpy()).astype(np.float64),
                tokens_P=np.bincount(micro.pieces, micro.targets.numpy() >= 0).astype(np.int64),
                counts_PX=routing.counts(hidden, micro.pieces, experts=self._model.experts),
            )
        )
        if sum(each.counts_PX.size for each in self._seen) >= _HELD:
            self._settle()

    def flush(self, step: int) -> None:
        """Write all that was seen up to a step."""
        self._settle()
        self._losses.flush(step)
        self._routing.flush(step)

    def forget(self, step: int) -> None:
        """Remove what was written of steps after this one."""
        self._losses.forget(step)
        self._routing.forget(step)

    def _kept(self, indices: IntArray) -> npt.NDArray[np.bool_]:
        """Which sequences are of the share."""
        hashed = mix(indices.astype(np.uint64) + np.uint64(1))
        return (hashed >> np.uint64(11)).astype(np.float64) < self._share * 2.0**53

    def _settle(self) -> None:
        """Make rows of what was seen."""
        seen, self._seen = self._seen, []
        if not seen:
            return
        about = self._reader.rows(np.concatenate([each.indices for each in seen]), _ABOUT).combine_chunks()
        place_P, kept_P = self._places(seen, about)
        loss_P, tokens_P, step_P = (
            np.concatenate(each)
            for each in zip(*((s.loss_P, s.tokens_P, np.full(len(s.loss_P), s.step)) for s in seen), strict=True)
        )
        rows = np.flatnonzero(kept_P & (tokens_P > 0))
        loss_P, tokens_P, step_P, place_P = (each[rows] for each in (loss_P, tokens_P, step_P, place_P))
        counts_PX = np.concatenate([each.counts_PX for each in seen])[rows]
        ids, offsets, languages, domains = (about[name].chunk(0).flatten().take(place_P) for name in _ABOUT)
        nearest, doubt = routing.affinity(counts_PX, languages)
        columns = [step_P, ids, offsets, tokens_P, loss_P / tokens_P, nearest, doubt]
        self._losses.add_batch(_batch(columns, LOSSES.schema))
        sizes = {"experts": self._model.experts, "first_layer": self._model.dense_layers}
        use = routing.load(counts_PX, **sizes, languages=languages, domains=domains)
        self._routing.add_batch(_batch([np.full(len(use[0]), seen[-1].step), *use], ROUTING.schema))

    def _places(self, seen: list[_Seen], about: pa.Table) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """For each piece seen, its place among all pieces of the sequences, and whether it is of the share."""
        ids = about["doc_ids"].chunk(0)
        bounds = ids.offsets.to_numpy().astype(np.int64)
        bounds -= bounds[0]
        kept = np.repeat(self._kept(np.concatenate([each.indices for each in seen])), np.diff(bounds))
        rows = np.cumsum([0, *(len(each.indices) for each in seen)])[:-1]
        place_P = np.concatenate(
            [bounds[row] + np.arange(len(each.loss_P)) for row, each in zip(rows, seen, strict=True)]
        )
        return place_P, kept[place_P]


def _batch(columns: Sequence[routing.Column], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pc.cast(pa.array(each), field.type, safe=False) for each, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
