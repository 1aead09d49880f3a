"""Checkpoints: what a stage writes, under a key made from all that determines it.

A *unit* is one piece of a stage's work. Its key is a hash of the stage's name and version, its slice of the recipe, and
a descriptor of its input. When a unit is done, and only then, its *receipt* appears, naming the files it wrote. So a
second run finds its receipts and does nothing, a killed run goes on with the units that have none, and a changed recipe
changes just the keys that depend on the change.

Output folder::

    OUT/<table>/...parquet             data; each file appears whole, by rename
    OUT/receipts/<phase>/<key>.json    one per finished unit
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from gristmill.pipelines import files
from gristmill.schemas import Table, canonical_json, digest, key_of

JSON = Mapping[str, Any]

ROW_GROUP_BYTES = 16 << 20
"""Arrow bytes per Parquet row group: large enough to compress well, small enough that a few fit in any memory."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One piece of work.

    Attributes:
        key: names what the unit writes; equal keys mean equal bytes.
        descriptor: what the unit works on, as far as it determines the output.
        local: what it needs besides, but must not depend on, such as where a file lies on this machine.
        size: input bytes, to balance workers and show progress.
    """

    key: str
    descriptor: JSON
    local: JSON = field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """A file that a unit wrote.

    Attributes:
        path: below the output folder.
        rows: rows of a Parquet file, 0 of any other.
        bytes: size on disk.
        checksum: XXH3-128 of the bytes. Later stages are keyed by it, so work whose input came out the same as before
            is not done again.
        table: name of the table.
        text_bytes: bytes of Arrow data, uncompressed: what it costs to work on the file.
    """

    path: str
    rows: int
    bytes: int
    checksum: str
    table: str
    text_bytes: int


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """Proof that a unit is done, and what it wrote and counted."""

    phase: str
    key: str
    version: int
    settings: JSON
    descriptor: JSON
    files: tuple[FileEntry, ...]
    counts: Mapping[str, int]

    def to_json(self) -> bytes:
        value = {**self.__dict__, "files": [each.__dict__ for each in self.files]}
        return canonical_json(value) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Raises ValueError, KeyError or TypeError where the receipt is damaged."""
        value = json.loads(data)
        value["files"] = tuple(FileEntry(**each) for each in value["files"])
        return cls(**value)

    def of(self, table: Table) -> list[FileEntry]:
        """The files of one table."""
        return [each for each in self.files if each.table == table.name]


def unit(
    *, phase: str, version: int, settings: JSON, descriptor: JSON, local: JSON | None = None, size: int = 0
) -> Unit:
    """A unit with its key."""
    key = key_of([phase, version, settings, descriptor])
    return Unit(key=key, descriptor=descriptor, local=local or {}, size=size)


