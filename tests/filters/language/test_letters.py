"""The script of a text, its letters, and what normalisation might change."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.characters import script_names
from gristmill.filters.language.letters import Letters, classes, may_be_changed, see_letters
from gristmill.filters.segmentation import Text, texts_of


def text_of(*texts: str) -> Text:
    return next(texts_of(pa.array(texts, pa.string())))


def seen(*texts: str) -> Letters:
    """Letters of a document made of these texts."""
    return see_letters(text_of(*texts), np.array([0, len(texts)]), classes())[1]


@pytest.mark.parametrize(
    ("text", "script", "letters"),
    [
        ("", "Zyyy", 0),
        ("12 + 3!", "Zyyy", 0),
        ("Hello", "Latn", 5),
        ("привет Bob", "Cyrl", 9),
        ("สวัสดี", "Thai", 4),
        ("汉语", "Hans", 6),
        ("漢語", "Hant", 6),
        ("一二", "Hans", 6),
        ("漢字とかな", "Jpan", 15),
        ("の" + "汉" * 20, "Hans", 63),
        ("한국어", "Hang", 9),
        ("北京 Pekings", "Latn", 13),
        ("北京大学 Peking Uni", "Hans", 21),
        ("ºª", "Latn", 2),
    ],
)
def test_scripts_and_letters(text: str, script: str, letters: int) -> None:
    found = seen(text)
    assert script_names()[found.scripts[0]] == script
    assert found.letters[0] == letters


def test_cantonese_is_told_by_its_own_characters() -> None:
    assert seen("佢哋唔知道呢件事").cantonese[0]
    assert seen("佢" + "他" * 99).cantonese[0]
    assert not seen("佢" + "他" * 100).cantonese[0]
    assert not seen("他們不知道這件事").cantonese[0]
    assert not seen("佢", "a long text in Latin script").cantonese[0]


def test_scripts_are_mixed_above_a_fifth() -> None:
    assert not seen("abcd я").mixed[0]
    assert seen("abc я").mixed[0]
    assert not seen("漢字とかな").mixed[0]
    assert not seen("").mixed[0]


def test_parts_and_wholes() -> None:
    parts, wholes = see_letters(text_of("abc", "привет", "", "ab"), np.array([0, 2, 2, 4]), classes())
    assert [script_names()[each] for each in parts.scripts] == ["Latn", "Cyrl", "Zyyy", "Latn"]
    assert parts.letters.tolist() == [3, 6, 0, 2]
    assert [script_names()[each] for each in wholes.scripts] == ["Cyrl", "Zyyy", "Latn"]
    assert wholes.letters.tolist() == [9, 0, 2]


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_nothing_that_normalisation_changes_is_missed(texts: list[str]) -> None:
    flags = may_be_changed(text_of(*texts), classes())
    for text, flag in zip(texts, flags, strict=True):
        if text.isupper() or not unicodedata.is_normalized("NFC", text):
            assert flag


@settings(deadline=None)
@given(st.text(st.characters(categories=["Lu", "Ll", "Lt", "Lo", "Mn"]), max_size=6))
def test_marks_in_any_order_are_not_missed(text: str) -> None:
    if text.isupper() or not unicodedata.is_normalized("NFC", text):
        assert may_be_changed(text_of(text), classes())[0]


def test_plain_text_is_not_suspected() -> None:
    texts = ["Die Brücke wird repariert.", "委員会は", "한국어", "Комитет", "", "12"]
    assert not may_be_changed(text_of(*texts), classes()).any()


@settings(deadline=None)
@given(st.binary(max_size=12))
def test_bytes_that_are_no_text_do_no_harm(content: bytes) -> None:
    data = np.frombuffer(content, np.uint8)
    found, _ = see_letters(Text(data, np.array([0, len(data)])), np.array([0, 1]), classes())
    assert 0 <= found.letters[0] <= 3 * len(content)
    may_be_changed(Text(data, np.array([0, len(data)])), classes())
