"""The deltas of a round become a commit.

deltas/000000012/NAME         what an island learnt of a round's fragment, and from which ranges
deltas/000000012/NAME.idle    that it has nothing to tell; the other may follow, if it finds something to learn
"""

import json
import time
from typing import NamedTuple

from gristmill.trainer._torch import torch
from gristmill.trainer.islands.codec import DamagedError, decode, encode, pack, unpack
from gristmill.trainer.islands.shared import Members, Shared, holder, take
from gristmill.trainer.islands.state import Merged, State, mean_of

Tensor = torch.Tensor

_MERGER, _IDLE = "merger", ".idle"


class Delta(NamedTuple):
    """What an island posts in a round: values of the fragment (F) and biases (B); the ranges that it learnt since its
    last delta of the fragment that was merged, if any; and whether there is any fragment that it has to tell of."""

    values_F: Tensor
    biases_B: Tensor
    ranges: list[int]
    is_waiting: bool


def post(shared: Shared, state: State, delta: Delta) -> Tensor:
    """Write a delta to the round that is open; returns its values as others will read them.

    Raises:
        DamagedError: some are not finite.
    """
    tensors = encode(delta.values_F, state.plan.codec)
    read_F = decode(tensors, len(delta.values_F))
    data = pack(tensors | {"biases": delta.biases_B}, {"ranges": delta.ranges, "is_waiting": delta.is_waiting})
    shared.create(f"deltas/{state.number:09}/{shared.own}{'' if delta.is_waiting else _IDLE}", data)
    return read_F


class Merger:
    """Ends rounds, while it holds the lease to. What the code loses of a mean goes along with the fragment's next
    (arXiv:1905.05957), unless another island merges by then."""

    def __init__(self, shared: Shared, members: Members) -> None:
        self._shared, self._members = shared, members
        self._round, self._quorum_at = -1, float("inf")
        self._posted: dict[str, Delta | None] = {}
        self._lost: dict[int, Tensor] = {}

    def attend(self, state: State) -> None:
        """End the round if it is time."""
        if take(self._shared, _MERGER, lives=self._members.lives) != self._shared.own:
            return
        live = self._members.live()
        if self._round != state.number:
            self._round, self._quorum_at, self._posted = state.number, float("inf"), {}
            self._members.bury()
            if state.number and state.number % state.plan.snapshot_every == 0:
                self._tidy(state)
        for name in self._shared.store.names(f"deltas/{state.number:09}"):
            if name not in self._posted:
                self._posted[name] = self._read(name, state)
        if self._is_time(live, state):
            self._commit(state)

    def _read(self, name: str, state: State) -> Delta | None:
        """A delta; None where it is damaged, which is as good as none."""
        try:
            tensors, about = unpack(self._shared.read(f"deltas/{state.number:09}/{name}") or b"")
            return Delta(decode(tensors, state.part.stop - state.part.start), tensors["biases"], **about)
        except (DamagedError, KeyError, TypeError):
            return None

    def _is_time(self, live: set[str], state: State) -> bool:
        """Whether all have posted, or enough and long ago; and any of it leads anywhere."""
        heard = {name.removesuffix(_IDLE) for name in self._posted}
        if len(live & heard) >= state.plan.quorum * len(live):
            self._quorum_at = min(self._quorum_at, time.monotonic())
        is_late = time.monotonic() - self._quorum_at >= state.plan.grace
        is_useful = any(each and each.is_waiting for each in self._posted.values())
        return is_useful and (is_late or live <= heard)

    def _commit(self, state: State) -> None:
        merged: Merged = {}
        for name, delta in sorted(self._posted.items()):
            told = {number for ranges in merged.values() for number in ranges}
            if delta and delta.ranges and told.isdisjoint(delta.ranges) and self._may_tell(name, delta.ranges, state):
                merged[name] = delta.ranges
        lost: dict[int, Tensor] = {}
        if merged:
            data, lost[state.fragment] = self._mean([each for name in merged if (each := self._posted[name])], state)
            self._shared.create(mean_of(state.number + 1, self._shared.own), data)
        about = {"merged": merged, "by": self._shared.own, "fragment": state.fragment}
        if self._shared.create(f"commits/{state.number + 1:09}", json.dumps(about).encode()):
            self._lost |= lost

    def _may_tell(self, name: str, ranges: list[int], state: State) -> bool:
        """Whether no other island told of these ranges, nor has leased them since. An island may die after it posted;
        if its ranges are another's before the round ends, merging its delta would undo what that one learns."""
        new = (f"{number:09}" for number in ranges if number not in state.used)
        return state.may_merge(name, ranges) and all(holder(self._shared, each) in (name, None) for each in new)

    def _mean(self, deltas: list[Delta], state: State) -> tuple[bytes, Tensor]:
        """By how much was learnt for each (arXiv:2604.21428): a file, and what the code lost."""
        total = sum(len(each.ranges) for each in deltas)
        mean_F = torch.stack([each.values_F * (len(each.ranges) / total) for each in deltas]).sum(0)
        mean_F += self._lost.get(state.fragment, 0)
        tensors = encode(mean_F, state.plan.codec)
        biases_B = torch.stack([each.biases_B for each in deltas]).mean(0)
        return pack(tensors | {"biases": biases_B}, {}), mean_F - decode(tensors, len(mean_F))

    def _tidy(self, state: State) -> None:
        """Write a snapshot, and take away what nobody needs who has seen the one before."""
        self._shared.create(f"snapshots/{state.number:09}", state.to_bytes())
        before, names = f"{state.number - state.plan.snapshot_every:09}", self._shared.store.names
        old = [f"{each}/{name}" for each in ("snapshots", "means", "deltas") for name in names(each) if name < before]
        old += [f"leases/{name}" for name in names("leases") if name != _MERGER and int(name) in state.used]
        for each in old:
            self._members.beat()  # there may be a thousand, and a bucket is slow
            self._shared.store.remove(each)
