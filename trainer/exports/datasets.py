"""A folder that Hugging Face datasets loads by name, with two configurations: the curated text, and the sequences."""

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.schemas import CURATED
from gristmill.trainer.exports.card import Amounts, card
from gristmill.trainer.shards import ShardReader

_GROUP_BYTES = 16 << 20
_FILE_BYTES = 512 << 20
_SCHEMA = CURATED.schema.append(pa.field("language", pa.string()))


def write(reader: ShardReader, folder: Path, *, curated: Path) -> int:
    """Write both configurations and a dataset card; returns the number of sequences.

    Raises:
        ManifestError: a shard does not have its checksum.
        ValueError: there is no curated text.
    """
    paths = sorted(curated.glob("language=*/*.parquet"))
    if not paths:
        raise ValueError(f"{curated}: no curated text, which the folder is to hold beside the tokens")
    for name in ("text", "tokens"):
        (folder / "data" / name).mkdir(parents=True)
    languages, licences = _text(paths, folder / "data" / "text")
    for number, shard in enumerate(reader.manifest.shards):
        # Whole files, as they are: a shard is Parquet already.
        shutil.copyfile(reader.folder.checked(shard), folder / "data" / "tokens" / f"train-{number:05}.parquet")
    (folder / "README.md").write_text(card(reader.manifest, languages=languages, licences=licences), "utf-8")
    return len(reader)


def _text(paths: list[Path], folder: Path) -> tuple[dict[str, Amounts], dict[str, int]]:
    """Write the curated text; returns documents and bytes of text by language, and documents by licence."""
    languages: dict[str, Amounts] = {}
    licences: Counter[str] = Counter()
    with _Files(folder) as files:
        for path in paths:
            language = path.parent.name.removeprefix("language=")
            for group in _row_groups(path):
                files.write(group.append_column("language", pa.array([language] * len(group), pa.string())))
                size = pc.sum(pc.binary_length(group["text"])).as_py() or 0
                languages[language] = languages.get(language, Amounts()) + Amounts(documents=len(group), bytes=size)
                for each in pc.value_counts(group["licence"].combine_chunks()).to_pylist():
                    licences[each["values"] or "unknown"] += each["counts"]
    return languages, dict(licences)


def _row_groups(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            yield file.read_row_group(number, columns=CURATED.schema.names).cast(CURATED.schema)


class _Files:
    """Parquet files that are filled one after the other, in row groups of some size whatever the tables' sizes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._number = self._written = 0

    def __enter__(self) -> "_Files":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        with self._open:
            if kind is None:
                self._flush()

    def write(self, table: pa.Table) -> None:
        self._waiting.append(table)
        if sum(each.nbytes for each in self._waiting) >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting)
        self._waiting = []
        if self._writer is None or self._written >= _FILE_BYTES:
            self._open.close()
            path = self._folder / f"train-{self._number:05}.parquet"
            self._writer = self._open.enter_context(pq.ParquetWriter(path, _SCHEMA, compression="zstd"))
            self._number, self._written = self._number + 1, 0
        self._writer.write_table(table, row_group_size=len(table))
        self._written += table.nbytes
