"""What islands share, in a directory or a bucket: files that never change, heartbeats, and leases.

What is asked of it: of all who create a name one succeeds, and what was written is seen by all after a while. Nothing
is asked of clocks but that they run: an island is taken for dead when its heartbeat has not changed for some time of
the observer's own monotonic clock.
"""

import time
from collections.abc import Callable, Hashable
from pathlib import Path

from gristmill.trainer.islands.stores import open_store

_KEPT = 3
"""Files that an island remembers: its delta, the mean of all, the commit."""


class LostError(Exception):
    """The others went on without this island: it was taken for dead, or what it learnt was learnt by another."""


class Shared:
    """Files of a directory or bucket, each of them whole and never changed.

    Attributes:
        location: a path or URL.
        own: name of this island, which no other ever had.
        traffic: bytes written and read; what it wrote itself not long ago it need not read.

    Raises:
        ValueError: islands cannot work there.
    """

    def __init__(self, location: str | Path, *, own: str) -> None:
        self.location, self.own, self.traffic = location, own, 0
        self.store = open_store(location, own=own)
        self._wrote: dict[str, bytes] = {}

    def create(self, name: str, data: bytes) -> bool:
        """Write a file. False where there is one of that name already, or its folder is being tidied up."""
        if not self.store.create(name, data):
            return False
        self.traffic += len(data)
        self._wrote = dict([*self._wrote.items(), (name, data)][-_KEPT:])
        return True

    def check(self) -> None:
        """Raises ValueError where one could write over what another created."""
        name = f"probes/{self.own}"
        self.store.create(name, b"")
        is_lax = self.store.create(name, b"again")
        self.store.remove(name)
        if is_lax:
            raise ValueError(f"islands: {self.location} lets files be written over; it needs conditional writes")

    def read(self, name: str) -> bytes | None:
        """A file; None where there is none."""
        if name in self._wrote:
            return self._wrote[name]
        data = self.store.read(name)
        self.traffic += len(data or b"")
        return data


class Members:
    """Who is at work: a file for each island, which it touches after each of its steps."""

    def __init__(self, shared: Shared, *, patience: float) -> None:
        self._shared, self._patience = shared, patience
        self._looked = time.monotonic()
        self._seen: dict[str, tuple[Hashable, float]] = {}
        self._live: set[str] = set()
        self._own = f"members/{shared.own}"
        shared.create(self._own, b"")

    def beat(self) -> None:
        """Raises LostError where this island was taken for dead."""
        try:
            self._shared.store.touch(self._own)
        except FileNotFoundError as error:
            raise LostError from error

    def bury(self) -> None:
        """Remove what is left of those who were dead at the last look: all would look at it again and again."""
        for name, (_, age) in self._seen.items():
            if age >= self._patience and name != self._shared.own:
                self._shared.store.forget(name)
                self._shared.store.remove(f"members/{name}")

    def leave(self) -> None:
        self._shared.store.remove(self._own)

    def live(self) -> set[str]:
        """All whose heartbeat has changed lately, and this island. A look ages them by a quarter of the patience at
        most: an observer that was itself asleep does not take the others for dead."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, self._patience / 4), now
        before, self._seen = self._seen, {}
        for name, beat in self._shared.store.marks("members").items():
            last, age = before.get(name, (beat, 0.0))
            self._seen[name] = beat, age + passed if beat == last else 0.0
        self._live = {name for name, (_, age) in self._seen.items() if age < self._patience} | {self._shared.own}
        return self._live

    def lives(self, name: str) -> bool:
        """Whether an island was alive at the last look, or at a new one: it may have joined since."""
        return name in self._live or name in self.live()


def take(shared: Shared, thing: str, *, lives: Callable[[str], bool]) -> str | None:
    """Lease what an island may do alone as long as it lives, if nobody who lives has it. Returns who has it now; None
    where another was faster.

    Each term is a file with the holder's name.
    """
    last, terms = _last(shared, thing)
    if last is not None and lives(last):
        return last
    return shared.own if shared.create(f"leases/{thing}/{terms:09}", shared.own.encode()) else None


def holder(shared: Shared, thing: str) -> str | None:
    """Who had a lease last."""
    return _last(shared, thing)[0]


def _last(shared: Shared, thing: str) -> tuple[str | None, int]:
    """Who had a lease last, and how many terms there were."""
    terms = shared.store.names(f"leases/{thing}")
    data = shared.read(f"leases/{thing}/{terms[-1]}") if terms else None
    return None if data is None else data.decode(), int(terms[-1]) + 1 if terms else 0
