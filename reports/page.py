"""The report: `OUT/report.html`, one page with no scripts and no outside resources, from the same tables as the SQL."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import duckdb

from gristmill.reports import charts, funnel, page_data, queries, reconcile, safe
from gristmill.reports.funnel import DISPOSITIONS, Row
from gristmill.reports.page_data import Example, Histogram
from gristmill.reports.page_duplicates import duplicates
from gristmill.reports.page_measures import measures
from gristmill.reports.page_model import model
from gristmill.reports.page_parts import escape, folded, language_row, language_table, nothing, quoted, scroll, uri
from gristmill.reports.reconcile import Reconciliation
from gristmill.reports.views import connect, output_folder

PAGE = "report.html"

_LANGUAGES = 40
"""Languages that are shown at once; the rest are one click away."""

_LINES = 25


def write_page(out: str, *, books: Reconciliation | None = None) -> Path:
    """Write the report in one step, and return its path. The same tables give the same bytes.

    Args:
        out: the output folder.
        books: its reconciliation, where it is already known.

    Raises:
        ValueError: there is no such folder, or a table in it cannot be read.
        OSError: the folder cannot be written to.
    """
    target = output_folder(out) / PAGE
    with connect(out) as connection:
        page = build(connection, name=target.parent.name, books=books or reconcile.check(connection))
    temporary = target.with_name(f".{PAGE}.tmp-{secrets.token_hex(6)}")
    try:
        temporary.write_text(page, "utf-8")
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def build(connection: duckdb.DuckDBPyConnection, *, name: str, books: Reconciliation) -> str:
    """The page as HTML."""
    rows = funnel.read(connection)
    template = Template(files("gristmill.reports").joinpath("page.html").read_text("utf-8"))
    return template.substitute(
        name=safe.escape_html(name),
        summary=_summary(rows, connection),
        reconciliation=_reconciliation(books),
        legend=charts.legend(DISPOSITIONS),
        languages=_languages(rows),
        reasons=_reasons(connection),
        sources=_table(connection, "sources"),
        domains=_table(connection, "domains"),
        histograms=_histograms(page_data.histograms(connection)),
        measures=measures(connection),
        duplicates=duplicates(connection),
        tokens=_tokens(connection),
        model=model(connection),
        examples=_examples(page_data.examples(connection)),
        queries=_queries(),
    )


def _summary(rows: Sequence[Row], connection: duckdb.DuckDBPyConnection) -> str:
    total = funnel.totals(list(rows))
    held_out = page_data.held_out(connection)
    named = sum(1 for row in rows if row.kept and row.language and not row.language.startswith("und"))
    facts = [
        ("records in", safe.count(total.records), safe.size(total.bytes_in)),
        ("documents kept", safe.count(total.kept), f"{safe.share(total.kept, total.records)} of records"),
        ("bytes kept", safe.size(total.bytes_kept), f"{safe.share(total.bytes_kept, total.bytes_in)} of bytes"),
        ("held out", safe.count(held_out), f"{safe.share(held_out, total.kept)} of documents kept"),
        ("languages kept", safe.count(named), "und not counted"),
        ("duplicates", safe.count(total.duplicate), f"{safe.share(total.duplicate, total.records)} of records"),
        ("tokens in shards", safe.count(total.tokens), f"in {safe.count(page_data.sequences(connection))} sequences"),
    ]
    items = (
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd><dd class=note>{escape(note)}</dd></div>"
        for name, value, note in facts
    )
    whole = charts.stacked(_parts(total), label="all records")
    return f"<dl class=summary>{''.join(items)}</dl>{whole}"


def _reconciliation(found: Reconciliation) -> str:
    if found.ok:
        return (
            f"<p class=note>Reconciled: all {safe.count(found.records)} records are in the ledger once, by source,"
            " language and bytes; what it keeps is curated or held out; every duplicate names a document that is"
            " kept.</p>"
        )
    items = "".join(f"<li>{escape(each)}</li>" for each in found.violations)
    return f"<div class=alarm role=note><strong>The tables do not agree with each other.</strong><ul>{items}</ul></div>"


def _parts(row: Row) -> list[tuple[str, int]]:
    return [(name, getattr(row, name)) for name in DISPOSITIONS]


def _languages(rows: Sequence[Row]) -> str:
    if not rows:
        return nothing("The ledger is empty: the run has not come to its end yet.")
    first = _language_table(rows[:_LANGUAGES], total=funnel.totals(list(rows)))
    return first + folded(rows[_LANGUAGES:], _language_table)


def _language_table(rows: Iterable[Row], *, total: Row | None = None) -> str:
    return language_table(
        "What became of each language's records",
        map(_language_row, rows),
        share_of="records",
        heads=("records", *DISPOSITIONS, "bytes in", "bytes kept", "tokens"),
        foot=_language_row(total) if total else "",
    )


def _language_row(row: Row) -> str:
    counts = (row.records, *(number for _, number in _parts(row)))
    cells = [*map(safe.count, counts), safe.size(row.bytes_in), safe.size(row.bytes_kept), safe.count(row.tokens)]
    return language_row(row.label, _parts(row), cells)


def _reasons(connection: duckdb.DuckDBPyConnection) -> str:
    rows = page_data.rows(connection, "reasons")
    if not rows:
        return nothing("Nothing was dropped.")
    most = max(row["records"] for row in rows)
    body = "".join(
        f"<tr><th scope=row><code>{escape(row['rule'] or row['disposition'])}</code></th>"
        f"<td class=word>{charts.dot(row['disposition'])}{escape(row['disposition'])}</td>"
        f"<td class=chart>{charts.bar(row['records'], most, kind=row['disposition'])}</td>"
        f"<td>{safe.count(row['records'])}</td><td>{row['percent']:.2f} %</td><td>{safe.size(row['bytes'])}</td>"
        f"<td class=word>{uri(row['example_uri'], limit=90)}</td></tr>"
        for row in rows[:_LINES]
    )
    more = f"<p class=note>The {_LINES} commonest of {len(rows)} reasons.</p>" if len(rows) > _LINES else ""
    return more + scroll(
        "<table><caption>Reasons, commonest first</caption><thead><tr><th scope=col>rule</th><th scope=col class=word>"
        "disposition</th><th scope=col class=chart><span class=hidden>bar</span></th><th scope=col>records</th>"
        "<th scope=col>of all</th><th scope=col>bytes</th><th scope=col class=word>example</th></tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _table(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """A query that ends in the funnel's columns: words first, then the bar and the numbers."""
    rows = page_data.rows(connection, query)
    if not rows:
        return nothing("No records yet.")
    words = [name for name in rows[0] if name in ("source", "domain", "licence")]
    heads = "".join(f"<th scope=col class=word>{each}</th>" for each in words)
    body = "".join(
        "<tr>"
        + "".join(f"<td class=word>{escape(row[each] or '(none)')}</td>" for each in words)
        + f"<td class=chart>{_bar_of(row, label=words[0])}</td>"
        + f"<td>{safe.count(row['records'])}</td><td>{safe.count(row['kept'])}</td>"
        + f"<td>{safe.size(row['bytes_in'])}</td><td>{safe.size(row['bytes_kept'])}</td></tr>"
        for row in rows[:_LINES]
    )
    more = f"<p class=note>The first {_LINES} of {len(rows)}.</p>" if len(rows) > _LINES else ""
    return more + scroll(
        f"<table><caption>By {words[0]}</caption><thead><tr>{heads}<th scope=col class=chart>share of records</th>"
        "<th scope=col>records</th><th scope=col>kept</th><th scope=col>bytes in</th><th scope=col>bytes kept</th>"
        f"</tr></thead><tbody>{body}</tbody></table>"
    )


