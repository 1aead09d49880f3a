"""Megatron-LM's indexed dataset: `tokens.bin`, all tokens as they are, and `tokens.idx`, where each document lies.

The format is that of `IndexedDataset` in Megatron Core (`megatron/core/datasets/indexed_dataset.py`). An index holds,
little-endian: magic, version, code of the token type, number of sequences and of document bounds; then the length of
each sequence (int32), its place in bytes (int64), and the numbers of the sequences that documents begin with, the
number of all at the end (int64). Here each document is one sequence, since Megatron cuts its samples itself.
"""

import struct
from pathlib import Path

import numpy as np

from gristmill.trainer.exports.reading import documents
from gristmill.trainer.shards import ShardReader

MAGIC = b"MMIDIDX\x00\x00"
_HEADER = struct.Struct("<9sQBQQ")
_VERSION = 1
_TYPES = {"uint16": ("<u2", 8), "uint32": ("<i4", 4)}
"""Types on disk and their codes: Megatron knows no uint32, and no vocabulary needs its highest bit."""


def write(reader: ShardReader, folder: Path) -> int:
    """Write the pair of files; returns the number of documents. Raises ManifestError where a shard is damaged."""
    count, (kind, code) = reader.manifest.totals["documents"], _TYPES[reader.manifest.token_type]
    index = folder / "tokens.idx"
    index.write_bytes(_HEADER.pack(MAGIC, _VERSION, code, count, count + 1))
    places = _HEADER.size + 4 * count
    with index.open("r+b") as file:
        file.truncate(places + 8 * count + 8 * (count + 1))
    lengths = np.memmap(index, "<i4", "r+", offset=_HEADER.size, shape=(count,))
    pointers = np.memmap(index, "<i8", "r+", offset=places, shape=(count,))
    bounds = np.memmap(index, "<i8", "r+", offset=places + 8 * count, shape=(count + 1,))
    done, position = 0, 0
    with (folder / "tokens.bin").open("wb") as data:
        for some in documents(reader):
            own = slice(done, done + len(some.lengths))
            sizes = some.lengths.astype(np.int64) * np.dtype(kind).itemsize
            lengths[own] = some.lengths
            pointers[own] = position + np.cumsum(sizes) - sizes
            bounds[own] = np.arange(own.start, own.stop)
            data.write(some.tokens.astype(kind).data)
            done, position = own.stop, position + int(sizes.sum())
    bounds[count] = count
    for each in (lengths, pointers, bounds):
        each.flush()
    return count
