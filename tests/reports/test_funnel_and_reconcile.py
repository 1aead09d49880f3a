import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gristmill.reports import funnel as funnels
from gristmill.reports.funnel import Row, funnel, totals
from gristmill.reports.reconcile import reconcile


def test_rows_are_sorted_by_bytes_kept(out: str) -> None:
    rows = funnel(out)
    assert [row.label for row in rows] == ["eng_Latn", "tha_Thai", "ara_Arab", "(none)", "und"]
    assert totals(rows) == Row(
        language="all",
        records=12,
        kept=4,
        dropped=3,
        duplicate=2,
        skipped=2,
        unreadable=1,
        bytes_in=15910,
        bytes_kept=8100,
        tokens=1815,
    )


def test_the_table_has_totals(out: str) -> None:
    stream = io.StringIO()
    Console(file=stream, width=80).print(funnels.table(funnel(out)))
    lines = [line.split() for line in stream.getvalue().splitlines()]
    assert lines[1] == ["language", "records", *funnels.DISPOSITIONS, "bytes", "kept", "tokens"]
    assert lines[-1] == ["all", "12", "4", "3", "2", "2", "1", "7.9", "KiB", "1,815"]


def test_a_new_folder_has_an_empty_funnel(empty: str) -> None:
    assert funnel(empty) == []
    assert totals([]).records == 0
    Console(file=io.StringIO()).print(funnels.table([]))


def test_all_is_well(out: str, empty: str) -> None:
    found = reconcile(out)
    assert found.violations == ()
    assert (found.ok, found.records, found.bytes, found.kept) == (True, 12, 15910, 4)
    assert reconcile(empty).ok


def _break(change: str, folder: Any) -> None:  # noqa: PLR0912
    ledger = folder.ledger
    match change:
        case "missing":
            del ledger[6]
        case "twice":
            ledger.append(ledger[6])
        case "stray":
            ledger.append(ledger[6] | {"doc_id": "f" * 32, "source": "nowhere"})
        case "bytes":
            ledger[6]["bytes"] += 1
        case "disposition":
            ledger[6]["disposition"] = "lost"
        case "no rule":
            ledger[6]["rule"] = None
        case "language":
            ledger[6]["language"] = "fas_Arab"
        case "not curated":
            folder.curated["tha_Thai"].clear()
        case "not kept":
            ledger[4] |= {"disposition": "dropped", "rule": "x"}
        case "moved":
            folder.curated["tha_Thai"], folder.curated["ara_Arab"] = (
                folder.curated["ara_Arab"],
                folder.curated["tha_Thai"],
            )
        case "curated twice":
            folder.curated["tha_Thai"] *= 2
        case "failed":
            folder.verdicts[0] |= {"keep": False, "failures": [{"rule": "a.b.min", "value": 1.0, "limit": 2.0}]}
        case "no survivor":
            ledger[1]["survivor_id"] = None
        case "dead survivor":
            ledger[1]["survivor_id"] = ledger[3]["doc_id"]
        case "documents twice":
            folder.documents.append(folder.documents[0])


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ("missing", ["1 records are missing from the ledger", "1 sources differ in records or bytes"]),
        ("twice", ["1 records have more than one row in the ledger", "1 sources differ"]),
        ("stray", ["1 rows of the ledger are about no record", "1 sources differ"]),
        ("bytes", ["1 records differ between documents and ledger", "1 sources differ"]),
        ("disposition", ["1 records have an unknown disposition"]),
        ("no rule", ["1 records were not kept, and no rule says why"]),
        ("language", ["1 records differ in language between verdicts and ledger"]),
        ("not curated", ["1 kept records are missing from curated", "1 documents in shards are not curated"]),
        ("not kept", ["1 curated documents are not kept in the ledger"]),
        ("moved", ["2 curated documents lie in another language or source"]),
        ("curated twice", ["1 documents are in curated more than once"]),
        ("failed", ["1 kept records failed a rule"]),
        ("no survivor", ["1 duplicates name no survivor"]),
        ("dead survivor", ["1 duplicates name a survivor that is not kept"]),
        ("documents twice", ["1 records have more than one row in documents", "1 sources differ"]),
    ],
)
def test_every_disagreement_is_found(folder: Any, tmp_path: Path, change: str, messages: list[str]) -> None:
    _break(change, folder)
    found = reconcile(str(folder.write(tmp_path / "out")))
    assert not found.ok
    assert len(found.violations) == len(messages), found.violations
    for violation, message in zip(found.violations, messages, strict=True):
        assert violation.startswith(message)


def test_violations_name_an_example(folder: Any, tmp_path: Path, name_of: Callable[[int], str]) -> None:
    _break("bytes", folder)
    found = reconcile(str(folder.write(tmp_path / "out")))
    assert found.violations[0] == (
        "1 records differ between documents and ledger in source, URI or bytes, such as "
        f"{name_of(7)} (web, 300 bytes; in the ledger web, 301 bytes)"
    )


def test_an_unfinished_run_is_one_violation(out: str) -> None:
    (Path(out) / "ledger" / "a.parquet").unlink()
    assert [each[:19] for each in reconcile(out).violations] == ["the ledger is empty"]
