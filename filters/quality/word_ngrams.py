"""Texts as bags of words and word n-grams: spelt for a classifier to learn from, and scored with what it has learnt.

The words are those of `segmentation`, folded as in `folding`: case, accents, width, digits, punctuation
and layout leave no trace. Left out are web addresses and the hosts of e-mail addresses: they would name the site that a
text is from, not say how it is written.

What is looked at is the *excerpt* of a text: all of it, or three windows (start, middle, end) of a long one.

fastText (arXiv:1607.01759) averages vectors of words and n-grams and multiplies the average by a matrix. Both steps are
linear, so each word and n-gram comes down to one number for each class, which is all that is looked up here. Hashes of
n-grams are those of fastText, so that the result is the library's but for rounding.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters._jit import jit
from gristmill.filters.characters import SPACE, Characters, characters
from gristmill.filters.folding import IN_CONTEXT, LAST_CODE, fold_behind, next_fold
from gristmill.filters.segmentation import (
    CHARS,
    WORDS,
    Document,
    Int64s,
    Text,
    UInt8s,
    UInt32s,
    UInt64s,
    fit,
    mix,
    new_document,
    read_document,
    texts_of,
)
from gristmill.filters.signals import Float64s

WINDOW_BYTES = 8192
"""Each of the three windows that stand for a text of more than three times as much."""

MAX_ORDER = 8
"""Longest n-gram, in words."""

Float32s = np.ndarray[Any, np.dtype[np.float32]]

_SPACE = np.uint8(0x20)
_LOWER, _AT, _DOT, _SLASH, _COLON, _W = (np.uint32(ord(char)) for char in " @./:w")
_HTTP, _HTTPS = (np.uint64(int.from_bytes(scheme, "big")) for scheme in (b"http", b"https"))
_SEED, _PRIME, _HALF = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3), np.uint64(32)


class Weights(NamedTuple):
    """A linear model over words and n-grams, as the kernel looks it up. Without columns it is no model."""

    order: int
    """Words of the longest n-gram."""
    columns: Float32s
    """(buckets, columns): what each word or n-gram adds; the number of buckets is a power of two."""


class Bag(NamedTuple):
    """Scratch space for one document: its words as spelt, and the hash of each."""

    spelt: UInt8s
    hashes: UInt64s


@jit
def new_bag(n_bytes: Any) -> Bag:
    """Scratch space for a document of up to n_bytes bytes of UTF-8.

    What stands for a character has three times its bytes at most, with the space that parts it from the next word.
    """
    return Bag(np.empty(3 * n_bytes + 16, np.uint8), np.empty(n_bytes // 2 + 2, np.uint64))


@jit
def _is_scheme(chars: UInt32s, start: Any, end: Any) -> Any:
    """Whether a word is http or https, in either case."""
    if end - start < 4 or end - start > 5:
        return False
    state = np.uint64(0)
    for i in range(start, end):
        state = (state << np.uint64(8)) | np.uint64(chars[i] | _LOWER)
    return state in (_HTTP, _HTTPS)


@jit
def _opens_address(chars: UInt32s, n: Any, start: Any, end: Any) -> Any:
    """Whether a word begins a web address, or the host of an e-mail address: all up to the next space belongs to it."""
    if start > 0 and chars[start - 1] == _AT:
        return True
    if end + 1 >= n:
        return False
    if chars[end] == _COLON:
        return chars[end + 1] == _SLASH and _is_scheme(chars, start, end)
    if chars[end] != _DOT or end - start != 3:
        return False
    return chars[start] | _LOWER == chars[start + 1] | _LOWER == chars[start + 2] | _LOWER == _W


@jit
def _encode(code: Any, out: UInt8s, at: Any) -> Any:
    """Write a code point as UTF-8; return the place behind it."""
    if code < 0x80:
        out[at] = code
        return at + 1
    size = 2 if code < 0x800 else 3 if code < 0x10000 else 4
    for k in range(size - 1, 0, -1):
        out[at + k] = np.uint32(0x80) | (code & np.uint32(0x3F))
        code = np.uint32(code >> np.uint32(6))
    out[at] = code | (np.uint32(0xF00) >> np.uint32(size))
    return at + size


@jit
def spell_document(text: Text, d: Any, known: Characters, document: Document, out: UInt8s) -> Any:
    """Write the normalised words of document d, with single spaces between; return how many bytes."""
    read_document(text, d, known, document)
    # Not the document as a whole to other functions: Numba would count references to each of its arrays at every call.
    chars, kinds, folds = document.chars, document.kinds, known.folds
    starts, ends = document.word_starts, document.word_ends
    n = document.sizes[CHARS]
    at = 0
    free_from = 0
    for w in range(document.sizes[WORDS]):
        start, end = starts[w], ends[w]
        if start < free_from:
            continue
        if _opens_address(chars, n, start, end):
            free_from = end
            while free_from < n and not kinds[free_from] & SPACE:
                free_from += 1
            continue
        gap = at > 0
        for i in range(start, end):
            fold = folds[chars[i]]
            if fold >= IN_CONTEXT:
                fold = fold_behind(chars[i - 1], chars[i])
            if fold != 0 and gap:
                out[at] = _SPACE
                at += 1
                gap = False
            while fold != 0:
                at = _encode(fold & LAST_CODE, out, at)
                fold = next_fold(folds, fold)
    return at


@jit
def fill_bag(spelt: UInt8s, start: Any, end: Any, bag: Bag) -> Any:
    """Hash the words that some bytes spell (FNV-1a, mixed); return how many there are."""
    n = 0
    state = _SEED
    for i in range(start, end + 1):
        if i == end or spelt[i] == _SPACE:
            if state != _SEED:
                bag.hashes[n] = state ^ (state >> _HALF)
                n += 1
            state = _SEED
        else:
            state = (state ^ np.uint64(spelt[i])) * _PRIME
    return n


@jit
def add_up(bag: Bag, n: Any, weights: Weights, sums: Float64s) -> None:
    """Average the numbers of all words and n-grams of a bag of n words, column by column. Linear in n times order."""
    n_columns = weights.columns.shape[1]
    if n_columns == 0 or n == 0:
        return
    mask = np.uint64(len(weights.columns) - 1)
    count = 0
    for i in range(n):
        ngram = bag.hashes[i]
        last = min(i + weights.order, n)
        for k in range(i + 1, last + 1):
            for column in range(n_columns):
                sums[column] += weights.columns[ngram & mask, column]
            if k < last:
                ngram = mix(ngram, bag.hashes[k])
        count += last - i
    for column in range(n_columns):
        sums[column] /= count


@jit
def _fitting(document: Document, bag: Bag, text: Text, d: Any) -> tuple[Document, Bag]:
    """The scratch space itself if document d fits in, else larger one."""
    n_bytes = text.offsets[d + 1] - text.offsets[d]
    if 3 * n_bytes + 16 > len(bag.spelt):
        bag = new_bag(n_bytes + n_bytes // 2)
    return fit(document, text, d), bag


@jit
def _score(text: Text, known: Characters, one: Weights, two: Weights) -> tuple[Float64s, Float64s, Int64s]:
    n = len(text.offsets) - 1
    first = np.zeros((n, one.columns.shape[1]), np.float64)
    second = np.zeros((n, two.columns.shape[1]), np.float64)
    n_words = np.zeros(n, np.int64)
    document, bag = new_document(1 << 14), new_bag(1 << 14)
    for d in range(n):
        document, bag = _fitting(document, bag, text, d)
        size = spell_document(text, d, known, document, bag.spelt)
        n_words[d] = fill_bag(bag.spelt, 0, size, bag)
        add_up(bag, n_words[d], one, first[d])
        add_up(bag, n_words[d], two, second[d])
    return first, second, n_words


@jit
def _spell(text: Text, known: Characters, out: UInt8s, offsets: Int64s) -> None:
    document, bag = new_document(1 << 14), new_bag(1 << 14)
    for d in range(len(text.offsets) - 1):
        document, bag = _fitting(document, bag, text, d)
        size = spell_document(text, d, known, document, bag.spelt)
        offsets[d + 1] = offsets[d] + size
        out[offsets[d] : offsets[d + 1]] = bag.spelt[:size]


@jit
def _features(spelt: Text, order: Any, mask: Any) -> tuple[Int64s, UInt32s]:
    n_texts = len(spelt.offsets) - 1
    n_features = 0
    for d in range(n_texts):
        n_features += 1
        for i in range(spelt.offsets[d], spelt.offsets[d + 1]):
            n_features += spelt.data[i] == _SPACE
    offsets = np.zeros(n_texts + 1, np.int64)
    found = np.empty(n_features * order, np.uint32)
    bag = new_bag(1 << 12)
    at = 0
    for d in range(n_texts):
        start, end = spelt.offsets[d], spelt.offsets[d + 1]
        if end - start > len(bag.hashes):
            bag = new_bag(3 * (end - start))
        n = fill_bag(spelt.data, start, end, bag)
        for i in range(n):
            ngram = bag.hashes[i]
            last = min(i + order, n)
            for k in range(i + 1, last + 1):
                found[at] = np.uint32(ngram & mask)
                at += 1
                if k < last:
                    ngram = mix(ngram, bag.hashes[k])
        offsets[d + 1] = at
    return offsets, found[:at]


@jit
def _average(bags: "Features", columns: Float32s) -> Float64s:
    found = np.zeros((len(bags.offsets) - 1, columns.shape[1]), np.float64)
    for d in range(len(found)):
        start, end = bags.offsets[d], bags.offsets[d + 1]
        for i in range(start, end):
            for column in range(columns.shape[1]):
                found[d, column] += columns[bags.buckets[i], column]
        for column in range(columns.shape[1]):
            found[d, column] /= max(end - start, 1)
    return found


class Scores(NamedTuple):
    """What two models make of each text of a batch: (documents, columns) each, and the number of words looked at."""

    first: Float64s
    second: Float64s
    n_words: Int64s


def no_weights() -> Weights:
    """A model without columns."""
    return Weights(1, np.zeros((1, 0), np.float32))


def score(texts: pa.StringArray, one: Weights, two: Weights) -> Scores:
    """The columns of two models for each text: averages over its words and n-grams, 0 where there are none.

    One pass over the text for both models, in linear time, without the GIL. A null text is an empty one.
    """
    found = [_score(text, characters(), one, two) for text in texts_of(texts)]
    nothing = (np.zeros((0, one.columns.shape[1])), np.zeros((0, two.columns.shape[1])), np.zeros(0, np.int64))
    return Scores(*(np.concatenate(columns) for columns in zip(nothing, *found, strict=True)))


def spell(texts: pa.StringArray) -> pa.LargeStringArray:
    """The normalised words of each text, with single spaces between."""
    return pa.concat_arrays([pa.array([], pa.large_string()), *map(_spelt, texts_of(texts))])


def _spelt(text: Text) -> pa.LargeStringArray:
    offsets = np.zeros(len(text.offsets), np.int64)
    out = np.empty(3 * int(text.offsets[-1] - text.offsets[0]) + 16, np.uint8)
    _spell(text, characters(), out, offsets)
    size = int(offsets[-1])
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(out[:size].copy()))


class Features(NamedTuple):
    """The words and n-grams of some texts, as buckets: those of text d are `buckets[offsets[d]:offsets[d + 1]]`."""

    offsets: Int64s
    buckets: UInt32s


def features(spelt: pa.LargeStringArray, *, order: int, n_buckets: int) -> Features:
    """The words and n-grams of spelt texts: 4 bytes for each. The number of buckets is a power of two."""
    assert n_buckets & (n_buckets - 1) == 0 and 1 <= order <= MAX_ORDER, (n_buckets, order)
    (text,) = texts_of(spelt)
    return Features(*_features(text, order, np.uint64(n_buckets - 1)))


def average(bags: Features, weights: Weights) -> Float64s:
    """What `score` makes of the texts that these bags are of, if they are of as many buckets and the same order."""
    return _average(bags, weights.columns)


def excerpts(texts: pa.StringArray) -> pa.StringArray:
    """The part of each text that is looked at: all of it, or the three windows of a long one, set apart by line breaks.

    Windows begin and end between characters. Cost: nothing but for the long ones, which are copied.
    """
    texts = pc.fill_null(texts, "")
    long = pc.greater(pc.binary_length(texts), 3 * WINDOW_BYTES)
    if not pc.any(long).as_py():
        return texts
    cut = [_windows(each.as_buffer()) for each in pc.cast(texts.filter(long), pa.large_binary())]
    return pc.replace_with_mask(texts, long, pa.array(cut, pa.string()).cast(texts.type))


def _windows(text: pa.Buffer) -> str:
    middle = (text.size - WINDOW_BYTES) // 2
    return "\n".join(_window(text, start) for start in (0, middle, text.size - WINDOW_BYTES))


def _window(text: pa.Buffer, start: int) -> str:
    return bytes(text.slice(start, WINDOW_BYTES)).decode("utf-8", "ignore")
