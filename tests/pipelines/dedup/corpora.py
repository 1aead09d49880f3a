"""Hand-made corpora for dedup: documents that say what their signatures have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from pieces import write
from stages import Runner

from gristmill.pipelines import dedup
from gristmill.pipelines.checkpoints import Store
from gristmill.pipelines.dedup import components
from gristmill.pipelines.parts import Part
from gristmill.schemas import DOCUMENTS, PERMUTATIONS, QUALITY, SIGNALS, VERDICTS, digest, parse

SAME = b"0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Doc:
    """A document of a hand-made part.

    Attributes:
        family: documents of a family have the same signature, but for
        values, tail: so many of the first, and of the last, values, which are the document's own,
        spread: and the first of each so many.
    """

    name: str
    family: str = "all"
    text_hash: bytes = b""
    text: str = ""
    values: int = 0
    tail: int = 0
    spread: int | None = None
    chars: int = 100
    quality: float | None = None
    date: str | None = None
    uri: str = ""
    canonical: str | None = None
    captured: str | None = None
    status: str = "ok"
    keep: bool = True
    role: str = "raw"


def signature(doc: Doc) -> bytes:
    values = _values(doc.family)
    own = _values(doc.name)
    values[: doc.values] = own[: doc.values]
    values[PERMUTATIONS - doc.tail :] = own[PERMUTATIONS - doc.tail :]
    if doc.spread:
        values[:: doc.spread] = own[:: doc.spread]
    return values.tobytes()


def _values(name: str) -> np.ndarray:
    first = np.frombuffer(bytes.fromhex(digest(name.encode()))[:4], "<u4")
    return first + np.arange(PERMUTATIONS, dtype="<u4")


def part(store: Store, number: int, docs: Sequence[Doc]) -> Part:
    """Aligned files of a part, as the stages before would have left them."""
    ok = [doc for doc in docs if doc.status == "ok"]
    documents: list[dict[str, Any]] = [
        {
            "doc_id": doc.name,
            "status": doc.status,
            "role": doc.role,
            "date": doc.date,
            "uri": doc.uri or doc.name,
            "canonical": doc.canonical,
            "captured": doc.captured,
            "text": doc.text,
        }
        for doc in docs
    ]
    signals: list[dict[str, Any]] = [
        {
            "doc_id": doc.name,
            "n_chars": doc.chars,
            "text_hash": doc.text_hash or bytes.fromhex(digest(doc.name.encode())),
            "signature": signature(doc),
        }
        for doc in ok
    ]
    verdicts = [{"doc_id": doc.name, "keep": doc.keep} for doc in ok]
    quality = [{"doc_id": doc.name, "quality_score": doc.quality} for doc in ok]
    return Part(
        documents=write(store, f"documents/{number}.parquet", table=DOCUMENTS, rows=documents),
        signals=write(store, f"signals/{number}.parquet", table=SIGNALS, rows=signals),
        verdicts=write(store, f"verdicts/{number}.parquet", table=VERDICTS, rows=verdicts),
        measures={QUALITY.name: write(store, f"quality/{number}.parquet", table=QUALITY, rows=quality)},
    )


def corpus(store: Store, parts: Sequence[Sequence[Doc]]) -> list[Part]:
    """Parts in the order of their checksums, as a run has them."""
    made = [part(store, number, docs) for number, docs in enumerate(parts)]
    return sorted(made, key=lambda each: each.key)


def clusters(
    folder: Path, parts: Sequence[Sequence[Doc]], toml: str = "", *, in_memory: int = components.IN_MEMORY
) -> list[dict[str, Any]]:
    """Rows of the table clusters, of a run in a folder; `toml` is the recipe's section dedup."""
    recipe = parse(f'[[inputs]]\nname = "a"\npaths = ["x"]\n[dedup]\n{toml}'.encode(), name="r")
    run = Runner(folder)
    stage = dedup.stage(recipe, folder=str(folder), parts=corpus(run.store, parts), in_memory=in_memory)
    receipts = run(stage)
    return [
        row
        for receipt in receipts
        for entry in receipt.files
        for row in pq.read_table(run.store.path(entry.path)).to_pylist()
    ]


def fates(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[str, str, float]]:
    """Survivor, kind and similarity by document."""
    return {row["doc_id"]: (row["survivor_id"], row["kind"], round(row["similarity"], 3)) for row in rows}
