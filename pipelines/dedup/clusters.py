"""Clusters: connected components of the pairs, and the document of each that stays."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.pairs import Nodes, components, forest, rows_of, similarities
from gristmill.pipelines.dedup.plan import Plan, read_plan
from gristmill.schemas import CLUSTERS


def find_clusters(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the documents of all clusters, one file for each group of parts.

    Memory: about 1 kB for each document that has a copy, most of it signatures for a moment; those that have none are
    never seen.
    """
    del settings
    plan = read_plan(unit, store)
    first, other = _read_forest(store, unit.local["pairs"])
    nodes, places = np.unique(np.concatenate([first, other]), return_inverse=True)
    if not len(nodes):
        return
    labels = components(places[: len(first)], places[len(first) :], size=len(nodes))
    facts = _facts(store, nodes, plan)
    survivors = choose_survivors(labels, facts)
    similarity = similarities(store, plan.signals, nodes, nodes[survivors])
    rows = _rows(facts, labels=labels, survivors=survivors, similarity=similarity)
    group_of = _groups(plan)[nodes >> 32]
    for number, name in enumerate(plan.groups):
        here = rows.filter(pa.array(group_of == number)).cast(CLUSTERS.schema).sort_by("doc_id")
        if here.num_rows:
            with output.table(CLUSTERS, name=name) as writer:
                writer.write(here)
    output.count("clusters", len(np.unique(labels)))
    output.count("duplicates", int((survivors != np.arange(len(nodes))).sum()))


def _read_forest(store: Store, paths: list[str]) -> tuple[Nodes, Nodes]:
    """The pairs of all ranges as one forest, file after file: the same pair is found in many ranges."""
    first, other = np.empty(0, np.int64), np.empty(0, np.int64)
    for path in paths:
        pairs = tables.read(store, path, columns=["left", "right"])
        first, other = forest(
            np.concatenate([first, pairs["left"].to_numpy()]), np.concatenate([other, pairs["right"].to_numpy()])
        )
    return first, other


def _facts(store: Store, nodes: Nodes, plan: Plan) -> pa.Table:
    """doc_id, n_chars and date of each node."""
    measured = rows_of(store, plan.signals, nodes, columns=["doc_id", "n_chars"])
    present, starts = np.unique(nodes >> 32, return_index=True)
    dates = []
    for part, start, end in zip(present, starts, [*starts[1:], len(nodes)], strict=True):
        column = tables.read(store, plan.documents[part], columns=["status", "date"])
        of_documents = column.filter(pc.equal(column["status"], "ok"))["date"]
        dates += of_documents.take(pa.array(nodes[start:end] & 0xFFFFFFFF)).chunks
    # Ids of more than 67 million documents are more than 2 GiB, the most that a plain string column can hold.
    doc_ids = measured["doc_id"].cast(pa.large_string())
    return pa.table({"doc_id": doc_ids, "n_chars": measured["n_chars"], "date": pa.chunked_array(dates, pa.string())})


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
        {
            "doc_id": facts["doc_id"],
            "survivor_id": facts["doc_id"].combine_chunks().take(pa.array(survivors)),
            "size": pa.array(sizes[labels], pa.int32()),
            "kind": pa.array(kind, pa.string()),
            "similarity": pa.array(similarity, pa.float32()),
        }
    )


def _groups(plan: Plan) -> npt.NDArray[np.intp]:
    """The number of each part's group."""
    number = {part: index for index, members in enumerate(plan.groups.values()) for part in members}
    return np.array([number[part] for part in plan.parts], np.intp)
