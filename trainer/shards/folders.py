"""Where shards lie: a local folder, or an object store with a local cache of whole shards."""

import importlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.fs
import xxhash
from filelock import FileLock, Timeout

from gristmill.trainer.shards.manifest import ManifestError, Shard

_GIB = 1 << 30
_CHUNK = 1 << 20
_DOWNLOADS = 4


class Folder(Protocol):
    """A folder of shards, as their reader sees it. Paths are below it."""

    def name(self, path: str) -> str:
        """For messages."""

    def read(self, path: str) -> bytes | None:
        """A small file, None where there is none."""

    def sizes(self, paths: Iterable[str]) -> Mapping[str, int]:
        """Sizes in bytes of those files that are there."""

    def fetch(self, shard: Shard) -> Path:
        """The shard as a local file. Raises ManifestError where it is missing, or not what the manifest says."""

    def checked(self, shard: Shard) -> Path:
        """The same, its checksum compared now."""

    def prefetch(self, shards: Iterable[Shard], pool: ThreadPoolExecutor) -> None:
        """Have these shards at hand soon, the first ones first."""

    def room(self) -> int | None:
        """Bytes of shards that can be at hand at once; None for all of them."""


@dataclass(frozen=True)
class LocalFolder:
    """A folder on this machine."""

    folder: Path

    def name(self, path: str) -> str:
        return str(self.folder / path)

    def read(self, path: str) -> bytes | None:
        target = self.folder / path
        return target.read_bytes() if target.is_file() else None

    def sizes(self, paths: Iterable[str]) -> Mapping[str, int]:
        return {path: (self.folder / path).stat().st_size for path in paths if (self.folder / path).is_file()}

    def fetch(self, shard: Shard) -> Path:
        return self.folder / shard.path

    def checked(self, shard: Shard) -> Path:
        path = self.fetch(shard)
        if checksum(path) != shard.checksum:
            raise ManifestError(f"{path}: damaged: its checksum is not the manifest's")
        return path

    def prefetch(self, shards: Iterable[Shard], pool: ThreadPoolExecutor) -> None:
        pass

    def room(self) -> int | None:
        return None


@dataclass(frozen=True, kw_only=True)
class Cache:
    """A local folder that keeps shards of an object store, named by their checksums.

    Any number of processes and corpora may share one. What was not used for longest goes first.

    Attributes:
        max_bytes: bound of the files' sizes, those on their way included.
    """

    folder: str | os.PathLike[str]
    max_bytes: int = 64 * _GIB

    def get(self, shard: Shard, *, download: Callable[[BinaryIO], None], name: str) -> Path:
        """The shard's file; downloads it if it is not there. Another process that is about it is waited for.

        Raises:
            ManifestError: what came is not what the manifest says, or the cache has no room for it.
        """
        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{shard.checksum}.parquet"
        if _use(path, shard):
            return path
        with FileLock(_lock(path)):
            if _use(path, shard):
                return path
            coming = path.with_suffix(".coming")
            try:
                self._reserve(coming, shard, name=name)
                with coming.open("r+b") as file:
                    download(file)
                    file.truncate()
                    file.flush()
                    os.fsync(file.fileno())
                if coming.stat().st_size != shard.bytes or checksum(coming) != shard.checksum:
                    raise ManifestError(f"{name}: damaged: what was downloaded has not the manifest's checksum")
                with FileLock(folder / ".lock"):  # who counts what is held must not miss it
                    coming.replace(path)
            finally:
                coming.unlink(missing_ok=True)
        return path

    def _reserve(self, coming: Path, shard: Shard, *, name: str) -> None:
        """Remove what was not used for longest, until the shard has room; then hold that."""
        if shard.bytes > self.max_bytes:
            raise ManifestError(f"{name}: {shard.bytes:,} bytes, but the cache may hold {self.max_bytes:,}")
        folder = Path(self.folder)
        coming.unlink(missing_ok=True)  # left by a process that was killed
        with FileLock(folder / ".lock"):
            for other in folder.glob("*.coming"):
                _remove_if_abandoned(other)
            held = {}
            for path in folder.iterdir():
                with suppress(FileNotFoundError):  # of a download that has just failed
                    if path.suffix in (".parquet", ".coming"):
                        held[path] = path.stat()
            total = sum(each.st_size for each in held.values())
            for path in sorted(held, key=lambda each: (held[each].st_mtime_ns, each.name)):
                if total + shard.bytes <= self.max_bytes:
                    break
                if path.suffix == ".parquet":
                    path.unlink(missing_ok=True)  # who has it open goes on reading it
                    total -= held[path].st_size
            with coming.open("wb") as file:
                file.truncate(shard.bytes)


