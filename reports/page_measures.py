"""The report's section on what is measured beside the signals: a plain table for each named query that has rows."""

from collections.abc import Mapping
from typing import Any

import duckdb

from gristmill.reports import page_data, safe
from gristmill.reports.page_parts import nothing, scroll

_LINES = 15

_TABLES = {
    "mixed_languages": "Documents in more than one language",
    "quality": "Quality score by language",
    "personal": "Personal data by language",
    "sites": "Sites, blocklists and reservations",
    "contamination": "Items of evaluation sets",
}


def measures(connection: duckdb.DuckDBPyConnection) -> str:
    """The tables as HTML; those of measures that were not taken are left out."""
    found = {title: page_data.rows(connection, query) for query, title in _TABLES.items()}
    tables = [table(title, rows) for title, rows in found.items() if rows]
    return "".join(tables) or nothing("Nothing beside the signals has been measured.")


def table(title: str, rows: list[dict[str, Any]]) -> str:
    """A heading, and the first rows; every cell is cut at some length and escaped."""
    head = "".join(f"<th scope=col{_kind(rows, name)}>{_text(name.replace('_', ' '))}</th>" for name in rows[0])
    body = "".join(f"<tr>{_cells(row, rows)}</tr>" for row in rows[:_LINES])
    more = f"<p class=note>The first {_LINES} of {safe.count(len(rows))}.</p>" if len(rows) > _LINES else ""
    return f"<h3>{_text(title)}</h3>{more}" + scroll(
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cells(row: Mapping[str, Any], rows: list[dict[str, Any]]) -> str:
    return "".join(f"<td{_kind(rows, name)}>{_cell(value)}</td>" for name, value in row.items())


def _kind(rows: list[dict[str, Any]], name: str) -> str:
    """Words stand left, numbers right."""
    return " class=word" if any(isinstance(row[name], str | list) for row in rows) else ""


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case int():
            return safe.count(value)
        case float():
            return safe.number(value)
        case list():
            return _text(", ".join(map(str, value)))
        case _:
            return f"<bdi>{_text(value)}</bdi>"


def _text(value: object) -> str:
    return safe.escape_html(safe.clip(str(value), 120))
