"""Curate: what is kept, as plain Parquet by language, and the ledger, one row for every record there was."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, TableWriter, Unit
from gristmill.pipelines.editing import EMPTIED_RULE, Edited, edit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.pipelines.parts import Part, group
from gristmill.schemas import (
    CLUSTERS,
    CONTAMINATION,
    CURATED,
    DOCUMENTS,
    LEDGER,
    MEASURES,
    PERSONAL,
    PERSONAL_KINDS,
    QUALITY,
    UNKNOWN_LICENCE,
    VERDICTS,
    Recipe,
)

VERSION = 2

_BESIDE = {
    VERDICTS.name: ["language", "keep", "failures"],
    PERSONAL.name: ["spans"],
    CONTAMINATION.name: ["evidence"],
    QUALITY.name: ["quality_score"],
}
"""What is read of the tables beside the documents."""


def stage(recipe: Recipe, *, parts: list[Part], clusters: list[Receipt]) -> Stage:
    """One unit for each group of parts."""
    of_group = {entry.path: entry for receipt in clusters for entry in receipt.of(CLUSTERS)}
    masked = [kind for kind in PERSONAL_KINDS.values() if getattr(recipe.personal, kind) == "mask"]
    cut = recipe.contamination.policy == "cut"
    read = {VERDICTS.name, QUALITY.name, *([PERSONAL.name] if masked else []), *([CONTAMINATION.name] if cut else [])}
    work = []
    for name, members in group(parts).items():
        found = of_group.get(f"{CLUSTERS.name}/{name}.parquet")
        files = [_files(part, read) for part in members]
        work.append(
            Work(
                descriptor={
                    "parts": [{name: entry.checksum for name, entry in each.items()} for each in files],
                    "clusters": found.checksum if found else None,
                },
                local={
                    "parts": [{name: entry.path for name, entry in each.items()} for each in files],
                    "clusters": found.path if found else None,
                },
                size=sum(part.documents.text_bytes for part in members),
            )
        )
    return (
        yield Phase(
            name="curate",
            stage="curate",
            function=curate_group,
            version=VERSION,
            settings={"mask": masked, "cut": cut},
            tables=(CURATED.name, LEDGER.name),
            work=tuple(work),
        )
    )


def _files(part: Part, read: set[str]) -> dict[str, FileEntry]:
    """The files of a part that are read, by table."""
    beside = {VERDICTS.name: part.verdicts, **part.measures}
    return {DOCUMENTS.name: part.documents, **{name: entry for name, entry in beside.items() if name in read}}


def curate_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the ledger of a group of parts and its kept documents, one file for each language."""
    clusters = _Clusters.read(store, unit.local["clusters"])
    curated = _ByLanguage(output)
    with output.table(LEDGER) as ledger:
        for part in unit.local["parts"]:
            for batch, beside in _joined(store, part):
                edited = edit(batch["text"], beside, masked=settings["mask"], cut=settings["cut"])
                rows = _ledger_rows(batch, beside=beside, clusters=clusters, edited=edited)
                ledger.write(rows)
                _count(rows, output)
                curated.write(batch, rows, beside=beside, clusters=clusters, texts=edited.texts)
    curated.close()


class _Clusters:
    """The clusters table of a group, looked up by document."""

    def __init__(self, table: pa.Table) -> None:
        self._ids = table["doc_id"].combine_chunks()
        self._table = table

    @classmethod
    def read(cls, store: Store, path: str | None) -> "_Clusters":
        return cls(tables.read(store, path) if path else CLUSTERS.schema.empty_table())

    def of(self, doc_ids: pa.Array) -> pa.Table:
        """A row for each document: nulls where it has no copy."""
        return self._table.take(pc.index_in(doc_ids, value_set=self._ids))


def _joined(store: Store, part: Mapping[str, str]) -> Iterator[tuple[pa.RecordBatch, pa.Table]]:
    """Documents of every status with what stands beside them, nulls for those that are none."""
    streams = (tables.batches(store, part[name], columns=_BESIDE[name]) for name in _BESIDE if name in part)
    beside = _Cursor(tables.aligned(*streams), schema=_beside_schema())
    for batch in tables.batches(store, part[DOCUMENTS.name]):
        ok = pc.equal(batch["status"], "ok").to_numpy(zero_copy_only=False)
        places = pa.array(np.cumsum(ok) - 1, mask=~ok)
        yield batch, beside.take(int(ok.sum())).take(places)
    beside.end()


