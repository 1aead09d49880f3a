"""The manifest: what shards there are, what is in them, and how to tell that a file is the one that is meant."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Self

import xxhash

FORMAT = 2
"""Version of shards and manifest that this package reads."""

_NUMBERS = ("sequence_length", "vocabulary_size", "end_id", "pad_id", "row_group_sequences", "seed")
_NAMES = ("tokenizer", "recipe")
_COUNTS = ("sequences", "tokens", "documents")
_TOTALS = ("shards", *_COUNTS, "text_bytes")


class ManifestError(ValueError):
    """There are no shards that can be trained on, or one is not what the manifest says; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard file: where it is, and how much is in it.

    Attributes:
        path: below the folder of the manifest.
        shard: its number, which stands in its footer too.
        packed: names what was packed into it: which tokens of which documents stood where.
        checksum: XXH3-128 of the file.
    """

    path: str
    shard: int
    sequences: int
    tokens: int
    documents: int
    packed: int
    bytes: int
    checksum: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What there is to train on.

    Attributes:
        tokenizer: checksum of the tokenizer's file.
        recipe: names what the recipe said of tokenizer, mixture and packing.
        token_type: uint16 or uint32.
        row_group_sequences: sequences of each row group of a shard but its last.
        totals: shards, sequences, tokens, documents and bytes of text.
    """

    sequence_length: int
    vocabulary_size: int
    end_id: int
    pad_id: int
    row_group_sequences: int
    seed: int
    tokenizer: str
    recipe: str
    token_type: str
    shards: tuple[Shard, ...]
    totals: Mapping[str, int]

    @property
    def identity(self) -> str:
        """Names what was packed into which sequence, in what files of input it ever lay.

        Documents that are removed later leave it as it is: no sequence changes its place.
        """
        how = [getattr(self, each) for each in (*_NAMES, *_NUMBERS)]
        return xxhash.xxh3_128_hexdigest(json.dumps([how, [each.packed for each in self.shards]]).encode())

    @classmethod
    def parse(cls, data: bytes, *, name: str) -> Self:
        """Read a manifest's bytes; `name` is for messages.

        Raises:
            ManifestError: it is damaged, its format is another, or it contradicts itself.
        """
        try:
            value = _of_our_format(json.loads(data))
            found = cls(
                **{each: int(value[each]) for each in _NUMBERS},
                tokenizer=str(value["tokenizer"]),
                recipe=str(value["recipe"]),
                token_type=str(value["token_type"]),
                shards=tuple(_shard(each) for each in value["shards"]),
                totals={each: int(value["totals"][each]) for each in _TOTALS},
            )
        except ManifestError as error:
            raise ManifestError(f"{name}: {error}") from None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ManifestError(f"{name}: damaged manifest ({type(error).__name__}: {error})") from error
        if fault := found._fault():
            raise ManifestError(f"{name}: damaged manifest ({fault})")
        return found

    def footer(self, shard: Shard) -> dict[str, str]:
        """What the footer of a shard has to say."""
        whole = {each: getattr(self, each) for each in (*_NUMBERS, *_NAMES)}
        own = {each: getattr(shard, each) for each in ("shard", *_COUNTS, "packed")}
        return {each: str(said) for each, said in ({"format": FORMAT} | whole | own).items()}

    def _fault(self) -> str | None:
        if self.sequence_length < 2 or self.row_group_sequences < 1 or any(each.sequences < 1 for each in self.shards):
            return "a length is not positive"
        if not all(0 <= each < self.vocabulary_size for each in (self.end_id, self.pad_id)):
            return "a token id is not in the vocabulary"
        if self.token_type not in ("uint16", "uint32"):
            return f"token_type is {self.token_type!r}"
        for each in _COUNTS:
            if sum(getattr(shard, each) for shard in self.shards) != self.totals[each]:
                return f"the shards' {each} do not add up to its total"
        if len({shard.path for shard in self.shards}) < len(self.shards):
            return "a shard is listed twice"
        return None


def _of_our_format(value: Any) -> Any:
    if value["format"] != FORMAT:
        raise ManifestError(f"format {value['format']!r}, but this version reads {FORMAT}")
    return value


def _shard(value: Mapping[str, Any]) -> Shard:
    path = PurePosixPath(value["path"])
    if path.is_absolute() or ".." in path.parts:
        raise ManifestError(f"shard {str(path)!r} lies outside of the folder of shards")
    numbers = {each: int(value[each]) for each in ("shard", *_COUNTS, "packed", "bytes")}
    return Shard(path=str(path), checksum=str(value["checksum"]), **numbers)
