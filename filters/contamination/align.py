"""Whether a passage stands at a place in a document: local alignment in a band around the place that a seed gave.

The alignment keeps the order of words and maximises 4 for each word of the passage that is found less 1 for each word
of the document that is passed over between two of them (Smith and Waterman 1981, with a gap free on the passage's
side). So a changed, missing or added word costs little, and a stray "the" ten words before the passage is not part of
it. Its *share* is the found words' share of the passage's.
"""

from typing import Any, NamedTuple

import numpy as np

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import Int64s, UInt8s, UInt32s

MAX_BAND = 64
"""Words by which the document may be ahead of the passage or behind, at most, on either side of the seed."""

_GAIN = 4


class Scratch(NamedTuple):
    """One row of the alignment: a cell for each diagonal of the band and one on either side."""

    scores: Int64s
    words: Int64s
    telling: Int64s
    starts: Int64s


class Alignment(NamedTuple):
    """Where a passage stands."""

    words: Any
    """Words of the passage that are found."""
    telling: Any
    """Those of them that tell something."""
    start: Any
    """First token of the document that is one of them."""
    end: Any
    """One after the last."""


@jit
def new_scratch() -> Scratch:
    """Room for the widest band."""
    size = 2 * MAX_BAND + 3
    return Scratch(
        np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    )


@jit
def band_of(n: Any, needed: Any) -> Any:
    """Half the width of the band for a passage of n words of which `needed` must be found."""
    return min(n - needed + 2, MAX_BAND) if needed < n else 0


class Item(NamedTuple):
    """A passage to look for: tokens `first` up to `last`."""

    tokens: UInt32s
    telling: UInt8s
    """Above 0 where a token is a word that tells something."""
    first: Any
    last: Any
    needed: Any
    """Words that must be found."""


class Window(NamedTuple):
    """Tokens `low` up to `high` of a document."""

    tokens: UInt32s
    low: Any
    high: Any


@jit
def may_match(item: Item, window: Window, diagonal: Any) -> Any:
    """Whether enough words of a passage stand in the band at all: a bound from above on what `align` finds.

    `diagonal` is the token of the document where the passage would begin, and may lie outside of the window. Costs at
    most words of the passage times the band's width; unlike texts are told apart after some words.
    """
    document, low, high = window.tokens, window.low, window.high
    band = band_of(item.last - item.first, item.needed)
    left = item.last - item.first - item.needed
    for j in range(item.first, item.last):
        token = item.tokens[j]
        centre = diagonal + j - item.first
        if low <= centre < high and document[centre] == token:
            continue
        found = False
        for q in range(max(low, centre - band), min(high, centre + band + 1)):
            if document[q] == token:
                found = True
                break
        if not found:
            left -= 1
            if left < 0:
                return False
    return True


@jit
def align(item: Item, window: Window, diagonal: Any, row: Scratch) -> Alignment:
    """The best alignment of a passage around a diagonal. Costs words of the passage times the band's width."""
    document, low, high = window.tokens, window.low, window.high
    n = item.last - item.first
    band = band_of(n, item.needed)
    width = 2 * band + 1
    for k in range(width + 2):
        row.scores[k] = row.words[k] = row.telling[k] = row.starts[k] = 0
    best = 0
    found = Alignment(0, 0, 0, 0)
    for j in range(n):
        token = item.tokens[item.first + j]
        tells = 1 if item.telling[item.first + j] else 0
        # Cell k is the diagonal k - 1 - band. Before it is written, it and the one after it hold the row before.
        first = diagonal + j - band - 1
        row.scores[0] = 0
        row.scores[width + 1] = 0
        for k in range(1, width + 1):
            q = first + k
            source, score = k + 1, row.scores[k + 1]
            if row.scores[k - 1] - 1 > score:
                source, score = k - 1, row.scores[k - 1] - 1
            words, telling, start = row.words[source], row.telling[source], row.starts[source]
            if low <= q < high and document[q] == token and row.scores[k] + _GAIN > score:
                score = row.scores[k] + _GAIN
                words, telling, start = 1, tells, q
                if row.scores[k] > 0:
                    words, telling, start = row.words[k] + 1, row.telling[k] + tells, row.starts[k]
            row.scores[k], row.words[k], row.telling[k], row.starts[k] = score, words, telling, start
            if score > best:
                best = score
                found = Alignment(words, telling, start, q + 1)
    return found