@dataclass(frozen=True)
class Store:
    """An output folder, local or on any Beam filesystem."""

    root: str

    def path(self, relative: str) -> str:
        return f"{self.root.rstrip('/')}/{relative}"

    def receipts(self, phase: str) -> dict[str, Receipt]:
        """Receipts of a phase by key; damaged ones count as absent, their units are simply done again."""
        found = (self.receipt(phase, key) for key in self.finished(phase))
        return {receipt.key: receipt for receipt in found if receipt is not None}

    def receipt(self, phase: str, key: str) -> Receipt | None:
        """One receipt, None where it is damaged or gone."""
        try:
            return Receipt.from_json(files.read(self.path(f"receipts/{phase}/{key}.json")))
        except (ValueError, KeyError, TypeError, FileNotFoundError):
            return None

    def finished(self, phase: str) -> Iterable[str]:
        """Keys of the receipts there are, without reading them."""
        for path in files.list_files(self.path(f"receipts/{phase}")):
            if path.endswith(".json"):
                yield path.rsplit("/", 1)[-1].removesuffix(".json")

    def phases(self) -> set[str]:
        """Names of the phases that have left receipts."""
        base = self.path("receipts/")
        return {path.removeprefix(base).split("/", 1)[0] for path in files.sizes(self.path("receipts"))}

    def forget(self, phase: str) -> None:
        """Remove a phase's receipts and the files they name: its tables fit nothing that stands here any more."""
        # Files first: only their receipts know of them, should the machine stop in between.
        for receipt in self.receipts(phase).values():
            for entry in receipt.files:
                files.remove(self.path(entry.path))
        self.prune(phase, tables=(), keep=())

    def intact(self, receipts: Iterable[Receipt], *, tables: Iterable[str]) -> list[Receipt]:
        """The receipts whose files all lie there at their full size."""
        present = {path: size for table in tables for path, size in files.sizes(self.path(table)).items()}
        return [
            receipt
            for receipt in receipts
            if all(present.get(self.path(each.path)) == each.bytes for each in receipt.files)
        ]

    def prune(self, phase: str, *, tables: Iterable[str], keep: Iterable[Receipt]) -> int:
        """Remove what no receipt in `keep` vouches for, so that a table never mixes two recipes. Returns files removed.

        Receipts go first: were the machine to stop in between, no receipt would stand without its files.
        """
        keep = list(keep)
        receipts = {self.path(f"receipts/{phase}/{each.key}.json") for each in keep}
        data = {self.path(entry.path) for each in keep for entry in each.files}
        stale = [each for each in files.list_files(self.path(f"receipts/{phase}")) if each not in receipts]
        for table in tables:
            stale += [each for each in files.sizes(self.path(table)) if each not in data]
        for path in stale:
            files.remove(path)
        return len(stale)


