"""What decontamination compares: the words of a text as numbers of 32 bits, each knowing what kind of word it is.

The words are those of `segmentation`, folded as for deduplication: case, width, accents, harakat, punctuation and
spacing make no difference. Numbers are not folded: two items of arithmetic may differ in nothing else.

A token is 30 bits of the word's hash above 2 bits of its class. The class says how much a word tells: a word of a
script with spaces tells about as much as two characters of Chinese, or three to four letters of Thai.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import (
    SCRIPT_SHIFT,
    UNSPACED,
    UNSPACED_SCRIPTS,
    Characters,
    characters,
    scripts,
)
from gristmill.filters.segmentation import (
    FOLDED,
    Document,
    Int32s,
    Int64s,
    Text,
    UInt32s,
    fit,
    new_document,
    read_document,
    texts_of,
)

SPACED, EAST_ASIAN, UNSPACED_LETTERS, NUMBER = range(4)
"""Classes of words: of scripts with spaces; one character of Chinese or Japanese; one letter, with its marks, of Thai,
Khmer, Burmese, Tibetan and the like; a run of digits."""

CLASS = np.uint32(3)
"""Mask of the class in a token."""

_EAST_ASIAN_SCRIPTS = frozenset(("Hani", "Hira", "Kana", "Bopo", "Nshu", "Tang", "Kits", "Yiii"))
_TOP = np.uint64(32)


class Tokenizer(NamedTuple):
    """Tables that do not change from batch to batch."""

    characters: Characters
    classes: UInt32s
    """Class of an unspaced letter by the number of its script."""


class Tokens(NamedTuple):
    """Tokens of a batch: those of text d are at `offsets[d]:offsets[d + 1]` in the other arrays."""

    offsets: Int64s
    tokens: UInt32s
    lengths: Int32s
    """Letters of each word, marks not counted; 0 for numbers."""


def tokenizer() -> Tokenizer:
    """The tables, from those of `characters`."""
    classes = np.full(256, UNSPACED_LETTERS, np.uint32)
    for number, script in enumerate(scripts()):
        if script in _EAST_ASIAN_SCRIPTS:
            classes[number] = EAST_ASIAN
    assert _EAST_ASIAN_SCRIPTS <= UNSPACED_SCRIPTS
    return Tokenizer(characters(), classes)


@jit
def tokenize_document(document: Document, known: Tokenizer, tokens: UInt32s, words: Int32s) -> Any:
    """Write the tokens of a document whose words are found, and the word that each stands for; return how many.

    A word that leaves no trace in normalised text, such as a lone tatweel, is left out. Both arrays need room for all
    words. Linear in words.
    """
    n = document.sizes[FOLDED]
    for k in range(n):
        w = document.traced[k]
        kind = document.kinds[document.word_starts[w]]
        if not document.word_letters[w]:
            token = np.uint32(document.words[w] >> _TOP) | CLASS
        else:
            word_class = known.classes[kind >> SCRIPT_SHIFT] if kind & UNSPACED else np.uint32(SPACED)
            token = (np.uint32(document.folded[k] >> _TOP) & ~CLASS) | word_class
        tokens[k] = token
        words[k] = w
    return n


@jit
def _tokenize(text: Text, known: Tokenizer) -> Any:
    n_documents = len(text.offsets) - 1
    capacity = (text.offsets[n_documents] - text.offsets[0] + n_documents) // 2 + 2
    found = Tokens(
        np.zeros(n_documents + 1, np.int64),
        np.empty(capacity, np.uint32),
        np.empty(capacity, np.int32),
    )
    document = new_document(1 << 12)
    n = 0
    for d in range(n_documents):
        document = fit(document, text, d)
        read_document(text, d, known.characters, document)
        size = tokenize_document(document, known, found.tokens[n:], found.lengths[n:])
        for i in range(n, n + size):
            w = found.lengths[i]
            is_number = found.tokens[i] & CLASS == NUMBER
            found.lengths[i] = 0 if is_number else document.word_lengths[w] - document.word_marks[w]
        n += size
        found.offsets[d + 1] = n
    return found


def tokenize(texts: pa.StringArray | pa.LargeStringArray) -> Tokens:
    """The tokens of each text; a null is an empty text. Linear in bytes; holds up to 4 bytes for each."""
    (text,) = texts_of(texts)
    found: Tokens = _tokenize(text, tokenizer())
    n = int(found.offsets[-1])
    return Tokens(found.offsets, found.tokens[:n], found.lengths[:n])


MIN_FRAMED = 10
"""Texts of a field, below which none is taken for framed."""
FRAMED_SHARE = 0.9
"""Texts that begin, or end, with a frame, of all, at least."""


def unframed(found: Tokens) -> tuple[Int64s, Int64s]:
    """Where each text's own words begin and end among the tokens: without what nearly all texts begin or end with.

    Sets made ready for a harness frame each item with "Question:" and "Answer:", which a document that holds the item
    has not. A frame is the run of words that nine of ten texts have in common; the others are taken whole.
    """
    starts, ends = found.offsets[:-1].copy(), found.offsets[1:].copy()
    if len(starts) >= MIN_FRAMED:
        starts += _frame(found.tokens, starts, ends, step=1)
        ends -= _frame(found.tokens, ends - 1, starts - 1, step=-1)
    return starts, ends


def _frame(tokens: UInt32s, first: Int64s, end: Int64s, *, step: int) -> Int64s:
    """Words of the frame that each text has, read from its word `first` towards its `end`."""
    depth = np.zeros(len(first), np.int64)
    rows = np.flatnonzero(first != end)
    while len(rows) >= FRAMED_SHARE * len(first):
        words = tokens[first[rows] + step * depth[rows]]
        values, counts = np.unique(words, return_counts=True)
        rows = rows[words == values[np.argmax(counts)]]
        if len(rows) < FRAMED_SHARE * len(first):
            break
        depth[rows] += 1
        rows = rows[first[rows] + step * depth[rows] != end[rows]]
    return depth
