"""Blocklists of millions of domains: 64-bit hashes, sorted, found by their leading bits.

A URL is on a list if the list names its host, or a parent of it down to the registrable domain (see `sites`), or the
beginning of the URL. So an entry that is itself a public suffix (`co.uk`, `blogspot.com`) names that host alone, never
all that is registered below it.

A list takes 8 bytes for an entry, and 2 more where it has categories. Two names share a hash with probability 2^-64: a
list of n entries takes a name that it does not hold for one that it does with probability n / 2^64, which for 5 million
is 3e-13. It never misses one that it holds.
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import Int64s, Text, UInt8s, UInt64s, texts_of
from gristmill.filters.web.blocklist_entries import MAX_PATH, PATHS, keys_of_lines
from gristmill.filters.web.hosts import SEED, Hosts, hash_byte, hash_end
from gristmill.filters.web.sites import site_starts

UInt16s = npt.NDArray[np.uint16]
UInt32s = npt.NDArray[np.uint32]

MAX_CATEGORIES = 1 << 16
_PER_BUCKET = 8
_BLOCK = 1 << 20
_MAX_LINE = 1 << 16


class Entries(NamedTuple):
    """The entries of a list, as they are stored: pairs of key and category, sorted, each once."""

    keys: UInt64s
    categories: UInt16s
    """Number of each entry's category; empty where there is but one."""
    paths: bool
    """Whether any entry is for URLs."""


class Read(NamedTuple):
    """A list as it was read."""

    entries: Entries
    counts: tuple[int, ...]
    """Entries of each category, repeats included."""
    ignored: int
    """Lines that are no entry, nor blank, nor a comment."""


class Index(NamedTuple):
    """A list to look URLs up in; its arrays may lie in a mapped file."""

    keys: UInt64s
    categories: UInt16s
    buckets: UInt32s
    """First key of each bucket, which holds the keys with the same leading bits; and the number of keys."""
    shift: np.uint64
    """Bits of a key that do not tell its bucket."""
    paths: bool


class Hits(NamedTuple):
    """Rows that a list names, with the number of the category: pairs, sorted, each once."""

    rows: Int64s
    categories: Int64s


