"""The processes that train one model together; one alone, too."""

from collections.abc import Sequence

from gristmill.trainer._torch import torch

Tensor = torch.Tensor


class Ranks:
    """A process alone."""

    rank = 0
    size = 1

    def part(self, sequences: int) -> slice:
        """Which sequences of a batch are this rank's."""
        return slice(0, sequences)

    def timed(self, *, sequences: int, seconds: float) -> None:
        """Tell how long this rank's part of a step took."""

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors, of the same sizes on all ranks, by their sums over the ranks."""
