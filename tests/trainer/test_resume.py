"""A run that stops goes on with the same batches, whatever the number of ranks and workers then."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.trainer import Batch, ManifestError, ShardReader, State

SIZE = 12


def whole_batches(
    reader: ShardReader, *, count: int, ranks: int, workers: int, seed: int = 0, state: State | None = None
) -> list[Batch]:
    """Batches of all ranks, put together: each rank's workers take turns, as a DataLoader's do."""

    def rank(number: int) -> Iterator[Batch]:
        streams = [
            reader.batches(SIZE, seed=seed, state=state, rank=number, ranks=ranks, worker=worker, workers=workers)
            for worker in range(workers)
        ]
        for turn in range(count):
            yield next(streams[turn % workers])

    return [_joined(parts) for parts in zip(*map(rank, range(ranks)), strict=True)]


def _joined(parts: tuple[Batch, ...]) -> Batch:
    assert len({part.state for part in parts}) == 1
    ends = np.cumsum([0, *(len(part.lengths) for part in parts)])
    bounds = [part.bounds[1:] + end for part, end in zip(parts, ends, strict=False)]
    return Batch(
        tokens=np.concatenate([part.tokens for part in parts]),
        lengths=np.concatenate([part.lengths for part in parts]),
        bounds=np.concatenate([[0], *bounds]),
        indices=np.concatenate([part.indices for part in parts]),
        state=parts[0].state,
    )


def same(one: Batch, other: Batch) -> bool:
    names = ("tokens", "lengths", "bounds", "indices")
    return one.state == other.state and all(np.array_equal(getattr(one, each), getattr(other, each)) for each in names)


@pytest.fixture(scope="module")
def reader(corpus: Path) -> ShardReader:
    return ShardReader.open(corpus)


@pytest.fixture(scope="module")
def unbroken(reader: ShardReader) -> list[Batch]:
    """Three epochs on one rank."""
    return list(islice(reader.batches(SIZE, seed=5), 3 * len(reader) // SIZE))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 15), st.sampled_from([1, 2, 3, 4, 6, 12]), st.integers(1, 4)), min_size=1, max_size=4
    )
)
def test_batches_are_the_same_however_often_it_stops(
    reader: ShardReader, unbroken: list[Batch], runs: list[tuple[int, int, int]]
) -> None:
    state, done = None, 0
    for count, ranks, workers in runs:
        found = whole_batches(reader, count=count, ranks=ranks, workers=workers, seed=5, state=state)
        assert len(found) == count
        assert all(same(a, b) for a, b in zip(found, unbroken[done : done + count], strict=False))
        done += count
        if found:
            assert found[-1].state is not None
            state = State.from_json(found[-1].state.to_json())
            assert state.next == done * SIZE


def test_epochs_follow_each_other(reader: ShardReader, unbroken: list[Batch]) -> None:
    indices = np.concatenate([each.indices for each in unbroken])
    for epoch in range(2):
        here = indices[epoch * len(reader) : (epoch + 1) * len(reader)]
        assert sorted(here.tolist()) == list(range(len(reader)))
    assert indices.tolist() == list(islice(reader.indices(seed=5), len(indices)))


def test_a_seed_is_part_of_the_state(reader: ShardReader, unbroken: list[Batch]) -> None:
    (found,) = whole_batches(reader, count=1, ranks=1, workers=1, seed=99, state=unbroken[3].state)
    assert same(found, unbroken[4])


def test_a_state_of_other_shards_is_refused(unbroken: list[Batch], another: Path) -> None:
    other = ShardReader.open(another)
    with pytest.raises(ManifestError, match=other.manifest.identity):
        other.batches(SIZE, state=unbroken[0].state)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"manifest": "x", "seed": 0, "next": -1}', '{"seed": "?"}'])
def test_what_is_no_state(text: str) -> None:
    with pytest.raises(ManifestError, match="no state"):
        State.from_json(text)


def test_an_abandoned_stream_leaves_nothing_behind(corpus: Path) -> None:
    stream = ShardReader.open(corpus).batches(4)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert next(stream, None) is None
