import functools
import io
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.tokenizer import SPECIAL_PIECES, Encoder, Tally, Trained, tally, train
from gristmill.tokenizer.encode import CHUNK_CHARACTERS

_FOLDER = Path(__file__).parents[2] / "sample_data/texts"
TEXTS = {name: (_FOLDER / f"{name}.txt").read_text() for name in ("eng_Latn", "tha_Thai")}


@functools.cache
def _trained(kind: Literal["bpe", "unigram"] = "bpe", size: int = 2000) -> Trained:
    pieces = [text[start : start + 900] for text in TEXTS.values() for start in range(0, len(text), 900)]
    return train(pieces, vocabulary_size=size, kind=kind, character_coverage=0.9998)


@functools.cache
def _encoder(kind: Literal["bpe", "unigram"] = "bpe") -> Encoder:
    return Encoder.load(_trained(kind).model)


_NASTY = st.sampled_from(
    ["\u2581", "\u2585", "\u2047", "\0", "\t", "\r\n", "\ufeff", " ", "\n\n\n", "e\u0301", "\U0001f9d1\u200d\U0001f680"]
)
_SPECIAL = st.sampled_from(["<|end|>", "<|pad|>", "<unk>", "<s>", "<0x0A>", "the words", "ภาษาไทย"])
_TEXT = st.lists(st.one_of(_NASTY, st.text(max_size=20), _SPECIAL), max_size=12).map("".join)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@settings(deadline=None)
@given(text=_TEXT)
def test_decoding_gives_the_text_back(kind: Literal["bpe", "unigram"], text: str) -> None:
    encoder = _encoder(kind)
    (ids,) = encoder.encode_batch([text])
    assert encoder.decode(ids) == text
    assert ids.dtype == np.uint32
    assert not set(ids.tolist()) & set(range(len(SPECIAL_PIECES)))


@settings(deadline=None, max_examples=20)
@given(texts=st.lists(_TEXT, max_size=6))
def test_a_batch_is_each_text_by_itself(texts: list[str]) -> None:
    encoder = _encoder()
    together = [each.tolist() for each in encoder.encode_batch(texts)]
    assert together == [encoder.encode_batch([text])[0].tolist() for text in texts]


def test_long_texts_are_cut_where_no_token_reaches_across() -> None:
    text = "The quick brown fox jumps over the lazy dog.\n" * 3 + "one two three four five " * (CHUNK_CHARACTERS // 6)
    (ids,) = _encoder().encode_batch([text])
    assert _encoder().decode(ids) == text
    whole = sentencepiece.SentencePieceProcessor(model_proto=_trained().model).encode(text)
    assert ids.tolist() == whole
    unbroken = "ก" * (3 * CHUNK_CHARACTERS)
    assert _encoder().decode(_encoder().encode_batch([unbroken])[0]) == unbroken


def test_special_tokens_have_fixed_places() -> None:
    encoder = _encoder()
    assert (encoder.end_id, encoder.pad_id, encoder.vocabulary_size) == (1, 2, _trained().vocabulary_size)
    processor = sentencepiece.SentencePieceProcessor(model_proto=_trained().model)
    assert tuple(map(processor.id_to_piece, range(len(SPECIAL_PIECES)))) == SPECIAL_PIECES


def test_training_twice_gives_the_same_bytes() -> None:
    again = train(["some words to learn " * 40], vocabulary_size=1000, kind="bpe", character_coverage=1.0)
    assert train(["some words to learn " * 40], vocabulary_size=1000, kind="bpe", character_coverage=1.0) == again
    first = _trained("unigram").model
    _trained.cache_clear()
    assert _trained("unigram").model == first


def test_small_samples_get_small_vocabularies() -> None:
    assert _trained(size=32_768).vocabulary_size < 2000
    tiny = train(["a few words only"], vocabulary_size=32_768, kind="bpe", character_coverage=0.9998)
    assert tiny.vocabulary_size < 400
    encoder = Encoder.load(tiny.model)
    assert encoder.decode(encoder.encode_batch(["anything: Ωμέγα"])[0]) == "anything: Ωμέγα"


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_more_characters_than_a_vocabulary_holds_are_spelt_in_bytes(kind: Literal["bpe", "unigram"]) -> None:
    draw = np.random.default_rng(0).pareto(0.5, 30_000).clip(0, 5000).astype(int)
    chinese = "".join(chr(0x4E00 + number) for number in draw)
    trained = train([chinese], vocabulary_size=1000, kind=kind, character_coverage=0.9998)
    assert trained.characters <= 500
    assert 0.9 < trained.coverage < 0.99
    encoder = Encoder.load(trained.model)
    assert encoder.decode(encoder.encode_batch([chinese[:200]])[0]) == chinese[:200]


@pytest.mark.parametrize("text", ["", "\n\n", "\t"])
def test_nothing_to_train_on_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no text"):
        train([text], vocabulary_size=1000, kind="bpe", character_coverage=1.0)


@pytest.mark.parametrize("data", [b"", b"no model", b"\0" * 64])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a SentencePiece model"):
        Encoder.load(data)


def _foreign(**options: object) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([TEXTS["eng_Latn"][:4000]]),
        model_writer=model,
        vocab_size=300,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    return model.getvalue()


def test_a_model_of_ones_own_brings_its_own_special_tokens() -> None:
    encoder = Encoder.load(_foreign())
    assert (encoder.end_id, encoder.pad_id) == (2, 2)
    assert encoder.encode_batch(["the \u2581 words"])[0].size > 0
    with pytest.raises(ValueError, match="no end-of-sentence token"):
        Encoder.load(_foreign(eos_id=-1))


def test_tallies_count_and_add() -> None:
    encoder = _encoder()
    one, two = tally(encoder, ["two words"]), tally(encoder, ["中"])
    assert (one.n_bytes, one.characters, one.words, one.byte_tokens, two.byte_tokens) == (9, 9, 2, 0, 3)
    assert one + two == tally(encoder, ["two words", "中"])
    assert (two.byte_ratio, two.bytes_per_token, two.fertility) == (1, 1, 3)
    assert Tally().bytes_per_token == 0
    assert tally(encoder, []) == Tally()
