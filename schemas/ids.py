"""Identities: hashes that name documents, work and files by what they are, never by when or where they were made.

All are XXH3-128 (https://xxhash.com), written as 32 hexadecimal digits: fast, stable over platforms, and wide enough
that a corpus of 10^12 documents has a collision chance below 10^-14. Not a defence against an adversary who crafts
collisions; such a document only hides itself.
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash


def digest(data: bytes) -> str:
    """32 hexadecimal digits that name these bytes."""
    return xxhash.xxh3_128_hexdigest(data)


def document_id(*, source: str, path: str, offset: int, payload: bytes) -> str:
    """Name a record by its origin and its content.

    The origin is part of the name so that two equal records stay two rows of the ledger; the content is part of it so
    that a changed record never inherits the fate of the old one.
    """
    origin = f"{source}\0{path}\0{offset}\0".encode("utf-8", "surrogateescape")
    return digest(origin + xxhash.xxh3_128_digest(payload))


def key_of(value: Any) -> str:
    """Name a JSON-like value: equal values have equal keys, whatever the order of their mappings."""
    return digest(canonical_json(value))


def canonical_json(value: Any) -> bytes:
    """One spelling for each JSON value: sorted keys, no spaces, UTF-8.

    Raises:
        ValueError: the value holds NaN or an infinity, which have no JSON spelling.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogateescape")


def mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014): every input bit reaches every output bit."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
