"""Who computes how much of a batch: sequences in proportion to speed, and not other numbers at every step."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

_NEW = 0.3
"""Weight of the last speed in the mean: after six steps a change counts nine tenths."""

_GAIN = 0.05
"""Share of a step's time that another allotment has to save."""

_HOPE = 0.01
"""A rank that gets nothing is believed so much faster after each step, so that it is tried again some day."""


class Allotment:
    """How many sequences each rank gets; the same on all ranks if they observe the same."""

    def __init__(self, *, speeds: Sequence[float], most: Sequence[int | None] | None = None) -> None:
        """Speeds, more than 0, are guesses in any unit; `most` is what each rank can take in a step, None for any."""
        self._speeds, self._most = list(speeds), list(most or [None] * len(speeds))
        self._measured = [False] * len(speeds)
        self._current: list[int] = []

    def observe(self, speeds: Sequence[float]) -> None:
        """Sequences per second of each rank in the last step, 0 of one that had none or was not timed. What is
        measured after a guess counts alone."""
        if not any(speeds):
            return
        if not any(self._measured):  # the first step gives the guesses their unit
            unit = next(speed / guess for speed, guess in zip(speeds, self._speeds, strict=True) if speed > 0)
            self._speeds = [guess * unit for guess in self._speeds]
        for rank, speed in enumerate(speeds):
            weight = _NEW if self._measured[rank] else 1.0
            self._speeds[rank] += weight * (speed - self._speeds[rank]) if speed > 0 else _HOPE * self._speeds[rank]
            self._measured[rank] = speed > 0

    def of(self, sequences: int) -> list[int]:
        """The allotment of a batch: the last one, unless that in proportion to the speeds is clearly faster.

        Raises:
            ValueError: all ranks together cannot take so many.
        """
        wanted = proportional(sequences, weights=self._speeds, most=self._most)
        if sum(self._current) != sequences or self._seconds(wanted) < (1 - _GAIN) * self._seconds(self._current):
            self._current = wanted
        return self._current

    def _seconds(self, counts: Sequence[int]) -> float:
        return max(count / speed for count, speed in zip(counts, self._speeds, strict=True))


def proportional(total: int, *, weights: Sequence[float], most: Sequence[int | None]) -> list[int]:
    """Whole numbers in proportion to weights, none above its limit: one after another goes to whoever is done soonest
    with one more, of equals to the first. The last is then done as early as can be, which by largest remainder it is
    not always. Time: total * log(ranks).

    Raises:
        ValueError: the limits do not allow the total.
    """
    limits = [total if each is None else min(each, total) for each in most]
    if sum(limits) < total:
        raise ValueError(f"train.batch_sequences: {total}, but all ranks together take {sum(limits)} in a step at most")
    given = [0] * len(weights)
    done = [(1 / weight, rank) for rank, weight in enumerate(weights) if limits[rank]]
    heapify(done)
    for _ in range(total):
        _, rank = heappop(done)
        given[rank] += 1
        if given[rank] < limits[rank]:
            heappush(done, ((given[rank] + 1) / weights[rank], rank))
    return given
