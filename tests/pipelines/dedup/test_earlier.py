"""Deduplication against earlier outputs, and how it relates to doing all at once."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gristmill.schemas import RecipeError

from .corpora import SAME, Doc, clusters, fates

Rows = list[dict[str, Any]]


def kept(docs: Sequence[Doc], rows: Rows) -> set[str]:
    dropped = {row["doc_id"] for row in rows if row["kind"] != "survivor"}
    return {doc.name for doc in docs} - dropped


def test_duplicates_of_earlier_documents_name_what_was_kept_there(tmp_path: Path) -> None:
    clusters(tmp_path / "a", [[Doc(name="a1", text_hash=SAME), Doc(name="a2", chars=500)]])
    docs = [
        Doc(name="b1", text_hash=SAME, chars=900),
        Doc(name="b2", values=16, chars=900),
        Doc(name="b3", family="other"),
        Doc(name="b4", family="other"),
        Doc(name="b5", family="alone"),
    ]
    rows = clusters(tmp_path / "b", [docs], 'previous = ["../a"]')
    assert fates(rows) == {
        "b1": ("a2", "near", 1.0),
        "b2": ("a2", "near", 0.857),
        "b3": ("b3", "survivor", 1.0),
        "b4": ("b3", "near", 1.0),
    }
    assert {row["doc_id"]: (row["earlier"], row["cluster"], row["size"]) for row in rows} == {
        "b1": ("../a", "b1", 2),
        "b2": ("../a", "b1", 2),
        "b3": (None, "b3", 2),
        "b4": (None, "b3", 2),
    }


def test_a_duplicate_in_the_earlier_run_stands_for_its_survivor(tmp_path: Path) -> None:
    """b is like a1, which a2 was kept for; a2 itself it has never seen."""
    earlier = [Doc(name="a1", tail=24), Doc(name="a2", chars=500)]
    assert fates(clusters(tmp_path / "a", [earlier]))["a1"] == ("a2", "near", 0.786)
    docs = [Doc(name="b", tail=24, values=20)]
    rows = clusters(tmp_path / "b", [docs], 'previous = ["../a"]\nmin_similarity = 0.6')
    assert [row["survivor_id"] for row in rows] == ["a2"]


def test_several_earlier_runs(tmp_path: Path) -> None:
    clusters(tmp_path / "a", [[Doc(name="a", family="one")]])
    clusters(tmp_path / "b", [[Doc(name="b", family="two")]], 'previous = ["../a"]')
    docs = [Doc(name="c1", family="one"), Doc(name="c2", family="two"), Doc(name="c3", family="three")]
    rows = clusters(tmp_path / "c", [docs], 'previous = ["../a", "../b"]')
    assert [(row["doc_id"], row["survivor_id"], row["earlier"]) for row in rows] == [
        ("c1", "a", "../a"),
        ("c2", "b", "../b"),
    ]


def test_captures_older_than_an_earlier_runs_are_superseded(tmp_path: Path) -> None:
    def page(name: str, captured: str) -> Doc:
        return Doc(name=name, uri="https://news.example/", family=name, captured=captured)

    clusters(tmp_path / "a", [[page("a", "2024-02-01T00:00:00Z")]])
    older = clusters(tmp_path / "b", [[page("b", "2024-01-01T00:00:00Z")]], 'previous = ["../a"]')
    assert [(row["doc_id"], row["kind"], row["survivor_id"], row["earlier"]) for row in older] == [
        ("b", "url", "a", "../a")
    ]
    assert clusters(tmp_path / "c", [[page("c", "2024-03-01T00:00:00Z")]], 'previous = ["../a"]') == []


@pytest.mark.parametrize("seed", range(8))
def test_what_is_kept_of_b_after_a_is_what_has_no_document_of_a_in_its_cluster_of_both(
    tmp_path: Path, seed: int
) -> None:
    """The relation: A then B keeps of B the survivors of those clusters of A + B at once that have none of A."""
    draw = random.Random(seed)

    def docs(prefix: str) -> list[Doc]:
        return [
            Doc(
                name=f"{prefix}{number:03d}",
                family=str(draw.randrange(12)),
                values=draw.choice([0, 8, 16, 24]),
                tail=draw.choice([0, 8, 16, 24, 60]),
                text_hash=draw.choice([b"", b"", b"", bytes([draw.randrange(9)]) * 16]),
                chars=draw.randrange(100),
            )
            for number in range(40)
        ]

    a, b = docs("a"), docs("b")
    together = clusters(tmp_path / "both", [a, b])
    by_cluster: dict[str, set[str]] = {}
    for row in together:
        by_cluster.setdefault(row["cluster"], set()).add(row["doc_id"])
    with_a = {name for members in by_cluster.values() if any(each[0] == "a" for each in members) for name in members}
    clusters(tmp_path / "a", [a])
    after = clusters(tmp_path / "b", [b], 'previous = ["../a"]')
    expected = {name for name in kept([*a, *b], together) - with_a if name[0] == "b"}
    assert kept(b, after) == expected
    for row in after:
        in_a = row["doc_id"] in with_a
        assert (row["earlier"] == "../a") == in_a
        assert row["survivor_id"][0] == ("a" if in_a else "b")


def test_what_cannot_be_compared_is_an_error_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"dedup.previous\[0\]: '../a' is no output folder"):
        clusters(tmp_path / "b", [[Doc(name="b")]], 'previous = ["../a"]')
    clusters(tmp_path / "a", [[Doc(name="a")]], "bands = 10")
    with pytest.raises(RecipeError, match=r"'../a' was made with bands = 10, this recipe says 14; use bands"):
        clusters(tmp_path / "b", [[Doc(name="b")]], 'previous = ["../a"]')
    plan = tmp_path / "a/intermediate/dedup_plan/plan.json"
    plan.write_text(plan.read_text().replace('"code":[', '"code":[0,'))
    with pytest.raises(RecipeError, match=r"'../a' was made by another version of Gristmill; run that one again"):
        clusters(tmp_path / "b", [[Doc(name="b")]], 'previous = ["../a"]\nbands = 10')
