"""Samples of paragraphs: what is drawn, what it stands for, and where it is cut."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.language.paragraphs import MAX_BYTES, MIN_BYTES, Bounds, Units, cut
from gristmill.filters.segmentation import texts_of


def cut_up(*texts: str, units: int = 10, size: int = 1000) -> tuple[list[list[str]], Units]:
    """The samples of each text."""
    found = cut(next(texts_of(pa.array(texts, pa.string()))), Bounds(units, size))
    data, offsets = found.text.data.tobytes(), found.text.offsets
    samples = [data[start:end].decode() for start, end in pairwise(offsets)]
    return [samples[first:end] for first, end in pairwise(found.firsts)], found


def line(word: str, size: int = MIN_BYTES) -> str:
    return (word + " ") * (size // (len(word.encode()) + 1) + 1) + "\n"


def test_a_short_text_is_one_sample() -> None:
    samples, found = cut_up("", "Hello.\nYou there!", "a")
    assert samples == [[""], ["Hello.\nYou there!"], ["a"]]
    assert found.chars.tolist() == [0, 17, 1]


def test_long_lines_stand_alone_and_short_ones_join() -> None:
    one, two = line("one"), line("deux")
    samples, found = cut_up(one + two + "a\nb\n" + one + "end")
    assert samples == [[one, two, "a\nb\n" + one + "end"]]
    assert found.chars.tolist() == [len(one), len(two), 4 + len(one) + 3]


def test_a_line_without_end_is_cut_between_words() -> None:
    samples, _ = cut_up("word " * 1000, size=1 << 14)
    assert all(len(each) <= MAX_BYTES + 64 and each.endswith("word ") for each in samples[0])
    assert "".join(samples[0]) == "word " * 1000


def test_samples_end_with_words_or_characters() -> None:
    samples, _ = cut_up("word " * 60, "漢字" * 100, "x" * 300, size=100)
    assert [len(each[0].encode()) for each in samples] == [99, 99, 100]
    assert samples[0][0].endswith("word")


def test_of_many_units_some_are_drawn_that_stand_for_all() -> None:
    text = "".join(line(f"line{k:03}") for k in range(100))
    samples, found = cut_up(text, units=10, size=1 << 14)
    numbers = [int(each[4:7]) for each in samples[0]]
    assert len(numbers) == 10
    assert all(10 * k <= number < 10 * k + 10 for k, number in enumerate(numbers))
    assert len({number % 2 for number in numbers}) == 2
    assert found.chars.tolist() == [len(text) // 10] * 10


@settings(deadline=None)
@given(
    st.lists(st.text("a \nб漢😀\r", max_size=400) | st.text(max_size=50), max_size=4),
    st.integers(1, 5),
    st.integers(10, 2000),
)
def test_samples_are_text_of_the_document_within_bounds(texts: list[str], units: int, size: int) -> None:
    samples, found = cut_up(*texts, units=units, size=size)
    assert len(samples) == len(texts)
    for text, some, first, end in zip(texts, samples, found.firsts, found.firsts[1:], strict=False):
        assert 1 <= len(some) <= units
        assert all(each in text for each in some)
        assert sum(len(each.encode()) for each in some) <= size
        assert found.chars[first:end].sum() == len(text)


def test_bytes_that_are_no_text_do_no_harm() -> None:
    data = np.full(5000, 0x80, np.uint8)
    text = next(texts_of(pa.array(["a"])))._replace(data=data, offsets=np.array([0, 5000]))
    assert cut(text, Bounds(3, 100)).firsts.tolist() == [0, 1]
