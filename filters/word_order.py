"""Word order: do neighbouring words of a text follow each other as those of its language do?

Shuffled sentences, word salad and lists of search terms have the words of good text, and so most of its signals. What
they lack is order. In any language the end of a word says something of the beginning and the end of the next one:
endings agree, articles and prepositions stand before nouns, capitals behind full stops. Per language, a table says how
much more often than by chance two neighbours have such ends (the logarithm of the ratio, from NTREX-128); what it says
of a text's neighbours, on average, is compared with what it says of words that stand further apart in the same text.

The signal is that difference in standard errors. A text whose words are in random order is near 0, and above 2 once in
forty times, whatever its language, length and subject; good text of 300 words is at 5 to 30. Where a text is too short
to tell, or its language has no table, there is none.

An *edge* of a word is its last character, its last two, or its first; where punctuation follows without a space, that
is part of the last ones. In scripts without spaces words are characters with their marks. Four pairs of edges are
looked up for each pair of words: last/last, last/first, last two/last two, last two/first; or first/first and
first/last in place of the last two, for languages that this suits better. There is no list of words.
Cost: twelve additions and look-ups a word, for the first `WINDOW` words: a tenth of the kernel's time.
"""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import CORE, FORMAT, MARK, SPACE, Characters, characters
from gristmill.filters.segmentation import (
    CHARS,
    WORDS,
    Document,
    Int32s,
    Int64s,
    Text,
    UInt64s,
    fit,
    new_document,
    segment,
    texts_of,
)

WINDOW = 512
"""Words that are looked at: the first ones. By then good text of any language is six standard errors from chance."""
SHIFTS = (7, 13)
"""Words that far apart are hardly connected, and stand for chance."""
CELL_BITS = 14
PAIRS = 4
CELLS = PAIRS << CELL_BITS
"""Cells of a language's table: each pair of edges has its own part."""
SCALE = 8
"""A cell is the logarithm of a ratio, times this."""
FURTHEST = 24
"""Cells go no further from 0: an e³-fold."""
TELLING = 5.0
"""Standard errors that good text of the language must be expected at, for a text of some length to be judged."""

_TO_LEFT = np.uint64(0x9E3779B97F4A7C15)
_TO_RIGHT = np.uint64(0xD6E8FEB86659FD93)
_SPREAD = np.uint64(0xC2B2AE3D27D4EB4F)
_HALF, _ONE, _TWO, _DOWN = np.uint64(32), np.uint64(21), np.uint64(42), np.uint64(64 - CELL_BITS)

Int8s = npt.NDArray[np.int8]
Doubles = npt.NDArray[np.float64]


class Orders(NamedTuple):
    """Tables of word order, one row for each language."""

    tables: Int8s
    """`CELLS` a row."""
    least: Int64s
    """Words from which on a text can be judged."""
    front: npt.NDArray[np.bool_]
    """Whether the beginnings of words are looked up in place of their last two characters."""


@jit
def _spread(edge: Any) -> Any:
    mixed = edge * _SPREAD
    return mixed ^ (mixed >> _HALF)


@jit
def _read_edges(document: Document, n: Any, front: Any, lefts: UInt64s, rights: UInt64s) -> None:
    """Hashes of the edges of the first n words: as the left one of two words, and as the right one."""
    chars, kinds = document.chars, document.kinds
    for w in range(n):
        start, end = document.word_starts[w], document.word_ends[w]
        last, first = np.uint64(chars[end - 1]), np.uint64(chars[start])
        if end < document.sizes[CHARS] and not kinds[end] & (SPACE | CORE | MARK | FORMAT):
            last |= np.uint64(chars[end]) << _ONE
        last_two = last
        if start + 1 < end:
            last_two |= np.uint64(chars[end - 2]) << _TWO
        last, last_two, first = _spread(last), _spread(last_two), _spread(first)
        at = PAIRS * w
        lefts[at] = last * _TO_LEFT
        lefts[at + 1] = lefts[at]
        lefts[at + 2] = (first if front else last_two) * _TO_LEFT
        lefts[at + 3] = lefts[at + 2]
        rights[at] = last * _TO_RIGHT
        rights[at + 1] = first * _TO_RIGHT
        rights[at + 2] = (first if front else last_two) * _TO_RIGHT
        rights[at + 3] = (last if front else first) * _TO_RIGHT


