"""Raw tokens: `tokens.npy`, all documents one after the other, and `doc_lens.npy`, the tokens of each."""

from pathlib import Path

import numpy as np

from gristmill.trainer.exports.reading import documents
from gristmill.trainer.shards import ShardReader


def write(reader: ShardReader, folder: Path) -> int:
    """Write the two arrays; returns the number of documents. Raises ManifestError where a shard is damaged."""
    manifest = reader.manifest
    count, amount, kind = manifest.totals["documents"], manifest.totals["tokens"], np.dtype(manifest.token_type)
    tokens = np.lib.format.open_memmap(folder / "tokens.npy", "w+", kind.newbyteorder("<"), (amount,))
    lengths = np.lib.format.open_memmap(folder / "doc_lens.npy", "w+", np.dtype("<i4"), (count,))
    done, position = 0, 0
    for some in documents(reader):
        tokens[position : position + len(some.tokens)] = some.tokens
        lengths[done : done + len(some.lengths)] = some.lengths
        done, position = done + len(some.lengths), position + len(some.tokens)
    for each in (tokens, lengths):
        each.flush()
    return count
