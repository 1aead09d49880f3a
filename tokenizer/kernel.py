"""Text to ids: chunks, a cache of those that recur, and merges or a best path for the others.

**Chunks.** A text is cut wherever no piece of the vocabulary contains the two characters that meet there. Each chunk is
then encoded by itself, and the ids are those of the whole text:

- A user-defined piece is matched first, from left to right, the longest that begins where the last one ended. None
  reaches across a cut, so a cut is always a place where matching begins anew, and what is matched depends on the text
  from there on, as far as the cut behind it.
- BPE merges the pair with the highest score, the leftmost of equals, until no two neighbours form a piece. Two symbols
  on both sides of a cut never do. A merge changes no pairs but those of its own chunk; so each chunk goes through the
  same merges in the same order, whatever happens between them elsewhere.
- Unigram looks for the path of pieces and unknown characters with the highest sum of scores, and takes, of equal sums,
  the one whose last piece is longest, then the one before it. No piece reaches across a cut, so all paths meet there,
  and the best is made of the best of each chunk, as long as sums are exact. They are: scores are multiples of 1/128
  (`vocabulary.on_grid`).
- Characters without a piece are spelt in bytes, one by one.

**Cache.** Natural text repeats chunks, which mostly are words. One with at most 32 bytes and 7 ids is kept in a table
where each has one place, by hash; whatever comes later to the same place takes it. Bytes are compared, so a hash never
decides. The table is made anew at each call: ids cannot depend on earlier calls, and threads share nothing.

**Longest chunk.** Text of which no place can be cut is cut behind a megabyte all the same, to bound memory. Only there
do ids differ from SentencePiece's.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill._jit import jit
from gristmill.tokenizer.model import Ids

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

LONGEST_CHUNK = 1 << 20
"""Bytes."""

NOTHING = np.int64(0x7FFFFFFFFFFFFFFF)
"""What two symbols merge to that do not: its rank is larger than any."""

FREE = ~np.uint64(0)
"""No key and no value of a hash table."""

FROZEN = np.int64(1 << 40)
"""Added to the ids of user-defined pieces, which never merge, and to symbols with which one may begin."""

FACTOR = np.uint64(0x9E3779B97F4A7C15)
JOIN_BITS = 20
JOIN_SHIFT = np.uint64(64 - JOIN_BITS)
ASCII_PAIRS = np.uint64(1 << 14)

_PADDING = 64
"""Bytes behind the text that the kernel may read."""

_KEY_BYTES, _MOST_IDS = 32, 7
_SLOT_WORDS = 8
"""Of 64 bits: four of the chunk's bytes, then up to seven ids of 32 bits, and its length and number of ids."""

_MOST_SLOTS = 1 << 15
"""2 MB, which a processor's own cache holds. Four times as many would save one miss in eight, and be slower."""

_BYTES_PER_SLOT = 32
_WIDEST = 4
"""Bytes of a character. Text that is no UTF-8 may end within one: there is room for the rest of it."""

_SHORT = 64
"""Bytes of a chunk up to which the arrays are at hand, and merges need no heap."""

_U = tuple(np.uint64(number) for number in range(64))
_0, _1, _3, _6, _7, _8, _32, _63 = _U[0], _U[1], _U[3], _U[6], _U[7], _U[8], _U[32], _U[63]
_X80, _XFF, _LOW = np.uint64(0x80), np.uint64(0xFF), np.uint64(0xFFFFFFFF)
_LONGEST = np.uint64(LONGEST_CHUNK)


class Vocabulary(NamedTuple):
    """What the kernel looks up.

    A letter is a dense number, from 1, of a character that occurs in pieces; 0 is any other. A symbol stands for a part
    of the text while pairs merge: the id of a piece; `size` + letter, where the letter is no piece itself; or -1, a
    character without a letter.

    A hash table has keys and values in turns, with linear probing; FREE where there are none.
    """

    is_bpe: bool
    size: int
    letters: npt.NDArray[np.int32]
    """For each block of 256 code points, where its letters are; then these."""
    joins: UInt64s
    """Bits. By first << 7 | second, for characters of ASCII: whether a piece contains them side by side. Then, by hash,
    for letters of which one is not ASCII: where no bit is set, no piece does."""
    symbols: Int64s
    """The symbol of each letter, + FROZEN if a user-defined piece begins with it."""
    pairs: UInt64s
    """Hash table. left symbol << 32 | right symbol: rank << 32 | id; the lowest rank merges first."""
    trie: UInt64s
    """Hash table. node << 32 | letter: id + 1 of the piece that ends here, or 0, << 32 | the next node. Has all pieces
    (unigram), or the user-defined ones (bpe)."""
    scores: Int64s
    """Of each piece, times `vocabulary.GRID`; the last is that of an unknown character."""
    byte_ids: npt.NDArray[np.int32]


