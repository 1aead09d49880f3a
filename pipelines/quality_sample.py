"""Weighing and sampling the text that classifiers are trained on.

`quality_weigh` counts, for each piece, documents and words by language, role and domain. From the counts follows which
classifiers there will be, see `quality_plan`. `quality_sample` writes, for each piece, the documents whose hash is
below their group's threshold: which they are depends neither on the order of the files nor on how the text is spread
over them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import quality_plan
from gristmill.pipelines.aligned import rows, work
from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase
from gristmill.pipelines.parts import Piece
from gristmill.pipelines.quality_plan import Plan
from gristmill.schemas import QUALITY_SAMPLE, Recipe, mix

VERSION = 2

MIN_LANGUAGE_SCORE = 0.5
"""Nothing is learnt from documents whose language is less sure."""

SAMPLE_ROWS = 256
"""Rows of a row group of the sample: it is sorted by language, and read by language."""

_WEIGHED = ("language", "language_score", "n_words")


def weigh_phase(pieces: Sequence[Piece]) -> Phase:
    """One unit for each piece. It writes nothing but its receipt's counts."""
    return Phase(
        name="quality_weigh",
        stage="annotate",
        function=weigh_file,
        version=VERSION,
        tables=(),
        work=work(pieces, signals=True),
    )


def sample_phase(recipe: Recipe, *, pieces: Sequence[Piece], weighed: Sequence[Receipt], plan: Plan) -> Phase:
    """One unit for each piece that has something to sample."""
    here = {each.descriptor["documents"]: quality_plan.amounts([each]) for each in weighed}
    planned = []
    for each in work(pieces, signals=True):
        wanted = [
            [group.language, group.role, group.domain, plan.fractions[group]]
            for group in here[each.descriptor["documents"]]
            if group in plan.fractions
        ]
        if wanted:
            planned.append(replace(each, descriptor={**each.descriptor, "fractions": wanted}))
    return Phase(
        name="quality_sample",
        stage="annotate",
        function=sample_file,
        version=VERSION,
        settings={"seed": recipe.seed},
        tables=(QUALITY_SAMPLE.name,),
        work=tuple(planned),
    )


def weigh_file(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Count documents and words by language, role and domain. Reads no text."""
    del settings
    for batch in rows(store, unit, documents=["role", "domain"], signals=_WEIGHED):
        for language in pc.unique(batch["language"]).drop_null().to_pylist():
            output.count(f"seen:{language}", 1)
        some = batch.filter(_fit_to_learn_from(batch))
        words = pc.min_element_wise(some["n_words"], quality_plan.MAX_DOCUMENT_WORDS)
        table = pa.table([some["language"], some["role"], some["domain"], words], names=["l", "r", "d", "words"])
        for row in table.group_by(["l", "r", "d"]).aggregate([("words", "sum"), ("words", "count")]).to_pylist():
            group = f"{row['l']}:{row['r']}:{row['d']}"
            output.count(f"documents:{group}", row["words_count"])
            output.count(f"words:{group}", row["words_sum"])


def _fit_to_learn_from(batch: pa.RecordBatch) -> pa.BooleanArray:
    from gristmill.filters.quality.examples import MIN_PIECE_WORDS  # noqa: PLC0415  (compiled kernels: only workers need them)

    sure = pc.greater_equal(batch["language_score"], MIN_LANGUAGE_SCORE)
    long = pc.greater_equal(batch["n_words"], MIN_PIECE_WORDS)
    known = pc.invert(pc.starts_with(batch["language"], "und"))
    return pc.fill_null(pc.and_(pc.and_(sure, long), known), False)


def sample_file(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the documents of a piece whose hash is below their group's threshold, sorted. Memory: the sample of it."""
    from gristmill.filters.quality.word_ngrams import excerpts  # noqa: PLC0415

    fractions = pa.table(list(zip(*unit.descriptor["fractions"], strict=True)), names=["l", "r", "d", "fraction"])
    found = [QUALITY_SAMPLE.schema.empty_table()]
    for batch in rows(store, unit, documents=["role", "domain", "text"], signals=[*_WEIGHED, "text_hash"]):
        some = batch.filter(_fit_to_learn_from(batch))
        hashes = _hashes(some["text_hash"], settings["seed"])
        below = _below(some, fractions, hashes)
        chosen = some.filter(pa.array(below))
        columns = [chosen["language"], chosen["role"], chosen["domain"], pa.array(hashes[below])]
        found.append(pa.Table.from_arrays([*columns, excerpts(chosen["text"])], schema=QUALITY_SAMPLE.schema))
    table = pa.concat_tables(found).sort_by([(name, "ascending") for name in QUALITY_SAMPLE.schema.names])
    with output.table(QUALITY_SAMPLE, row_group_rows=SAMPLE_ROWS) as writer:
        writer.write(table)
    output.count("documents", table.num_rows)


def _hashes(text_hashes: pa.FixedSizeBinaryArray, seed: int) -> npt.NDArray[np.uint64]:
    """A number for each text, equal for equal texts, spread evenly."""
    joined = b"".join(text_hashes.to_pylist())
    halves = np.frombuffer(joined, "<u8").reshape(-1, 2).astype(np.uint64)
    return mix(mix(halves[:, 0] + np.uint64(seed)) ^ halves[:, 1])


def _below(some: pa.RecordBatch, fractions: pa.Table, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    limit_of = {(row["l"], row["r"], row["d"]): row["fraction"] for row in fractions.to_pylist()}
    groups = zip(some["language"].to_pylist(), some["role"].to_pylist(), some["domain"].to_pylist(), strict=True)
    limits = np.array([limit_of.get(group, 0.0) for group in groups], np.float64)
    return (hashes >> np.uint64(11)).astype(np.float64) / 2.0**53 < limits
