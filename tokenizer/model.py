"""What a tokenizer's model does, whatever library it comes from."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Ids = tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]
"""Ids of several texts, one after another; and where each text's begin, with the end of the last."""


class Kinds(NamedTuple):
    """What the ids of a vocabulary spell, for statistics. For each id:"""

    byte: npt.NDArray[np.bool_]
    """whether it spells a byte, or several that are no text by themselves: a part of a character;"""
    begins_spelt: npt.NDArray[np.bool_]
    """whether a character begins in it that is spelt in several such, or by one byte token;"""
    unknown: npt.NDArray[np.bool_]
    """whether it stands for text that is lost."""


class Model(Protocol):
    """A model. `end_id` and `pad_id` are negative where it has no such token; all ids are below `size`."""

    @property
    def size(self) -> int: ...
    @property
    def end_id(self) -> int: ...
    @property
    def pad_id(self) -> int: ...
    def encode(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], *, end_id: int) -> Ids:
        """Ids of texts, given as UTF-8 and offsets; each with `end_id` behind it, if that is not negative."""

    def decode(self, ids: Sequence[int]) -> str: ...
    def id_of(self, token: str) -> int | None: ...
    def kinds(self) -> Kinds: ...


def joined(texts: Sequence[npt.NDArray[np.uint32]], *, end_id: int) -> Ids:
    """Ids of several texts put together, each with `end_id` behind it, if that is not negative."""
    end = np.array([end_id] if end_id >= 0 else [], np.uint32)
    parts = [part for text in texts for part in (text, end)]
    lengths = np.array([len(text) + len(end) for text in texts], np.int64)
    return np.concatenate([end[:0], *parts]), np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
