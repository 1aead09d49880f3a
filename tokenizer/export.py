"""A SentencePiece model as a tokenizer.json, which gives the same ids in Hugging Face's `tokenizers`.

Spaces stay spaces: no normaliser puts U+2581 in their place, so that a U+2581 of the text is spelt in bytes, as our
`Encoder` does. What else is to be the same:

- BPE there has a list of merges, of which the first comes first. SentencePiece has scores of pieces, and merges any two
  symbols that make one up. So all pairs are listed, by score.
- The unigram model there would find the names of special tokens and bytes, such as `<0x0A>`, in text. Text is split
  behind the first character of such a name; no piece reaches across, or there is no export.
- Scores are 64-bit floats there. Those of our own models are multiples of 1/128, which add up to the same everywhere.
"""

import json
import re
from typing import Any

import numpy as np

from gristmill.tokenizer.model_file import BYTE, CONTROL, SPACE_SYMBOL, UNKNOWN, USER_DEFINED, ModelFile
from gristmill.tokenizer.vocabulary import is_plain, pairs_of, ranks_of

_NAMED = (BYTE, CONTROL, UNKNOWN)


def to_huggingface(model: bytes) -> bytes | None:
    """The tokenizer.json of a SentencePiece model file, or None if there is none that gives the same ids.

    There is none for models that normalise text, lose characters, or put a space before each text but have symbols of
    their own. Text must be encoded with `encode_special_tokens` (in transformers: `split_special_tokens`), or it can
    spell special tokens.

    Time: 0.3 s for 32k pieces.
    """
    file = ModelFile.parse(model)
    if not is_plain(file) or (file.dummy_prefix and USER_DEFINED in file.types):
        return None
    pieces = [piece.replace(SPACE_SYMBOL, " ") for piece in file.pieces]
    types = file.types.tolist()
    splits: list[dict[str, Any]] = []
    usable = [piece for piece, kind in zip(pieces, types, strict=True) if kind not in _NAMED]
    if not any(re.search("[^ ] ", piece) for piece in usable):
        splits.append(_split(" +[^ ]*|[^ ]+"))  # for speed: words are then remembered
    if file.kind == "unigram":
        names = [piece for piece, kind in zip(pieces, types, strict=True) if kind in _NAMED]
        if any(len(name) < 2 or _may_reach_into(name, usable) for name in names):
            return None
        splits.append(_split("|".join(sorted({_first_of(name) for name in names}))))
    prefix = file.dummy_prefix
    value = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(pieces, types),
        "normalizer": {"type": "Prepend", "prepend": " "} if prefix else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splits} if splits else None,
        "post_processor": None,
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                *([{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if prefix else []),
            ],
        },
        "model": _bpe(file, pieces) if file.kind == "bpe" else _unigram(file, pieces),
    }
    return json.dumps(value, ensure_ascii=False).encode()


def _first_of(name: str) -> str:
    """A pattern for the first character of a name where the rest of it follows; the bytes share one."""
    rest = "0x[0-9A-F]{2}>" if re.fullmatch("<0x[0-9A-F]{2}>", name) else re.escape(name[1:])
    return f"{re.escape(name[0])}(?={rest})"


def _may_reach_into(name: str, pieces: list[str]) -> bool:
    """Whether a piece, in a text that has the name, can contain both its first character and the second."""
    return any(
        name[:length] == piece[-length:] or name in piece
        for piece in pieces
        if name[:2] in piece
        for length in range(2, len(name) + 1)
    )


def _added(pieces: list[str], types: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "id": number,
            "content": piece,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind != USER_DEFINED,
        }
        for number, (piece, kind) in enumerate(zip(pieces, types, strict=True))
        if kind in (CONTROL, UNKNOWN, USER_DEFINED)
    ]


def _split(pattern: str) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}


def _bpe(file: ModelFile, pieces: list[str]) -> dict[str, Any]:
    ranks = ranks_of(file.scores)
    usable = {piece: number for number, piece in enumerate(pieces) if file.types[number] not in _NAMED}
    # Of the pairs of one piece, the one with the longest left part first: merging goes from left to right.
    merges = sorted(pairs_of(usable, usable), key=lambda each: (ranks[each[2]], -len(pieces[each[0]])))
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": True,
        "ignore_merges": False,
        "vocab": {piece: number for number, piece in enumerate(pieces)},
        "merges": [[pieces[left], pieces[right]] for left, right, _ in merges],
    }


def _unigram(file: ModelFile, pieces: list[str]) -> dict[str, Any]:
    scores = np.where(np.isin(file.types, _NAMED), 0.0, file.scores.astype(np.float64)).tolist()
    unknown = np.flatnonzero(file.types == UNKNOWN)
    return {
        "type": "Unigram",
        "unk_id": int(unknown[0]) if len(unknown) else None,
        "byte_fallback": True,
        "vocab": [[piece, score] for piece, score in zip(pieces, scores, strict=True)],
    }
