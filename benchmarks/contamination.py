"""Evaluation items planted in documents: how many are found, what is found where nothing was planted, and how fast.

Run from the repository's root: `python benchmarks/contamination.py [--peer-python PYTHON]`. Reads the evaluation sets,
domain texts and NTREX of ../shared/data. Prints tables; the last line is one line of JSON.

Planting: up to ITEMS items of each set and language, each in a document of NTREX in its language (or none of its own,
then English), as a line between two lines. Verbatim; and with a tenth or a fifth of its words, at least one, replaced
by words of other items of the set; characters in Chinese, Japanese and Thai; `edited` is a tenth replaced, left out or
doubled, at random. Found: the evidence names the item, or one with the same words.

Beside it the rule of datatrove's NGramsDecontFilter, at its default of 12 words: a document that shares 12 words in a
row with an item is contaminated. With --peer-python (a Python that has datatrove[processing,multilingual]) its own code
cuts and hashes the n-grams, but for Bengali and Hindi, whose word splitters it fetches from the web. For these, and
without --peer-python, the rule is followed here, on words between spaces without punctuation, characters in unspaced
scripts.
"""

import argparse
import json
import random
import re
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

from gristmill.filters.contamination.detector import Detector, Texts, index_rows
from gristmill.pipelines import evaluation_sets
from gristmill.schemas.recipe_measures import EvaluationSet

SHARED = Path(__file__).parents[2] / "shared/data"
SETS = SHARED / "benchmarks"
DOMAINS = ("finance-en", "medicine-en", "laws-eu", "laws-zh", "php-manual")
ITEMS = 200
RUNS = 3
BATCH = 1024
NGRAM = 12

_NTREX = {
    "ar": "arb",
    "bn": "ben",
    "de": "deu",
    "en": "eng",
    "es": "spa",
    "fr": "fra",
    "hi": "hin",
    "ja": "jpn",
    "ru": "rus",
}
_NTREX |= {"sw": "swa", "te": "tel", "th": "tha", "vi": "vie", "zh": "zho-CN"}
PEER_NAMES = {language: code for language, code in _NTREX.items() if language not in ("bn", "hi")}
PEER_NAMES |= {"ar": "ara", "zh": "zho_Hani"}
_BY_CHARACTER = {"ja", "th", "zh"}
_QUESTIONS = {
    "arc_challenge": ("query",),
    "arc_easy": ("query",),
    "boolq": ("query",),
    "commonsense_qa": ("query",),
    "gsm8k_test": ("question", "answer"),
    "lambada_openai": ("context",),
    "openbook_qa": ("query",),
    "piqa": ("query", "choices"),
}
"""Fields of the sets in English; of PIQA the solutions too, which are the text of the set."""


@dataclass(frozen=True, kw_only=True)
class Planted:
    """An item to plant."""

    set: str
    language: str
    rows: frozenset[str]
    """What evidence may call it: the names of all items with the same words."""
    text: str
    words: tuple[str, ...]
    """Words of the set to change others to."""


def sets() -> Iterator[tuple[EvaluationSet, str]]:
    """The evaluation sets with their languages."""
    for name, fields in _QUESTIONS.items():
        yield EvaluationSet(name=name, paths=(str(SETS / f"{name}.jsonl"),), fields=fields), "en"
    for path in sorted(SETS.glob("mgsm/*.tsv")):
        yield EvaluationSet(name=path.stem, paths=(str(path),), fields=("1",)), path.stem.split("_")[1]
    for path in sorted(SETS.glob("xquad.*.json")):
        fields = ("data.paragraphs.context", "data.paragraphs.qas.question")
        name, language = path.stem.split(".")
        yield EvaluationSet(name=f"{name}_{language}", paths=(str(path),), fields=fields), language


def texts_of(given: EvaluationSet) -> Iterator[Texts]:
    """The texts of a set by field, whole."""
    found = list(evaluation_sets.read(given, list(given.paths)))
    for field in given.fields:
        members = [each for each in found if each.field == field]
        yield Texts(
            given.name, field, pa.array([each.item for each in members]), pa.array([each.text for each in members])
        )


def hosts() -> dict[str, list[str]]:
    """Documents of NTREX by language."""
    table = pq.read_table(SHARED / "lid/ntrex_documents.parquet")
    found = {}
    for language, code in _NTREX.items():
        found[language] = table.filter(pc.equal(table["lang"], code))["text"].to_pylist()
    return found


def domain_texts(name: str) -> list[str]:
    with (SHARED / f"text/{name}.jsonl.zst").open("rb") as file:
        data = zstandard.ZstdDecompressor().stream_reader(file).read()
    return [json.loads(line)["text"] for line in data.splitlines()]


