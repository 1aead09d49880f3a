"""fastText's inference as a compiled kernel: bytes of text in, probability of every label out.

Equal to fastText 0.9 (`Dictionary::getLine`, `Model::computeHidden`, `Loss::predict`): words are what white space and
NUL set apart; a word stands for itself, if it is known, and for its n-grams of characters between `<` and `>`, hashed
by FNV-1a over signed bytes; words in a row stand for their n-grams; the rows of all these are averaged, and the output
layer turns the average into probabilities. Sums are taken in the library's order, in single precision.
"""

from typing import Any, NamedTuple

import numpy as np

from gristmill.filters._jit import jit
from gristmill.filters.language.fasttext_format import HIERARCHICAL, SOFTMAX, Bytes, Floats, Int32s, Int64s
from gristmill.filters.language.fasttext_tables import (
    END_HASH,
    FNV_PRIME,
    FNV_SEED,
    SIGMOID_END,
    SIGMOID_STEPS,
    Grams,
    Inputs,
    Kept,
    Model,
    Outputs,
    find_word,
    slot_of,
)

_BOW, _EOW = np.uint8(ord("<")), np.uint8(ord(">"))
_WORD_NGRAM_FACTOR = np.uint64(116049371)
_LEAST = 1e-5
"""What fastText adds to a probability before it takes its logarithm, and the least that it reports."""
_ROWS_AT_ONCE = 1024
_STEPS_PER_UNIT = np.float32(SIGMOID_STEPS / SIGMOID_END / 2)

_ONE, _THREE, _SEVEN = np.uintp(1), np.uintp(3), np.uintp(7)
"""Positions in the hottest loops are unsigned: signed ones are checked for Python's counting from the end."""

_WAITING, _ADDED, _HASHES = range(3)

Floats64 = np.ndarray[Any, np.dtype[np.float64]]


class Room(NamedTuple):
    """Scratch space for one text, used again for the next."""

    sizes: Int64s
    """Rows that wait to be added, rows that were added, and words hashed."""
    rows: Int32s
    """Rows of the input matrix that wait: many are added in one go."""
    total: Floats
    """Sum of the rows. (dim)"""
    word: Bytes
    """A word between < and >."""
    hashes: Int32s
    """Hashes of all words, if n-grams of words are asked for."""