@jit
def _cell(lefts: UInt64s, rights: UInt64s, i: Any, j: Any, pair: Any) -> Any:
    """The cell of a pair of edges, for word j behind word i."""
    return ((lefts[PAIRS * i + pair] + rights[PAIRS * j + pair]) >> _DOWN) + (np.uint64(pair) << np.uint64(CELL_BITS))


@jit
def _found(lefts: UInt64s, rights: UInt64s, i: Any, j: Any, table: Int8s) -> Any:
    """What the table says of word j behind word i."""
    return (
        np.int64(table[_cell(lefts, rights, i, j, 0)])
        + table[_cell(lefts, rights, i, j, 1)]
        + table[_cell(lefts, rights, i, j, 2)]
        + table[_cell(lefts, rights, i, j, 3)]
    )


@jit
def _standard_errors(lefts: UInt64s, rights: UInt64s, table: Int8s) -> Any:
    """How far the mean over neighbours is from that over words `SHIFTS` apart. Sums are whole numbers: exact."""
    n = len(lefts) // PAIRS
    near, far, squares, n_far = 0, 0, 0, 0
    for w in range(n - 1):
        near += _found(lefts, rights, w, w + 1, table)
    for shift in SHIFTS:
        for w in range(n - shift):
            found = _found(lefts, rights, w, w + shift, table)
            far += found
            squares += found * found
        n_far += n - shift
    mean = far / n_far
    variance = max(squares / n_far - mean * mean, 1.0)
    return (near / (n - 1) - mean) / np.sqrt(variance * (1.0 / (n - 1) + 1.0 / n_far))


@jit
def word_order(document: Document, orders: Orders, language: Any) -> Any:
    """The signal for a segmented document; NaN where it cannot be told. `language` is a row of the tables, or -1."""
    n = min(document.sizes[WORDS], WINDOW)
    if language < 0 or n < orders.least[language]:
        return np.nan
    lefts, rights = np.empty(PAIRS * n, np.uint64), np.empty(PAIRS * n, np.uint64)
    _read_edges(document, n, orders.front[language], lefts, rights)
    return _standard_errors(lefts, rights, orders.tables[language])


class WordOrders:
    """Tables of word order by ISO 639-3 language, ready for the kernel."""

    def __init__(self, languages: Sequence[str], orders: Orders) -> None:
        self.orders = orders
        self._rows = {language: row for row, language in enumerate(languages)}

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that have a table."""
        return tuple(self._rows)

    def rows_of(self, languages: Sequence[str] | pa.Array | pa.ChunkedArray | None, n: int) -> Int32s:
        """Row of the table for each of n languages (zho_Hans or zho), -1 where there is none; None: for all."""
        if languages is None:
            return np.full(n, -1, np.int32)
        codes = languages.to_pylist() if isinstance(languages, pa.Array | pa.ChunkedArray) else languages
        return np.array([self._rows.get((code or "").partition("_")[0], -1) for code in codes], np.int32)

    def to_bytes(self) -> bytes:
        """The tables as an .npz file."""
        file = BytesIO()
        names = np.array(self.languages, dtype="S3")
        np.savez_compressed(file, languages=names, **self.orders._asdict())
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "WordOrders":
        """What `to_bytes` has written. Nothing is unpickled."""
        with np.load(BytesIO(data), allow_pickle=False) as read:
            orders = Orders(*(np.ascontiguousarray(read[name]) for name in Orders._fields))
            return cls([name.decode() for name in read["languages"]], orders)


@functools.cache
def load() -> WordOrders:
    """The shipped tables: `data/word_order.npz`, made from NTREX-128 by `benchmarks/limits.py`."""
    return WordOrders.from_bytes(resources.files(__package__).joinpath("data/word_order.npz").read_bytes())


class _Edges(NamedTuple):
    """Edges of a document's words, as the left one of two words and as the right one."""

    lefts: UInt64s
    rights: UInt64s

    def __len__(self) -> int:
        return len(self.lefts) // PAIRS