def encode(data: npt.NDArray[np.uint8], offsets: Int64s, vocabulary: Vocabulary, *, prefix: bool, end_id: int) -> Ids:
    """Ids of texts.

    Args:
        data: UTF-8.
        offsets: where each text begins, and the end of the last.
        prefix: put a space before each text that is not empty.
        end_id: put this id behind each text; none, if it is negative.

    Memory: nine bytes for each byte of text at most, and 2 MB.
    """
    n_bytes = int(offsets[-1] - offsets[0]) + 2 * len(offsets)
    words = np.zeros((n_bytes + _PADDING) // 8, np.uint64)
    starts = _lay_out(data, offsets, words.view(np.uint8), prefix)
    slots = min(_MOST_SLOTS, 1 << (n_bytes // _BYTES_PER_SLOT + 16).bit_length())
    ids = np.empty(n_bytes + _WIDEST * len(offsets), np.uint32)
    work = _Work(words, starts, np.zeros(slots * _SLOT_WORDS, np.uint64), ids, end_id)
    ends = _encode(work, vocabulary)
    return work.ids[: ends[-1]].copy(), ends


class _Work(NamedTuple):
    """Texts as 64-bit words, where each begins, the cache, room for ids, and the id behind each text, or -1."""

    words: UInt64s
    starts: Int64s
    cache: UInt64s
    ids: npt.NDArray[np.uint32]
    end_id: int


@jit
def _lay_out(data: Any, offsets: Any, out: Any, prefix: Any) -> Any:
    """Copy texts to one after another; returns where each begins, and the end of the last."""
    starts = np.zeros(len(offsets), np.int64)
    place = 0
    for text in range(len(offsets) - 1):
        length = offsets[text + 1] - offsets[text]
        if length and prefix:
            out[place] = 0x20
            place += 1
        out[place : place + length] = data[offsets[text] : offsets[text + 1]]
        place += length
        starts[text + 1] = place
    return starts


@jit
def _encode(work: _Work, vocabulary: Vocabulary) -> Any:
    """Write the ids of all texts; returns where each text's begin, and the end of the last."""
    words, starts, cache, ids = work.words, work.starts, work.cache, work.ids
    data, cached_ids = words.view(np.uint8), cache.view(np.uint32)
    joins, letters = vocabulary.joins, vocabulary.letters
    mask = np.uint64(len(cache) // _SLOT_WORDS - 1)
    ends = np.zeros(len(starts), np.int64)
    scratch = np.empty((4, _SHORT + 1), np.int64)
    count: Any = 0
    for text in range(len(starts) - 1):
        place, end = np.uint64(starts[text]), np.uint64(starts[text + 1])
        while place < end:
            stop = _chunk_end(data, place, end, joins, letters)
            length = np.int64(stop - place)
            if length > _KEY_BYTES:
                count += _encode_chunk(data[place:stop], ids[count:], scratch, vocabulary)
                place = stop
                continue
            first, second, third, fourth = _word(words, place, length), _0, _0, _0
            hashed = _mixed(np.uint64(length), first)
            if length > 8:
                second = _word(words, place + _8, length - 8)
                hashed = _mixed(hashed, second)
                if length > 16:
                    third = _word(words, place + _U[16], length - 16)
                    if length > 24:
                        fourth = _word(words, place + _U[24], length - 24)
                    hashed = _mixed(_mixed(hashed, third), fourth)
            slot = np.int64(hashed & mask) * _SLOT_WORDS
            at = 2 * slot + _SLOT_WORDS
            if (
                cache[slot] == first
                and cached_ids[at + _MOST_IDS] & 0xFF == length
                and cache[slot + 1] == second
                and cache[slot + 2] == third
                and cache[slot + 3] == fourth
            ):
                found = cached_ids[at + _MOST_IDS] >> 8
                for i in range(found):
                    ids[count + i] = cached_ids[at + i]
            else:
                found = _encode_chunk(data[place:stop], ids[count:], scratch, vocabulary)
                if found <= _MOST_IDS:
                    cache[slot], cache[slot + 1], cache[slot + 2], cache[slot + 3] = first, second, third, fourth
                    for i in range(found):
                        cached_ids[at + i] = ids[count + i]
                    cached_ids[at + _MOST_IDS] = found << 8 | length
            count += np.int64(found)
            place = stop
        if work.end_id >= 0:
            ids[count] = work.end_id
            count += 1
        ends[text + 1] = count
    return ends


@jit
def _word(words: Any, place: Any, n: Any) -> Any:
    """The next eight bytes, or the next n and zeros."""
    index, shift = place >> _3, (place & _7) << _3
    value = words[index] >> shift | words[index + _1] << _1 << (_63 - shift)
    return value & (FREE >> np.uint64(max(64 - 8 * n, 0)))


@jit
def _mixed(hashed: Any, word: Any) -> Any:
    hashed = (hashed ^ word) * FACTOR
    return hashed ^ hashed >> _32


@jit
def _character(data: Any, place: Any) -> Any:
    """The code point that begins here; what it takes for one, where the text is no UTF-8."""
    first = np.uint64(data[place])
    if first < _X80:
        return first
    second = np.uint64(data[place + _1]) & _63
    if first < np.uint64(0xE0):
        return (first & _U[31]) << _6 | second
    third = np.uint64(data[place + _U[2]]) & _63
    if first < np.uint64(0xF0):
        return (first & _U[15]) << _U[12] | second << _6 | third
    return (first & _7) << _U[18] | second << _U[12] | third << _6 | np.uint64(data[place + _3]) & _63


@jit
def _width(point: Any) -> Any:
    """Bytes of a code point in UTF-8."""
    return _1 + np.uint64(point >= _X80) + np.uint64(point >= np.uint64(0x800)) + np.uint64(point >= np.uint64(0x10000))


@jit
def _letter(point: Any, letters: Any) -> Any:
    return np.uint64(letters[np.uint64(letters[point >> _8]) + (point & _XFF)])


@jit
def _chunk_end(data: Any, start: Any, end: Any, joins: Any, letters: Any) -> Any:
    """Where the chunk that begins here ends: before the first character that joins none before it."""
    end = min(end, start + _LONGEST)
    point = _character(data, start)
    place = start + _width(point)
    while place < end:
        byte = np.uint64(data[place])
        if byte < _X80 and point < _X80:
            if not _bit(joins, point << _7 | byte):
                break
            point = byte
            place += _1
            continue
        letter = _letter(point, letters)
        while place < end:  # as long as one of two is not ASCII
            if np.uint64(data[place]) < _X80 and point < _X80:
                break
            other = _character(data, place)
            following = _letter(other, letters)
            if not _bit(joins, ASCII_PAIRS + (((letter << _32 | following) * FACTOR) >> JOIN_SHIFT)):
                return place
            point, letter = other, following
            place += _width(other)
    return min(place, end)


@jit
def _bit(bits: Any, number: Any) -> Any:
    return bits[number >> _6] >> (number & _63) & _1


def hash_table(keys: Sequence[int], values: Sequence[int]) -> UInt64s:
    """A hash table for the kernel, at most half full."""
    slots = 1 << max(4, (2 * len(keys)).bit_length())
    table = np.full(2 * slots, FREE, np.uint64)
    _fill(table, np.array(keys, np.uint64), np.array(values, np.uint64))
    return table


@jit
def _fill(table: Any, keys: Any, values: Any) -> None:
    mask = np.uint64(len(table) - 2)
    for i in range(len(keys)):
        slot = (keys[i] * FACTOR) >> np.uint64(31) & mask
        while table[slot] != FREE:
            slot = (slot + np.uint64(2)) & mask
        table[slot], table[slot + np.uint64(1)] = keys[i], values[i]


@jit
def _find(table: Any, key: Any) -> Any:
    """What a table of keys and values has for a key, or FREE."""
    mask = np.uint64(len(table) - 2)
    slot = (key * FACTOR) >> _U[31] & mask
    while table[slot] != key:
        if table[slot] == FREE:
            return FREE
        slot = (slot + _U[2]) & mask
    return table[slot + _1]


@jit
def _spell(text: Any, place: Any, ids: Any, byte_ids: Any) -> Any:
    """Write the bytes of the character that begins here; returns how many."""
    width = np.int64(_width(_character(text, np.uint64(place))))
    for i in range(width):
        ids[i] = byte_ids[text[place + i]]
    return width


@jit
def _encode_chunk(text: Any, ids: Any, scratch: Any, vocabulary: Vocabulary) -> Any:
    """Write a chunk's ids; returns how many. `text` may be read beyond its end."""
    n = len(text)
    if n > _SHORT:
        scratch = np.empty((4, n + 1), np.int64)
    if not vocabulary.is_bpe:
        _find_path(text, scratch, vocabulary)
        return _write_path(text, scratch, ids, vocabulary.byte_ids)
    symbols, places, pairs = scratch[0], scratch[1], vocabulary.pairs
    n = _split(text, symbols, places, vocabulary)
    if n > _SHORT:
        n = _merge_many(symbols, places, n, scratch[2:], pairs)
    elif n > 1:
        n = _merge_few(symbols, places, n, scratch[2], pairs)
    written = 0
    for i in range(n):
        symbol = symbols[i]
        if symbol >= FROZEN:
            symbol -= FROZEN
        if symbol >= vocabulary.size or symbol < 0:
            written += _spell(text, places[i], ids[written:], vocabulary.byte_ids)
        else:
            ids[written] = symbol
            written += 1
    return written


@jit
def _split(text: Any, symbols: Any, places: Any, vocabulary: Vocabulary) -> Any:
    """Write a chunk's first symbols and where each begins; returns how many."""
    letters, trie, of_letters = vocabulary.letters, vocabulary.trie, vocabulary.symbols
    n, place, stop = 0, _0, np.uint64(len(text))
    while place < stop:
        point = _character(text, place)
        symbol = of_letters[_letter(point, letters)]
        places[n] = place
        place += _width(point)
        if symbol >= FROZEN:  # a user-defined piece may begin here
            symbol -= FROZEN
            matched = _user_defined(text, places[n], letters, trie)
            if matched:
                place = np.uint64(places[n]) + (matched >> _32)
                symbol = FROZEN + np.int64(matched & _LOW)
        symbols[n] = symbol
        n += 1
    return n


@jit
def _user_defined(text: Any, start: Any, letters: Any, trie: Any) -> Any:
    """The longest user-defined piece that begins here: its bytes << 32 | its id; or 0."""
    node, place, found = _0, np.uint64(start), _0
    while place < np.uint64(len(text)):
        point = _character(text, place)
        following = _find(trie, node << _32 | _letter(point, letters))
        if following == FREE:
            break
        place += _width(point)
        node = following & _LOW
        if following >> _32:
            found = (place - np.uint64(start)) << _32 | ((following >> _32) - _1)
    return found


@jit
def _pair(left: Any, right: Any, pairs: Any) -> Any:
    """What two symbols merge to: rank << 32 | id, or NOTHING."""
    if left < 0 or right < 0:
        return NOTHING
    return np.int64(_find(pairs, np.uint64(left) << _32 | np.uint64(right)) & np.uint64(NOTHING))  # FREE is NOTHING


@jit
def _merge_few(symbols: Any, places: Any, n: Any, merged: Any, pairs: Any) -> Any:
    """Merge until no pair is left; returns how many symbols are. Time: O(n ** 2), with little overhead."""
    for i in range(n - 1):
        merged[i] = _pair(symbols[i], symbols[i + 1], pairs)
    while n > 1:
        best, least = 0, merged[0] >> 32
        for i in range(1, n - 1):
            if merged[i] >> 32 < least:
                best, least = i, merged[i] >> 32
        if merged[best] == NOTHING:
            break
        symbols[best] = merged[best] & 0xFFFFFFFF
        n -= 1
        for i in range(best + 1, n):
            symbols[i], places[i], merged[i - 1] = symbols[i + 1], places[i + 1], merged[i]
        if best + 1 < n:
            merged[best] = _pair(symbols[best], symbols[best + 1], pairs)
        if best:
            merged[best - 1] = _pair(symbols[best - 1], symbols[best], pairs)
    return n


@jit
def _merge_many(symbols: Any, places: Any, n: Any, scratch: Any, pairs: Any) -> Any:
    """The same with a heap: O(n log n)."""
    merged, after, before = scratch[0], scratch[1], np.arange(n) - 1
    heap = np.empty(3 * n, np.uint64)  # each merge adds two pairs at most
    waiting = 0
    merged[n - 1] = NOTHING
    for i in range(n):
        after[i] = i + 1
        if i + 1 < n:
            merged[i] = _pair(symbols[i], symbols[i + 1], pairs)
            waiting = _push(heap, waiting, merged[i], i)
    while waiting:
        top = heap[0]
        waiting = _pop(heap, waiting)
        left = np.int64(top & _LOW)
        if np.uint64(merged[left] >> 32) != top >> _32:
            continue  # what once was there has merged with others
        symbols[left] = merged[left] & 0xFFFFFFFF
        merged[after[left]] = NOTHING
        merged[left] = NOTHING
        after[left] = after[after[left]]
        if after[left] < n:
            before[after[left]] = left
            merged[left] = _pair(symbols[left], symbols[after[left]], pairs)
            waiting = _push(heap, waiting, merged[left], left)
        first = before[left]
        if first >= 0:
            merged[first] = _pair(symbols[first], symbols[left], pairs)
            waiting = _push(heap, waiting, merged[first], first)
    kept, i = 0, 0
    while i < n:
        symbols[kept], places[kept] = symbols[i], places[i]
        kept += 1
        i = after[i]
    return kept


@jit
def _push(heap: Any, n: Any, pair: Any, left: Any) -> Any:
    """Add a pair, unless it is none; returns how many there are."""
    if pair == NOTHING:
        return n
    entry, at = np.uint64(pair >> 32) << _32 | np.uint64(left), n
    while at and heap[(at - 1) >> 1] > entry:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = entry
    return n + 1


@jit
def _pop(heap: Any, n: Any) -> Any:
    """Take the first away; returns how many are left."""
    n -= 1
    entry, at = heap[n], 0
    while 2 * at + 1 < n:
        child = 2 * at + 1
        if child + 1 < n and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= entry:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = entry
    return n


@jit
def _find_path(text: Any, scratch: Any, vocabulary: Vocabulary) -> None:
    """Viterbi's algorithm. For each place: best score, where the last piece began, that piece, or -1.

    Places are bytes, and the comparisons SentencePiece's, in its order.
    """
    letters, trie, scores = vocabulary.letters, vocabulary.trie, vocabulary.scores
    best, came_from, taken = scratch[0], scratch[1], scratch[2]
    n = len(text)
    came_from[: n + 1] = -1
    best[0] = 0
    unknown = scores[len(scores) - 1]
    i: Any = 0
    while i < n:
        node, at, alone = _0, i, False
        width = np.int64(_width(_character(text, np.uint64(i))))
        while at < n:
            point = _character(text, np.uint64(at))
            following = _find(trie, node << _32 | _letter(point, letters))
            if following == FREE:
                break
            at = min(at + np.int64(_width(point)), n)
            node = following & _LOW
            if following >> _32:
                piece = np.int64(following >> _32) - 1
                alone = alone or at == min(i + width, n)
                score = best[i] + scores[piece]
                if came_from[at] < 0 or score > best[at]:
                    best[at], came_from[at], taken[at] = score, i, piece
        at = min(i + width, n)
        if not alone and (came_from[at] < 0 or best[i] + unknown > best[at]):
            best[at], came_from[at], taken[at] = best[i] + unknown, i, -1
        i = at


@jit
def _write_path(text: Any, scratch: Any, ids: Any, byte_ids: Any) -> Any:
    """Write the ids of the best path, in order; returns how many."""
    came_from, taken, goes_to = scratch[1], scratch[2], scratch[3]
    n = len(text)
    at = n
    while at:
        goes_to[came_from[at]] = at
        at = came_from[at]
    written = 0
    while at < n:
        piece = taken[goes_to[at]]
        if piece < 0:
            written += _spell(text, at, ids[written:], byte_ids)
        else:
            ids[written] = piece
            written += 1
        at = goes_to[at]
    return written
