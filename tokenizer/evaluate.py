"""How well a tokenizer serves a language."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from gristmill.tokenizer.encode import Encoder


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What some text of a language came to. Tallies of parts add up to the tally of the whole."""

    n_bytes: int = 0
    characters: int = 0
    words: int = 0
    tokens: int = 0
    byte_tokens: int = 0
    unknown_tokens: int = 0

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


def tally(encoder: Encoder, texts: Sequence[str]) -> Tally:
    """Encode some texts and count."""
    ids = encoder.encode_batch(texts)
    counts = np.bincount(np.concatenate([*ids, np.empty(0, np.uint32)]), minlength=encoder.vocabulary_size)
    return Tally(
        n_bytes=sum(len(text.encode()) for text in texts),
        characters=sum(map(len, texts)),
        words=sum(len(text.split()) for text in texts),
        tokens=int(counts.sum()),
        byte_tokens=int(counts[encoder.is_byte()].sum()),
        unknown_tokens=int(counts[encoder.is_unknown()].sum()),
    )
