"""Copied spans: are all runs of N words that two documents share found, and only those, beside a suffix array?

Run: python benchmarks/copied_spans.py [--data ../shared/data] [--megabytes 20] [--words 50] [--quick]

Texts are the PHP manual and the laws of seven countries, as much of each as asked for. Into one document in four a span
of another one is planted, of N - 5 to 4 N words: those below N must not be found for that. All counts are in words:

- truth: words of runs of N that an earlier document has too, from a suffix array of all words (prefix doubling, and
  the common prefixes of neighbours by Kasai et al. 2001), which knows nothing of hashes of grams;
- grams: what `filters/copied.py` finds, in its two rounds;
- seeds alone, which was not chosen: repeated seeds in a row that cover N words or more.

Time is processor time of this process, without compiling. The last line is one JSON object.
"""

import argparse
import json
import random
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from peers import ROOT, lines

from gristmill.filters import copied, verbatim

FILES = ("php-manual", "laws-eu")
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]


class Corpus(NamedTuple):
    """Texts, and of each word where it stands and in which text."""

    texts: pa.StringArray
    words: UInt64s
    starts: Int64s
    ends: Int64s
    documents: Int64s


def read(folder: Path, *, megabytes: float) -> list[str]:
    """Texts of the files, as many bytes of each."""
    texts: list[str] = []
    for name in FILES:
        size = 0.0
        for line in lines(folder / f"{name}.jsonl.zst"):
            text: str = json.loads(line)["text"]
            texts.append(text)
            size += len(text.encode()) / 1e6
            if size >= megabytes / len(FILES):
                break
    return texts


def plant(texts: list[str], *, words: int) -> list[str]:
    """One text in four gets a span of another, in capitals, at a line's end."""
    source = random.Random(1)
    planted = list(texts)
    for number in range(0, len(texts), 4):
        parts = source.choice(texts).split()
        size = source.randrange(words - 5, 4 * words)
        start = source.randrange(max(1, len(parts) - size))
        kept = planted[number].split("\n")
        kept.insert(source.randrange(len(kept) + 1), " ".join(parts[start : start + size]).upper())
        planted[number] = "\n".join(kept)
    return planted


def corpus_of(texts: list[str]) -> Corpus:
    array = pa.array(texts, pa.large_string())
    found = verbatim.words(array)
    documents = np.repeat(np.arange(len(texts)), np.diff(found.offsets))
    return Corpus(array, found.hashes, found.starts.astype(np.int64), found.ends.astype(np.int64), documents)


def suffix_array(words: UInt64s, documents: Int64s) -> tuple[Int64s, Int64s]:
    """The suffixes in order, and how many words each has in common with the one before it.

    Texts end with words of their own, so that no common run goes on beyond the end of one.
    """
    _, ranks = np.unique(words, return_inverse=True)
    ends = np.flatnonzero(np.append(documents[1:] != documents[:-1], True))
    ranks = np.insert(ranks.astype(np.int64), ends + 1, ranks.max() + 1 + np.arange(len(ends)))
    text = ranks.copy()
    n, width = len(ranks), 1
    while True:
        following = np.zeros(n, np.int64)
        following[:-width] = ranks[width:] + 1
        order = np.lexsort((following, ranks))
        new = np.empty(n, np.int64)
        changed = (ranks[order][1:] != ranks[order][:-1]) | (following[order][1:] != following[order][:-1])
        new[order] = np.concatenate([[0], np.cumsum(changed)])
        ranks, width = new, 2 * width
        if ranks.max() == n - 1:
            return order, _common(text, order, ranks)


@numba.njit(nogil=True)
def _common(text: Any, order: Any, ranks: Any) -> Any:
    found = np.zeros(len(order), np.int64)
    height = 0
    for i in range(len(order)):
        if ranks[i] > 0:
            j = order[ranks[i] - 1]
            while i + height < len(text) and j + height < len(text) and text[i + height] == text[j + height]:
                height += 1
            found[ranks[i]] = height
            height = max(0, height - 1)
        else:
            height = 0
    return found


def truth_of(corpus: Corpus, *, words: int) -> Bools:
    """The words that are in a run of so many which an earlier document has too."""
    order, common = suffix_array(corpus.words, corpus.documents)
    # Back to places without the ends of texts.
    bounds = np.flatnonzero(np.append(corpus.documents[1:] != corpus.documents[:-1], True))
    is_end = np.zeros(len(order), np.bool_)
    is_end[bounds + 1 + np.arange(len(bounds))] = True
    place = np.cumsum(~is_end) - 1
    block = np.cumsum(common < words)
    documents = np.where(is_end, np.iinfo(np.int64).max, corpus.documents[np.maximum(place, 0)])[order]
    firsts = np.flatnonzero(np.append(True, block[1:] != block[:-1]))
    earliest = np.minimum.reduceat(documents, firsts)[block - block[0]]
    lost = (earliest < documents) & ~is_end[order]
    return _covered(place[order[lost]], len(corpus.words), words)


def _covered(starts: Int64s, n: int, words: int) -> Bools:
    change = np.zeros(n + 1, np.int64)
    np.add.at(change, starts, 1)
    np.add.at(change, starts + words, -1)
    covered: Bools = np.cumsum(change[:-1]) > 0
    return covered


