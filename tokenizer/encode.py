"""Text to token ids and back, whatever tokenizer it is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.schemas import digest
from gristmill.tokenizer.huggingface import HuggingFaceModel, require_tokenizers
from gristmill.tokenizer.model import Kinds, Model
from gristmill.tokenizer.sentencepiece_model import SentencePieceModel

_ENCODED_AT_ONCE = 8 << 20
"""Bytes: what a processor's cache and the kernel's both like."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Ids of several texts, one after another.

    Attributes:
        ids: all of them.
        offsets: where each text's begin, and the end of the last.
    """

    ids: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A tokenizer, ready to encode. Nothing in it changes: threads may share it.

    Attributes:
        end_id: ends every document.
        pad_id: fills free slots of a sequence; `end_id` where the model has no padding token.
        vocabulary_size: ids are below it.
        fingerprint: names the model by its bytes.
    """

    end_id: int
    pad_id: int
    vocabulary_size: int
    fingerprint: str
    _model: Model = field(repr=False, compare=False)

    @classmethod
    def load(cls, model: bytes, *, end: str | None = None, pad: str | None = None, ends: bool = True) -> Self:
        """Read the bytes of a SentencePiece model, or of a tokenizer.json of Hugging Face.

        Args:
            end: the token that ends documents; by default the one that the model has for it.
            pad: the same for the token that fills free slots.
            ends: whether there must be a token that ends documents; `end_id` may be negative else.

        Raises:
            ImportError: it is a tokenizer.json, and the library `tokenizers` is not installed.
            ValueError: it is neither of the two, or has no token to end documents with, or none of these names.
        """
        found: Model = (HuggingFaceModel if is_huggingface(model) else SentencePieceModel).load(model)
        end_id = found.end_id if end is None else _named(found, end)
        if ends and end_id < 0:
            raise ValueError(
                "the model has no end-of-sentence token to end documents with; name one as tokenizer.end_token"
            )
        pad_id = found.pad_id if pad is None else _named(found, pad)
        return cls(
            end_id=end_id,
            pad_id=pad_id if pad_id >= 0 else end_id,
            vocabulary_size=found.size,
            fingerprint=digest(model),
            _model=found,
        )

    def encode(self, texts: pa.Array | pa.ChunkedArray, *, end: bool = False) -> Tokens:
        """Token ids of each text of a column of strings; a null is an empty text.

        With a model of our own the ids are SentencePiece's, and decoding gives the very text back. No special token is
        added but the end token, if asked for, and none can be spelt by a text.

        Time: about 40 MB/s on one core (bpe, 32k, many languages), whatever the length of the texts; models that
        normalise and tokenizer.json files take the time of their libraries. Memory: nine bytes for each byte of text at
        most, of 8 MB or the longest text.
        """
        ids, lengths = [np.empty(0, np.uint32)], [np.zeros(1, np.int64)]
        for data, offsets in _buffers(texts):
            for start, stop in _runs(offsets):
                found, ends = self._model.encode(data, offsets[start : stop + 1], end_id=self.end_id if end else -1)
                ids.append(found)
                lengths.append(np.diff(ends))
        return Tokens(ids=np.concatenate(ids), offsets=np.cumsum(np.concatenate(lengths)))

    def encode_batch(self, texts: Sequence[str]) -> list[npt.NDArray[np.uint32]]:
        """The same of strings, one array for each."""
        found = self.encode(pa.array(texts, pa.large_string()))
        return np.split(found.ids, found.offsets[1:-1]) if len(texts) else []

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some token ids; special tokens have none."""
        return self._model.decode([int(each) for each in ids])

    @cached_property
    def kinds(self) -> Kinds:
        """What the ids spell."""
        return self._model.kinds()


def is_huggingface(model: bytes) -> bool:
    """Whether these bytes are a tokenizer.json, and no SentencePiece model."""
    return model.lstrip()[:1] == b"{"


def libraries_of(path: str) -> tuple[str, ...]:
    """The libraries whose version determines what a tokenizer's ids are.

    Raises:
        ImportError: it is a tokenizer.json, and its library is not installed.
    """
    if not path.endswith(".json"):
        return ("sentencepiece",)
    require_tokenizers()
    return ("tokenizers",)


def _named(model: Model, token: str) -> int:
    found = model.id_of(token)
    if found is None:
        raise ValueError(f"the tokenizer has no token {token!r}")
    return found


def _buffers(texts: pa.Array | pa.ChunkedArray) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]:
    """UTF-8 and offsets of each chunk of a column, without a copy of the text."""
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        strings = pc.fill_null(chunk.cast(pa.large_string()), "")
        _, offsets, data = strings.buffers()
        yield (
            np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8),
            np.frombuffer(offsets, np.int64)[strings.offset : strings.offset + len(strings) + 1]
            if len(strings)
            else np.zeros(1, np.int64),
        )


def _runs(offsets: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Runs of texts of some MB."""
    start = 0
    while start < len(offsets) - 1:
        stop = int(np.searchsorted(offsets, offsets[start] + _ENCODED_AT_ONCE, side="right")) - 1
        stop = max(stop, start + 1)
        yield start, stop
        start = stop
