"""The stage engine: runs what is missing, and only that.

A *stage* is a generator: it yields `Phase`s, each a list of units that can be worked on in parallel, and is sent the
receipts of each when all of it is done. Planning and doing are thus the same code: `run` executes the missing units
between two steps of the generator, `status` stops where the first are missing.
"""

import importlib.metadata
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.pipelines import checkpoints
from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, Unit
from gristmill.schemas import key_of

UnitFunction = Callable[[Unit, JSON, Store, Output], None]
"""Does one unit's work: (unit, settings, store, output). Reads from the store, writes to the output."""

Stage = Generator["Phase", list[Receipt], list[Receipt]]
"""Yields phases, is sent their receipts, returns those of its last phase."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """Units that can be worked on at once.

    Attributes:
        name: unique among phases, such as `dedup_keys`; names the folder of receipts.
        stage: the stage it is part of, for people.
        function: does one unit's work; a module-level function, so that workers can import it.
        settings: all of the recipe that its output depends on.
        version: raised whenever the code would write other bytes than before.
        libraries: distributions whose version determines the output.
        tables: folders, or single files, that this phase alone writes.
        work: (descriptor, local, size) of each unit.
    """

    name: str
    stage: str
    function: UnitFunction
    version: int
    tables: tuple[str, ...]
    work: tuple["Work", ...]
    settings: JSON = field(default_factory=dict)
    libraries: tuple[str, ...] = ()

    def full_settings(self) -> JSON:
        """Settings and library versions: what, besides the input, determines the output."""
        # PyArrow too: its version stands in the footer of every file.
        names = ("pyarrow", *self.libraries)
        return {**self.settings, "libraries": {name: importlib.metadata.version(name) for name in names}}

    def units(self) -> dict[str, Unit]:
        """The units by key, in the order of their keys, which no order of input files can change."""
        settings = self.full_settings()
        units = [
            checkpoints.unit(
                phase=self.name,
                version=self.version,
                settings=settings,
                descriptor=each.descriptor,
                local=each.local,
                size=each.size,
            )
            for each in self.work
        ]
        return {each.key: each for each in sorted(units, key=lambda each: each.key)}


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a phase asks for: see `checkpoints.Unit` for the fields."""

    descriptor: JSON
    local: JSON = field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class Task:
    """All that a worker needs to do a unit of a phase: picklable, and small."""

    root: str
    phase: str
    version: int
    settings: JSON
    function: UnitFunction

    def __call__(self, unit: Unit) -> str:
        """Do the unit; returns its key."""
        store = Store(self.root)
        with Output(store, phase=self.phase, version=self.version, settings=self.settings, unit=unit) as output:
            self.function(unit, self.settings, store, output)
        return unit.key


Executor = Callable[[Task, list[Unit]], None]
"""Does the units in some order, in some processes, on some machines."""


class RunError(RuntimeError):
    """A run could not go on; the message is for the person who started it."""


@dataclass(frozen=True, kw_only=True)
class PhaseState:
    """How far a phase is, and why the units that are missing are missing."""

    phase: Phase
    units: Mapping[str, Unit]
    done: Mapping[str, Receipt]
    stale: tuple[Receipt, ...]

    @property
    def missing(self) -> list[Unit]:
        return [unit for key, unit in self.units.items() if key not in self.done]

    def reasons(self) -> list[str]:
        """What changed since the stale receipts were written, in words."""
        return sorted(set(_changes(self)))


def inspect(phase: Phase, store: Store) -> PhaseState:
    """Compare a phase's units with the receipts and files there are."""
    units = phase.units()
    receipts = store.receipts(phase.name)
    wanted = [receipt for key, receipt in receipts.items() if key in units]
    done = {each.key: each for each in store.intact(wanted, tables=phase.tables)}
    stale = tuple(receipt for key, receipt in sorted(receipts.items()) if key not in units)
    return PhaseState(phase=phase, units=units, done=done, stale=stale)


