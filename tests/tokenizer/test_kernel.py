"""The kernel's ids are SentencePiece's."""

import functools
import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from token_models import HOSTILE, KINDS, ODD, PLAIN, TEXTS, Kind, foreign, own

from gristmill.tokenizer import Encoder
from gristmill.tokenizer.encode import Tokens
from gristmill.tokenizer.kernel import LONGEST_CHUNK
from gristmill.tokenizer.vocabulary import compile_model

NTREX = Path(__file__).parents[3] / "shared/data/lid/ntrex_documents.parquet"
COMPILED = ("llama", "gemma", "across spaces")
MARK = "\u2581"


@functools.cache
def _encoder(model: bytes) -> Encoder:
    return Encoder.load(model)


def _of(model: bytes, texts: Sequence[str]) -> list[list[int]]:
    found = sentencepiece.SentencePieceProcessor(model_proto=model).encode(list(texts))
    return [list(each) for each in found]


def _ours(model: bytes, texts: Sequence[str]) -> list[list[int]]:
    return [each.tolist() for each in _encoder(model).encode_batch(texts)]


def _lists(tokens: Tokens) -> list[list[int]]:
    return [tokens.ids[start:end].tolist() for start, end in pairwise(tokens.offsets)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1000, 8000])
def test_real_text_in_many_scripts(kind: Kind, size: int) -> None:
    model = own(kind, size)
    assert _ours(model, list(TEXTS.values())) == _of(model, list(TEXTS.values()))


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=200)
@given(texts=st.lists(HOSTILE.filter(lambda text: MARK not in text), max_size=5))
def test_hostile_text(kind: Kind, texts: list[str]) -> None:
    model = own(kind, 8000)
    assert _ours(model, texts) == _of(model, texts)


@pytest.mark.parametrize("name", ODD)
@settings(deadline=None, max_examples=100)
@given(texts=st.lists(HOSTILE.filter(lambda text: MARK not in text), max_size=3))
def test_models_of_all_sorts(name: str, texts: list[str]) -> None:
    model = foreign(**ODD[name])
    assert (compile_model(model).vocabulary is not None) == (name in COMPILED)
    assert _ours(model, texts) == _of(model, texts)


@pytest.mark.parametrize("name", ODD)
def test_models_of_all_sorts_on_real_text(name: str) -> None:
    model = foreign(**ODD[name])
    assert _ours(model, list(TEXTS.values())) == _of(model, list(TEXTS.values()))


@settings(deadline=None)
@given(text=st.text("ab", max_size=400))
def test_pairs_of_one_score_merge_from_the_left(text: str) -> None:
    model = foreign(**PLAIN, user_defined_symbols=("aab", "ba"), add_dummy_prefix=False)
    assert _ours(model, [text]) == _of(model, [text])


@pytest.mark.parametrize("kind", KINDS)
def test_long_chunks_and_long_texts(kind: Kind) -> None:
    unbroken = "".join(np.random.default_rng(0).choice(list("ในการเป็นที่ aeiou"), 20_000))
    words = " ".join(TEXTS["eng_Latn"].split()) * 40
    texts = [unbroken, unbroken.replace(" ", ""), "a" * 5000, "\n" * 5001, words]
    model = own(kind, 8000)
    assert _ours(model, texts) == _of(model, texts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_nowhere_can_be_cut_is_cut_all_the_same(kind: Kind) -> None:
    text = "the" * (LONGEST_CHUNK // 2)
    encoder = _encoder(own(kind, 8000))
    assert encoder.decode(encoder.encode_batch([text])[0]) == text


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=50)
@given(texts=st.lists(HOSTILE, max_size=6))
def test_a_batch_is_each_text_by_itself(kind: Kind, texts: list[str]) -> None:
    encoder = _encoder(own(kind, 8000))
    together = encoder.encode(pa.array(texts, pa.string()), end=True)
    assert _lists(together) == [[*encoder.encode_batch([text])[0].tolist(), encoder.end_id] for text in texts]


def test_texts_before_do_not_show() -> None:
    """Chunks share places of the cache; all of them have to be told apart by their bytes."""
    encoder = _encoder(own("bpe", 8000))
    draw = np.random.default_rng(1)
    words = [f"{first}{second}" for first in "abcdefghijklmnop" for second in draw.integers(0, 10**9, 3000)]
    texts = [" ".join(draw.permutation(words)[:4000]) for _ in range(4)]
    texts += [text.replace("a", "a\0") for text in texts]
    assert [each.tolist() for each in encoder.encode_batch(texts)] == _of(own("bpe", 8000), texts)


def test_columns_of_every_layout() -> None:
    encoder = _encoder(own("bpe", 1000))
    plain = pa.array(["one", None, "", "два слова", "three"], pa.string())
    expected = [each.tolist() for each in encoder.encode_batch(["one", "", "", "два слова", "three"])]
    for column in (plain, plain.cast(pa.large_string()), plain.cast(pa.string_view()), pa.chunked_array([plain])):
        assert _lists(encoder.encode(column)) == expected
    assert _lists(encoder.encode(plain[3:])) == expected[3:]
    assert _lists(encoder.encode(pa.chunked_array([plain[:2], plain[2:]]))) == expected
    empty = encoder.encode(pa.array([], pa.string()))
    assert (empty.ids.tolist(), empty.offsets.tolist()) == ([], [0])
    assert encoder.encode_batch([]) == []


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(texts=st.lists(st.one_of(st.binary(max_size=40), st.text(max_size=9).map(lambda text: text.encode()[:-1]))))
def test_what_is_no_utf8_does_no_harm(kind: Kind, texts: list[bytes]) -> None:
    """Arrow does not look into its strings: damaged ones must not reach beyond their place."""
    sound = ["a text before", "текст за ним"]
    column = pa.array([sound[0].encode(), *texts, sound[1].encode()], pa.binary())
    offsets, data = column.buffers()[1:]
    found = _encoder(own(kind, 8000)).encode(pa.StringArray.from_buffers(len(column), offsets, data))
    lists = _lists(found)
    assert [lists[0], lists[-1]] == _ours(own(kind, 8000), sound)
    assert all(len(ids) <= len(text) + 3 for ids, text in zip(lists[1:-1], texts, strict=True))


def test_memory_is_that_of_some_megabytes_and_the_ids() -> None:
    encoder = _encoder(own("bpe", 8000))
    column = pa.array(["The quick brown fox jumps over the lazy dog. " * 2000] * 400, pa.large_string())
    encoder.encode(column[:1])
    tracemalloc.start()
    try:
        found = encoder.encode(column)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert column.nbytes > 35_000_000
    assert peak < 2 * found.ids.nbytes + 100_000_000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(not NTREX.exists(), reason="NTREX is not there")
def test_a_part_of_ntrex(kind: Kind) -> None:
    """`benchmarks/encoding.py` compares all of it."""
    texts = pq.read_table(NTREX)["text"].to_pylist()[::40]
    model = own(kind, 8000)
    assert _ours(model, texts) == _of(model, texts)
