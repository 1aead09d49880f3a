"""Pages that were captured more than once: all captures but the newest are superseded, whatever their texts.

Only what an archive dates counts (`captured`): a date of publication stays the same when a page changes, and records
that share a URL, such as the parts of a book, are no captures of one page. Captures at the same moment supersede none
of each other. A superseded document takes no part in any further comparison.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from gristmill.pipelines import exchange, tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.corpus import Nodes, places, read_corpus
from gristmill.pipelines.exchange import hash_bounds
from gristmill.schemas import Table

CAPTURES = Table(
    name="intermediate/dedup_captures",
    row="a capture of a page",
    schema=pa.schema([pa.field("hash", pa.uint64()), pa.field("captured", pa.int64()), pa.field("place", pa.uint64())]),
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
Int64s = npt.NDArray[np.int64]

_COLUMNS = ["status", "role", "uri", "canonical", "captured"]


def captures_of_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the captures of a group of parts that no rule dropped, by the hash of their page's URL."""
    rows = pa.Table.from_batches(_captures(unit, store), schema=CAPTURES.schema)
    rows = rows.sort_by([("hash", "ascending"), ("place", "ascending")])
    exchange.write(output, CAPTURES, rows, bounds=hash_bounds(settings["ranges"]), name=unit.local["name"])


def _captures(unit: Unit, store: Store) -> Iterator[pa.RecordBatch]:
    from gristmill.filters.web.pages import page_urls  # noqa: PLC0415  (compiled: only workers need it)

    for number, part in enumerate(unit.local["parts"]):
        start = 0
        for origin, verdict in tables.aligned(
            tables.only_ok(tables.batches(store, part["documents"], columns=_COLUMNS)),
            tables.batches(store, part["verdicts"], columns=["keep"]),
        ):
            captured = microseconds(origin["captured"])
            pages = page_urls(origin["uri"], origin["canonical"])
            wanted = pc.and_(verdict["keep"], pc.equal(origin["role"], "raw"))
            wanted = pc.and_(wanted, pc.and_(pc.is_valid(captured), pc.is_valid(pages)))
            rows = pa.array(start + np.arange(origin.num_rows)).filter(wanted)
            hashes = [xxhash.xxh3_64_intdigest(page) for page in pages.filter(wanted).cast(pa.binary()).to_pylist()]
            columns = [pa.array(hashes, pa.uint64()), captured.filter(wanted), places(number, rows.to_numpy())]
            yield pa.record_batch(columns, schema=CAPTURES.schema)
            start += origin.num_rows


def microseconds(dates: pa.Array) -> pa.Int64Array:
    """Microseconds since 1970 of ISO 8601 dates, UTC where they name no zone; null for what is no date."""
    known: dict[str | None, int | None] = {None: None}
    found = []
    for date in dates.to_pylist():
        if date not in known:
            known[date] = _microseconds(date)
        found.append(known[date])
    return pa.array(found, pa.int64())


def _microseconds(date: str) -> int | None:
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def superseded_of_range(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Find the superseded documents among the pages of one range of hashes."""
    corpus = read_corpus(store)
    number, bounds = unit.descriptor["range"], hash_bounds(settings["ranges"])
    columns: list[tuple[UInt64s, Int64s, Nodes]] = [
        (np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.uint64))
    ]
    for path, first in corpus.files(CAPTURES):
        found = exchange.between(path, bounds=bounds, number=number)
        columns.append((found["hash"].to_numpy(), found["captured"].to_numpy(), found["place"].to_numpy() + first))
    hashes, captured, nodes = (np.concatenate(each) for each in zip(*columns, strict=True))
    old, newest = superseded(hashes, captured, nodes)
    order = np.argsort(old)
    order = order[old[order] < corpus.end]  # what an earlier run kept is not undone
    batch = pa.record_batch([old[order], newest[order]], schema=SUPERSEDED.schema)
    exchange.write(output, SUPERSEDED, batch, bounds=corpus.group_bounds())


def superseded(hashes: UInt64s, captured: Int64s, nodes: Nodes) -> tuple[Nodes, Nodes]:
    """The documents that have a newer capture, each with the newest; of several newest, the smallest node."""
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
