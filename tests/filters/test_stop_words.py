"""Stop words: what every list must be, and that the segmenter finds every word on it."""

import unicodedata

import pytest

from gristmill.filters import stop_words
from gristmill.filters.signals import StopWords


def test_english_is_gophers_list() -> None:
    assert stop_words.load()["eng"] == ("the", "be", "to", "of", "and", "that", "have", "with")


@pytest.mark.parametrize("language", sorted(stop_words.load()))
def test_words_are_lower_case_nfc_and_unique(language: str) -> None:
    words = stop_words.load()[language]
    assert len(words) == len(set(words)) >= 8
    for word in words:
        assert word == unicodedata.normalize("NFC", word).lower().strip()


def test_many_languages_and_none_without_spaces() -> None:
    assert len(stop_words.load()) >= 45
    assert not stop_words.load().keys() & {"zho", "yue", "wuu", "jpn", "tha", "khm", "lao", "mya", "bod", "dzo"}


def test_every_word_is_one_word_to_the_segmenter() -> None:
    StopWords.compile(stop_words.load())


def test_lists_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        stop_words.load()["eng"] = ()  # type: ignore[index]
