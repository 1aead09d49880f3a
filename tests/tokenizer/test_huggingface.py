"""tokenizer.json: what we write gives the same ids, and what others wrote can be used."""

import functools
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_models import HOSTILE, KINDS, ODD, PLAIN, SPECIAL, TEXTS, Kind, foreign, own
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from gristmill.tokenizer import Encoder, is_huggingface, libraries_of, tally, to_huggingface

NTREX = Path(__file__).parents[3] / "shared/data/lid/ntrex_documents.parquet"


@functools.cache
def _both(model: bytes) -> tuple[Encoder, Tokenizer]:
    exported = to_huggingface(model)
    assert exported is not None
    theirs = Tokenizer.from_str(exported.decode())
    theirs.encode_special_tokens = True
    return Encoder.load(model), theirs


def _assert_equal(model: bytes, texts: list[str]) -> None:
    ours, theirs = _both(model)
    expected = [each.tolist() for each in ours.encode_batch(texts)]
    assert [theirs.encode(text, add_special_tokens=False).ids for text in texts] == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1000, 8000])
def test_ids_are_equal_on_real_text(kind: Kind, size: int) -> None:
    _assert_equal(own(kind, size), list(TEXTS.values()))


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=200)
@given(text=HOSTILE)
def test_ids_are_equal_on_hostile_text(kind: Kind, text: str) -> None:
    """Marks that SentencePiece takes for spaces, and the names of special tokens and bytes, among it."""
    _assert_equal(own(kind, 8000), [text, f"\u2581{text}", f"{text} \u2581\u2581 <0x0A><|end|>"])


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None)
@given(text=HOSTILE)
def test_decoding_gives_the_text_back(kind: Kind, text: str) -> None:
    _, theirs = _both(own(kind, 8000))
    ids = theirs.encode(text + "\u2581", add_special_tokens=False).ids
    assert theirs.decode([*ids, 1]) == text + "\u2581"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(not NTREX.exists(), reason="NTREX is not there")
def test_ids_are_equal_on_a_part_of_ntrex(kind: Kind) -> None:
    """`benchmarks/encoding.py` compares all of it."""
    _assert_equal(own(kind, 8000), pq.read_table(NTREX)["text"].to_pylist()[::150])


@pytest.mark.parametrize("name", ["llama", "across spaces"])
@settings(deadline=None, max_examples=50)
@given(text=HOSTILE.filter(lambda text: not any(each in text for each in SPECIAL)))
def test_other_models_that_keep_text_as_it_is(name: str, text: str) -> None:
    _assert_equal(foreign(**ODD[name]), [text])


@settings(deadline=None, max_examples=50)
@given(text=HOSTILE.filter(lambda text: "<" not in text))
def test_symbols_of_ones_own(text: str) -> None:
    _assert_equal(foreign(**ODD["gemma"]), [text])


@pytest.mark.parametrize("name", ["nmt_nfkc", "no bytes", "spaces behind", "nfkc, unigram", "unigram"])
def test_what_would_not_give_the_same_ids_is_not_exported(name: str) -> None:
    assert to_huggingface(foreign(**ODD[name])) is None


def test_a_space_before_each_text_and_symbols_do_not_go_together() -> None:
    assert to_huggingface(foreign(**PLAIN, user_defined_symbols=("<b>",))) is None


def test_special_tokens_are_special() -> None:
    ours, theirs = _both(own("bpe", 1000))
    theirs.encode_special_tokens = False
    ids = theirs.encode("word<|end|>", add_special_tokens=False).ids
    theirs.encode_special_tokens = True
    assert ids[-1] == ours.end_id


@functools.cache
def _byte_level() -> bytes:
    """As GPT-2's: bytes of UTF-8 as letters, merged by BPE."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXTS["eng_Latn"]], trainer)
    tokenizer.add_tokens([AddedToken("<tool>", special=False)])
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding()
    text: str = tokenizer.to_str()
    return text.encode()


@settings(deadline=None)
@given(text=st.text())
def test_a_tokenizer_of_others(text: str) -> None:
    encoder = _byte_level_encoder()
    for each in (text, text + "<|endoftext|>", "a longer text than five tokens " + text):
        (ids,) = encoder.encode_batch([each])
        assert encoder.end_id not in ids
        assert encoder.decode(ids) == each


@functools.cache
def _byte_level_encoder() -> Encoder:
    return Encoder.load(_byte_level())


def test_special_tokens_of_others_are_found_or_named() -> None:
    encoder = _byte_level_encoder()
    assert (encoder.end_id, encoder.pad_id) == (0, 0)
    assert encoder.vocabulary_size == encoder.end_id + json.loads(_byte_level())["added_tokens"][-1]["id"] + 1
    assert Encoder.load(_byte_level(), end="<tool>").end_id == encoder.vocabulary_size - 1
    without = json.loads(_byte_level())
    without["added_tokens"] = []
    with pytest.raises(ValueError, match=r"no end-of-sentence token .* tokenizer\.end_token"):
        Encoder.load(json.dumps(without).encode())


def test_characters_in_parts_are_counted() -> None:
    found = tally(_byte_level_encoder(), ["a~中é"])
    assert (found.characters, found.spelt_characters, found.tokens - found.byte_tokens) == (4, 2, 2)
    assert found.byte_tokens == 5
    assert found.coverage == 0.5


@pytest.mark.parametrize(
    "model",
    [
        models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0),
        models.BPE({"<unk>": 0, "a": 1}, [], unk_token="<unk>"),
        models.BPE({"b": 0, "a": 1}, []),
    ],
)
def test_what_a_model_does_not_know_is_lost(model: models.Model) -> None:
    found = tally(Encoder.load(Tokenizer(model).to_str().encode(), ends=False), ["a中a"])
    known = not isinstance(model, models.Unigram) and model.unk_token is None
    assert (found.unknown_tokens, found.tokens) == ((0, 2) if known else (1, 3))


def test_which_is_which() -> None:
    assert is_huggingface(b' {"version": "1.0"}')
    assert not is_huggingface(own("bpe", 1000))
    assert libraries_of("a/tokenizer.json") == ("tokenizers",)
    assert libraries_of("a/tokenizer.model") == ("sentencepiece",)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"gristmill\[huggingface\]"):
        Encoder.load(b'{"version": "1.0"}')
