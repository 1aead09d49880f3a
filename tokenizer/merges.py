"""Byte-pair encoding: which pieces to learn from words, as SentencePiece's trainer chooses them.

Each word begins as its letters. The pair of neighbours that is most frequent becomes a piece, wherever it stands, and
so on until the vocabulary is full. Of equally frequent pairs, that with fewer characters comes first, then that with
the smaller code points. A pair is as frequent as its two symbols are neighbours, also where two such pairs share a
symbol ("aaa" has "aa" twice); the first of these is merged. A pair that spells a piece that there is already is passed
over. Pairs that no longer occur come last, and fill a vocabulary that has room for them.

SentencePiece 0.2.3 chooses in the same way. 0.2.1 still looked only among the pairs that were the most frequent
twentieth some pieces ago, which is another choice where most pairs are equally rare.

**How.** Two symbols become neighbours when the younger of them is made, or at the start, and after that can only cease
to be. So the places of a pair are written down once, side by side, and its count only falls: the most frequent pair is
at the top of a heap whose counts are brought up to date when they get there. To keep the heap small, pairs below a
threshold wait outside; it is halved whenever the heap is empty.
"""

from typing import Any, NamedTuple

import numpy as np

from gristmill._jit import jit
from gristmill.tokenizer.scripts import ANY
from gristmill.tokenizer.words import Alphabet, Int32s, Int64s, Words

LONGEST_PIECE = 16
"""Characters: SentencePiece's default."""

_NONE, _TAKEN = -1, -1
_NO, _BEFORE_OTHERS, _ONE, _MANY = 0, 1, 2, 3
"""What a symbol has of spaces: none; it begins with one; it is one; it is more."""

_SYMBOL, _PAIR, _WEIGHT, _PLACE_FIELDS = 0, 1, 1, 4
_LENGTH, _SCRIPT, _SPACES, _BEFORE, _BEHIND, _LETTERS = 0, 1, 2, 3, 4, 5
_BOTH, _COUNT, _FIRST, _END, _PAIR_FIELDS = 0, 1, 2, 3, 4
_KEY, _WHICH, _HEAP_FIELDS = 0, 1, 2
_PAIRS, _PLACES, _WAITING, _COUNTERS = 0, 1, 2, 3
"""Columns of the arrays of `_Work`; the weight's is one of 64 bits."""

_MOST_LETTERS = (1 << 31) // 3
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.int64(0xFFFFFFFF)


def learn(words: Words, *, alphabet: Alphabet, most: int) -> list[str]:
    """Pieces of two characters or more, in the order in which they are learnt; at most so many.

    Time: 0.8 s for 30k pieces from 5.6 million letters of distinct words. Memory: 45 bytes for each of these.

    Raises:
        ValueError: they are more than 715 million.
    """
    if len(words.letters) > _MOST_LETTERS:
        raise ValueError(f"{len(words.letters):,} letters of distinct words are too many to learn from")
    first = len(alphabet.points) + 1
    work = _begun(words, alphabet, most)
    learnt = work.symbols[first : first + _learn(work, first, most)]
    points = np.append(0, alphabet.points)[learnt[:, _LETTERS:]].astype("<u4")
    text, ends = points.tobytes().decode("utf-32-le"), learnt[:, _LENGTH].tolist()
    return [text[at * LONGEST_PIECE : at * LONGEST_PIECE + end] for at, end in enumerate(ends)]


class _Work(NamedTuple):
    """What the kernel works on. A place is a number of a letter of `Words.letters`; a symbol is a letter, or a piece.

    Memory that is not touched is not used, so arrays are as long as they can get: a merge makes two pairs at most.
    """

    text: Int32s
    """Of each place: the symbol that begins or ends there (others are of the past), the pair that begins there, or
    _NONE, and, in 64 bits, how often the word occurs."""
    weights: Int64s
    """The same memory."""
    symbols: Int32s
    """Of each symbol: characters, script, what it has of spaces; the pair of it and the newest symbol, that of the
    newest and it, or older ones; its letters, and zeros."""
    pairs: Int64s
    """Of each pair: left << 32 | right, count or _TAKEN, and where its places begin and end in `places`."""
    places: Int32s
    heap: Int64s
    """Waiting pairs: count << 5 | by how much shorter they are than the longest piece, and their numbers."""
    spelt: Int32s
    """Hash table of the pieces by their letters; 0 where there is none."""
    used: Int64s
    """How many pairs, places and waiting pairs there are."""


