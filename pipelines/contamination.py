"""Contamination: evaluation sets in the documents. `contamination_index` reads the sets, `contamination` looks."""

import functools
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import aligned, evaluation_sets, files, tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.pipelines.parts import Piece
from gristmill.schemas import CONTAMINATION, EVALUATION_ITEMS, Recipe, RecipeError
from gristmill.schemas.recipe_measures import EvaluationSet

if TYPE_CHECKING:
    from gristmill.filters.contamination.detector import Detector, Texts

VERSION = 2


def check(recipe: Recipe, folder: str) -> None:
    """Read the evaluation sets of a recipe, which lies in `folder`.

    Raises:
        RecipeError: a set is empty, cannot be read or would find nothing; the message names the field and the fix.
    """
    evaluation_sets.check(recipe, folder)


def stage(recipe: Recipe, *, folder: str, pieces: Sequence[Piece]) -> Stage:
    """One unit that makes the index of all sets, then one for each piece; none where the recipe names no sets."""
    if not recipe.contamination.sets:
        return []
    unicode = {"unicode": unicodedata.unidata_version}
    (made,) = yield Phase(
        name="contamination_index",
        stage="annotate",
        function=index_sets,
        version=VERSION,
        settings=unicode,
        tables=(EVALUATION_ITEMS.name,),
        work=(_index_work(recipe, folder=folder),),
    )
    (index,) = made.of(EVALUATION_ITEMS)
    return (
        yield Phase(
            name="contamination",
            stage="annotate",
            function=find_items,
            version=VERSION,
            settings={"min_share": recipe.contamination.min_share, **unicode},
            tables=(CONTAMINATION.name,),
            work=tuple(
                Work(
                    descriptor={**each.descriptor, "index": index.checksum},
                    local={**each.local, "index": index.path},
                    size=each.size,
                )
                for each in aligned.work(pieces, signals=False)
            ),
        )
    )


def _index_work(recipe: Recipe, *, folder: str) -> Work:
    """The sets in the order of their names, each with the names and contents of its files."""
    described, local, size = [], [], 0
    for given in sorted(recipe.contamination.sets, key=lambda each: each.name):
        locations = evaluation_sets.find_files(given, folder=folder)
        try:
            contents = [files.fingerprint(each) for each in locations]
            size += sum(files.size(each) for each in locations)
        except OSError as error:
            raise RecipeError(f"contamination.sets {given.name!r}: cannot read a file: {error}") from error
        described.append(
            {
                **given.model_dump(mode="json", exclude={"paths"}),
                "files": contents,
                "names": evaluation_sets.shown_names(locations),
            }
        )
        local.append(locations)
    return Work(descriptor={"sets": described}, local={"files": local}, size=size)


def index_sets(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write `evaluation_items`: every text of every set, how it can be told, and what gives it away."""
    del settings, store
    from gristmill.filters.contamination.detector import index_rows  # noqa: PLC0415  (compiled kernels: only workers need them)

    groups: list[Texts] = []
    for described, locations in zip(unit.descriptor["sets"], unit.local["files"], strict=True):
        known = {name: value for name, value in described.items() if name in EvaluationSet.model_fields}
        groups += _groups(EvaluationSet.model_validate({**known, "paths": locations}), locations, described["files"])
    rows = index_rows(groups)
    _check_told(rows)
    for match in pc.value_counts(rows["match"]).to_pylist():
        output.count(f"texts.{match['values']}", match["counts"])
    with output.table(EVALUATION_ITEMS) as writer:
        for batch in rows.to_batches(max_chunksize=tables.READ_ROWS):
            writer.write(batch)


def _check_told(rows: pa.Table) -> None:
    """A set that nothing can be told of would be looked for in vain.

    Raises:
        ValueError: all texts of a set are too short; the message says what to do.
    """
    from gristmill.filters.contamination.seeds import MATCHES, NONE  # noqa: PLC0415  (compiled kernels)

    told = set(rows.filter(pc.not_equal(rows["match"], MATCHES[NONE]))["set"].to_pylist())
    for name in sorted(set(rows["set"].to_pylist()) - told):
        raise ValueError(
            f"contamination.sets {name!r}: every text is too short to be told from chance; name a longer field, such "
            "as the question rather than the answer, or take the set out"
        )


def _groups(given: EvaluationSet, locations: list[str], contents: list[str]) -> Iterator["Texts"]:
    """The texts of a set by field."""
    from gristmill.filters.contamination.detector import Texts  # noqa: PLC0415

    if [files.fingerprint(each) for each in locations] != contents:
        raise ValueError(f"contamination.sets {given.name!r}: its files changed while the run went on; run again")
    items: dict[str, list[str]] = {name: [] for name in given.fields}
    texts: dict[str, list[str]] = {name: [] for name in given.fields}
    for each in evaluation_sets.read(given, locations):
        items[each.field].append(each.item)
        texts[each.field].append(each.text)
    for name in sorted(items):
        yield Texts(given.name, name, pa.array(items[name], pa.string()), pa.array(texts[name], pa.large_string()))


@functools.lru_cache(maxsize=1)
def _detector(root: str, path: str, checksum: str, min_share: float) -> "Detector":
    """A worker does many units: it reads the index once. `checksum` tells a new index in an old place apart."""
    del checksum
    from gristmill.filters.contamination.detector import Detector  # noqa: PLC0415

    return Detector.load(tables.read(Store(root), path), min_share=min_share)


def find_items(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Look for items in every document of a piece, batch by batch."""
    detector = _detector(store.root, unit.local["index"], unit.descriptor["index"], settings["min_share"])
    with output.table(CONTAMINATION) as writer:
        for batch in aligned.rows(store, unit, documents=["doc_id", "text"]):
            found = detector.measure(batch["doc_id"], batch["text"])
            writer.write(found)
            output.count("documents", batch.num_rows)
            output.count("contaminated", pc.sum(pc.greater(found["contaminated_items"], 0)).as_py() or 0)
