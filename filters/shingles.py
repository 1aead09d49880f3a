"""What deduplication compares: a hash of the text as it is, and the hashes of the normalised text's shingles.

The text hash is equal for equal texts, white space apart; a changed digit or accent is another text.

The normalised text is the words (see `segmentation`), each character folded as `folding` says, joined by single spaces:
case, width, accents, harakat and niqqud, digits, punctuation, symbols and spacing make no difference, vowel signs do.
A text without any word is taken as it is, white space apart, so that not all of these are duplicates of each other.

A shingle is as many words as say about the same everywhere, by the script of most of the document's letters:

- 5 words of scripts with spaces, as in FineWeb;
- 8 characters of Chinese, Yi and other syllables, 11 of Japanese, 16 of Thai, Khmer, Tibetan and the like, with their
  marks. Of NTREX, with one word in 50 replaced, .79 to .83 is left, as of the median of 118 languages with spaces
  (.815, in `benchmarks/shingle_widths.py`).

A document of fewer words than that has the 5-character shingles of its normalised text instead; of fewer characters, it
is one shingle itself. Only a blank document has none.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import JPAN, SPACE, UNSPACED_SCRIPTS, Characters, characters, script_names
from gristmill.filters.folding import IN_CONTEXT, LAST_CODE, fold_behind, next_fold
from gristmill.filters.segmentation import (
    CHARS,
    FOLDED,
    SCRIPT,
    SEED,
    WORDS,
    Document,
    Int64s,
    Text,
    UInt32s,
    UInt64s,
    fit,
    hash_chars,
    mix,
    new_document,
    segment,
    texts_of,
)

WIDTH = 5
"""Words of a shingle, or characters in a short document."""
WIDTH_SYLLABLES = 8
WIDTH_JAPANESE = 11
WIDTH_UNSPACED = 16

_SYLLABLES = ("Hans", "Hant", "Hani", "Bopo", "Nshu", "Tang", "Kits", "Yiii")

_SPACE = np.uint32(0x20)
_TOP = np.uint64(32)
_SECOND_SEED = np.uint64(0xC2B2AE3D27D4EB4F)


class Shingles(NamedTuple):
    """Shingle and text hashes of a batch."""

    offsets: Int64s
    """Shingles of document d: `hashes[offsets[d]:offsets[d + 1]]`, in the order of the text, repeats included."""
    hashes: UInt32s
    texts: UInt64s
    """Two numbers per document: the hash of its text."""


def widths() -> Int64s:
    """Words of a shingle by script number."""
    of_script = np.full(len(script_names()), WIDTH, np.int64)
    for number, script in enumerate(script_names()):
        if script in _SYLLABLES:
            of_script[number] = WIDTH_SYLLABLES
        elif script in UNSPACED_SCRIPTS:
            of_script[number] = WIDTH_UNSPACED
    of_script[JPAN] = WIDTH_JAPANESE
    return of_script


@jit
def _spell_raw(document: Document, out: UInt32s) -> Any:
    """Write the code points with runs of white space as one space, and none around; return how many."""
    n = np.uintp(0)
    after_space = np.uintp(1)
    for i in range(document.sizes[CHARS]):  # without branches
        is_space = np.uintp(document.kinds[i] & SPACE != 0)
        out[n] = _SPACE if is_space else document.chars[i]
        n += np.uintp(1) - (is_space & after_space)
        after_space = is_space
    return np.int64(n) - 1 if n > 0 and after_space else np.int64(n)


@jit
def _spell(document: Document, folds: UInt32s, out: UInt32s) -> Any:
    """Write the normalised text's code points; return how many."""
    n = 0
    for w in range(document.sizes[WORDS]):
        start = n
        for i in range(document.word_starts[w], document.word_ends[w]):
            fold = folds[document.chars[i]]
            if fold >= IN_CONTEXT:
                fold = fold_behind(document.chars[i - 1], document.chars[i])
            if fold != 0 and n == start and start > 0:
                out[n] = _SPACE
                n += 1
            while fold != 0:
                out[n] = fold & LAST_CODE
                n += 1
                fold = next_fold(folds, fold)
    return n


@jit
def _shingle_characters(out: UInt32s, n: Any) -> Any:
    """Replace n code points by the hashes of their shingles, in place; return how many."""
    width = min(n, WIDTH)
    count = n - width + 1 if n else 0
    for first in range(count):
        state = SEED
        for k in range(width):
            state = mix(state, np.uint64(out[first + k]))
        out[first] = np.uint32(state >> _TOP)
    return count


@jit
def shingle_document(document: Document, folds: UInt32s, widths: Int64s, out: UInt32s) -> Any:
    """Write the shingle hashes of a segmented document; return how many.

    `out` needs room for twice its characters, or its words, whichever is more. Linear in characters.
    """
    n = document.sizes[FOLDED]
    width = widths[document.sizes[SCRIPT]]
    if n < width:
        spelled = _spell(document, folds, out) if n else _spell_raw(document, out)
        return _shingle_characters(out, spelled)
    for first in range(n - width + 1):
        state = SEED
        for k in range(width):
            state = mix(state, document.folded[first + k])
        out[first] = np.uint32(state >> _TOP)
    return n - width + 1


@jit
def hash_text(document: Document, out: UInt32s, text_hash: UInt64s) -> None:
    """Write the two halves of the hash of a document's text, white space apart. `out` is scratch space."""
    n = _spell_raw(document, out)
    text_hash[0] = hash_chars(out, 0, n, SEED)
    text_hash[1] = hash_chars(out, 0, n, _SECOND_SEED)


@jit
def _hashes(text: Text, known: Characters, widths: Int64s) -> Shingles:
    n_documents = len(text.offsets) - 1
    n_bytes = text.offsets[n_documents] - text.offsets[0]
    found = Shingles(
        np.zeros(n_documents + 1, np.int64),
        np.empty(2 * n_bytes + 1, np.uint32),
        np.zeros((n_documents, 2), np.uint64),
    )
    document = new_document(1 << 14)
    n = 0
    for d in range(n_documents):
        document = fit(document, text, d)
        segment(text, d, known, document)
        hash_text(document, found.hashes[n:], found.texts[d])
        n += shingle_document(document, known.folds, widths, found.hashes[n:])
        found.offsets[d + 1] = n
    return found


def hashes(texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray) -> Shingles:
    """Shingle hashes and text hash of each text: to study similarity, where `kernel` goes on to signatures at once.

    Holds up to 4 bytes per word, in a text of short documents up to 8 per byte. Linear time.
    """
    parts = [_hashes(text, characters(), widths()) for text in texts_of(texts)]
    ends = np.cumsum([0, *(int(part.offsets[-1]) for part in parts)])
    offsets = [part.offsets[1:] + end for part, end in zip(parts, ends[:-1], strict=True)]
    return Shingles(
        np.concatenate([np.zeros(1, np.int64), *offsets]),
        np.concatenate([np.zeros(0, np.uint32), *(part.hashes[: part.offsets[-1]] for part in parts)]),
        np.concatenate([np.zeros((0, 2), np.uint64), *(part.texts for part in parts)]),
    )


def as_binary(rows: UInt64s | UInt32s) -> pa.FixedSizeBinaryArray:
    """Rows of numbers as little-endian bytes, a binary value of fixed size for each row."""
    little = np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<"))
    width = rows.shape[1] * rows.itemsize
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), [None, pa.py_buffer(little)])


def text_hashes(texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray) -> pa.FixedSizeBinaryArray:
    """Hash of each text, white space apart, 16 bytes: equal for exact duplicates."""
    return as_binary(hashes(texts).texts)
