"""SQL over an output folder: a DuckDB view for every table, whether or not a run has come to writing it.

Two ways to the same views. `connect` gives a connection of this process: it reads the output folder and nothing else.
`write_database` writes `OUT/gristmill.duckdb` for DuckDB's own client: it holds the views, not the data, and names the
Parquet files by their absolute path. A table that is empty when it is written stays empty in it, so it is written anew
at each run and by `gristmill sql`; a moved output folder needs one `gristmill sql` to be found again.
"""

import re
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from gristmill.reports.model_views import MODEL_VIEWS
from gristmill.schemas import TABLES, Table
from gristmill.schemas.recipe import is_remote
from gristmill.schemas.training import TRAINING_TABLES

DATABASE = "gristmill.duckdb"

MODEL = "model"
"""Folder of the output's own model, beside the tables."""

VIEWS = (*(table.name for table in (*TABLES, *TRAINING_TABLES)), "stages", "rejected", *MODEL_VIEWS)

_LANGUAGE_FOLDER = "language="
_RECEIPT_BYTES = 1 << 30  # a receipt of a stage that joins everything lists all of its input


def output_folder(out: str) -> Path:
    """The absolute path of an output folder.

    Raises:
        ValueError: there is no such folder, or DuckDB could not name the files in it.
    """
    if is_remote(out):
        raise ValueError(f"{out}: reports read local folders; copy the tables to this machine first")
    folder = Path(out).resolve()  # as DuckDB names the files
    if not folder.is_dir():
        raise ValueError(f"{out}: no such output folder")
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ValueError(f"{out!r}: the path is not valid UTF-8, which SQL needs; rename the folder") from None
    if "\\" in str(folder):
        raise ValueError(f"{out}: DuckDB takes a backslash in a path for a folder; rename the folder")
    return folder


