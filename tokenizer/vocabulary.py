"""A model's pieces as tables for the kernel: which characters join, which pairs merge, which pieces begin how."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.tokenizer.kernel import (
    ASCII_PAIRS,
    FACTOR,
    FROZEN,
    JOIN_BITS,
    JOIN_SHIFT,
    Int64s,
    UInt64s,
    Vocabulary,
    hash_table,
)
from gristmill.tokenizer.model_file import BYTE, NORMAL, SPACE_SYMBOL, UNUSED, USER_DEFINED, ModelFile

GRID = 128
"""Scores of a unigram model that are multiples of 1 / GRID add up exactly, in whatever order: see `on_grid`."""

LARGEST_SCORE = 1 << 12
_BLOCKS = (1 << 21) >> 8
_LONGEST_SYMBOL = 64
"""Characters: SentencePiece compares no more than the 64 shortest user-defined symbols that a text begins with."""

_UNKNOWN_PENALTY = 10


class Compiled(NamedTuple):
    """A model file, ready for the kernel.

    `vocabulary` is None if SentencePiece itself has to encode with it. That is so for all that changes the text before
    it is cut into pieces (normalisation, removal of spaces), for characters that are lost rather than spelt in bytes,
    for unigram scores off the grid, and for what hardly occurs.
    """

    vocabulary: Vocabulary | None
    prefix: bool
    """Whether a space is put before each text."""


@lru_cache(maxsize=2)
def compile_model(model: bytes) -> Compiled:
    """Tables for a model file, and the same object for the same bytes.

    Time: 0.2 s for 32k pieces, 1.5 s for 256k. Memory: 4 to 40 MB.

    Raises:
        ValueError: it is no model file.
    """
    file = ModelFile.parse(model)
    return Compiled(_compile(file) if is_plain(file) else None, file.dummy_prefix)


def on_grid(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores rounded to multiples of 1 / GRID.

    SentencePiece adds scores up in 32-bit floats along a text, so that, deep in a long one, rounding decides between
    segmentations that are nearly alike, and the ids of a word depend on how much text is before it. Multiples of 1/128
    add up without rounding up to 131,072; SentencePiece starts again from 0 beyond 100,000.
    """
    return (np.rint(scores.astype(np.float64) * GRID) / GRID).astype(np.float32)


def is_plain(file: ModelFile) -> bool:
    """Whether the kernel can encode with a model."""
    usable = [piece for piece, kind in zip(file.pieces, file.types.tolist(), strict=True) if kind in _USABLE]
    symbols = [piece for piece, kind in zip(file.pieces, file.types.tolist(), strict=True) if kind == USER_DEFINED]
    return (
        file.kind in ("bpe", "unigram")
        and file.as_it_is
        and file.byte_fallback
        and not (file.types == UNUSED).any()
        and not any(" " in piece for piece in usable)
        and all(len(symbol) <= _LONGEST_SYMBOL for symbol in symbols)
        and (file.kind == "bpe" or (not symbols and _adds_up(file.scores)))
    )


_USABLE = (NORMAL, USER_DEFINED)


def _adds_up(scores: npt.NDArray[np.float32]) -> bool:
    return bool((np.abs(scores) < LARGEST_SCORE).all() and (on_grid(scores) == scores).all())


def _compile(file: ModelFile) -> Vocabulary:
    is_bpe = file.kind == "bpe"
    types = file.types.tolist()
    pieces = {
        piece.replace(SPACE_SYMBOL, " "): number for number, piece in enumerate(file.pieces) if types[number] in _USABLE
    }
    bytes_by_name = {piece: number for number, piece in enumerate(file.pieces) if types[number] == BYTE}
    user_defined = {piece: number for piece, number in pieces.items() if types[number] == USER_DEFINED}
    letters = {letter: number for number, letter in enumerate(sorted(set("".join(pieces))), 1)}
    symbols = {letter: pieces.get(letter, len(types) + number) for letter, number in letters.items()}
    begins = {piece[0] for piece in user_defined}
    return Vocabulary(
        is_bpe=is_bpe,
        size=len(types),
        letters=_letters(letters),
        joins=_joins(pieces, letters),
        symbols=np.array([-1, *(symbols[each] + (each in begins) * FROZEN for each in letters)], np.int64),
        pairs=_pairs(pieces, symbols, ranks=ranks_of(file.scores).tolist()) if is_bpe else hash_table([], []),
        trie=_trie(user_defined if is_bpe else pieces, letters),
        scores=np.zeros(1, np.int64) if is_bpe else _grid_scores(file),
        byte_ids=np.array([bytes_by_name[f"<0x{byte:02X}>"] for byte in range(256)], np.int32),
    )


