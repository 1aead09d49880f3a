"""Pieces of a corpus made by hand: aligned tables, with nulls where a test does not care."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.pipelines.checkpoints import FileEntry, Store
from gristmill.pipelines.parts import Part, Piece
from gristmill.schemas import DOCUMENTS, SIGNALS, VERDICTS, Table, digest

Row = Mapping[str, Any]


def write(store: Store, path: str, *, table: Table, rows: Sequence[Row]) -> FileEntry:
    """A Parquet file of the store, as a phase would have left it."""
    target = Path(store.path(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    full = [{field.name: row.get(field.name) for field in table.schema} for row in rows]
    pq.write_table(pa.Table.from_pylist(full, schema=table.schema), target)
    data = target.read_bytes()
    text_bytes = sum(len(row.get("text") or "") for row in rows)
    return FileEntry(
        path=path, rows=len(rows), bytes=len(data), checksum=digest(data), table=table.name, text_bytes=text_bytes
    )


def piece(store: Store, documents: Sequence[Row], signals: Sequence[Row] | None = None, *, name: str = "0") -> Piece:
    """Documents, by default of status ok and raw, with their signals, which by default say English."""
    plain = {"bytes": 1, "status": "ok", "role": "raw"}
    given = [{"doc_id": f"{n:032x}", **plain, **row} for n, row in enumerate(documents)]
    ids = [row["doc_id"] for row in given if row["status"] == "ok"]
    english = {"language": "eng_Latn", "language_score": 1.0}
    measured = [
        {"doc_id": doc_id, **english, **row} for doc_id, row in zip(ids, signals or [{}] * len(ids), strict=True)
    ]
    return Piece(
        documents=write(store, f"documents/{name}.parquet", table=DOCUMENTS, rows=given),
        signals=write(store, f"signals/{name}.parquet", table=SIGNALS, rows=measured),
    )


def part(
    store: Store,
    piece: Piece,
    verdicts: Sequence[Row] | None = None,
    *,
    measures: Mapping[Table, Sequence[Row]] | None = None,
) -> Part:
    """The piece with verdicts, by default to keep all as English, and with further tables."""
    ids = pq.read_table(store.path(piece.signals.path), columns=["doc_id"])["doc_id"].to_pylist()

    def beside(rows: Sequence[Row]) -> list[Row]:
        return [{"doc_id": doc_id, **row} for doc_id, row in zip(ids, rows, strict=True)]

    keep = {"language": "eng_Latn", "keep": True, "failures": []}
    given = [{**keep, **row} for row in verdicts or [{}] * len(ids)]
    name = Path(piece.documents.path).name
    return Part(
        documents=piece.documents,
        signals=piece.signals,
        verdicts=write(store, f"verdicts/{name}", table=VERDICTS, rows=beside(given)),
        measures={
            table.name: write(store, f"{table.name}/{name}", table=table, rows=beside(rows))
            for table, rows in (measures or {}).items()
        },
    )
