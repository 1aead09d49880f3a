"""Encoding: are the ids SentencePiece's, on every text there is, and how fast do they come?

Run: python benchmarks/encoding.py [--data ../shared/data] [--kind bpe] [--vocabulary 32768] [--peer-python PATH]

Trains on NTREX, 128 languages, then encodes all of NTREX and of text/ with the kernel, with SentencePiece (a batch, one
thread), with `tokenizers` (one thread, the exported tokenizer.json) and, given --peer-python, with datatrove's
tokenizer step. Every document's ids are compared. Rates are MB of UTF-8 per processor second, so that other work on the
machine counts little; each side's best of RUNS, but those below a MB/s once. The last line is one JSON object.
"""

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, TypeVar

os.environ["RAYON_NUM_THREADS"] = "1"  # before tokenizers is imported

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import sentencepiece
import zstandard
from tokenizers import Tokenizer

from gristmill.tokenizer import Encoder, to_huggingface, train

ROOT = Path(__file__).parents[1]
RUNS = 3
AT_ONCE = 500
"""Documents that are given to a library at once."""

PIECE = 2000
"""Characters of a piece of training text."""

MARK = "\u2581"
"""SentencePiece takes it for a space; we spell it in bytes, so texts that have it differ by intent."""

Result = TypeVar("Result")
Ids = list[list[int]]


def corpora(data: Path) -> Iterator[tuple[str, list[str]]]:
    yield "NTREX", pq.read_table(data / "lid/ntrex_documents.parquet")["text"].to_pylist()
    texts = []
    for path in sorted((data / "text").glob("*.jsonl.zst")):
        with path.open("rb") as packed:
            lines = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(packed))
            texts += [json.loads(line)["text"] for line in lines]
    yield "text", texts


def timed(work: Callable[[], Result], *, runs: int = RUNS) -> tuple[float, Result]:
    """Processor seconds of the fastest run, and the result."""
    best = float("inf")
    for _ in range(runs):
        started = time.process_time()
        result = work()
        best = min(best, time.process_time() - started)
    return best, result


def batches(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), AT_ONCE):
        yield texts[start : start + AT_ONCE]


def differing(texts: list[str], expected: Ids, found: Ids) -> tuple[int, int]:
    """Documents whose ids differ, without and with U+2581."""
    different = [MARK in text for text, one, two in zip(texts, expected, found, strict=True) if one != two]
    return different.count(False), different.count(True)


def datatrove(python: Path, texts: list[str], exported: bytes, folder: Path) -> dict[str, float]:
    lines, tokenizer = folder / "text.jsonl", folder / "tokenizer.json"
    lines.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    tokenizer.write_bytes(exported)
    script = Path(__file__).with_name("datatrove_tokens.py")
    command = [python, script, lines, tokenizer, tempfile.mkdtemp(dir=folder)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(f"datatrove failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(name: str, texts: list[str], model: bytes, python: Path | None) -> dict[str, float]:
    """Print one corpus' table; returns MB and seconds of each side."""
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    column = pa.array(texts, pa.large_string())
    encoder, exported = Encoder.load(model), to_huggingface(model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    theirs = Tokenizer.from_str((exported or b"").decode())
    theirs.encode_special_tokens = True
    encoder.encode(column[:10])  # compiles
    seconds: dict[str, float] = {}
    seconds["gristmill"], tokens = timed(lambda: encoder.encode(column))
    ours = [each.tolist() for each in np.split(tokens.ids, tokens.offsets[1:-1])]
    seconds["sentencepiece"], expected = timed(
        lambda: [ids for batch in batches(texts) for ids in processor.encode(batch, num_threads=1)]
    )
    plain, marked = differing(texts, expected, ours)
    print(f"\n{name}: {len(texts):,} documents, {megabytes:.1f} MB, {len(tokens.ids):,} tokens")
    print(f"documents whose ids differ from SentencePiece's: {plain}; and {marked} with U+2581, which we keep")
    del expected
    seconds["tokenizers"], others = timed(
        lambda: [
            encoding.ids
            for batch in batches(texts)
            for encoding in theirs.encode_batch_fast(batch, add_special_tokens=False)
        ],
        runs=1,
    )
    print(f"documents whose ids differ from the exported tokenizer.json's: {sum(differing(texts, ours, others))}")
    if python is not None:
        with tempfile.TemporaryDirectory() as folder:
            found = datatrove(python, texts, exported or b"", Path(folder))
        seconds["datatrove"] = found["seconds"]
        print(f"datatrove: {found['tokens']:,.0f} tokens, the end of each document with them")
    for side, took in seconds.items():
        rate = megabytes / took
        print(f"{side:<14} {took:7.2f} s {rate:7.1f} MB/s  {took / seconds['gristmill']:5.1f} x the time of gristmill")
    return {"megabytes": megabytes, "differ": plain, **seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--kind", choices=["bpe", "unigram"], default="bpe")
    parser.add_argument("--vocabulary", type=int, default=32_768)
    parser.add_argument("--model", type=Path, help="A model to encode with; none is trained then.")
    parser.add_argument("--peer-python", type=Path)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    found = dict(corpora(given.data))
    kind: Literal["bpe", "unigram"] = given.kind
    if given.model:
        model = given.model.read_bytes()
    else:
        pieces = [text[at : at + PIECE] for text in found["NTREX"] for at in range(0, len(text), PIECE)]
        model = train(pieces, vocabulary_size=given.vocabulary, kind=kind, character_coverage=0.9998).model
    results = {name: compare(name, texts, model, given.peer_python) for name, texts in found.items()}
    total = {side: sum(each[side] for each in results.values()) for side in results["NTREX"]}
    print()
    rates = {side: total["megabytes"] / total[side] for side in total if side not in ("megabytes", "differ")}
    print("all: " + ", ".join(f"{side} {rate:.1f} MB/s" for side, rate in rates.items()))
    ratio = rates["gristmill"] / rates["sentencepiece"]
    print(
        json.dumps({"ratio": round(ratio, 2), "differ": total["differ"]} | {k: round(v, 2) for k, v in rates.items()})
    )


if __name__ == "__main__":
    main()
