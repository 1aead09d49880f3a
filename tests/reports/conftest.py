"""A miniature output folder, written by hand: small enough that every number in it can be counted."""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.schemas import (
    CLUSTERS,
    CONTAMINATION,
    CURATED,
    DOCUMENTS,
    HELD_OUT,
    LEDGER,
    MEASURES,
    MIXTURE,
    PASSAGES,
    PERSONAL,
    QUALITY,
    SIGNALS,
    TOKENS,
    VERDICTS,
    WEB,
    Table,
    shards,
)
from gristmill.schemas.training import LOSSES, ROUTING, TRAINING

LONG = "The mill by the river grinds rye and wheat for the whole valley, and has done so since the flood. " * 6
NEAR = LONG.replace("wheat", "barley", 1) + "Visitors are welcome."
NASTY = "<script>alert('x')</script> & \x1b[31mred\x1b[0m [bold]markup[/bold] \u202egnp.exe ${name}"
ARABIC = "الطاحونة على ضفة النهر تطحن القمح والشعير لأهل الوادي كله منذ زمن بعيد."
THAI = "โรงสีริมแม่น้ำสีข้าวให้ทั้งหุบเขามาตั้งแต่น้ำท่วม"


_MIXTURE = [
    {"language": language, "domain": "general", "source": "web", "documents": 2, "bytes": size, "weight": 1.0}
    | {"asked": asked, "share": share, "rate": rate}
    | {"mixed_documents": copies, "mixed_bytes": mixed, "mixed_tokens": tokens}
    for language, size, asked, share, rate, copies, mixed, tokens in (
        ("eng_Latn", 900, 0.5, 0.6, 0.6667, 1, 600, 150),
        ("tha_Thai", 100, 0.5, 0.4, 4.0, 8, 400, 50),
    )
]


def doc_id(number: int) -> str:
    """An id whose order is that of the numbers, and whose first digits tell it from all others."""
    return f"{number:04x}" + "0" * 20 + f"{number * 7919:08x}"


