"""Byte-pair encoding: which pieces to learn from words, as SentencePiece's trainer chooses them.

Each word begins as its letters. The pair of neighbours that is most frequent becomes a piece, wherever it stands, and so
on until the vocabulary is full. Of equally frequent pairs, that with fewer characters comes first, then that with the
smaller code points. A pair is frequent as often as its two pieces are neighbours, also where two such pairs share a
piece ("aaa" is twice "aa"), of which the first is merged. A pair that spells a piece that there is already, in another
way, is passed over. Pairs that no longer occur come last, and fill up a vocabulary that has room for them.

SentencePiece compares, for each piece, all of the pairs that were the most frequent twentieth, or the first thousand, at
some time in the last hundred pieces. Here all pairs take part. The order is the same unless so many pairs are equally
frequent that some of them are not among these: at the end of a vocabulary that is too large for its text.

**How.** Two neighbours become such at one time, when the later of them is made or at the start, and only ever cease to
be. So the places of a pair can be written down once, side by side, and its count only falls. The most frequent pair is
the top of a heap in which counts are brought up to date when they reach the top. To keep the heap small, pairs below a
threshold wait outside; it is halved whenever the heap is empty.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill._jit import jit
from gristmill.tokenizer.scripts import ANY
from gristmill.tokenizer.words import Alphabet, Int32s, Int64s, Words

LONGEST_PIECE = 16
"""Characters: SentencePiece's default."""

_NONE, _TAKEN = -1, -1
_NO, _ONE, _MANY, _BEFORE_OTHERS = 0, 1, 2, 3
"""What a symbol has of spaces: none; it is one; it is more; it begins with one."""

_SYMBOL, _PAIR, _WEIGHT, _PLACE_FIELDS = 0, 1, 1, 4
_LENGTH, _SCRIPT, _SPACES, _BEFORE, _BEHIND, _SYMBOL_FIELDS = 0, 1, 2, 3, 4, 5
_SYMBOLS, _COUNT, _FIRST, _END, _PAIR_FIELDS = 0, 1, 2, 3, 4
_PAIRS, _PLACES, _WAITING = 0, 1, 2
"""Columns of the arrays of `_Work`."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.int64(0xFFFFFFFF)
_LARGEST = np.int64(0x7FFFFFFFFFFFFFFF)


def learn(words: Words, *, alphabet: Alphabet, most: int) -> list[str]:
    """Pieces of two characters or more, in the order in which they are learnt; at most so many.

    Time: 0.8 s for 32k pieces from 5 million letters of distinct words. Memory: 60 bytes for each of these letters.
    """
    first = len(alphabet.points) + 1
    work = _work(words, alphabet, most)
    learnt = _learn(work, work.text.view(np.int64), first, most)
    points = np.append(0, alphabet.points)[work.spellings[first : first + learnt]].astype("<u4")
    text, ends = points.tobytes().decode("utf-32-le"), work.symbols[first : first + learnt, _LENGTH].tolist()
    return [text[at * LONGEST_PIECE : at * LONGEST_PIECE + end] for at, end in enumerate(ends)]


class _Work(NamedTuple):
    """What the kernel works on. A place is a number of a letter of `Words.letters`; a symbol is a letter, or a piece.

    Memory that is not touched is not used, so arrays are as long as they can get: a merge makes two pairs at most.
    """

    text: Int32s
    """Of each place: the symbol that begins or ends there (others are of the past), the pair that begins there, or
    _NONE, and how often the word occurs, in 64 bits."""
    symbols: Int32s
    """Of each symbol: characters, script, what it has of spaces, and numbers of pairs: of it and the newest symbol, and
    of the newest and it, or older ones."""
    spellings: Int32s
    """Letters of each symbol, and zeros."""
    pairs: Int64s
    """Of each pair: left << 32 | right, count or _TAKEN, and where in `places` its own begin and end."""
    places: Int32s
    heap: Int64s
    """Waiting pairs: count << 5 | by how much shorter they are than the longest piece, and the pair's number."""
    spelt: Int32s
    """Hash table of the pieces by their letters; 0 where there is none."""
    used: Int64s
    """How many pairs, places and waiting pairs there are."""


def _work(words: Words, alphabet: Alphabet, most: int) -> _Work:
    n, n_letters = len(words.letters), len(alphabet.points) + 1
    symbols = np.zeros((n_letters + most + 1, _SYMBOL_FIELDS), np.int32)
    symbols[1:n_letters, _LENGTH] = 1
    symbols[:n_letters, _SCRIPT] = alphabet.scripts
    symbols[alphabet.space, _SPACES] = _ONE if alphabet.space else _NO
    symbols[:, [_BEFORE, _BEHIND]] = _NONE
    spellings = np.zeros((len(symbols), LONGEST_PIECE), np.int32)
    spellings[:n_letters, 0] = np.arange(n_letters)
    text = np.empty((n, _PLACE_FIELDS), np.int32)
    text[:, _SYMBOL], text[:, _PAIR] = words.letters, _NONE
    _weigh(words.starts, words.counts, text.view(np.int64))
    return _Work(
        text=text,
        symbols=symbols,
        spellings=spellings,
        pairs=np.empty((3 * n, _PAIR_FIELDS), np.int64),
        places=np.empty(3 * n, np.int32),
        heap=np.empty((3 * n, 2), np.int64),
        spelt=np.zeros(1 << (2 * most + 2).bit_length(), np.int32),
        used=np.zeros(3, np.int64),
    )


