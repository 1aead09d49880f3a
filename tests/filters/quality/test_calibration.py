"""Areas under the curve and calibration, against values worked out by hand and against laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.quality.calibration import (
    LOGISTIC_SHARE,
    MIN_STEP,
    Calibration,
    auc,
    beats_chance,
    calibration_error,
    softmax,
    temperature,
)

scores = st.lists(st.tuples(st.floats(-30, 30), st.booleans()), min_size=2, max_size=60).filter(
    lambda rows: len({good for _, good in rows}) == 2
)


def test_auc_by_hand() -> None:
    good = np.array([True, False, True, False])
    assert auc(np.array([4.0, 3.0, 2.0, 1.0]), good) == 0.75
    assert auc(np.array([1.0, 1.0, 1.0, 1.0]), good) == 0.5
    assert auc(np.array([9.0, 1.0, 8.0, 2.0]), good) == 1.0
    assert auc(np.array([1.0, 2.0]), np.array([True, True])) is None


@given(scores)
def test_auc_is_the_share_of_pairs_in_order(rows: list[tuple[float, bool]]) -> None:
    values, good = np.array([value for value, _ in rows]), np.array([good for _, good in rows])
    pairs = [(a > b) + (a == b) / 2 for a in values[good] for b in values[~good]]
    assert auc(values, good) == pytest.approx(np.mean(pairs))


@given(scores)
def test_probabilities_rise_with_the_score(rows: list[tuple[float, bool]]) -> None:
    values, good = np.array([value for value, _ in rows]), np.array([good for _, good in rows])
    fitted = Calibration.fit(values, good)
    if fitted is None:
        return
    assert fitted.slope > 0
    found = fitted(np.sort(values))
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()
    assert all(one <= two for one, two in zip(fitted.steps[:-1], fitted.steps[1:], strict=True))
    assert Calibration.from_json(fitted.to_json()) == fitted


def test_fit_finds_the_line_that_made_the_labels() -> None:
    chance = np.random.default_rng(3)
    values = chance.normal(scale=2, size=40_000)
    good = chance.random(40_000) < 1 / (1 + np.exp(-(1.5 * values + 0.0)))
    fitted = Calibration.fit(values, good)
    assert fitted is not None
    assert fitted.slope == pytest.approx(1.5, abs=0.05)
    assert fitted.intercept == pytest.approx(0, abs=0.05)
    assert calibration_error(fitted(values), good) < 0.01


def test_classes_weigh_the_same_however_many_there_are() -> None:
    chance = np.random.default_rng(4)
    values = np.concatenate([chance.normal(1, 1, 20_000), chance.normal(-1, 1, 200_000)])
    good = np.arange(220_000) < 20_000
    fitted = Calibration.fit(values, good)
    assert fitted is not None
    # A step is an estimate from the scores near it. Were classes weighed by number, this would be 1/11.
    assert fitted(np.array([0.0]))[0] == pytest.approx(0.5, abs=0.03)
    assert fitted.slope == pytest.approx(2, abs=0.05)  # the log odds of two normals, one apart from the middle


def test_scores_that_tell_nothing_or_the_opposite_are_not_calibrated() -> None:
    good = np.array([True, False] * 50)
    assert Calibration.fit(np.zeros(100), good) is None
    assert Calibration.fit(np.where(good, -1.0, 1.0), good) is None
    with pytest.raises(ValueError, match="both classes"):
        Calibration.fit(np.zeros(3), np.array([True] * 3))


def test_perfectly_separate_scores_stay_short_of_certainty() -> None:
    good = np.array([True, False] * 50)
    fitted = Calibration.fit(np.where(good, 1.0, -1.0), good)
    assert fitted is not None
    assert fitted.steps == ((-1.0, 0.0), (1.0, 1.0))
    high, low = 1 - LOGISTIC_SHARE / 52, LOGISTIC_SHARE / 52
    assert fitted(np.array([1.0, -1.0])).tolist() == pytest.approx([high, low], abs=1e-5)


def test_steps_by_hand() -> None:
    values, good = np.array([1.0, 2.0, 2.0, 3.0, 4.0, 5.0]), np.array([False, True, False, False, True, True])
    fitted = Calibration.fit(np.repeat(values, MIN_STEP), np.repeat(good, MIN_STEP))
    assert fitted is not None
    # 2, 2 and 3 are one step: one of three is good; both classes have three, so weights are equal.
    assert fitted.steps == ((1.0, 0.0), (2.0, 0.333333), (3.0, 0.333333), (4.0, 1.0), (5.0, 1.0))
    at = fitted(np.array([2.0, 2.5, 3.0, 3.5]))
    assert at[0] < at[1] < at[2]
    assert at[2] == pytest.approx(1 / 3, abs=LOGISTIC_SHARE)
    assert at[3] == pytest.approx(2 / 3, abs=LOGISTIC_SHARE)


def test_no_step_stands_on_a_few_scores() -> None:
    few = Calibration.fit(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True]))
    assert few is not None
    assert few.steps == ((1.0, 0.5), (4.0, 0.5))
    chance = np.random.default_rng(8)
    values, good = chance.normal(size=120), np.arange(120) < 60
    fitted = Calibration.fit(values, good) or Calibration.fit(-values, good)
    assert fitted is not None
    assert all(0 < share < 1 for _, share in fitted.steps)


def test_what_is_no_better_than_chance() -> None:
    chance = np.random.default_rng(9)
    good = np.arange(120) < 60
    assert sum(beats_chance(chance.normal(size=120), good) for _ in range(2000)) <= 10
    assert beats_chance(chance.normal(size=120) + good, good)
    assert not beats_chance(-1.0 * good, good)
    assert not beats_chance(np.arange(3.0), np.array([True] * 3))


def test_where_even_the_best_score_leaves_doubt_the_probability_says_so() -> None:
    chance = np.random.default_rng(6)
    good = np.arange(40_000) < 20_000
    alike = ~good & (chance.random(40_000) < 0.5)  # half of the raw text is as good as the reference
    values = np.where(good | alike, 2.0, -2.0) + chance.normal(scale=0.3, size=40_000)
    fitted = Calibration.fit(values, good)
    assert fitted is not None
    assert fitted(np.array([2.0]))[0] == pytest.approx(2 / 3, abs=0.03)
    assert calibration_error(fitted(values), good) < 0.015


def test_calibration_error_by_hand() -> None:
    good = np.array([True, True, False, False])
    assert calibration_error(np.array([1.0, 1.0, 0.0, 0.0]), good) == 0
    assert calibration_error(np.array([0.0, 0.0, 1.0, 1.0]), good) == 1
    assert calibration_error(np.array([0.75, 0.75, 0.75, 0.75]), good) == pytest.approx(0.25)


def test_temperature_makes_the_softmax_as_sure_as_it_is_right() -> None:
    chance = np.random.default_rng(5)
    logits = chance.normal(size=(30_000, 3))
    chosen = (softmax(logits).cumsum(axis=1) < chance.random((30_000, 1))).sum(axis=1).clip(0, 2)
    assert temperature(logits, chosen) == pytest.approx(1, abs=0.05)
    assert temperature(4 * logits, chosen) == pytest.approx(4, abs=0.2)
    assert 1 / 32 <= temperature(np.array([[1.0, 0.0]]), np.array([0])) <= 32
    assert softmax(np.array([[1000.0, 0.0], [0.0, 0.0]])).tolist() == [[1.0, 0.0], [0.5, 0.5]]
