"""The loss ledger: what it costs, and whether its join finds documents that are not what they seem.

Run: python benchmarks/loss_ledger.py [--data ../shared/data] [--epochs 6]

A small mixture of experts is trained for some minutes on one thread, on the beginnings of real documents in six
languages: news of NTREX, and the law, medicine, finance and software of the data folder. Planted among them are
documents with another language's label, documents whose words are shuffled, and documents that are there twice, under
two ids. Each kind has its column in the view `document_losses`: AUC is the chance that a planted document stands above
another one there.

Overhead: each batch is learnt from twice, once with the ledger and once without, in turns. The median difference and
the time of writing the rows, beside the median step; processor time of one thread.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from shards_of_text import Row, Shards, by_language
from whole import ROOT

from gristmill.reports import views
from gristmill.schemas import CURATED, digest
from gristmill.trainer import train
from gristmill.trainer.config import ModelConfig, TrainConfig
from gristmill.trainer.devices import open_device
from gristmill.trainer.feed import Feed, IntArray
from gristmill.trainer.losses import Ledger
from gristmill.trainer.shards import ShardReader
from gristmill.trainer.trainer import Trainer

LANGUAGES = {
    "deu": "deu_Latn",
    "eng": "eng_Latn",
    "fin": "fin_Latn",
    "fra": "fra_Latn",
    "rus": "rus_Cyrl",
    "spa": "spa_Latn",
}
NEWS, OTHERS = 80, 40
"""Documents of each language from NTREX, and from each other source that has it."""

CHARACTERS = 1200
PLANTED = 40
BATCH = 4
COLUMNS = {"mislabelled": "doubt", "shuffled": "source_residual", "duplicated": "collapse"}
PAIRS = 200


def documents(data: Path, draw: random.Random) -> list[Row]:
    """Beginnings of real documents in a random order, `language` beside the columns of curated text."""
    news = pq.read_table(data / "lid" / "ntrex_documents.parquet", columns=["lang", "text"]).to_pylist()
    found: list[Row] = [{**row, "source": "ntrex", "domain": "news"} for row in news]
    for language, rows in sorted(by_language(data).items()):
        found += [{name: row[name] for name in ("source", "domain", "text")} | {"lang": language} for row in rows]
    draw.shuffle(found)
    taken: dict[tuple[str, str], int] = {}
    chosen = []
    for row in found:
        key = row["lang"], row["source"]
        if key[0] in LANGUAGES and len(row["text"]) > CHARACTERS // 3:
            taken[key] = taken.get(key, 0) + 1
            if taken[key] <= (NEWS if row["source"] == "ntrex" else OTHERS):
                chosen.append(row | {"language": LANGUAGES[row.pop("lang")], "text": row["text"][:CHARACTERS]})
    return chosen


def plant(rows: list[Row], draw: random.Random) -> dict[str, set[str]]:
    """Spoil some documents, and give all of them ids; returns the ids of each kind."""
    shuffled, mislabelled, duplicated = (rows[PLANTED * n : PLANTED * (n + 1)] for n in range(3))
    for row in shuffled:
        words = row["text"].split()
        draw.shuffle(words)
        row["text"] = " ".join(words)
    for row in mislabelled:
        row["language"] = draw.choice([each for each in LANGUAGES.values() if each != row["language"]])
    copies = [dict(row) for row in duplicated]
    rows += copies
    for number, row in enumerate(rows):
        row |= {"doc_id": digest(str(number).encode()), "uri": str(number), "licence": "unknown", "cluster_size": 1}
    kinds = {"shuffled": shuffled, "mislabelled": mislabelled, "duplicated": duplicated + copies}
    return {kind: {row["doc_id"] for row in members} for kind, members in kinds.items()}


def write(folder: Path, rows: list[Row]) -> ShardReader:
    """Tokenizer and shards of the rows."""
    curated: dict[str, list[Row]] = {}
    for row in rows:
        columns = dict.fromkeys(CURATED.schema.names) | {name: row[name] for name in row if name != "language"}
        curated.setdefault(row["language"], []).append(columns)
    Shards.of(folder, curated, tokenizer={"vocabulary_size": 8192}, packing={"sequence_length": 1024})
    return ShardReader.open(folder)


def job(folder: Path, reader: ShardReader, *, epochs: float) -> train.Job:
    model = ModelConfig.of_depth(3, vocabulary_size=reader.manifest.vocabulary_size, width=128, experts=16)
    config = TrainConfig(
        steps=int(epochs * len(reader) / BATCH), batch_sequences=BATCH, micro_sequences=BATCH, dtype="float32"
    )
    return train.Job(shards=str(folder), folder=folder / "model", model=model, train=config, device="cpu")


def auc(planted: list[float], others: list[float]) -> float:
    """The chance that a planted one is above another, ties being even."""
    order = np.sort(others)
    below = [np.searchsorted(order, planted, side) for side in ("left", "right")]
    return float(np.mean(below) / len(order))


def ranked(folder: Path, kinds: dict[str, set[str]]) -> dict[str, float]:
    """AUC of each kind by its column; what has no value stands below all."""
    found = {}
    with views.connect(str(folder)) as connection:
        for kind, column in COLUMNS.items():
            rows = connection.execute(f"SELECT doc_id, coalesce({column}, -1e9) FROM document_losses").fetchall()
            planted = [value for name, value in rows if name in kinds[kind]]
            others = [value for name, value in rows if name not in kinds[kind]]
            found[kind] = auc(planted, others)
            print(f"{kind:<12} {column:<16} AUC {found[kind]:.3f}, {len(planted)} of {len(rows)} documents")
    return found


class Twice:
    """Every batch two times."""

    state = ""

    def __init__(self, feed: Feed) -> None:
        self._feed, self._held = feed, list[IntArray]()

    def take(self, count: int) -> IntArray:
        if not self._held:
            self._held = [self._feed.take(count)] * 2
        return self._held.pop()


def overhead(folder: Path, reader: ShardReader) -> float:
    """Share of a step that the ledger takes."""
    one = job(folder, reader, epochs=1000)
    config = replace(one.train, batch_sequences=1, micro_sequences=1)  # short steps: what disturbs one spares others
    ledger = Ledger(folder / "beside", reader=reader, model=one.model, share=1.0)
    trainer = Trainer(
        reader=reader,
        batches=Twice(Feed.begin(reader, seed=0)),
        model=one.model,
        config=config,
        device=open_device("cpu", dtype="float32"),
    )
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * PAIRS):
        is_kept = number % 4 in {0, 3}
        trainer.watch = ledger.watch if is_kept else None
        started = time.process_time()
        trainer.step()
        seconds[is_kept].append(time.process_time() - started)
    started = time.process_time()
    ledger.flush(PAIRS)
    written = (time.process_time() - started) / PAIRS
    step = statistics.median(seconds[False])
    noted = statistics.median(a - b for a, b in zip(seconds[True], seconds[False], strict=True))
    print(f"step {step * 1e3:.0f} ms, noting {noted * 1e3:+.2f} ms, writing {written * 1e3:.2f} ms a step")
    return (noted + written) / step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / ".." / "shared" / "data")
    parser.add_argument("--epochs", type=float, default=6)
    parser.add_argument("--folder", type=Path, help="Where to keep the output; by default it is not kept.")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        draw = random.Random(0)
        rows = documents(asked.data, draw)
        kinds = plant(rows, draw)
        reader = write(folder, rows)
        print(f"{len(rows)} documents, {reader.manifest.totals['tokens']:,} tokens, {asked.epochs:g} epochs")
        share = overhead(folder, reader)
        print(f"overhead {share:.2%}")
        started = time.perf_counter()
        train.run(
            job(folder, reader, epochs=asked.epochs),
            report=lambda at: print(at, flush=True) if at.step.number % 25 == 1 else None,
        )
        print(f"trained in {time.perf_counter() - started:.0f} s")
        found = ranked(folder, kinds)
    print(json.dumps({"bar7_overhead": round(share, 4)} | {f"bar7_auc_{k}": round(v, 3) for k, v in found.items()}))


if __name__ == "__main__":
    main()
