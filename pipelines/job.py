"""The way of a document: every stage in order, each working on what those before it wrote."""

from gristmill.pipelines import annotate, curate, decide, dedup, ingest, measures, pack, passages, train_tokenizer
from gristmill.pipelines.checkpoints import Receipt, Store
from gristmill.pipelines.engine import Stage
from gristmill.pipelines.parts import decided, pieces
from gristmill.schemas import CURATED, STAGES, Recipe


def stages(recipe: Recipe, *, folder: str, store: Store, until: str = STAGES[-1]) -> Stage:
    """All stages up to one, as a single generator of phases.

    Args:
        folder: the recipe's folder, where its relative paths start.
        until: the last stage to do.
    """
    wanted = STAGES[: STAGES.index(until) + 1]
    done: list[Receipt] = []
    if "ingest" in wanted:
        done = documents = yield from ingest.stage(recipe, folder=folder, store=store)
    if "annotate" in wanted:
        done = signals = yield from annotate.stage(recipe, folder=folder, documents=documents)
        corpus = pieces(documents=documents, signals=signals)
        corpus = yield from measures.stages(recipe, folder=folder, pieces=corpus, documents=documents)
    if "decide" in wanted:
        done = verdicts = yield from decide.stage(recipe, pieces=corpus)
        parts = decided(corpus, verdicts=verdicts)
    if "dedup" in wanted:
        done = clusters = yield from dedup.stage(recipe, folder=folder, parts=parts)
        done = repeated = yield from passages.stage(recipe, parts=parts, clusters=clusters)
    if "curate" in wanted:
        removed = repeated if recipe.passages.policy == "remove" else []
        done = curated = yield from curate.stage(recipe, parts=parts, clusters=clusters, passages=removed)
        if not any(receipt.of(CURATED) for receipt in curated):
            return done  # nothing was kept, or all of it is held out: there is no text to go on with
    if "tokenizer" in wanted:
        done = tokenizer = yield from train_tokenizer.stage(recipe, folder=folder, curated=curated)
    if "pack" in wanted:
        done = yield from pack.stage(recipe, curated=curated, tokenizer=tokenizer)
    return done
