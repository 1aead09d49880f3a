"""Verdicts of Gopher's and FineWeb's rules beside datatrove's, on 2,000 English texts, good and bad.

Run: python benchmarks/rule_agreement.py [--data ../shared/data] [--peer-python PATH] [--peer-folder FOLDER]

Both judge the same texts with the same limits, ours those shipped for English. Printed are, for each rule and each set,
how many texts fail it with one and with the other, and on how many both agree; then every difference of verdicts on a
rule, counted by what explains it. An explanation is found by putting our definitions into datatrove's rule one by one
(`rule_definitions.py`) until its verdict is ours. A difference that nothing explains would be named, and is a failure.

The texts, cleaned as the pipeline does it: news (NTREX-128), help pages and articles from the web as their main content
and, the same pages again, with all menus and lists (the bad ones), a manual, abstracts of medicine, and reports of a
central bank. With --peer-python not given, datatrove is installed as for benchmarks/annotate.py. The last line is one
JSON object.
"""

import argparse
import gzip
import itertools
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import py3langid
import pyarrow as pa
import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecordType
from peers import ROOT, install, lines
from resiliparse.extract.html2text import extract_plain_text
from rule_definitions import DIFFERENCES, Reading, value

from gristmill.filters import kernel, signals, stop_words
from gristmill.filters.characters import characters
from gristmill.filters.rules import Limits, decide
from gristmill.filters.segmentation import words
from gristmill.pipelines.cleaning import clean

DOCUMENTS = 2000
SHARES = {"help": 175, "articles": 175, "finance": 400, "manual": 420, "medicine": 450}
"""Texts from each source, about as many from each; pages are taken twice, with and without their menus."""
STRICT = "fineweb.duplicate_line_char_ratio.max at .01"
"""The same rule with the limit of FineWeb's code in place of the paper's."""
SETS = ("gopher", "fineweb")


