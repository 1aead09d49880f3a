"""Our BPE models are SentencePiece's, byte for byte: pieces, their order, scores, types and settings."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from token_models import TEXTS

from gristmill.tokenizer.byte_pairs import byte_pair_model
from gristmill.tokenizer.model_file import ModelFile
from gristmill.tokenizer.sentencepiece_trainer import SPECIAL_PIECES, sentencepiece_model, with_boundaries

NEVER = {0, *map(ord, "\n\t\u2581\u2585")}
LEAST = len(SPECIAL_PIECES) + 3 + 256
ALPHABETS = (
    "ab",
    "aA. ",
    "abc   ",
    "ab12 १",
    "中文字のンー。",
    "a\u0301e\u0301 .",
    "अआ्ि।",
    "😀👍🏽\u200d ",
    "ab\n\t\x00\u2581\u2585",
    "٣ب\u0640\u064b",
    "a12 １",
)
MARKUP = ("<unk>", "<0x0A>", "<0x0a>", "<|mask|>", "<|reserved_3|>", "<<|end|>", "<0x0", "\n\n")


def models(pieces: Sequence[str], *, size: int, uncovered: str = "") -> tuple[bytes, bytes]:
    """Ours, and SentencePiece's."""
    points = sorted(set(map(ord, "".join(pieces))) - NEVER - set(map(ord, uncovered)))
    covered = np.array(points, np.int64)
    longest = max(map(len, pieces))
    texts = with_boundaries(pieces, covered=covered)
    reference = sentencepiece_model(texts, kind="bpe", vocabulary_size=size, longest=longest)
    return byte_pair_model(pieces, covered=covered, vocabulary_size=size), reference


def cut(text: str) -> list[str]:
    return [text[start : start + 900] for start in range(0, len(text), 900)]


@pytest.mark.parametrize("language", TEXTS)
def test_a_language_at_a_time(language: str) -> None:
    ours, reference = models(cut(TEXTS[language]), size=3500, uncovered=TEXTS[language][:2])
    assert ours == reference


def test_all_languages() -> None:
    ours, reference = models([piece for text in TEXTS.values() for piece in cut(text)], size=16_000)
    assert ours == reference
    scores = ModelFile.parse(ours).scores[LEAST:]
    assert (scores == -np.arange(len(scores))).all()


def texts_over(alphabet: str) -> st.SearchStrategy[str]:
    """Letters one by one, runs of one letter, and markup that SentencePiece takes for special tokens."""
    letter = st.sampled_from(alphabet)
    run = st.builds(lambda each, n: each * n, letter, st.integers(1, 9))
    parts = st.lists(st.one_of(letter, run, st.text(alphabet, max_size=30), st.sampled_from(MARKUP)), max_size=60)
    return parts.map("".join)


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.sampled_from(ALPHABETS).flatmap(lambda each: st.lists(texts_over(each), min_size=1, max_size=4)),
    extra=st.sampled_from([0, 1, 5, 20, 100, 2000]),
    uncovered=st.sampled_from(["", "a", "<x ", "0"]),
)
@example(pieces=["aaaa aaa aa aaaaaaa"], extra=100, uncovered="")  # more tokens than pairs
@example(pieces=["abababab bababa", "aabaabaab"], extra=100, uncovered="")  # one piece, spelt in two ways
@example(pieces=["<0x0A><0x0A>b<0x0A>"], extra=20, uncovered="0")
def test_hostile_text(pieces: list[str], extra: int, uncovered: str) -> None:
    pieces = [*pieces, "a text of more than ten bytes"]  # SentencePiece takes no less
    characters = len(set("".join(pieces)))
    ours, reference = models(pieces, size=LEAST + characters + extra, uncovered=uncovered)
    assert ours == reference


@pytest.mark.parametrize("n_characters", [3, 60, 1500])
@pytest.mark.parametrize("skewed", [False, True])
def test_many_pairs_that_are_equally_frequent(n_characters: int, *, skewed: bool) -> None:
    random = np.random.default_rng(n_characters)
    draw = random.pareto(0.7, 30_000) if skewed else random.integers(0, n_characters, 30_000)
    text = "".join(chr(0x4E00 + int(number)) for number in draw.clip(0, n_characters - 1))
    ours, reference = models([text[:20_000], text[20_000:]], size=6000)
    assert ours == reference


def test_more_characters_than_tokens_are_an_error() -> None:
    with pytest.raises(ValueError, match="too few for 26 characters"):
        byte_pair_model(
            ["abcdefghijklmnopqrstuvwxyz"], covered=np.arange(ord("a"), ord("z") + 1), vocabulary_size=LEAST + 25
        )
