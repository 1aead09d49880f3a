"""A directory that islands share: files that never change, heartbeats, and leases.

What is asked of it: of all who link a name one succeeds, and what was written is seen by all after a while, as on local
and network file systems. Nothing is asked of clocks but that they run: an island is taken for dead when its heartbeat
has not changed for some time of the observer's own monotonic clock.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_KEPT = 3
"""Files that an island remembers: its delta, the mean of all, the commit."""


class LostError(Exception):
    """The others went on without this island: it was taken for dead, or what it learnt was learnt by another."""


class Shared:
    """Files of a directory, each of them whole and never changed.

    Attributes:
        own: name of this island, which no other ever had.
        traffic: bytes written and read; what it wrote itself not long ago it need not read.
    """

    def __init__(self, folder: Path, *, own: str) -> None:
        self.folder, self.own, self.traffic = folder, own, 0
        self._unfinished = folder / "unfinished" / own
        self._wrote: dict[str, bytes] = {}

    def create(self, name: str, data: bytes) -> bool:
        """Write a file. False where there is one of that name already, or its folder is being tidied up."""
        path = self.folder / name
        for each in (self._unfinished, path):
            each.parent.mkdir(parents=True, exist_ok=True)
        with self._unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(self._unfinished, path)
        except (FileExistsError, FileNotFoundError):
            return False
        finally:
            self._unfinished.unlink(missing_ok=True)
        self.traffic += len(data)
        self._wrote = dict([*self._wrote.items(), (name, data)][-_KEPT:])
        return True

    def read(self, name: str) -> bytes | None:
        """A file; None where there is none."""
        if name in self._wrote:
            return self._wrote[name]
        try:
            data = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        self.traffic += len(data)
        return data

    def names(self, folder: str) -> list[str]:
        """What is in a folder, sorted."""
        try:
            return sorted(each.name for each in (self.folder / folder).iterdir())
        except FileNotFoundError:
            return []

    def remove(self, name: str) -> None:
        """Remove a file, or what is left of a folder and the files in it."""
        for each in [f"{name}/{inside}" for inside in self.names(name)] if (self.folder / name).is_dir() else [name]:
            (self.folder / each).unlink(missing_ok=True)
        with suppress(OSError):
            (self.folder / name).rmdir()


class Members:
    """Who is at work: a file for each island, whose time is set anew after each of its steps."""

    def __init__(self, shared: Shared, *, patience: float) -> None:
        self._shared, self._patience = shared, patience
        self._looked = time.monotonic()
        self._seen: dict[str, tuple[int, float]] = {}
        self._live: set[str] = set()
        shared.create(f"members/{shared.own}", b"")

    def beat(self) -> None:
        """Raises LostError where this island was taken for dead."""
        try:
            os.utime(self._shared.folder / "members" / self._shared.own)
        except FileNotFoundError as error:
            raise LostError from error

    def bury(self) -> None:
        """Remove what is left of those who were dead at the last look: all would look at it again and again."""
        for name, (_, age) in self._seen.items():
            if age >= self._patience and name != self._shared.own:
                self._shared.remove(f"unfinished/{name}")
                self._shared.remove(f"members/{name}")

    def leave(self) -> None:
        self._shared.remove(f"members/{self._shared.own}")

    def live(self) -> set[str]:
        """All whose heartbeat has changed lately, and this island. A look ages them by a quarter of the patience at
        most: an observer that was itself asleep does not take the others for dead."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, self._patience / 4), now
        before, self._seen = self._seen, {}
        for name in self._shared.names("members"):
            with suppress(FileNotFoundError):
                beat = (self._shared.folder / "members" / name).stat().st_mtime_ns
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
    terms = shared.names(f"leases/{thing}")
    data = shared.read(f"leases/{thing}/{terms[-1]}") if terms else None
    return None if data is None else data.decode(), int(terms[-1]) + 1 if terms else 0
