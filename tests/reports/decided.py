"""An output folder that a run has decided on: documents, signals, and verdicts that `decide` made of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.filters.rules import Limits, decide
from gristmill.schemas import DOCUMENTS, SIGNAL_FIELDS, SIGNALS

LANGUAGES = ("eng_Latn", "deu_Latn", "tha_Thai", "und_Latn")
N = 400


def made_signals() -> pa.Table:
    """Documents most of which fail little: each signal is near its limit in few of them."""
    random = np.random.default_rng(7)
    good = {"mean_word_length": 5.0, "alpha_word_ratio": 0.95, "terminal_line_ratio": 0.9, "stop_words": 9}
    good |= {"n_sentences": 9, "entropy": 4.5, "letter_ratio": 0.9}
    columns: dict[str, Any] = {}
    for field in SIGNAL_FIELDS:
        value = good.get(field.name, 0)
        if field.name == "n_words":
            columns[field.name] = random.integers(20, 400, N)
        elif field.name in ("mean_word_length", "short_line_ratio", "duplicate_5_gram_char_ratio"):
            columns[field.name] = value + random.choice([0, 0, 0.1, 0.15, 0.3, 0.7, 6], N).clip(0, 6 if value else 1)
        else:
            columns[field.name] = np.full(N, value)
    rows = pa.table({name: pa.array(each) for name, each in columns.items()})
    table = {
        "doc_id": pa.array([f"{i:032x}" for i in range(N)]),
        "language": pa.array([LANGUAGES[i % 4] for i in range(N)]),
        "language_score": pa.array(np.full(N, 0.9), pa.float32()),
        **{field.name: rows[field.name].cast(field.type) for field in SIGNAL_FIELDS},
    }
    hole = pa.array([None if i % 50 == 0 else value for i, value in enumerate(table["short_line_ratio"].to_pylist())])
    table["short_line_ratio"] = hole.cast(pa.float32())
    rest = {field.name: pa.nulls(N, field.type) for field in SIGNALS.schema if field.name not in table}
    return pa.table({**table, **rest}).select(SIGNALS.schema.names).cast(SIGNALS.schema)


def write(folder: Path, signals: pa.Table, limits: Limits, *, reference: int = 0) -> str:
    """Write the tables and the receipt of `decide`; the first documents are reference documents."""
    documents = [
        {"doc_id": f"{i:032x}", "bytes": 100 + i, "text": f"text {i}\x1b[31m", "status": "ok"}
        | {"role": "reference" if i < reference else "raw"}
        for i in range(N)
    ]
    tables = {
        "documents": pa.Table.from_pylist(documents, schema=DOCUMENTS.schema),
        "signals": signals,
        "verdicts": pa.Table.from_batches([decide(batch, limits) for batch in signals.to_batches()]),
    }
    for name, table in tables.items():
        (folder / name).mkdir()
        pq.write_table(table, folder / name / "a.parquet")
    (folder / "receipts/decide").mkdir(parents=True)
    receipt = {"phase": "decide", "key": "k", "version": 1, "settings": {"limits": limits.to_json()}}
    receipt |= {"descriptor": {}, "files": [], "counts": {}}
    (folder / "receipts/decide/k.json").write_text(json.dumps(receipt) + "\n")
    return str(folder)
