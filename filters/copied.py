"""Spans of N words or more that other documents have too, word for word, whatever stands around them.

Words are those of `verbatim`; a character of a script without spaces is a word. A *gram* is N words in a row, and a
span is a run of words, each in a gram that another document has. To count all grams would take a
hash for every word of a corpus. So they are looked for in two steps:

1. *Seeds*: hashes of fewer words, a few of them chosen by their value (winnowing, Schleimer, Wilkerson and Aiken 2003):
   of each window of neighbouring seeds the least. With k words a seed and windows of N - k + 1 seeds, two documents
   that have a gram in common choose a seed of it in common, always. One seed in (N - k + 2) / 2 is chosen, about.
2. Grams of which some seed is in two documents or more: only these are counted.

So what is found is exactly the grams that two documents have, but for collisions of 64-bit hashes: with 10^10 hashes
there are 3 such, in all.

Hashes are rolled: a polynomial of the words' hashes, modulo 2^64, as in Karp and Rabin 1987.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import Characters
from gristmill.filters.segmentation import (
    FOLDED,
    Document,
    Int32s,
    Int64s,
    Text,
    UInt64s,
    fit,
    mix,
    new_document,
    read_document,
    texts_of,
)
from gristmill.filters.verbatim import tables

_BASE = np.uint64(0xC2B2AE3D27D4EB4F)
_ONE, _ZERO = np.uint64(1), np.uint64(0)


def seed_words(words: int) -> int:
    """Words of a seed, for grams of so many: two fifths, so that windows are long and seeds still tell texts apart."""
    return max(8, 2 * words // 5)


class Hashes(NamedTuple):
    """Hashes of a batch: those of document d are at `values[offsets[d]:offsets[d + 1]]`, repeats included."""

    offsets: Int64s
    values: UInt64s


class Known(NamedTuple):
    """Hashes to be found again, sorted, with what is known of each. 8 bytes each, 8 to 16 more for their index."""

    hashes: UInt64s
    buckets: Int64s
    """Where the hashes of each bucket begin: a bucket is their leading bits."""
    shift: UInt64s
    """How far a hash is shifted to give its bucket: one number."""
    owners: UInt64s
    """The document that keeps the gram."""
    documents: Int64s
    """How many have it."""


class Spans(NamedTuple):
    """Spans of a batch: those of document d are at `offsets[d]:offsets[d + 1]` of the others."""

    offsets: Int64s
    starts: Int32s
    """First code point in the document: that of a word."""
    ends: Int32s
    documents: Int64s
    """Documents that have the rarest gram of the span."""


def known(hashes: UInt64s, *, owners: UInt64s | None = None, documents: Int64s | None = None) -> Known:
    """Sorted hashes as kernels look them up. `owners` and `documents` are needed for `spans` alone."""
    bits = max(1, len(hashes).bit_length())
    bounds = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    return Known(
        np.ascontiguousarray(hashes),
        np.append(np.searchsorted(hashes, bounds), len(hashes)).astype(np.int64),
        np.array([64 - bits], np.uint64),
        np.zeros(0, np.uint64) if owners is None else np.ascontiguousarray(owners),
        np.zeros(0, np.int64) if documents is None else np.ascontiguousarray(documents),
    )


@jit
def _find(hashes: Any, buckets: Any, shift: Any, value: Any) -> Any:
    """The number of a hash, -1 if it is not known."""
    bucket = value >> shift
    for k in range(buckets[bucket], buckets[bucket + _ONE]):
        if hashes[k] == value:
            return k
    return -1


class Places(NamedTuple):
    """Places in the texts of a batch, in code points: those of document d are at `offsets[d]:offsets[d + 1]`."""

    offsets: Int64s
    starts: Int32s
    ends: Int32s


class _Given(NamedTuple):
    """What is known of each text of a batch besides its words."""

    ranks: UInt64s
    apart: Places


class _Scratch(NamedTuple):
    """Space for one document. Its words are those that leave a trace, `Document.folded`."""

    rolled: UInt64s
    """Hash of as many words as are asked for, from each on."""
    chosen: Int32s
    """Words that seeds begin with."""
    wanted: npt.NDArray[np.bool_]
    """Whether the gram from a word on is to be counted; or whether a word is of one that another document keeps."""
    lost: Int64s
    """Number of the gram from a word on, if another document keeps it."""


@jit
def _new_scratch(n_words: Any) -> _Scratch:
    return _Scratch(
        np.empty(n_words, np.uint64),
        np.empty(n_words, np.int32),
        np.empty(n_words, np.bool_),
        np.empty(n_words, np.int64),
    )


@jit
def _read(text: Text, d: Any, known: Characters, document: Document, scratch: _Scratch) -> tuple[Any, Any]:
    """Find the words of document d; return its space and the scratch space, or larger ones in their place."""
    document = fit(document, text, d)
    read_document(text, d, known, document)
    n_words = document.sizes[FOLDED]
    return document, scratch if n_words <= len(scratch.rolled) else _new_scratch(n_words + n_words // 2)


@jit
def _roll(words: Any, n: Any, size: Any, out: Any) -> Any:
    """Write the hash of every run of `size` words; return how many there are."""
    if n < size:
        return 0
    power = _ONE
    state = _ZERO
    for w in range(size):
        power *= _BASE
        state = state * _BASE + words[w]
    kind = np.uint64(size)
    out[0] = mix(kind, state)
    for w in range(size, n):
        state = state * _BASE + words[w] - words[w - size] * power
        out[w - size + 1] = mix(kind, state)
    return n - size + 1


@jit
def _choose(rolled: Any, n: Any, window: Any, out: Any) -> Any:
    """Write where the least of each window of hashes is, each place once; return how many.

    Of several as small the one chosen before stays, or else the last is taken: a text of one word over and over has no
    more seeds than another. Linear in n, but for texts made on purpose.
    """
    if n < window:
        return 0
    count = 0
    least = -1
    for end in range(window, n + 1):
        if least < end - window:
            least = end - window
            for k in range(least + 1, end):
                if rolled[k] <= rolled[least]:
                    least = k
        elif rolled[end - 1] < rolled[least]:
            least = end - 1
        else:
            continue
        out[count] = least
        count += 1
    return count


@jit
def _seeds(text: Text, known: Characters, size: Any, seed: Any) -> Hashes:
    n_documents = len(text.offsets) - 1
    capacity = (text.offsets[n_documents] - text.offsets[0] + n_documents) // 2 + 1
    offsets, values = np.zeros(n_documents + 1, np.int64), np.empty(capacity, np.uint64)
    document = new_document(1 << 14)
    scratch = _new_scratch(1 << 12)
    n = 0
    for d in range(n_documents):
        document, scratch = _read(text, d, known, document, scratch)
        rolled = _roll(document.folded, document.sizes[FOLDED], seed, scratch.rolled)
        for k in range(_choose(scratch.rolled, rolled, size - seed + 1, scratch.chosen)):
            values[n] = scratch.rolled[scratch.chosen[k]]
            n += 1
        offsets[d + 1] = n
    return Hashes(offsets, values)


@jit
def _want(document: Document, scratch: _Scratch, seeds: Known, size: Any, seed: Any) -> Any:
    """Mark the grams that have a known seed; return whether there is any."""
    n_words = document.sizes[FOLDED]
    n_grams = n_words - size + 1
    scratch.wanted[: max(0, n_grams)] = False
    rolled = _roll(document.folded, n_words, seed, scratch.rolled)
    found = False
    behind = 0
    for k in range(_choose(scratch.rolled, rolled, size - seed + 1, scratch.chosen)):
        place = scratch.chosen[k]
        if _find(seeds.hashes, seeds.buckets, seeds.shift[0], scratch.rolled[place]) >= 0:
            first = max(behind, place + seed - size)
            behind = min(place + 1, n_grams)
            scratch.wanted[first:behind] = True
            found = True
    return found


@jit
def _grams(text: Text, known: Characters, seeds: Known, size: Any, seed: Any) -> Hashes:
    n_documents = len(text.offsets) - 1
    capacity = (text.offsets[n_documents] - text.offsets[0] + n_documents) // 2 + 1
    offsets, values = np.zeros(n_documents + 1, np.int64), np.empty(capacity, np.uint64)
    document = new_document(1 << 14)
    scratch = _new_scratch(1 << 12)
    n = 0
    for d in range(n_documents):
        document, scratch = _read(text, d, known, document, scratch)
        if _want(document, scratch, seeds, size, seed):
            for k in range(_roll(document.folded, document.sizes[FOLDED], size, scratch.rolled)):
                if scratch.wanted[k]:
                    values[n] = scratch.rolled[k]
                    n += 1
        offsets[d + 1] = n
    return Hashes(offsets, values)


@jit
def _cover(scratch: _Scratch, n_grams: Any, size: Any, grams: Known, rank: Any) -> None:
    """Write the number of each gram that another document keeps, -1 for others, and mark the words of these grams."""
    covered, behind = scratch.wanted, 0
    for k in range(n_grams):
        gram = _find(grams.hashes, grams.buckets, grams.shift[0], scratch.rolled[k])
        scratch.lost[k] = -1 if gram < 0 or grams.owners[gram] == rank else gram
        if scratch.lost[k] >= 0:
            behind = k + size
        covered[k] = k < behind
    for w in range(n_grams, n_grams + size - 1):
        covered[w] = w < behind


@jit
def _spare(document: Document, covered: Any, starts: Any, ends: Any) -> None:
    """Mark no words of some places in the text, which come in order."""
    w = 0
    for k in range(len(starts)):
        while w < document.sizes[FOLDED] and document.word_starts[document.traced[w]] < ends[k]:
            if document.word_starts[document.traced[w]] >= starts[k]:
                covered[w] = False
            w += 1


@jit
def _rarest(lost: Any, first: Any, behind: Any, documents: Any) -> Any:
    """Documents that have the rarest of some grams."""
    least = np.iinfo(np.int64).max
    for k in range(first, behind):
        if lost[k] >= 0:
            least = min(least, documents[lost[k]])
    return least


@jit
def _spans(text: Text, known: Characters, grams: Known, given: _Given, size: Any) -> Spans:
    n_documents = len(text.offsets) - 1
    capacity = (text.offsets[n_documents] - text.offsets[0]) // size + 1
    found = Spans(
        np.zeros(n_documents + 1, np.int64),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int64),
    )
    document = new_document(1 << 14)
    scratch = _new_scratch(1 << 12)
    n = 0
    for d in range(n_documents):
        document, scratch = _read(text, d, known, document, scratch)
        n_words = document.sizes[FOLDED]
        n_grams = _roll(document.folded, n_words, size, scratch.rolled)
        if n_grams:
            _cover(scratch, n_grams, size, grams, given.ranks[d])
            first, last = given.apart.offsets[d], given.apart.offsets[d + 1]
            _spare(document, scratch.wanted, given.apart.starts[first:last], given.apart.ends[first:last])
        w = 0
        while n_grams and w < n_words:
            start = w
            while w < n_words and scratch.wanted[w]:
                w += 1
            if w - start >= size:
                found.starts[n] = document.word_starts[document.traced[start]]
                found.ends[n] = document.word_ends[document.traced[w - 1]]
                found.documents[n] = _rarest(scratch.lost, max(0, start - size + 1), min(w, n_grams), grams.documents)
                n += 1
            w += 1
        found.offsets[d + 1] = n
    return found


def seeds(texts: pa.StringArray | pa.LargeStringArray, *, words: int) -> Hashes:
    """The seeds of each text, for grams of so many words. Linear time."""
    (text,) = texts_of(texts)
    found = _seeds(text, tables(), words, seed_words(words))
    return Hashes(found.offsets, found.values[: found.offsets[-1]])


def grams(texts: pa.StringArray | pa.LargeStringArray, seeds: Known, *, words: int) -> Hashes:
    """The grams of each text that have one of the seeds. Linear time."""
    (text,) = texts_of(texts)
    found = _grams(text, tables(), seeds, words, seed_words(words))
    return Hashes(found.offsets, found.values[: found.offsets[-1]])


def spans(
    texts: pa.StringArray | pa.LargeStringArray,
    grams: Known,
    *,
    ranks: UInt64s,
    words: int,
    apart: Places | None = None,
) -> Spans:
    """Where each text has grams that another document keeps: all but those whose owner has the text's own rank.

    Args:
        apart: places that count for nothing, such as notices that all documents lose: a span does not reach into them,
            and what is left of it still has so many words.
    """
    (text,) = texts_of(texts)
    nothing = Places(np.zeros(len(texts) + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32))
    found = _spans(text, tables(), grams, _Given(ranks, apart or nothing), words)
    n = int(found.offsets[-1])
    return Spans(found.offsets, found.starts[:n], found.ends[:n], found.documents[:n])
