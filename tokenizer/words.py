"""The distinct words of a text and how often each occurs: all that training by merges looks at.

A word is what no merge reaches beyond. SentencePiece cuts text before each run of spaces, and where a character or
symbol gets no token. Here it is cut wherever two characters meet that no piece may have side by side: also before and
behind digits, and where one script ends and another begins, as that of letters does at a comma. The pairs in it are the
same, and so are the pieces, but words are shorter. Words of one character have no pair: they are counted as
characters, and are not among the words.

Characters are *letters* here: dense numbers from 1 in the order of code points; 0 is one without a token.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from gristmill._jit import jit
from gristmill.tokenizer.code_points import CODE_POINTS, SPACE_SYMBOL, code_points
from gristmill.tokenizer.scripts import ALONE, ANY, joining_scripts

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]

_SPACE = ord(" ")
_BATCH = 1 << 18
"""Characters that the kernel is given at once, about."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_32, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_0, _1 = np.uint64(0), np.uint64(1)
_START, _COUNT = 0, 1
_LETTERS, _WORDS = 0, 1
"""Columns of `_Table.words`, and places in `_Table.used`."""


@dataclass(frozen=True, kw_only=True)
class Alphabet:
    """The characters that get a token.

    Attributes:
        points: code point of each letter, ascending; the first is letter 1. A space is U+2581.
        letters: letter of each code point of a text, or 0.
        scripts: of each letter: its script, `scripts.ANY` or `scripts.ALONE`; the first is of no letter.
        space: the letter of a space; 0 if it has none.
    """

    points: Int64s
    letters: Int32s
    scripts: npt.NDArray[np.int16]
    space: int

    @classmethod
    def of(cls, covered: Int64s) -> Self:
        """The alphabet of some code points of a text, none of which is U+2581."""
        points = np.sort(np.where(covered == _SPACE, SPACE_SYMBOL, covered))
        letters = np.zeros(CODE_POINTS, np.int32)
        letters[points] = np.arange(1, len(points) + 1)
        letters[_SPACE], letters[SPACE_SYMBOL] = letters[SPACE_SYMBOL], 0
        scripts = np.concatenate([[ANY], joining_scripts()[points]]).astype(np.int16)
        return cls(points=points, letters=letters, scripts=scripts, space=int(letters[_SPACE]))


@dataclass(frozen=True, kw_only=True)
class Words:
    """Distinct words.

    Attributes:
        letters: of all words: a 0, the letters of a word, a 0, those of the next, and so on, and a 0.
        starts: where each word begins.
        counts: how often each word occurs.
        occurrences: how often each letter does, in words or alone; the first is of no letter.
    """

    letters: Int32s
    starts: Int64s
    counts: Int64s
    occurrences: Int64s


def distinct_words(pieces: Iterable[str], *, alphabet: Alphabet, symbols: Sequence[str]) -> Words:
    """Words of pieces of text, in the order in which each is first seen.

    Args:
        symbols: texts that are no part of any word; none may begin with another. Those with a character without a token
            are cut there, like all text.

    Time: 0.5 s for 35 MB. Memory: 4 bytes for each letter of the distinct words and 32 for each of these, up to three
    times as much while an array grows, and some MB for a batch; the text is not copied as a whole.
    """
    rules = _rules(alphabet, symbols)
    occurrences = np.zeros(len(alphabet.points) + 1, np.int64)
    table = _Table(np.zeros(1, np.int32), np.zeros((0, 2), np.int64), np.zeros(2, np.uint64), np.array([1, 0]))
    for text in _batches(pieces):
        points = code_points(text)
        table = _with_room(table, len(points))
        _collect(points, rules, occurrences, table)
    n_letters, n_words = table.used.tolist()
    starts, counts = table.words[:n_words].T
    return Words(
        letters=table.letters[:n_letters].copy(), starts=starts.copy(), counts=counts.copy(), occurrences=occurrences
    )


def _batches(pieces: Iterable[str]) -> Iterator[str]:
    """Pieces put together, with a line break, which is in no word, between them."""
    batch, size = [], 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece) + 1
        if size >= _BATCH:
            yield "\n".join(batch)
            batch, size = [], 0
    yield "\n".join(batch)


class _Rules(NamedTuple):
    letters: Int32s
    scripts: npt.NDArray[np.int16]
    space: int
    opens: npt.NDArray[np.bool_]
    """Whether a symbol begins with a letter."""
    patterns: Int32s
    """Letters of each symbol, and zeros."""


