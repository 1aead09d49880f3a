"""A phase of dedup."""

from collections.abc import Sequence

from gristmill.pipelines.checkpoints import JSON
from gristmill.pipelines.engine import Phase, UnitFunction, Work

VERSION = 3


def phase(
    name: str,
    function: UnitFunction,
    *,
    tables: Sequence[str],
    work: Sequence[Work],
    settings: JSON | None = None,
    libraries: tuple[str, ...] = (),
) -> Phase:
    """A phase with what all of dedup's have in common."""
    return Phase(
        name=name,
        stage="dedup",
        function=function,
        version=VERSION,
        tables=tuple(tables),
        work=tuple(work),
        settings=settings or {},
        libraries=libraries,
    )