def to_plant(groups: list[Texts], rows: pa.Table, languages: dict[str, str]) -> tuple[list[Planted], Counter[str]]:
    """A sample of the items that can be told, and how many there are of each way to be told, by set."""
    by_passage: dict[int, set[str]] = defaultdict(set)
    several = Counter(name for name, _ in {(group.set, group.field) for group in groups})
    fields = zip(*(rows[name].to_pylist() for name in ("set", "item", "field", "match", "passage")), strict=True)
    described = list(fields)
    for name, item, field, _, passage in described:
        by_passage[passage].add(f"{name}/{item}/{field}" if several[name] > 1 else f"{name}/{item}")
    texts = [text for group in groups for text in group.texts.to_pylist()]
    counts = Counter(f"{name} {match}" for name, _, _, match, _ in described)
    chosen: list[Planted] = []
    pools: dict[str, list[int]] = defaultdict(list)
    for number, (name, *_, match, _) in enumerate(described):
        if match != "none":
            pools[name].append(number)
    for name, pool in pools.items():
        words = tuple(
            word for number in pool[:500] for word in pieces(texts[number], languages[name]) if word.isalpha()
        )
        for number in sorted(random.Random(name).sample(pool, min(ITEMS, len(pool)))):
            owners = frozenset(by_passage[described[number][4]])
            chosen.append(Planted(set=name, language=languages[name], rows=owners, text=texts[number], words=words))
    return chosen, counts


def pieces(text: str, language: str) -> list[str]:
    """Words, or characters in unspaced scripts, with what stands between them: joined they are the text."""
    return list(text) if language in _BY_CHARACTER else re.split(r"(\s+)", text)


def changed(item: Planted, share: float, *, edited: bool = False) -> str:
    """The item with a share of its words changed."""
    rng = random.Random(f"{share} {edited} {item.text}")
    parts = pieces(item.text, item.language)
    places = [place for place, part in enumerate(parts) if any(map(str.isalnum, part))]
    for place in rng.sample(places, max(1, round(share * len(places)))):
        how = rng.choice(("replaced", "left out", "doubled")) if edited else "replaced"
        new = rng.choice(item.words)
        gap = "" if item.language in _BY_CHARACTER else " "
        parts[place] = {"replaced": new, "left out": "", "doubled": parts[place] + gap + new}[how]
    return "".join(parts)


def planted(item: Planted, text: str, host: str) -> str:
    """A host with the text as a line of its own, somewhere."""
    lines = host.split("\n")
    at = random.Random(item.text).randrange(len(lines) + 1)
    return "\n".join([*lines[:at], text, *lines[at:]])


def found_by_us(detector: Detector, items: list[Planted], documents: list[str]) -> list[bool]:
    evidence = [
        row
        for start in range(0, len(documents), BATCH)
        for row in evidence_of(detector, documents[start : start + BATCH])
    ]
    return [
        any(f"{each['set']}/{each['item']}" in item.rows for each in row)
        for item, row in zip(items, evidence, strict=True)
    ]


def evidence_of(detector: Detector, documents: list[str]) -> list[list[dict[str, Any]]]:
    ids = pa.array([f"{number}" for number in range(len(documents))])
    rows: list[list[dict[str, Any]]] = detector.measure(ids, pa.array(documents, pa.string()))["evidence"].to_pylist()
    return rows


Cut = Callable[[list[tuple[str, str]]], list[list[int]]]
"""Hashes of the n-grams of texts with their languages."""


class Ngrams:
    """datatrove's rule: a document that shares an n-gram with an item is contaminated."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._index: set[int] = set()

    def add(self, texts: list[tuple[str, str]]) -> None:
        for hashes in self._cut(texts):
            self._index.update(hashes)

    def finds(self, texts: list[tuple[str, str]]) -> list[bool]:
        return [not self._index.isdisjoint(hashes) for hashes in self._cut(texts)]


def cut_here(texts: list[tuple[str, str]]) -> list[list[int]]:
    """Hashes of n-grams by the rule as its documentation has it."""
    return [list(_ngrams(text, language)) for text, language in texts]


def _ngrams(text: str, language: str) -> Iterator[int]:
    plain = re.sub(r"[^\w\s]", "", text.lower())
    words = [each for each in plain if not each.isspace()] if language in _BY_CHARACTER else plain.split()
    return (hash(tuple(words[i : i + NGRAM])) for i in range(len(words) - NGRAM + 1))


def cut_by(python: str) -> Cut:
    """Hashes of n-grams by datatrove's own code, in another Python, where it needs no download."""
    script = Path(__file__).with_name("datatrove_ngrams.py")
    figures: list[float] = []

    def cut(texts: list[tuple[str, str]]) -> list[list[int]]:
        theirs = [(text, PEER_NAMES[language]) for text, language in texts if language in PEER_NAMES]
        done = subprocess.run([python, script], input=json.dumps(theirs).encode(), capture_output=True, check=True)
        answer = json.loads(done.stdout)
        figures.append(sum(len(text.encode()) for text, _ in theirs) / 1e6 / answer["seconds"])
        print(f"datatrove's n-grams: {figures[-1]:.2f} MB/s", flush=True)
        hashes = iter(answer["hashes"])
        return [next(hashes) if each[1] in PEER_NAMES else list(_ngrams(*each)) for each in texts]

    return cut


