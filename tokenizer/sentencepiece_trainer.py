"""SentencePiece's own trainer, with the settings that a tokenizer needs to lose nothing.

That takes four together: no normalisation, no dummy prefix, no removal of spaces, and byte fallback. Line breaks and
tabs are symbols of their own, so that no token spans two lines.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import sentencepiece

from gristmill.tokenizer.code_points import CODE_POINTS, code_points

UNKNOWN, END, PAD, MASK = "<unk>", "<|end|>", "<|pad|>", "<|mask|>"
RESERVED = tuple(f"<|reserved_{number}|>" for number in range(8))
SPECIAL_PIECES = (UNKNOWN, END, PAD, MASK, *RESERVED)
"""Special tokens, in the order of their ids. All are control symbols: no text can spell them."""

SYMBOLS = ("\n", "\n\n", "\t")
THREADS = 4
"""Fixed: the number is written into the model, and decides how unigram training adds its sums up."""

_BYTES_PER_CHARACTER = 4  # at most, in UTF-8
_BOUNDARY = ord("\t")  # SentencePiece's own mark of a place that no token spans


def sentencepiece_model(
    texts: Iterable[str], *, kind: Literal["bpe", "unigram"], vocabulary_size: int, longest: int
) -> bytes:
    """The model file that SentencePiece makes of texts, all of whose characters get tokens.

    Args:
        vocabulary_size: tokens; there are fewer if it finds no more.
        longest: characters of a text, at most; it is written into the model.

    Raises:
        RuntimeError: there is no text, or too many characters for the vocabulary.
    """
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type=kind,
        vocab_size=vocabulary_size,
        hard_vocab_limit=False,
        character_coverage=1.0,
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


def with_boundaries(pieces: Sequence[str], *, covered: npt.NDArray[np.int64]) -> Iterator[str]:
    """Pieces of text with a boundary in place of every character that gets no token.

    Args:
        covered: code points of the characters that get one.
    """
    alphabet = np.full(CODE_POINTS, _BOUNDARY, np.uint32)
    alphabet[covered] = covered
    alphabet[ord("\n")] = ord("\n")
    for piece in pieces:
        yield alphabet[code_points(piece)].tobytes().decode("utf-32-le")
