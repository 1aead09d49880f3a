"""Damaged, missing, truncated and swapped shards are refused by name; no wrong token is ever given out."""

import json
from pathlib import Path

import numpy as np
import pytest

from gristmill.trainer import ManifestError, ShardReader
from gristmill.trainer.shards.folders import checksum


def shard_paths(copied: Path) -> list[Path]:
    manifest = json.loads((copied / "manifest.json").read_text())
    return [copied / each["path"] for each in manifest["shards"]]


def believe(copied: Path) -> None:
    """Let the manifest state the sizes and checksums that the files have now."""
    path = copied / "manifest.json"
    manifest = json.loads(path.read_text())
    for shard in manifest["shards"]:
        file = copied / shard["path"]
        shard |= {"bytes": file.stat().st_size, "checksum": checksum(file)}
    path.write_text(json.dumps(manifest))


def read_all(copied: Path) -> np.ndarray:
    reader = ShardReader.open(copied)
    return reader.read(range(len(reader))).tokens


def test_a_missing_shard(copied: Path) -> None:
    path = shard_paths(copied)[3]
    path.unlink()
    with pytest.raises(ManifestError, match=f"^{path}: missing"):
        ShardReader.open(copied)


def test_a_shard_that_goes_missing_later(copied: Path) -> None:
    reader = ShardReader.open(copied)
    path = shard_paths(copied)[0]
    path.unlink()
    with pytest.raises(ManifestError, match=f"^{path}: missing"):
        reader.read([0])


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_truncated_shard(kept: int, copied: Path) -> None:
    path = shard_paths(copied)[1]
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ManifestError, match=f"^{path}: damaged: .* bytes, not"):
        ShardReader.open(copied)
    believe(copied)  # even if nobody knew its size
    with pytest.raises(ManifestError, match=f"^{path}: damaged"):
        read_all(copied)


def test_a_shard_with_a_hole(copied: Path) -> None:
    """As a copy that was broken off leaves behind, where the size is set first."""
    path = shard_paths(copied)[1]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    with pytest.raises(ManifestError, match=f"^{path}: damaged"):
        read_all(copied)


def test_several_faults_are_named_together(copied: Path) -> None:
    paths = shard_paths(copied)
    for path in paths[:7]:
        path.unlink()
    with pytest.raises(ManifestError) as caught:
        ShardReader.open(copied)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines[:5]] == [str(path) for path in paths[:5]]
    assert lines[5:] == ["and 2 more"]


@pytest.mark.parametrize("sizes_agree", [False, True])
def test_swapped_shards(sizes_agree: bool, copied: Path) -> None:
    one, other = shard_paths(copied)[2:4]
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    if not sizes_agree:
        with pytest.raises(ManifestError, match=f"^{one}: damaged"):
            ShardReader.open(copied)
    believe(copied)
    with pytest.raises(
        ManifestError, match=f"^{one}: not the shard that the manifest lists: its shard is '3', not '2'"
    ):
        ShardReader.open(copied, verify=True)
    with pytest.raises(ManifestError, match=f"^({one}|{other}): not the shard"):
        read_all(copied)


def test_a_shard_of_another_corpus(copied: Path, another: Path) -> None:
    path = shard_paths(copied)[0]
    path.write_bytes((another / "shards" / path.relative_to(copied)).read_bytes())
    believe(copied)
    with pytest.raises(ManifestError, match=f"^{path}: not the shard that the manifest lists: its .* is '"):
        read_all(copied)


def test_a_file_that_is_no_shard(copied: Path) -> None:
    path = shard_paths(copied)[0]
    path.write_bytes(b"PAR1 but nothing more PAR1")
    believe(copied)
    with pytest.raises(ManifestError, match=f"^{path}: damaged"):
        read_all(copied)


def test_flipped_bits(copied: Path) -> None:
    """With `verify` any is found at once. Without, it is found where it matters, or it does not matter."""
    right = read_all(copied)
    rng = np.random.default_rng(0)
    path = shard_paths(copied)[4]
    data = path.read_bytes()
    refused = 0
    for place in rng.integers(0, len(data), 60).tolist():
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(ManifestError, match=f"^{path}: damaged: its checksum"):
            ShardReader.open(copied, verify=True)
        try:
            assert (read_all(copied) == right).all()
        except ManifestError as error:
            assert str(error).startswith(str(path))
            refused += 1
    assert refused > 5