@jit
def _count(lefts: UInt64s, rights: UInt64s, order: Int64s, counts: Doubles, weight: float) -> None:
    """Add the cells of neighbours, the words taken in some order, to the counts."""
    for w in range(len(order) - 1):
        for pair in range(PAIRS):
            counts[_cell(lefts, rights, order[w], order[w + 1], pair)] += weight


@jit
def _edges_of(text: Text, known: Characters, front: Any, lefts: UInt64s, rights: UInt64s) -> Int64s:
    """Fill in the edges of a batch, and return where each document's are."""
    n_documents = len(text.offsets) - 1
    starts = np.zeros(n_documents + 1, np.int64)
    document = new_document(1 << 14)
    for d in range(n_documents):
        document = fit(document, text, d)
        segment(text, d, known, document)
        n = document.sizes[WORDS]
        starts[d + 1] = starts[d] + PAIRS * n
        _read_edges(document, n, front, lefts[starts[d] : starts[d + 1]], rights[starts[d] : starts[d + 1]])
    return starts


def train(texts: Mapping[str, Iterable[str]], *, seed: int = 0) -> WordOrders:
    """Tables from good text by language; some 20,000 words a language are enough.

    Chance is the same documents with their words shuffled, eight times over. A ratio is drawn towards 1 by 2.5
    occurrences on both sides, and a cell with fewer than three counts as unknown. From how many words on a text can be
    judged follows from halves of the documents, each judged by the table of the other half, and so does which edges
    are looked at.
    """
    rows = [_train_language(list(documents), seed) for documents in texts.values()]
    tables = np.stack([row.table for row in rows]) if rows else np.zeros((0, CELLS), np.int8)
    least = np.array([row.least for row in rows], np.int64)
    return WordOrders(list(texts), Orders(tables, least, np.array([row.front for row in rows], np.bool_)))


_SHUFFLES = 8
_DRAWN = 2.5
_KNOWN = 3


def _edges(documents: Sequence[str], *, front: bool) -> list[_Edges]:
    (text,) = texts_of(pa.array(documents, pa.large_string()))
    most = PAIRS * int(text.offsets[-1] + len(text.offsets)) // 2 + PAIRS
    lefts, rights = np.empty(most, np.uint64), np.empty(most, np.uint64)
    starts = _edges_of(text, characters(), front, lefts, rights)
    return [_Edges(lefts[a:b], rights[a:b]) for a, b in itertools.pairwise(starts.tolist())]


class _Row(NamedTuple):
    table: Int8s
    least: int
    front: bool


def _train_language(documents: Sequence[str], seed: int) -> _Row:
    tried = [_train_edges(_edges(documents, front=front), front, seed) for front in (False, True)]
    return min(tried, key=lambda row: row.least)


def _train_edges(documents: Sequence[_Edges], front: bool, seed: int) -> _Row:
    long = [each for each in documents if len(each) > max(SHIFTS)]
    halves = long[::2], long[1::2]
    per_word = [
        _standard_errors(each.lefts, each.rights, table) / np.sqrt(len(each))
        for table, judged in zip((_table(half, seed) for half in halves), halves[::-1], strict=True)
        for each in judged
    ]
    typical = float(np.median(per_word)) if per_word else 0.0
    least = int(np.ceil((TELLING / typical) ** 2)) if typical > 0 else np.iinfo(np.int64).max
    return _Row(_table(long, seed), max(least, 2 * max(SHIFTS)), front)


def _table(documents: Iterable[_Edges], seed: int) -> Int8s:
    random = np.random.default_rng(seed)
    found, chance = np.zeros(CELLS), np.zeros(CELLS)
    for edges in documents:
        _count(edges.lefts, edges.rights, np.arange(len(edges)), found, 1.0)
        for _ in range(_SHUFFLES):
            _count(edges.lefts, edges.rights, random.permutation(len(edges)), chance, 1.0 / _SHUFFLES)
    ratios = np.log((found + _DRAWN) / (chance + _DRAWN))
    ratios[found + chance < _KNOWN] = 0
    cells: Int8s = np.clip(np.rint(ratios * SCALE), -FURTHEST, FURTHEST).astype(np.int8)
    return cells
