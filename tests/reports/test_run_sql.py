import io
import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.reports import queries, run_sql
from gristmill.reports.funnel import DISPOSITIONS
from gristmill.reports.views import connect


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _tsv(out: str, query: str) -> list[list[str]]:
    stream = io.StringIO()
    run_sql.run_query(out, query, file=stream)
    return [line.split("\t") for line in stream.getvalue().splitlines()]


def _json(out: str, query: str) -> list[dict[str, Any]]:
    stream = io.StringIO()
    run_sql.run_query(out, query, json=True, file=stream)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_named_query_runs_describes_itself_and_is_documented(out: str, empty: str) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "queries.md").read_text("utf-8")
    with connect(out) as full, connect(empty) as new:
        for name in queries.names():
            assert queries.description(name).endswith(".")
            assert f"`{name}`" in manual
            assert full.execute(queries.load(name)).fetchall(), name
            assert new.execute(queries.load(name)).fetchall() == [], name


def test_funnel_counts_each_record_once(out: str) -> None:
    assert _tsv(out, "funnel") == [
        [*("language", "records"), *DISPOSITIONS, *("bytes_in", "bytes_kept", "tokens")],
        ["eng_Latn", "5", "2", "1", "2", "0", "0", "13700", "6500", "1705"],
        ["tha_Thai", "1", "1", "0", "0", "0", "0", "900", "900", "80"],
        ["ara_Arab", "2", "1", "1", "0", "0", "0", "1000", "700", "30"],
        ["", "3", "0", "0", "0", "2", "1", "290", "0", "0"],
        ["und", "1", "0", "1", "0", "0", "0", "20", "0", "0"],
    ]


def test_reasons(out: str, name_of: Any) -> None:
    rows = _json(out, "reasons")
    assert [(row["rule"], row["records"], row["percent"]) for row in rows] == [
        ("gopher.n_words.min", 3, 25.0),
        ("exact", 1, 8.33),
        ("near", 1, 8.33),
        ("empty", 1, 8.33),
        ("warc.request", 1, 8.33),
        ("gzip", 1, 8.33),
    ]
    assert rows[0]["example_id"] == name_of(4)
    assert rows[0]["example_uri"] == "https://evil.example/\x1b[2J<b>"


def test_thresholds_tell_near_misses(out: str) -> None:
    assert [list(row.values()) for row in _json(out, "thresholds")] == [
        ["gopher.n_words.min", 50.0, 3, 2, 1, 3.0, 9.0, 46.0, "ara_Arab eng_Latn und"],
        ["fineweb.terminal_line_ratio.min", 0.12, 1, 0, 0, 0.0, 0.0, 0.0, "eng_Latn"],
    ]


def test_tokens_tell_repeats(out: str) -> None:
    assert [list(row.values()) for row in _json(out, "tokens")] == [
        ["eng_Latn", 2, 1705, 1705, 1.0, 93.94],
        ["tha_Thai", 1, 80, 40, 2.0, 4.41],
        ["ara_Arab", 1, 30, 30, 1.0, 1.65],
    ]


def test_mixture_tells_what_was_asked_allowed_and_came_out(out: str) -> None:
    columns = ("language", "asked_percent", "allowed_percent", "percent", "token_percent", "epochs", "mixed_documents")
    assert [[row[name] for name in columns] for row in _json(out, "mixture")] == [
        ["eng_Latn", 50.0, 60.0, 60.0, 75.0, 0.67, 1],
        ["tha_Thai", 50.0, 40.0, 40.0, 25.0, 4.0, 8],
    ]


def test_held_out_by_language(folder: Any, tmp_path: Path) -> None:
    folder.hold_out(5)
    folder.hold_out(9)
    assert [list(row.values()) for row in _json(str(folder.write(tmp_path / "out")), "held_out")] == [
        ["eng_Latn", 2, 1, 50.0, 15],
        ["ara_Arab", 1, 0, 0.0, 0],
        ["tha_Thai", 1, 1, 100.0, 147],
    ]


def test_sources_domains_languages_and_signals(out: str) -> None:
    assert [(row["source"], row["records"], row["bytes_kept"]) for row in _json(out, "sources")] == [
        ("web", 10, 5700),
        ("filings", 2, 2400),
    ]
    assert [(row["domain"], row["kept"]) for row in _json(out, "domains")] == [("general", 2), ("finance", 2)]
    assert [(row["language"], row["documents"], row["kept"]) for row in _json(out, "languages")] == [
        ("eng_Latn", 5, 2),
        ("ara_Arab", 2, 1),
        ("tha_Thai", 1, 1),
        ("und", 1, 0),
    ]
    words = [row for row in _json(out, "signals") if row["signal"] == "n_words" and row["language"] == "eng_Latn"]
    assert [(row["documents"], row["median"], row["p99"]) for row in words] == [(5, 120.0, 123.0)]


