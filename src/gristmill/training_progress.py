"""How a training run is shown: a bar on a terminal, plain lines elsewhere, JSON lines for scripts; and TensorBoard."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gristmill.trainer.train import Progress, Report

_LINE_SECONDS = 10.0


@contextmanager
def shown(*, steps: int, as_json: bool, tensorboard: str | None) -> "Iterator[Report]":
    """Something to report each step to."""
    with _tensorboard(tensorboard) as board, _display(steps, as_json=as_json) as display:

        def report(progress: "Progress") -> None:
            display(progress)
            board(progress)

        yield report


@contextmanager
def _display(steps: int, *, as_json: bool) -> "Iterator[Report]":
    if as_json:
        yield lambda progress: click.echo(json.dumps(asdict(progress)))
    elif sys.stderr.isatty():
        with _bar(steps) as report:
            yield report
    else:
        yield _lines(steps)


def _lines(steps: int) -> "Report":
    """A line for the first step, the last, each that was skipped, and else every ten seconds."""
    last = time.monotonic()

    def report(progress: "Progress") -> None:
        nonlocal last
        step, now = progress.step, time.monotonic()
        if step.number in {1, steps} or step.skipped or now - last > _LINE_SECONDS:
            last = now
            click.echo(progress)

    return report


@contextmanager
def _bar(steps: int) -> "Iterator[Report]":
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415
    from rich.progress import Progress as Bars  # noqa: PLC0415

    columns = (BarColumn(bar_width=20), TextColumn("{task.description}"), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task("starting", total=steps)
        yield lambda progress: bars.update(task, completed=progress.step.number, description=str(progress))


@contextmanager
def _tensorboard(folder: str | None) -> "Iterator[Callable[[Progress], None]]":
    if folder is None:
        yield lambda _: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415
    except ImportError as error:
        raise ImportError("--tensorboard needs TensorBoard, which is not installed: pip install tensorboard") from error
    with SummaryWriter(folder) as writer:

        def report(progress: "Progress") -> None:
            values = {name: getattr(progress.step, name) for name in ("loss", "gradient", "load", "rate")}
            values |= {name: getattr(progress, name) for name in ("bits_per_byte", "mfu")}
            for name, value in (values | {"tokens per second": progress.rate}).items():
                writer.add_scalar(name, value, progress.step.number)

        yield report
