import itertools

import pyarrow as pa
import pytest
from hypothesis import given, settings

from gristmill.filters import shingles

from . import oracle
from .samples import TEXTS, batches, chunked


def assert_equal_to_oracle(found: shingles.Shingles, texts: list[str]) -> None:
    for d, text in enumerate(texts):
        assert found.hashes[found.offsets[d] : found.offsets[d + 1]].tolist() == oracle.shingles(text), text
    rows = [row.tobytes() for row in found.texts]
    assert rows == list(map(oracle.text_hash, texts))
    for (one, row), (two, other) in itertools.combinations(zip(texts, rows, strict=True), 2):
        assert (one.split() == two.split()) == (row == other), (one, two)


def test_equal_to_oracle_on_many_scripts() -> None:
    assert_equal_to_oracle(shingles.hashes(pa.array(TEXTS)), TEXTS)


@settings(deadline=None, max_examples=150)
@given(texts=batches)
def test_equal_to_oracle_on_hostile_text(texts: list[str]) -> None:
    assert_equal_to_oracle(shingles.hashes(chunked(texts)), texts)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("The Café, in 2019!", "the cafe\u0301 — in 2024"),
        ("don’t  well‑known", "Don't\nwell-known."),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
        ("كِتَابٌ كـــتاب", "كتاب كتاب"),
        ("שָׁלוֹם", "שלום"),
        ("中文，字", "中 文字。"),
        ("soft\u00adhyphen \u200fmark", "softhyphen mark"),
    ],
)
def test_normalised_alike(one: str, two: str) -> None:
    assert sorted(shingles.hashes(pa.array([one])).hashes) == sorted(shingles.hashes(pa.array([two])).hashes)
    found = shingles.text_hashes(pa.array([one, two]))
    assert found[0] != found[1], "alike is not equal"


@pytest.mark.parametrize(
    ("one", "two"), [("น้ำ", "นำ"), ("कि", "का"), ("👍", "👎"), ("", "."), ("ガ", "カ"), ("ab", "a b")]
)
def test_normalised_apart(one: str, two: str) -> None:
    assert sorted(shingles.hashes(pa.array([one])).hashes) != sorted(shingles.hashes(pa.array([two])).hashes)


def test_equal_texts_differ_in_white_space_at_most() -> None:
    found = shingles.text_hashes(pa.array(["a  b\n", " a b", "a b.", "A b", "a b"]))
    assert [found[0] == each for each in found] == [True, True, False, False, True]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("one two three four five six", 2),
        ("one two", len("one two") - 4),
        ("abc", 1),
        ("👍", 1),
        (" ", 0),
        ("中文字書說話和聽，寫", 2),
        ("中文字書說話和", len("中 文 字 書 說 話 和") - 4),
        ("ภาษาไทยน้ำนยาภาษาไทย", len("ภาษาไทยนำนยาภาษาไทย") - 15),
        ("日本語のテストですよね", 1),
        ("日本語のテストですよ", len("日 本 語 の テ ス ト て\u3099 す よ") - 4),
    ],
)
def test_no_text_without_shingles(text: str, count: int) -> None:
    assert len(shingles.hashes(pa.array([text])).hashes) == count


def test_hashes_are_stable() -> None:
    """Signatures and hashes are kept in files: a change here is a change of version."""
    found = shingles.hashes(pa.array(["The quick brown fox jumps", "中文"]))
    assert found.hashes.tolist() == oracle.shingles("The quick brown fox jumps") + oracle.shingles("中文")
    assert (
        shingles.text_hashes(pa.array(["The quick brown fox jumps"]))[0].as_py().hex()
        == "58ce3d32cef1024665b2635c45dc58c0"
    )
