"""Which text a tokenizer is trained on: pieces of documents, chosen by hash, as far as each group's quota goes.

The unit of the sample is a piece of about 4000 bytes, not a document: one book then weighs no more than as many pages
of the web, a language with three huge documents fills its quota as well as one with a million small ones, and
SentencePiece gets "sentences" of a size that it accepts.

A piece is in the sample if its hash is below a threshold that follows from totals alone. So every file can be sampled
by itself, in bounded memory, and the choice depends neither on the order of the files nor on how the text is spread
over them.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import xxhash

from gristmill.schemas import mix
from gristmill.tokenizer.quotas import significant

PIECE_BYTES = 4000
"""Bytes of a piece, about: below the 4192 at which SentencePiece by default leaves a sentence out."""

CUT_WINDOW = 128
"""Bytes behind the nominal end of a piece that are searched for a line break or a space."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_CONTINUATION = 0x80


def sampling_fraction(*, quota: int, available: int) -> float:
    """Share of a group's pieces to look at, so that the quota is reached with near certainty. 0..1.

    The bytes below a hash threshold vary like a count of pieces: four standard deviations are added, and six pieces for
    small counts. Rounded up to six significant digits: a last bit that differs between machines must not matter.
    """
    if quota <= 0 or quota >= available:
        return float(quota > 0)
    pieces = quota / PIECE_BYTES
    fraction = (pieces + 4 * math.sqrt(pieces) + 6) / (available / PIECE_BYTES)
    return min(1.0, significant(fraction * (1 + 1e-6), digits=6))


def choose_pieces(
    doc_ids: Sequence[str], texts: Sequence[bytes], *, seed: int, fractions: npt.NDArray[np.float64]
) -> Iterator[tuple[int, int, bytes]]:
    """(number of the document, hash, UTF-8 text) of the pieces of some documents that are in the sample.

    Args:
        fractions: share of its pieces that are wanted of each document. 0..1.

    Time: one hash per piece; only chosen pieces are copied. Memory: 26 bytes per piece of the documents.
    """
    if not doc_ids:
        return
    counts = np.array([-(-len(text) // PIECE_BYTES) for text in texts], np.int64)
    first = np.array([xxhash.xxh3_64_intdigest(each.encode(), seed=seed) for each in doc_ids], np.uint64)
    documents = np.repeat(np.arange(len(texts)), counts)
    numbers = np.arange(len(documents)) - np.repeat(np.cumsum(counts) - counts, counts)
    hashes = mix(first[documents] + numbers.astype(np.uint64) * _GOLDEN)
    # The 53 bits that a double can hold of a hash: equal everywhere, and finer than any fraction.
    chosen = np.flatnonzero((hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53 < fractions[documents])
    for place in chosen.tolist():
        document, number = int(documents[place]), int(numbers[place])
        piece = texts[document][_cut(texts[document], number) : _cut(texts[document], number + 1)]
        if piece:
            yield document, int(hashes[place]), piece


def until_quota(sizes: npt.NDArray[np.int64], *, quota: int) -> npt.NDArray[np.int64]:
    """Bytes to take of each piece, in their order: all of it, until the quota is full, and then nothing."""
    before = np.cumsum(sizes) - sizes
    taken: npt.NDArray[np.int64] = np.clip(quota - before, 0, sizes)
    return taken


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


def up_to(text: str, n_bytes: int) -> str:
    """The beginning of a text of so many bytes in UTF-8, or as many more as its last character needs."""
    data = text.encode()
    return data[: character_start(data, n_bytes)].decode()