def _bar_of(row: Mapping[str, Any], *, label: str) -> str:
    return charts.stacked([(name, row[name]) for name in DISPOSITIONS], label=str(row[label]))


def _histograms(histograms: Sequence[Histogram]) -> str:
    if not histograms:
        return nothing("Nothing has been measured yet.")
    return f"<div class=multiples>{''.join(map(charts.histogram, histograms))}</div>"


def _tokens(connection: duckdb.DuckDBPyConnection) -> str:
    rows = page_data.rows(connection, "tokens")
    if not rows:
        return nothing("No shards have been packed yet.")
    most = max(row["tokens"] for row in rows)
    body = "".join(
        f"<tr><th scope=row><code>{escape(row['language'] or '(none)')}</code></th>"
        f"<td class=chart>{charts.bar(row['tokens'], most, kind='kept')}</td><td>{safe.count(row['tokens'])}</td>"
        f"<td>{row['percent']:.2f} %</td><td>{safe.count(row['distinct_tokens'])}</td><td>{row['epochs']:.2f}</td>"
        f"<td>{safe.count(row['documents'])}</td></tr>"
        for row in rows
    )
    return scroll(
        "<table><caption>Tokens in the shards, by language</caption><thead><tr><th scope=col>language</th>"
        "<th scope=col class=chart><span class=hidden>bar</span></th><th scope=col>tokens</th><th scope=col>of all</th>"
        "<th scope=col>without repeats</th><th scope=col>epochs</th><th scope=col>documents</th></tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _examples(examples: Sequence[Example]) -> str:
    if not examples:
        return nothing("Nothing was rejected that has a text.")
    groups: dict[str, list[Example]] = {}
    for each in examples:
        groups.setdefault(each.rule, []).append(each)
    return "".join(
        f"<details><summary><code>{escape(rule)}</code></summary>{''.join(map(_example, found))}</details>"
        for rule, found in groups.items()
    )


def _example(example: Example) -> str:
    found = f" · found {safe.number(example.value)}" if example.value is not None else ""
    limit = f", limit {safe.number(example.limit)}" if example.limit is not None else ""
    detail = f" · {escape(safe.clip(example.detail, 160))}" if example.detail else ""
    return (
        f"<figure>{quoted(escape(example.excerpt))}<figcaption>"
        f"<code>{escape(example.language or '(none)')}</code> · <code>{escape(example.doc_id)}</code>{found}{limit}"
        f"{detail}<br>{uri(example.uri, limit=160)}</figcaption></figure>"
    )


def _queries() -> str:
    items = (
        f"<tr><th scope=row><code>{escape(name)}</code></th><td class=word>{escape(about)}</td></tr>"
        for name, about in ((name, queries.description(name)) for name in queries.names())
    )
    return scroll(f"<table class=plain><caption>Named queries</caption><tbody>{''.join(items)}</tbody></table>")
