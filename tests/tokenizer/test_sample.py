import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.tokenizer import PIECE_BYTES, choose_pieces, quotas, sampling_fraction, shares, until_quota

_SIZES = st.dictionaries(st.sampled_from(["amh_Ethi", "deu_Latn", "eng_Latn", "tha_Thai"]), st.integers(0, 10**12))


@given(_SIZES, st.floats(0, 1))
def test_shares_sum_to_one_and_keep_the_order_of_sizes(sizes: dict[str, int], temperature: float) -> None:
    found = shares(sizes, temperature=temperature)
    assert set(found) == {name for name, size in sizes.items() if size}
    if found:
        assert sum(found.values()) == pytest.approx(1)
    assert all(found[a] <= found[b] * (1 + 1e-12) for a in found for b in found if sizes[a] <= sizes[b])


def test_temperature_goes_from_the_corpus_to_all_alike() -> None:
    sizes = {"a": 900, "b": 100}
    assert shares(sizes, temperature=1) == pytest.approx({"a": 0.9, "b": 0.1})
    assert shares(sizes, temperature=0.5) == pytest.approx({"a": 0.75, "b": 0.25})
    assert shares(sizes, temperature=0) == pytest.approx({"a": 0.5, "b": 0.5})


@given(_SIZES, st.integers(10_000, 10**10), st.floats(0, 1))
def test_quotas_use_all_of_the_sample_and_no_more_than_there_is(
    sizes: dict[str, int], sample_bytes: int, temperature: float
) -> None:
    found = quotas(sizes, sample_bytes=sample_bytes, temperature=temperature)
    assert all(0 <= found[name] <= sizes[name] for name in found)
    wanted = min(sample_bytes, sum(sizes.values()))
    assert wanted - len(sizes) * (1 + wanted * 1e-12) <= sum(found.values()) <= wanted


def test_fraction_reaches_the_quota() -> None:
    assert sampling_fraction(quota=10, available=10) == 1
    fraction = sampling_fraction(quota=1_000_000, available=100_000_000)
    assert 0.01 < fraction < 0.015
    documents = {f"{number:032x}": b"word " * (1 + number % 7 * 1000) for number in range(4000)}
    available = sum(map(len, documents.values()))
    fraction = sampling_fraction(quota=available // 10, available=available)
    chosen = [piece for _, piece in choose_pieces(list(documents), list(documents.values()), seed=3, fraction=fraction)]
    assert available // 10 <= sum(map(len, chosen)) < available // 6


@given(st.lists(st.text("ab é世\n ", max_size=6000), max_size=4), st.integers(0, 2**63 - 1))
def test_pieces_are_the_text_again(texts: list[str], seed: int) -> None:
    names = [f"{number:032x}" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        pieces = list(choose_pieces([name], [text.encode()], seed=seed, fraction=1))
        assert sorted(b"".join(piece for _, piece in pieces)) == sorted(text.encode())
        assert all(piece.decode() and len(piece) < PIECE_BYTES + 200 for _, piece in pieces)


def test_choice_does_not_depend_on_the_order_or_on_the_batch() -> None:
    documents = {f"{number:032x}": b"text of a document\n" * (number * 40) for number in range(60)}
    names = list(documents)
    together = sorted(choose_pieces(names, list(documents.values()), seed=1, fraction=0.3))
    alone = sorted(
        found for name in reversed(names) for found in choose_pieces([name], [documents[name]], seed=1, fraction=0.3)
    )
    assert together == alone
    assert together != sorted(choose_pieces(names, list(documents.values()), seed=2, fraction=0.3))


def test_pieces_end_at_lines_or_spaces_where_there_are_any() -> None:
    def first(text: str) -> bytes:
        return next(choose_pieces(["0"], [text.encode()], seed=0, fraction=1))[1]

    lines = [piece for _, piece in choose_pieces(["0"], [b"twenty bytes a line\n" * 900], seed=0, fraction=1)]
    assert all(piece.endswith(b"\n") for piece in lines)
    assert not first("word " * 100).startswith(b" ")
    assert all(len(piece.decode()) > 0 for _, piece in choose_pieces(["0"], ["世".encode() * 9000], seed=0, fraction=1))


def test_the_smallest_hashes_fill_the_quota() -> None:
    hashes, sizes = np.array([5, 1, 9, 3], np.uint64), np.array([10, 10, 10, 10])
    assert until_quota(hashes, sizes, quota=15).tolist() == [1, 3]
    assert until_quota(hashes, sizes, quota=0).tolist() == []
    assert until_quota(hashes, sizes, quota=10**9).tolist() == [1, 3, 0, 2]
