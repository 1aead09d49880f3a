"""What the page shows, from SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from gristmill.reports import queries, safe, views
from gristmill.schemas import SIGNALS

EXCERPT = 320
RULES = 16
PER_RULE = 3
BINS = 30


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How a signal is distributed: for each bin, documents kept and not kept.

    Values beyond the last edge are counted in the last bin, which is `open_end` if there are any.
    """

    name: str
    meaning: str
    documents: int
    median: float
    edges: tuple[float, ...]
    bins: tuple[tuple[int, int], ...]
    logarithmic: bool
    open_end: bool


@dataclass(frozen=True, kw_only=True)
class Example:
    """A rejected record and the beginning of its text."""

    rule: str
    doc_id: str
    language: str | None
    uri: str | None
    value: float | None
    limit: float | None
    detail: str | None
    excerpt: str


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """The axis of a signal's histogram."""

    name: str
    low: float
    high: float
    logarithmic: bool = False


_SCALES = (
    _Scale(name="n_words", low=1, high=1e5, logarithmic=True),
    _Scale(name="language_score", low=0, high=1),
    _Scale(name="mean_word_length", low=0, high=15),
    _Scale(name="alpha_word_ratio", low=0, high=1),
    _Scale(name="terminal_line_ratio", low=0, high=1),
    _Scale(name="short_line_ratio", low=0, high=1),
    _Scale(name="duplicate_line_char_ratio", low=0, high=1),
    _Scale(name="duplicate_5_gram_char_ratio", low=0, high=1),
    _Scale(name="entropy", low=0, high=12),
)


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """The rows of a named query."""
    return views.fetch(connection, queries.load(query))


def sequences(connection: duckdb.DuckDBPyConnection) -> int:
    """Training sequences in the shards."""
    return int(connection.execute("SELECT count(*) FROM shards").fetchall()[0][0])


def held_out(connection: duckdb.DuckDBPyConnection) -> int:
    """Documents that are held out."""
    return int(connection.execute("SELECT count(*) FROM held_out").fetchall()[0][0])


def histograms(connection: duckdb.DuckDBPyConnection) -> list[Histogram]:
    """The distribution of the main signals over all documents measured, in one pass over them."""
    columns = ", ".join(f"signals.{each.name} AS {each.name}" for each in _SCALES)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE measured AS SELECT {columns}, coalesce(disposition = 'kept', false) AS kept"
        " FROM signals LEFT JOIN ledger USING (doc_id)"
    )
    found = [_histogram(connection, each) for each in _SCALES]
    connection.execute("DROP TABLE measured")
    return [each for each in found if each is not None]


def _histogram(connection: duckdb.DuckDBPyConnection, scale: _Scale) -> Histogram | None:
    sql = f"FROM measured WHERE isfinite({scale.name})"
    documents, median, most = connection.execute(
        f"SELECT count(*), quantile_disc({scale.name}, 0.5), max({scale.name}) {sql}"
    ).fetchall()[0]
    if not documents:
        return None
    place = f"({scale.name} - {scale.low}) / {scale.high - scale.low}"
    if scale.logarithmic:
        place = f"log10(greatest({scale.name}, {scale.low}) / {scale.low}) / log10({scale.high} / {scale.low})"
    counted = connection.execute(
        f"SELECT greatest(least(CAST(floor({place} * {BINS}) AS BIGINT), {BINS - 1}), 0) AS bin,"
        f" count(*) FILTER (kept), count(*) FILTER (NOT kept) {sql} GROUP BY bin"
    ).fetchall()
    bins = {index: (kept, other) for index, kept, other in counted}
    return Histogram(
        name=scale.name,
        meaning=_meaning(scale.name),
        documents=documents,
        median=float(median),
        edges=tuple(_edge(scale, index) for index in range(BINS + 1)),
        bins=tuple(bins.get(index, (0, 0)) for index in range(BINS)),
        logarithmic=scale.logarithmic,
        open_end=most > scale.high,
    )


def _edge(scale: _Scale, index: int) -> float:
    part = index / BINS
    if scale.logarithmic:
        return float(scale.low * (scale.high / scale.low) ** part)
    return scale.low + (scale.high - scale.low) * part


def _meaning(name: str) -> str:
    return str(SIGNALS.schema.field(name).metadata[b"meaning"].decode()).removesuffix(" 0..1.")


def examples(connection: duckdb.DuckDBPyConnection) -> list[Example]:
    """A few rejected texts for each of the commonest rules. Ids are hashes, so the first by id are a fair sample."""
    chosen = connection.execute(
        f"""
        WITH rejected AS (
            SELECT coalesce(rule, disposition) AS why, *, count(*) OVER (PARTITION BY why) AS records,
                row_number() OVER (PARTITION BY why ORDER BY doc_id) AS place
            FROM ledger WHERE disposition IN ('dropped', 'duplicate', 'unreadable')
        ),
        rules AS (SELECT DISTINCT why, records FROM rejected ORDER BY records DESC, why LIMIT {RULES})
        SELECT why, doc_id, language, uri, value, "limit", detail
        FROM rejected JOIN rules USING (why) WHERE place <= {PER_RULE} ORDER BY rules.records DESC, why, doc_id
        """
    ).fetchall()
    texts = beginnings(connection, [row[1] for row in chosen])
    return [
        Example(
            rule=rule,
            doc_id=doc_id,
            language=language,
            uri=uri,
            value=value,
            limit=limit,
            detail=detail,
            excerpt=safe.clip(texts.get(doc_id, ""), EXCERPT),
        )
        for rule, doc_id, language, uri, value, limit, detail in chosen
    ]


def beginnings(
    connection: duckdb.DuckDBPyConnection, ids: Sequence[str], *, characters: int = EXCERPT + 1
) -> dict[str, str]:
    """The texts' beginnings. Their ids are given as constants, so that the scan skips the text of all the others."""
    if not ids:
        return {}
    marks = ", ".join("?" for _ in ids)
    found = connection.execute(
        f"SELECT doc_id, left(text, {characters}) FROM documents WHERE doc_id IN ({marks})", list(ids)
    ).fetchall()
    return {doc_id: text or "" for doc_id, text in found}
