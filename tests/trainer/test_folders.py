"""Shards of an object store: a filesystem that pyarrow does not know, so fsspec's, whose files lie in a folder here."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pytest

from gristmill.trainer import Cache, ManifestError, ShardReader
from gristmill.trainer.shards.manifest import Shard
from gristmill.trainer.shards.order import BLOCK_SHARDS

pytest.importorskip("fsspec")


def url(folder: Path) -> str:
    return f"local://{folder}"


def held(folder: Path) -> dict[str, int]:
    """Files of the cache, those on their way included; they come and go meanwhile."""
    found = {}
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if not path.name.startswith("."):
                found[path.name] = path.stat().st_size
    return found


def test_batches_are_those_of_a_local_folder(corpus: Path, tmp_path: Path) -> None:
    local = ShardReader.open(corpus)
    remote = ShardReader.open(url(corpus), cache=Cache(folder=tmp_path), verify=True)
    assert remote.manifest == local.manifest
    count = 2 * len(local) // 8
    for one, other in zip(
        islice(local.batches(8, seed=3), count), islice(remote.batches(8, seed=3), count), strict=True
    ):
        assert (one.tokens == other.tokens).all()
        assert one.state == other.state
    assert held(tmp_path) == {f"{each.checksum}.parquet": each.bytes for each in local.manifest.shards}
    assert len(ShardReader.open(url(corpus / "shards"), cache=Cache(folder=tmp_path))) == len(local)


def test_a_remote_folder_needs_a_cache(corpus: Path) -> None:
    with pytest.raises(ManifestError, match="cache="):
        ShardReader.open(url(corpus))


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no manifest"):
        ShardReader.open(url(tmp_path / "nowhere"), cache=Cache(folder=tmp_path / "cache"))


def test_the_cache_keeps_its_bound(corpus: Path, tmp_path: Path) -> None:
    sizes = sorted((each.bytes for each in ShardReader.open(corpus).manifest.shards), reverse=True)
    bound = sum(sizes[:BLOCK_SHARDS])
    assert bound < sum(sizes)
    reader = ShardReader.open(url(corpus), cache=Cache(folder=tmp_path, max_bytes=bound))
    stream, seen = reader.batches(4), []
    for _ in range(2 * len(reader) // 4):
        seen += next(stream).indices.tolist()
        assert sum(held(tmp_path).values()) <= bound
    assert sorted(seen[: len(reader)]) == list(range(len(reader)))
    stream.close()  # type: ignore[attr-defined]  # it is a generator


def test_a_cache_that_holds_too_little_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"cache may hold 20,000 bytes, but 8 shards are read in turns"):
        ShardReader.open(url(corpus), cache=Cache(folder=tmp_path, max_bytes=20_000))


def test_what_comes_damaged_is_refused_and_not_kept(copied: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    reader = ShardReader.open(url(copied), cache=Cache(folder=cache))
    path = copied / reader.manifest.shards[0].path
    data = bytearray(path.read_bytes())
    data[50] ^= 1
    path.write_bytes(data)
    with pytest.raises(ManifestError, match=rf"^local://{path}: damaged"):
        reader.read([0])
    path.write_bytes(data[:-5])
    with pytest.raises(ManifestError, match=rf"^local://{path}: damaged"):
        reader.read([0])
    with pytest.raises(ManifestError, match=rf"^local://{path}: damaged: .* bytes, not"):
        ShardReader.open(url(copied), cache=Cache(folder=cache))
    path.unlink()
    with pytest.raises(ManifestError, match=rf"^local://{path}: missing"):
        reader.read([0])
    with pytest.raises(ManifestError, match=rf"^local://{path}: missing"):
        ShardReader.open(url(copied), cache=Cache(folder=cache))
    assert held(cache) == {}


def test_what_was_damaged_in_the_cache_is_fetched_again(corpus: Path, tmp_path: Path) -> None:
    reader = ShardReader.open(url(corpus), cache=Cache(folder=tmp_path))
    right = reader.read(range(len(reader))).tokens
    path = tmp_path / f"{reader.manifest.shards[2].checksum}.parquet"
    data = bytearray(path.read_bytes())
    data[60] ^= 4
    path.write_bytes(data)
    again = ShardReader.open(url(corpus), cache=Cache(folder=tmp_path), verify=True)
    assert (again.read(range(len(again))).tokens == right).all()


def _shard(number: int, size: int = 100) -> tuple[Shard, bytes]:
    import xxhash

    data = bytes([number]) * size
    checksum = xxhash.xxh3_128_hexdigest(data)
    counts = {"sequences": 1, "tokens": 1, "documents": 1, "packed": number}
    return Shard(path=f"{number}", shard=number, bytes=size, checksum=checksum, **counts), data


class Store:
    """Something to download from, that counts."""

    def __init__(self) -> None:
        self.downloads = 0
        self.lock = threading.Lock()

    def get(self, cache: Cache, number: int) -> Path:
        shard, data = _shard(number)

        def download(file: BinaryIO) -> None:
            with self.lock:
                self.downloads += 1
            file.write(data)

        path = cache.get(shard, download=download, name=str(number))
        assert path.read_bytes() == data
        return path


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache, store = Cache(folder=tmp_path, max_bytes=300), Store()
    paths = [store.get(cache, number) for number in (1, 2, 3)]
    store.get(cache, 1)
    assert store.downloads == 3
    store.get(cache, 4)
    assert [path.exists() for path in paths] == [True, False, True]
    store.get(cache, 2)
    assert [path.exists() for path in paths] == [True, True, False]
    assert sum(held(tmp_path).values()) == 300


def test_a_shard_is_downloaded_once_by_all(tmp_path: Path) -> None:
    cache, store = Cache(folder=tmp_path), Store()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: store.get(cache, number % 4), range(64)))
    assert store.downloads == 4


def test_a_broken_download_leaves_nothing(tmp_path: Path) -> None:
    shard, data = _shard(1)

    def broken(file: BinaryIO) -> None:
        file.write(data[:10])
        raise OSError("the line went dead")

    with pytest.raises(OSError, match="the line went dead"):
        Cache(folder=tmp_path).get(shard, download=broken, name="1")
    assert held(tmp_path) == {}


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    left, mine = (_shard(number)[0].checksum for number in (1, 2))
    for name in (left, mine):
        (tmp_path / f"{name}.coming").write_bytes(bytes(100))
    Store().get(Cache(folder=tmp_path, max_bytes=100), 2)
    assert held(tmp_path) == {f"{mine}.parquet": 100}


def test_a_shard_larger_than_the_cache(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="100 bytes, but the cache may hold 99"):
        Store().get(Cache(folder=tmp_path, max_bytes=99), 1)


def test_a_download_that_fails_while_what_is_held_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: [*listed(folder), folder / "gone.coming"])
    Store().get(Cache(folder=tmp_path, max_bytes=100), 1)