class Output:
    """Where a running unit writes. Use as a context manager: leaving it without an error writes the receipt.

    Attributes:
        entries: the files that are written.
        counts: for the receipt.
    """

    def __init__(self, store: Store, *, phase: str, version: int, settings: JSON, unit: Unit) -> None:
        self._store = store
        self._phase = phase
        self._version = version
        self._settings = settings
        self._unit = unit
        self.entries: list[FileEntry] = []
        self._writers: list[TableWriter] = []
        self.counts: dict[str, int] = {}

    def count(self, name: str, amount: int = 1) -> None:
        """Add to one of the receipt's counts."""
        self.counts[name] = self.counts.get(name, 0) + amount

    def table(
        self,
        table: Table,
        *,
        name: str | None = None,
        partition: str | None = None,
        metadata: Mapping[str, str] | None = None,
        row_group_rows: int | None = None,
        packed: bool = True,
        dictionary: Sequence[str] | None = None,
    ) -> "TableWriter":
        """Open a file of a table; close it (or leave its `with` block) to make it appear.

        Args:
            name: file name without suffix; the unit's key by default.
            partition: Hive partition folder, such as `language=tha_Thai`.
            metadata: added to the schema's metadata, in the file's footer.
            row_group_rows: fixed rows per row group, where readers rely on it.
            packed: whether to compress; hashes do not get smaller, only slower.
            dictionary: Parquet paths of the columns to write as dictionaries; all, or none if not packed, by default.
        """
        folder = f"{table.name}/{partition}" if partition else table.name
        relative = f"{folder}/{name or self._unit.key}.parquet"
        writer = TableWriter(
            self, table, relative, metadata or {}, row_group_rows, packed=packed, dictionary=dictionary
        )
        self._writers.append(writer)
        return writer

    def file(self, relative: str, data: bytes) -> None:
        """Write a small file that is not Parquet, such as a model or a manifest."""
        files.write_atomically(self._store.path(relative), data)
        self.entries.append(
            FileEntry(
                path=relative,
                rows=0,
                bytes=len(data),
                checksum=digest(data),
                table=relative.split("/", maxsplit=1)[0],
                text_bytes=len(data),
            )
        )

    def absolute(self, relative: str) -> str:
        return self._store.path(relative)

    def add(self, entry: FileEntry) -> None:
        self.entries.append(entry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for writer in self._writers:
                writer.discard()
            return
        receipt = Receipt(
            phase=self._phase,
            key=self._unit.key,
            version=self._version,
            settings=self._settings,
            descriptor=self._unit.descriptor,
            files=tuple(sorted(self.entries, key=lambda each: each.path)),
            counts=dict(sorted(self.counts.items())),
        )
        path = self._store.path(f"receipts/{self._phase}/{self._unit.key}.json")
        files.write_atomically(path, receipt.to_json())


class _Checksummed:
    """A file that appears whole when committed, and knows the checksum of what was written to it."""

    closed = False

    def __init__(self, path: str) -> None:
        self._stack = ExitStack()
        self._handle = self._stack.enter_context(files.writing(path))
        self._state = xxhash.xxh3_128()
        self._size = 0
        self._discarded = False

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        if self._discarded:
            return view.nbytes
        self._state.update(view)
        self._size += view.nbytes
        return self._handle.write(view)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        if not self._discarded:
            self._handle.flush()

    def commit(self) -> tuple[int, str]:
        """Size in bytes and checksum."""
        self._stack.close()
        return self._size, self._state.hexdigest()

    def discard(self) -> None:
        """Leave nothing behind, unless it was committed; what is written from now on goes nowhere."""
        self._discarded = True
        abandoned = RuntimeError("abandoned")
        with suppress(RuntimeError, OSError):  # the disk may be full
            self._stack.__exit__(RuntimeError, abandoned, None)


class TableWriter:
    """Writes record batches to one Parquet file, in row groups of bounded size. Memory: one row group."""

    def __init__(
        self,
        output: Output,
        table: Table,
        relative: str,
        metadata: Mapping[str, str],
        row_group_rows: int | None,
        *,
        packed: bool,
        dictionary: Sequence[str] | None,
    ) -> None:
        self._output = output
        self._table = table
        self._relative = relative
        self._row_group_rows = row_group_rows
        self._schema = table.schema.with_metadata({**(table.schema.metadata or {}), **metadata} or None)
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0
        self.rows = 0
        self.text_bytes = 0
        self._file = _Checksummed(output.absolute(relative))
        how = {"compression": "zstd", "compression_level": 3} if packed else {"compression": "none"}
        which = packed if dictionary is None else list(dictionary)
        self._writer = pq.ParquetWriter(self._file, self._schema, use_dictionary=which, write_page_checksum=True, **how)

    def write(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Add rows. The columns must be the table's own, in order."""
        for each in batch.to_batches() if isinstance(batch, pa.Table) else [batch]:
            self._pending.append(each)
            self._pending_bytes += each.nbytes
            self.text_bytes += each.nbytes
        self.rows += batch.num_rows
        if self._pending_bytes >= ROW_GROUP_BYTES:
            self._flush(all_of_it=False)

    def end_row_group(self) -> None:
        """Let the next rows begin a new row group."""
        self._flush(all_of_it=True)

    def _flush(self, *, all_of_it: bool) -> None:
        if not self._pending:
            return
        rows = pa.Table.from_batches(self._pending, schema=self._pending[0].schema).cast(self._schema)
        group = self._row_group_rows or max(rows.num_rows, 1)
        whole = rows.num_rows if all_of_it else rows.num_rows - rows.num_rows % group
        if whole:
            self._writer.write_table(rows.slice(0, whole), row_group_size=group)
        rest = rows.slice(whole)
        self._pending, self._pending_bytes = rest.to_batches() if rest.num_rows else [], rest.nbytes

    def close(self) -> FileEntry:
        """Finish the file and make it appear."""
        self._flush(all_of_it=True)
        self._writer.close()
        size, checksum = self._file.commit()
        entry = FileEntry(
            path=self._relative,
            rows=self.rows,
            bytes=size,
            checksum=checksum,
            table=self._table.name,
            text_bytes=self.text_bytes,
        )
        self._output.add(entry)
        return entry

    def discard(self) -> None:
        """Leave no file, unless it was closed before."""
        self._file.discard()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()
