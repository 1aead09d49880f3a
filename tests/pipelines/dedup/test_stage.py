"""Dedup as a whole, on hand-made parts."""

from pathlib import Path

import pytest

from .corpora import SAME, Doc, clusters, fates


def test_finds_exact_and_near_duplicates_across_parts(tmp_path: Path) -> None:
    parts = [
        [Doc(name="page", status="skipped"), Doc(name="a", text_hash=SAME), Doc(name="b", values=112)],
        [Doc(name="c", text_hash=SAME), Doc(name="d", values=16, chars=500)],
    ]
    rows = clusters(tmp_path, parts)
    assert fates(rows) == {
        "d": ("d", "survivor", 1.0),
        "a": ("d", "near", round(96 / 112, 3)),
        "c": ("d", "near", round(96 / 112, 3)),
    }
    assert {(row["cluster"], row["size"], row["earlier"]) for row in rows} == {("a", 3, None)}


def test_exact_duplicates_are_named_so(tmp_path: Path) -> None:
    parts = [[Doc(name="a", text_hash=SAME), Doc(name="c", text_hash=SAME, chars=101)]]
    expected = {"a": ("c", "exact", 1.0), "c": ("c", "survivor", 1.0)}
    assert fates(clusters(tmp_path / "all", parts)) == expected
    assert fates(clusters(tmp_path / "exact", parts, "fuzzy = false")) == expected
    assert clusters(tmp_path / "none", parts, "exact = false\nfuzzy = false") == []


def test_pairs_below_the_limit_are_let_go(tmp_path: Path) -> None:
    parts = [[Doc(name="a", values=16), Doc(name="b", values=17)]]
    assert set(fates(clusters(tmp_path / "low", parts))) == {"a", "b"}
    assert clusters(tmp_path / "high", parts, "min_similarity = 0.9") == []


def test_different_texts_are_never_wholly_alike(tmp_path: Path) -> None:
    parts = [[Doc(name="a"), Doc(name="b")]]
    rows = clusters(tmp_path / "near", parts)
    assert fates(rows)["b"] == ("a", "near", 1.0)
    assert [row["similarity"] for row in rows if row["doc_id"] == "b"] < [1.0]
    assert clusters(tmp_path / "exact", parts, "min_similarity = 1.0") == []


def test_a_chain_of_weak_links_joins_nothing(tmp_path: Path) -> None:
    """Neighbours share a band, but too little of their signatures."""
    parts = [[Doc(name="a", tail=56), Doc(name="b", values=50), Doc(name="c", tail=60)]]
    assert clusters(tmp_path, parts) == []


def test_dropped_and_reference_documents_take_no_part(tmp_path: Path) -> None:
    docs = [
        Doc(name="a", text_hash=SAME),
        Doc(name="b", text_hash=SAME, keep=False),
        Doc(name="c", text_hash=SAME, role="reference"),
    ]
    assert clusters(tmp_path, [docs]) == []


@pytest.mark.parametrize("parts", [[], [[]], [[Doc(name="a")]], [[Doc(name="a", status="unreadable")]]])
def test_next_to_nothing(tmp_path: Path, parts: list[list[Doc]]) -> None:
    assert clusters(tmp_path, parts) == []


def test_a_changed_signature_is_compared_anew_where_its_bands_stay(tmp_path: Path) -> None:
    toml = "bands = 1\nrows = 8\nmin_similarity = 0.7"
    assert set(fates(clusters(tmp_path, [[Doc(name="a"), Doc(name="b")]], toml))) == {"a", "b"}
    assert clusters(tmp_path, [[Doc(name="a"), Doc(name="b", tail=90)]], toml) == []


def test_a_threshold_chooses_bands_and_rows(tmp_path: Path) -> None:
    """For .9, datasketch has 5 bands of 22 rows: one own value in each of the five hides a pair that 14 bands find."""
    parts = [[Doc(name="a"), Doc(name="b", spread=22)]]
    assert set(fates(clusters(tmp_path / "plain", parts))) == {"a", "b"}
    assert clusters(tmp_path / "chosen", parts, "threshold = 0.9") == []


def test_similarity_of_all_shingles_on_request(tmp_path: Path) -> None:
    """The signatures say .86 of a and b, the texts 1 of 3 shingles; c has the signature of b, and another text."""
    parts = [
        [
            Doc(name="a", values=16, text="one two three four five six"),
            Doc(name="b", text="ONE, two three four five six seven"),
            Doc(name="c", text="nothing of this is said by the others"),
        ]
    ]
    exact = 'similarity = "exact"\n'
    assert set(fates(clusters(tmp_path / "estimated", parts))) == {"a", "b", "c"}
    assert set(fates(clusters(tmp_path / "low", parts, f"{exact}min_similarity = 0.6"))) == {"a", "b"}
    assert clusters(tmp_path / "high", parts, f"{exact}min_similarity = 0.7") == []


def test_hot_bucket_is_one_cluster(tmp_path: Path) -> None:
    docs = [Doc(name=f"{number:04d}", tail=number % 16) for number in range(500)]
    rows = clusters(tmp_path, [docs[:200], docs[200:]])
    assert {row["survivor_id"] for row in rows} == {"0000"}
    assert {row["size"] for row in rows} == {500}


def _tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "clusters").iterdir()}


def test_same_bytes_in_any_order_in_memory_or_not(tmp_path: Path) -> None:
    docs = [
        Doc(name=f"{number:03d}", family=f"{number % 11}", tail=number % 7, chars=number * 37 % 50)
        for number in range(120)
    ]
    rows = clusters(tmp_path / "one", [docs[:50], docs[50:]])
    assert {row["size"] for row in rows} == {10, 11}
    clusters(tmp_path / "other", [docs[50:], docs[:50]])
    clusters(tmp_path / "stars", [docs[:50], docs[50:]], in_memory=0)
    assert _tables(tmp_path / "one") == _tables(tmp_path / "other") == _tables(tmp_path / "stars")
