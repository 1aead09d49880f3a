"""What each group of parts has: passages, seeds of copied spans, and grams, with the documents that have each."""

import numpy as np

from gristmill.pipelines import exchange
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.passages.counts import read_counts
from gristmill.pipelines.passages.documents import documents
from gristmill.pipelines.passages.tally import GRAMS, PASSAGE_KEYS, SEED_COUNTS, SEEDS, Tally, distinct, rows_of
from gristmill.schemas import Table, mix


def keys_of_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Count the lines and paragraphs of a group of parts. Memory: a batch of texts, and a tally of all of them."""
    from gristmill.filters.passages import lines  # noqa: PLC0415  (compiled kernels: only workers need them)

    tally = Tally(by_group=True)
    for batch in documents(store, unit):
        found = lines(batch.texts)
        rows = rows_of(found.offsets)
        hashes, of = distinct(np.concatenate([found.hashes, found.paragraphs]), np.concatenate([rows, rows]))
        tally.add(mix(hashes ^ batch.languages[of]), batch.groups[of])
        tally.add(batch.groups, batch.groups)
        tally.add(batch.languages, batch.languages)
        output.count("documents", len(batch.groups))
    _write(tally, PASSAGE_KEYS, unit=unit, settings=settings, output=output)


def seeds_of_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Count the seeds of a group of parts. Memory: a batch of texts, and a tally of all seeds."""
    from gristmill.filters.copied import seeds  # noqa: PLC0415

    tally = Tally(by_group=False)
    for batch in documents(store, unit):
        found = seeds(batch.texts, words=settings["words"])
        hashes, of = distinct(found.values, rows_of(found.offsets))
        tally.add(hashes, batch.ranks[of])
        output.count("documents", len(batch.ranks))
    _write(tally, SEEDS, unit=unit, settings=settings, output=output)


def grams_of_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Count the grams of a group of parts that have a seed of several documents. Memory: a batch of texts, and a tally
    of these grams: one for each word of text that is repeated.
    """
    from gristmill.filters.copied import grams, known  # noqa: PLC0415

    repeated = read_counts(store, SEED_COUNTS, unit=unit, bounds=settings["groups"])
    tally = Tally(by_group=False)
    if repeated.num_rows:
        wanted = known(repeated["hash"].to_numpy())
        for batch in documents(store, unit):
            found = grams(batch.texts, wanted, words=settings["words"])
            hashes, of = distinct(found.values, rows_of(found.offsets))
            tally.add(hashes, batch.ranks[of])
    _write(tally, GRAMS, unit=unit, settings=settings, output=output)


def _write(tally: Tally, table: Table, *, unit: Unit, settings: JSON, output: Output) -> None:
    bounds = exchange.hash_bounds(settings["ranges"])
    exchange.write(output, table, tally.table(table), bounds=bounds, name=unit.local["name"])