def _letters(letters: Mapping[str, int]) -> npt.NDArray[np.int32]:
    used = sorted({ord(letter) >> 8 for letter in letters})
    table = np.zeros(_BLOCKS + ((1 + len(used)) << 8), np.int32)
    table[:_BLOCKS] = _BLOCKS  # a block without any letters
    table[used] = _BLOCKS + (np.arange(1, len(used) + 1) << 8)
    for letter, number in letters.items():
        table[table[ord(letter) >> 8] + (ord(letter) & 0xFF)] = number
    return table


def _joins(pieces: Iterable[str], letters: Mapping[str, int]) -> UInt64s:
    bigrams = sorted({piece[at : at + 2] for piece in pieces for at in range(len(piece) - 1)})
    ascii_bits = [ord(each[0]) << 7 | ord(each[1]) for each in bigrams if each.isascii()]
    keys = np.array([letters[each[0]] << 32 | letters[each[1]] for each in bigrams if not each.isascii()], np.uint64)
    bits = np.concatenate([np.array(ascii_bits, np.uint64), ASCII_PAIRS + ((keys * FACTOR) >> JOIN_SHIFT)])
    table = np.zeros((int(ASCII_PAIRS) + (1 << JOIN_BITS)) // 64, np.uint64)
    np.bitwise_or.at(table, (bits // 64).astype(np.int64), np.uint64(1) << (bits % 64))
    return table


def ranks_of(scores: npt.NDArray[np.float32]) -> Int64s:
    """Place of each score, from the highest; the order is SentencePiece's, which sets -0 below 0."""
    bits = scores.view(np.int32).astype(np.int64)
    order = np.where(bits < 0, -(bits & 0x7FFFFFFF) - 1, bits)
    return np.unique(-order, return_inverse=True)[1].astype(np.int64)


def pairs_of(pieces: Mapping[str, int], symbols: Mapping[str, int]) -> Iterator[tuple[int, int, int]]:
    """Left symbol, right symbol and piece, of all pairs of symbols whose texts, put together, are a piece."""
    for piece, number in pieces.items():
        for at in range(1, len(piece)):
            left, right = symbols.get(piece[:at]), symbols.get(piece[at:])
            if left is not None and right is not None:
                yield left, right, number


def _pairs(pieces: Mapping[str, int], symbols: Mapping[str, int], *, ranks: Sequence[int]) -> UInt64s:
    keys, values = [], []
    for left, right, number in pairs_of(pieces, {**symbols, **pieces}):
        keys.append(left << 32 | right)
        values.append(ranks[number] << 32 | number)
    return hash_table(keys, values)


def _trie(pieces: Mapping[str, int], letters: Mapping[str, int]) -> UInt64s:
    nodes: dict[int, int] = {}
    ends: dict[int, int] = {}
    for piece, number in pieces.items():
        node = key = 0
        for letter in piece:
            key = node << 32 | letters[letter]
            node = nodes.setdefault(key, len(nodes) + 1)
        ends[key] = number + 1
    return hash_table(list(nodes), [ends.get(key, 0) << 32 | node for key, node in nodes.items()])


def _grid_scores(file: ModelFile) -> Int64s:
    scores = np.rint(file.scores.astype(np.float64) * GRID).astype(np.int64)
    normal = scores[file.types == NORMAL]
    least = int(normal.min()) if len(normal) else 0
    return np.append(scores, least - _UNKNOWN_PENALTY * GRID)
