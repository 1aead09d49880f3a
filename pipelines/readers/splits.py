"""Cutting a file into splits, so that several workers can read it.

The law: the records of all splits are the records of the file read as one split. It holds because every boundary is a
place that the sequential reader passes; where that cannot be made sure of at little cost, we do not cut.
"""

from dataclasses import replace
from itertools import pairwise
from typing import BinaryIO

from gristmill.pipelines import files
from gristmill.pipelines.readers import parquet, warc
from gristmill.pipelines.readers.detect import detect
from gristmill.pipelines.readers.records import Compression, Split
from gristmill.pipelines.readers.streams import (
    MAGIC,
    MEBIBYTE,
    Forward,
    read_member,
    skip_skippable,
    zstd_dictionary,
)
from gristmill.schemas.recipe import Format

_FRAMES: tuple[Compression, ...] = ("gzip", "zstd", "lz4")
_MEMBER_LIMIT = 64 * MEBIBYTE
# A member's start within another member's data (a WARC file crawled as a payload) can be told from a true one, since
# deflate and zstd store incompressible data in blocks of at most 64 KiB or 128 KiB, with a header between them.
_PROOF = 160 << 10
_TRIES = 8


def plan(path: str, *, location: str, format: Format, split_bytes: int) -> list[Split]:
    """The splits of a file, each of about `split_bytes` bytes where the format allows it.

    Args:
        path: as tables show it.
        location: what to open.
        format: as the recipe names it; auto looks at the content.
        split_bytes: stored bytes per split.

    Raises:
        OSError: the file is missing or cannot be read.
    """
    kind = detect(location, format=format)
    n_bytes = files.size(location)
    framed = False
    whole = Split(
        path=path,
        location=location,
        format=kind.format,
        compression=kind.compression,
        start=0,
        end=None,
        size=n_bytes,
    )
    if kind.format == "parquet" and kind.compression == "none":
        return _splits(_parquet(location, n_bytes, split_bytes), whole)
    bounds = [0, n_bytes]
    if kind.format == "jsonl" and kind.compression == "none":
        bounds = [*range(0, max(n_bytes, 1), split_bytes), n_bytes]
    elif kind.format == "warc":
        with files.open_seekable(location) as file:
            if kind.compression == "none":
                bounds = _hop(file, n_bytes=n_bytes, split_bytes=split_bytes)
            elif kind.compression in _FRAMES:
                framed = _is_framed(file, kind.compression)
                if framed:
                    bounds = _members(file, kind.compression, n_bytes=n_bytes, split_bytes=split_bytes)
    sized = [(start, end, end - start) for start, end in pairwise(bounds)]
    return _splits(sized, replace(whole, framed=framed))


def _splits(sized: list[tuple[int, int, int]], whole: Split) -> list[Split]:
    """The last split is open-ended: what is behind a damaged index or a wrong size still belongs to it."""
    last = len(sized) - 1
    return [
        replace(whole, start=start, end=None if index == last else end, size=n_bytes)
        for index, (start, end, n_bytes) in enumerate(sized)
    ]


def _parquet(location: str, n_bytes: int, split_bytes: int) -> list[tuple[int, int, int]]:
    """Runs of row groups."""
    groups = parquet.row_groups(location)
    if not groups:
        return [(0, 0, n_bytes)]
    runs: list[tuple[int, int, int]] = []
    start, total = 0, 0
    for index, each in enumerate(groups):
        if total and total + each > split_bytes:
            runs.append((start, index, total))
            start, total = index, 0
        total += each
    return [*runs, (start, len(groups), total)]


def _hop(file: BinaryIO, *, n_bytes: int, split_bytes: int) -> list[int]:
    """Boundaries in a plain WARC file: from header to header, reading no block; none behind the first damage."""
    bounds = [0]
    at = 0
    while at < n_bytes:
        file.seek(at)
        stream = Forward(lambda n: file.read(min(n, 1 << 13)), offset=at)
        warc.skip_blank(stream)
        if stream.offset - bounds[-1] >= split_bytes:
            bounds.append(stream.offset)
        head = warc.peek_header(stream)
        if head is None or head.length is None:
            break
        at = stream.offset + head.size + head.length
        if at > n_bytes:
            break
        file.seek(at)
        if not warc.at_boundary(Forward(lambda n: file.read(min(n, 1 << 13)), offset=at)):
            break
    return [*bounds, n_bytes]


def _is_framed(file: BinaryIO, compression: Compression) -> bool:
    """Whether the first member holds just one record. A damaged first member leaves it to the second, and so on."""
    dictionary = zstd_dictionary(file) if compression == "zstd" else None
    start: int | None = 0
    for _ in range(_TRIES):
        start = warc.next_start(file, start or 0, compression, dictionary=dictionary)
        if start is None:
            return False
        file.seek(start)
        member = read_member(Forward(file.read), compression, limit=_MEMBER_LIMIT, dictionary=dictionary)
        if member.damage is None and member.whole:
            return warc.is_one_record(member.data)
        start += 1
    return False


def _members(file: BinaryIO, compression: Compression, *, n_bytes: int, split_bytes: int) -> list[int]:
    """Boundaries at members that hold a record, and that go on to be members for long enough to be true ones."""
    dictionary = zstd_dictionary(file) if compression == "zstd" else None
    bounds = [0]
    target = split_bytes
    while target < n_bytes:
        start: int | None = target
        for _ in range(_TRIES):
            start = warc.next_start(file, start or 0, compression, dictionary=dictionary)
            if start is None:
                return [*bounds, n_bytes]
            if _proven(file, start, compression, dictionary=dictionary):
                bounds.append(start)
                break
            start += 1
        target = max(target, bounds[-1]) + split_bytes
    return [*bounds, n_bytes]


def _proven(file: BinaryIO, start: int, compression: Compression, *, dictionary: bytes | None) -> bool:
    file.seek(start)
    window = Forward(file.read, offset=start)
    while window.offset < start + _PROOF:
        skip_skippable(window, compression)
        head = window.peek(6)
        if not head:
            return True
        if not head.startswith(MAGIC[compression]):
            return False
        before = window.offset
        member = read_member(window, compression, limit=16 * MEBIBYTE, dictionary=dictionary)
        if member.damage is not None and member.damage[0] != "too_large":
            return False
        if window.offset <= before or member.damage is not None:
            return window.offset >= start + _PROOF
    return True
