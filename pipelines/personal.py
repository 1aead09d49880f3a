"""Personal data: `documents` and `signals` -> `personal`, where each document has some and of which kinds."""

import unicodedata
from collections.abc import Sequence

import pyarrow as pa

from gristmill.pipelines import aligned
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.engine import Phase, Stage
from gristmill.pipelines.parts import Piece
from gristmill.schemas import PERSONAL, PERSONAL_KINDS, Recipe

VERSION = 1
LIBRARIES = ("phonenumbers", "publicsuffixlist")


def stage(recipe: Recipe, *, folder: str, pieces: Sequence[Piece]) -> Stage:  # noqa: ARG001  (as all measures)
    """One unit for each piece; none where the recipe switches every kind off."""
    kinds = sorted(kind for kind in PERSONAL_KINDS.values() if getattr(recipe.personal, kind) != "off")
    if not kinds:
        return []
    return (
        yield Phase(
            name="personal",
            stage="annotate",
            function=find_in_piece,
            version=VERSION,
            libraries=LIBRARIES,
            settings={"kinds": kinds, "unicode": unicodedata.unidata_version},
            tables=(PERSONAL.name,),
            work=aligned.work(pieces, signals=True),
        )
    )


def find_in_piece(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Find the personal data of every document of a piece, batch by batch."""
    from gristmill.filters import personal  # noqa: PLC0415  (compiled kernels: only workers need them)

    with output.table(PERSONAL) as writer:
        for batch in aligned.rows(store, unit, documents=["doc_id", "text", "uri"], signals=["language"]):
            found = personal.find_batch(
                batch["text"],
                languages=batch["language"],
                regions=[personal.of_url(uri) for uri in batch["uri"].to_pylist()],
                kinds=settings["kinds"],
            )
            writer.write(pa.record_batch([batch["doc_id"], *found.columns], schema=PERSONAL.schema))
            output.count("documents", batch.num_rows)
            for field in PERSONAL_KINDS:
                output.count(field, int(pa.compute.sum(found[field], min_count=0).as_py()))
