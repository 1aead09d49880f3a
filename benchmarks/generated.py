"""Documents made up with a seed, a third of them copies at known similarity, in six scripts; and the truth about them.

Run: python benchmarks/generated.py FOLDER [--documents 1000000] [--seed 0]

Words are made up from the script's letters and drawn by Zipf's law, 60 to 200 a document; in Thai and Chinese, which
have no spaces, a word is one character with its marks. A copy has some of its original's words replaced, apart from
each other, so that its Jaccard similarity is one of LEVELS as nearly as whole shingles allow. At 1 only white space
differs; those of TRAPS are too different to be duplicates. Clusters have 2 to 50 documents, of which half have 2.

The truth is the exact Jaccard similarity of every two documents of a cluster, by sets of words as drawn: neither text
nor anything of Gristmill's is used for it. Documents of different clusters share no shingle but by chance.

FOLDER gets JSON lines (`id`, `text`), 20,000 documents a file, in random order; and `truth.parquet`: pairs of ids with
their similarity. A million documents are 1 GB and take about a minute and 2 GB of memory.
"""

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

LEVELS = {1.0: 0.3, 0.95: 0.14, 0.9: 0.14, 0.85: 0.12, 0.8: 0.1, 0.75: 0.06, 0.6: 0.07, 0.5: 0.07}
"""Similarities of copies to their originals, and the share of each among copies."""
TRAPS = (0.6, 0.5)

LENGTHS = (60, 200)
LARGEST = 50
PER_FILE = 20_000
_DRAWS = 1 << 16
"""Words are drawn from a table in which each stands as often as it is frequent, out of so many."""
_SENTENCE = 11
_VOCABULARY = 8192


@dataclass(frozen=True, kw_only=True)
class Script:
    """How a script is written here."""

    language: str
    """ISO 639-3 code, for those who must be told."""
    width: int
    """Words of a shingle, as `filters/shingles.py` states it."""
    words: list[str]
    """The commonest first."""
    space: str
    stop: str
    """Ends a sentence, white space not included."""


def scripts(rng: np.random.Generator) -> list[Script]:
    """Vocabularies whose words stay different when case, width, accents and optional marks are folded."""
    vowels = ("", *map(chr, (0x093E, 0x093F, 0x0940, 0x0941, 0x0947)))
    devanagari = [c + vowel for c in _letters(0x0915, 0x0928) for vowel in vowels]
    marks = ("", *map(chr, (0x0E31, 0x0E34, 0x0E35, 0x0E36, 0x0E37, 0x0E38, 0x0E39)))
    tones = ("", *map(chr, (0x0E48, 0x0E49, 0x0E4A)))
    thai = [c + mark + tone for c in _letters(0x0E01, 0x0E2E) for mark in marks for tone in tones]
    han = [chr(code) for code in rng.permutation(np.arange(0x4E00, 0x9F00))[:3000]]
    rng.shuffle(thai)
    latin, cyrillic = _letters(ord("a"), ord("z")), _letters(ord("а"), ord("я"))
    arabic = list("ابتثجحخدذرزسشصضطظعغفقكلمنهو")
    return [
        Script(language="eng", width=5, words=_made_up(latin, rng), space=" ", stop="."),
        Script(language="rus", width=5, words=_made_up(cyrillic, rng), space=" ", stop="."),
        Script(language="arb", width=5, words=_made_up(arabic, rng), space=" ", stop="."),
        Script(language="hin", width=5, words=_made_up(devanagari, rng), space=" ", stop="।"),
        Script(language="tha", width=16, words=thai, space="", stop=""),
        Script(language="zho", width=8, words=han, space="", stop="。"),
    ]


def _letters(first: int, last: int) -> list[str]:
    return [chr(code) for code in range(first, last + 1)]


def _made_up(letters: list[str], rng: np.random.Generator) -> list[str]:
    """Different words of 2 to 9 letters, short ones first, as in any language."""
    made: set[str] = set()
    while len(made) < _VOCABULARY:
        places = rng.integers(len(letters), size=rng.integers(2, 10))
        made.add("".join(letters[place] for place in places))
    return sorted(made, key=lambda word: (len(word), word))


