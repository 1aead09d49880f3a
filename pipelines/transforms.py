"""The Beam side of the stage engine: one thin transform that every phase of every stage runs through."""

from collections.abc import Iterator

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
        return units | "Spread" >> beam.Reshuffle() | "Do" >> beam.ParDo(_DoUnit(self._task))


class _DoUnit(beam.DoFn):  # type: ignore[misc]  # Beam is untyped
    def __init__(self, task: Task) -> None:
        self._task = task

    def process(self, unit: Unit) -> Iterator[str]:
        try:
            yield attempt(self._task, unit)
        except KeyboardInterrupt:
            raise KeyboardInterrupt("stopped") from None  # Beam makes a RuntimeError of one that has no message
