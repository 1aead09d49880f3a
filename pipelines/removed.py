"""Documents that were taken out of a finished output: `curate` leaves them out, whenever it works again."""

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import files, tables
from gristmill.pipelines.checkpoints import Store
from gristmill.schemas import REMOVED

RULE = "curate.removed"
"""What the ledger says of a document that was taken out."""


def removed_ids(store: Store) -> pa.Array:
    """Ids of documents that must not be curated again, those of copies included. Memory: 40 bytes for each."""
    paths = [path for path in files.list_files(store.path(REMOVED.name)) if path.endswith(".parquet")]
    found = [REMOVED.schema.empty_table()["doc_id"], *(tables.read_file(path)["doc_id"] for path in paths)]
    return pc.unique(pa.chunked_array([chunk for each in found for chunk in each.chunks], pa.string()))
