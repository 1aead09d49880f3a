"""Documents that share a hash: equal texts are linked at once, others become pairs to be compared.

Within a bucket the order is that of the texts' hashes, which neither files nor runs can change: whether this corpus is
looked at alone or together with earlier ones, the same pairs of texts are compared.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.pipelines import exchange
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.corpus import Corpus, Nodes, read_corpus
from gristmill.pipelines.dedup.keys import KEYS, UInt64s, is_of_text
from gristmill.schemas import Table

PAIRS = Table(
    name="intermediate/dedup_pairs",
    row="two documents that share a band, by their nodes; right is the larger one",
    schema=pa.schema([pa.field("right", pa.uint64()), pa.field("left", pa.uint64())]),
)

COPIES = Table(
    name="intermediate/dedup_copies",
    row="a document with the same text as another, and the first one of that text",
    schema=pa.schema([pa.field("node", pa.uint64()), pa.field("first", pa.uint64())]),
)

_NONE = np.empty(0, np.uint64)

KEYS_PER_RANGE = 1 << 20
"""Keys that one unit sorts at once: 25 MB, and four times as much while it sorts."""

FEW = 16
"""In a bucket of so many texts all pairs are compared; in a hot one, such as that of boilerplate which a million pages
share, each text with the first only. Texts that are alike share other buckets, where they are few."""


def candidates_of_range(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the pairs and copies among one range of hashes. Memory: the keys of the range, of earlier runs just those
    that this one has too."""
    corpus = read_corpus(store)
    bounds = exchange.hash_bounds(settings["ranges"])
    hashes, texts, nodes = shared(*_read(corpus, bounds=bounds, number=unit.descriptor["range"]))
    of_text = is_of_text(hashes)
    node, first = copies(hashes[of_text], texts[of_text], nodes[of_text])
    left, right = pairs(hashes[~of_text], texts[~of_text], nodes[~of_text])
    # Two documents of earlier runs are none of ours; these have the larger nodes.
    _write(output, COPIES, node, first, own=first < corpus.end, bounds=corpus.slices())
    _write(output, PAIRS, right, left, own=left < corpus.end, bounds=corpus.slices())


def _read(corpus: Corpus, *, bounds: exchange.Bounds, number: int) -> tuple[UInt64s, UInt64s, Nodes]:
    from gristmill.pipelines.dedup.kernels import among  # noqa: PLC0415  (compiled: only workers need it)

    columns: list[tuple[UInt64s, UInt64s, Nodes]] = [(_NONE, _NONE, _NONE)]
    own: UInt64s | None = None
    for path, nodes in corpus.files(KEYS):
        found = exchange.between(path, bounds=bounds, number=number)
        here = tuple(found[name].to_numpy() for name in KEYS.schema.names)
        if nodes >= corpus.end:
            own = np.sort(np.concatenate([hashes for hashes, _, _ in columns])) if own is None else own
            known = among(here[0], own)
            here = tuple(each[known] for each in here)
        columns.append((here[0], here[1], here[2] + nodes))
    hashes, texts, found_nodes = (np.concatenate(each) for each in zip(*columns, strict=True))
    return hashes, texts, found_nodes


def shared(hashes: UInt64s, texts: UInt64s, nodes: Nodes) -> tuple[UInt64s, UInt64s, Nodes]:
    """The keys that more than one document has, sorted by hash, then by text, then by node."""
    order = np.argsort(hashes)
    same = hashes[order][1:] == hashes[order][:-1]
    order = order[np.concatenate([[False], same]) | np.concatenate([same, [False]])] if len(order) else order
    order = order[np.lexsort((nodes[order], texts[order], hashes[order]))]
    return hashes[order], texts[order], nodes[order]


def copies(hashes: UInt64s, texts: UInt64s, nodes: Nodes) -> tuple[Nodes, Nodes]:
    """The documents whose text another has, but for the first of each text, beside that first; from sorted keys."""
    fresh = np.ones(len(hashes), bool)
    fresh[1:] = (hashes[1:] != hashes[:-1]) | (texts[1:] != texts[:-1])
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(hashes)), 0))
    return nodes[~fresh], nodes[first][~fresh]


def pairs(hashes: UInt64s, texts: UInt64s, nodes: Nodes) -> tuple[Nodes, Nodes]:
    """Pairs (left < right) of the first documents of the texts of each bucket; from sorted keys. Linear."""
    from gristmill.pipelines.dedup.kernels import pair_up  # noqa: PLC0415  (compiled: only workers need it)

    found = np.empty((2, len(nodes) * FEW), np.uint64)
    n = pair_up(hashes, texts, nodes, FEW, found)
    return found[0, :n], found[1, :n]


def _write(
    output: Output, table: Table, key: Nodes, other: Nodes, *, own: npt.NDArray[np.bool_], bounds: exchange.Bounds
) -> None:
    """Write distinct rows, sorted."""
    key, other = unique(key[own], other[own])
    exchange.write(output, table, pa.record_batch([key, other], schema=table.schema), bounds=bounds)


def unique(one: Nodes, other: Nodes) -> tuple[Nodes, Nodes]:
    """Each pair once, sorted by one and then by other."""
    order = np.lexsort((other, one))
    one, other = one[order], other[order]
    fresh = np.ones(len(one), bool)
    fresh[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    return one[fresh], other[fresh]
