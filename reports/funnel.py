"""The funnel: how much of each language goes in, and how much comes out."""

from dataclasses import astuple, dataclass, fields
from typing import Any

import duckdb
from rich import box
from rich.table import Table
from rich.text import Text

from gristmill.reports import queries, safe
from gristmill.reports.views import connect

DISPOSITIONS = ("kept", "dropped", "duplicate", "skipped", "unreadable")
"""What can become of a record, in the order of charts and tables."""

NO_LANGUAGE = "(none)"
"""Shown for records that were never documents: nothing was there to tell a language from."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A language's records. `language` is None where a record has no text; `tokens` counts repeats."""

    language: str | None
    records: int
    kept: int
    dropped: int
    duplicate: int
    skipped: int
    unreadable: int
    bytes_in: int
    bytes_kept: int
    tokens: int

    @property
    def label(self) -> str:
        return self.language or NO_LANGUAGE


def funnel(out: str) -> list[Row]:
    """The languages' rows, most bytes kept first.

    Raises:
        ValueError: there is no such folder, or a table in it cannot be read.
    """
    with connect(out) as connection:
        return read(connection)


def read(connection: duckdb.DuckDBPyConnection) -> list[Row]:
    """The languages' rows from an open connection."""
    names = [each.name for each in fields(Row)]
    found = connection.execute(f"SELECT {', '.join(names)} FROM ({queries.load('funnel')})").fetchall()
    return sorted((Row(**dict(zip(names, each, strict=True))) for each in found), key=_order)


def totals(rows: list[Row]) -> Row:
    """One row for all languages."""
    sums: list[Any] = [sum(column) for column in zip(*(astuple(each)[1:] for each in rows), strict=True)]
    names = [each.name for each in fields(Row)][1:]
    return Row(language="all", **dict(zip(names, sums or [0] * len(names), strict=True)))


def table(rows: list[Row]) -> Table:
    """The funnel for a terminal of 80 columns, with a line of totals."""
    shown = Table(
        title="What became of every record",
        title_justify="left",
        header_style="bold",
        show_footer=True,
        box=box.SIMPLE,
        show_edge=False,
        padding=0,
    )
    total = totals(rows)
    shown.add_column("language", footer=total.label, no_wrap=True)
    for name in ("records", *DISPOSITIONS):
        shown.add_column(name, footer=safe.count(getattr(total, name)), justify="right")
    shown.add_column("bytes kept", footer=safe.size(total.bytes_kept), justify="right")
    shown.add_column("tokens", footer=safe.count(total.tokens), justify="right")
    for row in rows:
        shown.add_row(
            Text(safe.one_line(row.label)),
            *(_count(getattr(row, name)) for name in ("records", *DISPOSITIONS)),
            safe.size(row.bytes_kept),
            _count(row.tokens),
        )
    return shown


def _count(number: int) -> Text:
    """Zeros recede, so that what there is stands out."""
    return Text(safe.count(number), style="" if number else "dim")


def _order(row: Row) -> tuple[int, int, bool, str]:
    return -row.bytes_kept, -row.records, row.language is None, row.language or ""
