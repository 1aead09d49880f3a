"""Training a SentencePiece tokenizer that loses nothing: decoding what was encoded gives the text back, any text.

SentencePiece learns the pieces of unigram models. Those of BPE are learnt by a kernel of our own, the same pieces in a
fifth of the time: see `merges`. Either way the result is a model file of SentencePiece.

That needs four settings together: no normalisation, no dummy prefix, no removal of spaces, and byte fallback. Line
breaks and tabs are symbols of their own, so that no token spans two lines.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import sentencepiece

from gristmill._jit import jit
from gristmill.tokenizer.merges import learn
from gristmill.tokenizer.model_file import NORMAL, USER_DEFINED, ModelFile, rewritten, with_pieces
from gristmill.tokenizer.vocabulary import on_grid
from gristmill.tokenizer.words import Alphabet, distinct_words

UNKNOWN, END, PAD, MASK = "<unk>", "<|end|>", "<|pad|>", "<|mask|>"
RESERVED = tuple(f"<|reserved_{number}|>" for number in range(8))
SPECIAL_PIECES = (UNKNOWN, END, PAD, MASK, *RESERVED)
"""Special tokens, in the order of their ids. All are control symbols: no text can spell them."""

SYMBOLS = ("\n", "\n\n", "\t")
THREADS = 4
"""Fixed: the number is written into the model, and decides how unigram training adds its sums up."""

BYTES_PER_TOKEN = 64
"""Bytes of sample that each token of the vocabulary asks for.

By Zipf's law the rarest of V tokens occurs n / (V ln V) times in n tokens; with four bytes per token and V = 32768,
64 bytes per token of the vocabulary leave it one or two occurrences, below which a token is learnt by heart.
"""

MIN_VOCABULARY = 1000
_N_BYTES = 256
_BYTES_PER_CHARACTER = 4  # at most, in UTF-8
_CODE_POINTS = 0x110000
_SPACE_SYMBOL, _UNKNOWN_SYMBOL = 0x2581, 0x2585  # SentencePiece's own marks, which it cannot learn from
_BOUNDARY = ord("\t")  # SentencePiece's own mark of a place that no token spans


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

    Time and memory: 2.4 s and 110 MB beside the text for 31 MB of 28 languages (bpe, 32k tokens, two cores).

    Raises:
        ValueError: there is no text.
    """
    counts = _character_counts(pieces)
    n_bytes = int(counts @ _utf8_lengths())
    size = min(vocabulary_size, max(MIN_VOCABULARY, n_bytes // BYTES_PER_TOKEN))
    room = (size - len(SPECIAL_PIECES) - len(SYMBOLS) - _N_BYTES) // 2
    counts[[0, ord("\n"), ord("\t"), _SPACE_SYMBOL, _UNKNOWN_SYMBOL]] = 0  # never in tokens, or symbols of their own
    covered = _covered(counts, coverage=character_coverage, most=room)
    if len(covered) == 0:
        raise ValueError("no text to train a tokenizer on")
    try:
        data = (_merged if kind == "bpe" else _unigram)(pieces, covered, size)
    except RuntimeError as error:
        raise ValueError(f"SentencePiece could not train on {n_bytes:,} bytes of text: {error}") from error
    return Trained(
        model=data,
        vocabulary_size=sentencepiece.SentencePieceProcessor(model_proto=data).vocab_size(),
        characters=len(covered),
        coverage=float(counts[covered].sum() / counts.sum()),
    )


def _merged(pieces: Sequence[str], covered: npt.NDArray[np.int64], size: int) -> bytes:
    """A BPE model: SentencePiece's own of next to no text, with the pieces that our kernel learns.

    Raises:
        ValueError: there are more characters than tokens.
    """
    model = _trained(["a"], kind="bpe", size=size, longest=max(map(len, pieces)))
    file = ModelFile.parse(model)
    symbols = [piece for piece, kind in zip(file.pieces, file.types.tolist(), strict=True) if kind != NORMAL]
    alphabet = Alphabet.of(covered)
    words = distinct_words(pieces, alphabet=alphabet, symbols=symbols)
    counts = words.occurrences[1:]
    characters = [
        chr(point) for point in alphabet.points[np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]]
    ]
    room = size - len(symbols) - len(characters)
    if room < 0:
        raise ValueError(f"{len(characters):,} characters are too many for a vocabulary of {size:,} tokens")
    return with_pieces(model, [*learn(words, alphabet=alphabet, most=room), *characters])


def _unigram(pieces: Sequence[str], covered: npt.NDArray[np.int64], size: int) -> bytes:
    alphabet = np.full(_CODE_POINTS, _BOUNDARY, np.uint32)
    alphabet[covered] = covered
    alphabet[ord("\n")] = ord("\n")
    spelt = (_spelt(each, alphabet) for each in pieces)
    return _additive(_trained(spelt, kind="unigram", size=size, longest=max(map(len, pieces))))


def _trained(texts: Iterable[str], *, kind: str, size: int, longest: int) -> bytes:
    """What SentencePiece makes of texts; none is longer than so many characters.

    Raises:
        RuntimeError: it does not like them.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type=kind,
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,  # uncovered characters are no longer there
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        user_defined_symbols=list(SYMBOLS),
        unk_id=0,
        unk_piece=UNKNOWN,
        eos_id=1,
        eos_piece=END,
        pad_id=2,
        pad_piece=PAD,
        bos_id=-1,
        control_symbols=[MASK, *RESERVED],
        max_sentence_length=_BYTES_PER_CHARACTER * longest,  # longer ones would be left out
        num_threads=THREADS,
        minloglevel=2,
    )
    return model.getvalue()


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
    counts = np.zeros(_CODE_POINTS, np.int64)
    for piece in pieces:
        _count(_code_points(piece), counts)
    return counts


@jit
def _count(points: npt.NDArray[np.uint32], counts: npt.NDArray[np.int64]) -> None:
    for point in points:
        counts[point] += 1


def _utf8_lengths() -> npt.NDArray[np.int64]:
    points = np.arange(_CODE_POINTS)
    return 1 + (points >= 0x80).astype(np.int64) + (points >= 0x800) + (points >= 0x10000)


def _covered(counts: npt.NDArray[np.int64], *, coverage: float, most: int) -> npt.NDArray[np.int64]:
    """The commonest characters that make up a share of all, at most so many; equal counts by code point."""
    order = np.argsort(-counts, kind="stable")[: max(most, 1)]
    before = np.cumsum(counts[order]) - counts[order]
    return np.sort(order[(before < coverage * counts.sum()) & (counts[order] > 0)])


def _spelt(piece: str, alphabet: npt.NDArray[np.uint32]) -> str:
    """The piece with a boundary in place of every character that gets no token."""
    return alphabet[_code_points(piece)].tobytes().decode("utf-32-le")


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), "<u4")
