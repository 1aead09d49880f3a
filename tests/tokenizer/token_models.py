"""Small models and hostile texts that several tests share."""

import functools
import io
from pathlib import Path
from typing import Any, Literal

import sentencepiece
from hypothesis import strategies as st

from gristmill.tokenizer import train

_FOLDER = Path(__file__).parents[2] / "sample_data/texts"
TEXTS = {path.stem: path.read_text() for path in sorted(_FOLDER.glob("*.txt"))}

Kind = Literal["bpe", "unigram"]
KINDS: tuple[Kind, ...] = ("bpe", "unigram")


@functools.cache
def own(kind: Kind, size: int, *, languages: tuple[str, ...] | None = None) -> bytes:
    """A model of our own, trained on the sample's texts."""
    texts = [TEXTS[name] for name in languages or TEXTS]
    pieces = [text[start : start + 900] for text in texts for start in range(0, len(text), 900)]
    return train(pieces, vocabulary_size=size, kind=kind, character_coverage=0.9998).model


@functools.cache
def foreign(**options: Any) -> bytes:
    """A model with SentencePiece's own defaults but for these options; a tuple stands for a list."""
    model = io.BytesIO()
    given = {"vocab_size": 700, "hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1} | options
    text = TEXTS["eng_Latn"][:9000] + TEXTS["tha_Thai"][:3000] + "    indented\n\ttwice  " * 40
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(text[start : start + 600] for start in range(0, len(text), 600)),
        model_writer=model,
        **{name: list(value) if isinstance(value, tuple) else value for name, value in given.items()},
    )
    return model.getvalue()


PLAIN = {
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "byte_fallback": True,
    "model_type": "bpe",
    "vocab_size": 900,
}
"""Options of a model that our kernel encodes with."""

ODD = {
    "llama": PLAIN,
    "gemma": PLAIN
    | {
        "add_dummy_prefix": False,
        "allow_whitespace_only_pieces": True,
        "user_defined_symbols": ("\n", "\n\n", "\n\n\n", "▁▁", "▁▁▁▁", "<b>", "</b>", "ab", "abc"),
    },
    "symbol with a space": PLAIN | {"user_defined_symbols": ("the b",)},
    "across spaces": PLAIN | {"split_by_whitespace": False, "split_by_unicode_script": False, "split_digits": False},
    "spaces behind": PLAIN | {"treat_whitespace_as_suffix": True},
    "nmt_nfkc": {"model_type": "bpe"},
    "nfkc, unigram": {"normalization_rule_name": "nfkc", "byte_fallback": True, "vocab_size": 900},
    "unigram": PLAIN | {"model_type": "unigram"},
    "no bytes": PLAIN | {"byte_fallback": False},
    "characters": {"model_type": "char"},
}
"""Options of models of all sorts."""

SPECIAL = ("<|end|>", "<|pad|>", "<unk>", "<s>", "</s>", "<0x0A>", "<0xE2>", "<b>", "</b>", "abcab", "the b")
_NASTY = ("\u2585", "\u2047", "\0", "\t", "\r\n", "\ufeff", " ", "    ", "\n\n\n", "e\u0301", "🧑‍🚀", "aaaaa", "abab")
_WORDS = tuple(" ".join(text.split()[number : number + 3]) for text in TEXTS.values() for number in (5, 40))
PARTS = st.one_of(st.sampled_from([*_NASTY, *_WORDS, *SPECIAL]), st.text(max_size=20), st.sampled_from("ab \n"))
HOSTILE = st.lists(PARTS, max_size=14).map("".join)
"""Texts of control characters, marks, special tokens' names, words of many scripts. U+2581 is rare in them."""
