"""The table of clusters, a file for each group of parts."""

import pyarrow.compute as pc

from gristmill.pipelines import exchange
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.corpus import read_corpus
from gristmill.pipelines.dedup.members import FATES
from gristmill.schemas import CLUSTERS


def clusters_of_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the documents of a group that are in clusters. Those that have no copy are never seen."""
    del settings
    number = unit.descriptor["group"]
    corpus = read_corpus(store)
    rows = exchange.read_all(store, FATES, bounds=corpus.group_bounds(), number=number)
    if not rows.num_rows:
        return
    with output.table(CLUSTERS, name=corpus.own.groups[number].name) as writer:
        writer.write(rows.select(CLUSTERS.schema.names).sort_by("doc_id").cast(CLUSTERS.schema))
    for kind in ("url", "exact", "near"):
        output.count(kind, pc.sum(pc.equal(rows["kind"], kind)).as_py())
