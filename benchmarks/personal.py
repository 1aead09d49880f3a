"""Personal data: precision and recall on the table of cases, alarms on real text, speed; and peers beside them.

Run from the repository's root: python benchmarks/personal.py [--data ../shared/data] [--peer NAME=PYTHON ...]

The cases are those of `tests/filters/personal/cases.toml`: a span counts as right when its kind and both of its ends
are. Speed is processor time per byte of UTF-8, in batches of 1,024 documents, with the languages known, as in the
pipeline: the median of the runs. NAME is datatrove or scrubadub, PYTHON an interpreter that has it: see
`personal_peer.py`. For them a span is right if it has the kind and overlaps by half, and only kinds that they know are
counted. The last line is one JSON object.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from gristmill.filters import personal

ROOT = Path(__file__).parents[1]
BATCH = 1024
RUNS = 5
EXAMPLES = 3
LANGUAGES = {
    "en": "eng_Latn", "de": "deu_Latn", "fr": "fra_Latn", "es": "spa_Latn", "it": "ita_Latn", "ja": "jpn_Jpan",
    "zh": "zho_Hans", "ru": "rus_Cyrl", "tr": "tur_Latn", "ro": "ron_Latn", "pl": "pol_Latn", "uk": "ukr_Cyrl",
    "pt_BR": "por_Latn",
}  # fmt: skip
"""Codes in the sample text that are not ISO 639-3."""
PEER_KINDS = {"datatrove": {"email", "ip"}, "scrubadub": {"email", "phone", "card"}}
HOSTILE = {
    "digits": "1",
    "at signs": "a@",
    "groups": "12 34 56 78 ",
    "numbers": "+49 30 23125 014, ",
    "others": "212-555-0147, ",
    "addresses": "ana@example.com ",
    "quads": "93.184.216.34 ",
    "ids": "44051401359 ",
}
"""Pieces of which a megabyte is made."""

Texts = tuple[list[str], list[str]]
"""Texts, and a language for each."""


def cases() -> list[Any]:
    """The table of cases that the tests use."""
    path = ROOT / "tests/filters/personal/cases.py"
    spec = importlib.util.spec_from_file_location("personal_cases", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found: list[Any] = module.read()
    return found


def ratio(part: int, rest: int) -> float:
    return part / (part + rest) if part + rest else 1.0


def score(table: Sequence[Any]) -> tuple[float, float]:
    """Print precision and recall by kind, and the countries that have an error; return both over all."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    by_country: dict[str, Counter[str]] = {}
    for case in table:
        found = {tuple(span) for span in personal.find(case.text, language=case.language, region=case.region)}
        country = by_country.setdefault(case.country, Counter())
        for counter, name, spans in (
            (right, "right", found & case.spans),
            (wrong, "wrong", found - case.spans),
            (missed, "missed", case.spans - found),
        ):
            counter.update(kind for kind, _, _ in spans)
            country[name] += len(spans)
    print(f"{len(table)} texts of {len(by_country)} countries, {sum(not case.spans for case in table)} with none")
    print(f"{'kind':<14}{'spans':>7}{'precision':>11}{'recall':>8}")
    for kind in personal.KINDS:
        n = right[kind] + missed[kind]
        print(f"{kind:<14}{n:>7}{ratio(right[kind], wrong[kind]):>11.3f}{ratio(right[kind], missed[kind]):>8.3f}")
    print("\ncountry   right  wrong missed")
    for name, counts in sorted(by_country.items()):
        print(f"{name:<8}{counts['right']:>7}{counts['wrong']:>7}{counts['missed']:>7}")
    return ratio(right.total(), wrong.total()), ratio(right.total(), missed.total())


def corpora(data: Path) -> Iterator[tuple[str, Texts]]:
    """The sample text by file, and NTREX-128."""
    for path in sorted((data / "text").glob("*.jsonl.zst")):
        lines = zstandard.ZstdDecompressor().stream_reader(path.open("rb")).read().decode().splitlines()
        rows = [json.loads(line) for line in lines]
        yield path.name, ([row["text"] for row in rows], [LANGUAGES.get(row["lang"], row["lang"]) for row in rows])
    documents = data / "lid/ntrex_documents.parquet"
    if documents.exists():
        table = pq.read_table(documents)
        yield "ntrex", (table["text"].to_pylist(), [code.split("-")[0] for code in table["lang"].to_pylist()])


def find_all(texts: Texts) -> list[pa.RecordBatch]:
    return [
        personal.find_batch(pa.array(texts[0][n : n + BATCH], pa.string()), languages=texts[1][n : n + BATCH])
        for n in range(0, len(texts[0]), BATCH)
    ]


