"""Documents that share a hash, compared: candidates become pairs where their signatures agree enough.

Comparing before clustering keeps a chain of weak links from swallowing a corpus.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from gristmill.pipelines import files, tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.keys import signature_matrix
from gristmill.schemas import Table

PAIRS = Table(
    name="dedup_pairs",
    row="two documents alike, each named by its part's number and its row there",
    schema=pa.schema(
        [
            pa.field("left", pa.int64()),
            pa.field("right", pa.int64()),
            pa.field("similarity", pa.float32()),
        ]
    ),
)

NEIGHBOURS = 7
"""In a bucket, each document is compared with the first and with this many before it: all pairs of a small bucket, a
linear number of pairs of a large one (boilerplate that a million pages share)."""

PAIRS_AT_ONCE = 50_000
"""Pairs whose signatures are in memory at once: 450 bytes for each document."""

Nodes = npt.NDArray[np.int64]
"""Documents, as part number * 2^32 + row."""


def pairs_of_range(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Find and compare the candidates among one range of hashes."""
    number, ranges = unit.descriptor["range"]
    low, high = _bounds(number, ranges)
    hashes, nodes = _read_range(store, unit.local["keys"], low=low, high=high)
    left, right = candidates(hashes, nodes)
    output.count("candidates", len(left))
    with output.table(PAIRS) as writer:
        for start in range(0, len(left), PAIRS_AT_ONCE):
            some = slice(start, start + PAIRS_AT_ONCE)
            alike = similarities(store, unit.local["signals"], left[some], right[some])
            chosen = alike >= np.float32(settings["min_similarity"])
            columns = [left[some][chosen], right[some][chosen], alike[chosen]]
            writer.write(pa.record_batch(columns, schema=PAIRS.schema))


def _bounds(number: int, ranges: int) -> tuple[int, int]:
    """First and last hash of a range."""
    return (number << 64) // ranges, ((number + 1) << 64) // ranges - 1


def _read_range(store: Store, paths: list[str], *, low: int, high: int) -> tuple[npt.NDArray[np.uint64], Nodes]:
    hashes: list[npt.NDArray[np.uint64]] = [np.empty(0, np.uint64)]
    nodes: list[Nodes] = [np.empty(0, np.int64)]
    wanted = (ds.field("hash") >= pa.scalar(low, pa.uint64())) & (ds.field("hash") <= pa.scalar(high, pa.uint64()))
    for part, path in enumerate(paths):
        with files.open_seekable(store.path(path)) as handle:
            found = pa.parquet.read_table(handle, filters=wanted)
        hashes.append(found["hash"].to_numpy())
        nodes.append((np.int64(part) << 32) + found["row"].to_numpy())
    return np.concatenate(hashes), np.concatenate(nodes)


def candidates(hashes: npt.NDArray[np.uint64], nodes: Nodes) -> tuple[Nodes, Nodes]:
    """Pairs (left < right), each once and sorted, of documents that share a hash. Time: n log n, pairs: 8 n at most."""
    order = np.lexsort((nodes, hashes))
    hashes, nodes = hashes[order], nodes[order]
    fresh = np.ones(len(hashes), bool)
    fresh[1:] = hashes[1:] != hashes[:-1]
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(hashes)), 0))
    lefts, rights = [nodes[first]], [nodes]
    for step in range(1, min(NEIGHBOURS, len(nodes) - 1) + 1):
        same = hashes[step:] == hashes[:-step]
        lefts.append(nodes[:-step][same])
        rights.append(nodes[step:][same])
    left, right = np.concatenate(lefts), np.concatenate(rights)
    differ = left != right
    return _unique(left[differ], right[differ])


def _unique(left: Nodes, right: Nodes) -> tuple[Nodes, Nodes]:
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    fresh = np.ones(len(left), bool)
    fresh[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return left[fresh], right[fresh]


def similarities(store: Store, signals: list[str], left: Nodes, right: Nodes) -> npt.NDArray[np.float32]:
    """Estimated Jaccard similarity of each pair: the share of equal MinHash values; 1 only for equal texts.

    Two different texts can agree in every value. They are then as alike as the signature can tell, and get the largest
    number below 1.
    """
    nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    found = rows_of(store, signals, nodes, columns=["text_hash", "signature"])
    signatures = signature_matrix(found["signature"].combine_chunks())
    one, other = places[: len(left)], places[len(left) :]
    alike = (signatures[one] == signatures[other]).mean(axis=1, dtype=np.float32)
    hashes = np.array(found["text_hash"].to_pylist(), dtype=object)
    equal = hashes[one] == hashes[other]
    return np.where(equal, np.float32(1), np.minimum(alike, np.nextafter(np.float32(1), np.float32(0))))


def rows_of(store: Store, paths: list[str], nodes: Nodes, *, columns: list[str]) -> pa.Table:
    """The rows of sorted nodes, in their order, from the file of each one's part."""
    part_of, row_of = nodes >> 32, nodes & 0xFFFFFFFF
    return pa.concat_tables(
        tables.take_rows(store, paths[part], rows=row_of[part_of == part], columns=columns)
        for part in np.unique(part_of)
    )