def _by_frequency(words: int) -> npt.NDArray[np.uint16]:
    """Word numbers as often as Zipf's law has it."""
    weights = np.cumsum(1 / (np.arange(words) + 2.7))
    return np.searchsorted(weights / weights[-1], (np.arange(_DRAWS) + 0.5) / _DRAWS).astype(np.uint16)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What is known of the documents. Each is named by its number, which is the `id` of its line."""

    cluster: Ints
    """The number of the cluster's original, the document's own where it is in no cluster."""
    level: Floats
    """The similarity to the original that a copy was made for; 0 for documents that are no copies."""
    left: Ints
    right: Ints
    """All pairs of documents of one cluster, left < right, sorted."""
    similarity: Floats
    """The exact Jaccard similarity of each pair."""

    def between(self, one: Ints, other: Ints) -> Floats:
        """The similarity of each two documents: 1 of a document with itself, 0 where they are of no common cluster."""
        size = len(self.cluster)
        known = self.left * size + self.right
        asked = np.minimum(one, other) * size + np.maximum(one, other)
        place = np.minimum(np.searchsorted(known, asked), max(len(known) - 1, 0))
        found = self.similarity[place] * (known[place] == asked) if len(known) else np.zeros(len(one))
        return np.where(one == other, 1, found).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """Generated documents, as numbers of words."""

    scripts: list[Script]
    script: npt.NDArray[np.int8]
    offsets: Ints
    """Words of document d: `words[offsets[d]:offsets[d + 1]]`."""
    words: npt.NDArray[np.uint16]
    truth: Truth
    order: Ints
    """The order in which documents are written."""

    def write(self, folder: Path, *, per_file: int = PER_FILE) -> list[Path]:
        """JSON lines in files of so many documents; the files in order."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for start in range(0, len(self.order), per_file):
            paths.append(folder / f"part-{start // per_file:04d}.jsonl")
            paths[-1].write_bytes(self.lines(self.order[start : start + per_file]))
        return paths

    def write_by_language(self, folder: Path) -> None:
        """JSON lines in one file for each language, named by its code."""
        folder.mkdir(parents=True)
        for number, script in enumerate(self.scripts):
            rows = self.order[self.script[self.order] == number]
            with (folder / f"{script.language}.jsonl").open("wb") as file:
                for start in range(0, len(rows), PER_FILE):
                    file.write(self.lines(rows[start : start + PER_FILE]))

    def lines(self, documents: Ints) -> pa.Buffer:
        """One JSON object a line. No word needs to be escaped."""
        ids = pc.cast(pa.array(documents), pa.large_string())
        parts = ['{"id": "', ids, '", "text": "', self.texts(documents, newline="\\n"), '"}\n', ""]
        parts = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
        lines = pc.binary_join_element_wise(*parts)
        return lines.buffers()[2]

    def texts(self, documents: Ints, *, newline: str = "\n") -> pa.LargeStringArray:
        """The text of each document. An exact copy has a line break behind a sentence where others have a space."""
        spelt, first = self._spellings(newline)
        lengths = np.diff(self.offsets)[documents]
        ends = np.cumsum(lengths)
        place = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
        phase = self.truth.cluster[documents] % _SENTENCE
        stops = (place + np.repeat(phase, lengths)) % _SENTENCE == _SENTENCE - 1
        style = np.repeat(np.where(self.truth.level[documents] == 1, 2, 1), lengths) * stops
        script = self.script[documents]
        size = np.array([len(each.words) for each in self.scripts])
        words = self.words[np.repeat(self.offsets[documents], lengths) + place]
        spelling = np.repeat(first[script], lengths) + style * np.repeat(size[script], lengths) + words
        joined = spelt.take(pa.array(spelling))
        bounds = np.frombuffer(joined.buffers()[1], np.int64)[np.concatenate([[0], ends])]
        return pa.LargeStringArray.from_buffers(len(documents), pa.py_buffer(bounds), joined.buffers()[2])

    def _spellings(self, newline: str) -> tuple[pa.LargeStringArray, Ints]:
        """All words with what follows them: inside a sentence, at its end, and at the end of a line; where each
        script's begin.
        """
        spelt: list[str] = []
        first = []
        for script in self.scripts:
            first.append(len(spelt))
            for behind in (script.space, f"{script.stop} ", f"{script.stop}{newline}"):
                spelt += [word + behind for word in script.words]
        return pa.array(spelt, pa.large_string()), np.array(first)