def connect(out: str) -> duckdb.DuckDBPyConnection:
    """Open the views in memory. Queries can read the files below `out` and no others, and reach no network.

    Raises:
        ValueError: there is no such folder, or a table in it cannot be read.
    """
    folder = output_folder(out)
    connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"})
    try:
        _create_views(connection, folder)
        # Large sorts spill to disk; the folder is made when that happens, and removed at the end.
        connection.execute(f"SET temp_directory = {literal(str(folder / '.duckdb'))}")
        # The second spelling is that of the glob patterns: DuckDB checks them as if they were paths.
        allowed = ", ".join(literal(each) for each in (str(folder), escape_glob(str(folder))))
        connection.execute(f"SET allowed_directories = [{allowed}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except BaseException:
        connection.close()
        raise
    return connection


def write_database(out: str) -> Path:
    """Write `OUT/gristmill.duckdb` in one step: whoever has the old one open keeps it. Returns its path.

    Raises:
        ValueError: there is no such folder, or a table in it cannot be read.
        OSError: the folder cannot be written to.
    """
    folder = output_folder(out)
    target = folder / DATABASE
    # DuckDB takes a question mark in a database's path for the start of options, so the file is made elsewhere.
    with tempfile.TemporaryDirectory(prefix="gristmill-") as elsewhere:
        made = Path(elsewhere) / DATABASE
        with duckdb.connect(str(made)) as connection:
            _create_views(connection, folder)
        data = made.read_bytes()
    temporary = folder / f".{DATABASE}.tmp-{secrets.token_hex(6)}"
    try:
        temporary.write_bytes(data)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def fetch(connection: duckdb.DuckDBPyConnection, sql: str, *values: object) -> list[dict[str, Any]]:
    """What a query finds, by column; the values stand for its question marks."""
    result = connection.execute(sql, list(values))
    names = [each[0] for each in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def literal(text: str) -> str:
    """The text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def escape_glob(path: str) -> str:
    """A pattern that matches this path alone."""
    return "".join(f"[{each}]" if each in "*?[" else each for each in path)


def first_line(error: BaseException) -> str:
    """DuckDB's message without the query that it repeats."""
    return " ".join(str(error).split("\n\nLINE ")[0].split())


def _create_views(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    for name, select in _views(connection, folder):
        try:
            connection.execute(f"CREATE VIEW {name} AS {select}")
        except duckdb.Error as error:
            raise ValueError(f"cannot read table {name} in {folder}: {first_line(error)}") from error


def _views(connection: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[tuple[str, str]]:
    for table in TABLES:
        yield table.name, _table_view(connection, folder, table)
    for table in TRAINING_TABLES:
        yield table.name, _table_view(connection, folder / MODEL, table)
    yield "stages", _stages_view(folder)
    yield "rejected", _REJECTED
    yield from MODEL_VIEWS.items()


def _table_view(connection: duckdb.DuckDBPyConnection, folder: Path, table: Table) -> str:
    pattern = f"{_LANGUAGE_FOLDER}*/*.parquet" if table.name == "curated" else "**/*.parquet"
    extra = _extra_columns(folder, table.name)
    if any((folder / table.name).glob(pattern)):
        columns = [*map(_quoted, table.schema.names), *(f"{what} AS {name}" for name, (_, what) in extra.items())]
        return f"SELECT {', '.join(columns)} FROM {_read_parquet(folder, table.name, pattern)}"
    kinds = [*_column_types(connection, table.schema), *((name, kind) for name, (kind, _) in extra.items())]
    return f"SELECT {', '.join(f'CAST(NULL AS {kind}) AS {_quoted(name)}' for name, kind in kinds)} WHERE false"


def _read_parquet(folder: Path, name: str, pattern: str) -> str:
    files = literal(f"{escape_glob(str(folder))}/{name}/{pattern}")
    hive = name == "curated" and not _holds_language(folder)
    types = ", hive_types = {'language': VARCHAR}" if hive else ""
    return f"read_parquet({files}, filename = true, file_row_number = true, hive_partitioning = {hive}{types})"


def _extra_columns(folder: Path, name: str) -> dict[str, tuple[str, str]]:
    """Columns that the files' own names and order give: name -> (type, expression). They cost only who asks."""
    file = f"substring(filename, {len(str(folder).rstrip('/')) + 2})"
    if name == "curated":
        language = f"regexp_extract({file}, 'language=([^/]*)', 1)" if _holds_language(folder) else "language"
        return {"language": ("VARCHAR", language), "file": ("VARCHAR", file)}
    if name == "held_out":
        return {"file": ("VARCHAR", file)}
    if name == "shards":
        return {"file": ("VARCHAR", file), "sequence": ("BIGINT", "file_row_number")}
    return {}


def _holds_language(folder: Path) -> bool:
    """Whether the output folder itself lies in a `language=...` folder, which DuckDB would take for the partition."""
    return any(part.startswith(_LANGUAGE_FOLDER) for part in folder.parts)


def _column_types(connection: duckdb.DuckDBPyConnection, schema: pa.Schema) -> Iterator[tuple[str, str]]:
    relation = connection.from_arrow(schema.empty_table())
    # DuckDB reads lists of a fixed size from Parquet as lists of any.
    kinds = (re.sub(r"\[\d+\]", "[]", str(each)) for each in relation.types)
    return zip(relation.columns, kinds, strict=True)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _stages_view(folder: Path) -> str:
    if not any((folder / "receipts").glob("*/*.json")):
        return (
            "SELECT CAST(NULL AS VARCHAR) AS phase, CAST(NULL AS VARCHAR) AS key, CAST(NULL AS BIGINT) AS version,"
            " CAST(NULL AS BIGINT) AS rows, CAST(NULL AS BIGINT) AS bytes, CAST(NULL AS VARCHAR[]) AS files,"
            " CAST(NULL AS MAP(VARCHAR, BIGINT)) AS counts, CAST(NULL AS JSON) AS settings,"
            " CAST(NULL AS JSON) AS descriptor WHERE false"
        )
    files = literal(f"{escape_glob(str(folder))}/receipts/*/*.json")
    # Damaged receipts are left out, as the engine leaves them out.
    return (
        "SELECT phase, key, version, CAST(coalesce(list_sum([f.rows FOR f IN files]), 0) AS BIGINT) AS rows,"
        " CAST(coalesce(list_sum([f.bytes FOR f IN files]), 0) AS BIGINT) AS bytes, [f.path FOR f IN files] AS files,"
        f" counts, settings, descriptor FROM read_json({files}, format = 'newline_delimited', ignore_errors = true,"
        f" maximum_object_size = {_RECEIPT_BYTES}, hive_partitioning = false,"
        " columns = {phase: 'VARCHAR', key: 'VARCHAR', version: 'BIGINT', settings: 'JSON', descriptor: 'JSON',"
        " files: 'STRUCT(path VARCHAR, rows BIGINT, bytes BIGINT)[]', counts: 'MAP(VARCHAR, BIGINT)'})"
        " WHERE phase IS NOT NULL AND files IS NOT NULL"
    )


_REJECTED = """
    SELECT ledger.*, documents.domain, documents.title, documents.text
    FROM ledger JOIN documents USING (doc_id)
    WHERE ledger.disposition IN ('dropped', 'duplicate', 'unreadable')
"""
