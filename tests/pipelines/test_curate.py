"""Curate: the ledger's row for every record, edits of kept texts, languages and licences."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pieces import Row, part, piece
from stages import Runner, recipe

from gristmill.pipelines import curate
from gristmill.schemas import CONTAMINATION, CURATED, LEDGER, PERSONAL, QUALITY

MAIL = "Write to anna@example.org about the mill."
SPANS = [{"kind": "email", "start": 9, "end": 25}]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def curated(run: Runner, *parts: Any, **sections: Any) -> tuple[list[Row], dict[str, list[Row]]]:
    """Ledger rows by id, and curated rows by language."""
    receipts = run(curate.stage(recipe(**sections), parts=list(parts), clusters=[]))
    ledger = [row for receipt in receipts for entry in receipt.of(LEDGER) for row in _rows(run, entry.path)]
    by_language: dict[str, list[Row]] = {}
    for receipt in receipts:
        for entry in receipt.of(CURATED):
            language = entry.path.split("language=")[1].split("/")[0]
            by_language.setdefault(language, []).extend(_rows(run, entry.path))
    return sorted(ledger, key=lambda row: row["doc_id"]), by_language


def _rows(run: Runner, path: str) -> list[Row]:
    rows: list[Row] = pq.ParquetFile(run.store.path(path)).read().to_pylist()
    return rows


def test_each_record_gets_the_first_reason_that_applies(run: Runner) -> None:
    documents = [
        {"text": "", "status": "skipped", "rule": "warc.request"},
        {"text": "good", "role": "reference"},
        {"text": "bad"},
        {"text": "kept"},
    ]
    failures = [{"rule": "gopher.n_words.min", "value": 1.0, "limit": 50.0}]
    verdicts: list[Row] = [{}, {"keep": False, "failures": failures}, {"language": "und_Latn"}]
    ledger, texts = curated(run, part(run.store, piece(run.store, documents), verdicts))
    found = [(row["stage"], row["disposition"], row["rule"], row["value"], row["language"]) for row in ledger]
    assert found == [
        ("ingest", "skipped", "warc.request", None, None),
        ("ingest", "skipped", "reference", None, "eng_Latn"),
        ("decide", "dropped", "gopher.n_words.min", 1.0, "eng_Latn"),
        ("curate", "kept", None, None, "und_Latn"),
    ]
    assert {language: [row["text"] for row in rows] for language, rows in texts.items()} == {"und_Latn": ["kept"]}


def test_personal_data_is_masked_only_where_the_recipe_says_so(run: Runner) -> None:
    made = piece(run.store, [{"text": MAIL}, {"text": "Nothing here."}])
    found = part(run.store, made, measures={PERSONAL: [{"spans": SPANS}, {"spans": []}]})
    ledger, texts = curated(run, found)
    assert [row["text"] for row in texts["eng_Latn"]] == ["Write to <EMAIL> about the mill.", "Nothing here."]
    assert [row["detail"] for row in ledger] == ["masked email x1", None]
    ledger, texts = curated(run, found, personal={"email": "flag"})
    assert [row["text"] for row in texts["eng_Latn"]] == [MAIL, "Nothing here."]
    assert [row["detail"] for row in ledger] == [None, None]


def test_evaluation_items_are_cut_out_and_what_is_left_empty_is_dropped(run: Runner) -> None:
    item = "How many sacks of flour does the miller grind in a week?"
    before, after = "The day was bright and the wind was steady.\n", "\nEvening came."
    mixed = before + item + after
    evidence = {"set": "gsm", "item": "1", "share": 1.0, "text": item}
    rows: list[Row] = [
        {"evidence": [{**evidence, "start": len(before), "end": len(before) + len(item)}]},
        {"evidence": [{**evidence, "start": 0, "end": len(item)}]},
        {"evidence": []},
    ]
    made = piece(run.store, [{"text": mixed}, {"text": item}, {"text": "untouched"}])
    found = part(run.store, made, measures={CONTAMINATION: rows})
    ledger, texts = curated(run, found, contamination={"policy": "cut"})
    kept = [row["text"] for row in texts["eng_Latn"]]
    assert item not in kept[0]
    assert kept[0].startswith(before.strip())
    assert kept[0].endswith(after.strip())
    assert kept[1:] == ["untouched"]
    assert [(row["disposition"], row["rule"]) for row in ledger] == [
        ("kept", None),
        ("dropped", "curate.empty"),
        ("kept", None),
    ]


def test_quality_and_the_pages_own_licence_reach_the_curated_text(run: Runner) -> None:
    documents = [
        {"text": "a", "licence": "unknown", "page_licence": "CC-BY-4.0"},
        {"text": "b", "licence": "MIT", "page_licence": "CC-BY-4.0"},
        {"text": "c", "licence": "unknown"},
    ]
    scores: list[Row] = [{"quality_score": 0.5}, {"quality_score": None}, {"quality_score": 1.0}]
    _, texts = curated(run, part(run.store, piece(run.store, documents), measures={QUALITY: scores}))
    found = [(row["licence"], row["quality"]) for row in texts["eng_Latn"]]
    assert found == [("CC-BY-4.0", 0.5), ("MIT", None), ("unknown", 1.0)]


def test_a_changed_policy_redoes_only_what_it_touches(run: Runner) -> None:
    found = part(run.store, piece(run.store, [{"text": MAIL}]), measures={PERSONAL: [{"spans": SPANS}]})
    curated(run, found)
    curated(run, found)
    assert run.done == {}
    curated(run, found, personal={"email": "flag"})
    assert run.done == {"curate": 1}
