"""Decide: `signals` -> `verdicts`. Cheap, and the only stage that a changed limit does again for every document."""

from gristmill.filters.rules import Limits, decide
from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.schemas import SIGNAL_FIELDS, SIGNALS, VERDICTS, Recipe

VERSION = 1


def limits_of(recipe: Recipe) -> Limits:
    """The recipe's rules with their limits.

    Raises:
        ValueError: the recipe sets a limit for a rule that there is not.
    """
    rules = recipe.rules
    return Limits.load(rules.sets, rules.limits, languages=rules.languages)


def stage(recipe: Recipe, *, signals: list[Receipt]) -> Stage:
    """One unit for each signals file."""
    return (
        yield Phase(
            name="decide",
            stage="decide",
            function=decide_file,
            version=VERSION,
            settings={"limits": limits_of(recipe).to_json()},
            tables=(VERDICTS.name,),
            work=tuple(
                Work(descriptor={"signals": entry.checksum}, local={"signals": entry.path}, size=entry.rows * 64)
                for receipt in signals
                for entry in receipt.of(SIGNALS)
            ),
        )
    )


def decide_file(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Compare every document's signals with the limits for its language."""
    limits = Limits.from_json(settings["limits"])
    columns = ["doc_id", "language", "language_score", *(field.name for field in SIGNAL_FIELDS)]
    with output.table(VERDICTS) as writer:
        for batch in tables.batches(store, unit.local["signals"], columns=columns):
            verdicts = decide(batch, limits)
            writer.write(verdicts)
            output.count("documents", batch.num_rows)
            output.count("kept", verdicts["keep"].true_count)