def _beside_schema() -> pa.Schema:
    schemas = {table.name: table.schema for table in (VERDICTS, *MEASURES)}
    return pa.schema([schemas[name].field(each).remove_metadata() for name in _BESIDE for each in _BESIDE[name]])


class _Cursor:
    """Takes a given number of rows at a time from aligned streams of batches; columns that none has are null."""

    def __init__(self, stream: Iterator[tuple[pa.RecordBatch, ...]], *, schema: pa.Schema) -> None:
        self._stream = stream
        self._held = schema.empty_table()

    def take(self, rows: int) -> pa.Table:
        while self._held.num_rows < rows:
            fresh = next(self._stream, None)
            if fresh is None:
                raise ValueError("a part has more documents than verdicts")
            self._held = pa.concat_tables([self._held, self._table(fresh)])
        taken = self._held.slice(0, rows).combine_chunks()
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


def _ledger_rows(batch: pa.RecordBatch, *, beside: pa.Table, clusters: _Clusters, edited: Edited) -> pa.RecordBatch:
    """One ledger row for each record. The first that applies decides: unreadable or skipped, reference, dropped,
    duplicate, nothing left after edits, kept."""
    reason = _first_failures(beside["failures"])
    cluster = clusters.of(batch["doc_id"])
    unfit = pc.not_equal(batch["status"], "ok")
    reference = pc.equal(batch["role"], "reference")
    dropped = pc.fill_null(pc.invert(_plain(beside["keep"])), False)
    copy = pc.fill_null(pc.is_in(_plain(cluster["kind"]), pa.array(["exact", "near"])), False)
    cases = pc.make_struct(unfit, reference, dropped, copy, edited.emptied)

    def choose(*values: Any) -> pa.Array:
        return _plain(pc.case_when(cases, *values))

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
        "language": _plain(beside["language"]),
        "bytes": batch["bytes"],
        "stage": choose(*words("ingest", "ingest", "decide", "dedup", "curate", "curate")),
        "disposition": choose(batch["status"], *words("skipped", "dropped", "duplicate", "dropped", "kept")),
        "rule": choose(
            batch["rule"],
            pa.scalar("reference"),
            reason["rule"],
            _plain(cluster["kind"]),
            pa.scalar(EMPTIED_RULE),
            null,
        ),
        "value": choose(nothing, nothing, reason["value"], nothing, nothing, nothing),
        "limit": choose(nothing, nothing, reason["limit"], nothing, nothing, nothing),
        "survivor_id": pc.if_else(is_copy, _plain(cluster["survivor_id"]), null),
        "similarity": pc.if_else(is_copy, _plain(cluster["similarity"]), pa.scalar(None, pa.float32())),
        "detail": pc.if_else(went_on, edited.details, batch["detail"]),
    }
    return pa.record_batch([columns[field.name] for field in LEDGER.schema], schema=LEDGER.schema)


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _first_failures(failures: pa.ChunkedArray) -> dict[str, pa.Array]:
    """Rule, value and limit of each document's first failure, null where it has none."""
    lists = _plain(failures)
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


class _ByLanguage:
    """One curated file for each language of the group, opened when its first document comes."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._writers: dict[str, TableWriter] = {}

    def write(
        self, batch: pa.RecordBatch, ledger: pa.RecordBatch, *, beside: pa.Table, clusters: _Clusters, texts: pa.Array
    ) -> None:
        sizes = pc.fill_null(_plain(clusters.of(batch["doc_id"])["size"]), 1)
        special = {
            "licence": _licence(batch),
            "quality": _plain(beside["quality_score"]),
            "cluster_size": sizes,
            "text": texts,
        }
        columns = [special[name] if name in special else batch[name] for name in CURATED.schema.names]
        kept = pc.equal(ledger["disposition"], "kept")
        rows = pa.record_batch(columns, schema=CURATED.schema).filter(kept)
        languages = ledger["language"].filter(kept)
        for language in pc.unique(languages).to_pylist():
            if language not in self._writers:
                self._writers[language] = self._output.table(CURATED, partition=f"language={language}")
            self._writers[language].write(rows.filter(pc.equal(languages, language)))

    def close(self) -> None:
        for language in sorted(self._writers):
            self._writers[language].close()


def _licence(documents: pa.RecordBatch) -> pa.Array:
    """The licence that the recipe gives, or else the page itself."""
    stated = pc.fill_null(documents["page_licence"], UNKNOWN_LICENCE)
    return pc.if_else(pc.equal(documents["licence"], UNKNOWN_LICENCE), stated, documents["licence"])