def size(texts: Iterable[str]) -> int:
    return sum(len(text.encode()) for text in texts)


def nanoseconds(texts: Texts) -> float:
    """Processor time per byte: the median of the runs."""
    n_bytes, times = size(texts[0]), []
    find_all((texts[0][:50], texts[1][:50]))
    for _ in range(RUNS):
        start = time.process_time()
        find_all(texts)
        times.append(time.process_time() - start)
    return median(times) / n_bytes * 1e9


def alarms(name: str, texts: Texts, *, examples: int) -> float:
    """Print what is found per megabyte, with some of it to judge; return the time per byte."""
    pace, megabytes = nanoseconds(texts), size(texts[0]) / 1e6
    rows = [spans for batch in find_all(texts) for spans in batch["spans"].to_pylist()]
    counts = Counter(span["kind"] for spans in rows for span in spans)
    told = ", ".join(f"{kind} {n} ({n / megabytes:.2f}/MB)" for kind, n in counts.most_common()) or "nothing"
    print(f"\n{name}: {megabytes:.1f} MB, {pace:.1f} ns/byte: {told}")
    shown = Counter[str]()
    for text, language, spans in zip(*texts, rows, strict=True):
        for span in spans:
            if shown[span["kind"]] < examples:
                shown[span["kind"]] += 1
                around = text[max(0, span["start"] - 30) : span["end"] + 15]
                print(f"  {language:<9}{span['kind']:<12}{' '.join(around.split())}")
    return pace


def hostile() -> float:
    """Print the time per byte on a megabyte of nothing but candidates; return the worst."""
    print("\na megabyte of nothing but:")
    worst = 0.0
    for name, piece in HOSTILE.items():
        text = piece * (1_000_000 // len(piece))
        start = time.process_time()
        n = len(personal.find(text, language="spa_Latn"))
        pace = (time.process_time() - start) / len(text) * 1e9
        worst = max(worst, pace)
        print(f"  {name:<12}{pace:>9,.0f} ns/byte, {n} spans")
    return worst


def overlaps(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    shared = min(one[1], other[1]) - max(one[0], other[0])
    return one[2] == other[2] and 2 * shared >= max(one[1] - one[0], other[1] - other[0])


def beside(name: str, python: str, table: Sequence[Any], texts: Texts) -> None:
    """Print a peer's precision and recall on the kinds that it knows, and its speed, and ours on these kinds."""
    kinds = PEER_KINDS[name]
    some = texts[0][:: max(1, len(texts[0]) // 500)]
    given = json.dumps({"peer": name, "texts": [case.text for case in table] + some})
    command = [python, str(Path(__file__).with_name("personal_peer.py"))]
    answer = json.loads(subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout)
    theirs = [[tuple(span) for span in spans] for spans in answer["spans"]]
    ours = [
        [(s.start, s.end, s.kind) for s in personal.find(c.text, language=c.language, region=c.region)] for c in table
    ]
    print(f"\n{name}, on {', '.join(sorted(kinds))}:")
    for who, found in ((name, theirs), ("Gristmill", ours)):
        right = wrong = missed = 0
        for case, spans in zip(table, found, strict=False):
            wanted = [(start, end, kind) for kind, start, end in case.spans if kind in kinds]
            known = [span for span in spans if span[2] in kinds]
            hits = sum(any(overlaps(span, each) for span in known) for each in wanted)
            right, missed = right + hits, missed + len(wanted) - hits
            wrong += sum(not any(overlaps(span, each) for each in wanted) for span in known)
        print(f"  {who:<12} precision {ratio(right, wrong):.3f}, recall {ratio(right, missed):.3f}")
    n_bytes = size([case.text for case in table] + some)
    print(f"  {name:<12} {answer['seconds'] / n_bytes * 1e9:,.0f} ns/byte")


def main() -> None:
    """Measure, print, and end with the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    asked = parser.parse_args()
    table = cases()
    precision, recall = score(table)
    figures = {"bar6_precision": round(precision, 4), "bar6_recall": round(recall, 4), "bar6_cases": len(table)}
    texts: Texts = ([], [])
    for name, texts in corpora(asked.data):
        figures[f"ns_byte_{name.split('.')[0]}"] = round(alarms(name, texts, examples=asked.examples), 1)
    figures["hostile_ns_byte"] = round(hostile())
    for name, _, python in (each.partition("=") for each in asked.peer):
        beside(name, python, table, texts)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
