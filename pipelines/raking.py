"""Raking: amounts that come to given totals, over several divisions of them at once, and else keep their proportions.

Iterative proportional fitting (Deming and Stephan 1940) with a cap on each amount: an amount is min(cap, start * f * g)
with a factor for each part that it belongs to. Of all amounts that have these totals and keep the caps, those are the
nearest to the start in relative entropy.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.tokenizer.quotas import Doubles, scale

TOLERANCE = 1e-5
"""Of the sum of all totals: a part that is so near to its total has reached it."""

MOST_SWEEPS = 300
"""Divisions that are nearly the same take many. So many bring nine of ten random tables, with amounts that differ by
factors of a thousand, within the tolerance, and the last of a thousand within 0.004."""

_MOST_CHANGE = 1e60


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some of the amounts, by their places, and what they are to come to."""

    places: npt.NDArray[np.int64]
    total: float


def rake(start: Doubles, *, caps: Doubles, divisions: Sequence[Sequence[Part]]) -> Doubles:
    """The amounts.

    An amount that starts at 0 stays there, and a total beyond a part's caps is missed. Where divisions contradict each
    other, the last one's totals are reached.

    Args:
        divisions: each says for every amount which part it is in.

    Cost: linear in the amounts, for each sweep: one for a single division, ten to `MOST_SWEEPS` for more.
    """
    amounts = start.copy()
    near = TOLERANCE * math.fsum(part.total for parts in divisions[-1:] for part in parts)
    for _ in range(MOST_SWEEPS):
        for parts in divisions:
            for part in parts:
                amounts[part.places] *= _factor(amounts[part.places], caps[part.places], total=part.total)
        # Where totals contradict each other, factors grow without end.
        amounts = np.where(amounts > 0, np.clip(amounts, start / _MOST_CHANGE, start * _MOST_CHANGE), 0)
        found = np.minimum(amounts, caps)
        if all(_reached(found, parts, near=near) for parts in divisions[:-1]):
            break
    return np.minimum(amounts, caps)


def _factor(amounts: Doubles, caps: Doubles, *, total: float) -> float:
    """What to multiply amounts by, so that, capped, they sum to the total; or reach their caps, where that is less."""
    used = amounts > 0
    if total <= 0 or not used.any():
        return 0.0
    return scale(total, amounts[used], floors=np.zeros(int(used.sum())), caps=caps[used])


def _reached(found: Doubles, parts: Iterable[Part], *, near: float) -> bool:
    return all(abs(math.fsum(found[part.places]) - part.total) <= near for part in parts)
