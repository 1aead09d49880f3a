"""Curate: what is kept, as plain Parquet by language, and the ledger, one row for every record there was.

What is kept is curated text or held out, never both: no stage behind this one ever sees what is held out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, TableWriter, Unit
from gristmill.pipelines.editing import EMPTIED_RULE, Edited, edit
from gristmill.pipelines.engine import Phase, Stage
from gristmill.pipelines.held_out import are_held_out
from gristmill.pipelines.parts import Part, group, work_of_group
from gristmill.pipelines.rejudge import failures_after_edits, limits_after_edits
from gristmill.pipelines.removed import RULE, removed_ids
from gristmill.schemas import (
    CLUSTERS,
    CONTAMINATION,
    CURATED,
    DOCUMENTS,
    HELD_OUT,
    LEDGER,
    MEASURES,
    PASSAGES,
    PERSONAL,
    PERSONAL_KINDS,
    QUALITY,
    SIGNALS,
    UNKNOWN_LICENCE,
    VERDICTS,
    Recipe,
    Table,
    key_of,
)

VERSION = 4

_LIKELIEST = "likeliest_language"

_BESIDE = {
    VERDICTS.name: {"language": "language", "keep": "keep", "failures": "failures"},
    SIGNALS.name: {"language": _LIKELIEST, "language_score": "language_score"},
    PERSONAL.name: {"spans": "spans"},
    CONTAMINATION.name: {"evidence": "evidence"},
    QUALITY.name: {"quality_score": "quality_score"},
}
"""What is read of the tables beside the documents, and what it is called here."""

_KEPT = pa.unify_schemas([CURATED.schema, HELD_OUT.schema])
"""What is known of a kept document, on whichever side it is."""


def stage(
    recipe: Recipe, *, parts: Sequence[Part], clusters: Sequence[Receipt], passages: Sequence[Receipt] = ()
) -> Stage:
    """One unit for each group of parts.

    Args:
        clusters: what deduplication found.
        passages: repeated passages that were found, if they are to be removed.
    """
    of_group = {entry.path: entry for each in (*clusters, *passages) for entry in each.files}
    masked = [kind for kind in PERSONAL_KINDS.values() if getattr(recipe.personal, kind) == "mask"]
    cut = recipe.contamination.policy == "cut"
    edits = {PERSONAL.name: bool(masked), CONTAMINATION.name: cut}
    wanted = {DOCUMENTS.name, VERDICTS.name, QUALITY.name, *(name for name, is_wanted in edits.items() if is_wanted)}
    limits = limits_after_edits(recipe)
    work = []
    for name, members in group(parts).items():
        beside = {table.name: of_group.get(f"{table.name}/{name}.parquet") for table in (CLUSTERS, PASSAGES)}
        shortens = beside[PASSAGES.name] is not None
        read = wanted | ({SIGNALS.name} if shortens else set())
        found = work_of_group(name, members, tables=read, beside=beside)
        work.append(
            replace(
                found,
                descriptor={**found.descriptor, "limits": key_of(limits) if shortens else None},
                local={**found.local, "limits": limits if shortens else None},
            )
        )
    return (
        yield Phase(
            name="curate",
            stage="curate",
            function=curate_group,
            version=VERSION,
            settings={"mask": masked, "cut": cut, "held_out": recipe.held_out.share},
            tables=(CURATED.name, HELD_OUT.name, LEDGER.name),
            work=tuple(work),
        )
    )


def curate_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the ledger of a group of parts, its curated text by language, and what of it is held out."""
    clusters = _OfGroup.read(store, unit.local[CLUSTERS.name], CLUSTERS)
    passages = _OfGroup.read(store, unit.local[PASSAGES.name], PASSAGES)
    removed = removed_ids(store)
    kept = _Kept(output, share=settings["held_out"])
    with output.table(LEDGER) as ledger:
        for part in unit.local["parts"]:
            for batch, beside in _joined(store, part):
                cluster = clusters.of(batch["doc_id"])
                findings = beside.append_column("passages", passages.of(batch["doc_id"])["spans"])
                edited = edit(batch["text"], findings, masked=settings["mask"], cut=settings["cut"])
                again = _judged_again(edited, beside, unit=unit)
                rows = _ledger_rows(batch, beside=beside, cluster=cluster, edited=edited, again=again, removed=removed)
                ledger.write(rows)
                _count(rows, output)
                kept.write(batch, rows, beside=beside, cluster=cluster, texts=edited.texts)
    kept.close()


