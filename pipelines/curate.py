"""Curate: what is kept, as plain Parquet by language, and the ledger, one row for every record there was."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, TableWriter, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.pipelines.parts import Part, group
from gristmill.schemas import CLUSTERS, CURATED, LEDGER, SIGNALS, VERDICTS

VERSION = 1


def stage(*, parts: list[Part], clusters: list[Receipt]) -> Stage:
    """One unit for each group of parts."""
    of_group = {entry.path: entry for receipt in clusters for entry in receipt.of(CLUSTERS)}
    work = []
    for name, members in group(parts).items():
        found = of_group.get(f"{CLUSTERS.name}/{name}.parquet")
        work.append(
            Work(
                descriptor={
                    "parts": [part.checksums() for part in members],
                    "clusters": found.checksum if found else None,
                },
                local={"parts": [part.paths() for part in members], "clusters": found.path if found else None},
                size=sum(part.documents.text_bytes for part in members),
            )
        )
    return (
        yield Phase(
            name="curate",
            stage="curate",
            function=curate_group,
            version=VERSION,
            tables=(CURATED.name, LEDGER.name),
            work=tuple(work),
        )
    )


def curate_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the ledger of a group of parts and its kept documents, one file for each language."""
    del settings
    clusters = _Clusters.read(store, unit.local["clusters"])
    curated = _ByLanguage(output)
    with output.table(LEDGER) as ledger:
        for documents, signals, verdicts in unit.local["parts"]:
            for batch, measured, verdict in _joined(store, documents, signals, verdicts):
                rows = _ledger_rows(batch, measured=measured, verdict=verdict, clusters=clusters)
                ledger.write(rows)
                _count(rows, output)
                curated.write(batch, rows, clusters)
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


def _joined(
    store: Store, documents: str, signals: str, verdicts: str
) -> Iterator[tuple[pa.RecordBatch, pa.Table, pa.Table]]:
    """Documents of every status with their signals and verdicts, nulls for those that are none."""
    of_signals, of_verdicts = ["language"], ["keep", "failures"]
    measured = _Cursor(
        tables.aligned(
            tables.batches(store, signals, columns=of_signals),
            tables.batches(store, verdicts, columns=of_verdicts),
        ),
        schemas=(_select(SIGNALS.schema, of_signals), _select(VERDICTS.schema, of_verdicts)),
    )
    for batch in tables.batches(store, documents):
        ok = pc.equal(batch["status"], "ok").to_numpy(zero_copy_only=False)
        language, verdict = measured.take(int(ok.sum()))
        places = pa.array(np.cumsum(ok) - 1, mask=~ok)
        yield batch, language.take(places), verdict.take(places)
    measured.end()


def _select(schema: pa.Schema, names: list[str]) -> pa.Schema:
    return pa.schema([schema.field(name).remove_metadata() for name in names])


class _Cursor:
    """Takes a given number of rows at a time from aligned streams of batches."""

    def __init__(self, stream: Iterator[tuple[pa.RecordBatch, ...]], *, schemas: tuple[pa.Schema, ...]) -> None:
        self._stream = stream
        self._held = tuple(schema.empty_table() for schema in schemas)

    def take(self, rows: int) -> tuple[pa.Table, ...]:
        while self._held[0].num_rows < rows:
            fresh = next(self._stream, None)
            if fresh is None:
                raise ValueError("a part has more documents than signals")
            pairs = zip(self._held, fresh, strict=True)
            self._held = tuple(pa.concat_tables([held, pa.Table.from_batches([new])]) for held, new in pairs)
        taken = tuple(each.slice(0, rows).combine_chunks() for each in self._held)
        self._held = tuple(each.slice(rows) for each in self._held)
        return taken

    def end(self) -> None:
        """Raises ValueError where rows are left."""
        if self._held[0].num_rows or next(self._stream, None) is not None:
            raise ValueError("a part has fewer documents than signals")


def _ledger_rows(
    batch: pa.RecordBatch, *, measured: pa.Table, verdict: pa.Table, clusters: _Clusters
) -> pa.RecordBatch:
    """One ledger row for each record. The first that applies decides: unreadable or skipped, reference, dropped,
    duplicate, kept."""
    reason = _first_failures(verdict["failures"])
    cluster = clusters.of(batch["doc_id"])
    unfit = pc.not_equal(batch["status"], "ok")
    reference = pc.equal(batch["role"], "reference")
    dropped = pc.fill_null(pc.invert(verdict["keep"]), False)
    copy = pc.fill_null(pc.is_in(cluster["kind"], pa.array(["exact", "near"])), False)

    def choose(*values: Any) -> pa.Array:
        cases = pc.make_struct(unfit, reference, _plain(dropped), _plain(copy))
        return _plain(pc.case_when(cases, *values))

    null = pa.scalar(None, pa.string())
    nothing = pa.scalar(None, pa.float64())
    kept_or_copy = pc.and_(pc.and_(pc.invert(unfit), pc.invert(reference)), pc.invert(_plain(dropped)))
    is_copy = pc.and_(kept_or_copy, _plain(copy))
    columns = {
        "doc_id": batch["doc_id"],
        "source": batch["source"],
        "uri": batch["uri"],
        "language": _plain(measured["language"]),
        "bytes": batch["bytes"],
        "stage": choose(*map(pa.scalar, ("ingest", "ingest", "decide", "dedup", "curate"))),
        "disposition": choose(batch["status"], *map(pa.scalar, ("skipped", "dropped", "duplicate", "kept"))),
        "rule": choose(batch["rule"], pa.scalar("reference"), reason["rule"], _plain(cluster["kind"]), null),
        "value": choose(nothing, nothing, reason["value"], nothing, nothing),
        "limit": choose(nothing, nothing, reason["limit"], nothing, nothing),
        "survivor_id": pc.if_else(is_copy, _plain(cluster["survivor_id"]), null),
        "similarity": pc.if_else(is_copy, _plain(cluster["similarity"]), pa.scalar(None, pa.float32())),
        "detail": batch["detail"],
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

    def write(self, batch: pa.RecordBatch, ledger: pa.RecordBatch, clusters: _Clusters) -> None:
        kept = pc.equal(ledger["disposition"], "kept")
        languages = ledger["language"].filter(kept)
        chosen = batch.filter(kept)
        sizes = pc.fill_null(_plain(clusters.of(chosen["doc_id"])["size"]), 1)
        columns = [sizes if name == "cluster_size" else chosen[name] for name in CURATED.schema.names]
        rows = pa.record_batch(columns, schema=CURATED.schema)
        for language in pc.unique(languages).to_pylist():
            if language not in self._writers:
                self._writers[language] = self._output.table(CURATED, partition=f"language={language}")
            self._writers[language].write(rows.filter(pc.equal(languages, language)))

    def close(self) -> None:
        for language in sorted(self._writers):
            self._writers[language].close()
