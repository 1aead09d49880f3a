"""The documents that passages are looked for in: those that no rule dropped and no better copy replaced."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import Store, Unit
from gristmill.pipelines.passages.tally import UInt64s
from gristmill.schemas import CLUSTERS, DOCUMENTS, VERDICTS, WEB, digest

READ = {
    DOCUMENTS.name: ["doc_id", "source", "role", "status", "text"],
    VERDICTS.name: ["language", "keep"],
    WEB.name: ["site", "host"],
}
"""What is read of a part's files."""


class Documents(NamedTuple):
    """Some documents, with hashes of what passages are counted in."""

    doc_ids: pa.StringArray
    texts: pa.StringArray
    groups: UInt64s
    """Site, or else input, and language."""
    languages: UInt64s
    ranks: UInt64s
    """An order of documents that no order of input can change: of several that have a span, the first keeps it."""


def documents(store: Store, unit: Unit) -> Iterator[Documents]:
    """The documents of a group of parts that go on, some thousand at a time. Memory: such a batch."""
    copies = _copies(store, unit.local[CLUSTERS.name])
    for part in unit.local["parts"]:
        for batch in _joined(store, part):
            goes_on = pc.and_(batch["keep"], pc.equal(batch["role"], "raw"))
            is_copy = pc.is_in(batch["doc_id"], value_set=copies)
            here = batch.filter(pc.and_(goes_on, pc.invert(is_copy)))
            if here.num_rows:
                yield _documents(here)


def _copies(store: Store, path: str | None) -> pa.Array:
    """Ids of the documents that another one stands for."""
    if path is None:
        return pa.array([], pa.string())
    clusters = tables.read(store, path, columns=["doc_id", "kind"])
    return clusters.filter(pc.not_equal(clusters["kind"], "survivor"))["doc_id"].combine_chunks()


def _joined(store: Store, part: Mapping[str, str]) -> Iterator[pa.RecordBatch]:
    streams = {name: tables.batches(store, part[name], columns=READ[name]) for name in READ if name in part}
    streams[DOCUMENTS.name] = tables.only_ok(streams[DOCUMENTS.name])
    for batches in tables.aligned(*streams.values()):
        columns = {name: batch[name] for batch in batches for name in batch.schema.names}
        yield pa.record_batch(columns)


def _documents(batch: pa.RecordBatch) -> Documents:
    languages = pc.fill_null(batch["language"], "")
    places = pc.binary_join_element_wise("input", batch["source"], "\0")
    if "site" in batch.schema.names:
        site = pc.binary_join_element_wise("site", pc.coalesce(batch["site"], batch["host"]), "\0")
        places = pc.coalesce(site, places)
    return Documents(
        batch["doc_id"],
        batch["text"],
        _hashes(pc.binary_join_element_wise(places, languages, "\0")),
        _hashes(pc.binary_join_element_wise("language", languages, "\0")),
        _hashes(batch["doc_id"]),
    )


def _hashes(values: pa.StringArray) -> UInt64s:
    """A number for each value, equal for equal ones."""
    encoded = values.dictionary_encode()
    numbers = [int(digest(value.encode())[:16], 16) for value in encoded.dictionary.to_pylist()]
    hashes: UInt64s = np.array(numbers, np.uint64)[encoded.indices.to_numpy()]
    return hashes
