"""Open shard files: each is compared with the manifest when it is opened, and each page with its checksum when read."""

import os
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.trainer.shards import pages
from gristmill.trainer.shards.folders import Folder
from gristmill.trainer.shards.manifest import Manifest, ManifestError, Shard
from gristmill.trainer.shards.order import BLOCK_SHARDS

_OPEN = 2 * BLOCK_SHARDS
_ATTEMPTS = 3
_DAMAGE = (OSError, ValueError, LookupError, pa.ArrowException)


@dataclass(frozen=True, kw_only=True)
class Group:
    """A row group in memory: see `Batch` for the fields."""

    tokens: npt.NDArray[Any]
    lengths: npt.NDArray[np.int32]
    bounds: npt.NDArray[np.int64]


class ShardFiles:
    """Reads row groups. For one thread at a time; a process that was forked off opens files of its own."""

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._process = os.getpid()

    def group(self, shard: int, group: int) -> Group:
        """Tokens and lengths of a row group. Time: some 6 ns a token on one core.

        Raises:
            ManifestError: the shard is missing, damaged, or another than the manifest lists.
        """
        found = self._file(shard).group(group)
        return found or self._by_pyarrow(shard, group)

    def table(self, shard: int, group: int, columns: list[str] | None = None) -> pa.Table:
        """Some columns of a row group, or all; raises as `group` does."""
        file = self._file(shard).parquet
        try:
            return file.read_row_group(group, columns=columns, use_threads=False).combine_chunks()
        except _DAMAGE as error:
            raise self._damaged(self._manifest.shards[shard], str(error)) from error

    def _by_pyarrow(self, shard: int, group: int) -> Group:
        table = self.table(shard, group, ["tokens", "doc_lens"])
        try:
            tokens, doc_lens = (table[name].chunk(0) for name in ("tokens", "doc_lens"))
            bounds = doc_lens.offsets.to_numpy().astype(np.int64)
            return Group(
                tokens=tokens.flatten().to_numpy().reshape(len(tokens), self._manifest.sequence_length),
                lengths=doc_lens.flatten().to_numpy(),
                bounds=bounds - bounds[0],
            )
        except _DAMAGE as error:
            raise self._damaged(self._manifest.shards[shard], str(error)) from error

    def check(self, shard: int) -> None:
        """Open a shard, and compare what it says of itself with the manifest; raises as `group` does."""
        self._file(shard)

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()

    def _file(self, number: int) -> "_Open":
        if self._process != os.getpid():
            self._open, self._process = OrderedDict(), os.getpid()
        if number not in self._open:
            while len(self._open) >= _OPEN:
                self._open.popitem(last=False)[1].close()
            self._open[number] = self._opened(self._manifest.shards[number])
        self._open.move_to_end(number)
        return self._open[number]

    def _opened(self, shard: Shard) -> "_Open":
        name = self._folder.name(shard.path)
        for attempt in range(_ATTEMPTS):
            path = self._folder.fetch(shard)
            try:
                file = _Open(path)
                fault = _fault(file.parquet, self._manifest, shard)
                break
            except FileNotFoundError as error:
                if attempt == _ATTEMPTS - 1:
                    raise ManifestError(f"{name}: missing, but listed in the manifest") from error
                # A cache that others use may have dropped it: get it again.
            except _DAMAGE as error:
                raise self._damaged(shard, str(error)) from error
        if fault:
            file.close()
            raise ManifestError(f"{name}: not the shard that the manifest lists: {fault}")
        return file

    def _damaged(self, shard: Shard, how: str) -> ManifestError:
        return ManifestError(f"{self._folder.name(shard.path)}: damaged: {how}")


class _Open:
    """An open file, by pyarrow and by ourselves."""

    def __init__(self, path: Path) -> None:
        # Not as a memory map: a file that is cut short meanwhile would end the process.
        with ExitStack() as stack:
            self._handle = stack.enter_context(pa.OSFile(str(path)))
            self.parquet = stack.enter_context(pq.ParquetFile(self._handle, page_checksum_verification=True))
            self._stack = stack.pop_all()
        self._kind = _kind(self.parquet.schema_arrow, "tokens")
        schema = self.parquet.schema
        paths = {schema.column(each).path: each for each in range(len(schema))}
        self._columns = [paths.get(f"{name}.list.element", -1) for name in ("tokens", "doc_lens")]
        self._plain = all(each >= 0 and pages.is_plain(self.parquet, each) for each in self._columns)

    def group(self, number: int) -> Group | None:
        """A row group straight from its pages; None where pyarrow has to read it."""
        if not self._plain:
            return None
        about, kind = self.parquet.metadata.row_group(number), self._kind
        tokens, doc_lens = (about.column(each) for each in self._columns)
        found = pages.lists(self._handle, doc_lens, rows=about.num_rows)
        rows = pages.fixed_lists(
            self._handle, tokens, rows=about.num_rows, length=kind.list_size, kind=str(kind.value_type)
        )
        if found is None or rows is None:
            return None
        return Group(tokens=rows, lengths=found[0], bounds=found[1])

    def close(self) -> None:
        self._stack.close()


def _fault(file: pq.ParquetFile, manifest: Manifest, shard: Shard) -> str | None:
    """What a shard says of itself that contradicts the manifest."""
    schema, metadata = file.schema_arrow, file.metadata
    said = {key.decode("utf-8", "replace"): value.decode("utf-8", "replace") for key, value in _items(schema.metadata)}
    for name, wanted in manifest.footer(shard).items():
        if said.get(name) != wanted:
            return f"its {name} is {said.get(name)!r}, not {wanted!r}"
    tokens = _kind(schema, "tokens")
    value_type = pa.uint16() if manifest.token_type == "uint16" else pa.uint32()
    if (
        not isinstance(tokens, pa.FixedSizeListType)
        or tokens.list_size != manifest.sequence_length
        or tokens.value_type != value_type
    ):
        return f"its tokens are {tokens}"
    doc_lens = _kind(schema, "doc_lens")
    if not isinstance(doc_lens, pa.ListType) or doc_lens.value_type != pa.int32():
        return f"its doc_lens are {doc_lens}"
    size = manifest.row_group_sequences
    rows = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    if rows != [min(size, shard.sequences - start) for start in range(0, shard.sequences, size)]:
        return f"its row groups have {rows[:3]}... rows"
    return None


def _kind(schema: pa.Schema, column: str) -> Any:
    """The type of a column, None where there is no such."""
    return schema.field(column).type if column in schema.names else None


def _items(metadata: dict[bytes, bytes] | None) -> list[tuple[bytes, bytes]]:
    return list((metadata or {}).items())
