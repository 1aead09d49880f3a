"""Tokenizers of Hugging Face's library, from a tokenizer.json. The library is an extra: `gristmill[huggingface]`."""

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from gristmill.tokenizer.model import Ids, Kinds, joined

if TYPE_CHECKING:
    from tokenizers import Tokenizer

END_TOKENS = ("<|end|>", "<|endoftext|>", "<|end_of_text|>", "<|end▁of▁sentence|>", "</s>", "<eos>", "[EOS]", "[SEP]")
PAD_TOKENS = ("<|pad|>", "<pad>", "[PAD]", "<|padding|>", "<|endoftext|>", "<|finetune_right_pad_id|>")
"""What models call these tokens, of which a tokenizer.json says nothing; the first that is special is taken."""


def require_tokenizers() -> None:
    """Raises ImportError, with what to do, if the library is not installed."""
    if importlib.util.find_spec("tokenizers") is None:
        raise ImportError("a tokenizer.json needs one more library: pip install gristmill[huggingface]")


@dataclass(frozen=True, kw_only=True)
class HuggingFaceModel:
    """A tokenizer.json. `end_id` and `pad_id` are negative where it has no such token."""

    size: int
    end_id: int
    pad_id: int
    _tokenizer: "Tokenizer" = field(repr=False, compare=False)
    _byte_level: bool
    _unknown: int

    @classmethod
    def load(cls, data: bytes) -> Self:
        """Read the file's bytes.

        Raises:
            ImportError: the library is not installed.
            ValueError: they are no tokenizer.json.
        """
        require_tokenizers()
        from tokenizers import Tokenizer  # noqa: PLC0415  (an extra)

        try:
            tokenizer = Tokenizer.from_str(data.decode())
        except Exception as error:  # the library raises no narrower one
            raise ValueError(f"not a tokenizer.json: {error}") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # as plain text: no text can spell a special token
        added = tokenizer.get_added_tokens_decoder()
        file = json.loads(data)
        special = {each.content: number for number, each in added.items() if each.special}
        return cls(
            size=1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1),
            end_id=next((special[name] for name in END_TOKENS if name in special), -1),
            pad_id=next((special[name] for name in PAD_TOKENS if name in special), -1),
            _tokenizer=tokenizer,
            _byte_level=_mentions(file, "ByteLevel"),
            _unknown=_unknown(file["model"], tokenizer),
        )

    def encode(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], *, end_id: int) -> Ids:
        """Ids of texts. The library uses as many threads as it likes."""
        texts = [data[start:end].tobytes().decode() for start, end in pairwise(offsets)]
        found = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return joined([np.array(each.ids, np.uint32) for each in found], end_id=end_id)

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(ids), skip_special_tokens=True)

    def id_of(self, token: str) -> int | None:
        return self._tokenizer.token_to_id(token)

    def kinds(self) -> Kinds:
        spelt = [self._spelt(self._tokenizer.id_to_token(each)) for each in range(self.size)]
        return Kinds(
            byte=np.array([each is not None for each in spelt], np.bool_),
            begins_spelt=np.array([each is not None and _begins(each) for each in spelt], np.bool_),
            unknown=np.arange(self.size) == self._unknown,
        )

    def _spelt(self, token: str | None) -> bytes | None:
        """The bytes of a token that is part of a character: `<0x..>`, or what is no text in a byte-level vocabulary."""
        if token is None:
            return None
        if not self._byte_level:
            return bytes([int(token[3:5], 16)]) if _BYTE_TOKEN.fullmatch(token) else None
        if not _BYTES.keys() >= set(token):  # an added token, which is written as it is
            return None
        data = bytes(_BYTES[letter] for letter in token)
        try:
            data.decode()
        except UnicodeDecodeError:
            return data
        return None


def _begins(data: bytes) -> bool:
    """Whether a character begins in these bytes that goes on behind them, or all of it is one byte token."""
    return any(
        byte >= 0xC0 and len(data) - at < 2 + (byte >= 0xE0) + (byte >= 0xF0) for at, byte in enumerate(data)
    ) or (len(data) == 1 and data[0] < 0x80)


def _unknown(model: dict[str, Any], tokenizer: "Tokenizer") -> int:
    """The id of what a model does not know, or -1: unigram models say the id, all others the token."""
    token = model.get("unk_token")
    number = model.get("unk_id") if token is None else tokenizer.token_to_id(token)
    return -1 if number is None else int(number)


def _mentions(value: Any, kind: str) -> bool:
    """Whether a part of a tokenizer.json is of this type."""
    if isinstance(value, dict):
        return value.get("type") == kind or any(
            _mentions(part, kind) for name, part in value.items() if name not in ("vocab", "merges", "added_tokens")
        )
    return isinstance(value, list) and any(_mentions(each, kind) for each in value)


def _byte_letters() -> dict[str, int]:
    """GPT-2's letters for bytes: printable ones stand for themselves, the others for U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + at): byte for at, byte in enumerate(others)}


_BYTES = _byte_letters()
_BYTE_TOKEN = re.compile("<0x[0-9A-F]{2}>")
