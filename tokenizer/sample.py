"""Which text a tokenizer is trained on: pieces of documents, chosen by hash, balanced over the languages.

The unit of the sample is a piece of about 4000 bytes, not a document: one book then weighs no more than as many pages
of the web, a language with three huge documents fills its quota as well as one with a million small ones, and
SentencePiece gets "sentences" of a size that it accepts.

A piece is in the sample if its hash is below a threshold that follows from totals alone. So every file can be sampled
by itself, in bounded memory, and the choice depends neither on the order of the files nor on how the text is spread
over them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xxhash

from gristmill.schemas import mix

PIECE_BYTES = 4000
"""Bytes of a piece, about: below the 4192 at which SentencePiece by default leaves a sentence out."""

CUT_WINDOW = 128
"""Bytes behind the nominal end of a piece that are searched for a line break or a space."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_CONTINUATION = 0x80


def shares(sizes: Mapping[str, int], *, temperature: float) -> dict[str, float]:
    """Each language's share of the whole, in proportion to size ** temperature (arXiv:1901.07291, section 3.1).

    Empty languages have no share. The shares sum to 1, or there are none.
    """
    present = {name: size for name, size in sorted(sizes.items()) if size > 0}
    if not present:
        return {}
    largest = max(present.values())
    powers = {name: (size / largest) ** temperature for name, size in present.items()}
    total = math.fsum(powers.values())
    return {name: power / total for name, power in powers.items()}


def quotas(sizes: Mapping[str, int], *, sample_bytes: int, temperature: float) -> dict[str, int]:
    """Bytes to take of each language.

    A language smaller than its share gives all it has, and the others divide the rest by the same rule, so the quotas
    sum to `sample_bytes`, or to all the text there is. Cost: O(languages ** 2) at worst.
    """
    wanted = shares(sizes, temperature=temperature)
    found: dict[str, int] = {}
    rest = sample_bytes
    while wanted:
        total = math.fsum(wanted.values())
        small = [name for name, share in wanted.items() if sizes[name] <= rest * (share / total)]
        if not small:
            found |= {name: int(rest * (share / total)) for name, share in wanted.items()}
            break
        for name in small:
            found[name] = sizes[name]
            rest -= sizes[name]
            del wanted[name]
    return dict(sorted(found.items()))


def sampling_fraction(*, quota: int, available: int) -> float:
    """Share of a language's pieces to look at, so that the quota is reached with near certainty. 0..1.

    The bytes below a hash threshold vary like a binomial count of pieces; four standard deviations are added.
    """
    if quota >= available:
        return 1.0
    slack = 4 / math.sqrt(max(1.0, quota / PIECE_BYTES))
    return min(1.0, quota / available * (1 + slack))


def choose_pieces(
    doc_ids: Sequence[str], texts: Sequence[bytes], *, seed: int, fraction: float
) -> Iterator[tuple[int, bytes]]:
    """(hash, UTF-8 text) of the pieces of some documents that are in the sample.

    Time: one hash per piece; only chosen pieces are copied. Memory: 17 bytes per piece of the documents.
    """
    if not doc_ids or fraction <= 0:
        return
    counts = np.array([-(-len(text) // PIECE_BYTES) for text in texts], np.int64)
    first = np.array([xxhash.xxh3_64_intdigest(each.encode(), seed=seed) for each in doc_ids], np.uint64)
    documents = np.repeat(np.arange(len(texts)), counts)
    numbers = np.arange(len(documents)) - np.repeat(np.cumsum(counts) - counts, counts)
    hashes = mix(first[documents] + numbers.astype(np.uint64) * _GOLDEN)
    chosen = np.arange(len(hashes)) if fraction >= 1 else np.flatnonzero(hashes < np.uint64(int(fraction * 2.0**64)))
    for place in chosen.tolist():
        text, number = texts[documents[place]], int(numbers[place])
        piece = text[_cut(text, number) : _cut(text, number + 1)]
        if piece:
            yield int(hashes[place]), piece


def until_quota(hashes: npt.NDArray[np.uint64], sizes: npt.NDArray[np.int64], *, quota: int) -> npt.NDArray[np.int64]:
    """Places of the pieces with the smallest hashes, in that order, up to the one that fills the quota.

    Equal hashes, which nothing but chance brings about, keep their order in the input.
    """
    order = np.argsort(hashes, kind="stable")
    before = np.cumsum(sizes[order]) - sizes[order]
    return order[before < quota]


def _cut(text: bytes, number: int) -> int:
    """Where piece `number` begins: behind the first line break after its nominal place, else before the first space,
    else at a character's first byte."""
    nominal = number * PIECE_BYTES
    if nominal == 0 or nominal >= len(text):
        return min(nominal, len(text))
    line = text.find(b"\n", nominal, nominal + CUT_WINDOW)
    if line >= 0:
        return line + 1
    space = text.find(b" ", nominal, nominal + CUT_WINDOW)
    return space if space >= 0 else character_start(text, nominal)


def character_start(text: bytes, place: int) -> int:
    """The first place from here on, that is no continuation byte of UTF-8."""
    while place < len(text) and (text[place] & 0xC0) == _CONTINUATION:
        place += 1
    return place