@jit
def _weigh(starts: Any, counts: Any, weights: Any) -> None:
    for word in range(len(counts)):
        for place in range(starts[word], starts[word + 1]):
            weights[place, _WEIGHT] = counts[word]


@jit
def _begin(text: Any, weights: Any, symbols: Any, pairs: Any, places: Any, used: Any) -> None:
    """Make the pairs of neighbouring letters: all of a first letter together, so that one array finds them."""
    first_places = np.zeros(len(symbols) + 1, np.int64)
    for place in range(1, len(text) - 1):
        if text[place + 1, _SYMBOL]:
            first_places[text[place, _SYMBOL] + 1] += 1
    first_places[1] = 0
    for letter in range(len(symbols)):
        first_places[letter + 1] += first_places[letter]
    ordered = np.empty(first_places[-1], np.int32)
    for place in range(1, len(text) - 1):
        letter = text[place, _SYMBOL]
        if letter and text[place + 1, _SYMBOL]:
            ordered[first_places[letter]] = place
            first_places[letter] += 1
    oldest, last = used[_PAIRS], np.int32(0)
    for place in ordered:
        left, right = text[place, _SYMBOL], text[place + 1, _SYMBOL]
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
    if second == _BEFORE_OTHERS or (first == _MANY and not second) or (second and first != _ONE and first != _MANY):
        return np.int64(_NONE)
    first, second = symbols[left, _SCRIPT], symbols[right, _SCRIPT]
    if first != second and first != ANY and second != ANY:
        return np.int64(_NONE)
    pair = used[_PAIRS]
    used[_PAIRS] += 1
    pairs[pair, _SYMBOLS] = np.int64(left) << 32 | np.int64(right)
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
def _learn(work: _Work, weights: Any, first: Any, most: Any) -> Any:
    """Learn pieces; returns how many. `first` is the symbol that the first of them becomes."""
    text, symbols, spellings, pairs = work.text, work.symbols, work.spellings, work.pairs
    places, heap, spelt, used = work.places, work.heap, work.spelt, work.used
    _begin(text, weights, symbols, pairs, places, used)
    threshold, newest = np.int64(0), first
    for pair in range(used[_PAIRS]):
        threshold = max(threshold, pairs[pair, _COUNT])
    _admit(np.int64(0), threshold, threshold, symbols, spellings, pairs, heap, used)
    while newest < first + most and (threshold or used[_WAITING]):
        if used[_WAITING] == 0:
            threshold >>= 1
            _admit(np.int64(0), threshold, 2 * threshold + 1, symbols, spellings, pairs, heap, used)
            continue
        key, pair = heap[0, 0], heap[0, 1]
        _take_away(symbols, spellings, pairs, heap, used)
        count = pairs[pair, _COUNT]
        if count < key >> 5:
            if count >= threshold:
                _add(pair, symbols, spellings, pairs, heap, used)
            continue
        pairs[pair, _COUNT] = _TAKEN
        _spell(pairs[pair, _SYMBOLS], newest, symbols, spellings)
        if _is_new(newest, symbols, spellings, spelt):
            oldest = used[_PAIRS]
            _merge(pair, newest, text, weights, symbols, pairs, places, used)
            _admit(oldest, threshold, _LARGEST, symbols, spellings, pairs, heap, used)
            newest += 1
    return newest - first


@jit
def _admit(
    oldest: Any, least: Any, largest: Any, symbols: Any, spellings: Any, pairs: Any, heap: Any, used: Any
) -> None:
    """Put the pairs since the oldest on the heap whose counts are in a range."""
    for pair in range(oldest, used[_PAIRS]):
        if least <= pairs[pair, _COUNT] <= largest:
            _add(pair, symbols, spellings, pairs, heap, used)


@jit
def _spell(both: Any, symbol: Any, symbols: Any, spellings: Any) -> None:
    """Make a symbol of two."""
    left, right = both >> 32, both & _LOW
    n, m = symbols[left, _LENGTH], symbols[right, _LENGTH]
    for at in range(n):
        spellings[symbol, at] = spellings[left, at]
    for at in range(m):
        spellings[symbol, n + at] = spellings[right, at]
    symbols[symbol, _LENGTH] = n + m
    symbols[symbol, _SCRIPT] = max(symbols[left, _SCRIPT], symbols[right, _SCRIPT])
    symbols[symbol, _SPACES] = _NO
    if symbols[left, _SPACES]:
        symbols[symbol, _SPACES] = _MANY if symbols[right, _SPACES] else _BEFORE_OTHERS


