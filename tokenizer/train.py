"""Training a tokenizer that loses nothing: decoding what was encoded gives the text back, any text.

It is a SentencePiece model. SentencePiece trains those of unigrams; those of byte pairs are trained by kernels of our
own, with the same result: see `byte_pairs`. For the settings see `sentencepiece_trainer`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import sentencepiece

from gristmill._jit import jit
from gristmill.tokenizer.byte_pairs import byte_pair_model
from gristmill.tokenizer.code_points import CODE_POINTS, SPACE_SYMBOL, code_points
from gristmill.tokenizer.model_file import NORMAL, USER_DEFINED, ModelFile, rewritten
from gristmill.tokenizer.sentencepiece_trainer import SPECIAL_PIECES, SYMBOLS, sentencepiece_model, with_boundaries
from gristmill.tokenizer.vocabulary import on_grid

BYTES_PER_TOKEN = 64
"""Bytes of sample that each token of the vocabulary asks for.

By Zipf's law the rarest of V tokens occurs n / (V ln V) times in n tokens; with four bytes per token and V = 32768,
64 bytes per token of the vocabulary leave it one or two occurrences, below which a token is learnt by heart.
"""

MIN_VOCABULARY = 1000
_N_BYTES = 256
_UNKNOWN_SYMBOL = 0x2585  # like a space's, SentencePiece's own mark, which it cannot learn from


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A tokenizer and how it came out.

    Attributes:
        model: the bytes of the SentencePiece model file.
        vocabulary_size: its tokens, special ones and bytes included; at most what was asked for.
        characters: characters that may be in tokens; all others are spelt in bytes.
        coverage: share of the sample's characters that those make up. 0..1.
    """

    model: bytes
    vocabulary_size: int
    characters: int
    coverage: float


def train(
    pieces: Sequence[str],
    *,
    vocabulary_size: int,
    kind: Literal["bpe", "unigram"],
    character_coverage: float,
) -> Trained:
    """Train on pieces of text, in their order.

    The vocabulary comes out smaller than asked where the sample does not support it: one token per 64 bytes, at least
    1000, and no more than SentencePiece finds. Single characters get half of it at most; the rarest are spelt in bytes.

    Time and memory: 1.6 s and 270 MB beside the text for 35 MB (bpe, 32k tokens); 4.5 s and 550 MB for 50 MB of 128
    languages (256k). What counts is the letters of distinct words, which grow slower than the text.

    Raises:
        ValueError: there is no text.
    """
    counts = _character_counts(pieces)
    n_bytes = int(counts @ _utf8_lengths())
    size = min(vocabulary_size, max(MIN_VOCABULARY, n_bytes // BYTES_PER_TOKEN))
    room = (size - len(SPECIAL_PIECES) - len(SYMBOLS) - _N_BYTES) // 2
    counts[[0, ord("\n"), ord("\t"), SPACE_SYMBOL, _UNKNOWN_SYMBOL]] = 0  # never in tokens, or symbols of their own
    covered = _covered(counts, coverage=character_coverage, most=room)
    if len(covered) == 0:
        raise ValueError("no text to train a tokenizer on")
    try:
        if kind == "bpe":
            data = byte_pair_model(pieces, covered=covered, vocabulary_size=size)
        else:
            data = _unigram_model(pieces, covered=covered, vocabulary_size=size)
    except RuntimeError as error:
        raise ValueError(f"SentencePiece could not train on {n_bytes:,} bytes of text: {error}") from error
    return Trained(
        model=data,
        vocabulary_size=sentencepiece.SentencePieceProcessor(model_proto=data).vocab_size(),
        characters=len(covered),
        coverage=float(counts[covered].sum() / counts.sum()),
    )


def _unigram_model(pieces: Sequence[str], *, covered: npt.NDArray[np.int64], vocabulary_size: int) -> bytes:
    texts = with_boundaries(pieces, covered=covered)
    longest = max(map(len, pieces))
    return _additive(sentencepiece_model(texts, kind="unigram", vocabulary_size=vocabulary_size, longest=longest))


def _additive(model: bytes) -> bytes:
    """A unigram model whose ids do not depend on how much text is before a word: see `vocabulary.on_grid`.

    SentencePiece gives user-defined symbols scores that are no multiples of anything; ours need none, since no other
    piece contains a line break or tab.
    """
    file = ModelFile.parse(model)
    types = np.where(file.types == USER_DEFINED, NORMAL, file.types)
    return rewritten(model, scores=on_grid(file.scores), types=types)


def _character_counts(pieces: Sequence[str]) -> npt.NDArray[np.int64]:
    """How often each code point occurs: an array over all of Unicode."""
    counts = np.zeros(CODE_POINTS, np.int64)
    for piece in pieces:
        _count(code_points(piece), counts)
    return counts


@jit
def _count(points: npt.NDArray[np.uint32], counts: npt.NDArray[np.int64]) -> None:
    for point in points:
        counts[point] += 1


def _utf8_lengths() -> npt.NDArray[np.int64]:
    points = np.arange(CODE_POINTS)
    return 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)


def _covered(counts: npt.NDArray[np.int64], *, coverage: float, most: int) -> npt.NDArray[np.int64]:
    """The commonest characters that make up a share of all, at most so many; equal counts by code point."""
    order = np.argsort(-counts, kind="stable")[: max(most, 1)]
    before = np.cumsum(counts[order]) - counts[order]
    return np.sort(order[(before < coverage * counts.sum()) & (counts[order] > 0)])
