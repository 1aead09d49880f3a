"""SentencePiece models: encoded by our kernel, or, where a model changes the text first, by SentencePiece itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt
import sentencepiece

from gristmill.tokenizer import kernel
from gristmill.tokenizer.model import Ids, Kinds, joined
from gristmill.tokenizer.vocabulary import Compiled, compile_model

LONGEST_TEXT = 1 << 20
"""Characters that are given to SentencePiece at once: it takes some 100 bytes of memory for each."""

_CUT_WINDOW = 1 << 10


@dataclass(frozen=True, kw_only=True)
class SentencePieceModel:
    """A SentencePiece model. `end_id` and `pad_id` are negative where it has no such token."""

    size: int
    end_id: int
    pad_id: int
    _processor: sentencepiece.SentencePieceProcessor = field(repr=False, compare=False)
    _compiled: Compiled = field(repr=False, compare=False)

    @classmethod
    def load(cls, model: bytes) -> Self:
        """Read a model file's bytes.

        Raises:
            ValueError: they are no SentencePiece model.
        """
        processor = sentencepiece.SentencePieceProcessor()
        try:
            compiled = compile_model(model)
            processor.LoadFromSerializedProto(model)
            size = processor.vocab_size()
        except (RuntimeError, ValueError) as error:
            raise ValueError(f"not a SentencePiece model: {error}") from error
        if size == 0:
            raise ValueError("not a SentencePiece model: it has no pieces")
        return cls(
            size=size,
            end_id=processor.eos_id(),
            pad_id=processor.pad_id(),
            _processor=processor,
            _compiled=compiled,
        )

    def encode(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], *, end_id: int) -> Ids:
        vocabulary, prefix = self._compiled
        if vocabulary is not None:
            return kernel.encode(data, offsets, vocabulary, prefix=prefix, end_id=end_id)
        texts = [data[start:end].tobytes().decode() for start, end in pairwise(offsets)]
        return joined([self._encode_text(text) for text in texts], end_id=end_id)

    def _encode_text(self, text: str) -> npt.NDArray[np.uint32]:
        found = self._processor.encode_as_numpy(list(_cut(text, prefix=self._compiled.prefix)), num_threads=1)
        return np.concatenate([np.empty(0, np.uint32), *found], dtype=np.uint32, casting="unsafe")

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._processor.decode(ids)
        return text

    def id_of(self, token: str) -> int | None:
        found: int = self._processor.piece_to_id(token)
        return found if self._processor.id_to_piece(found) == token else None

    def kinds(self) -> Kinds:
        names = [self._processor.id_to_piece(each) for each in range(self.size)]
        byte = np.array([self._processor.is_byte(each) for each in range(self.size)], np.bool_)
        values = np.array([int(name[3:5], 16) if is_byte else 0x80 for name, is_byte in zip(names, byte, strict=True)])
        unknown = np.array([self._processor.is_unknown(each) for each in range(self.size)], np.bool_)
        return Kinds(byte=byte, begins_spelt=(values & 0xC0) != 0x80, unknown=unknown)


def _cut(text: str, *, prefix: bool) -> Iterator[str]:
    """The text, in parts before spaces if it is very long.

    A model that puts a space before each text gets the parts without theirs.
    """
    start = 0
    while len(text) - start > LONGEST_TEXT:
        nominal = start + LONGEST_TEXT
        space = text.rfind(" ", nominal - _CUT_WINDOW, nominal)
        end = space if space > start else nominal
        yield text[start:end]
        start = end + (prefix and end == space)
    if start < len(text):
        yield text[start:]