def read(categories: Iterable[Iterable[bytes]]) -> Read:
    """Read a list: of each category its text, in chunks of any size.

    Time: linear, and a sort of numbers. Memory: 36 bytes an entry at the peak, and a few chunks.

    Raises:
        ValueError: there are too many categories.
    """
    keys: list[UInt64s] = [np.empty(0, np.uint64)]
    sizes: list[int] = []
    counts: list[int] = []
    ignored, paths = 0, False
    for chunks in categories:
        size = count = 0
        for lines in _whole_lines(chunks):
            found = keys_of_lines(lines)
            keys.append(found.keys)
            size, count = size + len(found.keys), count + found.entries
            ignored, paths = ignored + found.ignored, paths or found.paths
        sizes.append(size)
        counts.append(count)
    if len(sizes) > MAX_CATEGORIES:
        raise ValueError(f"a blocklist has {len(sizes)} categories; at most {MAX_CATEGORIES} fit")
    every = np.concatenate(keys)
    keys.clear()
    return Read(_sorted(every, sizes, paths=paths), tuple(counts), ignored)


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The text in blocks of whole lines. Of a line that goes on and on a zero byte stays: no entry, but counted."""
    pending, within_long_line = b"", False
    for chunk in chunks:
        if within_long_line:
            _, newline, chunk = chunk.partition(b"\n")  # noqa: PLW2901
            within_long_line = not newline
        pending += chunk
        if len(pending) < _BLOCK:
            continue
        cut = pending.rfind(b"\n") + 1
        block, pending = pending[:cut], pending[cut:]
        if len(pending) > _MAX_LINE:
            block, pending, within_long_line = block + b"\0\n", b"", True
        yield block
    if pending:
        yield pending


def holds_entries(chunks: Iterable[bytes]) -> bool:
    """Whether any line of a text is an entry; reads no further than to the first few."""
    return any(keys_of_lines(lines).entries for lines in _whole_lines(chunks))


def _sorted(keys: UInt64s, sizes: list[int], *, paths: bool) -> Entries:
    if len(sizes) <= 1:
        keys.sort()
        return Entries(keys[_fresh(keys)], np.empty(0, np.uint16), paths)
    order = np.argsort(keys, kind="stable")
    categories = np.repeat(np.arange(len(sizes), dtype=np.uint16), sizes)[order]
    keys = keys[order]
    del order
    fresh = _fresh(keys)
    fresh[1:] |= categories[1:] != categories[:-1]
    return Entries(keys[fresh], categories[fresh], paths)


def _fresh(keys: UInt64s | Int64s) -> npt.NDArray[np.bool_]:
    fresh = np.ones(len(keys), np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    return fresh


def index_of(entries: Entries) -> Index:
    """Make a list ready for looking up, in one pass over its keys. Memory of its own: half a byte to a byte an entry.

    Raises:
        ValueError: the keys are not sorted, or there are not as many categories.
    """
    if len(entries.categories) not in (0, len(entries.keys)):
        raise ValueError("a blocklist has not as many categories as keys")
    bits = max(0, (len(entries.keys) // _PER_BUCKET).bit_length())
    keys, categories = entries.keys.view(), entries.categories.view()
    for each in (keys, categories):
        each.setflags(write=False)  # mapped or not: one type, and so one compiled kernel, for both
    buckets = _buckets(keys, bits)
    if len(buckets) == 0:
        raise ValueError("the keys of a blocklist are not sorted")
    return Index(keys, categories, buckets, np.uint64(64 - bits), entries.paths)


@jit
def _buckets(keys: UInt64s, bits: int) -> UInt32s:
    """The first key of each bucket, and the number of keys; nothing where the keys are not sorted."""
    shift = np.uint64(64 - bits)
    buckets = np.empty((1 << bits) + 1, np.uint32)
    bucket, before = 0, np.uint64(0)
    for i in range(len(keys)):
        if keys[i] < before:
            return buckets[:0]
        before = keys[i]
        own = np.int64(before >> shift) if bits else 0
        while bucket <= own:
            buckets[bucket] = i
            bucket += 1
    buckets[bucket:] = len(keys)
    return buckets


def look_up(index: Index, hosts: Hosts) -> Hits:
    """Which URLs are on the list. Cost: about a microsecond each, whatever the length of the list."""
    (names,) = texts_of(hosts.names)
    rows, categories = _look_up(index, names, site_starts(names), hosts.urls, hosts.rests)
    pairs = np.sort(rows << 16 | categories)
    pairs = pairs[_fresh(pairs)]
    return Hits(pairs >> 16, pairs & (MAX_CATEGORIES - 1))


@jit
def _find(index: Index, key: Any) -> int:
    """The first place of a key, -1 where it is not there."""
    bucket = np.int64(key >> index.shift) if index.shift < np.uint64(64) else 0
    for at in range(np.int64(index.buckets[bucket]), np.int64(index.buckets[bucket + 1])):
        if index.keys[at] >= key:
            return at if index.keys[at] == key else -1
    return -1


@jit
def _note(index: Index, key: Any, row: int, rows: Any, categories: Any) -> None:
    at = _find(index, key)
    if at < 0:
        return
    while at < len(index.keys) and index.keys[at] == key:
        rows.append(row)
        categories.append(np.int64(index.categories[at]) if len(index.categories) else 0)
        at += 1


@jit
def _look_up(index: Index, names: Text, sites: Int64s, urls: Text, rests: Int64s) -> Any:
    rows, categories = [np.int64(0) for _ in range(0)], [np.int64(0) for _ in range(0)]
    for d in range(len(sites)):
        start, end = names.offsets[d], names.offsets[d + 1]
        if start == end:
            continue
        top = sites[d] if sites[d] >= 0 else start
        bare = start + 4 if _has_www(names.data, start, end) else start
        state, of_bare = SEED, SEED
        for i in range(end - 1, start - 1, -1):
            state = hash_byte(state, names.data[i])
            if i == bare:
                of_bare = state
            if i <= top and (i == start or names.data[i - 1] == 46):
                _note(index, hash_end(state), d, rows, categories)
        if index.paths and _find(index, hash_end(hash_byte(of_bare, PATHS))) >= 0:
            rest = urls.data[rests[d] : urls.offsets[d + 1]]
            for key in _keys_of_path(of_bare, rest):
                _note(index, key, d, rows, categories)
    return np.array(rows), np.array(categories)


@jit
def _has_www(name: UInt8s, start: int, end: int) -> bool:
    return (
        end - start > 4
        and name[start] == 119
        and name[start + 1] == 119
        and name[start + 2] == 119
        and name[start + 3] == 46
    )


@jit
def _keys_of_path(state: Any, rest: UInt8s) -> Any:
    """The keys of all beginnings of path and query that end where a part of them does; `state` is the host's."""
    keys = np.empty(min(len(rest), MAX_PATH) + 1, np.uint64)
    n = 0
    if len(rest) and rest[0] == 63:
        state = hash_byte(state, 47)
    for i in range(min(len(rest), MAX_PATH)):
        byte = rest[i]
        if i and byte in (47, 63, 38, 35):
            keys[n] = hash_end(state)
            n += 1
        if byte == 35:
            return keys[:n]
        state = hash_byte(state, byte)
    if 0 < len(rest) <= MAX_PATH:
        keys[n] = hash_end(state)
        n += 1
    return keys[:n]
