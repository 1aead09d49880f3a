"""The index of evaluation sets as a kernel reads it: passages, and a hash table from seeds to places in them."""

from typing import Any, NamedTuple

import numpy as np

from gristmill.filters._jit import jit
from gristmill.filters.contamination.seeds import ALIGNED, Passages, Seeds, sizes
from gristmill.filters.segmentation import Int32s, UInt8s, UInt32s, UInt64s

_BITS_PER_SEED = 16
_ONE, _SIX = np.uint64(1), np.uint64(63)
_FIRST_BIT, _SECOND_BIT, _THIRD_BIT = np.uint64(34), np.uint64(40), np.uint64(46)
_LOW = np.uint64(0xFFFFFFFF)


class Index(NamedTuple):
    """All that the kernel needs of the evaluation sets.

    Holds 5 bytes for each word of a distinct passage, 12 for each passage, and 25 to 50 for each seed: 0.8 to 1.6 kB
    for a passage of 30 words, which has 26 seeds at most.
    """

    passages: Passages
    needed: Int32s
    """Words of each passage that must be found."""
    filter: UInt64s
    """Three bits for each seed, all in one word (Putze et al. 2007): what lacks one of them is no seed."""
    keys: UInt32s
    """Open addressing by the hash's high bits: the hash's low half, 0 in free slots."""
    owners: Int32s
    """Passage of the seed in each slot."""
    places: Int32s
    """Word of the passage that the seed begins with."""
    shift: UInt64s
    """How far a hash is shifted to give its slot: one number."""


def needed_words(passages: Passages, modes: UInt8s, *, min_share: float) -> Int32s:
    """Words of each passage that must be found: all of an exact one."""
    words = sizes(passages)
    share = np.ceil(min_share * words - 1e-9)  # .8 of 5 words is 4, whatever a product of floats is
    return np.where(modes == ALIGNED, np.maximum(share, 1), words).astype(np.int32)


@jit
def bits_of(code: Any) -> Any:
    """The bits of a seed in its word of the filter."""
    one = _ONE << (code >> _FIRST_BIT & _SIX)
    two = _ONE << (code >> _SECOND_BIT & _SIX)
    return one | two | _ONE << (code >> _THIRD_BIT & _SIX)


@jit
def key_of(code: Any) -> Any:
    """What a slot holds of a seed's hash: never 0."""
    key = np.uint32(code & _LOW)
    return key if key != 0 else np.uint32(1)


@jit
def _fill(seeds: Seeds, index: Index) -> None:
    mask = len(index.keys) - 1
    word_mask = np.uint64(len(index.filter) - 1)
    for s in range(len(seeds.hashes)):
        code = seeds.hashes[s]
        index.filter[code & word_mask] |= bits_of(code)
        slot = np.int64(code >> index.shift[0])
        while index.keys[slot] != 0:
            slot = (slot + 1) & mask
        index.keys[slot] = key_of(code)
        index.owners[slot] = seeds.passages[s]
        index.places[slot] = seeds.places[s]


def build(passages: Passages, seeds: Seeds, needed: Int32s) -> Index:
    """The index, with twice as many slots as seeds at least. Linear time."""
    slots = max(4, (2 * len(seeds.hashes)).bit_length())
    words = max(4, (_BITS_PER_SEED * len(seeds.hashes) // 64).bit_length())
    index = Index(
        passages,
        needed,
        np.zeros(1 << words, np.uint64),
        np.zeros(1 << slots, np.uint32),
        np.zeros(1 << slots, np.int32),
        np.zeros(1 << slots, np.int32),
        np.array([64 - slots], np.uint64),
    )
    _fill(seeds, index)
    return index