@jit
def _room(n_bytes: Any, dim: Any, has_word_ngrams: Any) -> Room:
    """Room for a text of so many bytes. Memory that is not used is not touched."""
    return Room(
        np.zeros(3, np.int64),
        np.empty(_ROWS_AT_ONCE, np.int32),
        np.zeros(dim, np.float32),
        np.empty(n_bytes + 2, np.uint8),
        np.empty(n_bytes // 2 + 2 if has_word_ngrams else 0, np.int32),
    )


@jit
def _add_waiting(inputs: Inputs, room: Room) -> None:
    """Add the rows that wait to the total, in order."""
    n = room.sizes[_WAITING]
    if len(inputs.norms):
        _add_quantised(inputs, room.rows, n, room.total)
    else:
        _add_dense(inputs.dense, room.rows, n, room.total)
    room.sizes[_WAITING] = 0
    room.sizes[_ADDED] += n


@jit
def _add_dense(dense: Floats, rows: Int32s, n: Any, total: Floats) -> None:
    n_paired = n - n % 4
    for i in range(0, n_paired, 4):
        a, b, c, d = dense[rows[i]], dense[rows[i + 1]], dense[rows[i + 2]], dense[rows[i + 3]]
        for k in range(len(total)):
            total[k] = (((total[k] + a[k]) + b[k]) + c[k]) + d[k]
    for i in range(n_paired, n):
        a = dense[rows[i]]
        for k in range(len(total)):
            total[k] += a[k]


@jit
def _add_quantised(inputs: Inputs, rows: Int32s, n: Any, total: Floats) -> None:
    width = inputs.width
    for i in range(n):
        codes = inputs.codes[rows[i]]
        norm = inputs.norms[rows[i]]
        for part in range(len(codes)):
            start = part * width
            this = min(width, len(total) - start)
            centroid = 256 * start + np.int64(codes[part]) * this
            for k in range(this):
                total[start + k] += norm * inputs.centroids[centroid + k]


@jit
def _row(bucket: Any, kept: Kept) -> Any:
    """The row of a bucket, behind those of the words; -1 if it was pruned."""
    if kept.all:
        return np.int64(bucket)
    bits, keys = kept.bits, kept.keys
    bit = np.uintp(bucket) & np.uintp(8 * len(bits) - 1)
    if not (np.uint32(bits[bit >> _THREE]) >> np.uint32(bit & _SEVEN)) & np.uint32(1):
        return np.int64(-1)
    mask = np.uintp(len(keys) - 1)
    slot = np.uintp(slot_of(bucket)) & mask
    while keys[slot] >= 0:
        if keys[slot] == bucket:
            return np.int64(kept.rows[slot])
        slot = (slot + _ONE) & mask
    return np.int64(-1)


@jit
def _add_characters(n: Any, inputs: Inputs, grams: Grams, n_words: Any, room: Room) -> None:
    """Rows for the n-grams of characters of the word in the room, which has n bytes."""
    rows, word, kept = room.rows, room.word, grams.kept
    min_n, max_n, bucket = grams.min_n, grams.max_n, np.uint32(grams.bucket)
    behind, filled = np.uintp(n), np.uintp(room.sizes[_WAITING])
    full = np.uintp(len(rows) - max_n)
    for start in range(behind):
        if _follows(word, start):
            continue
        if filled > full:
            room.sizes[_WAITING] = filled
            _add_waiting(inputs, room)
            filled = np.uintp(0)
        h = FNV_SEED
        i: Any = start
        size = 1
        while i < behind and size <= max_n:
            h = np.uint32((h ^ np.uint32(np.int8(word[i]))) * FNV_PRIME)
            i += _ONE
            while i < behind and _follows(word, i):
                h = np.uint32((h ^ np.uint32(np.int8(word[i]))) * FNV_PRIME)
                i += _ONE
            if size >= min_n and not (size == 1 and (start == 0 or i == behind)):
                row = _row(np.int64(np.uint32(h % bucket)), kept)
                if row >= 0:
                    rows[filled] = n_words + row
                    filled += _ONE
            size += 1
    room.sizes[_WAITING] = filled


@jit
def _follows(data: Any, i: Any) -> Any:
    """Whether byte i is one that follows a lead byte."""
    return data[i] & np.uint8(0xC0) == np.uint8(0x80)


@jit
def _add_words(inputs: Inputs, grams: Grams, n_words: Any, room: Room) -> None:
    """Rows for the n-grams of words: their hashes are chained as signed numbers."""
    n = room.sizes[_HASHES]
    bucket = np.uint64(grams.bucket)
    for first in range(n):
        if room.sizes[_WAITING] > len(room.rows) - grams.words:
            _add_waiting(inputs, room)
        h = np.uint64(np.int64(room.hashes[first]))
        for i in range(first + 1, min(n, first + grams.words)):
            h = h * _WORD_NGRAM_FACTOR + np.uint64(np.int64(room.hashes[i]))
            row = _row(np.int64(h % bucket), grams.kept)
            if row >= 0:
                room.rows[room.sizes[_WAITING]] = n_words + row
                room.sizes[_WAITING] += 1


@jit
def _is_space(byte: Any) -> Any:
    return byte == 0x20 or (byte >= 0x09 and byte <= 0x0D) or byte == 0


@jit
def _is_label(data: Any, start: Any, end: Any) -> Any:
    """Whether it begins with __label__: such a word is one to be predicted, even if it is not known."""
    return (
        end - start >= 9
        and data[start] == 0x5F
        and data[start + 1] == 0x5F
        and data[start + 2] == 0x6C
        and data[start + 3] == 0x61
        and data[start + 4] == 0x62
        and data[start + 5] == 0x65
        and data[start + 6] == 0x6C
        and data[start + 7] == 0x5F
        and data[start + 8] == 0x5F
    )


@jit
def _is_end(data: Any, start: Any, end: Any) -> Any:
    """Whether it is </s>, where the library would stop reading."""
    return (
        end - start == 4
        and data[start] == 0x3C
        and data[start + 1] == 0x2F
        and data[start + 2] == 0x73
        and data[start + 3] == 0x3E
    )


@jit
def _read(text: Any, d: Any, model: Model, room: Room) -> None:
    """Sum up the rows of a text, all but that of its end."""
    data = text.data
    inputs, words, grams = model.inputs, model.words, model.grams
    room.sizes[:] = 0
    room.total[:] = 0
    i, end = text.offsets[d], text.offsets[d + 1]
    while True:
        while i < end and _is_space(data[i]):
            i += 1
        if i >= end:
            break
        start = i
        h = FNV_SEED
        while i < end and not _is_space(data[i]):
            h = np.uint32((h ^ np.uint32(np.int8(data[i]))) * FNV_PRIME)
            i += 1
        entry = find_word(data, start, i, h, words)
        if _is_end(data, start, i) or _is_label(data, start, i) or entry >= words.n_words:
            continue
        if room.sizes[_WAITING] == len(room.rows):
            _add_waiting(inputs, room)
        if entry >= 0:
            room.rows[room.sizes[_WAITING]] = entry
            room.sizes[_WAITING] += 1
        if grams.words > 1:
            room.hashes[room.sizes[_HASHES]] = np.int32(h)
            room.sizes[_HASHES] += 1
        if grams.max_n > 0:
            n = _copy_word(data, start, i, room.word)
            _add_characters(n, inputs, grams, words.n_words, room)
    if grams.words > 1:
        room.hashes[room.sizes[_HASHES]] = np.int32(END_HASH)
        room.sizes[_HASHES] += 1
        _add_words(inputs, grams, words.n_words, room)
    _add_waiting(inputs, room)


@jit
def _copy_word(data: Any, start: Any, end: Any, word: Bytes) -> Any:
    """Put a word between < and >; return its size there."""
    n = end - start + 2
    word[0] = _BOW
    for k in range(end - start):
        word[k + 1] = data[start + k]
    word[n - 1] = _EOW
    return n


@jit
def _score(outputs: Outputs, hidden: Floats, scores: Floats, tree: Floats64, found: Floats) -> None:
    """Probability of each label, from the average of the rows."""
    weights = outputs.weights
    scores[:] = 0
    for k in range(len(hidden)):
        for j in range(len(scores)):
            scores[j] += weights[k, j] * hidden[k]
    if outputs.loss == HIERARCHICAL:
        _descend(outputs, scores, tree, found)
    elif outputs.loss == SOFTMAX:
        highest = scores.max()
        total = np.float32(0)
        for j in range(len(scores)):
            found[j] = np.exp(scores[j] - highest)
            total += found[j]
        for j in range(len(scores)):
            found[j] /= total
    else:
        for j in range(len(scores)):
            if abs(scores[j]) > SIGMOID_END:
                found[j] = 0 if scores[j] < 0 else 1
            else:
                step = np.int64((scores[j] + np.float32(SIGMOID_END)) * _STEPS_PER_UNIT)
                found[j] = outputs.sigmoid[step]


@jit
def _descend(outputs: Outputs, scores: Floats, tree: Floats64, found: Floats) -> None:
    """Probabilities of the leaves of the Huffman tree, each a product down from the root, node 2n - 2.

    What is below the least that is reported is not looked into: leaves there are less likely still.
    """
    n = outputs.n_labels
    tree[2 * n - 2] = 1.0
    for i in range(n - 2, -1, -1):
        node = tree[n + i]
        right = 1.0 / (1.0 + np.exp(-np.float64(scores[i]))) if node >= _LEAST else 0.0
        tree[outputs.left[i]] = node * (1.0 - right + _LEAST)
        tree[outputs.right[i]] = node * (right + _LEAST)
    for label in range(n):
        found[label] = tree[label] if tree[label] >= _LEAST else 0.0


@jit
def _finish(model: Model, room: Room, scores: Floats, tree: Floats64, found: Floats) -> None:
    """Add the row of the end mark, and fill in the probabilities, which stay 0 if there are no rows at all."""
    if model.words.end >= 0 and model.words.end < model.words.n_words:
        room.rows[0] = model.words.end
        room.sizes[_WAITING] = 1
        _add_waiting(model.inputs, room)
    if room.sizes[_ADDED] > 0:
        factor = np.float32(1.0 / room.sizes[_ADDED])
        for k in range(len(room.total)):
            room.total[k] *= factor
        _score(model.outputs, room.total, scores, tree, found)


@jit
def score_texts(text: Any, firsts: Int64s, model: Model) -> Any:
    """Probability of every label for each text, (texts, labels), and for each document, (documents, labels).

    Document d is made of the texts `firsts[d]:firsts[d + 1]`. All probabilities are 0 where there is nothing that the
    model knows.
    """
    n, n_documents, n_labels = len(text.offsets) - 1, len(firsts) - 1, model.outputs.n_labels
    found = np.zeros((n, n_labels), np.float32)
    of_documents = np.zeros((n_documents, n_labels), np.float32)
    longest = 0
    for d in range(n):
        longest = max(longest, text.offsets[d + 1] - text.offsets[d])
    dim = model.inputs.dense.shape[1]
    room = _room(longest, dim, model.grams.words > 1)
    whole = _room(0, dim, False)
    scores = np.zeros(model.outputs.weights.shape[1], np.float32)
    tree = np.zeros(2 * n_labels, np.float64)
    for d in range(n_documents):
        whole.total[:] = 0
        whole.sizes[:] = 0
        for part in range(firsts[d], firsts[d + 1]):
            _read(text, part, model, room)
            for k in range(dim):
                whole.total[k] += room.total[k]
            whole.sizes[_ADDED] += room.sizes[_ADDED]
            _finish(model, room, scores, tree, found[part])
        if firsts[d + 1] - firsts[d] == 1:
            of_documents[d] = found[firsts[d]]
        else:
            _finish(model, whole, scores, tree, of_documents[d])
    return found, of_documents


@jit
def best(scores: Any, k: Any) -> Any:
    """The k best columns of each row and their values, best first; of equals the first column."""
    n = len(scores)
    columns = np.zeros((n, k), np.int32)
    values = np.full((n, k), -np.inf, np.float32)
    for d in range(n):
        for j in range(scores.shape[1]):
            value = scores[d, j]
            place = k
            while place > 0 and value > values[d, place - 1]:
                place -= 1
            if place < k:
                for i in range(k - 1, place, -1):
                    columns[d, i] = columns[d, i - 1]
                    values[d, i] = values[d, i - 1]
                columns[d, place] = j
                values[d, place] = value
    return columns, values
