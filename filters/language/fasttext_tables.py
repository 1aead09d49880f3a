"""What fastText's inference looks up, laid out for a kernel: dictionary, n-grams, matrices, Huffman tree."""

from typing import Any, NamedTuple

import numpy as np

from gristmill.filters._jit import jit
from gristmill.filters.language.fasttext_format import HIERARCHICAL, Bytes, Contents, Floats, Int32s, Int64s, Quantised

DENSE_BYTES = 64 << 20
"""Quantised matrices up to this size are spread out once: adding a row is then one pass in place of one per part."""

FNV_SEED, FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
SIGMOID_STEPS, SIGMOID_END = 512, 8
"""fastText looks its sigmoid up: so many steps, from minus to plus this."""
_MAX_BITS = 1 << 24

UInt32s = np.ndarray[Any, np.dtype[np.uint32]]


class Inputs(NamedTuple):
    """The input matrix: dense, or else quantised, where the other fields are empty."""

    dense: Floats
    codes: Bytes
    centroids: Floats
    width: int
    norms: Floats


class Words(NamedTuple):
    """A dictionary as a hash table with open addressing: slots hold entries, -1 for none."""

    slots: Int32s
    hashes: UInt32s
    offsets: Int64s
    bytes: Bytes
    n_words: int
    end: int
    """The entry `</s>`, which ends every text; -1 if there is none."""


class Kept(NamedTuple):
    """Buckets that are left in a pruned model. Most n-grams of a text are not, which one bit of a small table tells."""

    all: bool
    bits: Bytes
    """One for each bucket, by its last digits: 0 if it is not left."""
    keys: Int32s
    """A hash table with open addressing: buckets, -1 for none."""
    rows: Int32s


class Grams(NamedTuple):
    """What n-grams are and which rows they have."""

    min_n: int
    max_n: int
    words: int
    bucket: int
    kept: Kept


class Outputs(NamedTuple):
    """The output layer: columns for labels, or inner nodes of the Huffman tree, and the tree's children."""

    loss: int
    n_labels: int
    weights: Floats
    """Transposed: (dim, labels)."""
    left: Int32s
    right: Int32s
    sigmoid: Floats


class Model(NamedTuple):
    """Everything that the kernel looks up."""

    inputs: Inputs
    words: Words
    grams: Grams
    outputs: Outputs


def compile_model(contents: Contents) -> Model:
    """The tables of a model, for the kernel. A dense input matrix stays mapped."""
    return Model(_inputs(contents.inputs), _words(contents), _grams(contents), _outputs(contents))


def _inputs(matrix: Floats | Quantised) -> Inputs:
    nothing = _frozen(np.empty((0, 1), np.uint8)), np.empty(0, np.float32), 1, np.empty(0, np.float32)
    if not isinstance(matrix, Quantised):
        return Inputs(matrix, *nothing)
    if 4 * len(matrix.codes) * matrix.columns <= DENSE_BYTES:
        return Inputs(_frozen(matrix.dense()), *nothing)
    none = _frozen(np.empty((0, matrix.columns), np.float32))
    return Inputs(none, np.ascontiguousarray(matrix.codes), matrix.centroids, matrix.width, matrix.norms)


def _frozen(array: Any) -> Any:
    array.setflags(write=False)  # as mapped ones are: one compiled kernel for both
    return array


def _words(contents: Contents) -> Words:
    n = len(contents.offsets)
    offsets = np.concatenate([[0], np.cumsum(contents.lengths)]).astype(np.int64)
    together = np.empty(int(offsets[-1]), np.uint8)
    hashes = np.empty(n, np.uint32)
    slots = np.full(_table_size(n), -1, np.int32)
    words = Words(slots, hashes, offsets, together, contents.n_words, -1)
    _fill_words(contents.file, contents.offsets, words)
    return words._replace(end=int(find_word(END, 0, len(END), END_HASH, words)))


def _grams(contents: Contents) -> Grams:
    return Grams(contents.min_n, contents.max_n, contents.word_ngrams, contents.bucket, _kept(contents))


