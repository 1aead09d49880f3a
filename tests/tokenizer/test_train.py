import functools
import re
import struct
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import sentencepiece

from gristmill.tokenizer import Encoder, train
from gristmill.tokenizer.model_file import ModelFile
from gristmill.tokenizer.sentencepiece_trainer import SPECIAL_PIECES
from gristmill.tokenizer.train import Trained
from gristmill.tokenizer.vocabulary import GRID, compile_model

_FOLDER = Path(__file__).parents[2] / "sample_data/texts"
TEXTS = {name: (_FOLDER / f"{name}.txt").read_text() for name in ("eng_Latn", "tha_Thai")}


@functools.cache
def _trained(kind: Literal["bpe", "unigram"] = "bpe", size: int = 2000) -> Trained:
    pieces = [text[start : start + 900] for text in TEXTS.values() for start in range(0, len(text), 900)]
    return train(pieces, vocabulary_size=size, kind=kind, character_coverage=0.9998)


@functools.cache
def _encoder(kind: Literal["bpe", "unigram"] = "bpe") -> Encoder:
    return Encoder.load(_trained(kind).model)


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


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_no_token_holds_two_digits_or_spans_lines(kind: Literal["bpe", "unigram"]) -> None:
    text = "In 1984 and 2024, 1984 of 2024 people\n\nsaw 1984 twice.\tYes.\n" * 60
    trained = train([text], vocabulary_size=1000, kind=kind, character_coverage=1.0)
    pieces = ModelFile.parse(trained.model).pieces[len(SPECIAL_PIECES) :]
    assert [each for each in pieces if len(re.findall("[0-9]", each)) > 1 and not each.startswith("<0x")] == []
    assert [each for each in pieces if re.search("[\n\t]", each)] == ["\n", "\n\n", "\t"]
    encoder = Encoder.load(trained.model)
    (breaks,) = encoder.encode_batch(["\n\n"])
    assert [encoder.decode([each]) for each in breaks] == ["\n\n"]


def test_scores_of_unigram_models_add_up_exactly() -> None:
    scores = ModelFile.parse(_trained("unigram").model).scores
    assert (scores * GRID == np.rint(scores * GRID)).all()
    assert compile_model(_trained("unigram").model).vocabulary is not None


def test_a_vocabulary_of_256k_is_encoded_with() -> None:
    """No text here supports so many tokens: a small model is filled up with made-up pieces of the lowest scores."""
    model = _trained().model
    first = ModelFile.parse(model)
    more = b"".join(_piece(f"{number:x}~{number:x}", -1e6 - number) for number in range(262_144 - len(first.pieces)))
    large, small = Encoder.load(model + more), Encoder.load(model)
    assert large.vocabulary_size == 262_144
    assert large.encode_batch([TEXTS["eng_Latn"]])[0].tolist() == small.encode_batch([TEXTS["eng_Latn"]])[0].tolist()


def _piece(text: str, score: float) -> bytes:
    """A piece as a field of a model file."""
    data = b"\x0a" + bytes([len(text)]) + text.encode() + b"\x15" + struct.pack("<f", score)
    return b"\x0a" + bytes([len(data)]) + data