def _begun(words: Words, alphabet: Alphabet, most: int) -> _Work:
    n, n_letters = len(words.letters), len(alphabet.points) + 1
    symbols = np.zeros((n_letters + most + 1, _LETTERS + LONGEST_PIECE), np.int32)
    symbols[1:n_letters, _LENGTH] = 1
    symbols[:n_letters, _SCRIPT] = alphabet.scripts
    symbols[alphabet.space, _SPACES] = _ONE  # or the first, which is no letter
    symbols[:, [_BEFORE, _BEHIND]] = _NONE
    symbols[:n_letters, _LETTERS] = np.arange(n_letters)
    text = np.zeros((n, _PLACE_FIELDS), np.int32)
    work = _Work(
        text=text,
        weights=text.view(np.int64),
        symbols=symbols,
        pairs=np.empty((3 * n, _PAIR_FIELDS), np.int64),
        places=np.empty(3 * n, np.int32),
        heap=np.empty((3 * n, _HEAP_FIELDS), np.int64),
        spelt=np.zeros(1 << (2 * most + 2).bit_length(), np.int32),
        used=np.zeros(_COUNTERS, np.int64),
    )
    _lay_down(words.letters, words.starts, words.counts, work)
    ordered = np.empty(n, np.int32)
    _begin(ordered[: _sort(text, np.zeros(n_letters + 1, np.int64), ordered)], work)
    return work


@jit
def _lay_down(letters: Any, starts: Any, counts: Any, work: _Work) -> None:
    text, weights = work.text, work.weights
    for word in range(len(counts)):
        place = starts[word]
        while letters[place]:
            text[place, _SYMBOL], text[place, _PAIR] = letters[place], _NONE
            weights[place, _WEIGHT] = counts[word]
            place += 1


@jit
def _sort(text: Any, ends: Any, ordered: Any) -> Any:
    """Write the places where a pair begins in the order of their letters; returns how many.

    Args:
        ends: zeros, one more than there are letters.
    """
    for place in range(1, len(text) - 1):
        if text[place, _SYMBOL] and text[place + 1, _SYMBOL]:
            ends[text[place, _SYMBOL] + 1] += 1
    for letter in range(len(ends) - 1):
        ends[letter + 1] += ends[letter]
    for place in range(1, len(text) - 1):
        letter = text[place, _SYMBOL]
        if letter and text[place + 1, _SYMBOL]:
            ordered[ends[letter]] = place
            ends[letter] += 1
    return ends[-1]


@jit
def _begin(ordered: Any, work: _Work) -> None:
    """Make the pairs of neighbouring letters.

    Those of a first letter come together, so that a column of `symbols` tells which there are.
    """
    text, weights, symbols = work.text, work.weights, work.symbols
    pairs, places, used = work.pairs, work.places, work.used
    oldest, last = used[_PAIRS], np.int64(0)
    for place in ordered:
        left, right = np.int64(text[place, _SYMBOL]), np.int64(text[place + 1, _SYMBOL])
        if left != last:
            oldest, last = used[_PAIRS], left
        pair = np.int64(symbols[right, _BEHIND])
        if pair < oldest:
            pair = _made(left, right, symbols, pairs, used)
            if pair < 0:
                continue
            symbols[right, _BEHIND] = pair
        text[place, _PAIR] = pair
        pairs[pair, _COUNT] += weights[place, _WEIGHT]
        pairs[pair, _END] += 1
    _lay_out(np.int64(0), pairs, used)
    for place in ordered:
        pair = np.int64(text[place, _PAIR])
        if pair >= 0:
            places[pairs[pair, _END]] = place
            pairs[pair, _END] += 1


@jit
def _made(left: Any, right: Any, symbols: Any, pairs: Any, used: Any) -> Any:
    """A new pair of two symbols; or _NONE, if SentencePiece would not have such a piece."""
    if symbols[left, _LENGTH] + symbols[right, _LENGTH] > LONGEST_PIECE:
        return np.int64(_NONE)
    first, second = symbols[left, _SPACES], symbols[right, _SPACES]
    if first == _MANY if second == _NO else min(first, second) < _ONE:
        return np.int64(_NONE)
    first, second = symbols[left, _SCRIPT], symbols[right, _SCRIPT]
    if first != second and min(first, second) != ANY:
        return np.int64(_NONE)
    pair = used[_PAIRS]
    used[_PAIRS] += 1
    pairs[pair, _BOTH] = np.int64(left) << 32 | np.int64(right)
    pairs[pair, _COUNT] = pairs[pair, _FIRST] = pairs[pair, _END] = 0
    return pair


