"""Writes an output in another format: whole, or not at all."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gristmill.schemas import CURATED
from gristmill.trainer.exports import datasets, litdata, mds, megatron, npy
from gristmill.trainer.shards import ManifestError, ShardReader

Format = Literal["megatron", "mds", "litdata", "datasets", "npy"]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export wrote.

    Attributes:
        samples: rows of the format: documents for megatron and npy, sequences for mds, litdata and datasets.
        tokens: without padding.
        files: how many.
        bytes: of all files.
    """

    format: Format
    samples: int
    tokens: int
    files: int
    bytes: int


def export(output: str, target: str, *, format: Format) -> Exported:
    """Write the shards of a local output folder to a new folder, in the format of another library.

    The target appears when it is complete. Time: reading the shards and writing as many bytes. Memory: for megatron and
    npy a shard's tokens; for datasets row groups of text; for mds and litdata a file of theirs, 64 MB.

    Raises:
        FileExistsError: the target is there, and not an empty folder.
        ImportError: the format's library is not installed; the message names the extra.
        ManifestError: there are no tokens, or a shard is missing, damaged, or not what the manifest says.
        ValueError: datasets is asked for, and there is no curated text.
    """
    reader = ShardReader.open(output)
    tokens = reader.manifest.totals["tokens"]
    if tokens == 0:
        raise ManifestError(f"{output}: the shards hold no tokens to export")
    with appearing(Path(target).resolve()) as folder:
        match format:
            case "megatron":
                samples = megatron.write(reader, folder)
            case "mds":
                samples = mds.write(reader, folder)
            case "litdata":
                samples = litdata.write(reader, folder)
            case "datasets":
                samples = datasets.write(reader, folder, curated=Path(output) / CURATED.name)
            case "npy":
                samples = npy.write(reader, folder)
        sizes = [each.stat().st_size for each in folder.rglob("*") if each.is_file()]
    return Exported(format=format, samples=samples, tokens=tokens, files=len(sizes), bytes=sum(sizes))


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A folder beside the target, which takes its place at the end, and is removed where an error ends it."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise FileExistsError(f"{target}: exists, and is not an empty folder; an export overwrites nothing")
    target.parent.mkdir(parents=True, exist_ok=True)
    coming = target.with_name(f".{target.name}.tmp-{secrets.token_hex(4)}")
    coming.mkdir()
    try:
        yield coming
        coming.replace(target)
    except BaseException:
        shutil.rmtree(coming, ignore_errors=True)
        raise
