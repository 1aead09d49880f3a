"""Live progress of a run: bars on a terminal, plain lines elsewhere, JSON lines for scripts.

Progress is read off the receipts as they appear, so it works alike for every runner, on this machine or not.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gristmill.pipelines.checkpoints import Store
from gristmill.pipelines.engine import Observer, PhaseState

Style = Literal["bars", "lines", "json"]

POLL_SECONDS = 0.5
LINE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """How far a phase is: units and their input bytes, done and in all, of those that were missing at its start.

    `documents` are the rows that the units done have worked on.
    """

    phase: str
    done: int
    total: int
    documents: int
    done_bytes: int
    total_bytes: int
    seconds: float

    @property
    def rate(self) -> float:
        """Input bytes per second."""
        return self.done_bytes / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        if not self.done_bytes:
            return None
        return (self.total_bytes - self.done_bytes) / self.rate

    def describe(self) -> str:
        """Such as `1,204 documents/s, 2.31 MB/s, 0:41 left`."""
        left = self.seconds_left
        if left is None:
            return "starting"
        speed = f"{self.documents / self.seconds:,.0f} documents/s, {self.rate / 1e6:.2f} MB/s"
        return f"{speed}, {_clock(left)} left" if self.done < self.total else speed


def snapshot(state: PhaseState, *, finished: Mapping[str, int], seconds: float) -> Snapshot:
    """Compare the units that were missing with those finished by now, given as documents by key."""
    missing = state.missing
    done = [unit for unit in missing if unit.key in finished]
    return Snapshot(
        phase=state.phase.name,
        done=len(done),
        total=len(missing),
        documents=sum(finished[unit.key] for unit in done),
        done_bytes=sum(unit.size for unit in done),
        total_bytes=sum(unit.size for unit in missing),
        seconds=seconds,
    )


class Reporter:
    """Tells a person or a script what a run does. A context manager, so that the terminal is left in order."""

    def __init__(self, store: Store, *, style: Style, stream: TextIO) -> None:
        self._store = store
        self._style = style
        self._stream = stream
        self._bars = _bars(stream) if style == "bars" else None

    def __enter__(self) -> Self:
        self._around().__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._around().__exit__(kind, error, trace)

    def _around(self) -> AbstractContextManager[object]:
        return self._bars or nullcontext()

    def observer(self) -> Observer:
        return Observer(watch=self._watch, done=self._done)

    def _watch(self, state: PhaseState, work: Callable[[], None]) -> None:
        show = self._shower(state)
        ended = threading.Event()
        started = time.monotonic()
        finished: dict[str, int] = {}

        def look() -> None:
            for key in self._store.finished(state.phase.name):
                if key not in finished:
                    finished[key] = self._documents(state.phase.name, key)
            show(snapshot(state, finished=finished, seconds=time.monotonic() - started))

        def keep_looking() -> None:
            while not ended.wait(POLL_SECONDS):
                look()

        watcher = threading.Thread(target=keep_looking, daemon=True)
        watcher.start()
        try:
            work()
        finally:
            ended.set()
            watcher.join()
            look()

    def _documents(self, phase: str, key: str) -> int:
        """Documents that a unit worked on: its own count, or the rows it wrote."""
        receipt = self._store.receipt(phase, key)
        if receipt is None:
            return 0
        rows = max((entry.rows for entry in receipt.files), default=0)
        return receipt.counts.get("records", receipt.counts.get("documents", rows))

    def _shower(self, state: PhaseState) -> Callable[[Snapshot], None]:
        if self._bars is not None:
            bars, task = self._bars, self._bars.add_task(state.phase.name, total=len(state.missing), rate="")
            return lambda now: _move(bars, task, now)
        if self._style == "json":
            return lambda now: self._line(json.dumps({"event": "progress", **now.__dict__}))
        last = [0.0]

        def at_times(now: Snapshot) -> None:
            if now.done < now.total and now.seconds - last[0] >= LINE_SECONDS:
                last[0] = now.seconds
                self._line(f"{now.phase}: {now.done}/{now.total} units, {now.describe()}")

        return at_times

    def _done(self, state: PhaseState, fresh: int, seconds: float) -> None:
        if self._style == "json":
            fields = {"units": len(state.units), "worked_on": fresh, "seconds": round(seconds, 3)}
            self._line(json.dumps({"event": "phase", "phase": state.phase.name, **fields}))
        elif self._style == "lines" and fresh:
            self._line(f"{state.phase.name}: {fresh} of {len(state.units)} units worked on in {seconds:.1f} s")

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def _bars(stream: TextIO) -> Progress:
    return Progress(
        TextColumn("{task.description:<16}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[rate]}"),
        console=Console(file=stream),
    )


def _move(bars: Progress, task: TaskID, now: Snapshot) -> None:
    bars.update(task, completed=now.done, rate=now.describe())


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
