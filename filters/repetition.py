"""How much of a document repeats itself: word n-grams, lines and paragraphs.

The measures are those of Gopher (Rae et al. 2021, table A1), counted as datatrove does, so that limits carry over:

- commonest n-gram (n = 2, 3, 4): its occurrences, which may overlap, times its characters, over the document's. Of
  several as common, the longest. It must occur twice, or any short document would be all repetition.
- duplicate n-grams (n = 5..10): read from the start, an n-gram that was seen before counts with its characters, and
  reading goes on behind it, so that no character counts twice.
- lines and paragraphs that were seen before, all but the first occurrence.

An n-gram's characters are its words', without what stands between. Words are compared case folded; punctuation is no
word, which it is in datatrove.
"""

from typing import Any, NamedTuple

import numpy as np

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import (
    CHARS,
    LINES,
    SEED,
    WORDS,
    Document,
    Int32s,
    Int64s,
    UInt8s,
    UInt64s,
    hash_chars,
    mix,
)

TOP_SIZES = (2, 3, 4)
DUPLICATE_SIZES = (5, 6, 7, 8, 9, 10)
_FIRST_TOP, _LAST_TOP, _LAST = 2, 4, 10
_ONE = np.uintp(1)
_FREE = np.uint64(0)
"""Key of a free slot. One hash in 2^64 is 0 too, and may be miscounted, as two equal hashes of different words are."""


class Tally(NamedTuple):
    """Scratch space for counting, used again for the next document and grown for a larger one.

    The n-grams still in question are listed by position; the hash table counts them. Only an n-gram that occurs twice
    can begin an (n+1)-gram that does, so the list shrinks quickly: it is long only where text does repeat itself.
    """

    grams: UInt64s
    """Hash of each n-gram."""
    positions: Int32s
    """Its first word."""
    lengths: Int32s
    """Its characters."""
    slots: Int64s
    """Its place in the table."""
    keys: UInt64s
    counts: Int32s
    hits: UInt8s
    """How often bigrams fell on a slot; more than once is as much as is asked."""


@jit
def new_tally(n: int) -> Tally:
    """Scratch space for up to n words or lines."""
    return Tally(
        np.empty(n, np.uint64),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int64),
        np.empty(_table_size(n), np.uint64),
        np.empty(_table_size(n), np.int32),
        np.empty(_table_size(n), np.uint8),
    )