def share(found: list[bool]) -> float:
    return sum(found) / len(found) if found else 1.0


def recall(detector: Detector, items: list[Planted], cut: Cut) -> dict[str, dict[str, dict[str, float]]]:
    """Shares found by way of change, by language and by set; prints them."""
    ntrex = hosts()
    ways: dict[str, Callable[[Planted], str]] = {
        "verbatim": lambda item: item.text,
        "10%": lambda item: changed(item, 0.1),
        "20%": lambda item: changed(item, 0.2),
        "edited": lambda item: changed(item, 0.1, edited=True),
    }
    peer = Ngrams(cut)
    peer.add([(each.text, each.language) for each in items])
    results: dict[str, list[bool]] = {}
    for way, change in ways.items():
        rng = random.Random(way)
        documents = [planted(each, change(each), rng.choice(ntrex[each.language])) for each in items]
        results[way] = found_by_us(detector, items, documents)
        results[f"peer {way}"] = peer.finds(
            [(text, each.language) for text, each in zip(documents, items, strict=True)]
        )
    return {kind: table(kind, items, results) for kind in ("language", "set")}


def table(kind: str, items: list[Planted], results: dict[str, list[bool]]) -> dict[str, dict[str, float]]:
    print(f"\n{kind:<16}{'items':>6}" + "".join(f"{way:>15}" for way in results))
    groups: dict[str, list[int]] = defaultdict(list)
    for number, item in enumerate(items):
        groups[getattr(item, kind)].append(number)
    found = {}
    for name, members in sorted(groups.items()):
        found[name] = {way: share([hits[number] for number in members]) for way, hits in results.items()}
        print(f"{name:<16}{len(members):>6}" + "".join(f"{value:>15.3f}" for value in found[name].values()))
    return found


def false_hits(detector: Detector) -> dict[str, int]:
    """Items found in texts that nothing was planted in, each printed once."""
    counts = {}
    print("\nFound in domain texts:")
    for domain in DOMAINS:
        seen: Counter[tuple[str, str]] = Counter()
        example: dict[tuple[str, str], dict[str, Any]] = {}
        texts = domain_texts(domain)
        for start in range(0, len(texts), BATCH):
            for row in evidence_of(detector, texts[start : start + BATCH]):
                for each in row:
                    key = (each["set"], each["item"])
                    seen[key] += 1
                    example.setdefault(key, each)
        for key, times in seen.most_common():
            print(
                f"  {domain:<12} {times:>3} x {'/'.join(key):<32} {example[key]['share']:.2f} {example[key]['text']!r}"
            )
        counts[domain] = sum(seen.values())
        print(f"  {domain:<12} {counts[domain]} hits in {len(texts):,} documents")
    return counts


def speed(detector: Detector) -> float:
    """MB per processor second over all domain texts."""
    texts = [text for domain in DOMAINS for text in domain_texts(domain)]
    array = pa.array(texts, pa.string())
    ids = pa.array([str(number) for number in range(len(texts))])
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    figures = []
    for _ in range(RUNS):
        start = time.process_time()
        for first in range(0, len(texts), BATCH):
            detector.measure(ids.slice(first, BATCH), array.slice(first, BATCH))
        figures.append(megabytes / (time.process_time() - start))
    return median(figures)


def main() -> None:
    """Measure, print, and end with the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="a Python that has datatrove")
    arguments = parser.parse_args()
    if not SETS.exists():
        print(f"skipped: {SETS} is not there")
        return
    given = list(sets())
    start = time.process_time()
    groups = [group for each, _ in given for group in texts_of(each)]
    rows = index_rows(groups)
    detector = Detector.load(rows, min_share=0.8)
    print(f"{rows.num_rows:,} texts of {len(given)} sets indexed in {time.process_time() - start:.1f} s")
    items, counts = to_plant(groups, rows, {each.name: language for each, language in given})
    print(f"\n{'set':<16}{'aligned':>9}{'exact':>9}{'none':>9}")
    for each, _ in given:
        print(
            f"{each.name:<16}"
            + "".join(f"{counts[f'{each.name} {match}']:>9}" for match in ("aligned", "exact", "none"))
        )
    cut = cut_by(arguments.peer_python) if arguments.peer_python else cut_here
    peer = "its own code" if arguments.peer_python else "followed here"
    print(f"\nFound of planted items; peer: datatrove's rule, {peer}")
    found = recall(detector, items, cut)
    hits = false_hits(detector)
    mb_s = speed(detector)
    print(f"\n{mb_s:.1f} MB/s")
    languages = found["language"].values()
    figures = {
        "bar5_verbatim": round(min(each["verbatim"] for each in languages), 4),
        "bar5_changed": round(sum(each["10%"] for each in languages) / len(found["language"]), 4),
        "bar5_worst_language_changed": round(min(each["10%"] for each in languages), 4),
        "bar5_false_hits": sum(hits.values()),
        "contamination_mb_s": round(mb_s, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
