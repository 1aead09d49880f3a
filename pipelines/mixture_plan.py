"""The plan of the mixture: how often documents of each group are used.

The rule, for a document of language l, domain d and source s that stands for n documents, copies of it included::

    rate = min(max_epochs, t(l) * language_weights[l] * domain_weights[d] * source_weights[s] * duplicate_weights[n])

The temperature's rate t(l) is proportional to B(l) ** (temperature - 1), where B(l) is the language's curated bytes,
and scaled so that the text stays as much as it was: the sum of t(l) * B(l) is the sum of B(l). No t(l) exceeds
max_epochs; what that cuts off goes to the other languages. So at temperature 1 every rate is 1, and below it the
largest language has a rate of at most 1 (the rates' mean over all bytes is 1, and its own is the smallest).

Weights are not scaled: 2 means twice as often, 0 means never, and a changed weight leaves all other groups, and the
work done on them, as they were.

Shares are reached: with any, or with a budget, further factors for languages, domains and sources are sought with
which the mixed text comes to them (`raking`). What no share names keeps its proportions.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.pipelines.raking import Part, rake
from gristmill.pipelines.weigh import Group, Weight, language_key
from gristmill.schemas.recipe import Mixture
from gristmill.tokenizer.quotas import Doubles, divide, powers, significant

RATE_DIGITS = 6
"""Significant digits of rates, since the last bits of a power differ between machines' maths libraries."""

_REST = ""
"""Key of all that no share names."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a group comes to.

    Attributes:
        asked: share of the mixed text, by bytes, if max_epochs did not matter. 0..1.
        share: the share with it. 0..1.
        rate: copies of each document, on average over the bytes.
        rates: the same by the size of clusters, one for each of `sizes`.
    """

    asked: float
    share: float
    rate: float
    rates: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """The groups, each divided by the weights of its clusters' sizes.

    Attributes:
        groups: of each cell.
        n_bytes: of text of each cell.
        weights: of each cell: what those of the recipe multiply to.
    """

    groups: tuple[Group, ...]
    n_bytes: Doubles
    weights: Doubles


def sizes(mixture: Mixture) -> tuple[int, ...]:
    """Sizes of clusters from which on a weight holds, the smallest first."""
    return tuple(sorted({1, *map(int, mixture.duplicate_weights)}))


def plan(found: Mapping[Group, Weight], mixture: Mixture) -> dict[Group, Plan]:
    """What each group comes to. Cost: see `rake`, for one cell for each group and weight of duplicates."""
    cells = _cells(found, mixture)
    steps = len(sizes(mixture))
    rates = _rates(cells, mixture, max_epochs=mixture.max_epochs).reshape(-1, steps)
    asked = _rates(cells, mixture, max_epochs=math.inf).reshape(-1, steps)
    n_bytes = cells.n_bytes.reshape(-1, steps)
    allowed_bytes, asked_bytes = (rates * n_bytes).sum(1), (asked * n_bytes).sum(1)
    all_allowed, all_asked = allowed_bytes.sum(), asked_bytes.sum()
    plans = {}
    for place, group in enumerate(found):
        total = found[group].n_bytes
        plans[group] = Plan(
            asked=_rounded(asked_bytes[place] / all_asked) if all_asked else 0.0,
            share=_rounded(allowed_bytes[place] / all_allowed) if all_allowed else 0.0,
            rate=_rounded(allowed_bytes[place] / total) if total else float(rates[place, 0]),
            rates=tuple(rates[place].tolist()),
        )
    return plans


def weight_of(group: Group, mixture: Mixture) -> float:
    """The product of a group's weights."""
    language = _named(group.language, mixture.language_weights)
    return (
        mixture.language_weights.get(language, 1.0)
        * mixture.domain_weights.get(group.domain, 1.0)
        * mixture.source_weights.get(group.source, 1.0)
    )


def language_rates(n_bytes: Mapping[str, int], *, temperature: float, max_epochs: float) -> dict[str, float]:
    """t(l) as defined above; 1 for languages without text."""
    parts = divide(
        sum(n_bytes.values()),
        powers(n_bytes, temperature=temperature),
        caps={name: max_epochs * size if size else 0.0 for name, size in n_bytes.items()},
    )
    return {name: parts[name] / size if size else 1.0 for name, size in n_bytes.items()}


