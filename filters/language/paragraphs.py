"""Samples of a document's paragraphs: what language identification looks at.

A document is cut into *units*, each a paragraph as far as lines tell: a line, with those that follow as long as it is
shorter than `MIN_BYTES`; a line of more than `MAX_BYTES` is several. Of a document with many units, a few are drawn,
evenly over the text but, since languages may take turns, not at equal distances. Each unit stands for the stretch of
text around it. Of a unit, the first bytes are taken, so many that all samples together do not exceed a bound.
"""

from typing import Any, NamedTuple

import numpy as np

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import SEED, Int64s, Text, UInt8s, mix

MIN_BYTES = 64
"""Shorter lines tell too little by themselves."""
MAX_BYTES = 1024
_NEAR_END = 24
"""Bytes that a sample may lose so as to end with a word."""


class Bounds(NamedTuple):
    """How much of a document is looked at."""

    units: int
    bytes: int


class Units(NamedTuple):
    """Samples of units, those of document d at `firsts[d]:firsts[d + 1]`."""

    text: Text
    """UTF-8 of the samples."""
    firsts: Int64s
    chars: Int64s
    """Characters of the stretch that a unit stands for; together, those of the document."""


@jit
def cut(text: Text, most: Bounds) -> Units:
    """The samples of each document, one at least, which may be empty. Linear in the bytes of the text."""
    n = len(text.offsets) - 1
    firsts = np.zeros(n + 1, np.int64)
    offsets = np.zeros(n * most.units + 1, np.int64)
    chars = np.zeros(n * most.units, np.int64)
    n_bytes = 0
    for d in range(n):
        n_bytes += min(text.offsets[d + 1] - text.offsets[d], most.bytes)
    data = np.empty(n_bytes, np.uint8)
    bounds = np.empty(1 << 10, np.int64)
    counts = np.empty(1 << 10, np.int64)
    n_units, filled = 0, 0
    for d in range(n):
        start, end = text.offsets[d], text.offsets[d + 1]
        if len(bounds) < (end - start) // MIN_BYTES + 3:
            bounds = np.empty((end - start) // MIN_BYTES * 3 // 2 + 3, np.int64)
            counts = np.empty(len(bounds), np.int64)
        n_found = _find_units(text.data, start, end, bounds, counts)
        n_drawn = min(n_found, most.units)
        at_most = max(most.bytes // n_drawn, 1)
        for k in range(n_drawn):
            first, behind = k * n_found // n_drawn, (k + 1) * n_found // n_drawn
            drawn = first + np.int64(mix(SEED, np.uint64(k)) % np.uint64(behind - first))
            for unit in range(first, behind):
                chars[n_units] += counts[unit]
            stop = _sample_end(text.data, bounds[drawn], bounds[drawn + 1], at_most)
            for i in range(bounds[drawn], stop):
                data[filled] = text.data[i]
                filled += 1
            n_units += 1
            offsets[n_units] = filled
        firsts[d + 1] = n_units
    return Units(Text(data[:filled], offsets[: n_units + 1]), firsts, chars[:n_units])


@jit
def _find_units(data: UInt8s, start: Any, end: Any, bounds: Int64s, counts: Int64s) -> Any:
    """Fill in where units begin, where the last one ends, and their characters; return their number, at least one."""
    n = 0
    bounds[0] = start
    chars = 0
    for i in range(start, end):
        byte = data[i]
        chars += byte & 0xC0 != 0x80
        size = i + 1 - bounds[n]
        if (byte == 0x0A and size >= MIN_BYTES) or (size >= MAX_BYTES and (byte == 0x20 or size >= MAX_BYTES + 64)):
            if i + 1 < end and data[i + 1] & 0xC0 == 0x80:
                continue
            counts[n] = chars
            chars = 0
            n += 1
            bounds[n] = i + 1
    if n > 0 and end - bounds[n] < MIN_BYTES:
        counts[n - 1] += chars
        bounds[n] = end
        return n
    counts[n] = chars
    bounds[n + 1] = end
    return n + 1


@jit
def _sample_end(data: UInt8s, start: Any, end: Any, at_most: Any) -> Any:
    """Where a sample of at most so many bytes ends: behind a word if one ends near there, else between characters."""
    if end - start <= at_most:
        return end
    stop = start + at_most
    for i in range(stop, max(start, stop - _NEAR_END), -1):
        if data[i] == 0x20 or data[i] == 0x0A:
            return i
    while stop > start and data[stop] & 0xC0 == 0x80:
        stop -= 1
    return stop