def _use(path: Path, shard: Shard) -> bool:
    """Whether the file is there, whole; if so, it is marked as used now."""
    try:
        if path.stat().st_size != shard.bytes:
            return False
        os.utime(path, ns=(time.time_ns(), time.time_ns()))
    except FileNotFoundError:
        return False
    return True


def _lock(path: Path) -> Path:
    return path.with_name(f".{path.stem}.lock")


def _remove_if_abandoned(coming: Path) -> None:
    """Remove a download that no living process is about."""
    try:
        with FileLock(_lock(coming), timeout=0):
            coming.unlink(missing_ok=True)
    except Timeout:
        return


@dataclass(frozen=True, kw_only=True)
class RemoteFolder:
    """A folder of an object store, by its URL; what is read of it goes through a cache."""

    url: str
    cache: Cache

    def name(self, path: str) -> str:
        return f"{self.url}/{path}"

    def read(self, path: str) -> bytes | None:
        filesystem, root = _filesystem(self.url)
        try:
            with filesystem.open_input_stream(f"{root}/{path}") as source:
                return bytes(source.read())
        except FileNotFoundError:
            return None

    def sizes(self, paths: Iterable[str]) -> Mapping[str, int]:
        filesystem, root = _filesystem(self.url)
        folders = {path.rpartition("/")[0] for path in paths}
        found = {}
        for each in folders:
            selector = pyarrow.fs.FileSelector(f"{root}/{each}".rstrip("/"), allow_not_found=True)
            for file in filesystem.get_file_info(selector):
                if file.is_file:
                    found[f"{each}/{file.base_name}".lstrip("/")] = int(file.size)
        return found

    def fetch(self, shard: Shard) -> Path:
        filesystem, root = _filesystem(self.url)

        def download(target: BinaryIO) -> None:
            with filesystem.open_input_stream(f"{root}/{shard.path}") as source:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)

        try:
            return self.cache.get(shard, download=download, name=self.name(shard.path))
        except FileNotFoundError as error:
            raise ManifestError(f"{self.name(shard.path)}: missing, but listed in the manifest") from error

    def checked(self, shard: Shard) -> Path:
        path = self.fetch(shard)
        with suppress(FileNotFoundError):  # others who use the cache may drop it
            if checksum(path) == shard.checksum:
                return path
            path.unlink()
        return self.fetch(shard)

    def prefetch(self, shards: Iterable[Shard], pool: ThreadPoolExecutor) -> None:
        left = self.cache.max_bytes
        for shard in shards:
            left -= shard.bytes
            if left < 0:
                return
            pool.submit(self.fetch, shard)  # an error comes up again where the shard is read

    def room(self) -> int | None:
        return self.cache.max_bytes


def opened(location: str | os.PathLike[str], *, cache: Cache | None) -> Folder:
    """The folder of a path or URL.

    Raises:
        ManifestError: it is remote, and there is no cache.
    """
    text = os.fspath(location)
    if text.startswith("file://"):
        text = pyarrow.fs.FileSystem.from_uri(text)[1]
    if "://" not in text:
        return LocalFolder(Path(text))
    if cache is None:
        raise ManifestError(f"{text} is remote: name a local folder for its shards, cache=Cache(folder=...)")
    return RemoteFolder(url=text.rstrip("/"), cache=cache)


def new_pool() -> ThreadPoolExecutor:
    """Threads for downloads; none runs before there is one."""
    return ThreadPoolExecutor(_DOWNLOADS, thread_name_prefix="gristmill-shards")


def checksum(path: Path) -> str:
    """XXH3-128 of a file."""
    state = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def _filesystem(url: str) -> tuple[Any, str]:
    """pyarrow's filesystem of a URL or, where it knows none, fsspec's; and the path in it."""
    try:
        filesystem, path = pyarrow.fs.FileSystem.from_uri(url)
    except pa.ArrowInvalid:
        fsspec = importlib.import_module("fsspec.core")
        found, path = fsspec.url_to_fs(url)
        filesystem = pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(found))
    return filesystem, path.rstrip("/")
