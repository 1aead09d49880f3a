"""Cutting an item out leaves a text that reads as if it had never stood there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import hostile

from gristmill.filters.contamination.cut import passages

ITEM = "How many melons does Petra load onto the cart each day"


def cut(text: str, *items: str) -> str:
    spans = passages(text, [{"start": text.index(each), "end": text.index(each) + len(each)} for each in items])
    return without(text, spans)


def without(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in reversed(spans):
        text = text[:start] + text[end:]
    return text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"Opening line.\n{ITEM}?\nClosing line.", "Opening line.\nClosing line."),
        (f"Opening.\n\n{ITEM}?\n\nClosing.", "Opening.\n\nClosing."),
        (f"Opening.\n\n{ITEM}?\nClosing.", "Opening.\n\nClosing."),
        (
            f"Opening.\nQuestion: {ITEM}?\nAnswer: none of the ones above.\n",
            "Opening.\nAnswer: none of the ones above.\n",
        ),
        (f"We counted them. {ITEM}? Then we went home.", "We counted them. Then we went home."),
        (f"She asked the children “{ITEM}?” and nobody knew.", "She asked the children and nobody knew."),
        (f"1. What is a melon, and who eats it?\n2. {ITEM}?\n3. Who?", "1. What is a melon, and who eats it?\n3. Who?"),
        (f"- {ITEM}\n- Melons are heavy.", "- Melons are heavy."),
        (ITEM, ""),
        (f"  {ITEM}! \n", ""),
        (
            f"A long enough sentence that is the page's own says so: {ITEM}",
            "A long enough sentence that is the page's own says so:",
        ),
        (
            f"The price is 3.14. {ITEM}, which is a question of arithmetic and patience.",
            "The price is 3.14. which is a question of arithmetic and patience.",
        ),
    ],
)
def test_what_stays_joins(text: str, left: str) -> None:
    assert cut(text, ITEM) == left


def test_unspaced_scripts_join_without_a_space() -> None:
    assert (
        cut("我们数过了。渔夫每天清晨捕到几条鱼？然后大家回家。", "渔夫每天清晨捕到几条鱼")
        == "我们数过了。然后大家回家。"
    )


def test_findings_that_overlap_or_touch_are_one() -> None:
    text = f"Opening line of the page. {ITEM}? {ITEM}! The rest of the page."
    first = text.index(ITEM)
    second = text.index(ITEM, first + 1)
    evidence = [
        {"start": second, "end": second + len(ITEM)},
        {"start": first, "end": first + 20},
        {"start": first + 10, "end": first + len(ITEM)},
    ]
    spans = passages(text, evidence)
    assert len(spans) == 1
    assert without(text, spans) == "Opening line of the page. The rest of the page."
    assert passages(text, []) == []


@given(hostile, st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), max_size=6))
def test_spans_are_in_order_within_the_text_and_hold_the_findings(text: str, places: list[tuple[int, int]]) -> None:
    evidence = [
        {"start": start, "end": min(start + length, len(text))} for start, length in places if start < len(text)
    ]
    spans = passages(text, evidence)
    ends = [0, *(end for _, end in spans)]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before < start or before == 0 for before, (start, _) in zip(ends, spans, strict=False))
    for each in evidence:
        assert any(start <= each["start"] and each["end"] <= end for start, end in spans)
