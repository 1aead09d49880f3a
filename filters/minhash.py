"""MinHash signatures, bit for bit those of datasketch's scheme affine32 (datasketch 2.0, seed 1).

A 32-bit shingle hash h is mixed once with MurmurHash3's finaliser; permutation k sends it to a[k] * h + b[k] mod 2^32,
and the signature holds each permutation's least value. Signatures thus serve datasketch's LSH indices as they are.
"""

from typing import Any, NamedTuple

import numpy as np

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import Int64s, UInt32s
from gristmill.schemas.measures import PERMUTATIONS

_MIX_1, _MIX_2 = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
_SHIFT_1, _SHIFT_2 = np.uint32(16), np.uint32(13)
_SEED = 1
_AT_ONCE = 8
"""Shingles per pass over the signature: it and the permutations are then loaded an eighth as often."""


class Permutations(NamedTuple):
    """Factors and summands, one pair per permutation."""

    a: UInt32s
    b: UInt32s


def permutations() -> Permutations:
    """datasketch's permutations for PERMUTATIONS values, drawn as it draws them.

    Importing it takes 0.3 s, for SciPy's sake. No version of NumPy may change what its legacy generator draws.
    """
    drawn = np.random.RandomState(_SEED)
    factors = drawn.randint(0, 1 << 31, PERMUTATIONS, dtype=np.uint32)
    return Permutations(factors * np.uint32(2) + np.uint32(1), drawn.randint(0, 1 << 32, PERMUTATIONS, dtype=np.uint32))


def choose_bands(threshold: float) -> tuple[int, int]:
    """Bands and rows that fit in a signature and tell a Jaccard similarity above the threshold from one below it best.

    By datasketch's optimiser: the least sum of false positives and false negatives over all similarities.
    """
    import datasketch  # noqa: PLC0415  (slow, and seldom asked for)

    lsh = datasketch.MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    return int(lsh.b), int(lsh.r)


@jit
def _finalise(h: Any) -> Any:
    h ^= h >> _SHIFT_1
    h = np.uint32(h * _MIX_1)
    h ^= h >> _SHIFT_2
    h = np.uint32(h * _MIX_2)
    return np.uint32(h ^ (h >> _SHIFT_1))


@jit
def sign_document(hashes: UInt32s, n: Any, permutations: Permutations, signature: UInt32s) -> None:
    """Write the signature of the first n hashes, which it mixes in place. No hashes: all values 2^32 - 1."""
    a, b = permutations.a, permutations.b
    for i in range(n):
        hashes[i] = _finalise(hashes[i])
    signature[:] = np.uint32(0xFFFFFFFF)
    whole = n - n % _AT_ONCE
    for i in range(0, whole, _AT_ONCE):
        h0, h1, h2, h3 = hashes[i], hashes[i + 1], hashes[i + 2], hashes[i + 3]
        h4, h5, h6, h7 = hashes[i + 4], hashes[i + 5], hashes[i + 6], hashes[i + 7]
        for k in range(PERMUTATIONS):
            m0 = min(np.uint32(a[k] * h0 + b[k]), np.uint32(a[k] * h1 + b[k]))
            m1 = min(np.uint32(a[k] * h2 + b[k]), np.uint32(a[k] * h3 + b[k]))
            m2 = min(np.uint32(a[k] * h4 + b[k]), np.uint32(a[k] * h5 + b[k]))
            m3 = min(np.uint32(a[k] * h6 + b[k]), np.uint32(a[k] * h7 + b[k]))
            signature[k] = min(signature[k], m0, m1, m2, m3)
    for i in range(whole, n):
        h = hashes[i]
        for k in range(PERMUTATIONS):
            signature[k] = min(signature[k], np.uint32(a[k] * h + b[k]))


@jit
def _sign(offsets: Int64s, hashes: UInt32s, permutations: Permutations) -> UInt32s:
    signatures = np.empty((len(offsets) - 1, PERMUTATIONS), np.uint32)
    for d in range(len(offsets) - 1):
        mixed = hashes[offsets[d] : offsets[d + 1]].copy()
        sign_document(mixed, len(mixed), permutations, signatures[d])
    return signatures


def sign(offsets: Int64s, hashes: UInt32s) -> UInt32s:
    """Signatures, one row of PERMUTATIONS values for each document: `hashes[offsets[d]:offsets[d + 1]]`.

    Equals `datasketch.MinHash(num_perm=PERMUTATIONS, scheme="affine32", hashfunc=int)` over the same hashes. About
    150 million hashes per second on one core (`benchmarks/signature.py`).
    """
    return _sign(offsets, hashes, permutations())
