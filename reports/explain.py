"""Everything about one record: where it came from, what was measured, what became of it and why, where it is now."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from gristmill.reports import differences, safe
from gristmill.reports.differences import Segment
from gristmill.reports.explain_duplicates import (
    READ_CHARACTERS,
    Cluster,
    Passage,
    Survivor,
    cluster_of,
    passages_of,
    survivor_of,
)
from gristmill.reports.views import connect, fetch
from gristmill.schemas import MEASURES

PIECES = 100

_ID_DIGITS = 32
_PREFIX = re.compile(r"[0-9a-f]{4,32}")
_TYPO = 6  # digits at either end of an id that must be right for it to be suggested


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A rule that the document failed."""

    rule: str
    value: float | None
    limit: float | None


@dataclass(frozen=True, kw_only=True)
class Curated:
    """The document's row in the curated table, or in `held_out`.

    Attributes:
        removed: what is not in its text any more, in characters.
    """

    file: str
    language: str
    cluster_size: int
    held_out: bool
    characters: int
    removed: int


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of the document: tokens `start` to `end` of a shard's sequence, from token `offset` of the document."""

    file: str
    sequence: int
    start: int
    end: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Everything about a record.

    Attributes:
        document: its row of `documents`, without the text; empty where it has none.
        ledger: its rows of `ledger`: one, unless the run is incomplete.
        signals: what the kernel measured, by name; empty for what is not a document.
        measures: what else was measured, by table and name; only tables that have the document.
        text: its beginning; `characters` is the length of all of it.
        survivor: the document kept in its place; or `survivor_missing` says why there is none to show.
        passages: its repeated passages.
        edits: its text compared with its curated text; empty where nothing was edited.
        pieces: at most the first `PIECES`.
        same_uri: other records of the same URI, as (id, disposition).
    """

    doc_id: str
    document: Mapping[str, Any]
    ledger: tuple[Mapping[str, Any], ...]
    signals: Mapping[str, Any]
    measures: Mapping[str, Mapping[str, Any]]
    failures: tuple[Failure, ...]
    cluster: Cluster | None
    survivor: Survivor | None
    survivor_missing: str | None
    passages: tuple[Passage, ...]
    curated: Curated | None
    edits: tuple[Segment, ...]
    pieces: tuple[Piece, ...]
    text: str
    characters: int
    same_uri: tuple[tuple[str, str], ...]

    @property
    def disposition(self) -> str:
        """What became of it, or that nothing has yet."""
        return str(self.ledger[0]["disposition"]) if self.ledger else "undecided"


def explain(out: str, doc_id_or_url: str) -> Explanation:
    """Look a record up by its id, the beginning of its id, or its URL.

    Several records may share a URL (a WARC request and its response, two captures): the one that got furthest is
    explained, and the others are named.

    Raises:
        ValueError: there is no such record, or more than one id begins so; the message names what comes near.
    """
    with connect(out) as connection:
        doc_id, same_uri = _find(connection, doc_id_or_url.strip())
        return _explanation(connection, doc_id, same_uri=same_uri, out=out)


def _explanation(
    connection: duckdb.DuckDBPyConnection, doc_id: str, *, same_uri: tuple[tuple[str, str], ...], out: str
) -> Explanation:
    documents = fetch(
        connection,
        "SELECT * REPLACE (left(text, ?) AS text), length(text) AS characters FROM documents WHERE doc_id = ?",
        READ_CHARACTERS,
        doc_id,
    )
    document = documents[0] if documents else {}
    text, characters = document.pop("text", None) or "", document.pop("characters", None) or 0
    ledger = tuple(fetch(connection, "SELECT * FROM ledger WHERE doc_id = ?", doc_id))
    cluster = cluster_of(connection, doc_id)
    survivor, missing = survivor_of(connection, cluster, out=out, text=text)
    curated, edits = _curated(connection, doc_id, text=text, characters=characters)
    measured = "SELECT * EXCLUDE (doc_id, text_hash, signature) FROM signals WHERE doc_id = ?"
    return Explanation(
        doc_id=doc_id,
        document=document,
        ledger=ledger,
        signals=next(iter(fetch(connection, measured, doc_id)), {}),
        measures=_measures(connection, doc_id),
        failures=_failures(connection, doc_id),
        cluster=cluster,
        survivor=survivor,
        survivor_missing=missing,
        passages=passages_of(connection, doc_id, edits=edits),
        curated=curated,
        edits=() if all(each.same for each in edits) else edits,
        pieces=_pieces(connection, doc_id),
        text=text,
        characters=characters,
        same_uri=same_uri,
    )


def _measures(connection: duckdb.DuckDBPyConnection, doc_id: str) -> dict[str, dict[str, Any]]:
    found = {
        table.name: fetch(connection, f"SELECT * EXCLUDE (doc_id) FROM {table.name} WHERE doc_id = ?", doc_id)
        for table in MEASURES
    }
    return {name: rows[0] for name, rows in found.items() if rows}


def _failures(connection: duckdb.DuckDBPyConnection, doc_id: str) -> tuple[Failure, ...]:
    rows = fetch(connection, "SELECT failures FROM verdicts WHERE doc_id = ?", doc_id)
    return tuple(Failure(**each) for row in rows for each in row["failures"] or ())


def _curated(
    connection: duckdb.DuckDBPyConnection, doc_id: str, *, text: str, characters: int
) -> tuple[Curated | None, tuple[Segment, ...]]:
    """The document's row among those kept, and how its text was edited."""
    rows = fetch(
        connection,
        "SELECT file, language, cluster_size, held_out, length(text) AS characters, left(text, ?) AS text FROM ("
        " SELECT doc_id, file, language, cluster_size, false AS held_out, text FROM curated UNION ALL"
        " SELECT doc_id, file, language, coalesce(size, 1), true, text FROM held_out LEFT JOIN clusters USING (doc_id)"
        ") WHERE doc_id = ?",
        READ_CHARACTERS,
        doc_id,
    )
    if not rows:
        return None, ()
    edited = rows[0].pop("text") or ""
    edits = differences.compare(text, edited, cut=characters > READ_CHARACTERS)
    return Curated(**rows[0], removed=characters - rows[0]["characters"]), edits


