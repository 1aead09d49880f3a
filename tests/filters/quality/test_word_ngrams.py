"""Bags of words and n-grams: the kernel against a plain one in Python, and what is left out of a text."""

from typing import Any

import numpy as np
import oracle
import pyarrow as pa
import pytest
from hypothesis import given, settings
from samples import TEXTS, batches, chunked

from gristmill.filters.quality import word_ngrams
from gristmill.filters.quality.word_ngrams import WINDOW_BYTES, Weights

MASK = (1 << 64) - 1
BUCKETS = 1 << 12
COLUMNS = np.random.default_rng(0).normal(size=(BUCKETS, 3)).astype(np.float32)


def spelt(text: str) -> str:
    (found,) = word_ngrams.spell(pa.array([text])).to_pylist()
    return str(found)


def oracle_hash(word: str) -> int:
    state = 0xCBF29CE484222325
    for byte in word.encode():
        state = (state ^ byte) * 0x100000001B3 & MASK
    return state ^ (state >> 32)


def oracle_mix(state: int, value: int) -> int:
    mixed = (((state << 23 | state >> 41) & MASK) ^ value) * 0xD6E8FEB86659FD93 & MASK
    return mixed ^ (mixed >> 32)


def oracle_score(text: str, order: int) -> Any:
    hashes = [oracle_hash(word) for word in text.split()]
    rows = []
    for first in range(len(hashes)):
        state = hashes[first]
        for last in range(first + 1, min(first + order, len(hashes)) + 1):
            rows.append(COLUMNS[state % BUCKETS].astype(np.float64))
            state = oracle_mix(state, hashes[last]) if last < len(hashes) else state
    return np.mean(rows, axis=0) if rows else np.zeros(3)


def test_words_are_folded_and_addresses_left_out() -> None:
    assert spelt("Don't PANIC: Été, 1,234.50 €!") == "dont panic ete 000000"
    assert spelt("see HTTPS://www.example.com/a-b?c=d#e now") == "see now"
    assert spelt("at www.example.com, mail anna@mail.example.org today") == "at mail anna today"
    assert spelt("http www https: //x www and ftp.x") == "http www https x www and ftp x"
    assert spelt("漢字abc です") == "漢 字 abc て\u3099 す"
    assert spelt("") == spelt(" \n—!") == ""


@pytest.mark.parametrize("text", [each for each in TEXTS if "@" not in each])
def test_spelling_equals_the_oracle(text: str) -> None:
    assert spelt(text) == " ".join(oracle.normalised_words(text))


@settings(max_examples=60, deadline=None)
@given(batches)
def test_scores_equal_the_oracle(texts: list[str]) -> None:
    one, two = Weights(2, COLUMNS), Weights(4, np.ascontiguousarray(COLUMNS[:, :1]))
    found = word_ngrams.score(pa.array(texts, pa.string()), one, two)
    words = word_ngrams.spell(pa.array(texts, pa.string()))
    expected = [(oracle_score(text, 2), oracle_score(text, 4)[:1]) for text in words.to_pylist()]
    assert found.first.shape == (len(texts), 3)
    for row, (first, second) in enumerate(expected):
        np.testing.assert_allclose(found.first[row], first, atol=1e-9)
        np.testing.assert_allclose(found.second[row], second, atol=1e-9)
    assert found.n_words.tolist() == [len(text.split()) for text in words.to_pylist()]
    bags = word_ngrams.features(words, order=2, n_buckets=BUCKETS)
    np.testing.assert_array_equal(word_ngrams.average(bags, one), found.first)


def test_no_model_has_no_columns_and_chunks_and_nulls_are_taken() -> None:
    none = word_ngrams.no_weights()
    found = word_ngrams.score(chunked(["one two", None, "three"]), none, none)  # type: ignore[list-item]
    assert found.first.shape == found.second.shape == (3, 0)
    assert found.n_words.tolist() == [2, 0, 1]
    assert word_ngrams.score(pa.array([], pa.string()), none, none).n_words.tolist() == []


def test_long_texts_are_looked_at_through_three_windows() -> None:
    limit = 3 * WINDOW_BYTES
    short, long = "a" * limit, "b" * 20_000 + "é" * 20_000 + "c" * 20_000
    found = word_ngrams.excerpts(pa.array([short, long, None, "x"])).to_pylist()
    assert found[0] == short
    assert found[1] == "b" * WINDOW_BYTES + "\n" + "é" * (WINDOW_BYTES // 2) + "\n" + "c" * WINDOW_BYTES
    assert found[2:] == ["", "x"]
    odd = word_ngrams.excerpts(pa.array(["漢" * 30_000]))[0].as_py()
    assert set(odd) == {"漢", "\n"}
    assert WINDOW_BYTES // 3 - 1 <= len(odd.split("\n")[1]) <= WINDOW_BYTES // 3