def test_json_is_exact_and_harmless(out: str, folder: Any, name_of: Any) -> None:
    stream = io.StringIO()
    run_sql.run_query(
        out, f"SELECT text, NULL AS n FROM documents WHERE doc_id = '{name_of(4)}'", json=True, file=stream
    )
    assert "\x1b" not in stream.getvalue()
    assert "\u202e" not in stream.getvalue()
    assert json.loads(stream.getvalue()) == {"text": folder.documents[3]["text"], "n": None}


def test_json_of_every_kind_of_value(out: str) -> None:
    query = """SELECT 1.50::DECIMAL(9, 2) AS d, 'nan'::DOUBLE AS f, 'ab'::BLOB AS b, DATE '2024-05-01' AS day,
        [1, 2] AS l, {'a': NULL} AS s, 10::HUGEINT AS h, 'ü' AS t, '{"x": 1}'::JSON AS j, true AS y, 1 AS y"""
    assert _json(out, query) == [
        {"d": 1.5, "f": None, "b": "6162", "day": "2024-05-01", "l": [1, 2], "s": {"a": None}, "h": 10, "t": "ü"}
        | {"j": {"x": 1}, "y": True, "y_2": 1}
    ]


def test_tsv_keeps_a_row_on_its_line(out: str) -> None:
    assert _tsv(out, "SELECT 'a\tb' || chr(10) || 'c' || chr(27) || '\\' AS x, NULL AS y, 0.1 AS z") == [
        ["x", "y", "z"],
        ["a\\tb\\nc\\x1b\\\\", "", "0.1"],
    ]


def test_a_terminal_gets_a_table_without_markup_or_escapes(out: str) -> None:
    stream = _Terminal()
    query = "SELECT text, 1234567 AS n FROM documents WHERE starts_with(doc_id, '0004')"
    run_sql.run_query(out, query, file=stream, width=200)
    assert "[bold]markup[/bold] \\u202egnp.exe" in stream.getvalue()
    assert "\x1b[31m" not in stream.getvalue()
    assert "1,234,567" in stream.getvalue()


def test_a_terminal_is_told_what_is_left_out(out: str) -> None:
    stream = _Terminal()
    run_sql.run_query(out, "FROM range(1001)", file=stream, width=80)
    assert "The first 1,000 rows" in stream.getvalue()
    stream = _Terminal()
    run_sql.run_query(out, "SELECT 1 WHERE false", file=stream, width=80)
    assert "No rows." in stream.getvalue()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "funnell",
            r"no query is named 'funnell'; did you mean 'funnel'\? \(there are: cluster_sizes, contamination, domains",
        ),
        ("ledger", "'ledger' is a table, not a query; its rows: FROM ledger LIMIT 20"),
        ("", "no query given"),
        ("-- nothing here", "no query given"),
        ("SELECT * FROM ledgr", r"there is no table 'ledgr'; did you mean 'ledger'\?"),
        ("SELECT langage FROM ledger", 'Referenced column "langage" not found.*"language"'),
        ("SELEC 1", "syntax error"),
        ("SELECT 1; SELECT 2", "one query at a time, not 2"),
        ("DROP VIEW ledger", "only queries that read are run here.*not DROP"),
        ("COPY ledger TO '{out}/x.csv'", "not COPY"),
        ("EXPLAIN ANALYZE COPY ledger TO '{out}/x.csv'", "not COPY"),
        ("EXPLAIN /* */ ANALYZE COPY ledger TO '{out}/x.csv'", "only queries that read|syntax error"),
        ("EXPLAIN (ANALYZE, FORMAT JSON) COPY ledger TO '{out}/x.csv'", "only queries that read|syntax error"),
        ("SELECT CAST(uri AS INTEGER) FROM ledger", "Could not convert string"),
        ("CREATE TEMP TABLE t AS SELECT 1", "not CREATE"),
    ],
)
def test_errors_are_one_clear_line(out: str, query: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        run_sql.run_query(out, query.format(out=out), file=io.StringIO())
    assert "\n" not in str(caught.value)
    assert not (Path(out) / "x.csv").exists()


@pytest.mark.parametrize(
    "query", ["FROM ledger", "DESCRIBE ledger", "SUMMARIZE ledger", "EXPLAIN FROM ledger", "EXPLAIN ANALYZE SELECT 1"]
)
def test_all_that_reads_is_run(out: str, query: str) -> None:
    assert _json(out, query)
