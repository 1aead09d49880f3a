"""Where islands keep their files: a directory, or a bucket of an object store.

Both let one of many create a name: a link to a name that is there fails, and so does a conditional write (S3's
If-None-Match, Google's ifGenerationMatch, Azure's overwrite=false).
"""

import errno
import os
import time
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

_CONDITIONAL = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory"})
"""Filesystems of fsspec that create a name for one only; what others have in place of that looks first, then writes.
So does memory, which is one process's and serves to try things."""

_PAUSE = 1.0
"""Seconds from one write of a name to the next: Google's store takes no more."""

_WAITS = (1, 2, 4, 8, 16, 32, 60, 60)
"""Seconds after which a store that is out of reach is asked again."""

_MARKS = ("ETag", "etag", "generation", "LastModified", "last_modified", "updated", "created", "size")
"""What S3, Azure, Google and memory list of a file that is another after each write."""


class Store(Protocol):
    """Files by name, each of them whole."""

    def create(self, name: str, data: bytes) -> bool:
        """Write a file. False where there is another of that name, or its folder is being tidied up."""

    def read(self, name: str) -> bytes | None:
        """A file; None where there is none."""

    def names(self, folder: str) -> list[str]:
        """What is in a folder, sorted."""

    def remove(self, name: str) -> None:
        """Remove a file, or a folder and the files in it."""

    def forget(self, own: str) -> None:
        """Remove what an island that is no more left unfinished."""

    def touch(self, name: str) -> None:
        """Change a file's mark, unless that was done a moment ago. Raises FileNotFoundError where there is none."""

    def marks(self, folder: str) -> dict[str, Hashable]:
        """A mark for each file of a folder, which changes when it is touched."""


def open_store(location: str | Path, *, own: str) -> Store:
    """A folder's path, or a URL such as s3://bucket/run; `own` is whose files those are that are not finished.

    Raises:
        ValueError: islands cannot work there.
    """
    protocol, _, rest = str(location).rpartition("://")
    if protocol in ("", "file", "local"):
        return Folder(Path(rest), own=own)
    if protocol not in _CONDITIONAL:
        raise ValueError(
            f"islands: {protocol}:// cannot promise that one of many creates a name; take a folder, s3://, gs:// or az://"
        )
    return Bucket(str(location))


class Folder:
    """A directory, local or of a network file system. A file is written elsewhere and linked to its name."""

    def __init__(self, path: Path, *, own: str) -> None:
        self._path, self._own = path, f"unfinished/{own}"

    def create(self, name: str, data: bytes) -> bool:
        path, unfinished = self._path / name, self._path / self._own
        for each in (unfinished, path):
            each.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, path)
        except (FileExistsError, FileNotFoundError):
            return False
        finally:
            unfinished.unlink(missing_ok=True)
        return True

    def read(self, name: str) -> bytes | None:
        try:
            return (self._path / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(each.name for each in (self._path / folder).iterdir())
        except FileNotFoundError:
            return []

    def remove(self, name: str) -> None:
        for each in [f"{name}/{inside}" for inside in self.names(name)] if (self._path / name).is_dir() else [name]:
            (self._path / each).unlink(missing_ok=True)
        with suppress(OSError):
            (self._path / name).rmdir()

    def forget(self, own: str) -> None:
        self.remove(f"unfinished/{own}")

    def touch(self, name: str) -> None:
        os.utime(self._path / name)

    def marks(self, folder: str) -> dict[str, Hashable]:
        found: dict[str, Hashable] = {}
        for name in self.names(folder):
            with suppress(FileNotFoundError):
                found[name] = (self._path / folder / name).stat().st_mtime_ns
        return found


class Bucket:
    """A prefix in an object store, by fsspec.

    Raises:
        ValueError: what it needs is not installed.
    """

    def __init__(self, url: str) -> None:
        import fsspec.core  # noqa: PLC0415  (s3fs and its like take a second to import)

        try:
            found, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except ImportError as error:
            raise ValueError(f"islands: {url}: {error}") from error
        self._fs: Any = found
        self._url, self._path = url, path.rstrip("/")
        self._was_reached = False
        self._touched: dict[str, float] = {}

    def create(self, name: str, data: bytes) -> bool:
        try:
            self._asked(self._fs.pipe_file, f"{self._path}/{name}", data, mode="create")
        except OSError as error:
            # A request that is sent again after its answer was lost finds its own file.
            there = self.read(name) if _is_answer(error) else None
            if there is None and not isinstance(error, FileExistsError):
                raise
            return there == data
        return True

    def read(self, name: str) -> bytes | None:
        try:
            data: bytes = self._asked(self._fs.cat_file, f"{self._path}/{name}")
        except FileNotFoundError:
            return None
        return data

    def names(self, folder: str) -> list[str]:
        return sorted(self.marks(folder))

    def remove(self, name: str) -> None:
        """What cannot be removed now is left for the next time: others may write there, or remove it too."""
        with suppress(Exception):
            self._fs.rm(f"{self._path}/{name}", recursive=True)

    def forget(self, own: str) -> None:
        """Nothing: what is not finished is not there."""

    def touch(self, name: str) -> None:
        """A file that goes between look and write comes back: its island learns from the commits that it was lost."""
        path, now = f"{self._path}/{name}", time.monotonic()
        if now - self._touched.get(name, -_PAUSE) < _PAUSE:
            return
        self._touched[name] = now
        if not self._asked(self._fs.exists, path):
            raise FileNotFoundError(path)
        self._asked(self._fs.pipe_file, path, str(time.time_ns()).encode())

    def marks(self, folder: str) -> dict[str, Hashable]:
        path = f"{self._path}/{folder}"
        try:
            found = self._asked(self._fs.ls, path, detail=True)
        except FileNotFoundError:
            return {}
        # Some stores list a folder itself among what is in it.
        inside = {each["name"].rstrip("/"): each for each in found}
        return {name.rpartition("/")[2]: tuple(map(each.get, _MARKS)) for name, each in inside.items() if name != path}

    def _asked(self, request: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """What the store answers. One that is out of reach is asked again for some minutes, if it was reached before.

        Raises:
            OSError: it answers that this is impossible, or it is out of reach.
        """
        waits = iter(_WAITS)
        while True:
            try:
                answer = request(*given, **more)
            except Exception as error:  # each library has its own
                if _is_answer(error):
                    self._was_reached = True
                    raise
                wait = next(waits, None) if self._was_reached else None
                if wait is None:
                    raise OSError(f"islands: {self._url} is out of reach ({type(error).__name__}: {error})") from error
                time.sleep(wait)
            else:
                self._was_reached = True
                return answer


def _is_answer(error: Exception) -> bool:
    """Whether the store was reached, and asking again is no use. S3's "a condition does not hold" may be EINVAL."""
    answers = (FileNotFoundError, FileExistsError, PermissionError)
    return isinstance(error, answers) or (isinstance(error, OSError) and error.errno == errno.EINVAL)
