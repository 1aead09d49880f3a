"""Training sequences in memory, and what tells their documents apart."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gristmill.trainer.shards.manifest import ManifestError


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a run has got: all that is needed to go on, with any number of ranks and workers.

    Attributes:
        manifest: the manifest's `identity`: what was packed into which sequence.
        next: place in the endless order of the first sequence that is not yet used.
    """

    manifest: str
    seed: int
    next: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ManifestError where the text is no state."""
        try:
            value = json.loads(text)
            found = cls(manifest=str(value["manifest"]), seed=int(value["seed"]), next=int(value["next"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ManifestError(f"no state of a loader ({type(error).__name__}: {error})") from error
        if found.next < 0:
            raise ManifestError(f"no state of a loader (next is {found.next})")
        return found


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some training sequences. B: sequences, L: tokens of each.

    Attributes:
        tokens: (B, L) token ids, uint16 or uint32; free slots at the end hold padding.
        lengths: tokens of all pieces of documents, sequence by sequence.
        bounds: (B + 1) where each sequence's pieces begin among the lengths, and the end of the last.
        indices: (B) the sequences' own indices.
        state: where to go on after this batch; of batches in the seeded order only.
    """

    tokens: npt.NDArray[Any]
    lengths: npt.NDArray[np.int32]
    bounds: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    state: State | None = None

    @property
    def doc_lens(self) -> tuple[npt.NDArray[np.int32], ...]:
        """For each sequence, the tokens of each piece in it."""
        return tuple(np.split(self.lengths, self.bounds[1:-1]))

    def documents(self) -> npt.NDArray[np.int32]:
        """(B, L) number of the piece that each token belongs to, from 0 in each sequence; -1 for padding."""
        lengths, ends = self._with_padding()
        number = np.arange(len(lengths)) - np.repeat(self.bounds[:-1] + np.arange(len(self.tokens)), np.diff(ends))
        number[ends[1:] - 1] = -1
        return np.repeat(number.astype(np.int32), lengths).reshape(self.tokens.shape)

    def positions(self) -> npt.NDArray[np.int32]:
        """(B, L) place of each token in its piece, from 0; padding counts on from 0."""
        lengths, _ = self._with_padding()
        starts = np.cumsum(lengths) - lengths
        found = np.arange(self.tokens.size, dtype=np.int32) - np.repeat(starts.astype(np.int32), lengths)
        return found.reshape(self.tokens.shape)

    def cu_seqlens(self) -> npt.NDArray[np.int32]:
        """Bounds of all pieces in the flattened tokens, as variable-length attention kernels take them; padding at the
        end of a sequence counts as a piece."""
        lengths, _ = self._with_padding()
        return np.concatenate([[0], np.cumsum(lengths[lengths > 0])]).astype(np.int32)

    def _with_padding(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Lengths with each sequence's padding, which may be none, behind its pieces; and their bounds."""
        total = np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])[self.bounds]
        padding = self.tokens.shape[1] - np.diff(total)
        lengths = np.insert(self.lengths.astype(np.int64), self.bounds[1:], padding)
        return lengths, self.bounds + np.arange(len(self.bounds))
