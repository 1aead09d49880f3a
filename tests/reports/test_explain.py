import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gristmill.reports import explain_view
from gristmill.reports.explain import Curated, Failure, Piece, explain
from gristmill.reports.explain_duplicates import Member

NameOf = Callable[[int], str]


def test_a_kept_document(out: str, name_of: NameOf, folder: Any) -> None:
    found = explain(out, name_of(1))
    assert found.disposition == "kept"
    assert found.document["path"] == "web.warc.gz"
    assert found.signals["n_words"] == 120
    assert found.text == folder.documents[0]["text"]
    assert found.characters == 588
    assert found.failures == ()
    assert found.survivor is None
    assert found.cluster is not None
    assert found.cluster.size == 3
    assert found.cluster.members == (
        Member(doc_id=name_of(3), kind="exact", similarity=1.0, uri="https://example.org/3", captured=None),
        Member(doc_id=name_of(2), kind="near", similarity=0.875, uri="https://example.org/2", captured=None),
    )
    assert found.curated == Curated(
        file="curated/language=eng_Latn/a.parquet",
        language="eng_Latn",
        cluster_size=3,
        held_out=False,
        characters=588,
        removed=0,
    )
    assert found.pieces == (
        Piece(file="shards/train/00000.parquet", sequence=0, start=0, end=1500, offset=0),
        Piece(file="shards/train/00000.parquet", sequence=1, start=30, end=230, offset=1500),
    )


def test_a_held_out_document(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    folder.hold_out(1)
    folder.held_out[0]["text"] = folder.held_out[0]["text"][:490]
    found = explain(str(folder.write(tmp_path / "out")), name_of(1))
    assert found.curated == Curated(
        file="held_out/a.parquet", language="eng_Latn", cluster_size=3, held_out=True, characters=490, removed=98
    )
    assert found.pieces == ()
    text = explain_view.to_text(found)
    assert text.startswith(f"{name_of(1)}  kept, held out by curate\n")
    assert "held out    held_out/a.parquet (490 characters, 98 fewer than it had)" in text


def test_a_dropped_document_names_every_rule_it_failed(out: str, name_of: NameOf) -> None:
    found = explain(out, name_of(4))
    assert found.failures == (
        Failure(rule="gopher.n_words.min", value=9.0, limit=50.0),
        Failure(rule="fineweb.terminal_line_ratio.min", value=0.0, limit=0.12),
    )
    assert found.curated is None
    assert found.pieces == ()
    text = explain_view.to_text(found)
    assert text.startswith(f"{name_of(4)}  dropped by decide: gopher.n_words.min = 9, limit 50\n")
    assert "fineweb.terminal_line_ratio.min       0    0.12" in text


def test_a_duplicate_stands_beside_its_survivor(out: str, name_of: NameOf) -> None:
    found = explain(out, name_of(2))
    assert found.survivor is not None
    assert found.survivor.doc_id == name_of(1)
    assert [(each.left.strip(), each.right.strip()) for each in found.survivor.segments if not each.same] == [
        ("barley", "wheat"),
        ("Visitors are welcome.", ""),
    ]
    text = explain_view.to_text(found)
    assert "[-barley-] for the whole" in text
    assert "{+wheat+} for the whole" in text
    assert "Nearly the same text, similarity 0.875, in a cluster of 3." in text
    assert f"Kept in its place: {name_of(1)}." in text


def test_an_equal_duplicate_is_said_to_be_equal(out: str, name_of: NameOf) -> None:
    assert "the two are the same" in explain_view.to_text(explain(out, name_of(3)))


def test_nothing_acts_on_the_terminal(out: str, name_of: NameOf) -> None:
    for number in (4, 12):
        found = explain(out, name_of(number))
        console = Console(width=200, no_color=True, record=True, file=io.StringIO())
        console.print(explain_view.render(found))
        for shown in (console.export_text(), explain_view.to_text(found), explain_view.to_json(found)):
            assert "\x1b" not in shown
            assert "\u202e" not in shown
    text = explain_view.to_text(explain(out, name_of(4)))
    assert "\\x1b[31mred\\x1b[0m [bold]markup[/bold] \\u202egnp.exe" in text
    assert "https://evil.example/\\x1b[2J<b>" in text


def test_json_is_exact(out: str, name_of: NameOf, folder: Any) -> None:
    found = json.loads(explain_view.to_json(explain(out, name_of(4))))
    assert found["text"] == folder.documents[3]["text"]
    assert found["disposition"] == "dropped"
    assert found["failures"][0] == {"rule": "gopher.n_words.min", "value": 9.0, "limit": 50.0}
    assert found["ledger"][0]["limit"] == 50.0


def test_the_beginning_of_an_id_is_enough_if_there_is_one_such(out: str, name_of: NameOf) -> None:
    assert explain(out, name_of(5)[:4]).doc_id == name_of(5)
    assert explain(out, f" {name_of(11).upper()} ").doc_id == name_of(11)
    with pytest.raises(ValueError, match="no record has the id"):
        explain(out, "0000")


def test_an_ambiguous_beginning_names_the_candidates(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    folder.add(0x0001_0, language="eng_Latn", text="x", size=1)
    out = str(folder.write(tmp_path / "out"))
    assert explain(out, "0010").doc_id == name_of(16)
    folder.documents.append(folder.documents[0] | {"doc_id": "0001" + "f" * 28})
    folder.write(Path(out))
    with pytest.raises(ValueError, match=f"several document ids begin with '0001': {name_of(1)}, 0001f"):
        explain(out, "0001")


def test_a_url_finds_the_record_that_got_furthest(out: str, name_of: NameOf) -> None:
    found = explain(out, "https://example.org/1")
    assert found.doc_id == name_of(1)
    assert found.same_uri == ((name_of(10), "skipped"),)
    assert f"{name_of(10)} (skipped)" in explain_view.to_text(found)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("example.org/12", "did you mean https://example.org/12?"),
        ("http://www.example.org/12?utm=1", "did you mean https://example.org/12?"),
        ("HTTPS://EVIL.EXAMPLE/", r"did you mean https://evil.example/\x1b[2J<b>?"),
        ("000c0000000000000000000000017335", "did you mean 000c0000000000000000000000017334?"),
        ("nothing like it", "no record has the id or URL 'nothing like it'"),
        ("\x1b[2J", r"'\\x1b[2J'"),
        ("  ", "no document id or URL given"),
    ],
)
def test_an_unknown_one_names_what_comes_near(out: str, given: str, hint: str) -> None:
    with pytest.raises(ValueError, match=r"no (record|document)") as caught:
        explain(out, given)
    assert hint in str(caught.value)


