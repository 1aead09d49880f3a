import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from gristmill.pipelines.raking import Part, rake
from gristmill.tokenizer.quotas import Doubles

_AMOUNTS = st.floats(0.1, 1000)


def _parts(keys: list[int], totals: list[float]) -> list[Part]:
    return [Part(places=np.flatnonzero(np.array(keys) == key), total=total) for key, total in enumerate(totals)]


def test_two_divisions_at_once() -> None:
    """The totals of rows and columns of a 2 x 2 table; the products of the diagonals keep their proportion."""
    start = np.array([40.0, 30.0, 35.0, 50.0])
    rows, columns = _parts([0, 0, 1, 1], [150, 300]), _parts([0, 1, 0, 1], [200, 250])
    found = rake(start, caps=np.full(4, math.inf), divisions=[rows, columns])
    assert_allclose([found[:2].sum(), found[2:].sum(), found[::2].sum()], [150, 300, 200], rtol=1e-4)
    assert found[0] * found[3] / (found[1] * found[2]) == pytest.approx(40 * 50 / (30 * 35))


def test_what_a_cap_cuts_off_goes_to_the_others_of_the_part() -> None:
    found = rake(np.array([1.0, 2.0, 3.0, 7.0]), caps=np.array([9.0, 9.0, 4.0, 9.0]), divisions=[_parts([0] * 4, [26])])
    assert_allclose(found, [13 / 3, 26 / 3, 4, 9])


def test_totals_beyond_the_caps_are_missed_and_zeros_stay() -> None:
    caps = np.array([5.0, 5.0, 5.0, 5.0])
    found = rake(np.array([1.0, 0.0, 2.0, 1.0]), caps=caps, divisions=[_parts([0, 0, 1, 1], [8, 0])])
    assert_allclose(found, [5, 0, 0, 0])
    assert_allclose(rake(np.zeros(2), caps=np.ones(2), divisions=[_parts([0, 1], [1, 1])]), [0, 0])


def test_where_divisions_contradict_each_other_the_last_is_reached() -> None:
    """The second language is all of the second domain: of that the first division asks 5, of it the second 2."""
    start = np.array([50.0, 40.0, 10.0])
    domains, languages = _parts([0, 0, 1], [95, 5]), _parts([0, 1, 1], [98, 2])
    found = rake(start, caps=np.full(3, 200.0), divisions=[domains, languages])
    assert_allclose([found[0], found[1] + found[2]], [98, 2])
    assert np.isfinite(found).all()
    capped = rake(start, caps=np.array([200.0, 1.0, 200.0]), divisions=[_parts([0, 0, 1], [98, 1]), languages])
    assert np.isfinite(capped).all()
    assert_allclose([capped[0], capped[1:].sum()], [98, 2])


@st.composite
def _tables(draw: st.DrawFn) -> tuple[Doubles, Doubles, list[list[Part]], Doubles]:
    """A start, caps, and totals over three divisions that some amounts within the caps have."""
    size = draw(st.integers(1, 12))
    keys = [[draw(st.integers(0, 2)) for _ in range(size)] for _ in range(3)]
    start = np.array(draw(st.lists(_AMOUNTS, min_size=size, max_size=size)))
    truth = np.array(draw(st.lists(_AMOUNTS, min_size=size, max_size=size)))
    slack = np.array(draw(st.lists(st.floats(1.5, 10), min_size=size, max_size=size)))
    totals = [[float(truth[np.array(each) == key].sum()) for key in range(3)] for each in keys]
    return start, truth * slack, [_parts(each, some) for each, some in zip(keys, totals, strict=True)], truth


@settings(deadline=None)
@given(_tables())
def test_totals_that_can_be_reached_are_and_caps_are_kept(
    table: tuple[Doubles, Doubles, list[list[Part]], Doubles],
) -> None:
    start, caps, divisions, truth = table
    found = rake(start, caps=caps, divisions=divisions)
    assert (found <= caps).all()
    for parts in divisions:
        for part in parts:
            assert found[part.places].sum() == pytest.approx(part.total, abs=0.01 * truth.sum())
    # Nearest in relative entropy: the amounts that the totals were made of are no nearer.
    assert _entropy(found, start) <= _entropy(truth, start) + 0.05 * truth.sum()


def _entropy(amounts: Doubles, start: Doubles) -> float:
    return float((amounts * np.log(amounts / start) - amounts + start).sum())


@settings(deadline=None, max_examples=20)
@given(_tables())
def test_the_order_of_amounts_does_not_matter(
    table: tuple[Doubles, Doubles, list[list[Part]], Doubles],
) -> None:
    start, caps, divisions, _ = table
    order = np.argsort(start * 7919 % 1)
    where = np.argsort(order)
    moved = [[Part(places=where[part.places], total=part.total) for part in parts] for parts in divisions]
    assert_allclose(
        rake(start[order], caps=caps[order], divisions=moved)[where], rake(start, caps=caps, divisions=divisions)
    )
