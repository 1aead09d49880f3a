"""Documents that share a hash: equal texts are linked at once, others become pairs to be compared.

Within a bucket the order is that of the texts' hashes, which neither files nor runs can change: whether this corpus is
looked at alone or together with earlier ones, the same pairs of texts are compared.
"""

import numpy as np
import pyarrow as pa

from gristmill.pipelines import exchange
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.corpus import Corpus, Nodes, read_corpus
from gristmill.pipelines.dedup.keys import KEYS, UInt64s, is_of_text
from gristmill.schemas import Table

PAIRS = Table(
    name="intermediate/dedup_pairs",
    row="two documents that share a band; the text of the left one has the smaller hash",
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
    _write(output, COPIES, node, first, corpus=corpus)
    _write(output, PAIRS, right, left, corpus=corpus)


def _read(corpus: Corpus, *, bounds: exchange.Bounds, number: int) -> tuple[UInt64s, UInt64s, Nodes]:
    """Hash, text and node of this run's keys in a range, and of those of earlier runs that have one of the hashes."""
    from gristmill.pipelines.dedup.kernels import among  # noqa: PLC0415  (compiled: only workers need it)

    columns = [(_NONE, _NONE, _NONE), *corpus.own.columns(KEYS, bounds=bounds, number=number)]
    own = np.sort(np.concatenate([hashes for hashes, _, _ in columns]))
    for run in corpus.runs[1:]:
        for hashes, texts, nodes in run.columns(KEYS, bounds=bounds, number=number):
            known = among(hashes, own)
            columns.append((hashes[known], texts[known], nodes[known]))
    hashes, texts, nodes = (np.concatenate(each) for each in zip(*columns, strict=True))
    return hashes, texts, nodes


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
    """Pairs of the first documents of the texts of each bucket; from sorted keys. Linear.

    Left is the one whose text has the smaller hash, so that the first document of a hot bucket, which is in all of its
    pairs, is always the left one.
    """
    from gristmill.pipelines.dedup.kernels import pair_up  # noqa: PLC0415  (compiled: only workers need it)

    found = np.empty((2, len(nodes) * FEW), np.uint64)
    n = pair_up(hashes, texts, nodes, FEW, found)
    return found[0, :n], found[1, :n]


def _write(output: Output, table: Table, key: Nodes, other: Nodes, *, corpus: Corpus) -> None:
    """Write distinct rows, sorted. Two documents of earlier runs are none of ours."""
    own = np.minimum(key, other) < corpus.end
    key, other = unique(key[own], other[own])
    exchange.write(output, table, pa.record_batch([key, other], schema=table.schema), bounds=corpus.slices())


def unique(one: Nodes, other: Nodes) -> tuple[Nodes, Nodes]:
    """Each pair once, sorted by one and then by other."""
    order = np.lexsort((other, one))
    one, other = one[order], other[order]
    fresh = np.ones(len(one), bool)
    fresh[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    return one[fresh], other[fresh]
