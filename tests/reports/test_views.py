from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.reports import views
from gristmill.schemas import LEDGER, TABLES


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


EXPECTED = {
    "documents": 12,
    "ledger": 12,
    "signals": 9,
    "verdicts": 9,
    "curated": 4,
    "clusters": 3,
    "passages": 1,
    "shards": 2,
}


def test_views_show_every_row(out: str) -> None:
    with views.connect(out) as connection:
        assert {name: _count(connection, name) for name in EXPECTED} == EXPECTED
        assert _count(connection, "rejected") == 6
        assert connection.execute("SELECT DISTINCT language FROM curated ORDER BY 1").fetchall() == [
            ("ara_Arab",),
            ("eng_Latn",),
            ("tha_Thai",),
        ]
        assert connection.execute("SELECT file, sequence FROM shards ORDER BY 2").fetchall() == [
            ("shards/train/00000.parquet", 0),
            ("shards/train/00000.parquet", 1),
        ]


def test_stages_come_from_receipts_and_damaged_ones_are_left_out(out: str) -> None:
    with views.connect(out) as connection:
        found = connection.execute(
            "SELECT phase, key, rows, bytes, files, counts['records'] FROM stages WHERE phase = 'ingest'"
        ).fetchall()
    assert found == [("ingest", "k1", 10, 2000, ["documents/a.parquet", "documents/b.parquet"], 12)]


def test_views_of_a_new_folder_are_empty_and_have_their_columns(empty: str) -> None:
    with views.connect(empty) as connection:
        for table in TABLES:
            found = connection.execute(f"SELECT * FROM {table.name}")
            names = [each[0] for each in found.description or ()]
            assert found.fetchall() == []
            assert names[: len(table.schema)] == table.schema.names
        assert _count(connection, "stages") == 0
        assert _count(connection, "rejected") == 0


def test_empty_views_have_the_types_of_full_ones(out: str, empty: str) -> None:
    with views.connect(out) as full, views.connect(empty) as new:
        for name in views.VIEWS:
            sql = f"SELECT column_name, column_type FROM (DESCRIBE {name})"
            assert new.execute(sql).fetchall() == full.execute(sql).fetchall()


@pytest.mark.parametrize(
    "name", ['it\'s "quoted"', "[x]*?", "ünï 漢字 {a,b}", "language=deu_Latn", "a=b --; $x %20", "x\ny"]
)
def test_any_path_works(folder: Any, tmp_path: Path, name: str) -> None:
    out = folder.write(tmp_path / name / "out")
    # A neighbour that the path would match as a pattern.
    (tmp_path / "x").mkdir()
    with views.connect(str(out)) as connection:
        assert {each: _count(connection, each) for each in EXPECTED} == EXPECTED
        assert _count(connection, "stages") == 3
        assert connection.execute("SELECT file FROM curated WHERE language = 'tha_Thai'").fetchall() == [
            ("curated/language=tha_Thai/a.parquet",)
        ]
    with duckdb.connect(str(views.write_database(str(out))), read_only=True) as connection:
        assert _count(connection, "curated") == 4
        assert _count(connection, "stages") == 3


@pytest.mark.usefixtures("out")
def test_a_relative_path_works_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    database = views.write_database("out")
    monkeypatch.chdir("/")
    with duckdb.connect(str(database), read_only=True) as connection:
        assert _count(connection, "ledger") == 12


def test_a_linked_folder_works(out: str, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(out, target_is_directory=True)
    for path in (str(link), f"{link}/", f"{link}/../link/."):
        with views.connect(path) as connection:
            assert connection.execute("SELECT DISTINCT file FROM shards").fetchall() == [
                ("shards/train/00000.parquet",)
            ]


def test_the_database_is_replaced_in_one_step_and_leaves_nothing_behind(out: str) -> None:
    first = views.write_database(out)
    with duckdb.connect(str(first), read_only=True) as reader:
        assert views.write_database(out) == first
        assert _count(reader, "ledger") == 12
    assert [path.name for path in Path(out).iterdir() if "duckdb" in path.name] == ["gristmill.duckdb"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere", "nowhere: no such output folder"),
        ("gs://bucket/out", "reports read local folders"),
        ("back\\slash", "DuckDB takes a backslash in a path for a folder"),
    ],
)
def test_folders_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "back\\slash").mkdir()
    with pytest.raises(ValueError, match=message):
        views.connect(path)


def test_a_table_of_another_shape_is_named(empty: str) -> None:
    path = Path(empty) / "ledger" / "a.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"doc_id": ["a"]}), path)
    with pytest.raises(ValueError, match=r"cannot read table ledger in .*source"):
        views.connect(empty)


def test_a_damaged_table_is_named(out: str) -> None:
    (Path(out) / "ledger" / "a.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(ValueError, match="cannot read table ledger"):
        views.connect(out)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{other}/secret.csv')",
        "SELECT * FROM read_csv('{out}/../other/secret.csv')",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO '{other}/new.csv'",
        "ATTACH '{other}/new.db'",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "INSTALL httpfs",
    ],
)
def test_the_connection_reaches_nothing_outside(out: str, tmp_path: Path, sql: str) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret.csv").write_text("a\n1\n")
    with views.connect(out) as connection, pytest.raises(duckdb.Error, match=r"disabled by configuration|locked"):
        connection.execute(sql.format(out=out, other=other))
    assert [path.name for path in other.iterdir()] == ["secret.csv"]


def test_large_sorts_may_spill(out: str) -> None:
    with views.connect(out) as connection:
        assert connection.execute("SELECT current_setting('temp_directory')").fetchall() == [(f"{out}/.duckdb",)]


def test_a_column_named_by_a_reserved_word_is_there(out: str) -> None:
    assert "limit" in LEDGER.schema.names
    with views.connect(out) as connection:
        assert connection.execute('SELECT max("limit") FROM ledger').fetchall() == [(50.0,)]
