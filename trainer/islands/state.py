"""What islands have in common: a chain of commits, each of which says what it merged, and what follows from it.

commits/000000012    what a round came to; who links it first has decided it
means/000000012-NAME    the mean of the deltas that it merged
snapshots/000000064    everything up to a commit, for those who join

All follow the same commits, so any island can merge the next.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from gristmill.trainer._torch import torch
from gristmill.trainer.islands.codec import DamagedError, decode, pack, unpack
from gristmill.trainer.islands.flat import fragments
from gristmill.trainer.islands.plan import Plan
from gristmill.trainer.islands.shared import Shared

Tensor = torch.Tensor
Merged = dict[str, list[int]]
"""The ranges that each island had learnt."""


@dataclass(kw_only=True)
class State:
    """The state after a number of rounds. N parameters, B biases of routers, F parameters of a fragment.

    Attributes:
        used: of each range that was used, by which island, and which fragments' deltas told of it, as bits.
    """

    plan: Plan
    number: int = 0
    weights_N: Tensor
    momentum_N: Tensor
    biases_B: Tensor
    used: dict[int, tuple[str, int]] = field(default_factory=dict)

    @property
    def fragment(self) -> int:
        """The one that is exchanged next."""
        return self.plan.turn(self.number)

    @property
    def part(self) -> slice:
        """Where it is among the parameters."""
        return fragments(len(self.weights_N), self.plan.fragments)[self.fragment]

    def may_merge(self, island: str, ranges: list[int]) -> bool:
        """Whether no other island's delta told of these ranges, and none of this fragment."""
        found = [self.used.get(number, (island, 0)) for number in ranges]
        return all(owner == island and not bits >> self.fragment & 1 for owner, bits in found)

    def apply(self, merged: Merged, mean_F: Tensor, biases_B: Tensor) -> Tensor:
        """End a round: a step of Nesterov's momentum along the mean delta, the biases' mean as it is. Returns how far
        the fragment moved (F)."""
        part, bit = self.part, 1 << self.fragment
        before_F = self.weights_N[part].clone()
        if merged:
            step_F = mean_F
            if self.plan.outer_momentum:
                self.momentum_N[part].mul_(self.plan.outer_momentum).add_(mean_F)
                step_F = mean_F + self.plan.outer_momentum * self.momentum_N[part]
            self.weights_N[part].add_(step_F, alpha=self.plan.outer_rate)
            self.biases_B = biases_B
        for island, ranges in merged.items():
            self.used |= {each: (island, self.used.get(each, ("", 0))[1] | bit) for each in ranges}
        self.number += 1
        return self.weights_N[part] - before_F

    def follow(self, shared: Shared) -> tuple[Merged, Tensor] | None:
        """Take up the next commit: what it merged, and how far the fragment moved. None where there is none yet.

        Raises:
            DamagedError: a file that it needs is missing, or not what islands write.
        """
        data = shared.read(f"commits/{self.number + 1:09}")
        if data is None:
            return None
        commit = json.loads(data)
        mean_F, biases_B = torch.zeros(self.part.stop - self.part.start), self.biases_B
        if commit["merged"]:
            tensors, _ = unpack(_needed(shared, mean_of(self.number + 1, commit["by"])))
            mean_F, biases_B = decode(tensors, len(mean_F)), tensors["biases"]
        return commit["merged"], self.apply(commit["merged"], mean_F, biases_B)

    def to_bytes(self) -> bytes:
        """A snapshot."""
        tensors = {"weights_N": self.weights_N, "biases_B": self.biases_B}
        if self.plan.outer_momentum:
            tensors["momentum_N"] = self.momentum_N
        return pack(tensors, {"number": self.number, "used": [(each, *by) for each, by in sorted(self.used.items())]})

    def catch_up(self, shared: Shared) -> None:
        """Go to the newest state, by the last snapshot and the commits after it.

        Raises:
            DamagedError: a file that it needs is missing, or not what islands write.
        """
        if last := max(shared.store.names("snapshots"), default=None):
            tensors, about = unpack(_needed(shared, f"snapshots/{last}"))
            self.weights_N, self.biases_B, self.number = tensors["weights_N"], tensors["biases_B"], about["number"]
            self.momentum_N = tensors.get("momentum_N", self.momentum_N)
            self.used = {number: (owner, bits) for number, owner, bits in about["used"]}
        while self.follow(shared) is not None:
            pass


def mean_of(number: int, island: str) -> str:
    """The file with the mean that an island made for a commit."""
    if "/" in island:
        raise DamagedError(f"{island} is not the name of an island")
    return f"means/{number:09}-{island}"


def agree(shared: Shared, plan: Plan) -> Plan:
    """Write the plan, unless there is one. Returns the one to follow: how to exchange is as the first island wanted.

    Raises:
        ValueError: the others train something else.
    """
    shared.create(f"commits/{0:09}", json.dumps(plan.to_json()).encode())
    found = read_plan(shared)
    theirs, ours = (
        {**each.model, **each.train, "shards": each.manifest, "weights": each.weights} for each in (found, plan)
    )
    if differs := [f"{name} {theirs.get(name)}, not {ours[name]}" for name in ours if theirs.get(name) != ours[name]]:
        raise ValueError(
            f"{shared.location}: has islands that train something else ({', '.join(differs)}); take a new one"
        )
    return found


def read_plan(shared: Shared) -> Plan:
    plan: dict[str, Any] = json.loads(_needed(shared, f"commits/{0:09}"))
    return Plan(**plan)


def _needed(shared: Shared, name: str) -> bytes:
    data = shared.read(name)
    if data is None:
        raise DamagedError(f"{shared.location}: {name} is missing")
    return data
