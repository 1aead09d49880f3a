"""Reconciliation: proof by SQL that nothing vanished. Input = kept + dropped, by record, language, source and bytes."""

from dataclasses import dataclass

import duckdb

from gristmill.reports import safe
from gristmill.reports.views import connect


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """What was compared, and what does not fit; `violations` is empty when all is well."""

    records: int
    bytes: int
    kept: int
    violations: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.violations


@dataclass(frozen=True, kw_only=True)
class _Check:
    """A query that gives a row for every offence: what it is about, and what is wrong with it."""

    what: str
    sql: str


_TEXTS = """(
    SELECT doc_id, language, source FROM curated UNION ALL SELECT doc_id, language, source FROM held_out
)"""

_CHECKS = (
    _Check(
        what="records have more than one row in documents",
        sql="SELECT doc_id, count(*) || ' rows' FROM documents GROUP BY doc_id HAVING count(*) > 1",
    ),
    _Check(
        what="records have more than one row in the ledger",
        sql="SELECT doc_id, count(*) || ' rows' FROM ledger GROUP BY doc_id HAVING count(*) > 1",
    ),
    _Check(
        what="records are missing from the ledger",
        sql="SELECT doc_id, source FROM documents ANTI JOIN ledger USING (doc_id)",
    ),
    _Check(
        what="rows of the ledger are about no record",
        sql="SELECT doc_id, source FROM ledger ANTI JOIN documents USING (doc_id)",
    ),
    _Check(
        what="records differ between documents and ledger in source, URI or bytes",
        sql="""
            SELECT doc_id, d.source || ', ' || coalesce(d.bytes, 0) || ' bytes; in the ledger '
                || l.source || ', ' || coalesce(l.bytes, 0) || ' bytes'
            FROM documents AS d JOIN ledger AS l USING (doc_id)
            WHERE (d.source, d.uri, d.bytes) IS DISTINCT FROM (l.source, l.uri, l.bytes)""",
    ),
    _Check(
        what="sources differ in records or bytes between documents and ledger",
        sql="""
            WITH d AS (SELECT source, count(*) AS n, sum(bytes) AS size FROM documents GROUP BY source),
                l AS (SELECT source, count(*) AS n, sum(bytes) AS size FROM ledger GROUP BY source)
            SELECT coalesce(d.source, l.source), coalesce(d.n, 0) || ' records, ' || coalesce(d.size, 0)
                || ' bytes; in the ledger ' || coalesce(l.n, 0) || ' records, ' || coalesce(l.size, 0) || ' bytes'
            FROM d FULL JOIN l ON d.source = l.source WHERE (d.n, d.size) IS DISTINCT FROM (l.n, l.size)""",
    ),
    _Check(
        what="records have an unknown disposition",
        sql="""
            SELECT doc_id, coalesce(disposition, 'null') FROM ledger
            WHERE coalesce(disposition, '') NOT IN ('kept', 'dropped', 'duplicate', 'skipped', 'unreadable')""",
    ),
    _Check(
        what="records were not kept, and no rule says why",
        sql="SELECT doc_id, disposition FROM ledger WHERE disposition <> 'kept' AND rule IS NULL",
    ),
    _Check(
        what="records differ in language between verdicts and ledger",
        sql="""
            SELECT doc_id, coalesce(v.language, 'none') || '; in the ledger ' || coalesce(l.language, 'none')
            FROM verdicts AS v JOIN ledger AS l USING (doc_id) WHERE v.language IS DISTINCT FROM l.language""",
    ),
    _Check(
        what="documents are curated or held out more than once",
        sql=f"SELECT doc_id, count(*) || ' rows' FROM {_TEXTS} GROUP BY doc_id HAVING count(*) > 1",
    ),
    _Check(
        what="kept records are neither curated nor held out",
        sql=f"""
            SELECT doc_id, coalesce(language, 'none') FROM ledger ANTI JOIN {_TEXTS} USING (doc_id)
            WHERE disposition = 'kept'""",
    ),
    _Check(
        what="curated or held-out documents are not kept in the ledger",
        sql=f"""
            SELECT doc_id, language FROM {_TEXTS}
            ANTI JOIN (SELECT doc_id FROM ledger WHERE disposition = 'kept') AS kept USING (doc_id)""",
    ),
    _Check(
        what="curated or held-out documents lie in another language or source than the ledger says",
        sql=f"""
            SELECT doc_id, coalesce(t.language, 'none') || ', ' || coalesce(t.source, 'none') || '; in the ledger '
                || coalesce(l.language, 'none') || ', ' || coalesce(l.source, 'none')
            FROM {_TEXTS} AS t JOIN ledger AS l USING (doc_id)
            WHERE (t.language, t.source) IS DISTINCT FROM (l.language, l.source)""",
    ),
    _Check(
        what="held-out documents were chosen by another name than their cluster's",
        sql="""
            SELECT doc_id, h.cluster || ', not ' || coalesce(c.cluster, doc_id)
            FROM held_out AS h LEFT JOIN clusters AS c USING (doc_id)
            WHERE h.cluster IS DISTINCT FROM coalesce(c.cluster, doc_id)""",
    ),
    _Check(
        what="clusters are held out in part",
        sql="""
            SELECT cluster, min(doc_id) || ' is curated' FROM curated JOIN clusters USING (doc_id)
            SEMI JOIN held_out USING (cluster) GROUP BY cluster""",
    ),
    _Check(
        what="kept records failed a rule",
        sql="""
            SELECT doc_id, failures[1].rule FROM ledger JOIN verdicts USING (doc_id)
            WHERE disposition = 'kept' AND NOT keep""",
    ),
    _Check(
        what="duplicates name no survivor",
        sql="SELECT doc_id, source FROM ledger WHERE disposition = 'duplicate' AND survivor_id IS NULL",
    ),
    _Check(
        what="duplicates name a survivor that is not kept",
        # Or that came through deduplication, and was dropped by curate, whose edits left too little of it.
        sql="""
            SELECT l.doc_id, l.survivor_id FROM ledger AS l
            ANTI JOIN (SELECT doc_id FROM ledger WHERE stage = 'curate') AS passed ON passed.doc_id = l.survivor_id
            WHERE l.disposition = 'duplicate' AND l.survivor_id IS NOT NULL AND l.earlier IS NULL""",
    ),
    _Check(
        what="documents are in clusters more than once",
        sql="SELECT doc_id, count(*) || ' rows' FROM clusters GROUP BY doc_id HAVING count(*) > 1",
    ),
    _Check(
        what="documents in clusters are of an unknown kind",
        sql="""
            SELECT doc_id, coalesce(kind, 'null') FROM clusters
            WHERE coalesce(kind, '') NOT IN ('survivor', 'url', 'exact', 'near')""",
    ),
    _Check(
        what="clusters are not named by the smallest id of their documents",
        sql="SELECT cluster, min(doc_id) FROM clusters GROUP BY cluster HAVING cluster IS DISTINCT FROM min(doc_id)",
    ),
    _Check(
        what="clusters differ in size from what their documents say",
        sql="""
            SELECT cluster, count(*) || ' documents, said to be ' || coalesce(max(size), 0) FROM clusters
            GROUP BY cluster HAVING (min(size), max(size)) IS DISTINCT FROM (count(*), count(*))""",
    ),
    _Check(
        what="clusters have documents with different survivors",
        sql="""
            SELECT cluster, count(DISTINCT {'id': survivor_id, 'earlier': earlier}) || ' survivors' FROM clusters
            GROUP BY cluster HAVING count(DISTINCT {'id': survivor_id, 'earlier': earlier}) > 1""",
    ),
    _Check(
        what="clusters have not one survivor, or one beside that of an earlier output",
        sql="""
            SELECT cluster, count(*) FILTER (kind = 'survivor') || ' survivors' FROM clusters GROUP BY cluster
            HAVING count(*) FILTER (kind = 'survivor') <> CAST(max(earlier) IS NULL AS BIGINT)
                OR bool_or(kind = 'survivor' AND survivor_id IS DISTINCT FROM doc_id)""",
    ),
    _Check(
        what="duplicates differ between clusters and ledger",
        sql="""
            SELECT coalesce(c.doc_id, l.doc_id), coalesce(c.kind, 'none') || ' of ' || coalesce(c.survivor_id, 'none')
                || '; in the ledger ' || coalesce(l.rule, 'none') || ' of ' || coalesce(l.survivor_id, 'none')
            FROM (FROM clusters WHERE kind <> 'survivor') AS c
            FULL JOIN (FROM ledger WHERE disposition = 'duplicate') AS l ON c.doc_id = l.doc_id
            WHERE (c.kind, c.survivor_id, c.earlier, c.similarity)
                IS DISTINCT FROM (l.rule, l.survivor_id, l.earlier, l.similarity)""",
    ),
    _Check(
        what="curated documents stand for another number of documents than their cluster has",
        sql="""
            SELECT doc_id, cluster_size || ', of a cluster of ' || coalesce(size, 1)
            FROM curated LEFT JOIN clusters USING (doc_id) WHERE cluster_size IS DISTINCT FROM coalesce(size, 1)""",
    ),
    _Check(
        what="documents in shards are not curated",
        sql="""
            SELECT doc_id, 'in a shard' FROM (SELECT DISTINCT unnest(doc_ids) AS doc_id FROM shards)
            ANTI JOIN curated USING (doc_id)""",
    ),
)


