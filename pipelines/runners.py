"""Where units are worked on: this process, several local processes, or any runner that Beam knows.

Beam sees one element per unit, a descriptor of a few hundred bytes; the data go from file to file. So the per-element
cost of a runner is paid per shard, and any runner that can run `Create | GroupByKey | ParDo` will do. A single unit
leaves a local runner nothing to spread: it is done without a pipeline.
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from gristmill.pipelines.checkpoints import Unit
from gristmill.pipelines.engine import Executor, RunError, Task

LOG = "workers.log"
"""File of a local output folder that takes what Beam and its workers print, tracebacks included."""

LOCAL = "local"
"""Name of the default choice: Beam's FnApiRunner, in this process or in several, by the size of the work."""

WORTH_PROCESSES = 4 << 20
"""Input bytes from which several processes pay for their start, about 3 s for the first of a run and 0.1 s for each
later one (docs/decisions.md, runners)."""

_FAILURE = re.compile(r"UnitError: (.*?)(?: \[while running .*)?$", re.MULTILINE)


class UnitError(RuntimeError):
    """A unit could not be done. The message, one line, crosses process borders as text inside Beam's traceback."""


def executor(*, runner: str, workers: int | None, options: Sequence[str], log: str | None) -> Executor:
    """An executor for `gristmill run --runner NAME --workers N -- OPTIONS`.

    Args:
        runner: `local`, or a runner's name as Beam knows it, such as DataflowRunner.
        workers: local processes; by default as many as there are processors, where the work is worth it.
        options: Beam pipeline options, passed through as they are.
        log: file that takes what Beam and its workers print.
    """

    def execute(task: Task, units: list[Unit]) -> None:
        with _stderr_to(log) if log else nullcontext():
            if runner == LOCAL:
                processes = _local_workers(units, workers)
                if len(units) == 1 and not options:
                    _do_single(task, units[0], apart=processes > 1)
                    return
                count = min(processes, len(units))
                _run_pipeline(task, units, _local_runner(processes), [*options, f"--direct_num_workers={count}"])
            else:
                _run_pipeline(task, units, runner, options)

    return execute


def attempt(task: Task, unit: Unit) -> str:
    """Do a unit and return its key.

    Raises:
        UnitError: it could not be done; the traceback has been printed.
    """
    try:
        return task(unit)
    except Exception as error:
        with suppress(OSError):  # where the disk is full
            traceback.print_exc()
        # Not "from error": its own message may hold what Beam cannot send.
        raise UnitError(describe_failure(task, unit, error)) from None


def _local_workers(units: list[Unit], asked: int | None) -> int:
    small = sum(unit.size for unit in units) < WORTH_PROCESSES
    # A large one goes to a process of its own, where several are wanted: what it takes does not stay with this one.
    if small and len(units) == 1:
        return 1
    if asked is not None:
        return asked
    if small:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _local_runner(processes: int) -> Any:
    # Named, not "DirectRunner": since Beam 2.68 that one first tries Prism, a binary fetched from the web at run time.
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner  # noqa: PLC0415

    if processes == 1:
        return FnApiRunner()
    from gristmill.pipelines.local_workers import ForkedEnvironment  # noqa: PLC0415

    return FnApiRunner(default_environment=ForkedEnvironment.default())


def _do_single(task: Task, unit: Unit, *, apart: bool) -> None:
    """Do a unit without a pipeline, in this process or in one of its own."""
    try:
        if apart:
            from gristmill.pipelines.local_workers import do_apart  # noqa: PLC0415

            do_apart(task, unit)
        else:
            attempt(task, unit)
    except UnitError as error:
        raise RunError(str(error)) from error


def _run_pipeline(task: Task, units: list[Unit], runner: Any, options: Sequence[str]) -> None:
    import apache_beam as beam  # noqa: PLC0415  (2 s; a run with nothing to do never pays them)
    from apache_beam.options.pipeline_options import PipelineOptions  # noqa: PLC0415

    from gristmill.pipelines.transforms import DoUnits  # noqa: PLC0415

    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    # The largest first: the end of a phase is then short whatever the number of workers.
    ordered = sorted(units, key=lambda unit: (-unit.size, unit.key))
    try:
        with beam.Pipeline(runner=runner, options=PipelineOptions(list(options))) as pipeline:
            pipeline | "Units" >> beam.Create(ordered, reshuffle=False) | task.phase >> DoUnits(task)
    except Exception as error:
        found = _FAILURE.findall(f"UnitError: {error}" if isinstance(error, UnitError) else str(error))
        if not found:
            raise
        raise RunError(found[-1]) from error


def describe_failure(task: Task, unit: Unit, error: Exception) -> str:
    """One line for the person who started the run."""
    path = unit.descriptor.get("path")
    reason = str(error)
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror + (f" ({error.filename})" if error.filename else "")
    elif isinstance(error, MemoryError):
        reason = "not enough memory; fewer --workers need less"
    elif not isinstance(error, OSError | ValueError):
        reason = (
            f"{type(error).__name__}: {reason}; this is a fault of Gristmill, please report it with {task.root}/{LOG}"
        )
    line = f"{task.phase}: {reason}" if path is None or path in reason else f"{task.phase} of {path}: {reason}"
    # Beam sends it as UTF-8, and would wait for ever for one that it could not send.
    return " ".join(line.encode("utf-8", "backslashreplace").decode("utf-8").split())


@contextmanager
def _stderr_to(path: str) -> Iterator[None]:
    """Send what this process and its children print to stderr to a file, for a while.

    Worker processes log at length to the stderr they inherit, which would tear the progress display apart.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(target, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(target)
        os.close(saved)
