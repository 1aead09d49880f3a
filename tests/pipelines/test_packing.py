import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.pipelines.packing import Pieces, pack


def _reference(lengths: list[int], sequence_length: int) -> list[int]:
    """Best-fit decreasing as the textbook has it, in O(n ** 2); ties go to the sequence that came to its room last."""
    room: dict[int, tuple[int, int]] = {}
    found = [0] * len(lengths)
    for clock, place in enumerate(sorted(range(len(lengths)), key=lambda each: (-lengths[each], each))):
        fitting = [(left, -when, number) for number, (left, when) in room.items() if left >= lengths[place]]
        number = min(fitting)[2] if fitting else len(room)
        left = room.get(number, (sequence_length, 0))[0]
        room[number] = (left - lengths[place], clock)
        found[place] = number
    return found


@settings(deadline=None)
@given(st.integers(2, 70).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(1, n), max_size=120))))
def test_equals_the_textbook(given_: tuple[int, list[int]]) -> None:
    sequence_length, lengths = given_
    found = pack(np.array(lengths, np.int64), sequence_length=sequence_length)
    assert found.tolist() == _reference(lengths, sequence_length)
    if lengths:
        assert np.bincount(found, weights=lengths).max() <= sequence_length
        assert sorted(set(found.tolist())) == list(range(found.max() + 1))


@given(st.lists(st.integers(1, 5000), max_size=50), st.integers(2, 1000))
def test_pieces_are_the_documents(lengths: list[int], sequence_length: int) -> None:
    pieces = Pieces.of(np.array(lengths, np.int64), sequence_length=sequence_length)
    total = np.bincount(pieces.document, weights=pieces.length, minlength=len(lengths))
    assert total.tolist() == lengths
    whole = np.flatnonzero(np.array(lengths) <= sequence_length)
    assert np.isin(pieces.document, whole).sum() == len(whole)
    last = pieces.offset + pieces.length == np.take(np.array(lengths, np.int64), pieces.document)
    assert (last | (pieces.length == sequence_length)).all()


def test_a_million_tokens_of_web_text_leave_few_slots_free() -> None:
    lengths = np.random.default_rng(0).lognormal(6, 1.2, 4000).astype(np.int64) + 1
    pieces = Pieces.of(lengths, sequence_length=2048)
    used = pack(pieces.length, sequence_length=2048).max() + 1
    assert lengths.sum() / (used * 2048) > 0.998


@pytest.mark.parametrize("length", [0, -1, 65])
def test_impossible_pieces_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        pack(np.array([3, length]), sequence_length=64)