def reconcile(out: str) -> Reconciliation:
    """Compare the tables of an output folder with each other. Memory: the ids, and DuckDB spills those to disk.

    Raises:
        ValueError: there is no such folder, or a table in it cannot be read.
    """
    with connect(out) as connection:
        return check(connection)


def check(connection: duckdb.DuckDBPyConnection) -> Reconciliation:
    """The same over an open connection."""
    records, size = _row(connection, "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM documents")
    (entries,) = _row(connection, "SELECT count(*) FROM ledger")
    (kept,) = _row(connection, "SELECT count(*) FROM ledger WHERE disposition = 'kept'")
    if records and not entries:
        violations = ["the ledger is empty: the run has not come to its end; start it again and it goes on"]
    else:
        violations = [found for each in _CHECKS if (found := _run(connection, each))]
    return Reconciliation(records=records, bytes=size, kept=kept, violations=tuple(violations))


def _run(connection: duckdb.DuckDBPyConnection, check: _Check) -> str | None:
    offences, about, detail = connection.execute(
        f"SELECT count(*), min(about), arg_min(detail, (about, detail)) FROM ({check.sql}) AS offences (about, detail)"
    ).fetchall()[0]
    if not offences:
        return None
    return f"{offences:,} {check.what}, such as {safe.one_line(str(about))} ({safe.one_line(str(detail))})"


def _row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    found: tuple[int, ...] = connection.execute(sql).fetchall()[0]
    return found
