"""The Beam side of the stage engine: one thin transform that every phase of every stage runs through."""

from collections.abc import Iterable, Iterator

import apache_beam as beam

from gristmill.pipelines.checkpoints import Unit
from gristmill.pipelines.engine import Task
from gristmill.pipelines.runners import attempt


class DoUnits(beam.PTransform):  # type: ignore[misc]  # Beam is untyped
    """PCollection of units -> PCollection of the keys of those done; the data go to files."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._task = task

    def expand(self, units: beam.PCollection) -> beam.PCollection:
        # Not Reshuffle, which is this and several transforms more: half of what a local pipeline costs.
        spread = units | "Key" >> beam.Map(_keyed) | "Spread" >> beam.GroupByKey()
        return spread | "Do" >> beam.ParDo(_DoUnits(self._task))


def _keyed(unit: Unit) -> tuple[str, Unit]:
    return unit.key, unit


class _DoUnits(beam.DoFn):  # type: ignore[misc]  # Beam is untyped
    def __init__(self, task: Task) -> None:
        self._task = task

    def process(self, keyed: tuple[str, Iterable[Unit]]) -> Iterator[str]:
        try:
            for unit in keyed[1]:
                yield attempt(self._task, unit)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped") from None  # Beam makes a RuntimeError of one that has no message
