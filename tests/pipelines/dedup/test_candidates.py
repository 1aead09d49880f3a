"""Candidates: buckets of keys to pairs and copies."""

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.pipelines.dedup.candidates import FEW, copies, pairs, shared, unique
from gristmill.pipelines.dedup.keys import band_hashes, is_of_text

Keys = list[tuple[int, int, int]]

# Hash, text and node; a node has one text.
KEYED = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=60, unique=True).map(
    lambda found: [(key, node % 7, node) for key, node in found]
)


def arrays(keyed: Keys) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hashes, texts, nodes = (np.array([each[place] for each in keyed], np.uint64) for place in range(3))
    return shared(hashes, texts, nodes)


def found(keyed: Keys) -> list[tuple[int, int]]:
    left, right = unique(*pairs(*arrays(keyed)))
    return sorted((min(pair), max(pair)) for pair in zip(left.tolist(), right.tolist(), strict=True))


@settings(deadline=None)
@given(KEYED)
def test_only_keys_that_are_shared_are_left(keyed: Keys) -> None:
    count = Counter(key for key, _, _ in keyed)
    expected = sorted(each for each in keyed if count[each[0]] > 1)
    assert list(zip(*(each.tolist() for each in arrays(keyed)), strict=True)) == expected


@settings(deadline=None)
@given(KEYED)
def test_all_pairs_of_the_first_documents_of_each_text_in_small_buckets(keyed: Keys) -> None:
    first: dict[int, dict[int, int]] = defaultdict(dict)
    for key, text, node in sorted(keyed):
        first[key].setdefault(text, node)
    assert max(map(len, first.values()), default=0) <= FEW
    expected = {(a, b) for nodes in first.values() for a in nodes.values() for b in nodes.values() if a < b}
    assert found(keyed) == sorted(expected)


@settings(deadline=None)
@given(KEYED)
def test_pairs_do_not_depend_on_order(keyed: Keys) -> None:
    assert found(keyed) == found(keyed[::-1])


@settings(deadline=None)
@given(KEYED)
def test_copies_name_the_first_of_their_text(keyed: Keys) -> None:
    first: dict[tuple[int, int], int] = {}
    expected = []
    count = Counter(key for key, _, _ in keyed)
    for key, text, node in sorted(each for each in keyed if count[each[0]] > 1):
        if first.setdefault((key, text), node) != node:
            expected.append((node, first[key, text]))
    node, of = copies(*arrays(keyed))
    assert list(zip(node.tolist(), of.tolist(), strict=True)) == expected


def test_texts_of_a_hot_bucket_are_paired_with_the_first_alone() -> None:
    for size in (FEW, FEW + 1, 5_000):
        linked = found([(1, text * 7919 % size, text) for text in range(size)])
        assert len(linked) == (size * (size - 1) // 2 if size == FEW else size - 1)
        assert all(pair[0] == 0 for pair in linked) == (size > FEW)


def test_the_first_of_a_hot_bucket_is_always_the_left_one() -> None:
    """Also where others have smaller nodes."""
    left, right = pairs(*arrays([(1, 100 - node, node) for node in range(100)]))
    assert set(left.tolist()) == {99}
    assert sorted(right.tolist()) == list(range(99))


def test_copies_do_not_make_a_bucket_hot() -> None:
    assert found([(1, node % 3, node) for node in range(300)]) == [(0, 1), (0, 2), (1, 2)]


def test_bands_with_equal_values_have_different_hashes() -> None:
    values = np.zeros((2, 8), np.uint32)
    assert len({band_hashes(values, band=band)[0] for band in range(14)}) == 14
    assert band_hashes(values, band=0).tolist()[0] == band_hashes(values, band=0).tolist()[1]


def test_keys_of_texts_and_of_bands_are_told_apart() -> None:
    assert is_of_text(np.array([2, 3], np.uint64)).tolist() == [False, True]
