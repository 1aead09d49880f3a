"""Edits: cuts and replacements by the first offsets, in any order, overlapping or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.edits import Edit, apply

TEXT = "write to anna@example.org or call 030 1234567 today"


def test_masks_and_cuts_go_by_the_offsets_of_the_text_as_it_was() -> None:
    mail, phone = TEXT.index("anna"), TEXT.index("030")
    edits = [Edit(phone, phone + 11, "<PHONE>"), Edit(mail, mail + 16, "<EMAIL>"), Edit(0, 9)]
    assert apply(TEXT, edits) == "<EMAIL> or call <PHONE> today"


def test_overlapping_edits_become_one_with_the_replacement_of_the_longest() -> None:
    assert apply("0123456789", [Edit(2, 4, "a"), Edit(3, 8, "b")]) == "01b89"
    assert apply("0123456789", [Edit(1, 9), Edit(3, 5, "mask")]) == "09"
    assert apply("0123456789", [Edit(0, 2, "x"), Edit(2, 4, "y")]) == "xy456789"


def test_no_edits_leave_the_text() -> None:
    assert apply(TEXT, []) == TEXT


@pytest.mark.parametrize("edit", [Edit(-1, 2), Edit(4, 3), Edit(0, len(TEXT) + 1)])
def test_an_edit_beyond_the_text_is_an_error(edit: Edit) -> None:
    with pytest.raises(ValueError, match="in a text of 51 characters"):
        apply(TEXT, [edit])


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6))
def test_cuts_leave_exactly_what_no_cut_covers(text: str, pairs: list[tuple[int, int]]) -> None:
    cuts = [Edit(*sorted((min(a, len(text)), min(b, len(text))))) for a, b in pairs]
    kept = [each for index, each in enumerate(text) if not any(cut.start <= index < cut.end for cut in cuts)]
    assert apply(text, cuts) == "".join(kept)
    assert apply(text, reversed(cuts)) == "".join(kept)
