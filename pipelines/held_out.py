"""Held out: which of the kept documents no part of training sees, so that models can be measured on them.

The name of a document's cluster decides, by its hash, so all of a cluster is on one side. The hash knows no seed:
outputs of the same input hold out the same documents, and a larger share holds out more of them, never others.
"""

import numpy as np
import pyarrow as pa
import xxhash

_SALT = "held_out"


def are_held_out(names: pa.Array, *, share: float) -> pa.Array:
    """Whether documents are held out, by the name of the cluster of each, or its own id where it is in none."""
    hashes = (xxhash.xxh3_64_intdigest(f"{_SALT}:{name}".encode()) for name in names.to_pylist())
    return pa.array(np.fromiter(hashes, np.uint64, len(names)) < np.uint64(share * 2.0**64))