@dataclass(frozen=True, kw_only=True)
class Observer:
    """What a run tells while it goes on.

    Attributes:
        watch: wraps the execution of a phase's missing units: (state at the start, work).
        done: called when a phase is complete: (state at the end, units worked on, seconds).
    """

    watch: Callable[[PhaseState, Callable[[], None]], None]
    done: Callable[[PhaseState, int, float], None]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A finished run.

    Attributes:
        phases: names of its phases, in order.
        state: names all that its phases hold now: equal states mean equal tables.
        changed: whether anything was done, or removed.
    """

    phases: tuple[str, ...]
    state: str
    changed: bool


def run(stages: Stage, *, store: Store, execute: Executor, observer: Observer) -> Finished:
    """Drive the stages to their end, executing what is missing.

    Raises:
        RunError: a phase ended without all of its receipts.
    """
    held: dict[str, list[list[str]]] = {}
    any_changed = False
    try:
        phase = next(stages)
        while True:
            receipts, changed = _complete(phase, store=store, execute=execute, observer=observer)
            any_changed |= changed
            held[phase.name] = [[each.key, *(entry.checksum for entry in each.files)] for each in receipts]
            phase = stages.send(receipts)
    except StopIteration:
        return Finished(phases=tuple(held), state=key_of(held), changed=any_changed)


def survey(stages: Stage, *, store: Store) -> Iterator[PhaseState]:
    """The state of each phase, up to and including the first that is not complete; nothing is executed."""
    try:
        phase = next(stages)
        while True:
            state = inspect(phase, store)
            yield state
            if state.missing:
                return
            phase = stages.send(_in_order(state))
    except StopIteration:
        return


def _complete(phase: Phase, *, store: Store, execute: Executor, observer: Observer) -> tuple[list[Receipt], bool]:
    """The receipts of a phase, all of it done, and whether anything had to be done or removed for that."""
    state = inspect(phase, store)
    removed = store.prune(phase.name, tables=phase.tables, keep=state.done.values())
    started, fresh = time.monotonic(), len(state.missing)
    if state.missing:
        task = Task(
            root=store.root,
            phase=phase.name,
            version=phase.version,
            settings=phase.full_settings(),
            function=phase.function,
        )
        observer.watch(state, lambda: execute(task, state.missing))
        state = inspect(phase, store)
        if state.missing:
            raise RunError(
                f"{phase.name}: {len(state.missing)} of {len(state.units)} units left no receipt; "
                "was the output folder changed while the run went on?"
            )
    observer.done(state, fresh, time.monotonic() - started)
    return _in_order(state), bool(fresh or removed)


def _in_order(state: PhaseState) -> list[Receipt]:
    return [state.done[key] for key in sorted(state.done)]


def _changes(state: PhaseState) -> Iterable[str]:
    if state.missing and state.done and not state.stale:
        yield "new input, or not finished"
    known = {key_of(each.descriptor) for each in state.stale}
    if known and any(key_of(unit.descriptor) not in known for unit in state.missing):
        yield "its input changed"
    settings, version = state.phase.full_settings(), state.phase.version
    for receipt in state.stale:
        if receipt.version != version:
            yield f"its code changed (version {receipt.version} to {version})"
        yield from (f"{name} changed" for name in _differences(receipt.settings, settings))


def _differences(old: Any, new: Any, prefix: str = "") -> Iterator[str]:
    """Dotted names of the settings that differ."""
    old, new = _by_name(old), _by_name(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from _differences(old.get(name), new.get(name), f"{prefix}.{name}" if prefix else name)
    elif old != new:
        yield prefix


def _by_name(value: Any) -> Any:
    """A list of [name, value] pairs as a mapping, any other value as it is."""
    pairs = isinstance(value, list | tuple) and all(
        isinstance(each, list | tuple) and len(each) == 2 and isinstance(each[0], str) for each in value
    )
    return dict(value) if pairs and value else value
