"""Words as repeated passages are compared by: those of normalised text, but with their digits.

Case, width, accents and punctuation make no difference, as between near duplicates. Digits do: with them folded, all
dates of entry into force, and all rows of figures of one shape, would be one line that every document repeats. Digits
of all scripts are the ASCII ones.
"""

import sys
import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import Characters, characters
from gristmill.filters.folding import IN_CONTEXT, LAST_CODE, fold_behind, next_fold
from gristmill.filters.segmentation import (
    SEED,
    WORDS,
    Document,
    Text,
    UInt32s,
    UInt64s,
    Words,
    clear,
    decode,
    find_words,
    fit,
    mix,
    new_document,
    texts_of,
)

NO_WORD = np.uint64(0)
"""Hash of what leaves no trace, such as a lone tatweel. One word in 2^64 has it too."""


_ONE = np.uintp(1)


class Tables(NamedTuple):
    """What the kernels need to know of characters."""

    characters: Characters
    folds: UInt32s
    """As in `folding`, but for digits."""


@cache
def tables() -> Tables:
    """The tables, built on the first call (about 0.3 s with those of `characters`)."""
    known = characters()
    folds = known.folds.copy()
    for code in range(sys.maxunicode + 1):
        digit = unicodedata.decimal(chr(code), -1)
        if digit >= 0:
            folds[code] = ord("0") + digit
    folds.setflags(write=False)
    return Tables(known, folds)


@jit
def _hash_word(chars: Any, folds: Any, start: Any, end: Any) -> Any:
    state = SEED
    traces = np.uint32(0)
    for i in range(np.uintp(start), np.uintp(end)):
        fold = folds[chars[i]]
        if fold >= IN_CONTEXT:
            fold = fold_behind(chars[i - _ONE], chars[i])  # a mark: no word begins with one
        traces |= fold
        if fold != 0:
            state = mix(state, np.uint64(fold & LAST_CODE))
            while fold > LAST_CODE:
                fold = next_fold(folds, fold)
                state = mix(state, np.uint64(fold & LAST_CODE))
    return state if traces else NO_WORD


@jit
def read_words(text: Text, d: Any, known: Tables, document: Document, words: UInt64s) -> UInt64s:
    """Decode document d, find its words and write their hashes, `NO_WORD` for those that leave no trace.

    Returns `words`, or a larger array in its place.
    """
    clear(document)
    decode(text, d, known.characters.kinds, document)
    find_words(document, known.characters)
    n = document.sizes[WORDS]
    if n > len(words):
        words = np.empty(n + n // 2, np.uint64)
    chars, folds, starts, ends = document.chars, known.folds, document.word_starts, document.word_ends
    for w in range(n):
        words[w] = _hash_word(chars, folds, starts[w], ends[w])
    return words


@jit
def _words(text: Text, known: Tables) -> Words:
    n_documents = len(text.offsets) - 1
    capacity = (text.offsets[n_documents] - text.offsets[0] + n_documents) // 2 + 1
    found = Words(
        np.zeros(n_documents + 1, np.int64),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.uint64),
    )
    document = new_document(1 << 12)
    words = np.empty(1 << 12, np.uint64)
    n = 0
    for d in range(n_documents):
        document = fit(document, text, d)
        words = read_words(text, d, known, document, words)
        for w in range(document.sizes[WORDS]):
            if words[w] != NO_WORD:
                found.starts[n] = document.word_starts[w]
                found.ends[n] = document.word_ends[w]
                found.hashes[n] = words[w]
                n += 1
        found.offsets[d + 1] = n
    return found


def words(texts: pa.StringArray | pa.LargeStringArray) -> Words:
    """The words of each text that leave a trace, and their hashes: for tests and benchmarks, not for the pipeline."""
    (text,) = texts_of(texts)
    found = _words(text, tables())
    n = int(found.offsets[-1])
    return Words(found.offsets, found.starts[:n], found.ends[:n], found.hashes[:n])