@jit
def fit_tally(tally: Tally, document: Document) -> Tally:
    """The scratch space itself if the document's words and lines fit in, else larger one."""
    n = max(document.sizes[WORDS], document.sizes[LINES])
    return tally if n <= len(tally.grams) else new_tally(n + n // 2)


@jit
def _table_size(n: Any) -> Any:
    """A power of two that n entries fill to half at most."""
    size = 16
    while size < 2 * n:
        size *= 2
    return size


@jit
def _emptied(tally: Tally, n: Any) -> Any:
    """Empty the table as far as n entries need it, and return the mask for its size."""
    size = _table_size(n)
    tally.keys[:size] = _FREE
    tally.counts[:size] = 0
    return np.uint64(size - 1)


@jit
def slot_of(keys: UInt64s, mask: Any, key: Any) -> Any:
    """Where a key is in an open-addressing table, or the free slot where it belongs."""
    slot = key & mask
    while keys[slot] != _FREE and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@jit
def _count(tally: Tally, n_grams: Any) -> None:
    mask = _emptied(tally, n_grams)
    for g in range(n_grams):
        slot = slot_of(tally.keys, mask, tally.grams[g])
        tally.keys[slot] = tally.grams[g]
        tally.counts[slot] += 1
        tally.slots[g] = slot


@jit
def _commonest(tally: Tally, n_grams: Any) -> Any:
    """Characters that the commonest n-gram covers, the longest of several as common; 0 if none occurs twice."""
    most = 1
    length = 0
    for g in range(n_grams):
        count = tally.counts[tally.slots[g]]
        if count > most or (count == most and count > 1 and tally.lengths[g] > length):
            most = count
            length = tally.lengths[g]
    return most * length


@jit
def _duplicated(tally: Tally, n_grams: Any, size: Any) -> Any:
    """Characters of n-grams that were seen before, none counted twice. Marks what was seen by a negative count."""
    covered = 0
    reading = 0
    for g in range(n_grams):
        if tally.positions[g] < reading:
            continue
        slot = tally.slots[g]
        count = tally.counts[slot]
        if count < 0:
            covered += tally.lengths[g]
            reading = tally.positions[g] + size
        elif count > 1:
            tally.counts[slot] = -count
    return covered


@jit
def _lengthen(document: Document, tally: Tally, n_grams: Any, size: Any) -> Any:
    """Make (size+1)-grams of the n-grams in question, where both n-grams within occur twice; return how many."""
    n_words = document.sizes[WORDS]
    kept = 0
    for g in range(n_grams - 1):
        position = tally.positions[g]
        if tally.positions[g + 1] != position + 1 or position + size >= n_words:
            continue
        if abs(tally.counts[tally.slots[g]]) > 1 and abs(tally.counts[tally.slots[g + 1]]) > 1:
            tally.grams[kept] = mix(tally.grams[g], document.words[position + size])
            tally.positions[kept] = position
            tally.lengths[kept] = tally.lengths[g] + document.word_lengths[position + size]
            kept += 1
    return kept


@jit
def _list_bigrams(document: Document, tally: Tally) -> Any:
    """List the bigrams that may occur twice, as their slots are hit twice; return how many. Others need no counting."""
    words, hits = document.words, tally.hits
    n = np.uintp(max(document.sizes[WORDS] - 1, 0))
    size = _table_size(np.int64(n))
    mask = np.uint64(size - 1)
    hits[:size] = 0
    for w in range(n):
        gram = mix(words[w], words[w + _ONE])
        tally.grams[w] = gram
        hits[gram & mask] = hits[gram & mask] << np.uint8(1) | np.uint8(1)
    kept = np.uintp(0)
    for w in range(n):
        gram = tally.grams[w]
        tally.grams[kept] = gram
        tally.positions[kept] = w
        tally.lengths[kept] = document.word_lengths[w] + document.word_lengths[w + _ONE]
        kept += np.uintp(hits[gram & mask] > 1)
    return np.int64(kept)


@jit
def share(part: Any, whole: Any) -> Any:
    """A ratio of 0..1: cut off at 1, and 0 where there is nothing to have a share of."""
    return min(part / whole, 1.0) if whole > 0 else 0.0


@jit
def repeated_grams(document: Document, tally: Tally, top: Any, duplicate: Any) -> None:
    """Fill in the n-gram shares for TOP_SIZES and DUPLICATE_SIZES. Linear in words, whatever the text."""
    n_chars = document.sizes[CHARS]
    n_grams = _list_bigrams(document, tally)
    top[:] = 0.0
    duplicate[:] = 0.0
    for size in range(_FIRST_TOP, _LAST + 1):
        if n_grams < 2:
            break
        _count(tally, n_grams)
        if size <= _LAST_TOP:
            top[size - _FIRST_TOP] = share(_commonest(tally, n_grams), n_chars)
        else:
            duplicate[size - _LAST_TOP - 1] = share(_duplicated(tally, n_grams, size), n_chars)
        n_grams = _lengthen(document, tally, n_grams, size)


@jit
def _seen(tally: Tally, mask: Any, key: Any) -> Any:
    slot = slot_of(tally.keys, mask, key)
    if tally.keys[slot] == key:
        return True
    tally.keys[slot] = key
    return False


@jit
def repeated_lines(document: Document, tally: Tally) -> tuple[Any, Any]:
    """Lines that were seen before in the document, and their characters. Leaves each line's hash in `tally.grams`."""
    n_lines = document.sizes[LINES]
    mask = _emptied(tally, n_lines)
    lines = 0
    covered = 0
    for line in range(n_lines):
        start, end = document.line_starts[line], document.line_ends[line]
        tally.grams[line] = hash_chars(document.chars, start, end, SEED)
        if _seen(tally, mask, tally.grams[line]):
            lines += 1
            covered += end - start
    return lines, covered


@jit
def repeated_paragraphs(document: Document, tally: Tally) -> tuple[Any, Any, Any]:
    """Paragraphs, those seen before, and the characters of their lines; line hashes as `repeated_lines` leaves them."""
    n_lines = document.sizes[LINES]
    mask = _emptied(tally, n_lines)
    paragraphs = 0
    repeated = 0
    covered = 0
    line = 0
    while line < n_lines:
        state = SEED
        chars = 0
        first = line
        while line < n_lines and (line == first or not document.line_opens[line]):
            state = mix(state, tally.grams[line])
            chars += document.line_ends[line] - document.line_starts[line]
            line += 1
        paragraphs += 1
        if _seen(tally, mask, state):
            repeated += 1
            covered += chars
    return paragraphs, repeated, covered
