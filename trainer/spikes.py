"""Loss spikes: a batch whose loss leaps is skipped, tried again once, and its documents are named."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

_WINDOW = 64
_ENOUGH = 16
_LEAST = 0.02
"""A deviation smaller than this share of the mean is taken as this: early losses can be all alike."""


@dataclass(kw_only=True)
class Spikes:
    """What the losses of the last steps were, and which batches wait for a second try.

    Attributes:
        limit: deviations above the mean from which a loss is a spike.
        waiting: indices of batches that were skipped once.
    """

    limit: float
    recent: list[float] = field(default_factory=list)
    waiting: list[list[int]] = field(default_factory=list)

    def is_spike(self, loss: float, gradient: float) -> bool:
        """Whether a batch's loss, or the norm of its gradient, is nothing that follows from those before."""
        if not (math.isfinite(loss) and math.isfinite(gradient)):
            return True
        if len(self.recent) < _ENOUGH:
            return False
        mean = sum(self.recent) / len(self.recent)
        variance = sum((each - mean) ** 2 for each in self.recent) / len(self.recent)
        return loss > mean + self.limit * max(math.sqrt(variance), _LEAST * mean)

    def passed(self, loss: float) -> None:
        """Count a loss that was no spike."""
        self.recent = [*self.recent, loss][-_WINDOW:]

    def skip(self, indices: Sequence[int]) -> None:
        """Let a batch wait for another try."""
        self.waiting.append([int(each) for each in indices])

    def again(self) -> list[int] | None:
        """A batch to try a second time."""
        return self.waiting.pop(0) if self.waiting else None

    def to_json(self) -> dict[str, Any]:
        return {"recent": self.recent, "waiting": self.waiting}

    @classmethod
    def from_json(cls, value: dict[str, Any], *, limit: float) -> Self:
        return cls(limit=limit, recent=list(value["recent"]), waiting=list(value["waiting"]))
