"""Sites: the registrable domain of a host, by the public suffix list (publicsuffix.org), wildcards and exceptions too.

The list is the one that the package publicsuffixlist carries; nothing is fetched. Its private section counts as well:
`a.blogspot.com` is a site, for `blogspot.com` is a suffix under which anybody may have a name. A host that is itself a
suffix has no site, nor has an IP address. A top-level domain that is not listed is a suffix (the list's rule `*`).
"""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from publicsuffixlist import PSLFILE

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import Int64s, Text, UInt8s, UInt64s, texts_of
from gristmill.filters.web.hosts import SEED, canonical_host, hash_byte, hash_end, hashes_of, slices

_EXACT, _WILDCARD, _EXCEPTION = 1, 2, 4


class Suffixes(NamedTuple):
    """Rules of the list by the hash of their name, in a table with open addressing; a kind of 0 is an empty place."""

    hashes: UInt64s
    kinds: UInt8s
    most_labels: int


@functools.cache
def suffixes() -> Suffixes:
    """The rules of the bundled list. Made once in a process, in some 50 ms."""
    kinds: dict[str, int] = {}
    for name, kind in _rules():
        kinds[name] = kinds.get(name, 0) | kind
    hashes = hashes_of(pa.array(list(kinds), pa.string()))
    table = np.zeros(1 << (4 * len(kinds)).bit_length(), np.uint64)
    found = np.zeros(len(table), np.uint8)
    _fill(hashes, np.array(list(kinds.values()), np.uint8), table, found)
    return Suffixes(table, found, max(name.count(".") for name in kinds) + 1)


def _rules() -> Iterator[tuple[str, int]]:
    for line in Path(PSLFILE).read_text("utf-8").splitlines():
        rule = line.partition(" ")[0].strip()
        if not rule or rule.startswith("//"):
            continue
        kind = _EXCEPTION if rule.startswith("!") else _WILDCARD if rule.startswith("*.") else _EXACT
        name = canonical_host(rule.removeprefix("!").removeprefix("*."))
        assert name is not None, f"the public suffix list has a rule that is no name: {rule}"
        yield name, kind


@jit
def _fill(hashes: UInt64s, kinds: UInt8s, table: UInt64s, found: UInt8s) -> None:
    last = np.uint64(len(table) - 1)
    for i in range(len(hashes)):
        at = hashes[i] & last
        while found[at]:
            at = (at + np.uint64(1)) & last
        table[at], found[at] = hashes[i], kinds[i]


@jit
def _kind(hash_: Any, rules: Suffixes) -> Any:
    last = np.uint64(len(rules.hashes) - 1)
    at = hash_ & last
    while rules.kinds[at]:
        if rules.hashes[at] == hash_:
            return rules.kinds[at]
        at = (at + np.uint64(1)) & last
    return 0


@jit
def _suffix_labels(data: UInt8s, start: int, end: int, rules: Suffixes) -> int:
    """Labels of the public suffix: the longest rule that matches decides; a wildcard takes in one label more, and the
    name under it that is excepted one less."""
    labels, depth, state = 1, 0, SEED
    for i in range(end - 1, start - 1, -1):
        state = hash_byte(state, data[i])
        if i > start and data[i - 1] != 46:
            continue
        if data[i] == 46:
            continue
        depth += 1
        if depth > rules.most_labels:
            break
        kind = _kind(hash_end(state), rules)
        if kind & _EXCEPTION:
            labels = depth - 1
        elif kind & _WILDCARD:
            labels = depth + 1 if i > start else depth
        elif kind & _EXACT:
            labels = depth
    return labels


@jit
def _is_address(data: UInt8s, start: int, end: int) -> bool:
    """Whether a host in its one spelling is an IP address: it has a colon, or its last label is a number."""
    digits = True
    for i in range(end - 1, start - 1, -1):
        if data[i] == 46:
            return digits
        if data[i] == 58:
            return True
        digits = digits and 48 <= data[i] <= 57
    return False


@jit
def _site_starts(text: Text, rules: Suffixes) -> Int64s:
    starts = np.full(len(text.offsets) - 1, -1, np.int64)
    for d in range(len(starts)):
        start, end = text.offsets[d], text.offsets[d + 1]
        if start == end or _is_address(text.data, start, end):
            continue
        wanted = _suffix_labels(text.data, start, end, rules) + 1
        labels = 1
        i = end - 1
        while i >= start:
            if text.data[i] == 46:
                if labels == wanted:
                    break
                labels += 1
            i -= 1
        if labels == wanted:
            starts[d] = i + 1
    return starts


def site_starts(hosts: Text) -> Int64s:
    """Where the site begins in each host, as a position in the buffer; -1 where there is none."""
    return _site_starts(hosts, suffixes())


def sites_of(hosts: pa.StringArray) -> pa.StringArray:
    """The site of every host in its one spelling; null where it has none. Some 100 ns each."""
    (text,) = texts_of(hosts)
    starts = site_starts(text)
    return slices(text.data, starts, text.offsets[1:], valid=starts >= 0)


def site_of(host: str) -> str | None:
    """The site of one host."""
    site: str | None = sites_of(pa.array([host], pa.string()))[0].as_py()
    return site
