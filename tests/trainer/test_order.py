from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.trainer.shards.order import BLOCK_SHARDS, Order


def places(order: Order, start: int, count: int) -> list[int]:
    """The sequences at places `start` to `start + count - 1` of the order."""
    starts = np.cumsum(order.sequences) - order.sequences
    found: list[int] = []
    position = start
    for block in order.blocks(start):
        assert block.position == position
        for run in order.runs(block):
            assert run.position == position
            position += len(run.rows)
            found += (starts[run.shard] + run.group * order.group + run.rows).tolist()
            if len(found) >= count:
                return found[:count]
    raise AssertionError("the order came to an end")


def order_of(sequences: list[int], *, group: int, seed: int = 0) -> Order:
    return Order(sequences=np.array(sequences, np.int64), group=group, seed=seed)


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 8), st.integers(0, 2**63), st.integers(0, 3)
)
def test_every_epoch_is_a_permutation(sequences: list[int], group: int, seed: int, epoch: int) -> None:
    total = sum(sequences)
    found = places(order_of(sequences, group=group, seed=seed), epoch * total, total)
    assert sorted(found) == list(range(total))


@settings(deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=20), st.integers(1, 5), st.data())
def test_it_can_be_taken_up_anywhere(sequences: list[int], group: int, data: st.DataObject) -> None:
    order, total = order_of(sequences, group=group), sum(sequences)
    start = data.draw(st.integers(0, 3 * total))
    assert places(order, start, total) == places(order, 0, start + total)[start:]


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    first = order_of([50] * 10, group=10)
    epochs = [places(first, epoch * 500, 500) for epoch in range(3)]
    epochs.append(places(order_of([50] * 10, group=10, seed=1), 0, 500))
    for number, one in enumerate(epochs):
        for other in epochs[:number]:
            assert sum(a == b for a, b in zip(one, other, strict=True)) < 20


def test_a_row_group_is_read_once_an_epoch_and_a_block_is_done_before_the_next() -> None:
    order = order_of([40] * (3 * BLOCK_SHARDS), group=8)
    for block in islice(order.blocks(0), 3):
        runs = list(order.runs(block))
        assert len({(run.shard, run.group) for run in runs}) == len(runs) == 5 * BLOCK_SHARDS
        assert {run.shard for run in runs} == set(block.shards.tolist())
        # Row groups of all shards of the block are mixed.
        assert len({run.shard for run in runs[: 2 * BLOCK_SHARDS]}) > BLOCK_SHARDS // 2


def test_places_are_uniform() -> None:
    """Over many seeds each sequence is as often at one place as at any other: a chi-squared test."""
    counts = np.zeros((16, 16))
    for seed in range(3200):
        counts[np.arange(16), places(order_of([4] * 4, group=2, seed=seed), 0, 16)] += 1
    # 225 degrees of freedom: 99.99 % of uniform draws are below 313.
    assert ((counts - 200) ** 2 / 200).sum() < 313


def test_neighbours_of_one_epoch_are_not_those_of_the_next() -> None:
    order = order_of([64] * 8, group=16)
    pairs = [
        {tuple(sorted(pair)) for pair in pairwise(found)}
        for found in (places(order, epoch * 512, 512) for epoch in range(2))
    ]
    # Of 511 pairs, 30 in a group of 16 that could have been 120: what chance gives is 1/8 of them.
    assert len(pairs[0] & pairs[1]) < 0.2 * 511


@pytest.mark.parametrize(
    ("start", "expected"), [(0, [6, 7, 10, 2, 3, 4, 5, 12, 11, 9]), (13, [0, 1, 3, 2, 9, 8, 6, 7, 10, 12])]
)
def test_the_order_stays_what_it_is(start: int, expected: list[int]) -> None:
    """A run that was stopped with an earlier version has to find its place: this may not change within a format."""
    assert places(order_of([6, 5, 2], group=2, seed=7), start, 10) == expected
