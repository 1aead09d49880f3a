"""Fairness: what each of 128 languages pays for the same text, beside English.

Run: python benchmarks/tokenizer_fairness.py [--data ../shared/data] [--kind bpe] [--vocabulary 32768]
    [--temperature 0 0.3 1] [--beside PATH] [--svg FILE]

NTREX-128 has the same documents in all languages. Every second one is trained on, with the same share of the sample for
each language (temperature 0) or as other temperatures say; the others, which training has not seen, are measured on: so
tokens beside English's are exact. --skewed N takes English, French, German, Spanish, Russian and Chinese for N times as
large before the temperature is applied, as they are on the web. A table for each temperature, languages that pay most
first; the last line is one JSON object.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.tokenizer import train
from gristmill.tokenizer.quotas import powers
from gristmill.tokenizer.report import Report, report
from gristmill.tokenizer.sample import choose_pieces, until_quota

ROOT = Path(__file__).parents[1]
LIMIT = 3.0
LARGE = ("eng", "fra", "deu", "spa", "rus", "zho-CN")


def halves(documents: pa.Table) -> tuple[dict[str, list[str]], pa.Table]:
    """Documents to train on, by language, and a table of the others, in the same order for every language."""
    seen: dict[str, list[str]] = {}
    unseen: list[dict[str, str]] = []
    numbers: dict[str, int] = {}
    for row in documents.to_pylist():
        number = numbers[row["lang"]] = numbers.get(row["lang"], -1) + 1
        if number % 123 % 2:  # a language has 123 documents for each variant
            unseen.append(row)
        else:
            seen.setdefault(row["lang"], []).append(row["text"])
    return seen, pa.Table.from_pylist(unseen)


def sample(seen: dict[str, list[str]], *, temperature: float, skewed: int) -> list[str]:
    """Pieces of text, each language's share in proportion to its size ** temperature, in the order of their hashes.

    The language that has least for its share gives all, and decides how much that is.
    """
    sizes = {name: sum(len(text.encode()) for text in texts) for name, texts in seen.items()}
    supposed = {name: size * (skewed if name in LARGE else 1) for name, size in sizes.items()}
    wanted = powers(supposed, temperature=temperature)
    scale = min(sizes[name] / share for name, share in wanted.items())
    chosen: list[tuple[int, str]] = []
    for name, texts in sorted(seen.items()):
        names = [f"{name}{number}" for number in range(len(texts))]
        pieces = choose_pieces(names, [text.encode() for text in texts], seed=0, fractions=np.ones(len(texts)))
        ordered = sorted((hashed, piece.decode()) for _, hashed, piece in pieces)
        sizes_here = np.array([len(piece.encode()) for _, piece in ordered])
        taken = until_quota(sizes_here, quota=int(scale * wanted[name]))
        chosen += [each for each, size in zip(ordered, taken.tolist(), strict=True) if size]
    return [piece for _, piece in sorted(chosen)]


def measure(model: bytes, unseen: pa.Table, beside: Path | None) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        text, file = Path(folder, "unseen.parquet"), Path(folder, "trained.model")
        pq.write_table(unseen, text)
        file.write_bytes(model)
        return report(file, beside=beside, text=text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--kind", choices=["bpe", "unigram"], default="bpe")
    parser.add_argument("--vocabulary", type=int, default=32_768)
    parser.add_argument("--temperature", type=float, nargs="+", default=[0.0])
    parser.add_argument("--skewed", type=int, default=1)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--svg", type=Path)
    given = parser.parse_args()
    source = given.data / "lid/ntrex_documents.parquet"
    if not source.is_file():
        sys.exit(f"no file {source}; see --data")
    seen, unseen = halves(pq.read_table(source))
    worst: dict[str, object] = {}
    for temperature in given.temperature:
        found = one(seen, unseen, temperature=temperature, given=given)
        worst[f"temperature {temperature:g}"] = {
            "worst": found[0][0],
            "cost": round(found[0][1], 3),
            "above the limit": [name for name, cost in found if cost >= LIMIT],
            "median": round(sorted(cost for _, cost in found)[len(found) // 2], 3),
        }
    print(json.dumps({"languages": len(seen), **worst}))


def one(
    seen: dict[str, list[str]], unseen: pa.Table, *, temperature: float, given: argparse.Namespace
) -> Sequence[tuple[str, float]]:
    """Train, print the table; returns languages and their costs, the highest first."""
    kind: Literal["bpe", "unigram"] = given.kind
    pieces = sample(seen, temperature=temperature, skewed=given.skewed)
    trained = train(pieces, vocabulary_size=given.vocabulary, kind=kind, character_coverage=0.9998)
    found = measure(trained.model, unseen, given.beside)
    size = sum(len(piece.encode()) for piece in pieces) / 1e6
    print(f"temperature {temperature:g}, {given.skewed} x large languages: trained on {size:.1f} MB, {kind}")
    print("\n".join(found.to_text()), flush=True)
    if given.svg:
        given.svg.write_text(found.to_svg(), encoding="utf-8")
    return [(row.language, row.cost or 0.0) for row in found.rows["trained.model"]]


if __name__ == "__main__":
    main()