class Folder:
    """Builds an output folder record by record, and keeps its tables consistent with each other."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self.signals: list[dict[str, Any]] = []
        self.verdicts: list[dict[str, Any]] = []
        self.measures: dict[str, list[dict[str, Any]]] = {table.name: [] for table in MEASURES}
        self.clusters: list[dict[str, Any]] = []
        self.passages: list[dict[str, Any]] = []
        self.curated: dict[str, list[dict[str, Any]]] = {}
        self.held_out: list[dict[str, Any]] = []
        self.ledger: list[dict[str, Any]] = []
        self.shards: list[dict[str, Any]] = []
        self.training: list[dict[str, Any]] = []
        self.losses: list[dict[str, Any]] = []
        self.routing: list[dict[str, Any]] = []

    def add(
        self,
        number: int,
        *,
        language: str | None,
        text: str,
        size: int,
        disposition: str = "kept",
        source: str = "web",
        uri: str | None = None,
        failures: Iterable[tuple[str, float, float]] = (),
        rule: str | None = None,
        detail: str | None = None,
        survivor: int | None = None,
        similarity: float | None = None,
        earlier: str | None = None,
        captured: str | None = None,
        cluster_size: int = 1,
        quality: float | None = None,
    ) -> None:
        name, failed = doc_id(number), list(failures)
        uri = uri or f"https://example.org/{number}"
        domain = "finance" if source == "filings" else "general"
        status = disposition if disposition in ("skipped", "unreadable") else "ok"
        stages = {"kept": "curate", "dropped": "decide", "duplicate": "dedup"}
        self.documents.append(
            {
                "doc_id": name, "source": source, "domain": domain, "licence": "CC0", "role": "raw",
                "path": f"{source}.warc.gz", "offset": number * 100, "uri": uri, "bytes": size,
                "media_type": "text/html", "encoding": "utf-8", "title": "Mill", "date": "2024-05-01", "text": text,
                "captured": captured, "status": status, "rule": rule if status != "ok" else None, "detail": detail,
            }
        )  # fmt: skip
        if status == "ok":
            self.signals.append(
                {field.name: 1 if pa.types.is_integer(field.type) else 0.5 for field in SIGNALS.schema}
                | {"doc_id": name, "language": language, "language_score": 0.9, "n_words": len(text.split())}
                | {"languages": _shares(language, text)}
                | {"text_hash": bytes(16), "signature": bytes(SIGNALS.schema.field("signature").type.byte_width)}
            )
            self._measure(name, text)
            self.verdicts.append(
                {
                    "doc_id": name,
                    "language": language,
                    "keep": not failed,
                    "failures": [dict(zip(("rule", "value", "limit"), each, strict=True)) for each in failed],
                }
            )
        first = failed[0] if failed else (rule, None, None)
        self.ledger.append(
            {
                "doc_id": name, "source": source, "uri": uri, "language": language, "bytes": size,
                "stage": stages.get(disposition, "ingest"), "disposition": disposition, "rule": first[0],
                "value": first[1], "limit": first[2], "survivor_id": doc_id(survivor) if survivor else None,
                "earlier": earlier, "similarity": similarity, "detail": detail,
            }
        )  # fmt: skip
        if disposition == "kept" and language:
            row = {"doc_id": name, "source": source, "domain": domain, "licence": "CC0", "uri": uri, "title": "Mill"}
            row |= {"date": "2024-05-01", "cluster_size": cluster_size, "text": text, "quality": quality}
            self.curated.setdefault(language, []).append(row)

    def _measure(self, name: str, text: str) -> None:
        """Most documents have nothing to find; NASTY has an address, and the Thai one is of an evaluation set."""
        nasty, thai = text == NASTY, text == THAI
        evidence = {"set": "xquad", "item": "7", "share": 0.9, "start": 0, "end": 9, "text": THAI[:9]}
        found = {
            PERSONAL: {"emails": int(nasty), "spans": [{"kind": "email", "start": 3, "end": 20}] * nasty},
            WEB: {"host": "example.org", "site": "example.org", "blocklists": 0, "opt_outs": int(nasty)}
            | {"blocklists_hit": [], "opt_outs_found": ["meta:noai<b>"] * nasty},
            CONTAMINATION: {"contaminated_items": int(thai), "contamination_share": float(thai)}
            | {"evidence": [evidence] * thai},
            QUALITY: {"quality_score": 0.75},
        }
        for table, row in found.items():
            zero = {field.name: 0 for field in table.schema if pa.types.is_integer(field.type)}
            self.measures[table.name].append({**zero, **row, "doc_id": name})

    def cluster(self, survivor: int, *others: tuple[int, str, float], earlier: str | None = None) -> None:
        """A cluster whose documents the ledger has already; an earlier output's survivor is no document here."""
        members = [*([] if earlier else [(survivor, "survivor", 1.0)]), *others]
        row = {"cluster": min(doc_id(each[0]) for each in members), "survivor_id": doc_id(survivor)}
        row |= {"earlier": earlier, "size": len(members)}
        for number, kind, similarity in members:
            self.clusters.append(row | {"doc_id": doc_id(number), "kind": kind, "similarity": similarity})

    def duplicate(
        self, number: int, *, of: int, kind: str, similarity: float, language: str = "eng_Latn", text: str = LONG
    ) -> tuple[int, str, float]:
        """Add a duplicate of a document here; returns what `cluster` takes."""
        self.add(
            number,
            language=language,
            text=text,
            size=100,
            disposition="duplicate",
            rule=kind,
            survivor=of,
            similarity=similarity,
        )
        return number, kind, similarity

    def repeats(self, number: int, *spans: tuple[str, int, int, int, float]) -> None:
        """Repeated passages of a document: (kind, start, end, documents, share)."""
        names = ("kind", "start", "end", "documents", "share")
        row = {"doc_id": doc_id(number), "spans": [dict(zip(names, each, strict=True)) for each in spans]}
        self.passages.append(row)

    def sequence(self, *pieces: tuple[int, int, int, str]) -> None:
        """A training sequence of (document, tokens, offset, language)."""
        filled = sum(length for _, length, _, _ in pieces)
        self.shards.append(
            {
                "tokens": [7] * filled + [0] * (2048 - filled),
                "doc_lens": [each[1] for each in pieces],
                "doc_ids": [doc_id(each[0]) for each in pieces],
                "doc_offsets": [each[2] for each in pieces],
                "languages": [each[3] for each in pieces],
                "domains": ["general"] * len(pieces),
                "sources": ["web"] * len(pieces),
            }
        )

    def step(self, number: int, *sights: tuple[int, float], skipped: bool = False, doubt: float = -0.5) -> None:
        """A step of training that saw ten tokens each of (document, loss)."""
        self.training.append({"step": number, "loss": 1.0, "skipped": skipped})
        for document, loss in sights:
            row = {"step": number, "doc_id": doc_id(document), "offset": 0, "tokens": 10, "loss": loss}
            self.losses.append(row | {"nearest": "tha_Thai", "doubt": doubt})

    def route(self, expert: int, language: str, domain: str, tokens: int, *, chance: int, step: int = 2) -> None:
        """A language and domain's use of an expert of layer 1."""
        row = {"step": step, "layer": 1, "expert": expert, "language": language, "domain": domain}
        self.routing.append(row | {"tokens": tokens, "chance": chance})

    def hold_out(self, number: int) -> None:
        """Hold out a document that is curated so far, and take the sequences away that have it."""
        name = doc_id(number)
        clusters = {each["doc_id"]: each["cluster"] for each in self.clusters}
        for language, rows in self.curated.items():
            for row in [each for each in rows if each["doc_id"] == name]:
                rows.remove(row)
                told = {column: row[column] for column in ("doc_id", "domain", "source", "text")}
                self.held_out.append(told | {"cluster": clusters.get(name, name), "language": language})
        self.shards = [each for each in self.shards if name not in each["doc_ids"]]

    def write(self, out: Path) -> Path:
        # Two files, so that every view must see more than one.
        half = len(self.documents) // 2
        _write(out / "documents/a.parquet", DOCUMENTS, self.documents[:half])
        _write(out / "documents/b.parquet", DOCUMENTS, self.documents[half:])
        _write(out / "signals/a.parquet", SIGNALS, self.signals)
        _write(out / "verdicts/a.parquet", VERDICTS, self.verdicts)
        for table in MEASURES:
            _write(out / table.name / "a.parquet", table, self.measures[table.name])
        _write(out / "clusters/a.parquet", CLUSTERS, self.clusters)
        _write(out / "passages/a.parquet", PASSAGES, self.passages)
        _write(out / "ledger/a.parquet", LEDGER, self.ledger)
        _write(out / "tokens/a.parquet", TOKENS, [])
        _write(out / "mixture/a.parquet", MIXTURE, _MIXTURE)
        for language, rows in self.curated.items():
            _write(out / f"curated/language={language}/a.parquet", CURATED, rows)
        if self.held_out:
            _write(out / "held_out/a.parquet", HELD_OUT, self.held_out)
        if self.shards:
            table = shards(sequence_length=2048, vocabulary_size=1000)
            _write(out / "shards/train/00000.parquet", table, self.shards)
        for table, rows in ((TRAINING, self.training), (LOSSES, self.losses), (ROUTING, self.routing)):
            if rows:
                _write(out / "model" / table.name / "000000002-0.parquet", table, rows)
        # A file in the making, which no view may see.
        (out / "ledger/.b.parquet.tmp-123").write_bytes(b"PAR1")
        _receipt(out, "ingest", key="k1", counts={"records": len(self.documents)})
        _receipt(out, "dedup_keys", key="k2", counts={}, settings={"bands": 14, "rows": 8, "ranges": 1})
        _receipt(out, "dedup_verify", key="k3", counts={"candidates": 9}, settings={"min_similarity": 0.7})
        return out