def _rules(alphabet: Alphabet, symbols: Sequence[str]) -> _Rules:
    points = map(code_points, symbols)
    spelt = [each for each in map(alphabet.letters.__getitem__, points) if each.all()]
    patterns = np.zeros((len(spelt), max(map(len, spelt), default=0) + 1), np.int32)
    for row, letters in zip(patterns, spelt, strict=True):
        row[: len(letters)] = letters
    opens = np.zeros(len(alphabet.scripts), np.bool_)
    opens[patterns[:, 0]] = True
    return _Rules(alphabet.letters, alphabet.scripts, alphabet.space, opens, patterns)


class _Table(NamedTuple):
    letters: Int32s
    words: Int64s
    """Where each begins and how often it occurs."""
    slots: npt.NDArray[np.uint64]
    """Hash table with linear probing: the hash << 32 | 1 + the word's number; or 0."""
    used: Int64s
    """How many letters and words there are."""


def _with_room(table: _Table, n: int) -> _Table:
    """The table, larger if need be, so that n more characters go into it."""
    n_letters, n_words = table.used.tolist()
    n_letters, n_words = n_letters + 2 * n + 1, n_words + n // 2 + 1  # a word has two letters or more, and a 0
    slots = table.slots
    if 2 * n_words > len(slots):
        slots = np.zeros(1 << (2 * n_words).bit_length(), np.uint64)
        _move(table.slots, slots)
    return table._replace(letters=_grown(table.letters, n_letters), words=_grown(table.words, n_words), slots=slots)


def _grown(array: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    if n <= len(array):
        return array
    larger = np.zeros((max(n, 2 * len(array)), *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


@jit
def _move(old: Any, new: Any) -> None:
    mask = np.uint64(len(new) - 1)
    for entry in old:
        if entry != _0:
            slot = (entry >> _32) & mask
            while new[slot] != _0:
                slot = (slot + _1) & mask
            new[slot] = entry


@jit
def _collect(points: Any, rules: _Rules, occurrences: Any, table: _Table) -> None:
    """Add the words of a text to the table, and its letters to their occurrences."""
    letter_of, scripts, space, opens = rules.letters, rules.scripts, rules.space, rules.opens
    letters, used = table.letters, table.used
    begin = used[_LETTERS]
    place, at, before, hashed = begin, np.int64(0), np.int32(0), _0
    while at < len(points):
        letter, width = letter_of[points[at]], 1
        if opens[letter]:
            skipped = _symbol_at(points, at, letter_of, rules.patterns)
            if skipped:
                letter, width = np.int32(0), skipped
        if _parts(before, letter, scripts, space):
            if place - begin > 1:
                _add((begin, place, hashed & _LOW), letters, table.words, table.slots, used)
                begin = used[_LETTERS]
            place, hashed = begin, _0
        if letter:
            occurrences[letter] += 1
            letters[place] = letter
            place += 1
            hashed = (hashed ^ np.uint64(letter)) * _FACTOR
            hashed ^= hashed >> _32
        before = letter
        at += width
    if place - begin > 1:
        _add((begin, place, hashed & _LOW), letters, table.words, table.slots, used)


@jit
def _parts(before: Any, letter: Any, scripts: Any, space: Any) -> Any:
    """Whether a word ends between two letters, either of which may be 0."""
    if not letter or letter == space:
        return before != letter
    first, second = scripts[before], scripts[letter]
    least = min(first, second)
    return least == ALONE or (first != second and least != ANY)


@jit
def _symbol_at(points: Any, at: Any, letter_of: Any, patterns: Any) -> Any:
    """Characters of the symbol that begins here; or 0."""
    for row in range(len(patterns)):
        n = 0
        while patterns[row, n] and at + n < len(points) and letter_of[points[at + n]] == patterns[row, n]:
            n += 1
        if patterns[row, n] == 0:
            return n
    return 0


@jit
def _add(word: Any, letters: Any, words: Any, slots: Any, used: Any) -> None:
    """Count a word, given as (begin, end, hash). Its letters are behind all others, where they stay if it is new."""
    begin, end, hashed = word
    mask = np.uint64(len(slots) - 1)
    slot = hashed & mask
    while slots[slot] != _0:
        if slots[slot] >> _32 == hashed:
            number = np.int64(slots[slot] & _LOW) - 1
            first, same = words[number, _START], 0
            while same < end - begin and letters[first + same] == letters[begin + same]:
                same += 1
            if same == end - begin and letters[first + same] == 0:
                words[number, _COUNT] += 1
                return
        slot = (slot + _1) & mask
    number = used[_WORDS]
    slots[slot] = hashed << _32 | np.uint64(number + 1)
    words[number, _START], words[number, _COUNT] = begin, 1
    letters[end] = 0
    used[_LETTERS], used[_WORDS] = end + 1, number + 1
