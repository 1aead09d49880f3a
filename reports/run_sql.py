"""Run one reading query over an output folder, and print what it finds: a table, TSV, or JSON lines."""

import decimal
import json as json_
import math
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

import duckdb
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gristmill.reports import queries, safe
from gristmill.reports.views import VIEWS, connect, first_line
from gristmill.schemas import nearest

SHOWN_ROWS = 1000
"""Rows that a terminal gets; a pipe gets all of them."""

_CELL = 200
_BATCH = 1000
_EXPLAIN = re.compile(r"\s*explain(\s+analyze)?\s+(?=\w|\()", re.IGNORECASE)
_NO_TABLE = re.compile(r"Table with name (?P<name>.+?) does not exist")
_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a query found: the columns, and the rows in batches as they come."""

    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


def run_query(
    out: str, query_or_name: str, *, json: bool = False, file: TextIO | None = None, width: int | None = None
) -> None:
    """Run a named query or SQL of one's own, and print the rows.

    A terminal gets a table of at most `SHOWN_ROWS` rows, a pipe gets tab-separated values; `json` gives one object a
    line, with exact values, anywhere.

    Raises:
        ValueError: the query is wrong, or would do more than read; one line for the person who wrote it.
    """
    stream = file or sys.stdout
    with connect(out) as connection:
        result = execute(connection, sql_of(query_or_name))
        if json:
            for line in json_lines(result):
                stream.write(line + "\n")
        elif stream.isatty():
            print_table(result, console=Console(file=stream, width=width))
        else:
            for line in tsv_lines(result):
                stream.write(line + "\n")


def sql_of(query_or_name: str) -> str:
    """The SQL that a name stands for, or the SQL itself: what is one word is a name.

    Raises:
        ValueError: there is no query of that name.
    """
    given = query_or_name.strip()
    if not given:
        raise ValueError(f"no query given (named queries: {', '.join(queries.names())})")
    if not re.fullmatch(r"[\w-]+", given):
        return given
    if given in VIEWS and given not in queries.names():
        raise ValueError(f"{given!r} is a table, not a query; its rows: FROM {given} LIMIT 20")
    return queries.load(given.replace("-", "_"))


def execute(connection: duckdb.DuckDBPyConnection, sql: str) -> Result:
    """Run one query that only reads.

    Raises:
        ValueError: it is not one query, not one that only reads, or wrong.
    """
    try:
        _check_reads(connection, sql)
        connection.execute(sql)
    except duckdb.Error as error:
        raise _explained(error) from error
    about = connection.description or []
    return Result(
        columns=tuple(each[0] for each in about),
        kinds=tuple(str(each[1]) for each in about),
        rows=_rows(connection),
    )


def json_lines(result: Result) -> Iterator[str]:
    """One JSON object for each row."""
    columns = _distinct(result.columns)
    for row in result.rows:
        # A JSON column's values come as text.
        value = {
            name: json_.loads(each) if kind == "JSON" and each is not None else plain(each)
            for name, kind, each in zip(columns, result.kinds, row, strict=True)
        }
        yield _harmless(json_.dumps(value, ensure_ascii=False, allow_nan=False))


def tsv_lines(result: Result) -> Iterator[str]:
    """Tab-separated values with a heading; line breaks and tabs in values are escaped, nulls are empty."""
    yield "\t".join(map(safe.one_line, result.columns))
    for row in result.rows:
        yield "\t".join("" if each is None else safe.one_line(_shown(each)) for each in row)


def print_table(result: Result, *, console: Console) -> None:
    """A table for people; long values are cut, and what is left out is said."""
    table = Table(header_style="bold", row_styles=("", "dim") if len(result.columns) > 6 else ("",))
    for name, kind in zip(result.columns, result.kinds, strict=True):
        numeric = kind.removeprefix("U").startswith(_NUMERIC) and not kind.endswith("]")
        table.add_column(Text(safe.one_line(name)), justify="right" if numeric else "left", overflow="fold")
    more = False
    for index, row in enumerate(result.rows):
        if index == SHOWN_ROWS:
            more = True
            break
        table.add_row(*(_cell(each) for each in row))
    console.print(table)
    if more:
        console.print(
            f"The first {SHOWN_ROWS:,} rows; pipe the output or use --json for all of them.",
            style="dim",
            highlight=False,
        )
    elif not table.row_count:
        console.print("No rows.", style="dim")


def plain(value: Any) -> Any:
    """The value as JSON can say it: bytes as hexadecimal digits, times as ISO 8601, NaN and infinities as null."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, (float, decimal.Decimal)):
        if not math.isfinite(value):
            return None
        return int(value) if isinstance(value, decimal.Decimal) and value == int(value) else float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _harmless(text: str) -> str:
    """The same JSON value, with characters that act on a terminal and that json leaves as they are spelt as escapes."""
    return text if safe.visible(text) == text else json_.dumps(json_.loads(text))


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    return json_.dumps(plain(value), ensure_ascii=False)


def _cell(value: Any) -> Text:
    if value is None:
        return Text("–", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, int):
        return Text(safe.count(value))
    if isinstance(value, float):
        return Text(f"{value:.6g}")
    return Text(safe.clip(safe.one_line(_shown(value)[: 2 * _CELL]), _CELL))


def _distinct(names: Sequence[str]) -> list[str]:
    """Column names for keys: a name that comes again gets a number, since an object would lose the first."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while True:
        try:
            rows = connection.fetchmany(_BATCH)
        except duckdb.Error as error:
            raise _explained(error) from error
        if not rows:
            return
        yield from rows


def _check_reads(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise ValueError("no query given" if not statements else f"one query at a time, not {len(statements)}")
    kind = statements[0].type
    if kind == duckdb.StatementType.EXPLAIN:
        # EXPLAIN ANALYZE runs what it explains. What this pattern does not see through is refused, never run.
        if not _EXPLAIN.match(sql):
            raise _refusal("this EXPLAIN")
        _check_reads(connection, _EXPLAIN.sub("", sql, count=1))
    elif kind != duckdb.StatementType.SELECT:
        raise _refusal(kind.name)


def _refusal(what: str) -> ValueError:
    return ValueError(f"only queries that read are run here, such as SELECT, FROM, DESCRIBE or SUMMARIZE; not {what}")


def _explained(error: duckdb.Error) -> ValueError:
    message = first_line(error)
    if found := _NO_TABLE.search(message):
        # DuckDB's own guess may be one of its system tables.
        name = found["name"]
        return ValueError(f"there is no table {name!r}{nearest(name, VIEWS)} (tables: {', '.join(VIEWS)})")
    return ValueError(message)
