"""Pages that were captured more than once: all captures but the newest are superseded, whatever their texts.

Only dates of capture count (`captured`): a date of publication stays the same when a page changes, and records that
share a URL, such as the parts of a book, are no captures of one page. Captures at the same moment supersede none
of each other. A superseded document takes no part in any further comparison.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from gristmill.pipelines import exchange, tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.corpus import Nodes, places, read_corpus
from gristmill.schemas import Table

CAPTURES = Table(
    name="intermediate/dedup_captures",
    row="a capture of a page",
    schema=pa.schema(
        [pa.field("hash", pa.uint64()), pa.field("captured", pa.string()), pa.field("place", pa.uint64())]
    ),
)

SUPERSEDED = Table(
    name="intermediate/dedup_superseded",
    row="a document of which there is a newer capture, and the newest one",
    schema=pa.schema([pa.field("node", pa.uint64()), pa.field("newest", pa.uint64())]),
)

OLD = Table(
    name="intermediate/dedup_old",
    row="a document of a group that is superseded, by its place",
    schema=pa.schema([pa.field("place", pa.uint64())]),
)

CAPTURES_PER_RANGE = 1 << 20

UInt64s = npt.NDArray[np.uint64]

_COLUMNS = ["status", "role", "uri", "canonical", "captured"]


def captures_of_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the captures of a group of parts that no rule dropped, by the hash of their page's URL."""
    rows = pa.Table.from_batches(_captures(unit, store), schema=CAPTURES.schema)
    rows = rows.sort_by([("hash", "ascending"), ("place", "ascending")])
    exchange.write(output, CAPTURES, rows, bounds=exchange.hash_bounds(settings["ranges"]), name=unit.local["name"])


def _captures(unit: Unit, store: Store) -> Iterator[pa.RecordBatch]:
    from gristmill.filters.web.pages import page_urls  # noqa: PLC0415  (compiled: only workers need it)

    for number, part in enumerate(unit.local["parts"]):
        start = 0
        for origin, verdict in tables.aligned(
            tables.only_ok(tables.batches(store, part["documents"], columns=_COLUMNS)),
            tables.batches(store, part["verdicts"], columns=["keep"]),
        ):
            captured = origin["captured"]
            pages = page_urls(origin["uri"], origin["canonical"])
            wanted = pc.and_(verdict["keep"], pc.equal(origin["role"], "raw"))
            wanted = pc.and_(wanted, pc.and_(pc.is_valid(captured), pc.is_valid(pages)))
            rows = pa.array(start + np.arange(origin.num_rows)).filter(wanted)
            hashes = [xxhash.xxh3_64_intdigest(page) for page in pages.filter(wanted).cast(pa.binary()).to_pylist()]
            columns = [pa.array(hashes, pa.uint64()), captured.filter(wanted), places(number, rows.to_numpy())]
            yield pa.record_batch(columns, schema=CAPTURES.schema)
            start += origin.num_rows


def superseded_of_range(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Find the superseded documents among the pages of one range of hashes."""
    corpus = read_corpus(store)
    number, bounds = unit.descriptor["range"], exchange.hash_bounds(settings["ranges"])
    empty = tuple(each.to_numpy() for each in CAPTURES.schema.empty_table().columns)
    found = (each for run in corpus.runs for each in run.columns(CAPTURES, bounds=bounds, number=number))
    hashes, captured, nodes = (np.concatenate(each) for each in zip(empty, *found, strict=True))
    old, newest = superseded(hashes, captured, nodes)
    order = np.argsort(old)
    order = order[old[order] < corpus.end]  # what an earlier run kept is not undone
    batch = pa.record_batch([old[order], newest[order]], schema=SUPERSEDED.schema)
    exchange.write(output, SUPERSEDED, batch, bounds=corpus.group_bounds())


def superseded(hashes: UInt64s, dates: npt.NDArray[Any], nodes: Nodes) -> tuple[Nodes, Nodes]:
    """The documents that have a newer capture, each with the newest; of several newest, the smallest node.

    Args:
        dates: of the captures, as text that sorts as time does.
    """
    captured = pc.rank(pa.array(dates, pa.string()), tiebreaker="dense").to_numpy().astype(np.int64)
    order = np.lexsort((nodes, -captured, hashes))
    hashes, captured, nodes = hashes[order], captured[order], nodes[order]
    fresh = np.ones(len(hashes), bool)
    fresh[1:] = hashes[1:] != hashes[:-1]
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(hashes)), 0))
    old = captured < captured[first]
    return nodes[old], nodes[first][old]


def old_of_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write which documents of a group are superseded: by place, so that the file stays as it is when others change."""
    del settings
    corpus = read_corpus(store)
    bounds = corpus.group_bounds()
    number = unit.descriptor["group"]
    found = exchange.read_all(store, SUPERSEDED, bounds=bounds, number=number)
    old = np.sort(found["node"].to_numpy()) - bounds[number]
    with output.table(OLD, name=corpus.own.groups[number].name) as writer:
        writer.write(pa.record_batch([old], schema=OLD.schema))
