"""What was planted for single stages is found on the sample corpus, and nothing of its kind elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

SAMPLE = Path(__file__).parents[1] / "sample_data"
Row = dict[str, Any]


def planted() -> list[Row]:
    return [json.loads(line) for line in (SAMPLE / "planted.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def measured(sample_output: Path) -> list[Row]:
    """What is known of every document beside its signals, and its text as it was curated, or held out."""
    names = ("signals", "web", "personal", "contamination", "ledger")
    tables = {name: f"'{sample_output}/{name}/*.parquet'" for name in names}
    query = f"""
        SELECT doc_id, documents.uri, captured, text, languages, web.opt_outs, opt_outs_found, blocklists_hit,
               web.page_licence, spans, evidence, disposition, ledger.rule, survivor_id, curated
        FROM '{sample_output}/documents/*.parquet' AS documents
        JOIN {tables["signals"]} AS signals USING (doc_id)
        JOIN {tables["web"]} AS web USING (doc_id)
        JOIN {tables["personal"]} AS personal USING (doc_id)
        JOIN {tables["contamination"]} AS contamination USING (doc_id)
        JOIN {tables["ledger"]} AS ledger USING (doc_id)
        LEFT JOIN (
            SELECT doc_id, text AS curated FROM '{sample_output}/curated/**/*.parquet'
            UNION ALL SELECT doc_id, text FROM '{sample_output}/held_out/*.parquet'
        ) USING (doc_id)
    """
    return duckdb.sql(query).arrow().read_all().to_pylist()


def compared(measured: list[Row], key: str, found: Callable[[Row], Any]) -> list[tuple[str, Any, Any]]:
    """Documents in which something else is found than was planted: address, planted, found."""
    cases = {case["uri"]: case[key] for case in planted() if key in case}
    assert set(cases) <= {row["uri"] for row in measured}
    pairs = [(row["uri"], cases.get(row["uri"]) or [], found(row)) for row in measured]
    return [(uri, expected, got) for uri, expected, got in pairs if expected != got]


def test_personal_data(measured: list[Row]) -> None:
    def spans(row: Row) -> list[Row]:
        return [{"kind": each["kind"], "text": row["text"][each["start"] : each["end"]]} for each in row["spans"]]

    assert compared(measured, "personal", spans) == []


def test_masks_stand_for_personal_data_alone(measured: list[Row]) -> None:
    cases = {case["uri"]: case for case in planted() if case["kind"] == "personal_data"}
    for row in measured:
        if case := cases.get(row["uri"]):
            assert [span for span in case["personal"] if span["text"] in row["curated"]] == []
            assert [text for text in case.get("stays", []) if text not in row["curated"]] == []
            assert row["curated"].count("<") == len(case["personal"])


def test_reservations(measured: list[Row]) -> None:
    def reserved(row: Row) -> list[str]:
        """Those that count against training; noimageai is found, and does not."""
        assert row["opt_outs"] <= len(row["opt_outs_found"])
        counted = ("noai", "tdm", "GPTBot", "CCBot")
        return sorted(tag for tag in row["opt_outs_found"] if tag.endswith(counted)) if row["opt_outs"] else []

    assert [each for each in compared(measured, "opt_outs", reserved) if sorted(each[1]) != each[2]] == []


def test_blocklists(measured: list[Row]) -> None:
    assert compared(measured, "blocklists", lambda row: row["blocklists_hit"]) == []


def test_licences(measured: list[Row]) -> None:
    assert compared(measured, "page_licence", lambda row: row["page_licence"] or []) == []


def test_evaluation_items(measured: list[Row]) -> None:
    def items(row: Row) -> list[str]:
        return list(dict.fromkeys(each["item"].partition("/")[0] for each in row["evidence"]))

    assert compared(measured, "contaminated_by", items) == []


def test_mixed_languages(measured: list[Row]) -> None:
    def large(row: Row) -> list[str]:
        shares = [each["language"] for each in row["languages"] or [] if each["share"] >= 0.2]
        return shares if len(shares) > 1 else []

    cases = {case["uri"] for case in planted() if case["kind"] == "mixed_languages"}
    wrong = compared([row for row in measured if row["uri"] in cases], "mixed", large)
    assert [each for each in wrong if sorted(each[1]) != sorted(each[2])] == []


def row_of(measured: list[Row], uri: str, captured: str | None) -> Row:
    """The document at an address, or that capture of it."""
    (row,) = [row for row in measured if row["uri"] == uri and captured in (None, row["captured"])]
    return row


def test_of_a_page_the_newest_capture_stays(measured: list[Row]) -> None:
    for case in [case for case in planted() if case["kind"] == "recaptured"]:
        row = row_of(measured, case["uri"], case.get("captured"))
        if case["expect"] == "duplicate":
            newest = row_of(measured, case["of"], case["of_captured"])
            assert (row["disposition"], row["rule"], row["survivor_id"]) == ("duplicate", "url", newest["doc_id"])
        else:
            assert case["contains"] in row["curated"]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_repeated_passages_are_cut_and_nothing_else(measured: list[Row]) -> None:
    for case in [case for case in planted() if case["kind"] in ("repeated_passages", "shared_boilerplate")]:
        row = row_of(measured, case["uri"], None)
        if case["expect"] == "dropped":
            assert row["disposition"] == "dropped"
            continue
        removed = case.get("removed", [])
        assert set(removed) <= set(lines(row["text"]))
        assert lines(row["curated"]) == [line for line in lines(row["text"]) if line not in removed]
        assert set(case.get("stays", [])) <= set(lines(row["curated"]))


def test_of_copied_passages_one_stays(measured: list[Row]) -> None:
    copied: dict[str, list[Row]] = {}
    for case in [case for case in planted() if "copied" in case]:
        row = row_of(measured, case["uri"], None)
        assert case["copied"] in row["text"]
        assert case["contains"] in row["curated"]
        copied.setdefault(case["copied"], []).append({**row, "copies": case["copies"]})
    for passage, rows in copied.items():
        middle = passage[len(passage) // 3 : -len(passage) // 3]
        assert sum(passage in row["curated"] for row in rows) == rows[0]["copies"] < len(rows)
        assert sum(middle in row["curated"] for row in rows) == rows[0]["copies"]
