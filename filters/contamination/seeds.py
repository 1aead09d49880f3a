"""How each text of an evaluation set can be told, and the seeds that give it away.

A *passage* is one text of an evaluation set, without its set's frame (see `unframed`). A word *tells* something if it
is neither a number nor a stop word of any language.

- A passage is **aligned**: found where the share of its words that the recipe asks for stands in order.
- A short one must be there **exact**, word by word: a few words less would be any sentence.
- A shorter one has **none** of these: nobody can tell whether "a tundra" was copied.

A *seed* is a run of a passage's words. A document that shares one is aligned with the passage there. Seeds are 3 or 5
words of a script with spaces, 4 or 6 characters of Chinese and Japanese, 6 or 8 of Thai and its like, the longer ones
in longer passages: where one word in ten is changed, a run of that length is always left whole. Of a long passage's
seeds 32 are taken, the most telling of each stretch.

Seeds that many passages share ("which of the following") tell nothing and are left out. A passage that has no others is
given the longer kind; if these are shared too, the least shared one, and must be there exactly.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit
from gristmill.filters.contamination.tokens import CLASS, NUMBER
from gristmill.filters.segmentation import SEED, Int32s, Int64s, UInt8s, UInt32s, UInt64s, mix

Bools = npt.NDArray[np.bool_]

NONE, EXACT, ALIGNED = range(3)
"""How a passage can be told."""

MATCHES = ("none", "exact", "aligned")
"""Their names in the table `evaluation_items`."""

# By class of word: spaced, East Asian, other unspaced, number. A number begins no seed.
SHORT = np.array([3, 4, 6, 0])
LONG = np.array([5, 6, 8, 0])
LONG_FROM = np.array([20, 20, 40, 1 << 30])
"""Words of a seed, and of the passages from which on seeds are long."""

ALIGNED_FROM = np.array([6, 10, 18, 1 << 30])
EXACT_FROM = np.array([5, 7, 12, 1 << 30])
"""Words of the shortest passages that are aligned, and that are looked for at all."""
MIN_LETTERS = np.array([12, 0, 0, 0])
"""Letters of the shortest passage that is looked for at all."""
MIN_TELLING = 3
"""Words that tell something, of which a passage must have that many, and an alignment too."""

CROWD = 16
"""Passages that may share a seed."""
EXACT_CROWD = 256
"""Passages that may share a seed if each has no other."""
MAX_SEEDS = 32
"""Seeds of a passage, at most."""


class Passages(NamedTuple):
    """Distinct passages: passage p has `offsets[p]:offsets[p + 1]` in the other arrays."""

    offsets: Int64s
    tokens: UInt32s
    telling: UInt8s
    """Letters of each word that tells something, 255 at most; 0 of stop words and numbers."""


class Seeds(NamedTuple):
    """Seeds in the order of their passages."""

    hashes: UInt64s
    passages: Int32s
    places: Int32s
    """Word of the passage that the seed begins with."""
    letters: Int32s
    """Letters of its telling words."""


@jit
def extend(state: Any, tokens: Any, first: Any, last: Any) -> Any:
    """Take tokens `first` up to `last` into the hash of a seed."""
    for i in range(first, last):
        state = mix(state, np.uint64(tokens[i]))
    return state


@jit
def _runs(passages: Passages, long: Bools, wanted: Bools) -> Any:
    n = 0
    room = len(passages.tokens)
    found = Seeds(
        np.empty(room, np.uint64), np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32)
    )
    for p in range(len(wanted)):
        first, last = passages.offsets[p], passages.offsets[p + 1]
        for i in range(first, last if wanted[p] else first):
            kind = passages.tokens[i] & CLASS
            end = i + (LONG[kind] if long[p] else SHORT[kind])
            if kind == NUMBER or end > last:
                continue
            letters = 0
            for k in range(i, end):
                letters += passages.telling[k]
            if letters:
                found.hashes[n] = extend(SEED, passages.tokens, i, end)
                found.passages[n] = p
                found.places[n] = i - first
                found.letters[n] = letters
                n += 1
    return found, n


def _seeds(passages: Passages, *, long: Bools, wanted: Bools) -> Seeds:
    """All seeds of the passages wanted that tell something; `long` says whether a passage has the longer ones."""
    found, n = _runs(passages, long, wanted)
    return _pick(found, np.arange(len(found.hashes)) < n)


def _crowds(seeds: Seeds) -> Int64s:
    """How many seeds have the hash of each."""
    _, places, counts = np.unique(seeds.hashes, return_inverse=True, return_counts=True)
    return np.asarray(counts[places], np.int64)


def sizes(passages: Passages) -> Int64s:
    """Words of each passage."""
    return np.diff(passages.offsets)


def _owners(passages: Passages) -> Int64s:
    """The passage of each word."""
    return np.repeat(np.arange(len(passages.offsets) - 1), sizes(passages))


def classes(passages: Passages) -> Int64s:
    """The class of most words of each passage, numbers aside unless there is nothing else."""
    n = len(passages.offsets) - 1
    cells = _owners(passages) * 4 + (passages.tokens & CLASS)
    counts = np.bincount(cells, minlength=4 * n).reshape(n, 4)[:, :NUMBER]
    return np.where(counts.any(axis=1), np.argmax(counts, axis=1), NUMBER).astype(np.int64)


@jit
def _tell_enough(passages: Passages) -> Any:
    """Whether MIN_TELLING different words of each passage tell something."""
    enough = np.zeros(len(passages.offsets) - 1, np.bool_)
    seen = np.empty(MIN_TELLING, np.uint32)
    for p in range(len(enough)):
        n = 0
        for i in range(passages.offsets[p], passages.offsets[p + 1]):
            if n < MIN_TELLING and passages.telling[i] and not np.any(seen[:n] == passages.tokens[i]):
                seen[n] = passages.tokens[i]
                n += 1
        enough[p] = n == MIN_TELLING
    return enough


def by_length(passages: Passages) -> UInt8s:
    """How each passage can be told, as far as its own words go."""
    words, kinds = sizes(passages), classes(passages)
    letters = np.bincount(_owners(passages), weights=passages.telling, minlength=len(words))
    told = (words >= EXACT_FROM[kinds]) & (letters >= MIN_LETTERS[kinds]) & _tell_enough(passages)
    return np.where(told, np.where(words >= ALIGNED_FROM[kinds], ALIGNED, EXACT), NONE).astype(np.uint8)


def choose(passages: Passages) -> tuple[UInt8s, Seeds]:
    """How each passage can be told, and the seeds of those that can be.

    n log n in the words of all passages, some 40 bytes of memory for each.
    """
    modes = by_length(passages)
    long = sizes(passages) >= LONG_FROM[classes(passages)]
    every = np.ones(len(modes), np.bool_)
    usual = _uncrowded(_seeds(passages, long=long, wanted=modes == ALIGNED))
    bare = (modes == ALIGNED) & ~_present(usual, len(modes))
    longer = _uncrowded(_seeds(passages, long=every, wanted=bare))
    modes[bare & ~_present(longer, len(modes))] = EXACT
    single = _single(_seeds(passages, long=every, wanted=modes == EXACT))
    # Some exact passages have no room for the longer seeds.
    shorter = _single(_seeds(passages, long=~every, wanted=(modes == EXACT) & ~_present(single, len(modes))))
    chosen = _in_order(usual, longer, single, shorter)
    modes[~_present(chosen, len(modes))] = NONE
    return modes, chosen


def _pick(seeds: Seeds, keep: Bools | Int64s) -> Seeds:
    return Seeds(seeds.hashes[keep], seeds.passages[keep], seeds.places[keep], seeds.letters[keep])


def _present(seeds: Seeds, n: int) -> Bools:
    present = np.zeros(n, np.bool_)
    present[seeds.passages] = True
    return present


def _uncrowded(seeds: Seeds) -> Seeds:
    """Seeds that few share, and of these the most telling one of each stretch of its passage."""
    few = _pick(seeds, _crowds(seeds) <= CROWD)
    ends = np.cumsum(np.bincount(few.passages, minlength=1))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    rank = np.arange(len(few.passages)) - starts[few.passages]
    stretch = rank * MAX_SEEDS // np.maximum(ends - starts, MAX_SEEDS)[few.passages]
    runs = few.passages.astype(np.int64) * MAX_SEEDS + stretch
    return _pick(few, _least_of_runs(runs, -few.letters.astype(np.int64)))


def _single(seeds: Seeds) -> Seeds:
    """The seed of each passage that the fewest share; none where too many do."""
    crowds = _crowds(seeds)
    shared = crowds <= EXACT_CROWD
    few = _pick(seeds, shared)
    return _pick(few, _least_of_runs(few.passages.astype(np.int64), crowds[shared]))


@jit
def _least_of_runs(runs: Int64s, values: Int64s) -> Any:
    """Places of the least value of each run of equal numbers, the first of equals."""
    least = np.empty(len(runs), np.int64)
    n = 0
    for i in range(len(runs)):
        if i == 0 or runs[i] != runs[i - 1]:
            least[n] = i
            n += 1
        elif values[i] < values[least[n - 1]]:
            least[n - 1] = i
    return least[:n]


def _in_order(*parts: Seeds) -> Seeds:
    joined = Seeds(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return _pick(joined, np.lexsort((joined.places, joined.passages)))