def test_a_record_of_an_unfinished_run(out: str, name_of: NameOf) -> None:
    (Path(out) / "ledger" / "a.parquet").unlink()
    found = explain(out, name_of(1))
    assert found.disposition == "undecided"
    assert "the ledger has no row for it yet" in explain_view.to_text(found)


def test_a_record_that_only_the_ledger_knows(out: str, name_of: NameOf) -> None:
    for path in (Path(out) / "documents").iterdir():
        path.unlink()
    found = explain(out, name_of(7))
    assert found.disposition == "dropped"
    assert found.text == ""
    assert "documents does not" in explain_view.to_text(found)


def test_removed_passages_are_told(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    folder.curated["eng_Latn"][0]["text"] = folder.curated["eng_Latn"][0]["text"][:490]
    found = explain(str(folder.write(tmp_path / "out")), name_of(1))
    assert found.curated is not None
    assert found.curated.removed == 98
    text = explain_view.to_text(found, width=200)
    assert "490 characters, 98 fewer than it had" in text
    assert "and has done so since the flood. [-The mill by the river grinds rye" in text


def test_measures_are_shown_where_they_found_something(out: str, name_of: Any) -> None:
    found = explain(out, name_of(4))
    assert found.measures["personal"]["emails"] == 1
    text = explain_view.to_text(found)
    assert "Personal data" in text
    assert "email, 3, 20" in text
    assert "meta:noai<b>" in text
    assert "Items of evaluation sets" not in text
    assert "xquad, 7, 0.9, 0, 9" in explain_view.to_text(explain(out, name_of(5)))


def test_a_run_without_measures_explains_what_there_is(out: str, name_of: Any) -> None:
    for name in ("personal", "web", "contamination", "quality"):
        shutil.rmtree(Path(out) / name)
    found = explain(out, name_of(4))
    assert found.measures == {}
    assert "Personal data" not in explain_view.to_text(found)
