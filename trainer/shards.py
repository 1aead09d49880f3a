"""Reading shards: by index in constant time, or in an endless seeded order that can be resumed at any place."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

FORMAT = 1
"""Version of shards and manifest that this module reads."""

_PLACES = ("manifest.json", "shards/manifest.json")
_CHUNK = 1 << 20


class ManifestError(ValueError):
    """The folder holds no shards that can be trained on; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A shard file: where it is, and how much is in it."""

    path: Path
    sequences: int
    tokens: int
    bytes: int
    checksum: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What there is to train on.

    Attributes:
        tokenizer: fingerprint of the tokenizer model.
        row_group_sequences: sequences of each row group of a shard but its last.
        totals: shards, sequences, tokens, documents and bytes of text.
    """

    sequence_length: int
    vocabulary_size: int
    end_id: int
    pad_id: int
    tokenizer: str
    row_group_sequences: int
    shards: tuple[Shard, ...]
    totals: Mapping[str, int]

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """Read the manifest of an output folder, or of the `shards` folder in it.

        Raises:
            ManifestError: there is none, it is damaged, or its format is another.
        """
        path = next((path for path in (Path(folder) / each for each in _PLACES) if path.is_file()), None)
        if path is None:
            raise ManifestError(f"{folder}: no manifest of shards here; make one with `gristmill run`")
        try:
            value = json.loads(path.read_bytes())
            if value["format"] != FORMAT:
                raise ManifestError(f"{path}: format {value['format']!r}, but this version reads {FORMAT}")
            found = cls(
                **{name: int(value[name]) for name in _NUMBERS},
                tokenizer=str(value["tokenizer"]),
                shards=tuple(_shard(each, root=path.parent) for each in value["shards"]),
                totals={name: int(each) for name, each in value["totals"].items()},
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, ManifestError):
                raise
            raise ManifestError(f"{path}: damaged manifest ({type(error).__name__}: {error})") from error
        if found.sequence_length < 2 or found.row_group_sequences < 1:
            raise ManifestError(f"{path}: damaged manifest (a length is not positive)")
        return found


_NUMBERS = ("sequence_length", "vocabulary_size", "end_id", "pad_id", "row_group_sequences")