@jit
def _lay_out(oldest: Any, pairs: Any, used: Any) -> None:
    """Give each pair since the oldest as much of `places` as its end says, and make its end the beginning."""
    for pair in range(oldest, used[_PAIRS]):
        n = pairs[pair, _END]
        pairs[pair, _FIRST] = pairs[pair, _END] = used[_PLACES]
        used[_PLACES] += n


@jit
def _learn(work: _Work, first: Any, most: Any) -> Any:
    """Learn pieces; returns how many. `first` is the symbol that the first of them becomes."""
    symbols, pairs, heap, used = work.symbols, work.pairs, work.heap, work.used
    threshold, newest = np.int64(0), first
    for pair in range(used[_PAIRS]):
        threshold = max(threshold, pairs[pair, _COUNT])
    while newest < first + most and (threshold or used[_WAITING]):
        if used[_WAITING] == 0:
            threshold >>= 1
            _admit(np.int64(0), threshold, work)
            continue
        count, pair = heap[0, _KEY] >> 5, heap[0, _WHICH]
        _take_away(symbols, pairs, heap, used)
        if pairs[pair, _COUNT] < count:
            if pairs[pair, _COUNT] >= threshold:
                _add(pair, symbols, pairs, heap, used)
            continue
        pairs[pair, _COUNT] = _TAKEN
        _spell(pairs[pair, _BOTH], newest, symbols)
        if _is_new(newest, symbols, work.spelt):
            oldest = used[_PAIRS]
            _merge(pair, newest, work)
            _admit(oldest, threshold, work)
            newest += 1
    return newest - first


@jit
def _admit(oldest: Any, threshold: Any, work: _Work) -> None:
    """Put the pairs since the oldest on the heap that are not below the threshold; none may be there already."""
    symbols, pairs, heap, used = work.symbols, work.pairs, work.heap, work.used
    for pair in range(oldest, used[_PAIRS]):
        if pairs[pair, _COUNT] >= threshold:
            _add(pair, symbols, pairs, heap, used)


@jit
def _spell(both: Any, symbol: Any, symbols: Any) -> None:
    """Make a symbol of two."""
    left, right = both >> 32, both & _LOW
    n, m = symbols[left, _LENGTH], symbols[right, _LENGTH]
    for at in range(n):
        symbols[symbol, _LETTERS + at] = symbols[left, _LETTERS + at]
    for at in range(LONGEST_PIECE - n):
        symbols[symbol, _LETTERS + n + at] = symbols[right, _LETTERS + at]
    symbols[symbol, _LENGTH] = n + m
    symbols[symbol, _SCRIPT] = max(symbols[left, _SCRIPT], symbols[right, _SCRIPT])
    symbols[symbol, _SPACES] = _NO
    if symbols[left, _SPACES]:
        symbols[symbol, _SPACES] = _MANY if symbols[right, _SPACES] else _BEFORE_OTHERS


@jit
def _is_new(symbol: Any, symbols: Any, spelt: Any) -> Any:
    """Whether no piece is spelt like a symbol; then it is known from now on."""
    mask, hashed = np.uint64(len(spelt) - 1), np.uint64(0)
    for at in range(_LETTERS, _LETTERS + symbols[symbol, _LENGTH]):
        hashed = (hashed ^ np.uint64(symbols[symbol, at])) * _FACTOR
        hashed ^= hashed >> np.uint64(32)
    slot = hashed & mask
    while spelt[slot]:
        same = 0
        while same < LONGEST_PIECE and symbols[spelt[slot], _LETTERS + same] == symbols[symbol, _LETTERS + same]:
            same += 1
        if same == LONGEST_PIECE:
            return False
        slot = (slot + np.uint64(1)) & mask
    spelt[slot] = symbol
    return True


