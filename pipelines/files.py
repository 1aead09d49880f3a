"""Files on this machine or on any Beam filesystem, behind one handful of functions.

Beam is imported only for paths with a scheme (`gs://...`): the import takes seconds, and a local run never needs it.
"""

import functools
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch, fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, cast

import xxhash

from gristmill.schemas import key_of, nearest
from gristmill.schemas.recipe import is_remote, resolve

_CHUNK = 1 << 20
_GLOB = frozenset("*?[")
_TEMPORARY = ".tmp-"


def find(pattern: str, *, folder: str) -> list[str]:
    """The files that a path or pattern of a recipe in `folder` means; see `expand`.

    Raises:
        ValueError: there are none, or they cannot be listed; the message names the nearest file there is.
    """
    location = resolve(pattern, folder=folder)
    try:
        matches = expand(location)
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot list {location}: {error}") from error
    if not matches and exists(location):
        raise ValueError(f"{pattern!r} is neither a file nor a folder with files")
    if not matches:
        parent = location.rsplit("/", 1)[0]
        beside = [] if any(sign in parent for sign in "*?[") else list_files(parent)
        raise ValueError(f"no file matches {pattern!r} (looked in {parent}){nearest(location, beside)}")
    return matches


def expand(pattern: str) -> list[str]:
    """Every file that a path, a folder or a glob pattern (`*`, `?`, `[]`, `**`) stands for, sorted.

    A folder means every file below it. Names that begin with `.` or `_` are left out, unless the pattern itself spells
    them: they are marks and leftovers of other tools (`_SUCCESS`, `.part-0.crc`).
    """
    return _expand_remote(pattern) if is_remote(pattern) else _expand_local(pattern)


def open_seekable(path: str) -> BinaryIO:
    """Open a file for reading bytes, at any place in it.

    Raises:
        OSError: the file is missing or cannot be read.
    """
    if not is_remote(path):
        return Path(path).open("rb")
    # Without this Beam would decompress by the name's suffix; the readers go by content.
    from apache_beam.io.filesystem import CompressionTypes  # noqa: PLC0415

    opened = _filesystems().open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return cast(BinaryIO, opened)


def size(path: str) -> int:
    """Bytes in the file."""
    return int(_metadata(path).size_in_bytes) if is_remote(path) else Path(path).stat().st_size


def fingerprint(path: str) -> str:
    """32 hexadecimal digits that change when the file changes.

    A local file is named by its content. A remote file is named by what its filesystem says of it (size, checksum, time
    of change), since reading it all would cost as much as the work that the fingerprint is to save.
    """
    if is_remote(path):
        about = _metadata(path)
        checksum = _filesystems().checksum(path)
        return key_of([path, about.size_in_bytes, str(checksum), str(about.last_updated_in_seconds)])
    state = xxhash.xxh3_128()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    return state.hexdigest()


def exists(path: str) -> bool:
    """Whether a file or a folder is there."""
    return bool(_filesystems().exists(path)) if is_remote(path) else Path(path).exists()


def is_file(path: str) -> bool:
    """Whether a file is there that can be read to its end: no folder, pipe or device."""
    return bool(_filesystems().exists(path)) if is_remote(path) else Path(path).is_file()


def is_below(path: str, folder: str) -> bool:
    """Whether a file lies somewhere in a folder, by whatever way either is named."""
    if is_remote(path) or is_remote(folder):
        return path.startswith(folder.rstrip("/") + "/")
    return _real(str(Path(path).parent)).is_relative_to(_real(folder))


@functools.lru_cache(maxsize=1024)
def _real(folder: str) -> Path:
    return Path(folder).resolve()


def is_empty(folder: str) -> bool:
    """Whether nothing lies in a folder, or there is none; hidden files do not count."""
    if is_remote(folder):
        prefix = folder.rstrip("/") + "/"
        return not any(_visible(path, prefix) for path in _match(prefix + "**"))
    return not Path(folder).is_dir() or all(each.name.startswith(".") for each in Path(folder).iterdir())


def remove(path: str) -> None:
    """Remove a file; a missing one is no error."""
    if is_remote(path):
        if exists(path):
            _filesystems().delete([path])
    else:
        Path(path).unlink(missing_ok=True)