def generate(documents: int, *, seed: int = 0, copies: float = 1 / 3) -> Corpus:
    """So many documents, that share of them in clusters."""
    rng = np.random.default_rng(seed)
    known = scripts(rng)
    cluster = _clusters(documents, copies, rng)
    script = rng.integers(len(known), size=documents, dtype=np.int8)[cluster]
    lengths = rng.integers(LENGTHS[0], LENGTHS[1] + 1, size=documents)[cluster]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    words = np.empty(offsets[-1], np.uint16)
    tables = np.array([_by_frequency(len(each.words)) for each in known])
    for start in range(0, documents, PER_FILE):
        some = slice(start, start + PER_FILE)
        of_script = np.repeat(script[some], lengths[some])
        draws = rng.integers(_DRAWS, size=len(of_script), dtype=np.uint16)
        words[offsets[start] : offsets[start] + len(draws)] = tables[of_script, draws]
    level = np.zeros(documents, np.float32)
    copied = np.flatnonzero(cluster != np.arange(documents))
    level[copied] = rng.choice(list(LEVELS), p=list(LEVELS.values()), size=len(copied))
    for copy in copied:
        original = words[offsets[cluster[copy]] : offsets[cluster[copy] + 1]]
        of = known[script[copy]]
        words[offsets[copy] : offsets[copy + 1]] = _altered(original, of, level=level[copy], rng=rng)
    width = np.array([each.width for each in known])[script]
    left, right, similarity = _pairs(cluster, words, offsets, width)
    return Corpus(
        scripts=known,
        script=script,
        offsets=offsets,
        words=words,
        truth=Truth(cluster=cluster, level=level, left=left, right=right, similarity=similarity),
        order=rng.permutation(documents),
    )


def _clusters(documents: int, copies: float, rng: np.random.Generator) -> Ints:
    """The original of each document; the documents of a cluster follow each other. Sizes fall with their square."""
    sizes = np.arange(2, LARGEST + 1)
    weights = 1.0 / sizes**2
    drawn = rng.choice(sizes, p=weights / weights.sum(), size=int(documents * copies) // 2 + 1)
    ends = np.cumsum(drawn)
    drawn = drawn[ends <= documents * copies]
    lone = documents - int(drawn.sum())
    every = np.concatenate([drawn, np.ones(lone, np.int64)])
    return np.repeat(np.cumsum(every) - every, every)


def _altered(words: npt.NDArray[np.uint16], script: Script, *, level: float, rng: np.random.Generator) -> Any:
    """Words of a copy. With d of n shingles replaced the similarity is (n - d) / (n + d).

    A word replaced takes as many shingles with it as a shingle has words; near the beginning fewer, which makes up for
    what is left of d.
    """
    shingles = len(words) - script.width + 1
    if level == 1:
        return words
    replaced = max(1, round(shingles * (1 - level) / (1 + level)))
    whole, rest = divmod(replaced, script.width)
    slots = rng.permutation((shingles - rest) // script.width)[:whole]
    places = rest + script.width - 1 + script.width * slots
    if rest:
        places = np.append(places, rest - 1)
    size = len(script.words)
    copy = words.copy()
    copy[places] = (words[places] + rng.integers(1, size, size=len(places))) % size
    return copy


def _pairs(cluster: Ints, words: npt.NDArray[np.uint16], offsets: Ints, width: Ints) -> tuple[Ints, Ints, Floats]:
    """Every two documents of a cluster with the Jaccard similarity of their sets of shingles."""
    left: list[int] = []
    right: list[int] = []
    similarity: list[float] = []
    for first, behind in _runs(cluster):
        shingles = [_shingles(words[offsets[d] : offsets[d + 1]], width[d]) for d in range(first, behind)]
        for one, other in itertools.combinations(range(behind - first), 2):
            common = len(shingles[one] & shingles[other])
            left.append(first + one)
            right.append(first + other)
            similarity.append(common / (len(shingles[one]) + len(shingles[other]) - common))
    return np.array(left, np.int64), np.array(right, np.int64), np.array(similarity, np.float32)


def _runs(cluster: Ints) -> Iterator[tuple[int, int]]:
    """First document and the one behind the last of each cluster of two or more."""
    firsts, counts = np.unique(cluster, return_counts=True)
    for first, count in zip(firsts[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True):
        yield first, first + count


def _shingles(words: npt.NDArray[np.uint16], width: int) -> set[bytes]:
    raw, step = words.tobytes(), words.itemsize
    return {raw[i : i + step * width] for i in range(0, step * (len(words) - width + 1), step)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    corpus = generate(given.documents, seed=given.seed)
    corpus.write(given.folder)
    truth = corpus.truth
    pairs = {"left": truth.left, "right": truth.right, "similarity": truth.similarity}
    pq.write_table(pa.table(pairs), given.folder / "truth.parquet")


if __name__ == "__main__":
    main()