def _kept(contents: Contents) -> Kept:
    buckets = contents.buckets
    if buckets is None:
        nothing = np.empty(0, np.int32)
        return Kept(True, np.empty(0, np.uint8), nothing, nothing)
    keys = np.full(_table_size(len(buckets)), -1, np.int32)
    rows = np.zeros(len(keys), np.int32)
    bits = np.zeros(min(1 << max(contents.bucket - 1, 7).bit_length(), _MAX_BITS) // 8, np.uint8)
    _fill_buckets(buckets, contents.rows, bits, keys, rows)
    return Kept(False, bits, keys, rows)


def _outputs(contents: Contents) -> Outputs:
    n = len(contents.labels)
    left, right = np.zeros((2, max(n - 1, 0)), np.int32)
    if contents.loss == HIERARCHICAL:
        _grow_tree(contents.label_counts, left, right)
    steps = np.arange(SIGMOID_STEPS + 1, dtype=np.float32) * (2 * SIGMOID_END) / SIGMOID_STEPS - SIGMOID_END
    sigmoid = (1 / (1 + np.exp(-steps, dtype=np.float32))).astype(np.float32)
    weights = np.ascontiguousarray(contents.outputs.T.astype(np.float32))
    return Outputs(contents.loss, n, weights, left, right, sigmoid)


def _table_size(n: int) -> int:
    return 1 << max(2 * n - 1, 1).bit_length()


@jit
def hash_bytes(data: Any, start: Any, end: Any) -> Any:
    h = FNV_SEED
    for i in range(start, end):
        h = np.uint32((h ^ np.uint32(np.int8(data[i]))) * FNV_PRIME)
    return h


END = np.frombuffer(b"</s>", np.uint8)
END_HASH = np.uint32(hash_bytes(END, 0, len(END)))
"""The word that stands for the end of a line."""


@jit
def _fill_words(file: Any, starts: Any, words: Words) -> None:
    """Copy the words, hash them, and fill in the slots."""
    mask = len(words.slots) - 1
    for entry in range(len(starts)):
        start, behind = words.offsets[entry], words.offsets[entry + 1]
        for i in range(behind - start):
            words.bytes[start + i] = file[starts[entry] + i]
        words.hashes[entry] = hash_bytes(words.bytes, start, behind)
        slot = np.int64(words.hashes[entry]) & mask
        while words.slots[slot] >= 0:
            slot = (slot + 1) & mask
        words.slots[slot] = entry


@jit
def _fill_buckets(buckets: Any, targets: Any, bits: Any, keys: Any, rows: Any) -> None:
    mask = len(keys) - 1
    for i in range(len(buckets)):
        bit = np.int64(buckets[i]) & (8 * len(bits) - 1)
        bits[bit >> 3] |= np.uint8(1 << (bit & 7))
        slot = slot_of(buckets[i]) & mask
        while keys[slot] >= 0 and keys[slot] != buckets[i]:
            slot = (slot + 1) & mask
        keys[slot] = buckets[i]
        rows[slot] = targets[i]


@jit
def slot_of(bucket: Any) -> Any:
    return np.int64((np.uint64(bucket) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32))


@jit
def _grow_tree(counts: Any, left: Any, right: Any) -> None:
    """`HierarchicalSoftmaxLoss::buildTree`: labels are sorted by falling count; node n + i has the children i."""
    n = len(counts)
    weights = np.empty(2 * n - 1, np.int64)
    weights[:] = 1_000_000_000_000_000
    weights[:n] = counts
    leaf, node = n - 1, n
    for i in range(n - 1):
        for side in range(2):
            if leaf >= 0 and weights[leaf] < weights[node]:
                least = leaf
                leaf -= 1
            else:
                least = node
                node += 1
            if side == 0:
                left[i] = least
            else:
                right[i] = least
        weights[n + i] = weights[left[i]] + weights[right[i]]


@jit
def find_word(data: Any, start: Any, end: Any, h: Any, words: Words) -> Any:
    """The entry with these bytes, whose hash is h; -1 if there is none."""
    slots, hashes, offsets, together = words.slots, words.hashes, words.offsets, words.bytes
    mask = len(slots) - 1
    slot = np.int64(h) & mask
    while slots[slot] >= 0:
        entry = slots[slot]
        if hashes[entry] == h and offsets[entry + 1] - offsets[entry] == end - start:
            i = 0
            while start + i < end and together[offsets[entry] + i] == data[start + i]:
                i += 1
            if start + i == end:
                return np.int64(entry)
        slot = (slot + 1) & mask
    return np.int64(-1)