def _shares(language: str | None, text: str) -> list[dict[str, Any]]:
    if text == NEAR:
        return [{"language": language, "share": 0.75}, {"language": "deu_Latn", "share": 0.25}]
    return [{"language": language, "share": 1.0}]


def _write(path: Path, table: Table, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def _receipt(
    out: Path, phase: str, *, key: str, counts: dict[str, int], settings: dict[str, Any] | None = None
) -> None:
    entry = {"path": "documents/a.parquet", "rows": 5, "bytes": 1000, "checksum": "c", "table": "documents"}
    receipt = {
        "phase": phase, "key": key, "version": 1, "settings": settings or {}, "descriptor": {"path": "web.warc.gz"},
        "files": [entry | {"text_bytes": 9}, entry | {"path": "documents/b.parquet", "text_bytes": 9}],
        "counts": counts,
    }  # fmt: skip
    folder = out / "receipts" / phase
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{key}.json").write_text(json.dumps(receipt) + "\n")
    (folder / "damaged.json").write_text('{"phase": "ing')


def miniature() -> Folder:
    """Twelve records: four kept, three dropped, two duplicates, two skipped, one unreadable."""
    folder = Folder()
    folder.add(1, language="eng_Latn", text=LONG, size=5000, cluster_size=3, quality=0.75)
    folder.add(
        2, language="eng_Latn", text=NEAR, size=4000, disposition="duplicate", rule="near", survivor=1, similarity=0.875
    )
    folder.add(
        3, language="eng_Latn", text=LONG, size=3000, disposition="duplicate", rule="exact", survivor=1, similarity=1.0
    )
    folder.add(
        4,
        language="eng_Latn",
        text=NASTY,
        size=200,
        disposition="dropped",
        uri="https://evil.example/\x1b[2J<b>",
        failures=[("gopher.n_words.min", 9.0, 50.0), ("fineweb.terminal_line_ratio.min", 0.0, 0.12)],
    )
    folder.add(5, language="tha_Thai", text=THAI, size=900, source="filings")
    folder.add(6, language="ara_Arab", text=ARABIC, size=700)
    folder.add(
        7,
        language="ara_Arab",
        text=ARABIC[:20],
        size=300,
        disposition="dropped",
        failures=[("gopher.n_words.min", 46.0, 50.0)],
    )
    folder.add(
        8,
        language="und",
        text="zxqv " * 3,
        size=20,
        disposition="dropped",
        failures=[("gopher.n_words.min", 3.0, 50.0)],
    )
    folder.add(9, language="eng_Latn", text="Short but kept.", size=1500, source="filings", quality=0.25)
    folder.add(
        10, language=None, text="", size=150, disposition="skipped", rule="warc.request", uri="https://example.org/1"
    )
    folder.add(11, language=None, text="", size=60, disposition="skipped", rule="empty", detail="no text")
    folder.add(12, language=None, text="", size=80, disposition="unreadable", rule="gzip", detail="CRC \x1b[1m failed")
    folder.cluster(1, (2, "near", 0.875), (3, "exact", 1.0))
    folder.repeats(1, ("line", 0, 23, 40, 0.8), ("copied", 98, 121, 7, 0.1))
    folder.sequence((1, 1500, 0, "eng_Latn"), (5, 40, 0, "tha_Thai"))
    folder.sequence((6, 30, 0, "ara_Arab"), (1, 200, 1500, "eng_Latn"), (9, 5, 0, "eng_Latn"), (5, 40, 0, "tha_Thai"))
    folder.step(1, (1, 3.0), (5, 6.0), (6, 5.0), (9, 4.0), doubt=0.75)
    folder.step(2, (1, 2.0), (5, 3.0), (6, 4.0), (9, 1.0))
    folder.step(3, (1, 5.0))
    folder.route(0, "eng_Latn", "general", 60, chance=50)
    folder.route(1, "tha_Thai", "finance", 40, chance=50)
    return folder


@pytest.fixture(name="name_of")
def name_of_fixture() -> Callable[[int], str]:
    return doc_id


@pytest.fixture
def folder() -> Folder:
    """The miniature before it is written, to be changed."""
    return miniature()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The miniature, written once, for tests that only read it."""
    return str(miniature().write(tmp_path_factory.mktemp("shared") / "out"))


@pytest.fixture
def out(tmp_path: Path, shared: str) -> str:
    """A copy of the miniature."""
    return str(shutil.copytree(shared, tmp_path / "out"))


@pytest.fixture
def empty(tmp_path: Path) -> str:
    (tmp_path / "new").mkdir()
    return str(tmp_path / "new")
