"""How long shingles should be, so that texts which differ by as much are as similar in any script.

Run from the repository's root: `python benchmarks/shingle_widths.py [--data ../shared/data]`. Two minutes of
processor time. The last line is one JSON object.

NTREX says the same in 128 languages. For several widths, Jaccard similarity of shingle sets:

- word: of a document and itself with one word in 50 replaced, by words of another document of the language. Words are
  those of the English original, so that all languages have as many changes: one word at each place, or in a script
  without spaces as many letters as it has for an English word.
- passage: the same with a tenth of the text replaced in one piece.
- unrelated: of two documents of a language, the 99.9th percentile.
- domain: the 99th percentile in collections of one domain (PHP manual, laws), whose documents share phrases.

Each figure is the median document of a language, and of these the median, lowest and highest of a script's languages.

Short texts, which are cut into characters, are the first words of these documents, one too few for a shingle. `word`
has one of them replaced in the middle.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from peers import ROOT, lines

from gristmill.filters import signals
from gristmill.filters.characters import UNSPACED_SCRIPTS, script_names
from gristmill.filters.quality import word_ngrams
from gristmill.filters.shingles import widths

Units = npt.NDArray[np.uint64]
Table = dict[str, dict[int, list[dict[str, float]]]]

WORDS = (3, 4, 5, 6, 7)
LETTERS = (5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18)
"""Widths tried: words of scripts with spaces, letters of those without."""
CHARACTERS = (3, 4, 5, 6, 7)
"""The same of short texts, in characters."""
DOCUMENTS = 123
"""Documents of a language in NTREX."""
DOMAIN_DOCUMENTS = 300
DOMAIN_UNITS = 200
"""Words or letters that a document of a domain has at least."""
COLLECTIONS = ("php-manual", "laws-zh", "laws-eu")
ONE_IN = 50
PASSAGE = 10
SEED = 4
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class Collection:
    """Documents of one language: their normalised words, and numbers that stand for them."""

    script: str
    words: list[list[str]]
    units: list[Units]

    @property
    def is_unspaced(self) -> bool:
        return self.script in UNSPACED_SCRIPTS or self.script in ("Hans", "Hant", "Jpan")


Measure = Callable[[Collection, tuple[int, ...]], Iterable[dict[str, float]]]
"""Rows of figures of a collection, for each width."""


def ntrex(data: Path) -> dict[str, Collection]:
    table = pq.read_table(data / "lid/ntrex_documents.parquet")
    texts: dict[str, list[str]] = defaultdict(list)
    for language, text in zip(table["lang"].to_pylist(), table["text"].to_pylist(), strict=True):
        texts[language].append(text)
    return {language: collect(some[:DOCUMENTS], at_least=0) for language, some in sorted(texts.items())}


def domains(data: Path) -> dict[str, Collection]:
    texts: dict[str, list[str]] = defaultdict(list)
    for name in COLLECTIONS:
        for record in map(json.loads, lines(data / f"text/{name}.jsonl.zst")):
            texts[f"{name} {record['lang']}"].append(record["text"])
    return {name: collect(some, at_least=DOMAIN_UNITS) for name, some in sorted(texts.items())}


def collect(texts: list[str], *, at_least: int) -> Collection:
    spelt = [text.split() for text in word_ngrams.spell(pa.array(texts)).to_pylist()]
    long = [words for words in spelt if len(words) >= at_least]
    if at_least:
        long = [long[i] for i in np.random.default_rng(SEED).permutation(len(long))[:DOMAIN_DOCUMENTS]]
    scripts = signals.measure(pa.array(texts), stop_words=signals.StopWords.compile({}))["script"].to_pylist()
    numbers = [np.array([hash(word) for word in words], np.int64).view(np.uint64) for words in long]
    return Collection(script=max(sorted(set(scripts)), key=scripts.count), words=long, units=numbers)


def shingles(units: Units, width: int) -> Units:
    """The set of hashes of all runs of so many units, sorted."""
    n = max(len(units) - width + 1, 0)
    state = np.zeros(n, np.uint64)
    for k in range(width):
        state = (state ^ units[k : k + n]) * MULTIPLIER
        state ^= state >> np.uint64(29)
    return np.unique(state)


def jaccard(one: Units, two: Units) -> float:
    shared = len(np.intersect1d(one, two, assume_unique=True))
    return shared / max(len(one) + len(two) - shared, 1)


def replaced(units: Units, donor: Units, *, places: npt.NDArray[np.float64], run: int) -> Units:
    """A document with so many units replaced at each place, a share of its length, by as many of a donor."""
    found = units.copy()
    for place in places:
        start = int(place * (len(units) - run))
        source = int(place * max(len(donor) - run, 0))
        part = donor[source : source + run]
        found[start : start + len(part)] = part
    return found


def letters_of_a_word(collection: Collection, lengths: list[int]) -> int:
    """How many units stand for an English word: 1 where scripts have spaces."""
    return round(sum(map(len, collection.units)) / sum(lengths)) if collection.is_unspaced else 1


def edits(collection: Collection, lengths: list[int]) -> Iterator[tuple[Units, Units, Units]]:
    """Each document as it is, with words replaced, and with a passage replaced. `lengths`: English words of each."""
    random = np.random.default_rng(SEED)
    run = letters_of_a_word(collection, lengths)
    for number, (units, length) in enumerate(zip(collection.units, lengths, strict=True)):
        donor = collection.units[(number + 1) % len(collection.units)]
        n = max(round(length / ONE_IN), 1)
        places = (np.arange(n) + random.random(n)) / n
        passage = replaced(units, donor, places=random.random(1), run=len(units) // PASSAGE)
        yield units, replaced(units, donor, places=places, run=run), passage


def unrelated(documents: list[Units], width: int, percentile: float) -> float:
    """A percentile of the similarity of all pairs."""
    sets = [shingles(units, width) for units in documents]
    sizes = np.array([len(each) for each in sets], np.float32)
    _, columns, counts = np.unique(np.concatenate(sets), return_inverse=True, return_counts=True)
    rows = np.repeat(np.arange(len(sets)), [len(each) for each in sets])
    common = counts[columns] > 1
    numbers = np.cumsum(counts > 1) - 1
    present = np.zeros((len(sets), int((counts > 1).sum()) + 1), np.float32)
    present[rows[common], numbers[columns[common]]] = 1
    shared = present @ present.T
    upper = np.triu_indices(len(sets), 1)
    total = sizes[upper[0]] + sizes[upper[1]] - shared[upper]
    return float(np.percentile(shared[upper] / np.maximum(total, 1), percentile))


def similarities(collection: Collection, lengths: list[int], tried: tuple[int, ...]) -> Iterator[dict[str, float]]:
    """By width: word, passage, unrelated."""
    changed = list(edits(collection, lengths))
    for width in tried:
        sets = [[shingles(units, width) for units in three] for three in changed]
        yield {
            "word": median(jaccard(whole, words) for whole, words, _ in sets),
            "passage": median(jaccard(whole, passage) for whole, _, passage in sets),
            "unrelated": unrelated(collection.units, width, 99.9),
        }


def short_texts(collection: Collection, *, width: int, run: int) -> Iterator[dict[str, float]]:
    """Word and unrelated of texts of one word less than `width`, by CHARACTERS."""
    pairs = []
    for number, words in enumerate(collection.words):
        kept, other = words[: width - 1], collection.words[(number + 1) % len(collection.words)]
        middle = len(kept) // 2
        changed = kept[:middle] + other[middle : middle + run] + kept[middle + run :]
        pairs.append((as_characters(kept), as_characters(changed)))
    for characters in CHARACTERS:
        yield {
            "word": median(jaccard(shingles(one, characters), shingles(two, characters)) for one, two in pairs),
            "unrelated": unrelated([one for one, _ in pairs], characters, 99.9),
        }


def as_characters(words: list[str]) -> Units:
    return np.array([ord(char) for char in " ".join(words)], np.uint64)


def group(collection: Collection) -> str:
    """The script, or all scripts with spaces."""
    return collection.script if collection.is_unspaced else "spaced"


def show(title: str, found: Table) -> None:
    print(f"\n{title}")
    for script, by_width in found.items():
        for width, rows in by_width.items():
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            cells = [
                f"{name} {median(some):.3f} ({min(some):.3f} to {max(some):.3f})" for name, some in columns.items()
            ]
            print(f"{script:<7}{width:>3}  {len(rows):>3} languages   {'   '.join(cells)}", flush=True)


def table(collections: Iterable[Collection], measure: Measure, *, short: bool = False) -> Table:
    """What is measured of all languages, by script and width."""
    found: Table = defaultdict(lambda: defaultdict(list))
    for collection in collections:
        tried = CHARACTERS if short else LETTERS if collection.is_unspaced else WORDS
        for width, row in zip(tried, measure(collection, tried), strict=True):
            found[group(collection)][width].append(row)
    return found


def chosen(script: str) -> int:
    """The width that is in use."""
    return int(widths()[script_names().index(script)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    news = ntrex(given.data)
    lengths = [len(units) for units in news["eng"].units]
    whole = table(news.values(), lambda each, tried: similarities(each, lengths, tried))
    show("NTREX", whole)
    of_domain = table(
        domains(given.data).values(), lambda each, tried: ({"domain": unrelated(each.units, n, 99)} for n in tried)
    )
    show("Domains", of_domain)

    def cut_off(each: Collection, _: tuple[int, ...]) -> Iterable[dict[str, float]]:
        return short_texts(each, width=chosen(each.script), run=letters_of_a_word(each, lengths))

    show("Short texts of NTREX", table(news.values(), cut_off, short=True))
    in_use = {each.script if each.is_unspaced else "spaced": chosen(each.script) for each in news.values()}
    print(
        json.dumps(
            {s: {"width": n, "word": round(median(r["word"] for r in whole[s][n]), 3)} for s, n in in_use.items()}
        )
    )


if __name__ == "__main__":
    main()
