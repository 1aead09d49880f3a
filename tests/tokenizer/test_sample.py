from collections.abc import Mapping

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gristmill.tokenizer.sample import PIECE_BYTES, choose_pieces, sampling_fraction, until_quota, up_to


def _chosen(documents: Mapping[str, bytes], *, seed: int = 0, fraction: float = 1) -> list[tuple[int, bytes]]:
    """(hash, text) of the pieces of some documents, the same share of each wanted."""
    fractions = np.full(len(documents), fraction)
    found = choose_pieces(list(documents), list(documents.values()), seed=seed, fractions=fractions)
    return [(hashed, piece) for _, hashed, piece in found]


def test_fraction_reaches_the_quota() -> None:
    assert sampling_fraction(quota=10, available=10) == 1
    assert sampling_fraction(quota=0, available=10) == 0
    fraction = sampling_fraction(quota=1_000_000, available=100_000_000)
    assert 0.01 < fraction < 0.015
    documents = {f"{number:032x}": b"word " * (1 + number % 7 * 1000) for number in range(4000)}
    available = sum(map(len, documents.values()))
    fraction = sampling_fraction(quota=available // 10, available=available)
    chosen = [piece for _, piece in _chosen(documents, seed=3, fraction=fraction)]
    assert available // 10 <= sum(map(len, chosen)) < available // 6


def test_fraction_reaches_small_quotas_too() -> None:
    documents = {f"{number:032x}": b"word " * 790 for number in range(500)}
    available = sum(map(len, documents.values()))
    for quota in (100, PIECE_BYTES, 3 * PIECE_BYTES):
        fraction = sampling_fraction(quota=quota, available=available)
        sizes = [sum(len(piece) for _, piece in _chosen(documents, seed=seed, fraction=fraction)) for seed in range(50)]
        assert min(sizes) >= quota


@given(st.integers(0, 10**13), st.integers(1, 10**13), st.integers(0, 10**6))
def test_fraction_grows_with_the_quota(quota: int, available: int, more: int) -> None:
    less, larger = (sampling_fraction(quota=each, available=available) for each in (quota, quota + more))
    assert 0 <= less <= larger <= 1
    assert less >= min(1, quota / available)


@given(st.lists(st.text("ab é世\n ", max_size=6000), max_size=4), st.integers(0, 2**63 - 1))
def test_pieces_are_the_text_again(texts: list[str], seed: int) -> None:
    for number, text in enumerate(texts):
        pieces = _chosen({f"{number:032x}": text.encode()}, seed=seed)
        assert sorted(b"".join(piece for _, piece in pieces)) == sorted(text.encode())
        assert all(piece.decode() and len(piece) < PIECE_BYTES + 200 for _, piece in pieces)


def test_choice_does_not_depend_on_the_order_or_on_the_batch() -> None:
    documents = {f"{number:032x}": b"text of a document\n" * (number * 40) for number in range(60)}
    together = sorted(_chosen(documents, seed=1, fraction=0.3))
    alone = [_chosen({name: documents[name]}, seed=1, fraction=0.3) for name in reversed(documents)]
    assert together == sorted(found for each in alone for found in each)
    assert together != sorted(_chosen(documents, seed=2, fraction=0.3))


def test_each_document_has_its_own_fraction_and_choices_are_nested() -> None:
    documents = {f"{number:032x}": b"text of a document\n" * 4000 for number in range(30)}
    names, texts = list(documents), list(documents.values())
    fractions = np.repeat([0, 0.2, 0.8], 10)
    found = list(choose_pieces(names, texts, seed=1, fractions=fractions))
    numbers = np.array([number for number, _, _ in found])
    assert numbers.min() == 10
    assert 10 * 19 * 0.1 < (numbers < 20).sum() < 10 * 19 * 0.3 < 10 * 19 * 0.7 < (numbers >= 20).sum() < 10 * 19 * 0.9
    assert set(found) < set(choose_pieces(names, texts, seed=1, fractions=fractions + 0.1))


def test_pieces_end_at_lines_or_spaces_where_there_are_any() -> None:
    lines = [piece for _, piece in _chosen({"0": b"twenty bytes a line\n" * 900})]
    assert len(lines) == 5
    assert all(piece.endswith(b"\n") for piece in lines)
    words = [piece for _, piece in _chosen({"0": b"word " * 1700})]
    assert sum(not piece.startswith(b" ") for piece in words) == 1  # the first; the others begin with their space
    assert all(piece.decode() for _, piece in _chosen({"0": "世".encode() * 9000}))


def test_pieces_are_taken_until_the_quota_is_full() -> None:
    sizes = np.array([10, 20, 30])
    for quota, taken in {0: [0, 0, 0], 10: [10, 0, 0], 15: [10, 5, 0], 60: [10, 20, 30], 99: [10, 20, 30]}.items():
        assert until_quota(sizes, quota=quota).tolist() == taken


@given(st.text("ab é世𝔸"), st.integers(0, 40))
def test_a_cut_is_at_a_character(text: str, n_bytes: int) -> None:
    found = up_to(text, n_bytes)
    assert text.startswith(found)
    assert min(n_bytes, len(text.encode())) <= len(found.encode()) < n_bytes + 4
