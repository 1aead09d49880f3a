import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.cutting import cuts
from gristmill.filters.edits import apply

from .samples import pieces


def without(marked: str) -> str:
    """The text without what stands between ⟦ and ⟧."""
    text, starts, places = "", list[int](), []
    for c in marked:
        if c == "⟦":
            starts.append(len(text))
        elif c == "⟧":
            places.append((starts.pop(), len(text)))
        else:
            text += c
    return apply(text, cuts(text, places))


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("one\n⟦menu⟧\ntwo", "one\ntwo"),
        ("one\n\n⟦menu⟧\n\ntwo", "one\n\ntwo"),
        ("one\n\n⟦menu\nand more⟧\ntwo", "one\n\ntwo"),
        ("one\n⟦menu⟧\n\ntwo", "one\n\ntwo"),
        ("⟦menu⟧\n\n\ntwo\n", "two\n"),
        ("one\n\n⟦menu⟧\n", "one"),
        ("⟦menu⟧", ""),
        (" \n⟦menu⟧\n ", ""),
        ("one\r\n\r\n⟦menu⟧\r\n\r\ntwo\r\n", "one\r\n\r\ntwo\r\n"),
        ("one\u2028⟦menu⟧\u2028two", "one\u2028two"),
        ("def f():\n  ⟦menu⟧  \n    return", "def f():\n    return"),
        ("one\n• ⟦menu⟧ |\ntwo", "one\ntwo"),
        ("one\n⟦menu⟧\n | \n⟦and more⟧\ntwo", "one\n | \ntwo"),
        ("one\n⟦menu⟧\n\n⟦and more⟧\ntwo", "one\ntwo"),
        ("a\0\n⟦menu⟧\n\0b", "a\0\n\0b"),
    ],
)
def test_lines_go_with_their_breaks_and_no_blank_line_is_doubled(marked: str, expected: str) -> None:
    assert without(marked) == expected


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("He said ⟦copied words⟧, and left.", "He said, and left."),
        ("One. ⟦All that was copied⟧. Two.", "One. Two."),
        ("One. “⟦All that was copied⟧.” Two.", "One. Two."),
        ("One (⟦copied⟧). Two.", "One. Two."),
        ("One ⟦copied⟧.\nTwo", "One.\nTwo"),
        ("One.\n⟦Copied⟧ two.", "One.\ntwo."),
        ("One ⟦copied\nlines⟧ two", "One\ntwo"),
        ("One ⟦copied⟧ ⟦twice⟧ two", "One two"),
        ("一，⟦抄来的⟧。二", "一，。二"),
        ("一。⟦抄来的⟧。二", "一。二"),
        ("ก่อน⟦คัดลอก⟧หลัง", "ก่อนหลัง"),
        ("قبل ⟦نسخ⟧ بعد", "قبل بعد"),
        ("לפני ⟦העתק⟧, אחרי", "לפני, אחרי"),
        ("one 👍 ⟦copied⟧ 👩‍👩‍👧‍👦 two", "one 👍 👩‍👩‍👧‍👦 two"),
    ],
)
def test_within_a_line_what_stays_reads_on(marked: str, expected: str) -> None:
    assert without(marked) == expected


@given(text=pieces, data=st.data())
def test_no_letter_or_number_goes_but_those_of_the_passages(text: str, data: st.DataObject) -> None:
    bounds = st.integers(0, len(text))
    places = [(min(pair), max(pair)) for pair in data.draw(st.lists(st.tuples(bounds, bounds), max_size=4))]
    edits = cuts(text, places)
    gone = {place for start, end in places for place in range(start, end)}
    cut = {place for edit in edits for place in range(edit.start, edit.end)}
    assert gone <= cut
    assert not any(text[place].isalnum() for place in cut - gone)
    assert all(not edit.replacement.strip() for edit in edits)
    assert all(one.end <= other.start for one, other in itertools.pairwise(edits))