@jit
def _merge(merged: Any, symbol: Any, work: _Work) -> None:
    """Put a symbol in the place of a pair."""
    text, weights, symbols = work.text, work.weights, work.symbols
    pairs, places, used = work.pairs, work.places, work.used
    first, end, oldest = pairs[merged, _FIRST], pairs[merged, _END], used[_PAIRS]
    n_left, length = symbols[pairs[merged, _BOTH] >> 32, _LENGTH], symbols[symbol, _LENGTH]
    kept = first
    for at in range(first, end):
        place = np.int64(places[at])
        if text[place, _PAIR] != merged:
            continue  # others have been merged there
        places[kept] = place
        kept += 1
        weight, behind = weights[place, _WEIGHT], place + length
        ceased = text[place + n_left, _PAIR]
        if ceased >= 0:
            pairs[ceased, _COUNT] -= weight
        text[place, _SYMBOL] = text[behind - 1, _SYMBOL] = symbol
        text[place + n_left, _PAIR] = text[place, _PAIR] = _NONE
        left, right = np.int64(text[place - 1, _SYMBOL]), np.int64(text[behind, _SYMBOL])
        # Both sides are written out: Numba would count the references of each array handed to a function.
        if left:
            before = place - symbols[left, _LENGTH]
            ceased = text[before, _PAIR]
            if ceased >= 0:
                pairs[ceased, _COUNT] -= weight
            pair = np.int64(symbols[left, _BEFORE])
            if pair < oldest:
                pair = _made(left, symbol, symbols, pairs, used)
                symbols[left, _BEFORE] = pair
            text[before, _PAIR] = pair
            if pair >= 0:
                pairs[pair, _COUNT] += weight
        if right:
            pair = np.int64(symbols[right, _BEHIND])
            if pair < oldest:
                pair = _made(symbol, right, symbols, pairs, used)
                symbols[right, _BEHIND] = pair
            text[place, _PAIR] = pair
            if pair >= 0:
                pairs[pair, _COUNT] += weight
    _write_down(first, kept, oldest, work)


@jit
def _write_down(first: Any, end: Any, oldest: Any, work: _Work) -> None:
    """Write down the places of the pairs since the oldest, all of which are at those of the symbol just merged."""
    text, symbols, pairs, places, used = work.text, work.symbols, work.pairs, work.places, work.used
    for step in range(2):  # count, then write
        if step:
            _lay_out(oldest, pairs, used)
        for at in range(first, end):
            place = np.int64(places[at])
            symbol, left = text[place, _SYMBOL], text[place - 1, _SYMBOL]
            for before in range(2):  # the pair that begins with the symbol, and that which ends with it
                if before:
                    if not left or left == symbol:
                        continue
                    place -= symbols[left, _LENGTH]
                pair = text[place, _PAIR]
                if pair >= 0:
                    if step:
                        places[pairs[pair, _END]] = place
                    pairs[pair, _END] += 1


@jit
def _add(pair: Any, symbols: Any, pairs: Any, heap: Any, used: Any) -> None:
    """Put a pair on the heap."""
    both, at = pairs[pair, _BOTH], used[_WAITING]
    shorter = LONGEST_PIECE - symbols[both >> 32, _LENGTH] - symbols[both & _LOW, _LENGTH]
    heap[at, _KEY], heap[at, _WHICH] = pairs[pair, _COUNT] << 5 | shorter, pair
    used[_WAITING] += 1
    while at:
        above = (at - 1) >> 1
        if not _precedes(at, above, symbols, pairs, heap):
            break
        _swap(at, above, heap)
        at = above


@jit
def _take_away(symbols: Any, pairs: Any, heap: Any, used: Any) -> None:
    """Take the first pair away from the heap."""
    used[_WAITING] -= 1
    n, at = used[_WAITING], np.int64(0)
    heap[0, _KEY], heap[0, _WHICH] = heap[n, _KEY], heap[n, _WHICH]
    while 2 * at + 1 < n:
        child = 2 * at + 1
        if child + 1 < n and _precedes(child + 1, child, symbols, pairs, heap):
            child += 1
        if not _precedes(child, at, symbols, pairs, heap):
            break
        _swap(at, child, heap)
        at = child


@jit
def _swap(one: Any, other: Any, heap: Any) -> None:
    key, pair = heap[one, _KEY], heap[one, _WHICH]
    heap[one, _KEY], heap[one, _WHICH] = heap[other, _KEY], heap[other, _WHICH]
    heap[other, _KEY], heap[other, _WHICH] = key, pair


@jit
def _precedes(one: Any, other: Any, symbols: Any, pairs: Any, heap: Any) -> Any:
    """Whether the pair at one place of the heap is to be taken before that at another."""
    if heap[one, _KEY] != heap[other, _KEY]:
        return heap[one, _KEY] > heap[other, _KEY]
    both, others = pairs[heap[one, _WHICH], _BOTH], pairs[heap[other, _WHICH], _BOTH]
    n, m = symbols[both >> 32, _LENGTH], symbols[others >> 32, _LENGTH]
    for at in range(n + symbols[both & _LOW, _LENGTH]):
        first = symbols[both >> 32, _LETTERS + at] if at < n else symbols[both & _LOW, _LETTERS + at - n]
        second = symbols[others >> 32, _LETTERS + at] if at < m else symbols[others & _LOW, _LETTERS + at - m]
        if first != second:
            return first < second
    return heap[one, _WHICH] < heap[other, _WHICH]
