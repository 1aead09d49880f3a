"""A model's parameters as one long vector, cut into fragments of one size."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from gristmill.trainer._torch import torch
from gristmill.trainer.islands.codec import BLOCK

Tensor = torch.Tensor


class Flat:
    """Reads and moves tensors, on whatever device they are, as if they were one vector of float32 in memory."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._tensors = [each.detach().view(-1) for each in tensors]

    def __len__(self) -> int:
        return sum(map(len, self._tensors))

    def read(self, part: slice = slice(None)) -> Tensor:
        """A copy of a part of the vector."""
        pieces = [each.to("cpu", torch.float32, copy=True) for each, _ in self._pieces(part)]
        return torch.cat(pieces) if pieces else torch.zeros(0)

    def add(self, moved: Tensor, part: slice = slice(None)) -> None:
        """Add to a part of the vector."""
        for each, here in self._pieces(part):
            each.add_(moved[here].to(each.device))

    def _pieces(self, part: slice) -> Iterator[tuple[Tensor, slice]]:
        """The tensors that a part runs through, as far as it does, and where each is in the part."""
        first, last, _ = part.indices(len(self))
        start = 0
        for each in self._tensors:
            a, b = max(first, start), min(last, start + len(each))
            if a < b:
                yield each[a - start : b - start], slice(a - first, b - first)
            start += len(each)


def fragments(size: int, count: int) -> list[slice]:
    """Cuts a vector into parts that differ by a block of the codec at most, and by its incomplete last block."""
    blocks = -(-size // BLOCK)
    bounds = [min(size, blocks * number // count * BLOCK) for number in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(bounds)]
