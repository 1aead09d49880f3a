"""Lines and paragraphs of a text as hashes: what recurs over many documents is counted by them.

The hash of a line is that of its words (see `verbatim`) in their order; one without words has none. A paragraph has the
hash of its words too, wherever its lines break, so that a notice wrapped otherwise is the same: it is hashed where two
or more of its lines have words, and where it is not short. A line and a paragraph of the same words have the same hash.

The *weight* of a line is its number of characters, letters of scripts without spaces counting three times. What weighs
no more than `SHORT` is short, as in the signal `short_line_ratio`: 30 characters, or 10. Such lines recur by nature:
headings ("See also"), lines of code ("End Sub"), answers. They count only beside others that recur, as menus have them.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import UNSPACED, Characters
from gristmill.filters.segmentation import (
    FOLDED,
    LINES,
    SEED,
    Document,
    Int32s,
    Int64s,
    Text,
    UInt64s,
    find_lines,
    fit,
    mix,
    new_document,
    read_document,
    texts_of,
)
from gristmill.filters.verbatim import tables

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

SHORT = 30
"""Most weight of a short line, or of a short run of lines."""

NO_WORDS = np.uint64(0)
"""Hash of a line without words, and of a paragraph that is not compared."""


class Lines(NamedTuple):
    """The lines of a batch that are not blank: those of document d are at `offsets[d]:offsets[d + 1]` of the others."""

    offsets: Int64s
    starts: Int32s
    """First code point in the document."""
    ends: Int32s
    weights: Int32s
    hashes: UInt64s
    """Hash of the line's words; 0 if it has none."""
    paragraphs: UInt64s
    """Hash of the words of its paragraph; 0 where that is short or fewer than two of its lines have words."""


@jit
def _weight(kinds: Any, start: Any, end: Any) -> Any:
    unspaced = np.uint32(0)
    for i in range(np.uintp(start), np.uintp(end)):
        unspaced = np.uint32(unspaced + ((kinds[i] & UNSPACED) != 0))
    return np.int64(end) - np.int64(start) + 2 * np.int64(unspaced)


@jit
def _add_lines(document: Document, found: Lines, n: Any) -> Any:
    """Fill in the lines of a document from n on; return how many there are with them."""
    n_lines, n_words, kinds = document.sizes[LINES], document.sizes[FOLDED], document.kinds
    word = 0
    line = 0
    while line < n_lines:
        first, worded, weight = n, 0, 0
        of_paragraph = SEED
        while line < n_lines and (n == first or not document.line_opens[line]):
            state = SEED
            any_word = False
            while word < n_words and document.word_starts[document.traced[word]] < document.line_ends[line]:
                state = mix(state, document.folded[word])
                of_paragraph = mix(of_paragraph, document.folded[word])
                any_word = True
                word += 1
            found.starts[n] = document.line_starts[line]
            found.ends[n] = document.line_ends[line]
            found.weights[n] = _weight(kinds, document.line_starts[line], document.line_ends[line])
            found.hashes[n] = state if any_word else NO_WORDS
            weight += found.weights[n]
            worded += 1 if any_word else 0
            n += 1
            line += 1
        found.paragraphs[first:n] = of_paragraph if worded > 1 and weight > SHORT else NO_WORDS
    return n


@jit
def _lines(text: Text, known: Characters) -> Lines:
    n_documents = len(text.offsets) - 1
    capacity = (text.offsets[n_documents] - text.offsets[0] + n_documents) // 2 + 1
    found = Lines(
        np.zeros(n_documents + 1, np.int64),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.uint64),
        np.empty(capacity, np.uint64),
    )
    document = new_document(1 << 14)
    n = 0
    for d in range(n_documents):
        document = fit(document, text, d)
        read_document(text, d, known, document)
        find_lines(document)
        n = _add_lines(document, found, n)
        found.offsets[d + 1] = n
    return found


def lines(texts: pa.StringArray | pa.LargeStringArray) -> Lines:
    """The lines of each text; a null is an empty text.

    Linear time. Holds 28 bytes for each line, and the scratch space of the largest text.
    """
    (text,) = texts_of(texts)
    found = _lines(text, tables())
    n = int(found.offsets[-1])
    places = found.starts[:n], found.ends[:n], found.weights[:n]
    return Lines(found.offsets, *places, found.hashes[:n], found.paragraphs[:n])


class Runs(NamedTuple):
    """Runs of repeated lines of a batch: those of document d are at `offsets[d]:offsets[d + 1]` of the others."""

    offsets: Int64s
    starts: Int32s
    """First code point in the document."""
    ends: Int32s
    lines: Int64s
    """Lines with words."""
    documents: Int64s
    """What is known of its lines: the least."""
    shares: Float64s


def runs(found: Lines, repeated: Bools, *, documents: Int64s, shares: Float64s) -> Runs:
    """Repeated lines that follow each other, if they are not short together.

    Blank lines and lines without words make no gap, so that a menu is one run whatever stands between its items.

    Args:
        repeated: whether each line of the batch is; one without words never is.
        documents, shares: how many documents have it, and which share of them.
    """
    n_documents = len(found.offsets) - 1
    of_line = np.repeat(np.arange(n_documents), np.diff(found.offsets))
    worded = np.flatnonzero(found.hashes != NO_WORDS)
    is_open, of_worded = repeated[worded], of_line[worded]
    begins = np.ones(len(worded), np.bool_)
    begins[1:] = (is_open[1:] != is_open[:-1]) | (of_worded[1:] != of_worded[:-1])
    firsts = np.flatnonzero(begins)
    lasts = np.append(firsts[1:], len(worded))[: len(firsts)] - 1
    weights = np.add.reduceat(found.weights[worded].astype(np.int64), firsts)
    chosen = np.flatnonzero(is_open[firsts] & (weights > SHORT))
    first, last = worded[firsts[chosen]], worded[lasts[chosen]]
    return Runs(
        np.searchsorted(of_line[first], np.arange(n_documents + 1)),
        found.starts[first],
        found.ends[last],
        lasts[chosen] - firsts[chosen] + 1,
        np.minimum.reduceat(documents[worded], firsts)[chosen],
        np.minimum.reduceat(shares[worded], firsts)[chosen],
    )
