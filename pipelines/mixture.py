"""The mixture: how many copies of each document the shards hold.

The rule, for a document of language l, domain d and source s::

    rate = min(max_epochs, t(l) * languages[l] * domains[d] * sources[s])

The temperature's rate t(l) is proportional to B(l) ** (temperature - 1), where B(l) is the language's curated bytes,
and scaled so that the text stays as much as it was: the sum of t(l) * B(l) is the sum of B(l). No t(l) exceeds
max_epochs; what that cuts off goes to the other languages. So at temperature 1 every rate is 1, and below it the
largest language has a rate of at most 1 (the rates' mean over all bytes is 1, and its own is the smallest).

The weights are not scaled: 2 means twice as often, 0 means never, and a changed weight leaves all other groups, and the
work done on them, as they were.

A document of rate r is there floor(r) times, and once more if a hash of its id says so, with chance r - floor(r). Who
is in at rate r is also in at any higher rate.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xxhash

from gristmill.filters.rules import lookup_keys
from gristmill.pipelines.weigh import Group, Weight, by_language
from gristmill.schemas.recipe import Mixture

RATE_DIGITS = 6
"""Rates are rounded, since the last bits of a power differ between machines' maths libraries."""


def rates(found: Mapping[Group, Weight], mixture: Mixture) -> dict[Group, float]:
    """Copies of each document, on average, by group."""
    by_temperature = language_rates(by_language(found), temperature=mixture.temperature, max_epochs=mixture.max_epochs)
    return {
        group: round(min(mixture.max_epochs, by_temperature[group.language] * weight_of(group, mixture)), RATE_DIGITS)
        for group in found
    }


def weight_of(group: Group, mixture: Mixture) -> float:
    """The product of a group's weights."""
    language = next((mixture.languages[key] for key in lookup_keys(group.language) if key in mixture.languages), 1.0)
    return language * mixture.domains.get(group.domain, 1.0) * mixture.sources.get(group.source, 1.0)


def language_rates(sizes: Mapping[str, int], *, temperature: float, max_epochs: float) -> dict[str, float]:
    """t(l) as defined above; 1 for languages without text."""
    found = dict.fromkeys(sizes, 1.0)
    # From the smallest language on, whose rate is the highest: those that would exceed the limit get the limit.
    rest = sorted((name for name in sizes if sizes[name] > 0), key=lambda name: (sizes[name], name))
    budget = float(sum(sizes.values()))
    while rest:
        largest = sizes[rest[-1]]
        powers = {name: (sizes[name] / largest) ** (temperature - 1) for name in rest}
        scale = budget / math.fsum(powers[name] * sizes[name] for name in rest)
        if scale * powers[rest[0]] <= max_epochs:
            return found | {name: scale * powers[name] for name in rest}
        found[rest[0]] = max_epochs
        budget -= max_epochs * sizes[rest[0]]
        del rest[0]
    return found


def copies(doc_ids: list[str], rate: npt.NDArray[np.float64], *, seed: int) -> npt.NDArray[np.int64]:
    """Number of copies of each document."""
    whole = np.floor(rate)
    chance = np.array([xxhash.xxh3_64_intdigest(f"copies:{each}".encode(), seed=seed) for each in doc_ids], np.uint64)
    return (whole + (chance.astype(np.float64) / 2.0**64 < rate - whole)).astype(np.int64)


def order_of(doc_id: str, copy: int, *, seed: int) -> int:
    """Place of a copy in the shuffle: 64 bits."""
    return xxhash.xxh3_64_intdigest(f"order:{copy}:{doc_id}".encode(), seed=seed)
