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
        case "on both sides":
            row = folder.curated["ara_Arab"][0]
            folder.hold_out(6)
            folder.curated["ara_Arab"].append(row)
        case "cluster in part":
            folder.hold_out(9)
            folder.held_out[0]["cluster"] = folder.clusters[0]["cluster"]
        case "failed":
            folder.verdicts[0] |= {"keep": False, "failures": [{"rule": "a.b.min", "value": 1.0, "limit": 2.0}]}
        case "no survivor":
            ledger[1]["survivor_id"] = None
        case "dead survivor":
            ledger[0] |= {"disposition": "dropped", "stage": "decide", "rule": "x"}
            folder.curated["eng_Latn"].pop(0)
            folder.shards.clear()
        case "documents twice":
            folder.documents.append(folder.documents[0])
        case _:
            _break_clusters(change, folder)


def _break_clusters(change: str, folder: Any) -> None:  # noqa: PLR0912
    ledger, clusters = folder.ledger, folder.clusters
    match change:
        case "clustered twice":
            clusters.extend([each | {"cluster": "0" * 32} for each in clusters[1:2]])
        case "kind":
            clusters[1]["kind"] = ledger[1]["rule"] = "akin"
        case "name":
            for each in clusters:
                each["cluster"] = "f" * 32
        case "size":
            clusters[2]["size"] = 2
        case "two survivors":
            clusters[2]["survivor_id"] = ledger[2]["survivor_id"] = ledger[4]["doc_id"]
        case "no survivor of its own":
            del clusters[0]
            for each in clusters:
                each |= {"size": 2, "cluster": clusters[0]["doc_id"]}
            folder.curated["eng_Latn"][0]["cluster_size"] = 1
        case "another survivor":
            for each in clusters:
                each["earlier"] = "../january"
            for each in (1, 2):
                ledger[each]["earlier"] = "../january"
        case "similarity":
            ledger[1]["similarity"] = 0.9
        case "stands for":
            folder.curated["eng_Latn"][0]["cluster_size"] = 2
        case "itself":
            clusters[0]["survivor_id"] = clusters[1]["survivor_id"] = clusters[2]["survivor_id"] = ledger[8]["doc_id"]
            ledger[1]["survivor_id"] = ledger[2]["survivor_id"] = ledger[8]["doc_id"]


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
        ("not curated", ["1 kept records are neither curated nor held out", "1 documents in shards are not curated"]),
        ("not kept", ["1 curated or held-out documents are not kept in the ledger"]),
        ("moved", ["2 curated or held-out documents lie in another language or source"]),
        ("curated twice", ["1 documents are curated or held out more than once"]),
        ("on both sides", ["1 documents are curated or held out more than once"]),
        (
            "cluster in part",
            [
                "1 held-out documents were chosen by another name than their cluster's",
                "1 clusters are held out in part",
            ],
        ),
        ("failed", ["1 kept records failed a rule"]),
        ("no survivor", ["1 duplicates name no survivor", "1 duplicates differ between clusters and ledger"]),
        ("dead survivor", ["2 duplicates name a survivor that is not kept"]),
        (
            "clustered twice",
            [
                "1 documents are in clusters more than once",
                "1 clusters are not named by the smallest id",
                "1 clusters differ in size from what their documents say",
                "1 clusters have not one survivor",
            ],
        ),
        ("kind", ["1 documents in clusters are of an unknown kind"]),
        ("name", ["1 clusters are not named by the smallest id"]),
        ("size", ["1 clusters differ in size from what their documents say"]),
        ("two survivors", ["1 clusters have documents with different survivors"]),
        ("no survivor of its own", ["1 clusters have not one survivor"]),
        ("another survivor", ["1 clusters have not one survivor"]),
        ("itself", ["1 clusters have not one survivor"]),
        ("similarity", ["1 duplicates differ between clusters and ledger"]),
        ("stands for", ["1 curated documents stand for another number of documents"]),
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


def test_a_survivor_in_an_earlier_output_is_well(folder: Any, tmp_path: Path) -> None:
    shown = {"language": "eng_Latn", "text": "a", "size": 9, "disposition": "duplicate", "earlier": "../january"}
    folder.add(0x30, **shown, rule="near", survivor=0x99, similarity=0.75)
    folder.add(0x31, **shown, rule="url", survivor=0x99, similarity=0.25)
    folder.add(0x32, **shown, rule="exact", survivor=1, similarity=1.0)  # an id that is here too
    folder.cluster(0x99, (0x30, "near", 0.75), (0x31, "url", 0.25), earlier="../january")
    folder.cluster(1, (0x32, "exact", 1.0), earlier="../january")
    assert reconcile(str(folder.write(tmp_path / "out"))).violations == ()
    folder.ledger[-1]["earlier"] = None
    assert [each[:30] for each in reconcile(str(folder.write(tmp_path / "out"))).violations] == [
        "1 duplicates differ between cl"
    ]


def test_a_survivor_that_curate_dropped_is_well(folder: Any, tmp_path: Path) -> None:
    folder.ledger[0] |= {"disposition": "dropped", "rule": "gopher.n_words.min"}
    folder.curated["eng_Latn"].pop(0)
    folder.shards.clear()
    assert reconcile(str(folder.write(tmp_path / "out"))).violations == ()


def test_what_is_held_out_is_kept(folder: Any, tmp_path: Path) -> None:
    folder.hold_out(1)
    folder.hold_out(5)
    found = reconcile(str(folder.write(tmp_path / "out")))
    assert (found.violations, found.kept) == ((), 4)


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