def _repeated(found: copied.Hashes) -> tuple[UInt64s, UInt64s, Int64s]:
    """Hashes that two documents have, the first document of each, and how many there are."""
    rows = np.repeat(np.arange(len(found.offsets) - 1, dtype=np.uint64), np.diff(found.offsets))
    order = np.lexsort((rows, found.values))
    values, rows = found.values[order], rows[order]
    new = np.append(True, values[1:] != values[:-1]) if len(values) else np.zeros(0, np.bool_)
    different = new | np.append(True, rows[1:] != rows[:-1])[: len(rows)]
    values, rows, new = values[different], rows[different], new[different]
    starts = np.flatnonzero(new)
    counts = np.diff(np.append(starts, len(values)))
    return values[starts][counts > 1], rows[starts][counts > 1], counts[counts > 1]


def by_grams(corpus: Corpus, *, words: int) -> tuple[Bools, dict[str, int]]:
    """What the project finds."""
    ranks = np.arange(len(corpus.texts), dtype=np.uint64)
    seeds = copied.seeds(corpus.texts, words=words)
    repeated = _repeated(seeds)[0]
    grams = copied.grams(corpus.texts, copied.known(repeated), words=words)
    hashes, owners, documents = _repeated(grams)
    known = copied.known(hashes, owners=owners, documents=documents)
    found = copied.spans(corpus.texts, known, ranks=ranks, words=words)
    rows = np.repeat(np.arange(len(corpus.texts)), np.diff(found.offsets))
    sizes = {"seeds": len(seeds.values), "repeated_seeds": len(repeated), "grams": len(grams.values)}
    return _words_in(corpus, rows, found.starts, found.ends), sizes | {"spans": len(found.starts)}


def _words_in(corpus: Corpus, rows: Int64s, starts: Any, ends: Any) -> Bools:
    wide = 1 << 32
    places = corpus.documents * wide + corpus.starts
    change = np.zeros(len(places) + 1, np.int64)
    np.add.at(change, np.searchsorted(places, rows * wide + starts), 1)
    np.add.at(change, np.searchsorted(places, rows * wide + ends), -1)
    inside: Bools = np.cumsum(change[:-1]) > 0
    return inside


def by_seeds(corpus: Corpus, *, words: int) -> Bools:
    """Seeds in a row that an earlier document has too, from the first word of the first to the last of the last, if
    that is so many words.
    """
    size = copied.seed_words(words)
    found = np.zeros(len(corpus.words), np.bool_)
    first_of: dict[int, int] = {}
    bounds = np.searchsorted(corpus.documents, np.arange(len(corpus.texts) + 1))
    for document in range(len(corpus.texts)):
        start, end = int(bounds[document]), int(bounds[document + 1])
        first = -1
        for place, seed in _seeds_of(corpus.words[start:end], size=size, window=words - size + 1):
            if first_of.setdefault(seed, document) == document:
                first = -1
                continue
            first = start + place if first < 0 else first
            if start + place + size - first >= words:
                found[first : start + place + size] = True
    return found


def _seeds_of(words: UInt64s, *, size: int, window: int) -> Iterator[tuple[int, int]]:
    if len(words) < size + window - 1:
        return
    rolled, chosen = np.empty(len(words), np.uint64), np.empty(len(words), np.int32)
    n = copied._roll(words, len(words), size, rolled)
    for k in range(copied._choose(rolled, n, window, chosen)):
        yield int(chosen[k]), int(rolled[chosen[k]])


def compared(found: Bools, truth: Bools) -> dict[str, float]:
    both = int((found & truth).sum())
    return {
        "recall": round(both / max(1, int(truth.sum())), 5),
        "precision": round(both / max(1, int(found.sum())), 5),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--megabytes", type=float, default=20)
    parser.add_argument("--words", type=int, default=50)
    parser.add_argument("--quick", action="store_true", help="a tenth of the text")
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    texts = read(given.data / "text", megabytes=given.megabytes / (10 if given.quick else 1))
    corpus = corpus_of(plant(texts, words=given.words))
    megabytes = corpus.texts.nbytes / 1e6
    by_grams(corpus_of(["a b c"]), words=given.words)  # compiles
    _common(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64))

    started = time.process_time()
    found, sizes = by_grams(corpus, words=given.words)
    ours = time.process_time() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.process_time()
    truth = truth_of(corpus, words=given.words)
    theirs = time.process_time() - started
    result = {
        "megabytes": round(megabytes, 1),
        "documents": len(corpus.texts),
        "words": len(corpus.words),
        "copied_words": int(truth.sum()),
        **sizes,
        **{f"grams_{name}": value for name, value in compared(found, truth).items()},
        **{f"seeds_{name}": value for name, value in compared(by_seeds(corpus, words=given.words), truth).items()},
        "grams_cpu_seconds": round(ours, 2),
        "grams_megabytes_per_cpu_second": round(megabytes / ours, 1),
        "suffix_array_cpu_seconds": round(theirs, 2),
        "grams_peak_mb": round(memory),
        "suffix_array_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    for name, value in result.items():
        print(f"{name}: {value}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
