"""Clusters: connected components of the pairs, and the document of each that stays."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.pairs import PAIRS_AT_ONCE, Nodes, rows_of, similarities
from gristmill.schemas import CLUSTERS


def find_clusters(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the documents of all clusters, one file for each group of parts.

    Memory: about 150 bytes for each document that has a copy; those that have none are never seen.
    """
    del settings
    left, right = _read_pairs(store, unit.local["pairs"])
    nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    if not len(nodes):
        return
    labels = components(places[: len(left)], places[len(left) :], size=len(nodes))
    facts = _facts(store, nodes, documents=unit.local["documents"], signals=unit.local["signals"])
    survivors = choose_survivors(labels, facts)
    similarity = _to_survivor(store, unit.local["signals"], nodes, survivors)
    rows = _rows(facts, labels=labels, survivors=survivors, similarity=similarity)
    group_of = _groups(unit.local["groups"], unit.local["parts"])[nodes >> 32]
    for number, name in enumerate(unit.local["groups"]):
        here = rows.filter(pa.array(group_of == number)).sort_by("doc_id")
        if here.num_rows:
            with output.table(CLUSTERS, name=name) as writer:
                writer.write(here)
    output.count("clusters", len(np.unique(labels)))
    output.count("duplicates", int((survivors != np.arange(len(nodes))).sum()))


def _read_pairs(store: Store, paths: list[str]) -> tuple[Nodes, Nodes]:
    read = [tables.read(store, path, columns=["left", "right"]) for path in paths]
    every = pa.concat_tables(read)
    return every["left"].to_numpy(), every["right"].to_numpy()


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


def _facts(store: Store, nodes: Nodes, *, documents: list[str], signals: list[str]) -> pa.Table:
    """doc_id, n_chars, text_hash and date of each node."""
    measured = rows_of(store, signals, nodes, columns=["doc_id", "n_chars", "text_hash"])
    dates = []
    for part in np.unique(nodes >> 32):
        column = tables.read(store, documents[part], columns=["status", "date"])
        of_documents = column.filter(pc.equal(column["status"], "ok"))["date"]
        dates.append(of_documents.take(pa.array(nodes[nodes >> 32 == part] & 0xFFFFFFFF)))
    return measured.append_column("date", pa.chunked_array([chunk for each in dates for chunk in each.chunks]))


def choose_survivors(labels: npt.NDArray[np.intp], facts: pa.Table) -> npt.NDArray[np.intp]:
    """For each node the node that stays of its component: the longest text, then the newest, then the smallest id.

    A total order over documents, so that no order of input or of work can change the choice.
    """
    keys = pa.table(
        {
            "label": labels,
            "n_chars": facts["n_chars"],
            "date": pc.fill_null(facts["date"], ""),
            "doc_id": facts["doc_id"],
        }
    )
    order = pc.sort_indices(
        keys,
        sort_keys=[("label", "ascending"), ("n_chars", "descending"), ("date", "descending"), ("doc_id", "ascending")],
    ).to_numpy()
    best = np.empty(len(labels), np.intp)
    _, first = np.unique(labels[order], return_index=True)
    best[labels[order[first]]] = order[first]
    return best[labels]


def _to_survivor(
    store: Store, signals: list[str], nodes: Nodes, survivors: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    found = [np.empty(0, np.float32)]
    for start in range(0, len(nodes), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        found.append(similarities(store, signals, nodes[some], nodes[survivors[some]]))
    return np.concatenate(found)


def _rows(
    facts: pa.Table,
    *,
    labels: npt.NDArray[np.intp],
    survivors: npt.NDArray[np.intp],
    similarity: npt.NDArray[np.float32],
) -> pa.Table:
    sizes = np.bincount(labels, minlength=len(labels))
    itself = survivors == np.arange(len(survivors))
    kind = np.where(itself, "survivor", np.where(similarity == 1, "exact", "near"))
    return pa.table(
        [
            facts["doc_id"],
            facts["doc_id"].combine_chunks().take(pa.array(survivors)),
            pa.array(sizes[labels], pa.int32()),
            pa.array(kind, pa.string()),
            pa.array(similarity, pa.float32()),
        ],
        schema=CLUSTERS.schema,
    )


def _groups(groups: dict[str, list[str]], parts: list[str]) -> npt.NDArray[np.intp]:
    """The number of each part's group."""
    number = {part: index for index, members in enumerate(groups.values()) for part in members}
    return np.array([number[part] for part in parts], np.intp)
