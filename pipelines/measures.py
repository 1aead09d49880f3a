"""Measures: what is known of a document besides its signals, each in a table aligned with them.

Every measure is a module of its own, with a stage that takes the pieces of the corpus; a recipe that does not ask for
one has no phase for it. What they share (planning units, reading aligned rows) is in `aligned`.
"""

from collections.abc import Generator, Sequence

from gristmill.pipelines import contamination, personal, quality, web
from gristmill.pipelines.checkpoints import Receipt
from gristmill.pipelines.engine import Phase
from gristmill.pipelines.parts import Piece, measured
from gristmill.schemas import CONTAMINATION, PERSONAL, QUALITY, WEB, Recipe


def stages(
    recipe: Recipe, *, folder: str, pieces: Sequence[Piece], documents: Sequence[Receipt]
) -> Generator[Phase, list[Receipt], list[Piece]]:
    """The phases of all measures that the recipe asks for; returns the pieces with their tables."""
    found = list(pieces)
    for table, stage in (
        (WEB, web.stage(recipe, folder=folder, pieces=pieces, documents=documents)),
        (PERSONAL, personal.stage(recipe, folder=folder, pieces=pieces)),
        (CONTAMINATION, contamination.stage(recipe, folder=folder, pieces=pieces)),
        (QUALITY, quality.stage(recipe, folder=folder, pieces=pieces)),
    ):
        receipts = yield from stage
        found = measured(found, table=table, receipts=receipts)
    return found
