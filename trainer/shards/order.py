"""The order that sequences are read in: a seeded permutation of all of them for every epoch, without end.

Three levels, each shuffled by a hash of seed and epoch: shards; the row groups of `BLOCK_SHARDS` shards that follow
each other; the sequences of a row group. So an order is known from its seed alone and can be taken up at any place at
once, a row group is read once an epoch, and an object store's shards are needed some at a time. What stands in a shard
is shuffled over the whole corpus already, so no sequence's content has any part in its place.

The order is a part of the shards' format: a run that was stopped has to find it again. It depends on no library.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK_SHARDS = 8
"""Shards whose row groups are shuffled together: what is read in turns, and what a cache has to hold."""

IntArray = npt.NDArray[np.int64]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_LEVEL_SHARDS, _LEVEL_GROUPS, _LEVEL_ROWS = range(3)


@dataclass(frozen=True, kw_only=True)
class Block:
    """Shards that are read together.

    Attributes:
        position: place in the endless order of its first sequence that is wanted.
        skip: sequences of it that come before that.
    """

    epoch: int
    number: int
    shards: IntArray
    position: int
    skip: int


@dataclass(frozen=True, kw_only=True)
class Run:
    """Sequences of one row group that follow each other in the order.

    Attributes:
        position: place in the endless order of the first.
        rows: their rows in the row group.
    """

    position: int
    shard: int
    group: int
    rows: IntArray


@dataclass(frozen=True, kw_only=True)
class Order:
    """The order of a corpus.

    Attributes:
        sequences: of each shard.
        group: sequences of each row group of a shard but its last.
    """

    sequences: IntArray
    group: int
    seed: int

    def blocks(self, start: int) -> Iterator[Block]:
        """The blocks from the one on that holds place `start`. Time to start: O(shards)."""
        epoch, skip = divmod(start, int(self.sequences.sum()))
        position = start
        while True:
            shards = _shuffled(len(self.sequences), self.seed, _LEVEL_SHARDS, epoch)
            for number in range(-(-len(shards) // BLOCK_SHARDS)):
                own = shards[number * BLOCK_SHARDS : (number + 1) * BLOCK_SHARDS]
                size = int(self.sequences[own].sum())
                if skip >= size:
                    skip -= size
                    continue
                yield Block(epoch=epoch, number=number, shards=own, position=position, skip=skip)
                position += size - skip
                skip = 0
            epoch += 1

    def runs(self, block: Block) -> Iterator[Run]:
        """The row groups of a block from its first wanted sequence on. Time to start: O(row groups)."""
        counts = -(-self.sequences[block.shards] // self.group)
        shards = np.repeat(block.shards, counts)
        groups = np.arange(len(shards)) - np.repeat(np.cumsum(counts) - counts, counts)
        places = _shuffled(len(shards), self.seed, _LEVEL_GROUPS, block.epoch, block.number)
        sizes = np.minimum(self.group, self.sequences[shards] - groups * self.group)[places]
        before = np.cumsum(sizes) - sizes - block.skip
        for place in range(int(np.searchsorted(before + sizes, 0, side="right")), len(places)):
            shard, group = int(shards[places[place]]), int(groups[places[place]])
            rows = _shuffled(int(sizes[place]), self.seed, _LEVEL_ROWS, block.epoch, shard, group)
            first = max(0, -int(before[place]))
            yield Run(position=block.position + int(before[place]) + first, shard=shard, group=group, rows=rows[first:])


def _shuffled(count: int, *key: int) -> IntArray:
    """0 to count - 1 in the order of their hashes under a key."""
    state = 0
    for number in key:
        state = _mix(state ^ ((number + 1) * _GOLDEN & _MASK))
    x = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN) + np.uint64(state)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.argsort(x ^ (x >> np.uint64(31)), kind="stable")


def _mix(x: int) -> int:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014), which stands above once more for arrays."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _MASK
    return x ^ (x >> 31)
