"""Decide: `signals` and measures -> `verdicts`. Cheap; the only stage that a changed limit does again for all."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from gristmill.filters.rules import Limits, decide
from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.pipelines.parts import Piece
from gristmill.schemas import (
    CONTAMINATION_FIELDS,
    MEASURED_FIELDS,
    MEASURES,
    PERSONAL_KINDS,
    SIGNALS,
    VERDICTS,
    Recipe,
)

VERSION = 2

_COMPARED = {"page_licence", *(field.name for field in MEASURED_FIELDS)}


def limits_of(recipe: Recipe) -> Limits:
    """The recipe's rules with their limits, and its policies as rules.

    Raises:
        ValueError: the recipe sets a limit for a rule that there is not.
    """
    rules = recipe.rules
    return Limits.load(
        rules.sets,
        rules.limits,
        languages=rules.languages,
        policies=policies(recipe),
        min_score=recipe.language.min_score,
        licences=recipe.web.licences,
    )


def policies(recipe: Recipe) -> dict[str, float]:
    """What the recipe drops documents for, as rules whose limit is none at all."""
    columns = [
        *(f"personal.{column}" for column, kind in PERSONAL_KINDS.items() if getattr(recipe.personal, kind) == "drop"),
        *(["web.blocklists"] if recipe.web.blocked == "drop" else []),
        *(["web.opt_outs"] if recipe.web.opt_outs == "drop" else []),
        *([f"contamination.{CONTAMINATION_FIELDS[0].name}"] if recipe.contamination.policy == "drop" else []),
    ]
    return {f"{column}.max": 0.0 for column in columns}


def stage(recipe: Recipe, *, pieces: Sequence[Piece]) -> Stage:
    """One unit for each piece."""
    return (
        yield Phase(
            name="decide",
            stage="decide",
            function=decide_piece,
            version=VERSION,
            settings={"limits": limits_of(recipe).to_json()},
            tables=(VERDICTS.name,),
            work=tuple(_work(piece) for piece in pieces),
        )
    )


def _work(piece: Piece) -> Work:
    files = {SIGNALS.name: piece.signals, **piece.measures}
    return Work(
        descriptor={"documents": piece.key, **{name: entry.checksum for name, entry in files.items()}},
        local={name: entry.path for name, entry in files.items()},
        size=piece.signals.rows * 64,
    )


def decide_piece(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Compare all that is known of every document with the limits for its language."""
    limits = Limits.from_json(settings["limits"])
    with output.table(VERDICTS) as writer:
        for batch in _joined(unit, store):
            verdicts = decide(batch, limits)
            writer.write(verdicts)
            output.count("documents", batch.num_rows)
            output.count("kept", verdicts["keep"].true_count)


def _joined(unit: Unit, store: Store) -> Iterator[pa.RecordBatch]:
    """Signals beside the measures there are: the columns that rules compare."""
    columns = {SIGNALS.name: ["doc_id", "language", "language_score"]}
    for table in (SIGNALS, *MEASURES):
        if table.name in unit.local:
            columns.setdefault(table.name, []).extend(name for name in table.schema.names if name in _COMPARED)
    streams = (tables.batches(store, unit.local[name], columns=names) for name, names in columns.items())
    for together in tables.aligned(*streams):
        arrays = [column for batch in together for column in batch.columns]
        yield pa.record_batch(arrays, names=[name for names in columns.values() for name in names])