def evenly(found: Sequence[Any], n: int) -> list[Any]:
    """n of them, at even distances."""
    return [found[k * len(found) // n] for k in range(min(n, len(found)))]


def pages(data: Path) -> Iterator[tuple[str, str]]:
    """Sources and HTML."""
    with (data / "warc" / "lohelp-sw4.warc.gz").open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
            yield "help", record.reader.read().decode("utf-8", "replace")
    for path in sorted((data / "html" / "article-extraction-benchmark").rglob("*.html.gz")):
        yield "articles", gzip.decompress(path.read_bytes()).decode("utf-8", "replace")


def is_english(text: str) -> bool:
    """Not so pages of manuals that are half translated: they have letters of East Asia, or more than one of 20 that is
    not Latin.
    """
    foreign = [c for c in text if c.isalpha() and c >= "\u0250"]
    few = 20 * len(foreign) <= sum(map(str.isalpha, text))
    return few and max(foreign, default="") < "\u2e80" and py3langid.classify(text)[0] == "en"


def texts(data: Path) -> list[tuple[str, str]]:
    """Sources and English texts, DOCUMENTS of them if there are as many."""
    found: dict[str, list[tuple[str, str]]] = {}
    for source, page in pages(data):
        main, whole = (clean(extract_plain_text(page, main_content=only)) for only in (True, False))
        if main.strip() and is_english(whole):
            found.setdefault(source, []).append((main, whole))
    taken = []
    for source, of_source in found.items():
        for main, whole in evenly(of_source, SHARES[source]):
            taken += [(source, main), (f"{source}, whole page", whole)]
    for source, name in (("finance", "finance-en"), ("manual", "php-manual"), ("medicine", "medicine-en")):
        rows = map(json.loads, lines(data / "text" / f"{name}.jsonl.zst"))
        english = [clean(row["text"]) for row in rows if row["lang"] == "eng" and row["text"].strip()]
        taken += [(source, text) for text in evenly(english, SHARES[source])]
    news = pq.read_table(data / "lid" / "ntrex_documents.parquet", filters=[("lang", "=", "eng")])["text"].to_pylist()
    return [*(("news", text) for text in news), *taken][:DOCUMENTS]


def judge(found: Sequence[str]) -> list[dict[str, tuple[float, float]]]:
    """Our failing rules of each text, with value and limit."""
    of_texts = pa.array(found, pa.large_string())
    measured = signals.measure(of_texts, languages=["eng"] * len(found), stop_words=_STOP_WORDS)
    columns = {
        "doc_id": pa.array(map(str, range(len(found)))),
        "language": pa.array(["eng_Latn"] * len(found)),
        "language_score": pa.array([1.0] * len(found), pa.float32()),
        **{name: measured[name] for name in measured.schema.names},
    }
    verdicts = decide(pa.record_batch(columns), Limits.load(SETS))
    rows = verdicts.column("failures").to_pylist()
    return [{each["rule"]: (each["value"], each["limit"]) for each in row} for row in rows]


_STOP_WORDS = signals.StopWords.compile(stop_words.load())


def peer_verdicts(python: Path, folder: Path, found: Sequence[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """datatrove's tables of characters, and its failing rules and words of each text."""
    sample, judged = folder / "sample.jsonl", folder / "judged.jsonl"
    sample.write_text("".join(json.dumps({"language": "eng", "text": text}) + "\n" for text in found), encoding="utf-8")
    script = Path(__file__).with_name("datatrove_rules.py")
    done = subprocess.run([python, script, "judge", sample, judged], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"datatrove failed:\n{done.stderr[-3000:]}")
    header, *rows = map(json.loads, judged.read_text(encoding="utf-8").splitlines())
    return header, rows


def our_words(found: Sequence[str]) -> list[list[tuple[int, int]]]:
    """Where our words are in each text."""
    spans = words(pa.array(found, pa.large_string()), characters())
    ends = zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)
    sizes = (spans.offsets[1:] - spans.offsets[:-1]).tolist()
    return [list(itertools.islice(ends, size)) for size in sizes]


def explain(rule: str, reading: Reading, limit: float, fails: bool) -> str:
    """The fewest differences of definition that turn datatrove's verdict into ours, which is `fails`."""

    def verdict(ours: frozenset[str]) -> bool:
        found = value(rule, reading, ours)
        return found < limit if rule.endswith(".min") else found > limit

    if verdict(frozenset()) == fails or verdict(frozenset(DIFFERENCES)) != fails:
        return "unexplained"
    for size in range(1, len(DIFFERENCES) + 1):
        for ours in itertools.combinations(DIFFERENCES, size):
            if verdict(frozenset(ours)) == fails:
                return " and ".join(ours)
    raise AssertionError("all differences together give our verdict")


def table(name: str, rows: Sequence[tuple[bool, bool]]) -> float:
    """Print how often both fail or pass a text; return how often they agree."""
    ours, theirs = sum(one for one, _ in rows), sum(other for _, other in rows)
    agreement = sum(one == other for one, other in rows) / len(rows)
    print(f"{name:<46}{ours:>10}{theirs:>11}{agreement:>11.2%}")
    return agreement


def in_set(failed: Any, name: str) -> bool:
    return any(rule.startswith(f"{name}.") and rule != STRICT for rule in failed)


def compare(found: Sequence[tuple[str, str]], header: dict[str, Any], theirs: list[dict[str, Any]]) -> dict[str, float]:
    """Print the tables; return the figures of the last line."""
    documents = [text for _, text in found]
    ours = judge(documents)
    rules = header["rules"]
    limits = {rule.name: dict(rule.limits)["default"] for rule in Limits.load(SETS).rules}
    peers = [set(row["failed"]) for row in theirs]
    print(f"{'texts that fail':<46}{'Gristmill':>10}{'datatrove':>11}{'agreement':>11}")
    for rule in rules:
        if rule != STRICT:
            table(rule, [(rule in one, rule in other) for one, other in zip(ours, peers, strict=True)])
    by_set = {
        name: table(f"set {name}", [(in_set(a, name), in_set(b, name)) for a, b in zip(ours, peers, strict=True)])
        for name in SETS
    }
    both = [(bool(a), bool(b - {STRICT})) for a, b in zip(ours, peers, strict=True)]
    agreement = table("any rule of both sets", both)
    table("  datatrove's with .01 for duplicate lines", [(bool(a), bool(b)) for a, b in zip(ours, peers, strict=True)])
    for source in sorted({source for source, _ in found}):
        table(f"  {source}", [each for each, (name, _) in zip(both, found, strict=True) if name == source])
    causes = _causes(documents, ours, theirs, limits, header)
    print(f"\n{'a verdict on a rule differs':<46}{'texts':>6}  ours   by reason of")
    for (rule, fails, cause), n in sorted(causes.items(), key=lambda each: (each[0][0], -each[1])):
        print(f"{rule:<46}{n:>6}  {'fails' if fails else 'passes':<6} {cause}")
    print()
    for name in sorted({part for *_, cause in causes for part in cause.split(" and ")}):
        print(f"{name}: {DIFFERENCES.get(name, 'no stated difference explains it')}")
    unexplained = sum(n for (*_, cause), n in causes.items() if cause == "unexplained")
    return {
        "bar3_agreement": round(agreement, 4),
        "bar3_unexplained": unexplained,
        **{f"{name}_agreement": round(share, 4) for name, share in by_set.items()},
    }


def _causes(
    documents: Sequence[str],
    ours: Sequence[dict[str, tuple[float, float]]],
    theirs: Sequence[dict[str, Any]],
    limits: dict[str, float | None],
    header: dict[str, Any],
) -> Counter[tuple[str, bool, str]]:
    causes: Counter[tuple[str, bool, str]] = Counter()
    of_texts = our_words(documents)
    for text, one, other, found in zip(documents, ours, theirs, of_texts, strict=True):
        differing = sorted(set(one) ^ (set(other["failed"]) - {STRICT}))
        reading = Reading(
            text=text,
            tokens=other["words"],
            spans=found,
            punctuation=set(header["punctuation"]),
            terminals=set(header["terminals"]),
        )
        for rule in differing:
            limit = limits[rule]
            assert limit is not None
            causes[rule, rule in one, explain(rule, reading, limit, rule in one)] += 1
    return causes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--peer-folder", type=Path)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    kernel.warm_up()
    found = texts(given.data)
    print(f"{len(found)} texts: " + ", ".join(f"{n} {source}" for source, n in Counter(s for s, _ in found).items()))
    with tempfile.TemporaryDirectory() as name:
        python = given.peer_python or install(given.peer_folder or Path(name))
        header, theirs = peer_verdicts(python.absolute(), Path(name), [text for _, text in found])
    print(json.dumps(compare(found, header, theirs)))


if __name__ == "__main__":
    main()
