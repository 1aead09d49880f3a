"""An island: trains alone, tells what it learnt, takes up what all learnt, and may stop at any moment.

A range of the data is leased and learnt whole, and then told of by the next delta of each fragment. What a delta did
not bring in, because it was late or the code lost it, is still in the island's own weights and goes with the next.
"""

import os
import re
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from gristmill.trainer._torch import torch
from gristmill.trainer.feed import Feed
from gristmill.trainer.islands.flat import Flat
from gristmill.trainer.islands.merge import Delta, Merger, post
from gristmill.trainer.islands.plan import Plan
from gristmill.trainer.islands.shared import LostError, Members, Shared, take
from gristmill.trainer.islands.state import State, agree
from gristmill.trainer.ranks import digest
from gristmill.trainer.trainer import Step, Trainer

Report = Callable[[Step], None]

_NAME = re.compile(r"[\w.-]+")
"""What all stores take for a file's name, and none for a pattern of names."""

_POLL = 0.05
"""Seconds between looks at what is shared while there is nothing to learn."""


def run(
    trainer: Trainer, location: str | Path, *, plan: Plan, name: str | None = None, report: Report | None = None
) -> None:
    """Train as one of the islands that meet at a location, until all data is used; then the model is the one they have
    in common.

    Raises:
        DamagedError: a file that is needed is missing, or not what islands write.
        ValueError: the others train something else, islands cannot work there, or the name cannot be a file's.
    """
    if name is not None and not _NAME.fullmatch(name):
        raise ValueError(f"islands: {name!r} is no name; it may have letters, digits, dots, dashes and underscores")
    while True:
        own = f"{name or f'{socket.gethostname()}-{os.getpid()}'}-{secrets.token_hex(4)}"
        island = Island(trainer, Shared(location, own=own), plan=plan)
        try:
            island.to_end(report)
        except LostError:
            continue  # as a new island, which knows nothing that the others do not
        else:
            return
        finally:
            island.members.leave()


class Island:
    """One life of a trainer among others. The optimiser's state is its own.

    Attributes:
        state: what all have in common.
    """

    def __init__(self, trainer: Trainer, shared: Shared, *, plan: Plan) -> None:
        self._trainer, self._shared = trainer, shared
        self._weights, self._biases = Flat(trainer.model.parameters()), Flat(trainer.model.buffers())
        self._biases.add(-self._biases.read())
        # What all begin with, whatever their devices, and nobody needs to send.
        trainer.model.initialise(trainer.config.seed, place=torch.device("cpu"))
        weights_N, biases_B = self._weights.read(), self._biases.read()
        shared.check()
        self._plan = agree(shared, replace(plan, weights=digest([weights_N])))
        self.state = State(
            plan=self._plan, weights_N=weights_N, momentum_N=torch.zeros_like(weights_N), biases_B=biases_B
        )
        self.state.catch_up(shared)
        self._adopt()
        self.members = Members(shared, patience=self._plan.patience)  # not before: it does not beat while it catches up
        self._merger = Merger(shared, self.members)
        trainer.spikes.waiting.clear()
        self._front = 0  # all ranges before it are used
        self._holders: dict[int, str | None] = {}  # of ranges, as they were seen last
        self._learning: list[int] = []
        self._untold: list[list[int]] = [[] for _ in range(self._plan.fragments)]
        self._posted, self._sent_F = (-1, False), torch.zeros(0)
        self._opened = time.monotonic()  # the first round since the last that this island posted in

    def to_end(self, report: Report | None = None) -> None:
        """Take part until there is nothing to learn.

        Raises:
            LostError: the others went on without this island.
        """
        while not self._is_over():
            if (number := self._lease()) is not None:
                self._learn(number, report)
            else:
                time.sleep(_POLL)
            if number is None or time.monotonic() - self._opened >= (self._plan.round_seconds or 0):
                self._post()
        self._adopt()
        self._go_to(self._plan.places(self._plan.ranges).stop)

    def _adopt(self) -> None:
        self._weights.add(self.state.weights_N - self._weights.read())
        self._biases.add(self.state.biases_B - self._biases.read())

    def _is_over(self) -> bool:
        """Whether all was learnt, and nobody who lives has yet to tell of it."""
        if len(self.state.used) < self._plan.ranges:
            return False
        live, told = self.members.live(), (1 << self._plan.fragments) - 1
        return not any(owner in live and bits != told for owner, bits in self.state.used.values())

    def _lease(self) -> int | None:
        """The first range that is neither used nor with one that lives, by the newest commit."""
        live = self.members.live()
        while self._front in self.state.used:
            self._front += 1
        for number in range(self._front, self._plan.ranges):
            if number in self.state.used or self._holders.get(number) in live:
                continue
            self.members.beat()
            self._holders[number] = take(self._shared, f"{number:09}", lives=self.members.lives)
            if self._holders[number] == self._shared.own:
                self._exchange()  # what was used since the last look, and its leases tidied away, is not free
                if number not in self.state.used:
                    return number
        self._exchange()
        return None

    def _learn(self, number: int, report: Report | None) -> None:
        """Train on a range, at the learning rate of its place in the data."""
        trainer, places = self._trainer, self._plan.places(number)
        self._go_to(places.start)
        self._learning, left = [number], len(places)
        while left or trainer.spikes.waiting:
            left -= 0 if trainer.spikes.waiting else trainer.config.batch_sequences
            step = trainer.step()
            self._exchange()
            if report is not None:
                report(step)
        self._learning = []
        for each in self._untold:
            each.append(number)

    def _go_to(self, place: int) -> None:
        trainer = self._trainer
        start = replace(trainer.reader.begin(seed=trainer.config.seed), next=place)
        trainer.batches, trainer.steps = Feed(trainer.reader, state=start), place // trainer.config.batch_sequences

    def _post(self) -> None:
        """Tell of the round's fragment, once a round."""
        now = self.state.number, any(self._untold)
        if now == self._posted:
            return
        learnt_F = self._weights.read(self.state.part) - self.state.weights_N[self.state.part]
        ranges = list(self._untold[self.state.fragment])
        delta = Delta(learnt_F, self._biases.read(), ranges=ranges, is_waiting=any(self._untold))
        self._posted, self._sent_F = now, post(self._shared, self.state, delta)

    def _exchange(self) -> None:
        """After each step: show that this island lives, merge if it falls to it, take up what was merged."""
        self.members.beat()
        self._merger.attend(self.state)
        fragment, part = self.state.fragment, self.state.part
        while (found := self.state.follow(self._shared)) is not None:
            merged, moved_F = found
            if told := merged.get(self._shared.own):
                moved_F -= self._sent_F
                self._untold[fragment] = [each for each in self._untold[fragment] if each not in told]
            self._weights.add(moved_F, part)
            self._biases.add(self.state.biases_B - self._biases.read())
            fragment, part = self.state.fragment, self.state.part
            if self._posted[0] == self.state.number - 1:  # who missed a round is not to wait through the next
                self._opened = time.monotonic()
        for number in chain(self._learning, *self._untold):
            if self.state.used.get(number, (self._shared.own,))[0] != self._shared.own:
                raise LostError
