"""What is known of the documents of clusters, brought together cluster by cluster."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import exchange, files
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.components import COMPONENTS
from gristmill.pipelines.dedup.corpus import Corpus, Nodes, Run, read_corpus
from gristmill.pipelines.dedup.urls import SUPERSEDED
from gristmill.schemas import PERMUTATIONS, Table, mix

MEMBERS = Table(
    name="intermediate/dedup_members",
    row="a document of a cluster, with what chooses the cluster's survivor",
    schema=pa.schema(
        [
            pa.field("cluster", pa.uint64()),
            pa.field("node", pa.uint64()),
            pa.field("doc_id", pa.string()),
            pa.field("superseded", pa.bool_()),
            pa.field("run", pa.string()),
            pa.field("stands_for", pa.string()),
            pa.field("quality", pa.float32()),
            pa.field("n_chars", pa.int32()),
            pa.field("date", pa.string()),
            pa.field("text_hash", pa.binary(16)),
            pa.field("signature", pa.binary(4 * PERMUTATIONS)),
        ]
    ),
)
"""`cluster` is a hash of the component's root. A document of an earlier run names that run, and the document that was
kept there in its place, itself perhaps."""

FATES = Table(
    name="intermediate/dedup_fates",
    row="a document of this run that is in a cluster: its row of the table clusters",
    schema=pa.schema(
        [
            pa.field("node", pa.uint64()),
            pa.field("doc_id", pa.string()),
            pa.field("cluster", pa.string()),
            pa.field("survivor_id", pa.string()),
            pa.field("earlier", pa.string()),
            pa.field("size", pa.int32()),
            pa.field("kind", pa.string()),
            pa.field("similarity", pa.float32()),
        ]
    ),
)
"""Kept for later runs that name this one."""

MEMBERS_PER_RANGE = 1 << 18
"""Documents whose survivors one unit chooses."""


def members_of_slice(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the members among a slice of documents, by cluster. Memory: some 700 bytes a member."""
    corpus = read_corpus(store)
    bounds, number = corpus.slices(), unit.descriptor["slice"]
    found = exchange.read_all(store, COMPONENTS, bounds=bounds, number=number)
    nodes = found["node"].to_numpy()
    old = exchange.read_all(store, SUPERSEDED, bounds=bounds, number=number)["node"].to_numpy()
    measured = corpus.rows_of(nodes, ["doc_id", "n_chars", "text_hash", "signature"])
    runs, stand_for = _earlier(corpus, nodes, measured["doc_id"])
    columns = {
        "cluster": mix(found["root"].to_numpy()),
        "node": nodes,
        "superseded": np.isin(nodes, old),
        "run": runs,
        "stands_for": stand_for,
        "quality": corpus.quality_of(nodes),
        "date": corpus.documents_of(nodes, ["date"])["date"],
        **{name: measured[name] for name in measured.column_names},
    }
    rows = pa.table([columns[name] for name in MEMBERS.schema.names], schema=MEMBERS.schema)
    rows = rows.sort_by([("cluster", "ascending"), ("node", "ascending")])
    exchange.write(output, MEMBERS, rows, bounds=exchange.hash_bounds(settings["ranges"]))


def _earlier(corpus: Corpus, nodes: Nodes, doc_ids: pa.ChunkedArray) -> tuple[pa.Array, pa.Array]:
    """The earlier run of each document, and what stands for it there; nulls for those of this run."""
    own = int(np.searchsorted(nodes, corpus.end))
    names: list[str | None] = [None] * own
    kept: list[str | None] = [None] * own
    for run in corpus.runs[1:]:
        start, end = np.searchsorted(nodes, [run.first, run.end])
        here = doc_ids.slice(start, end - start).to_pylist()
        fates = _fates(run, nodes[start:end])
        names += [run.name] * len(here)
        kept += [fates.get(each, each) for each in here]
    return pa.array(names, pa.string()), pa.array(kept, pa.string())


def _fates(run: Run, nodes: Nodes) -> dict[str, str]:
    """What was kept in an earlier run in place of each of some documents that were not."""
    if not len(nodes):
        return {}
    bounds = np.array([nodes[0], nodes[-1] + np.uint64(1)]) - run.first
    found: dict[str, str] = {}
    for path in files.list_files(run.store.path(FATES.name)):
        rows = exchange.between(path, bounds=bounds, number=0, columns=["node", "doc_id", "survivor_id"])
        rows = rows.filter(pc.is_in(rows["node"], pa.array(nodes - run.first)))
        found |= dict(zip(rows["doc_id"].to_pylist(), rows["survivor_id"].to_pylist(), strict=True))
    return found
