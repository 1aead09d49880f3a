"""The proof, from the commits alone, that each sequence was used as often as planned.

A range is used when a delta of an island that learnt it is committed. Until then it is learnt by that island's own
model only; if that dies, the lease ends, and another learns the range. Once used it is not leased again. Should its
island die before it told of the range for the other fragments, these lack it: `told` is the share that they do have.
"""

import json
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gristmill.trainer.islands.shared import Shared
from gristmill.trainer.islands.state import read_plan
from gristmill.trainer.shards import ShardReader


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Attributes:
    planned, used: how often each sequence is to be used, and was, by index.
    told: share of all pairs of a range and a fragment that were merged.
    balances: each sequence was used exactly as planned: all ranges, each by one island, no pair twice.
    """

    planned: Counter[int]
    used: Counter[int]
    told: float
    balances: bool


def read(location: str | Path, reader: ShardReader) -> Ledger:
    """Adds up all commits of a directory or bucket. Time: linear in the sequences."""
    shared = Shared(location, own="ledger")
    plan = read_plan(shared)
    pairs: list[tuple[int, int]] = []
    owners: set[tuple[int, str]] = set()
    for name in shared.store.names("commits")[1:]:
        commit = json.loads(shared.read(f"commits/{name}") or b"")
        for island, ranges in commit["merged"].items():
            pairs += [(number, commit["fragment"]) for number in ranges]
            owners |= {(number, island) for number in ranges}
    order = reader.indices(seed=plan.train["seed"])
    indices = list(islice(order, plan.places(plan.ranges - 1).stop))
    planned, used = Counter(indices), Counter(indices[place] for number, _ in owners for place in plan.places(number))
    return Ledger(
        planned=planned,
        used=used,
        told=len(pairs) / (plan.ranges * plan.fragments),
        balances=used == planned and len(pairs) == len(set(pairs)),
    )
