"""The survivor of a cluster, by a total order."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from .corpora import SAME, Doc, clusters, fates


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"quality": 0.82}, {"quality": 0.5, "chars": 900}),
        ({"quality": 0.1}, {"quality": None, "chars": 900}),
        ({"quality": 0.801, "chars": 101}, {"quality": 0.809, "chars": 100}),
        ({"chars": 101}, {"chars": 100, "date": "2024-01-01"}),
        ({"date": "2021"}, {"date": "2020-12-31T10:00:00Z"}),
        ({"date": "2020"}, {"date": None}),
        ({}, {"name": "z"}),
    ],
)
def test_quality_then_length_then_date_then_id(tmp_path: Path, better: dict[str, Any], worse: dict[str, Any]) -> None:
    one, other = Doc(**{"name": "m", **better}), Doc(**{"name": "n", **worse})
    for order in itertools.permutations([one, other]):
        rows = clusters(tmp_path / order[0].name, [list(order)])
        assert {row["survivor_id"] for row in rows} == {"m"}


def test_similarity_is_that_to_the_survivor(tmp_path: Path) -> None:
    """a and b are alike, b and c are, a and c less so."""
    docs = [Doc(name="a", values=16), Doc(name="b", chars=500), Doc(name="c", tail=24), Doc(name="d", text_hash=SAME)]
    rows = clusters(tmp_path, [[*docs, Doc(name="e", text_hash=SAME, tail=8)]])
    assert fates(rows) == {
        "a": ("b", "near", round(96 / 112, 3)),
        "b": ("b", "survivor", 1.0),
        "c": ("b", "near", round(88 / 112, 3)),
        "d": ("b", "near", 1.0),
        "e": ("b", "near", round(104 / 112, 3)),
    }
    assert {row["cluster"] for row in rows} == {"a"}