def _shard(value: Mapping[str, Any], *, root: Path) -> Shard:
    path = PurePosixPath(value["path"])
    if path.is_absolute() or ".." in path.parts:
        raise ManifestError(f"shard {str(path)!r} lies outside of the folder of shards")
    return Shard(
        path=root / path,
        sequences=int(value["sequences"]),
        tokens=int(value["tokens"]),
        bytes=int(value["bytes"]),
        checksum=str(value["checksum"]),
    )


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some training sequences. B: sequences, L: tokens of each.

    Attributes:
        tokens: (B, L) token ids, uint16 or uint32; free slots at the end hold padding.
        doc_lens: for each sequence, the tokens of each piece of a document in it.
    """

    tokens: npt.NDArray[Any]
    doc_lens: tuple[npt.NDArray[np.int32], ...]

    def documents(self) -> npt.NDArray[np.int32]:
        """(B, L) number of the piece that each token belongs to, from 0 in each sequence; -1 for padding."""
        found = np.full(self.tokens.shape, -1, np.int32)
        for row, lengths in zip(found, self.doc_lens, strict=True):
            row[: lengths.sum()] = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        return found

    def positions(self) -> npt.NDArray[np.int32]:
        """(B, L) place of each token in its piece, from 0; padding counts on from 0."""
        length = self.tokens.shape[1]
        found = np.empty(self.tokens.shape, np.int32)
        for row, lengths in zip(found, self.doc_lens, strict=True):
            all_of_them = np.append(lengths, length - lengths.sum())
            row[:] = np.arange(length) - np.repeat(np.cumsum(all_of_them) - all_of_them, all_of_them)
        return found

    def cu_seqlens(self) -> npt.NDArray[np.int32]:
        """Bounds of all pieces in the flattened tokens, as variable-length attention kernels take them; padding at the
        end of a sequence counts as a piece."""
        length = self.tokens.shape[1]
        padded = [np.append(each, length - each.sum()) for each in self.doc_lens]
        lengths = np.concatenate([np.empty(0, np.int64), *padded])
        return np.concatenate([[0], np.cumsum(lengths[lengths > 0])]).astype(np.int32)


class ShardReader:
    """Training sequences of a folder of shards, by index: 0 to len(reader) - 1, in the order of the shards.

    Holds one row group in memory.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        size = manifest.row_group_sequences
        groups = [
            (number, group, min(size, shard.sequences - group * size))
            for number, shard in enumerate(manifest.shards)
            for group in range(-(-shard.sequences // size))
        ]
        self._groups = np.array(groups, np.int64).reshape(-1, 3)
        self._starts = np.concatenate([[0], np.cumsum(self._groups[:, 2])])
        self._held: tuple[int, Batch] | None = None

    @classmethod
    def open(cls, folder: str | Path, *, verify: bool = False) -> Self:
        """Open the shards of an output folder, or of the `shards` folder in it.

        Args:
            verify: read all shards, and compare their checksums; otherwise only sizes are compared.

        Raises:
            ManifestError: there is no manifest, or a shard is missing or not what the manifest says.
        """
        manifest = Manifest.read(folder)
        for shard in manifest.shards:
            size = shard.path.stat().st_size if shard.path.is_file() else -1
            if size < 0:
                raise ManifestError(f"{shard.path}: missing, but listed in the manifest; run `gristmill run` again")
            if size != shard.bytes or (verify and _checksum(shard.path) != shard.checksum):
                raise ManifestError(f"{shard.path}: damaged: not what the manifest says; run `gristmill run` again")
        return cls(manifest)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> Batch:
        """The sequences of some indices. Cost: a row group for each change of row group between neighbours.

        Raises:
            IndexError: there is no such sequence.
        """
        tokens, doc_lens = [], []
        for index in indices:
            if not 0 <= index < len(self):
                raise IndexError(f"sequence {index} of {len(self)}")
            group = int(np.searchsorted(self._starts, index, side="right")) - 1
            held, row = self._group(group), int(index - self._starts[group])
            tokens.append(held.tokens[row])
            doc_lens.append(held.doc_lens[row])
        return Batch(tokens=np.stack(tokens), doc_lens=tuple(doc_lens))

    def indices(self, *, seed: int, start: int = 0) -> Iterator[int]:
        """An endless order of indices, from its place `start` on: every epoch has each once, and its own permutation.

        Row groups are permuted, and sequences within each. The shards are shuffled throughout already, so that this is
        as good as any order, and every row group is read once an epoch. Time to start: O(row groups).

        Raises:
            ManifestError: there are no sequences.
        """
        if len(self) == 0:
            raise ManifestError("the shards hold no sequence to train on")
        epoch, skip = divmod(start, len(self))
        while True:
            for group in np.random.default_rng([seed, epoch]).permutation(len(self._groups)):
                rows = int(self._groups[group, 2])
                if skip >= rows:
                    skip -= rows
                    continue
                order = np.random.default_rng([seed, epoch, int(group)]).permutation(rows)[skip:]
                yield from (self._starts[group] + order).tolist()
                skip = 0
            epoch += 1

    def batches(self, size: int, *, seed: int, start: int = 0, rank: int = 0, ranks: int = 1) -> Iterator[Batch]:
        """Endless batches of `size` sequences, from place `start` of the seeded order on.

        Of every `size * ranks` sequences of the order each rank takes its own `size`.
        """
        order = self.indices(seed=seed, start=start)
        while True:
            together = [next(order) for _ in range(size * ranks)]
            yield self.read(together[rank * size : (rank + 1) * size])

    def _group(self, number: int) -> Batch:
        if self._held is None or self._held[0] != number:
            shard, group, _ = self._groups[number].tolist()
            self._held = number, _read_group(self.manifest.shards[shard].path, group)
        return self._held[1]


def _read_group(path: Path, group: int) -> Batch:
    with pq.ParquetFile(path) as parquet:
        table = parquet.read_row_group(group, columns=["tokens", "doc_lens"])
    tokens, doc_lens = (_plain(table[name]) for name in ("tokens", "doc_lens"))
    flat = tokens.flatten().to_numpy().reshape(len(tokens), -1)
    lengths = doc_lens.flatten().to_numpy()
    bounds = doc_lens.offsets.to_numpy() - doc_lens.offsets[0].as_py()
    return Batch(tokens=flat, doc_lens=tuple(np.split(lengths, bounds[1:-1])))


def _plain(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _checksum(path: Path) -> str:
    state = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()
