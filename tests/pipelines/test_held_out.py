"""Held out: which names, and how many."""

import math

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines.held_out import are_held_out

NAMES = pa.array([f"{number:032x}" for number in range(50_000)])


def chosen(share: float, names: pa.Array = NAMES) -> list[str]:
    found: list[str] = names.filter(are_held_out(names, share=share)).to_pylist()
    return found


def test_the_choice_is_the_same_for_ever() -> None:
    """Another salt or hash would let a model see what an earlier one was measured on."""
    assert [int(name, 16) for name in chosen(0.005, NAMES[:1000])] == [161, 688, 770, 969]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.005, 0.05, 0.5])
def test_the_share_is_reached(share: float) -> None:
    expected = share * len(NAMES)
    assert abs(len(chosen(share)) - expected) <= 4 * math.sqrt(expected * (1 - share))


@given(st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_share_holds_out_the_same_and_more(one: float, other: float) -> None:
    names = NAMES[:500]
    assert set(chosen(min(one, other), names)) <= set(chosen(max(one, other), names))


def test_no_names() -> None:
    assert chosen(0.5, NAMES[:0]) == []