class _OfGroup:
    """A table that a group of parts has one file of, or none, looked up by document."""

    def __init__(self, table: pa.Table) -> None:
        self._rows = tables.as_batch(table)

    @classmethod
    def read(cls, store: Store, path: str | None, table: Table) -> "_OfGroup":
        return cls(tables.read(store, path) if path else table.schema.empty_table())

    def of(self, doc_ids: pa.Array) -> pa.RecordBatch:
        """A row for each document: nulls where the table has none."""
        return self._rows.take(pc.index_in(doc_ids, value_set=self._rows["doc_id"]))


def _judged_again(edited: Edited, beside: pa.RecordBatch, *, unit: Unit) -> dict[str, pa.Array]:
    """The first rule that each document fails now that it lost repeated passages; nulls where there is none."""
    languages = beside.select([_LIKELIEST, "language_score"]).rename_columns(["language", "language_score"])
    failures = failures_after_edits(edited.texts, languages, which=edited.shortened, limits=unit.local["limits"])
    return _first_failures(failures)


def _joined(store: Store, part: Mapping[str, str]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Documents of every status with what stands beside them, nulls for those that are none."""
    streams = (_renamed(store, part[name], _BESIDE[name]) for name in _BESIDE if name in part)
    beside = _Cursor(tables.aligned(*streams), schema=_beside_schema())
    for batch in tables.batches(store, part[DOCUMENTS.name]):
        ok = pc.equal(batch["status"], "ok").to_numpy(zero_copy_only=False)
        places = pa.array(np.cumsum(ok) - 1, mask=~ok)
        yield batch, beside.take(int(ok.sum())).take(places)
    beside.end()


def _renamed(store: Store, path: str, names: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    for batch in tables.batches(store, path, columns=list(names)):
        yield batch.rename_columns(list(names.values()))


def _beside_schema() -> pa.Schema:
    schemas = {table.name: table.schema for table in (VERDICTS, SIGNALS, *MEASURES)}
    return pa.schema(
        [
            pa.field(here, schemas[name].field(there).type)
            for name, names in _BESIDE.items()
            for there, here in names.items()
        ]
    )


class _Cursor:
    """Takes a given number of rows at a time from aligned streams of batches; columns that none has are null."""

    def __init__(self, stream: Iterator[tuple[pa.RecordBatch, ...]], *, schema: pa.Schema) -> None:
        self._stream = stream
        self._held = schema.empty_table()

    def take(self, rows: int) -> pa.RecordBatch:
        while self._held.num_rows < rows:
            fresh = next(self._stream, None)
            if fresh is None:
                raise ValueError("a part has more documents than verdicts")
            self._held = pa.concat_tables([self._held, self._table(fresh)])
        taken = tables.as_batch(self._held.slice(0, rows))
        self._held = self._held.slice(rows)
        return taken

    def _table(self, batches: tuple[pa.RecordBatch, ...]) -> pa.Table:
        columns = {name: batch[name] for batch in batches for name in batch.schema.names}
        schema = self._held.schema
        nulls = (pa.nulls(batches[0].num_rows, field.type) for field in schema)
        arrays = [columns.get(name, null) for name, null in zip(schema.names, nulls, strict=True)]
        return pa.table(arrays, schema=schema)

    def end(self) -> None:
        """Raises ValueError where rows are left."""
        if self._held.num_rows or next(self._stream, None) is not None:
            raise ValueError("a part has fewer documents than verdicts")


def _ledger_rows(
    batch: pa.RecordBatch,
    *,
    beside: pa.RecordBatch,
    cluster: pa.RecordBatch,
    edited: Edited,
    again: Mapping[str, pa.Array],
    removed: pa.Array,
) -> pa.RecordBatch:
    """One ledger row for each record. The first that applies decides: unreadable or skipped, reference, dropped,
    duplicate, nothing left after edits, too little left, removed, kept."""
    reason = _first_failures(beside["failures"])
    unfit = pc.not_equal(batch["status"], "ok")
    reference = pc.equal(batch["role"], "reference")
    dropped = pc.fill_null(pc.invert(beside["keep"]), False)
    copy = pc.fill_null(pc.not_equal(cluster["kind"], "survivor"), False)
    gone = pc.is_in(batch["doc_id"], value_set=removed)
    cases = pc.make_struct(unfit, reference, dropped, copy, edited.emptied, pc.is_valid(again["rule"]), gone)

    def choose(*values: Any) -> pa.Array:
        return pc.case_when(cases, *values)

    def words(*values: str) -> list[pa.Scalar]:
        return [pa.scalar(value) for value in values]

    null = pa.scalar(None, pa.string())
    nothing = pa.scalar(None, pa.float64())
    went_on = pc.invert(pc.or_(pc.or_(unfit, reference), dropped))
    is_copy = pc.and_(went_on, copy)
    columns = {
        "doc_id": batch["doc_id"],
        "source": batch["source"],
        "uri": batch["uri"],
        "language": beside["language"],
        "bytes": batch["bytes"],
        "stage": choose(*words("ingest", "ingest", "decide", "dedup", "curate", "curate", "curate", "curate")),
        "disposition": choose(
            batch["status"], *words("skipped", "dropped", "duplicate", "dropped", "dropped", "dropped", "kept")
        ),
        "rule": choose(
            batch["rule"],
            pa.scalar("reference"),
            reason["rule"],
            cluster["kind"],
            pa.scalar(EMPTIED_RULE),
            again["rule"],
            pa.scalar(RULE),
            null,
        ),
        **{
            name: choose(nothing, nothing, reason[name], nothing, nothing, again[name], nothing, nothing)
            for name in ("value", "limit")
        },
        **{name: pc.if_else(is_copy, cluster[name], null) for name in ("survivor_id", "earlier")},
        "similarity": pc.if_else(is_copy, cluster["similarity"], pa.scalar(None, pa.float32())),
        "detail": pc.if_else(went_on, edited.details, batch["detail"]),
    }
    return pa.record_batch([columns[field.name] for field in LEDGER.schema], schema=LEDGER.schema)


def _first_failures(lists: pa.ListArray) -> dict[str, pa.Array]:
    """Rule, value and limit of each document's first failure, null where it has none."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64) if len(lengths) else np.empty(0, np.int64)
    flat = lists.flatten()
    first = flat.take(pa.array(starts, mask=lengths == 0))
    return {name: pc.struct_field(first, name) for name in ("rule", "value", "limit")}


def _count(rows: pa.RecordBatch, output: Output) -> None:
    """Add documents and bytes of each disposition to the receipt."""
    totals = pa.Table.from_batches([rows]).group_by("disposition").aggregate([("bytes", "sum"), ("bytes", "count")])
    for row in totals.to_pylist():
        output.count(row["disposition"], row["bytes_count"])
        output.count(f"{row['disposition']}_bytes", row["bytes_sum"])


class _Kept:
    """One curated file for each language of the group, and one of what is held out, opened when its first row comes."""

    def __init__(self, output: Output, *, share: float) -> None:
        self._output = output
        self._share = share
        self._writers: dict[str | None, TableWriter] = {}

    def write(
        self,
        batch: pa.RecordBatch,
        ledger: pa.RecordBatch,
        *,
        beside: pa.RecordBatch,
        cluster: pa.RecordBatch,
        texts: pa.Array,
    ) -> None:
        special = {
            "licence": _licence(batch),
            "quality": beside["quality_score"],
            "cluster": pc.coalesce(cluster["cluster"], batch["doc_id"]),
            "cluster_size": pc.fill_null(cluster["size"], 1),
            "language": ledger["language"],
            "text": texts,
        }
        columns = [special[name] if name in special else batch[name] for name in _KEPT.names]
        rows = pa.record_batch(columns, schema=_KEPT).filter(pc.equal(ledger["disposition"], "kept"))
        held_out = are_held_out(rows["cluster"], share=self._share)
        self._write(rows.filter(held_out), table=HELD_OUT)
        stays = pc.invert(held_out)
        for language in pc.unique(rows["language"].filter(stays)).to_pylist():
            here = rows.filter(pc.and_(stays, pc.equal(rows["language"], language)))
            self._write(here, table=CURATED, partition=f"language={language}")

    def _write(self, rows: pa.RecordBatch, *, table: Table, partition: str | None = None) -> None:
        if not rows.num_rows:
            return
        if partition not in self._writers:
            self._writers[partition] = self._output.table(table, partition=partition)
        self._writers[partition].write(rows.select(table.schema.names))

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


def _licence(documents: pa.RecordBatch) -> pa.Array:
    """The licence that the recipe gives, or else the page itself."""
    stated = pc.fill_null(documents["page_licence"], UNKNOWN_LICENCE)
    return pc.if_else(pc.equal(documents["licence"], UNKNOWN_LICENCE), stated, documents["licence"])