@jit
def _is_new(symbol: Any, symbols: Any, spellings: Any, spelt: Any) -> Any:
    """Whether no piece is spelt like a symbol; then it is known from now on."""
    n, mask, hashed = symbols[symbol, _LENGTH], np.uint64(len(spelt) - 1), np.uint64(0)
    for at in range(n):
        hashed = (hashed ^ np.uint64(spellings[symbol, at])) * _FACTOR
        hashed ^= hashed >> np.uint64(32)
    slot = hashed & mask
    while spelt[slot]:
        same = 0
        while same < LONGEST_PIECE and spellings[spelt[slot], same] == spellings[symbol, same]:
            same += 1
        if same == LONGEST_PIECE:
            return False
        slot = (slot + np.uint64(1)) & mask
    spelt[slot] = symbol
    return True


@jit
def _merge(
    merged: Any, symbol: Any, text: Any, weights: Any, symbols: Any, pairs: Any, places: Any, used: Any
) -> None:
    """Put a symbol in the place of a pair."""
    first, end, oldest = pairs[merged, _FIRST], pairs[merged, _END], used[_PAIRS]
    n_left, length = symbols[pairs[merged, _SYMBOLS] >> 32, _LENGTH], symbols[symbol, _LENGTH]
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
    _write_down(first, kept, oldest, text, symbols, pairs, places, used)


@jit
def _write_down(
    first: Any, end: Any, oldest: Any, text: Any, symbols: Any, pairs: Any, places: Any, used: Any
) -> None:
    """Write down the places of the pairs since the oldest, all of which are at those of the symbol just merged."""
    for step in range(2):
        if step:
            _lay_out(oldest, pairs, used)
        for at in range(first, end):
            place = np.int64(places[at])
            symbol, left = text[place, _SYMBOL], text[place - 1, _SYMBOL]
            for before in range(2):
                if before:
                    if left == 0 or left == symbol:
                        continue
                    place -= symbols[left, _LENGTH]
                pair = text[place, _PAIR]
                if pair >= 0:
                    if step:
                        places[pairs[pair, _END]] = place
                    pairs[pair, _END] += 1


@jit
def _precedes(key: Any, pair: Any, other_key: Any, other: Any, symbols: Any, spellings: Any, pairs: Any) -> Any:
    """Whether a pair is to be taken before another."""
    if key != other_key:
        return key > other_key
    left, right = pairs[pair, _SYMBOLS] >> 32, pairs[pair, _SYMBOLS] & _LOW
    other_left, other_right = pairs[other, _SYMBOLS] >> 32, pairs[other, _SYMBOLS] & _LOW
    n, m = symbols[left, _LENGTH], symbols[other_left, _LENGTH]
    for at in range(n + symbols[right, _LENGTH]):
        letter = spellings[left, at] if at < n else spellings[right, at - n]
        other_letter = spellings[other_left, at] if at < m else spellings[other_right, at - m]
        if letter != other_letter:
            return letter < other_letter
    return pair < other


@jit
def _add(pair: Any, symbols: Any, spellings: Any, pairs: Any, heap: Any, used: Any) -> None:
    """Put a pair on the heap."""
    both, at = pairs[pair, _SYMBOLS], used[_WAITING]
    shorter = LONGEST_PIECE - symbols[both >> 32, _LENGTH] - symbols[both & _LOW, _LENGTH]
    key = pairs[pair, _COUNT] << 5 | shorter
    used[_WAITING] += 1
    while at:
        above = (at - 1) >> 1
        if not _precedes(key, pair, heap[above, 0], heap[above, 1], symbols, spellings, pairs):
            break
        heap[at, 0], heap[at, 1] = heap[above, 0], heap[above, 1]
        at = above
    heap[at, 0], heap[at, 1] = key, pair


@jit
def _take_away(symbols: Any, spellings: Any, pairs: Any, heap: Any, used: Any) -> None:
    """Take the first pair away from the heap."""
    used[_WAITING] -= 1
    n, at = used[_WAITING], 0
    key, pair = heap[n, 0], heap[n, 1]
    while 2 * at + 1 < n:
        child = 2 * at + 1
        if child + 1 < n and _precedes(
            heap[child + 1, 0], heap[child + 1, 1], heap[child, 0], heap[child, 1], symbols, spellings, pairs
        ):
            child += 1
        if not _precedes(heap[child, 0], heap[child, 1], key, pair, symbols, spellings, pairs):
            break
        heap[at, 0], heap[at, 1] = heap[child, 0], heap[child, 1]
        at = child
    heap[at, 0], heap[at, 1] = key, pair