def _pieces(connection: duckdb.DuckDBPyConnection, doc_id: str) -> tuple[Piece, ...]:
    rows = fetch(
        connection,
        "SELECT file, sequence, doc_ids, doc_lens, doc_offsets FROM shards WHERE list_contains(doc_ids, ?)"
        f" ORDER BY file, sequence LIMIT {PIECES}",
        doc_id,
    )
    found = []
    for row in rows:
        start = 0
        for each, length, offset in zip(row["doc_ids"], row["doc_lens"], row["doc_offsets"], strict=True):
            if each == doc_id:
                place = {"file": row["file"], "sequence": row["sequence"]}
                found.append(Piece(**place, start=start, end=start + length, offset=offset))
            start += length
    return tuple(found[:PIECES])


def _find(connection: duckdb.DuckDBPyConnection, given: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The record's id, and other records of the same URI."""
    if not given:
        raise ValueError("no document id or URL given")
    if _PREFIX.fullmatch(given.lower()):
        ids = _ids(connection, "starts_with(doc_id, ?)", given.lower())
        if len(ids) == 1:
            return ids[0], ()
        if ids:
            more = ", …" if len(ids) > 5 else ""
            raise ValueError(f"several document ids begin with {given!r}: {', '.join(ids[:5])}{more}")
    rows = fetch(
        connection,
        "SELECT doc_id, coalesce(disposition, 'undecided') AS disposition FROM documents"
        " LEFT JOIN ledger USING (doc_id) WHERE documents.uri = ?"
        " ORDER BY list_position(['kept', 'duplicate', 'dropped', 'unreadable', 'skipped'], disposition) NULLS LAST,"
        " doc_id LIMIT 20",
        given,
    )
    if rows:
        first, *rest = ((each["doc_id"], each["disposition"]) for each in rows)
        return first[0], tuple(rest)
    near = _near(connection, given)
    hint = f"; did you mean {', '.join(map(safe.one_line, near))}?" if near else ""
    raise ValueError(f"no record has the id or URL {safe.one_line(given)!r}{hint}")


def _near(connection: duckdb.DuckDBPyConnection, given: str) -> list[str]:
    """Ids or URLs that come near what was given, at most five."""
    lower = given.lower()
    if _PREFIX.fullmatch(lower):
        ends = "starts_with(doc_id, ?) OR ends_with(doc_id, ?)"
        ids = _ids(connection, ends, lower[:_TYPO], lower[-_TYPO:] if len(lower) == _ID_DIGITS else "\0")
        return difflib.get_close_matches(lower, ids, n=3, cutoff=0.5)
    # The whole of it, then without scheme, query and slash at the end, then the last part of the path, then the host.
    bare = re.sub(r"^[a-z][a-z0-9+.-]*://(www\.)?", "", lower)
    bare = re.split(r"[?#]", bare)[0].rstrip("/")
    tries = (lower, bare, bare.rsplit("/", 1)[-1], bare.split("/", 1)[0])
    for part in dict.fromkeys(each for each in tries if len(each) > 2):
        rows = fetch(
            connection,
            "SELECT DISTINCT uri, levenshtein(left(lower(uri), 200), left(?, 200)) AS far FROM documents"
            " WHERE contains(lower(uri), ?) ORDER BY far, uri LIMIT 5",
            lower,
            part,
        )
        if rows:
            return [str(each["uri"]) for each in rows]
    return []


def _ids(connection: duckdb.DuckDBPyConnection, condition: str, *values: str) -> list[str]:
    # A record that only one of the two tables knows is just the kind that someone wants explained.
    sql = f"SELECT doc_id FROM documents WHERE {condition} UNION SELECT doc_id FROM ledger WHERE {condition}"
    return [str(each["doc_id"]) for each in fetch(connection, f"{sql} ORDER BY doc_id LIMIT 200", *values, *values)]
