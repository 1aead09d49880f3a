"""Annotate: `documents` -> `signals`: languages, numbers about the text, hash, signature; `measures` has the rest."""

import functools
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING

from gristmill.filters.language import bundled
from gristmill.pipelines import files, given_models, tables
from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.schemas import DOCUMENTS, SIGNALS, Recipe
from gristmill.schemas.recipe import resolve

if TYPE_CHECKING:
    from gristmill.filters.annotate import Annotator

VERSION = 3
LIBRARIES = ("datasketch",)  # whose signatures ours are


def stage(recipe: Recipe, *, folder: str, documents: list[Receipt]) -> Stage:
    """One unit for each documents file, once the models that a recipe brings along have been tried."""
    yield from given_models.stage(recipe, folder=folder)
    model = recipe.language.model and resolve(recipe.language.model, folder=folder)
    return (
        yield Phase(
            name="annotate",
            stage="annotate",
            function=annotate_file,
            version=VERSION,
            libraries=LIBRARIES,
            settings={
                "model": files.fingerprint(model or str(bundled.lid_176())),
                "second_opinion": files.fingerprint(str(bundled.py3langid())),
                "unicode": unicodedata.unidata_version,
            },
            tables=(SIGNALS.name,),
            work=tuple(
                Work(
                    descriptor={"documents": entry.checksum},
                    local={"documents": entry.path, "model": model},
                    size=entry.text_bytes,
                )
                for receipt in documents
                for entry in receipt.of(DOCUMENTS)
            ),
        )
    )


def prepare() -> None:
    """Load the bundled models, if they are there, for workers to be forked with: 70 MB that all of them share."""
    with suppress(FileNotFoundError):
        _annotator(None, files.fingerprint(str(bundled.lid_176())))


@functools.lru_cache(maxsize=1)
def _annotator(model: str | None, fingerprint: str) -> "Annotator":
    """A worker does many units: it loads the model once.

    Raises:
        ValueError: the model is not the one that the run was planned with.
    """
    from gristmill.filters.annotate import Annotator  # noqa: PLC0415  (compiled kernels: only workers need them)

    if model is not None and files.fingerprint(model) != fingerprint:
        raise ValueError(f"{model}: changed while the run went on; run again")
    return Annotator.load(model=model)


def annotate_file(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Measure every document of a file, batch by batch."""
    annotator = _annotator(unit.local["model"], settings["model"])
    documents = tables.batches(store, unit.local["documents"], columns=["doc_id", "text", "status"])
    with output.table(SIGNALS) as writer:
        for batch in tables.only_ok(documents):
            writer.write(annotator.annotate(batch["doc_id"], batch["text"]))
            output.count("documents", batch.num_rows)
