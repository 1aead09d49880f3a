"""Which documents a classifier learns from: as much of one class as of the other, and nothing that is too short.

A document counts for no more than a fiftieth of its class, so that one book does not stand for all of it: what is
beyond is cut off.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters.quality import word_ngrams

PIECE_WORDS = 150
"""Words of a piece, what is learnt from at a time."""

MIN_PIECE_WORDS = 50
"""Nothing is learnt from shorter pieces, and so from shorter documents: their length would tell."""

MIN_DOCUMENTS = 50
"""Documents that make up a class at least."""

FOLDS = 4

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Documents that there are to learn from, each text once, in the order in which they are wanted.

    Attributes:
        texts: excerpts, from `word_ngrams.excerpts`.
        classes: number of each one's class.
        languages: such as deu_Latn.
        hashes: of the texts, spread evenly.
    """

    texts: pa.StringArray | pa.ChunkedArray
    classes: Int64s
    languages: npt.NDArray[np.object_]
    hashes: UInt64s


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Documents to learn from.

    Attributes:
        spelt: normalised words of each, from `word_ngrams.spell`.
        classes: number of each one's class.
        languages: such as deu_Latn.
        folds: which part it is in, 0 up to FOLDS, by its hash.
        words_left: words of the documents of each class that there were to choose from.
        documents_left: their number.
    """

    spelt: pa.LargeStringArray
    classes: Int64s
    languages: npt.NDArray[np.object_]
    folds: Int64s
    words_left: tuple[int, ...]
    documents_left: tuple[int, ...]


def choose(documents: Documents, *, n_classes: int, quotas: Mapping[str, int], max_ratio: int) -> Examples:
    """The first documents of each class in each language, up to a number of words.

    Args:
        quotas: words of each class, at most, by language; documents of other languages are left out.
        max_ratio: no class has more than so many times the words of the smallest.
    """
    chunks = documents.texts.chunks if isinstance(documents.texts, pa.ChunkedArray) else [documents.texts]
    spelt = pa.concat_arrays([pa.array([], pa.large_string()), *map(word_ngrams.spell, chunks)])
    words = np.where(pc.binary_length(spelt), pc.add(pc.count_substring(spelt, " "), 1), 0).astype(np.int64)
    long_enough = words >= MIN_PIECE_WORDS
    left, many = (
        np.bincount(documents.classes[long_enough], each[long_enough], n_classes).astype(int).tolist()
        for each in (words, np.ones(len(words)))
    )
    chosen = np.zeros(len(words), np.bool_)
    for language, quota in quotas.items():
        here = np.flatnonzero(long_enough & (documents.languages == language))
        classes = documents.classes[here]
        most = _smallest(words[here], classes, n_classes) * max_ratio
        words[here] = np.minimum(words[here], max(PIECE_WORDS, min(quota, most) // MIN_DOCUMENTS))
        most = _smallest(words[here], classes, n_classes) * max_ratio
        chosen[here] = up_to(words[here], classes, most=min(quota, most))
    places = np.flatnonzero(chosen)
    texts = zip(spelt.take(pa.array(places)).to_pylist(), words[places].tolist(), strict=True)
    return Examples(
        spelt=pa.array([" ".join(text.split(" ", n)[:n]) for text, n in texts], pa.large_string()),
        classes=documents.classes[places],
        languages=documents.languages[places],
        folds=(documents.hashes[places] % np.uint64(FOLDS)).astype(np.int64),
        words_left=tuple(left),
        documents_left=tuple(many),
    )


def up_to(sizes: Int64s, groups: Int64s, *, most: int) -> npt.NDArray[np.bool_]:
    """The first of each group, up to the one that brings it to so much."""
    taken = np.zeros(len(sizes), np.bool_)
    for group in np.unique(groups):
        places = np.flatnonzero(groups == group)
        before = np.cumsum(sizes[places]) - sizes[places]
        taken[places[before < most]] = True
    return taken


def _smallest(words: Int64s, classes: Int64s, n_classes: int) -> int:
    return int(np.bincount(classes, words, n_classes).min())