def list_files(folder: str) -> list[str]:
    """The files directly in a folder, sorted, temporary and hidden ones left out; nothing if there is no folder."""
    if is_remote(folder):
        prefix = folder.rstrip("/") + "/"
        found = _match(prefix + "*")
        return [path for path in found if "/" not in path[len(prefix) :] and _visible(path, prefix)]
    try:
        return sorted(str(each) for each in Path(folder).iterdir() if each.is_file() and not _hidden(each.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read(path: str) -> bytes:
    """All bytes of a small file."""
    with open_seekable(path) as file:
        return file.read()


def sizes(folder: str) -> dict[str, int]:
    """Every file below a folder, or the one file at the path, with its size in bytes; hidden files too."""
    if is_remote(folder):
        every = _filesystems().match([folder, folder.rstrip("/") + "/**"])
        return {str(each.path): int(each.size_in_bytes) for found in every for each in found.metadata_list}
    if Path(folder).is_file():
        return {folder: size(folder)}
    return {
        str(path): path.stat().st_size
        for root, _, names in os.walk(folder)
        for path in (Path(root, name) for name in names)
        if path.is_file()
    }


def remove_leftovers(folder: str) -> None:
    """Remove the temporary files that killed writers left below a local folder."""
    for path in sizes(folder):
        name = Path(path).name
        if name.startswith(".") and _TEMPORARY in name:
            remove(path)


def stamp(path: str) -> list[int | str]:
    """What changes when a file changes, without reading it: its size, and when and where it was written."""
    if is_remote(path):
        return [fingerprint(path)]
    status = Path(path).stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def relative(path: str, *, folder: str) -> str:
    """A local path as seen from a folder, with forward slashes."""
    return os.path.relpath(path, folder).replace(os.sep, "/")


def write_atomically(path: str, data: bytes) -> None:
    """Write a file so that it is seen whole or not at all."""
    with writing(path) as file:
        file.write(data)


@contextmanager
def writing(path: str) -> Iterator[BinaryIO]:
    """Write a file so that it is seen whole or not at all: it takes its name when the block ends without an exception.

    The folder is made if need be. Remote filesystems publish an object when it is closed; there the file is written
    under its own name, and deleted when the block fails.
    """
    if is_remote(path):
        with _writing_remote(path) as file:
            yield file
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic only within one filesystem.
    temporary = target.with_name(f".{target.name}{_TEMPORARY}{secrets.token_hex(6)}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def _writing_remote(path: str) -> Iterator[BinaryIO]:
    from apache_beam.io.filesystem import CompressionTypes  # noqa: PLC0415

    file = _filesystems().create(path, compression_type=CompressionTypes.UNCOMPRESSED)
    try:
        yield cast(BinaryIO, file)
    except BaseException:
        with suppress(Exception):
            file.close()
        with suppress(Exception):
            remove(path)
        raise
    file.close()


def _expand_local(pattern: str) -> list[str]:
    path = Path(pattern)
    if path.is_file():  # before the glob, since a file's name may hold a bracket
        return [str(path)]
    if path.is_dir():
        return sorted(str(each) for each in _files_below(path) if not any(map(_hidden, each.relative_to(path).parts)))
    if not _GLOB.intersection(pattern):
        return []
    parts = path.parts
    first = next(index for index, part in enumerate(parts) if _GLOB.intersection(part))
    folder, below = Path(*parts[:first]), list(parts[first:])
    spelt = {part for part in below if _hidden(part)}
    if below[-1] == "**":
        below.append("*")
    # Path.glob follows no links below a `**`: what lies behind one would be left out without a word.
    every = _files_below(folder) if "**" in below else folder.glob("/".join(below))
    return sorted(
        {
            str(each)
            for each in every
            if _counts(each)
            and _matches(each.relative_to(folder).parts, below)
            and not any(_hidden(part) for part in _not_spelt(each.relative_to(folder), spelt))
        }
    )


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path's parts fit a pattern's, of which `**` stands for any number."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _not_spelt(path: Path, spelt: set[str]) -> Iterator[str]:
    """The parts of a path that no part of the pattern that begins with `.` or `_` stands for."""
    return (part for part in path.parts if not any(fnmatch(part, each) for each in spelt))


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder, links followed, hidden ones too."""
    seen: set[str] = set()  # a link may lead back up
    for root, folders, names in os.walk(folder, followlinks=True):
        place = os.path.realpath(root)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        folders.sort()
        yield from (Path(root, name) for name in names if _counts(Path(root, name)))


def _counts(path: Path) -> bool:
    """Whether to read it: a file, or a link that leads nowhere, which is an error and must not be passed over."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _hidden(name: str) -> bool:
    return name.startswith((".", "_")) and name not in (".", "..")


def _visible(path: str, prefix: str) -> bool:
    return not any(_hidden(part) for part in path[len(prefix) :].split("/"))


def _expand_remote(pattern: str) -> list[str]:
    if _GLOB.intersection(pattern.split("://", 1)[1]):
        fixed = min(pattern.find(each) for each in _GLOB if each in pattern)
        prefix = pattern[: pattern.rfind("/", 0, fixed) + 1]
        return [path for path in _match(pattern) if _visible(path, prefix)]
    exact = _match(pattern)
    if exact == [pattern]:
        return exact
    prefix = pattern.rstrip("/") + "/"
    return [path for path in _match(prefix + "**") if _visible(path, prefix)]


def _match(pattern: str) -> list[str]:
    (result,) = _filesystems().match([pattern])
    return sorted(str(each.path) for each in result.metadata_list)


def _metadata(path: str) -> Any:
    (result,) = _filesystems().match([path])
    for each in result.metadata_list:
        if each.path == path:
            return each
    raise FileNotFoundError(f"{path}: no such file")


def _filesystems() -> Any:
    from apache_beam.io.filesystems import FileSystems  # noqa: PLC0415

    return FileSystems
