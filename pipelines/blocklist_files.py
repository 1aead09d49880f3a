"""The files of a blocklist: a file, a folder in the layout of UT1 (`adult/domains`, `adult/urls`), or a tar file of it.

Any of them may be compressed, which its content tells, and so may files in a folder. Nothing of an archive is unpacked:
its members are read as they come, and their names are nothing but names.
"""

import os
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO, BinaryIO, NamedTuple, cast

from gristmill.pipelines import files
from gristmill.pipelines.readers.records import Compression
from gristmill.pipelines.readers.streams import MAGIC, Forward, open_plain
from gristmill.schemas import Recipe, RecipeError, nearest
from gristmill.schemas.recipe import is_remote, resolve
from gristmill.schemas.recipe_measures import Blocklist

_ENTRIES = ("domains", "urls")
"""Names of the files that hold entries in the layout of UT1; `expressions` and `usage` hold none."""

_CHUNK = 1 << 18
_TAR_BLOCK = 512
_TAR_MAGIC = slice(257, 262)


class File(NamedTuple):
    """A file of a list."""

    location: str
    category: str | None
    """Name of the folder that it lies in, below the list's own."""


class Text(NamedTuple):
    """The entries of one category, or a part of them."""

    category: str | None
    chunks: Iterator[bytes]
    """To be read before the next text is asked for."""


def check(recipe: Recipe, *, folder: str) -> None:
    """See that every list is there, can be read to its end and names something, in each category asked for.

    A list is decompressed whole, since the phase that reads it comes after hours of other work in a large corpus.

    Raises:
        RecipeError: one is not, or does not; the message names the list and what to change.
    """
    for given in recipe.web.blocklists:
        try:
            _check(given, folder=folder)
        except OSError as error:
            reason = error.strerror or error
            raise RecipeError(f"web.blocklists: {given.name}: cannot read {given.path!r}: {reason}") from error
        except ValueError as error:
            raise RecipeError(f"web.blocklists: {given.name}: {error}") from error


def _check(given: Blocklist, *, folder: str) -> None:
    from gristmill.filters.web.blocklist import holds_entries  # noqa: PLC0415  (compiled kernels)

    missing: set[str | None] = set(given.categories or [None])
    seen: set[str] = set()
    for text in texts(find(given, folder=folder)):
        seen.add(text.category or "")
        wanted = text.category if given.categories else None
        if wanted in missing and holds_entries(text.chunks):
            missing.remove(wanted)
    if not missing:
        return
    if None in missing:
        raise ValueError(f"no line of {given.path!r} names a domain or URL; path must name a list of them")
    name = min(each for each in missing if each)
    if name in seen:
        raise ValueError(f"category {name!r} of {given.path!r} names no domain and no URL; take it out of categories")
    known = sorted(seen - {""})
    if not known:
        raise ValueError(f"{given.path!r} has no categories, and so not {name!r}; take categories out of the recipe")
    raise ValueError(f"{given.path!r} has no category {name!r}{nearest(name, known)}; known: {', '.join(known)}")


def find(given: Blocklist, *, folder: str) -> list[File]:
    """The files of a list, in the order of their paths.

    Raises:
        ValueError: there is none, or one is no file that can be read to its end.
    """
    location = resolve(given.path, folder=folder).rstrip("/")
    if files.is_file(location):
        return [File(location, None)]
    found = [
        File(path, None if (parent := path.rpartition("/")[0]) == location else PurePosixPath(parent).name)
        for path in sorted(_beneath(location))
        if _has_entries(path)
    ]
    for each in found:
        if not files.is_file(each.location):  # a pipe would be waited for, and never end
            raise ValueError(f"{each.location} is a broken link, a pipe or a device; path must name a list of files")
    if found:
        return found
    if files.exists(location):
        raise ValueError(f"the folder {given.path!r} holds no file named domains or urls; path must name a list")
    hint = nearest(location, files.list_files(location.rpartition("/")[0]))
    raise ValueError(f"path: no file or folder {given.path!r} (looked for {location}){hint}")


def _beneath(folder: str) -> list[str]:
    """Every file below a folder. Links to folders are not followed: UT1 has them as other names of categories."""
    if is_remote(folder):
        return files.expand(folder)
    return [f"{root}/{name}" for root, _, names in os.walk(folder) for name in names]


def _has_entries(path: str) -> bool:
    return PurePosixPath(path).name.partition(".")[0] in _ENTRIES


def texts(given: Sequence[File]) -> Iterator[Text]:
    """What the files say, one after the other; an archive, member by member.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is damaged.
    """
    for file in given:
        with files.open_seekable(file.location) as opened:
            plain, damage = open_plain(opened, _compression(opened))
            if plain.peek(_TAR_BLOCK)[_TAR_MAGIC] == b"ustar":
                yield from _members(plain)
            else:
                yield Text(file.category, _chunks(plain))
            while plain.skip(_CHUNK):  # what nobody asked for is read, too: it may be damaged
                pass
            if found := damage():
                raise ValueError(f"{file.location} is damaged: {found[1]}")


def _compression(file: BinaryIO) -> Compression:
    head = file.read(8)
    file.seek(0)
    return next((name for name, magic in MAGIC.items() if head.startswith(magic)), "none")


def _chunks(plain: Forward | IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: plain.read(_CHUNK), b"")


def _members(plain: Forward) -> Iterator[Text]:
    try:
        with tarfile.open(fileobj=cast(BinaryIO, plain), mode="r|") as archive:
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # it would keep them all
                content = archive.extractfile(member) if member.isfile() and _has_entries(member.name) else None
                if content is not None:
                    yield Text(PurePosixPath(member.name).parent.name or None, _chunks(content))
    except tarfile.TarError as error:
        raise ValueError(f"the tar file is damaged: {error}") from error
