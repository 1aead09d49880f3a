"""What an encoder promises, whatever the model."""

import numpy as np
import pytest
from hypothesis import given, settings
from token_models import HOSTILE, KINDS, PLAIN, SPECIAL, TEXTS, Kind, foreign, own

from gristmill.tokenizer import Encoder
from gristmill.tokenizer.model_file import ModelFile, rewritten
from gristmill.tokenizer.sentencepiece_trainer import SPECIAL_PIECES


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(text=HOSTILE)
def test_decoding_gives_the_text_back(kind: Kind, text: str) -> None:
    encoder = Encoder.load(own(kind, 2000))
    for each in (text, text + "\u2581", " \u2581 " + text):
        (ids,) = encoder.encode_batch([each])
        assert encoder.decode(ids) == each
        assert ids.dtype == np.uint32
        assert not set(ids.tolist()) & set(range(len(SPECIAL_PIECES)))


@pytest.mark.parametrize("data", [b"", b"no model", b"\0" * 64, b"{}", b'{"model": 1}'])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a (SentencePiece model|tokenizer\.json)"):
        Encoder.load(data)


def test_a_damaged_model_is_refused_or_read_to_the_end() -> None:
    model = own("bpe", 1000)
    with pytest.raises(ValueError, match="not a SentencePiece model"):
        Encoder.load(model[: len(model) // 2 + 1])
    with pytest.raises(ValueError, match="field"):
        ModelFile.parse(model[:-1])


def test_a_model_of_ones_own_brings_its_own_special_tokens() -> None:
    encoder = Encoder.load(foreign())
    assert (encoder.end_id, encoder.pad_id) == (2, 2)
    assert encoder.encode_batch(["the \u2581 words"])[0].size > 0
    with pytest.raises(ValueError, match="no end-of-sentence token"):
        Encoder.load(foreign(eos_id=-1))


def test_special_tokens_by_name() -> None:
    model = foreign(**PLAIN, eos_id=-1, control_symbols=("<done>", "<fill>"))
    encoder = Encoder.load(model, end="<done>", pad="<fill>")
    assert [encoder.decode([each]) for each in (encoder.end_id, encoder.pad_id)] == ["", ""]
    assert encoder.end_id != encoder.pad_id
    with pytest.raises(ValueError, match="no token '<over>'"):
        Encoder.load(model, end="<over>")


def test_texts_cannot_spell_special_tokens() -> None:
    encoder = Encoder.load(own("bpe", 2000))
    for ids in encoder.encode_batch(SPECIAL):
        assert min(ids) >= len(SPECIAL_PIECES)


def test_a_dummy_prefix_is_one_space() -> None:
    encoder = Encoder.load(foreign(**PLAIN))
    (word,), (spaced,), (nothing,) = (encoder.encode_batch([text]) for text in ("the", " the", ""))
    assert encoder.decode(word) == "the"
    assert len(spaced) > len(word)
    assert len(nothing) == 0


def test_very_long_text_in_a_model_that_normalises(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, text = Encoder.load(foreign(model_type="bpe")), TEXTS["eng_Latn"].replace("\n", " ")
    (whole,) = encoder.encode_batch([text])
    monkeypatch.setattr("gristmill.tokenizer.sentencepiece_model.LONGEST_TEXT", 2000)
    assert encoder.encode_batch([text])[0].tolist() == whole.tolist()


def test_scores_and_types_are_written_where_they_are_read() -> None:
    model = own("unigram", 1000)
    file = ModelFile.parse(model)
    assert (file.kind, file.byte_fallback, file.dummy_prefix, file.as_it_is) == ("unigram", True, False, True)
    assert file.pieces[: len(SPECIAL_PIECES)] == SPECIAL_PIECES
    assert rewritten(model, scores=file.scores, types=file.types) == model
    again = ModelFile.parse(rewritten(model, scores=file.scores - 1, types=np.ones_like(file.types)))
    assert (again.scores == file.scores - 1).all()
    assert (again.types == 1).all()
    assert again.pieces == file.pieces
