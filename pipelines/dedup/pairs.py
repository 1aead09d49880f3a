"""Documents that share a hash, compared: candidates become pairs where their signatures agree enough.

Comparing before clustering keeps a chain of weak links from swallowing a corpus.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds

from gristmill.pipelines import files, tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.keys import signature_matrix, text_hash_matrix
from gristmill.pipelines.dedup.plan import read_plan
from gristmill.schemas import SIGNALS, Table

PAIRS = Table(
    name="dedup_pairs",
    row="two documents of one component, each named by its node (see Plan)",
    schema=pa.schema([pa.field("left", pa.int64()), pa.field("right", pa.int64())]),
)

NEIGHBOURS = 7
"""In a bucket, each document is compared with the first and with this many before it: all pairs of a small bucket, a
linear number of pairs of a large one (boilerplate that a million pages share)."""

PAIRS_AT_ONCE = 1 << 16
"""Pairs compared at once, to bound the memory of the comparison."""

Nodes = npt.NDArray[np.int64]
"""Documents, as part number * 2^32 + row."""


def pairs_of_range(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Find and compare the candidates among one range of hashes.

    What comes out is one pair for each document that has a copy, its component's first: as much as it takes to know the
    components, however often a pair was found.
    """
    plan = read_plan(unit, store)
    number, ranges = unit.descriptor["range"]
    low, high = _bounds(number, ranges)
    hashes, nodes = _read_range(store, plan.keys, low=low, high=high)
    left, right = candidates(hashes, nodes)
    output.count("candidates", len(left))
    alike = similarities(store, plan.signals, left, right) >= np.float32(settings["min_similarity"])
    first, other = forest(left[alike], right[alike])
    with output.table(PAIRS) as writer:
        writer.write(pa.record_batch([first, other], schema=PAIRS.schema))


def forest(left: Nodes, right: Nodes) -> tuple[Nodes, Nodes]:
    """The same components by fewer pairs: each document but a component's first, paired with that first."""
    nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    first = nodes[components(places[: len(left)], places[len(left) :], size=len(nodes))]
    others = first != nodes
    return first[others], nodes[others]


def components(left: npt.NDArray[np.intp], right: npt.NDArray[np.intp], *, size: int) -> npt.NDArray[np.intp]:
    """The smallest node of each node's connected component.

    Each round hooks the root of every edge's larger label under the smaller and then halves all paths, so a component
    of diameter d takes about log d rounds (Shiloach and Vishkin, 1982). Cost: edges + nodes, a round.
    """
    labels = np.arange(size)
    while True:
        low = np.minimum(labels[left], labels[right])
        before = labels.copy()
        np.minimum.at(labels, labels[left], low)
        np.minimum.at(labels, labels[right], low)
        while True:
            shorter = labels[labels]
            if np.array_equal(shorter, labels):
                break
            labels = shorter
        if np.array_equal(labels, before):
            return labels


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
    number below 1. Memory: 470 bytes for each document.
    """
    nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    found = rows_of(store, signals, nodes, columns=["text_hash", "signature"])
    signatures = signature_matrix(found["signature"].combine_chunks())
    hashes = text_hash_matrix(found["text_hash"].combine_chunks())
    one, other = places[: len(left)], places[len(left) :]
    alike = np.empty(len(left), np.float32)
    for start in range(0, len(left), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        alike[some] = (signatures[one[some]] == signatures[other[some]]).mean(axis=1, dtype=np.float32)
    equal = (hashes[one] == hashes[other]).all(axis=1)
    return np.where(equal, np.float32(1), np.minimum(alike, np.nextafter(np.float32(1), np.float32(0))))


def rows_of(store: Store, paths: list[str], nodes: Nodes, *, columns: list[str]) -> pa.Table:
    """The rows of sorted nodes, in their order, from the file of each one's part."""
    present, starts = np.unique(nodes >> 32, return_index=True)
    ends = [*starts[1:], len(nodes)]
    if not len(present):
        return SIGNALS.schema.empty_table().select(columns)
    return pa.concat_tables(
        tables.take_rows(store, paths[part], rows=nodes[start:end] & 0xFFFFFFFF, columns=columns)
        for part, start, end in zip(present, starts, ends, strict=True)
    )
