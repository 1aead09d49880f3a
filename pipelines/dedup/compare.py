"""Pairs are compared before clusters form, so that a chain of weak links does not swallow a corpus.

Two phases, so that no unit has to reach for documents all over the corpus: the first puts beside each pair what the
right document is compared by, slice by slice of the right ones; the second compares, slice by slice of the left ones.
What each reads is in order. A pair that many bands have found is compared once. The document that all of a hot bucket
are compared with is a left one: its slice reads file after file, where a right one would hold all of its pairs at once.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.pipelines import exchange
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.candidates import PAIRS, unique
from gristmill.pipelines.dedup.corpus import Corpus, Nodes, read_corpus
from gristmill.pipelines.dedup.forest import forest
from gristmill.pipelines.dedup.keys import signature_matrix
from gristmill.schemas import PERMUTATIONS, Table

EDGES = Table(
    name="intermediate/dedup_edges",
    row="two documents that are alike, as much as it takes to know the components",
    schema=pa.schema([pa.field("node", pa.uint64()), pa.field("first", pa.uint64())]),
)

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

PAIRS_AT_ONCE = 1 << 18
"""Pairs that are held with signatures: 120 MB, and as much again while they are sorted."""

SHINGLED_AT_ONCE = 1 << 14
"""Pairs that are held with shingles: 4 bytes a word each."""

_NONE = np.empty(0, np.uint64)
_PAIR = [pa.field("left", pa.uint64()), pa.field("right", pa.uint64())]


def _beside(values: pa.DataType) -> Table:
    return Table(
        name="intermediate/dedup_beside",
        row="two documents to compare, and what the right one is compared by",
        schema=pa.schema([*_PAIR, pa.field("values", values)]),
    )


BY_SIGNATURE = _beside(pa.binary(4 * PERMUTATIONS))
BY_SHINGLES = _beside(pa.large_list(pa.uint32()))


def put_beside(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the pairs of a slice of right documents, sorted by left: a file for every so many pairs."""
    corpus = read_corpus(store)
    slices = corpus.slices()
    found = exchange.read_all(store, PAIRS, bounds=slices, number=unit.descriptor["slice"])
    rights, lefts = unique(found["right"].to_numpy(), found["left"].to_numpy())
    table = BY_SHINGLES if settings["exact"] else BY_SIGNATURE
    at_once = SHINGLED_AT_ONCE if settings["exact"] else PAIRS_AT_ONCE
    for start in range(0, len(rights), at_once):
        right, left = rights[start : start + at_once], lefts[start : start + at_once]
        nodes, places = np.unique(right, return_inverse=True)
        values = _shingles(corpus, nodes) if settings["exact"] else _signatures(corpus, nodes)
        order = np.argsort(left, kind="stable")
        rows = pa.record_batch([left[order], right[order], values.take(pa.array(places[order]))], schema=table.schema)
        exchange.write(output, table, rows, bounds=slices, name=f"{unit.key}-{start // at_once:04d}")


def compare(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write a forest of the pairs of a slice of left documents that are alike.

    Memory: 16 bytes for each of these pairs, and a file's share of the slice with what it is compared by.
    """
    corpus = read_corpus(store)
    table = BY_SHINGLES if settings["exact"] else BY_SIGNATURE
    lefts, rights = [_NONE], [_NONE]
    for pairs in exchange.read(store, table, bounds=corpus.slices(), number=unit.descriptor["slice"]):
        left, right = pairs["left"].to_numpy(), pairs["right"].to_numpy()
        nodes, places = np.unique(left, return_inverse=True)
        values = pairs["values"].combine_chunks()
        if settings["exact"]:
            similarity = jaccard(_shingles(corpus, nodes), places, values)
        else:
            similarity = agreement(_signatures(corpus, nodes), places, values)
        alike = below_one(similarity) >= np.float32(settings["min_similarity"])
        lefts.append(left[alike])
        rights.append(right[alike])
        output.count("candidates", len(left))
        output.count("alike", int(alike.sum()))
    first, other = forest(np.concatenate(lefts), np.concatenate(rights))
    with output.table(EDGES, packed=False) as writer:
        writer.write(pa.record_batch([other, first], schema=EDGES.schema))


def below_one(similarity: Floats) -> Floats:
    """The similarities of different texts: never 1, whatever their signatures say."""
    return np.minimum(similarity, np.nextafter(np.float32(1), np.float32(0)))


def _signatures(corpus: Corpus, nodes: Nodes) -> pa.Array:
    return corpus.rows_of(nodes, ["signature"])["signature"].combine_chunks()


def _shingles(corpus: Corpus, nodes: Nodes) -> pa.LargeListArray:
    """The distinct shingles of each document, sorted."""
    from gristmill.filters import shingles  # noqa: PLC0415  (compiled: only workers need them)

    if not len(nodes):
        return pa.array([], pa.large_list(pa.uint32()))
    found = shingles.hashes(corpus.documents_of(nodes, ["text"])["text"])
    sets = [np.unique(found.hashes[start:end]) for start, end in zip(found.offsets, found.offsets[1:], strict=False)]
    offsets = np.cumsum([0, *map(len, sets)])
    return pa.LargeListArray.from_arrays(offsets, pa.array(np.concatenate(sets)))


def agreement(of_left: pa.Array, left: Int64s, right: pa.Array) -> Floats:
    """Estimated Jaccard similarity of signatures: of number left[i] and number i of right."""
    from gristmill.pipelines.dedup import kernels  # noqa: PLC0415  (compiled: only workers need them)

    return kernels.agreement(signature_matrix(of_left), left, signature_matrix(right))


def jaccard(of_left: pa.LargeListArray, left: Int64s, right: pa.LargeListArray) -> Floats:
    """Jaccard similarity of sorted lists: of list left[i] and list i of right."""
    from gristmill.pipelines.dedup import kernels  # noqa: PLC0415  (compiled: only workers need them)

    lefts, rights = of_left.values.to_numpy(), right.values.to_numpy()
    return kernels.jaccard(of_left.offsets.to_numpy(), lefts, left, right.offsets.to_numpy(), rights)
