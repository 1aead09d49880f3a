"""Curate: the ledger's row for every record, edits of kept texts, languages and licences."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pieces import Row, part, piece, write
from stages import Runner, recipe

from gristmill.filters.rules import Limits
from gristmill.pipelines import curate
from gristmill.pipelines.checkpoints import FileEntry, Receipt
from gristmill.schemas import CLUSTERS, CONTAMINATION, CURATED, HELD_OUT, LEDGER, PASSAGES, PERSONAL, QUALITY, Table

MAIL = "Write to anna@example.org about the mill."
SPANS = [{"kind": "email", "start": 9, "end": 25}]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def curated(
    run: Runner, *parts: Any, clusters: Sequence[Row] = (), passages: Sequence[Row] = (), **sections: Any
) -> tuple[list[Row], dict[str, list[Row]]]:
    """Ledger rows by id, and curated rows by language."""
    before = {table.name: _receipts(run, table, rows) for table, rows in ((CLUSTERS, clusters), (PASSAGES, passages))}
    receipts = run(curate.stage(recipe(**sections), parts=list(parts), **before))
    ledger = [row for receipt in receipts for entry in receipt.of(LEDGER) for row in _rows(run, entry.path)]
    by_language: dict[str, list[Row]] = {}
    for receipt in receipts:
        for entry in receipt.of(CURATED):
            language = entry.path.split("language=")[1].split("/")[0]
            by_language.setdefault(language, []).extend(_rows(run, entry.path))
    return sorted(ledger, key=lambda row: row["doc_id"]), by_language


def _receipts(run: Runner, table: Table, rows: Sequence[Row]) -> list[Receipt]:
    """What a stage before would have left of the only group of parts."""
    files: tuple[FileEntry, ...] = ()
    if rows:
        files = (write(run.store, f"{table.name}/0.parquet", table=table, rows=rows),)
    return [Receipt(phase=table.name, key="0", version=1, settings={}, descriptor={}, files=files, counts={})]


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


MENU = "Home\nThe mill\nOur flour\n"
NOTICE = "All texts may be copied if the source is named."

BUT_WORDS = [rule.name for rule in Limits.load(["gopher"]).rules if rule.name != "gopher.n_words.min"]


def span(text: str, passage: str, kind: str = "line") -> Row:
    start = text.index(passage)
    return {"kind": kind, "start": start, "end": start + len(passage.rstrip()), "documents": 20, "share": 0.5}


def test_a_copy_names_what_stands_for_it_in_this_output_or_an_earlier_one(run: Runner) -> None:
    clusters: list[Row] = [
        {"doc_id": f"{n:032x}", "survivor_id": f"{0:032x}", "kind": kind, "similarity": similarity, "size": 3}
        for n, (kind, similarity) in enumerate([("survivor", 1.0), ("url", 0.3), ("near", 0.9)])
    ]
    clusters.append({"doc_id": f"{3:032x}", "survivor_id": "there", "earlier": "../old", "kind": "exact"})
    made = part(run.store, piece(run.store, [{"text": text} for text in "abcde"]))
    ledger, texts = curated(run, made, clusters=clusters)
    found = [(row["disposition"], row["rule"], row["survivor_id"], row["earlier"]) for row in ledger]
    assert found == [
        ("kept", None, None, None),
        ("duplicate", "url", f"{0:032x}", None),
        ("duplicate", "near", f"{0:032x}", None),
        ("duplicate", "exact", "there", "../old"),
        ("kept", None, None, None),
    ]
    assert [(row["text"], row["cluster_size"]) for row in texts["eng_Latn"]] == [("a", 3), ("e", 1)]


def test_repeated_passages_are_cut_out_with_the_other_edits(run: Runner) -> None:
    text = f"{MENU}\n{MAIL}\n\n{NOTICE}\n\nThe end.\n"
    spans = [{"kind": "email", "start": text.index("anna"), "end": text.index("anna") + len("anna@example.org")}]
    personal: list[Row] = [{"spans": spans}, {"spans": []}]
    made = part(run.store, piece(run.store, [{"text": text}, {"text": text}]), measures={PERSONAL: personal})
    passages = [{"doc_id": f"{0:032x}", "spans": [span(text, MENU, "paragraph"), span(text, NOTICE)]}]
    ledger, texts = curated(run, made, passages=passages, rules={"sets": []})
    assert [row["text"] for row in texts["eng_Latn"]] == [
        "Write to <EMAIL> about the mill.\n\nThe end.\n",
        text,
    ]
    start = text.index(NOTICE)
    details = f"masked email x1, cut paragraph 0-{len(MENU) - 1}, line {start}-{start + len(NOTICE)}"
    assert [row["detail"] for row in ledger] == [details, None]
    assert [row["disposition"] for row in ledger] == ["kept", "kept"]


def test_the_ledger_names_ten_passages(run: Runner) -> None:
    text = "\n".join(f"{n}: {NOTICE}\nand" for n in range(12))
    spans = [span(text, f"{n}: {NOTICE}") for n in range(12)]
    passages = [{"doc_id": f"{0:032x}", "spans": spans}]
    ledger, _ = curated(run, part(run.store, piece(run.store, [{"text": text}])), passages=passages, rules={"sets": []})
    assert ledger[0]["detail"].count("line ") == 10
    assert ledger[0]["detail"].endswith(" and 2 more")


def test_a_document_left_too_short_falls_to_the_rules_and_an_empty_one_by_itself(run: Runner) -> None:
    story = "The wind was steady and the mill went round. " * 12
    texts = [f"{story}\n{NOTICE}", f"The end.\n{NOTICE}", NOTICE, "The end."]
    made = part(run.store, piece(run.store, [{"text": text} for text in texts]))
    passages = [{"doc_id": f"{n:032x}", "spans": [span(texts[n], NOTICE)]} for n in range(3)]
    ledger, _ = curated(run, made, passages=passages, rules={"sets": []})
    assert [row["disposition"] for row in ledger] == ["kept", "kept", "dropped", "kept"]
    rules = {"sets": ["gopher"], "limits": {"default": dict.fromkeys(BUT_WORDS, False)}}
    ledger, kept = curated(run, made, passages=passages, rules=rules)
    found = [(row["stage"], row["disposition"], row["rule"], row["value"], row["limit"]) for row in ledger]
    assert found == [
        ("curate", "kept", None, None, None),
        ("curate", "dropped", "gopher.n_words.min", 2.0, 50.0),
        ("curate", "dropped", "curate.empty", None, None),
        ("curate", "kept", None, None, None),  # had lost nothing: its verdict stands
    ]
    assert [row["text"] for row in kept["eng_Latn"]] == [story.rstrip(), "The end."]
    assert ledger[1]["detail"] == f"cut line 9-{9 + len(NOTICE)}"


def test_limits_are_those_of_the_language_as_measured(run: Runner) -> None:
    text = f"The end.\n{NOTICE}"
    signals = [
        {"language": language, "language_score": score} for language, score in (("deu_Latn", 0.9), ("fra_Latn", 0.1))
    ]
    made = part(run.store, piece(run.store, [{"text": text}] * 2, signals))
    passages = [{"doc_id": f"{n:032x}", "spans": [span(text, NOTICE)]} for n in range(2)]
    limits = {
        "default": {**dict.fromkeys(BUT_WORDS, False), "gopher.n_words.min": 1},
        "deu": {"gopher.n_words.min": 3},
        "fra": {"gopher.n_words.min": 4},
    }
    ledger, _ = curated(run, made, passages=passages, rules={"sets": ["gopher"], "limits": limits})
    assert [(row["disposition"], row["limit"]) for row in ledger] == [("dropped", 3.0), ("kept", None)]


def test_a_changed_limit_redoes_only_groups_that_lost_passages(run: Runner) -> None:
    text = f"The end.\n{NOTICE}"
    made = part(run.store, piece(run.store, [{"text": text}]))
    passages = [{"doc_id": f"{0:032x}", "spans": [span(text, NOTICE)]}]
    for given, expected in (((), {}), (passages, {"curate": 1})):
        curated(run, made, passages=given, rules={"sets": []})
        curated(run, made, passages=given, rules={"sets": ["c4"]})
        assert run.done == expected


def held_out(run: Runner) -> list[Row]:
    """What the last run held out, in the order of ids."""
    paths = sorted((Path(run.store.root) / HELD_OUT.name).glob("*.parquet"))
    return sorted((row for path in paths for row in pq.read_table(path).to_pylist()), key=lambda row: row["doc_id"])


def test_what_is_held_out_is_kept_edited_and_not_curated(run: Runner) -> None:
    # Of these numbers as ids, 161 is the first below a share of 0.005, as a test of the hash says.
    documents = [{"text": f"{n}: {MAIL}", "doc_id": f"{n:032x}", "source": "web", "domain": "mill"} for n in (160, 161)]
    spans = [{"kind": "email", "start": 14, "end": 30}]
    measures = {PERSONAL: [{"spans": spans}] * 2, QUALITY: [{"quality_score": 0.5}] * 2}
    made = part(run.store, piece(run.store, documents), [{"language": "deu_Latn"}] * 2, measures=measures)
    ledger, texts = curated(run, made)
    assert [(row["disposition"], row["detail"]) for row in ledger] == [("kept", "masked email x1")] * 2
    assert {language: [row["doc_id"] for row in rows] for language, rows in texts.items()} == {
        "deu_Latn": [f"{160:032x}"]
    }
    assert held_out(run) == [
        {
            "doc_id": f"{161:032x}",
            "cluster": f"{161:032x}",
            "language": "deu_Latn",
            "domain": "mill",
            "source": "web",
            "quality": 0.5,
            "text": "161: Write to <EMAIL> about the mill.",
        }
    ]


def test_a_cluster_is_on_one_side_whatever_its_survivor(run: Runner) -> None:
    documents = [{"text": str(n), "doc_id": f"{n:032x}"} for n in (1, 2, 160, 161)]
    clusters: list[Row] = [
        {"doc_id": f"{n:032x}", "cluster": f"{name:032x}", "kind": "survivor", "size": 2}
        for n, name in ((1, 161), (2, 161), (161, 160))
    ]
    _, texts = curated(run, part(run.store, piece(run.store, documents)), clusters=clusters)
    assert [(row["text"], int(row["cluster"], 16)) for row in held_out(run)] == [("1", 161), ("2", 161)]
    assert [row["text"] for row in texts["eng_Latn"]] == ["160", "161"]


def test_a_share_of_nothing_leaves_no_table(run: Runner) -> None:
    made = part(run.store, piece(run.store, [{"text": str(n)} for n in range(1000)]))
    curated(run, made)
    assert len(held_out(run)) == 4
    _, texts = curated(run, made, held_out={"share": 0})
    assert run.done == {"curate": 1}
    assert len(texts["eng_Latn"]) == 1000
    assert not list(Path(run.store.root, HELD_OUT.name).glob("*"))


def test_neither_seed_nor_the_cut_of_the_input_changes_what_is_held_out(run: Runner) -> None:
    documents = [{"text": str(n), "doc_id": f"{n:032x}"} for n in range(400)]
    curated(run, part(run.store, piece(run.store, documents)), held_out={"share": 0.1})
    whole = held_out(run)
    assert 20 <= len(whole) <= 60
    pieces = [piece(run.store, documents[start::3], name=str(start)) for start in range(3)]
    curated(run, *(part(run.store, each) for each in pieces), held_out={"share": 0.1}, seed=5)
    assert held_out(run) == whole
