"""What deduplication found of a document: its cluster, the document kept in its place, and its repeated passages."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from gristmill.reports import differences
from gristmill.reports.differences import Segment
from gristmill.reports.views import connect, fetch, first_line
from gristmill.schemas.recipe import is_remote, resolve

READ_CHARACTERS = 1 << 17
"""Characters of a text that are read at most."""

MEMBERS = 10
PASSAGES = 100

_PASSAGE_CHARACTERS = 2000
_RUN_FILE = "run.json"


@dataclass(frozen=True, kw_only=True)
class Member:
    """Another document of the cluster."""

    doc_id: str
    kind: str
    similarity: float | None
    uri: str | None
    captured: str | None


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The cluster of duplicates that the document is in; `members` are the first others, most alike first.

    `earlier` is the earlier output that holds the survivor, as the recipe names it.
    """

    cluster: str
    survivor_id: str
    earlier: str | None
    size: int
    kind: str
    similarity: float | None
    members: tuple[Member, ...]


@dataclass(frozen=True, kw_only=True)
class Survivor:
    """The document that was kept in the place of this one, and where the two texts differ."""

    doc_id: str
    earlier: str | None
    uri: str | None
    source: str | None
    captured: str | None
    bytes: int | None
    characters: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A repeated passage of the document: its place in code points, who else has it, the beginning of its text.

    `cut` says whether it is gone from the curated text; None where there is none, or where it was not read so far.
    """

    kind: str
    start: int
    end: int
    documents: int
    share: float
    text: str
    cut: bool | None


def cluster_of(connection: duckdb.DuckDBPyConnection, doc_id: str) -> Cluster | None:
    """The document's cluster, if it has a copy anywhere."""
    columns = "cluster, survivor_id, earlier, size, kind, similarity"
    found = fetch(connection, f"SELECT {columns} FROM clusters WHERE doc_id = ?", doc_id)
    if not found:
        return None
    members = fetch(
        connection,
        "SELECT doc_id, kind, c.similarity, uri, captured FROM clusters AS c"
        " LEFT JOIN (SELECT doc_id, uri, captured FROM documents) USING (doc_id) WHERE cluster = ? AND doc_id <> ?"
        f" ORDER BY kind = 'survivor' DESC, c.similarity DESC, doc_id LIMIT {MEMBERS}",
        found[0]["cluster"],
        doc_id,
    )
    return Cluster(**found[0], members=tuple(Member(**each) for each in members))


def survivor_of(
    connection: duckdb.DuckDBPyConnection, cluster: Cluster | None, *, out: str, text: str
) -> tuple[Survivor | None, str | None]:
    """The document kept in the place of one with this text and cluster, or why it cannot be shown.

    Neither where the document was kept itself. An earlier output is opened where the recipe says it is; nothing of it
    is needed to explain the rest.
    """
    if cluster is None or cluster.kind == "survivor":
        return None, None
    if cluster.earlier is None:
        found = _survivor(connection, cluster.survivor_id, earlier=None, text=text)
        return found, None if found else "documents does not have it"
    try:
        folder = _folder_of(cluster.earlier, out=out)
        found = _survivor_there(folder, cluster.survivor_id, earlier=cluster.earlier, text=text)
    except (ValueError, OSError) as error:
        return None, str(error)
    except duckdb.Error as error:
        return None, first_line(error)
    return found, None if found else "its documents do not have it any more"


def _survivor_there(
    folder: str, survivor_id: str, *, earlier: str, text: str, seen: tuple[str, ...] = ()
) -> Survivor | None:
    """The survivor from an earlier output; or from one that this was itself deduplicated against."""
    with connect(folder) as connection:
        found = _survivor(connection, survivor_id, earlier=earlier, text=text)
        sql = "SELECT DISTINCT earlier FROM clusters WHERE survivor_id = ? AND earlier IS NOT NULL ORDER BY earlier"
        further = [] if found else fetch(connection, sql, survivor_id)
    for each in further:
        there = _folder_of(each["earlier"], out=folder)
        if there not in (*seen, folder):
            return _survivor_there(there, survivor_id, earlier=earlier, text=text, seen=(*seen, folder))
    return found


def _folder_of(earlier: str, *, out: str) -> str:
    """The folder of an earlier output: the recipe's paths start where it lies, which the run has left a note of."""
    if is_remote(earlier) or Path(earlier).is_absolute():
        return earlier
    match json.loads((Path(out) / _RUN_FILE).read_bytes()):
        case {"recipe": str(recipe)}:
            return resolve(earlier, folder=str(Path(recipe).parent))
    raise ValueError(f"{_RUN_FILE} does not say where the recipe lies")


def _survivor(connection: duckdb.DuckDBPyConnection, doc_id: str, *, earlier: str | None, text: str) -> Survivor | None:
    found = fetch(
        connection,
        "SELECT doc_id, uri, source, captured, bytes, left(text, ?) AS text, length(text) AS characters"
        " FROM documents WHERE doc_id = ?",
        READ_CHARACTERS,
        doc_id,
    )
    if not found:
        return None
    other = found[0].pop("text") or ""
    cut = max(len(text), len(other)) == READ_CHARACTERS
    return Survivor(**found[0], earlier=earlier, segments=differences.compare(text, other, cut=cut))


def passages_of(connection: duckdb.DuckDBPyConnection, doc_id: str, *, edits: Sequence[Segment]) -> tuple[Passage, ...]:
    """The repeated passages of a document, in their order, at most `PASSAGES` of them.

    Args:
        edits: the document's text compared with its curated text; empty where there is none.
    """
    found = fetch(
        connection,
        'SELECT span.kind, span.start, span."end", span.documents, span.share,'
        f' substring(text, span.start + 1, least(span."end" - span.start, {_PASSAGE_CHARACTERS})) AS text'
        " FROM (SELECT doc_id, unnest(spans) AS span FROM passages WHERE doc_id = ?) JOIN documents USING (doc_id)"
        f' ORDER BY span.start, span."end" LIMIT {PASSAGES}',
        doc_id,
    )
    return tuple(Passage(**each, cut=_is_cut(each["start"], each["end"], edits)) for each in found)


def _is_cut(start: int, end: int, edits: Sequence[Segment]) -> bool | None:
    """Whether most of a place in the text is not in the curated text; None where that was not read so far."""
    place, gone = 0, 0
    for each in edits:
        if not each.same:
            gone += max(0, min(end, place + len(each.left)) - max(start, place))
        place += len(each.left)
    return 2 * gone > end - start if end <= place else None
