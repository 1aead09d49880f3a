"""Dividing a budget: in proportion to sizes or to a power of them, within floors and caps.

One rule, `scale`, serves the tokenizer's sample and the mixture. At temperature 0, with caps of so many times what
there is, it is UniMax (arXiv:2304.09151, algorithm 1).
"""

import math
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

Group = TypeVar("Group", bound=tuple[str, str, str])
"""Language, domain and source."""

_DIGITS = 9


def powers(sizes: Mapping[str, int], *, temperature: float) -> dict[str, float]:
    """Each size ** temperature, that of the largest being 1 (arXiv:1901.07291, section 3.1); 0 of what is empty.

    Rounded, since the last bits of a power differ between machines' maths libraries.
    """
    largest = max(sizes.values(), default=0)
    return {
        name: significant((size / largest) ** temperature, digits=_DIGITS) if size > 0 else 0.0
        for name, size in sorted(sizes.items())
    }


def significant(value: float, *, digits: int) -> float:
    """The value to so many significant digits."""
    return float(f"{value:.{digits}g}")


def scale(budget: float, wanted: Doubles, *, floors: Doubles, caps: Doubles) -> float:
    """The scale at which all of min(cap, max(floor, scale * wanted)) sum to a budget.

    Where the caps do not reach the budget, one at which all are at theirs.

    Args:
        wanted: above 0.
        floors: no more than the caps, and in sum no more than the budget.

    Cost: linear, times the rounds in which another one turns out to be bound: a few, at worst one for each.
    """
    while True:
        # As CSS lays out flexible boxes: those bound on the side that weighs more are settled, the others go on.
        found = budget / math.fsum(wanted)
        parts = found * wanted
        added = np.minimum(np.maximum(parts, floors), caps) - parts
        if not added.any():
            return found
        raising = math.fsum(added) >= 0
        bound = added > 0 if raising else added < 0
        if bound.all():
            return found if raising else float((caps / wanted).max())
        budget -= math.fsum((floors if raising else caps)[bound])
        wanted, floors, caps = wanted[~bound], floors[~bound], caps[~bound]


def divide(
    budget: float,
    wanted: Mapping[str, float],
    *,
    caps: Mapping[str, float],
    floors: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Divide a budget in proportion to what is wanted, as far as floors and caps allow.

    The part of each is min(cap, max(floor, scale * wanted)), for the one scale at which the parts sum to the budget. So
    what a cap cuts off goes to the others by the same rule, and what a floor adds comes from them. Where the caps of
    all that want anything do not reach the budget, each gets its cap. A floor above its cap counts as the cap; floors
    that sum to more than the budget are cut down in proportion. What wants nothing gets its floor.
    """
    least = {name: min(caps[name], (floors or {}).get(name, 0.0)) for name in wanted}
    reserved = math.fsum(least.values())
    if reserved >= budget:
        return {name: floor * (budget / reserved) if reserved else 0.0 for name, floor in least.items()}
    free = [name for name, want in wanted.items() if want > 0]
    if not free:
        return least
    rest = budget - math.fsum(floor for name, floor in least.items() if wanted[name] <= 0)
    wants, lows, highs = (np.array([table[name] for name in free], np.float64) for table in (wanted, least, caps))
    parts = np.clip(scale(rest, wants, floors=lows, caps=highs) * wants, lows, highs)
    return least | dict(zip(free, parts.tolist(), strict=True))


def quotas(
    sizes: Mapping[Group, int],
    *,
    sample_bytes: int,
    temperature: float,
    domain_temperature: float,
    floors: Mapping[str, float],
    caps: Mapping[str, float],
) -> dict[Group, int]:
    """Bytes to sample of each group: languages divide the sample, the domains of each its part, their sources theirs.

    No group is asked for more than it has. So the quotas sum to `sample_bytes`, or to all the text that there is and
    the caps allow; each is rounded to whole bytes.

    Args:
        sizes: bytes of text.
        temperature: between languages: 1 as in the corpus, 0 all alike.
        domain_temperature: the same between the domains of a language, and between the sources of a domain.
        floors: bytes of a language, at least; 0 where not named.
        caps: bytes of a language, at most; all it has where not named.
    """
    totals = _totals(sizes, level=0)
    languages = divide(
        sample_bytes,
        powers(totals, temperature=temperature),
        floors=floors,
        caps={name: min(size, caps.get(name, size)) for name, size in totals.items()},
    )
    found: dict[Group, int] = {}
    for language, part in languages.items():
        members = {group: size for group, size in sizes.items() if group[0] == language}
        found |= _within(members, part, level=1, temperature=domain_temperature)
    return dict(sorted(found.items()))


def _within(sizes: Mapping[Group, int], budget: float, *, level: int, temperature: float) -> dict[Group, int]:
    """A budget divided over the names at a level of the groups, and so on down to the groups themselves."""
    if level == 3:
        return {group: round(budget) for group in sizes}
    totals = _totals(sizes, level=level)
    parts = divide(budget, powers(totals, temperature=temperature), caps=totals)
    found: dict[Group, int] = {}
    for name, part in parts.items():
        members = {group: size for group, size in sizes.items() if group[level] == name}
        found |= _within(members, part, level=level + 1, temperature=temperature)
    return found


def _totals(sizes: Mapping[Group, int], *, level: int) -> dict[str, int]:
    totals: dict[str, int] = {}
    for group, size in sizes.items():
        totals[group[level]] = totals.get(group[level], 0) + size
    return totals
