"""Captures of the same page: the newest stays."""

from pathlib import Path

import numpy as np

from gristmill.pipelines.dedup.urls import superseded

from .corpora import SAME, Doc, clusters, fates

PAGE = "https://news.example/a"


def page(name: str, captured: str | None, *, family: str = "all", **more: object) -> Doc:
    return Doc(**{"name": name, "uri": PAGE, "captured": captured, "family": family, **more})  # type: ignore[arg-type]


def test_the_newest_capture_stays_whatever_the_texts(tmp_path: Path) -> None:
    docs = [
        page("old", "2024-01-01T00:00:00Z", family="one", chars=900),
        page("new", "2024-02-01T00:00:00Z", family="two"),
        page("older", "2023-12-31T23:59:59.5Z", family="three"),
        Doc(name="other", uri="https://news.example/b", captured="2020-01-01T00:00:00Z", family="four"),
    ]
    rows = clusters(tmp_path, [docs[:2], docs[2:]])
    assert fates(rows) == {
        "new": ("new", "survivor", 1.0),
        "old": ("new", "url", 0.0),
        "older": ("new", "url", 0.0),
    }
    assert {(row["cluster"], row["size"]) for row in rows} == {("new", 3)}
    assert clusters(tmp_path / "off", [docs], "urls = false") == []


def test_a_superseded_capture_joins_nothing(tmp_path: Path) -> None:
    """What was like the old capture is not like the page now."""
    docs = [
        page("old", "2024-01-01T00:00:00Z", family="one", text_hash=SAME),
        page("new", "2024-02-01T00:00:00Z", family="two"),
        Doc(name="mirror", family="one", text_hash=SAME),
        Doc(name="mirror too", family="one", text_hash=SAME),
    ]
    assert fates(clusters(tmp_path, [docs])) == {
        "new": ("new", "survivor", 1.0),
        "old": ("new", "url", 0.0),
        "mirror": ("mirror", "survivor", 1.0),
        "mirror too": ("mirror", "exact", 1.0),
    }


def test_the_newest_may_be_a_duplicate_itself(tmp_path: Path) -> None:
    docs = [
        page("old", "2024-01-01T00:00:00Z", family="one", chars=500),
        page("new", "2024-02-01T00:00:00Z"),
        Doc(name="better", chars=200),
    ]
    assert fates(clusters(tmp_path, [docs])) == {
        "better": ("better", "survivor", 1.0),
        "new": ("better", "near", 1.0),
        "old": ("better", "url", 0.0),
    }


def test_what_an_archive_does_not_date_is_no_capture(tmp_path: Path) -> None:
    docs = [
        page("dated", None, family="one", date="2024-01-01"),
        page("same moment", "2024-02-01T00:00:00Z", family="two"),
        page("same moment too", "2024-02-01T00:00:00Z", family="three"),
        Doc(name="no url", uri="books.jsonl#1", captured="2020-01-01T00:00:00Z", family="five"),
    ]
    assert clusters(tmp_path, [docs]) == []


def test_canonical_urls(tmp_path: Path) -> None:
    docs = [
        Doc(name="a", uri=f"{PAGE}?utm_source=x", captured="2024-01-01T00:00:00Z", family="one"),
        Doc(name="b", uri=f"{PAGE}?id=7", canonical=PAGE, captured="2024-01-02T00:00:00Z", family="two"),
    ]
    assert fates(clusters(tmp_path, [docs])) == {"a": ("b", "url", 0.0), "b": ("b", "survivor", 1.0)}


def test_of_several_newest_captures_the_smallest_node_supersedes() -> None:
    hashes = np.array([1, 1, 1, 1, 2], np.uint64)
    dates = np.array(["2024-05", *["2024-05-06T04:00:05+00:00"] * 3, "2020"])
    nodes = np.array([0, 3, 2, 8, 1], np.uint64)
    old, newest = superseded(hashes, dates, nodes)
    assert (old.tolist(), newest.tolist()) == ([0], [2])