def _cells(found: Mapping[Group, Weight], mixture: Mixture) -> _Cells:
    steps = sizes(mixture)
    n_bytes = np.zeros((len(found), len(steps)))
    for place, weight in enumerate(found.values()):
        for size, amount in weight.by_size:
            n_bytes[place, np.searchsorted(steps, size, side="right") - 1] += amount
    of_step = [mixture.duplicate_weights.get(str(step), 1.0) for step in steps]
    of_group = [weight_of(group, mixture) for group in found]
    return _Cells(
        groups=tuple(group for group in found for _ in steps),
        n_bytes=n_bytes.reshape(-1),
        weights=np.outer(of_group, of_step).reshape(-1),
    )


def _rates(cells: _Cells, mixture: Mixture, *, max_epochs: float) -> Doubles:
    """The rate of each cell."""
    totals: dict[str, int] = {}
    for group, amount in zip(cells.groups, cells.n_bytes.tolist(), strict=True):
        totals[group.language] = totals.get(group.language, 0) + int(amount)
    tempered = language_rates(totals, temperature=mixture.temperature, max_epochs=max_epochs)
    start = cells.weights * np.array([tempered[group.language] for group in cells.groups], np.float64)
    rates = np.minimum(start, max_epochs)
    present = (cells.n_bytes > 0) & (start > 0)
    caps = np.zeros(len(start))
    caps[present] = max_epochs * cells.n_bytes[present]
    divisions = _divisions(cells.groups, caps, mixture, budget=math.fsum(rates * cells.n_bytes))
    if divisions:
        amounts = rake(start * cells.n_bytes, caps=caps, divisions=divisions)
        rates[present] = amounts[present] / cells.n_bytes[present]
    return np.array([min(_rounded(rate), max_epochs) for rate in rates.tolist()], np.float64)


def _divisions(groups: Sequence[Group], caps: Doubles, mixture: Mixture, *, budget: float) -> list[list[Part]]:
    """What the recipe's shares and its budget ask for, in bytes; nothing, where it has neither.

    Languages come last: where shares contradict each other, theirs are reached.

    Args:
        caps: bytes that each cell can come to.
        budget: bytes of the mixture, if the recipe does not say.
    """
    named: list[tuple[Mapping[str, float], Callable[[Group], str]]] = [
        (mixture.source_shares, lambda group: group.source if group.source in mixture.source_shares else _REST),
        (mixture.domain_shares, lambda group: group.domain if group.domain in mixture.domain_shares else _REST),
        (mixture.language_shares, lambda group: _named(group.language, mixture.language_shares)),
    ]
    divisions = [_Division.of(shares, [key(group) for group in groups], caps) for shares, key in named if shares]
    if mixture.budget_bytes is not None:
        budget = mixture.budget_bytes
        divisions = divisions or [_Division.of({}, [_REST] * len(groups), caps)]
    budget = min([budget, *(each.reachable() for each in divisions)])
    return [each.parts(budget) for each in divisions]


@dataclass(frozen=True, kw_only=True)
class _Division:
    """The cells by what the recipe gives a share.

    Attributes:
        places: of the cells of each part.
        shares: of each part.
        capacities: bytes that each part can come to.
    """

    places: Mapping[str, npt.NDArray[np.int64]]
    shares: Mapping[str, float]
    capacities: Mapping[str, float]

    @classmethod
    def of(cls, shares: Mapping[str, float], keys: Sequence[str], caps: Doubles) -> "_Division":
        of_key = np.array(keys)
        places = {key: np.flatnonzero(of_key == key) for key in sorted(set(keys))}
        # Rounded, so that shares that sum to 1 leave nothing.
        rest = max(round(1 - math.fsum(shares.values()), 9), 0.0)
        return cls(
            places=places,
            shares={key: shares.get(key, rest) for key in places},
            capacities={key: math.fsum(caps[members]) for key, members in places.items()},
        )

    def reachable(self) -> float:
        """Bytes that all parts can come to together, but those of which nothing is wanted."""
        return math.fsum(self.capacities[key] for key, share in self.shares.items() if share > 0)

    def parts(self, budget: float) -> list[Part]:
        """What each part is to come to.

        What a share cannot reach goes to the parts that no share names, and only what they cannot take to the others,
        in proportion to their shares.
        """
        totals = {key: min(share * budget, self.capacities[key]) for key, share in self.shares.items()}
        if self.shares.get(_REST, 0.0) > 0:
            left = budget - math.fsum(total for key, total in totals.items() if key != _REST)
            totals[_REST] = min(left, self.capacities[_REST])
        totals = divide(budget, self.shares, caps=self.capacities, floors=totals)
        return [Part(places=self.places[key], total=total) for key, total in totals.items()]


def _named(language: str, table: Mapping[str, float]) -> str:
    """The most particular key of a table that means a language; or that of the rest."""
    return language_key(language, table) or _REST


def _rounded(value: float) -> float:
    return significant(float(value), digits=RATE_DIGITS)
