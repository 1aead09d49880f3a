"""Word order: equal to a plain reference; near 0 for words at random, far above for text of the language."""

import math
import random
import unicodedata
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from gristmill.filters import word_order
from gristmill.filters.signals import StopWords, measure
from gristmill.filters.word_order import CELL_BITS, CELLS, SHIFTS, WINDOW, Orders, WordOrders, load, train

from . import corrupt, oracle
from .samples import TEXTS, batches

STOP_WORDS = StopWords.compile({})
MASK = (1 << 64) - 1


def orders_of(texts: list[str], language: str) -> list[float | None]:
    measured = measure(pa.array(texts, pa.string()), languages=[language] * len(texts), stop_words=STOP_WORDS)
    found: list[float | None] = measured["word_order"].to_pylist()
    return found


def spread(edge: int) -> int:
    mixed = edge * 0xC2B2AE3D27D4EB4F & MASK
    return mixed ^ (mixed >> 32)


def edges(text: str) -> list[tuple[int, int, int]]:
    """The last character of each word with the mark behind it, the last two, and the first."""
    found = []
    i = 0
    while i < len(text):
        if not oracle.is_core(text[i]):
            i += 1
            continue
        end = oracle._word_end(text, i)
        word, mark = text[i:end], text[end : end + 1]
        follows = mark and not (mark.isspace() or oracle.is_core(mark) or oracle.is_mark(mark))
        follows = follows and (unicodedata.category(mark) != "Cf" or mark == "\u200b")
        last = ord(word[-1]) | (ord(mark) << 21 if follows and mark not in oracle.BREAKS else 0)
        two = last | (ord(word[-2]) << 42 if len(word) > 1 else 0)
        found.append((spread(last), spread(two), spread(ord(word[0]))))
        i = end
    return found


def expected(text: str, language: str) -> float | None:
    known = load()
    row = known.rows_of([language], 1)[0]
    if row < 0:
        return None
    found = edges(text)[:WINDOW]
    n = len(found)
    if n < known.orders.least[row]:
        return None
    front, table = known.orders.front[row], known.orders.tables[row]

    def look_up(i: int, j: int) -> int:
        (last, two, first), (last_2, two_2, first_2) = found[i], found[j]
        pairs = [(last, last_2), (last, first_2), (two, two_2), (two, first_2)]
        if front:
            pairs = [(last, last_2), (last, first_2), (first, first_2), (first, last_2)]
        cells = ((a * 0x9E3779B97F4A7C15 + b * 0xD6E8FEB86659FD93 & MASK) >> (64 - CELL_BITS) for a, b in pairs)
        return sum(int(table[(pair << CELL_BITS) + cell]) for pair, cell in enumerate(cells))

    near = [look_up(i, i + 1) for i in range(n - 1)]
    far = [look_up(i, i + shift) for shift in SHIFTS for i in range(n - shift)]
    mean = sum(far) / len(far)
    variance = max(sum(value * value for value in far) / len(far) - mean * mean, 1.0)
    return (sum(near) / len(near) - mean) / math.sqrt(variance * (1 / len(near) + 1 / len(far)))


def same(value: float | None, other: float | None) -> bool:
    if value is None or other is None:
        return value is other
    return math.isclose(value, other, rel_tol=1e-5, abs_tol=1e-5)


@pytest.mark.parametrize("language", ["eng_Latn", "tha_Thai", "zho", "hin_Deva", "amh", "und", "zxx"])
def test_equal_to_a_plain_reference(language: str) -> None:
    texts = [*TEXTS, *(text * 40 for text in TEXTS), " ".join(TEXTS)]
    found = orders_of(texts, language)
    for text, value in zip(texts, found, strict=True):
        assert same(value, expected(text, language)), text


@settings(deadline=None, max_examples=60)
@given(texts=batches)
def test_equal_to_a_plain_reference_on_hostile_text(texts: list[str]) -> None:
    texts = [text * 9 for text in texts]
    for text, value in zip(texts, orders_of(texts, "tha"), strict=True):
        assert same(value, expected(text, "tha")), text


@pytest.mark.parametrize("code", ["deu_Latn", "hin_Deva", "tha_Thai", "khm_Khmr", "jpn_Jpan", "ara_Arab", "rus_Cyrl"])
def test_good_text_is_told_from_its_words_at_random(code: str) -> None:
    good = corrupt.pairs(code)
    bad = [corrupt.words_shuffled(text, code) for text in good]
    natural, at_random = (np.array(orders_of(texts, code), float) for texts in (good, bad))
    assert natural.min() > 3.5
    assert at_random.max() < 3
    assert abs(at_random.mean()) < 1.2


def test_only_languages_with_a_table_and_long_enough_texts() -> None:
    text = corrupt.pairs("deu_Latn")[0]
    assert orders_of([text], "und") == [None]
    assert orders_of([text], "xyz_Latn") == [None]
    assert orders_of([text[:200], ""], "deu") == [None, None]


def test_only_the_first_words_count() -> None:
    text = " ".join(corrupt.articles("eng_Latn"))
    assert len(oracle.words(text)) > WINDOW
    (whole, longer) = orders_of([text, text + " colourless green ideas" * 50], "eng_Latn")
    assert whole == longer


VERSES = [" ".join(f"{'ab'[(i + j) % 2]}x{'yz'[(i + j) % 2]}" for i in range(80)) for j in range(40)]


def test_training_finds_the_order_and_is_deterministic() -> None:
    made = train({"aaa": VERSES, "bbb": VERSES[::-1]})
    assert made.languages == ("aaa", "bbb")
    assert made.orders.tables.shape == (2, CELLS)
    again = train({"aaa": VERSES, "bbb": VERSES[::-1]})
    assert made.to_bytes() == again.to_bytes()
    read = WordOrders.from_bytes(made.to_bytes())
    assert read.languages == made.languages
    assert all(np.array_equal(a, b) for a, b in zip(read.orders, made.orders, strict=True))


def test_random_words_have_no_order_to_learn() -> None:
    dice = random.Random(1)
    texts = [" ".join(dice.choice(["one", "two", "six", "ten", "elf"]) for _ in range(150)) for _ in range(40)]
    made = train({"aaa": texts})
    assert made.orders.least[0] > WINDOW


def test_nothing_to_train_on() -> None:
    assert train({}).orders.tables.shape == (0, CELLS)
    assert train({"aaa": ["", "two words"]}).orders.least[0] == np.iinfo(np.int64).max


def test_shipped_tables() -> None:
    known = load()
    assert len(known.languages) >= 110
    assert known.languages == tuple(sorted(known.languages))
    assert isinstance(known.orders, Orders)
    assert known.orders.tables.dtype == np.int8
    assert np.abs(known.orders.tables).max() <= word_order.FURTHEST
    assert all(a < b for a, b in pairwise(known.languages))
    assert (known.orders.least >= 2 * max(SHIFTS)).all()
