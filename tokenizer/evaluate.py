"""How well a tokenizer serves a language, and which pays more than others for the same text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.tokenizer.encode import Encoder

_ENGLISH = ("eng_Latn", "eng", "en", "eng-US", "eng-GB")
"""What tables of text call English, in the order of preference."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What some text of a language came to. Tallies of parts add up to the tally of the whole.

    Attributes:
        byte_tokens: tokens that are parts of characters.
        unknown_tokens: tokens that stand for text that is lost.
        spelt_characters: characters that are spelt in byte tokens.
    """

    texts: int = 0
    n_bytes: int = 0
    characters: int = 0
    words: int = 0
    tokens: int = 0
    byte_tokens: int = 0
    unknown_tokens: int = 0
    spelt_characters: int = 0

    def __add__(self, other: Self) -> "Tally":
        return Tally(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @property
    def bytes_per_token(self) -> float:
        """UTF-8 bytes that a token stands for, on average."""
        return self.n_bytes / max(self.tokens, 1)

    @property
    def characters_per_token(self) -> float:
        """Code points that a token stands for: comparable between scripts, where bytes are not."""
        return self.characters / max(self.tokens, 1)

    @property
    def fertility(self) -> float:
        """Tokens per word (arXiv:2012.15613), words being what spaces set apart: of no use for unspaced scripts."""
        return self.tokens / max(self.words, 1)

    @property
    def byte_ratio(self) -> float:
        """Tokens that spell single bytes, of all: how far the vocabulary lacks the language's characters. 0..1."""
        return self.byte_tokens / max(self.tokens, 1)

    @property
    def coverage(self) -> float:
        """Characters that are in tokens, of all; the others are spelt in bytes, or lost. 0..1."""
        return max(0.0, 1 - (self.spelt_characters + self.unknown_tokens) / max(self.characters, 1))


def tally(encoder: Encoder, texts: Sequence[str] | pa.Array | pa.ChunkedArray) -> Tally:
    """Encode some texts and count. Time: about that of encoding."""
    column = texts if isinstance(texts, pa.Array | pa.ChunkedArray) else pa.array(texts, pa.large_string())
    kinds, trimmed = encoder.kinds, pc.utf8_trim_whitespace(column)
    counts = np.bincount(encoder.encode(column).ids, minlength=encoder.vocabulary_size)
    return Tally(
        texts=len(column),
        n_bytes=_sum(pc.binary_length(column)),
        characters=_sum(pc.utf8_length(column)),
        words=_sum(pc.list_value_length(pc.utf8_split_whitespace(trimmed)))
        - _sum(pc.equal(trimmed, "")),  # which is split into one
        tokens=int(counts.sum()),
        byte_tokens=int(counts[kinds.byte].sum()),
        unknown_tokens=int(counts[kinds.unknown].sum()),
        spelt_characters=int(counts[kinds.begins_spelt].sum()),
    )


def parities(tallies: Mapping[str, Tally]) -> dict[str, float]:
    """Of each language, tokens per character beside those of the text of all languages together. 1: as the mean.

    Text in a script of few, dense characters, such as Chinese, needs more tokens for each by nature.
    """
    total = sum(tallies.values(), start=Tally())
    return {language: _ratio(total.characters_per_token, each) for language, each in tallies.items()}


def costs(tallies: Mapping[str, Tally]) -> dict[str, float | None]:
    """The same beside English; None where there is none."""
    english = _english(tallies)
    return {
        language: _ratio(english.characters_per_token, each) if english.tokens else None
        for language, each in tallies.items()
    }


def parallel_costs(tallies: Mapping[str, Tally]) -> dict[str, float | None]:
    """Of each language, the tokens of its texts beside those of the same texts in English.

    A language with twice or thrice as many texts as English has them in two or three variants, and is counted by their
    mean. None for one whose texts are not as many, and where there is no English.
    """
    english = _english(tallies)
    found: dict[str, float | None] = {}
    for language, each in tallies.items():
        times, rest = divmod(each.texts, max(english.texts, 1))
        found[language] = each.tokens / times / english.tokens if english.tokens and times and not rest else None
    return found


def _english(tallies: Mapping[str, Tally]) -> Tally:
    """That of English, by whatever name; nothing where there is none."""
    return next((tallies[name] for name in _ENGLISH if name in tallies), Tally())


def _ratio(characters_per_token: float, each: Tally) -> float:
    return characters_per_token / each.characters_per_token if each.characters else 0.0


def _sum(column: pa.Array | pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)
