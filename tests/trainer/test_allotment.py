import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gristmill.trainer.allotment import Allotment, proportional

SPEEDS = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=8)


@given(SPEEDS, st.integers(0, 200))
def test_allotments_sum_to_the_batch_and_are_the_proportion_rounded_down_or_more(
    speeds: list[float], total: int
) -> None:
    given_ = proportional(total, weights=speeds, most=[None] * len(speeds))
    assert sum(given_) == total
    for each, speed in zip(given_, speeds, strict=True):
        assert each > total * speed / sum(speeds) - 1 - 1e-9


@given(SPEEDS, st.integers(1, 200))
def test_no_rank_would_be_done_sooner_with_what_the_slowest_has_to_do(speeds: list[float], total: int) -> None:
    found = proportional(total, weights=speeds, most=[None] * len(speeds))
    slowest = max(count / speed for count, speed in zip(found, speeds, strict=True))
    assert all((count + 1) / speed >= slowest * (1 - 1e-9) for count, speed in zip(found, speeds, strict=True))


@given(st.data(), SPEEDS, st.integers(1, 200))
def test_no_rank_gets_more_than_it_takes_and_the_rest_stays_in_proportion(
    data: st.DataObject, speeds: list[float], total: int
) -> None:
    limit = st.none() | st.integers(1, 100)
    most = data.draw(st.lists(limit, min_size=len(speeds), max_size=len(speeds)))
    assume(sum(total if each is None else each for each in most) >= total)
    found = proportional(total, weights=speeds, most=most)
    assert sum(found) == total
    assert all(each <= (total if limit is None else limit) for each, limit in zip(found, most, strict=True))
    free = [rank for rank, limit in enumerate(most) if limit is None or found[rank] < limit]
    left, weight = sum(found[rank] for rank in free), sum(speeds[rank] for rank in free)
    for rank in free:
        assert abs(found[rank] - left * speeds[rank] / weight) < len(speeds)


@pytest.mark.parametrize(
    ("total", "weights", "most", "expected"),
    [
        (16, [3.0, 1.0], [None, None], [12, 4]),
        (10, [1.0, 1.0, 1.0], [None, None, None], [4, 3, 3]),  # of equals, the first
        (7, [2.0, 1.0, 1.0], [None, None, None], [4, 2, 1]),  # 3.5, 1.75, 1.75: each would be done at 2 with one more
        (16, [3.44, 1.0], [None, None], [13, 3]),  # 12.4 and 3.6: 13 are done sooner than 4
        (16, [3.0, 1.0], [6, None], [6, 10]),
        (16, [6.0, 3.0, 1.0], [4, None, None], [4, 9, 3]),
        (16, [100.0, 1.0], [None, None], [16, 0]),
    ],
)
def test_allotments_of_some_speeds(
    total: int, weights: list[float], most: list[int | None], expected: list[int]
) -> None:
    assert proportional(total, weights=weights, most=most) == expected


def test_ranks_that_together_take_too_few_are_refused() -> None:
    message = "train.batch_sequences: 16, but all ranks together take 12 in a step at most"
    with pytest.raises(ValueError, match=re.escape(message)):
        proportional(16, weights=[1.0, 1.0], most=[8, 4])


@given(st.lists(st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)), min_size=1, max_size=40))
def test_speeds_that_waver_leave_the_allotment_alone(wavering: list[tuple[float, float]]) -> None:
    allotment = Allotment(speeds=[1.0, 1.0])
    allotment.observe([2.5, 1.5])  # 16: 10 and 6, exactly
    assert allotment.of(16) == [10, 6]
    for a, b in wavering:
        allotment.observe([2.5 * (1 + a), 1.5 * (1 + b)])
        assert allotment.of(16) == [10, 6]


@given(st.lists(st.tuples(st.floats(0.1, 10), st.floats(0.1, 10), st.floats(0.1, 10)), min_size=2, max_size=20))
def test_another_allotment_saves_at_least_a_twentieth(observed: list[tuple[float, ...]]) -> None:
    allotment = Allotment(speeds=[1.0, 1.0, 1.0])
    for speeds in observed:
        before = list(allotment.of(24))
        allotment.observe([speed if count else 0.0 for speed, count in zip(speeds, before, strict=True)])
        after = allotment.of(24)
        if after != before:
            assert allotment._seconds(after) < 0.95 * allotment._seconds(before)


def test_a_rank_that_slows_down_is_relieved_in_a_few_steps() -> None:
    allotment = Allotment(speeds=[1.0, 1.0])
    for _ in range(5):
        allotment.observe([10.0, 10.0])
        assert allotment.of(16) == [8, 8]
    steps = 0
    while allotment.of(16) != [12, 4]:
        allotment.observe([10.0, 10.0 / 3])
        steps += 1
    assert steps == 7


def test_one_slow_step_changes_little() -> None:
    allotment = Allotment(speeds=[1.0, 1.0])
    allotment.observe([10.0, 10.0])
    allotment.observe([10.0, 1.0])
    assert allotment.of(16) == [9, 7]


def test_guesses_count_until_something_is_measured() -> None:
    allotment = Allotment(speeds=[9e12, 3e12, 1e9])
    assert allotment.of(16) == [12, 4, 0]
    allotment.observe([9.0, 9.0, 0.0])
    assert allotment.of(16) == [8, 8, 0]
    assert allotment._speeds[2] == pytest.approx(9e-3 * 1.01 / 9)  # a thousandth of the first rank's guess


def test_a_step_that_was_not_timed_leaves_the_guesses() -> None:
    allotment = Allotment(speeds=[30.0, 10.0])
    allotment.observe([0.0, 0.0])
    assert allotment.of(8) == [6, 2]
    allotment.observe([1.0, 1.0])
    assert allotment.of(8) == [4, 4]


def test_a_rank_that_gets_nothing_is_tried_again_and_left_if_it_is_no_faster() -> None:
    allotment = Allotment(speeds=[1.0, 0.02])
    counts = []
    for _ in range(400):
        _, b = allotment.of(16)
        counts.append(b)
        allotment.observe([1.0, 0.02 if b else 0.0])
    assert set(counts) == {0, 1}
    assert counts.count(1) == 3  # each costs two steps and a half
    faster = Allotment(speeds=[1.0, 0.02])
    for _ in range(200):
        _, b = faster.of(16)
        faster.observe([1.0, 1.0 if b else 0.0])
    assert faster.of(16) == [8, 8]
