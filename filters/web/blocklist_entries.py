"""Lines of a blocklist as entries: a domain, or the beginning of a URL.

Every line is read by itself, so a list may mix forms:

| line | entry |
|---|---|
| `ads.example`, `*.ads.example`, `.ads.example` | the domain and all below it |
| `0.0.0.0 ads.example` (hosts file) | the same; names without a dot are passed over |
| `||ads.example^` (Adblock), with `$important`, `$all`, `$document` or no options | the same |
| `ads.example/shop/`, `http://ads.example:80/shop` (UT1 `urls`) | URLs of that host that begin so |
| `192.0.2.1` | that address |
| blank, or beginning with `#`, `!`, `;` or `[` | a comment |

Whatever else a line holds (Adblock's other rules and exceptions, regular expressions, prose) is no entry, and counted.

An entry is written as its host in its one spelling (see `hosts`), for URLs without a leading `www.` and followed by
path and query without a trailing slash. A kernel reads the plain lines, which nearly all are, at some 10 million a
second; the others go one by one through `entries`.
"""

import ipaddress
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import Int64s, Text, UInt8s, UInt64s, texts_of
from gristmill.filters.web.hosts import SEED, canonical_host, hash_byte, hash_end, is_plain_name, lower

MAX_PATH = 2048
"""Bytes of path and query that are compared."""

PATHS = np.uint8(0)
"""Stands behind a host, in place of a path, to say that entries for URLs of it follow: no path holds a zero."""

_SLASH, _QUESTION = 47, 63
_OPTIONS = frozenset({"", "important", "all", "document", "doc"})
_UNNAMED = frozenset({"localhost.localdomain", "0.0.0.0"})
_MAX_LINE = 8192


class Keys(NamedTuple):
    """The entries of some lines as hashes, in the order of the lines; repeats included."""

    keys: UInt64s
    paths: bool
    """Whether one of them is for URLs."""
    entries: int
    ignored: int
    """Lines that are no entry, nor blank, nor a comment."""


def entries(line: str) -> list[str] | None:
    """The entries of a line: none for a comment, and None where the line is neither."""
    line = line.strip().removeprefix("\ufeff").strip()
    if not line or line[0] in "#!;[" or len(line) > _MAX_LINE:
        return [] if len(line) <= _MAX_LINE else None
    line = _without_comment(line)
    if line.startswith("||"):
        return _adblock(line)
    names = line.split()
    if len(names) > 1:
        return _hosts_line(names)
    entry = _entry(line)
    return None if entry is None else [entry]


def _without_comment(line: str) -> str:
    for place, sign in enumerate(line):
        if sign == "#" and line[place - 1] in " \t":
            return line[:place].rstrip()
    return line


def _adblock(line: str) -> list[str] | None:
    name, sign, options = line.removeprefix("||").partition("^")
    if not sign or not set(options.removeprefix("$").split(",")) <= _OPTIONS or "/" in name:
        return None
    entry = _entry(name)
    return None if entry is None else [entry]


def _hosts_line(names: list[str]) -> list[str] | None:
    try:
        ipaddress.ip_address(names[0].partition("%")[0])
    except ValueError:
        return None
    found = [_entry(name) for name in names[1:] if "." in name and "/" not in name and name.lower() not in _UNNAMED]
    return [entry for entry in found if entry is not None]


def _entry(written: str) -> str | None:
    scheme, sign, rest = written.partition("://")
    if not sign:
        rest = written
    elif scheme.lower() not in ("http", "https", "ftp"):
        return None
    cut = next((place for place, each in enumerate(rest) if each in "/?#"), len(rest))
    authority, path = rest[:cut], rest[cut:].partition("#")[0]
    if not path and not sign and "#" in rest:  # `example.com##.banner` hides a part of a page that is wanted
        return None
    host = _host(authority)
    if host is None:
        return None
    path = path if path.startswith("/") or not path else f"/{path}"
    path = path.rstrip("/")
    if len(path.encode()) > MAX_PATH or "*" in path:
        return None
    return host.removeprefix("www.") + path if path else host


def _host(authority: str) -> str | None:
    authority = authority.rpartition("@")[2]
    if not authority.startswith("["):
        authority = authority.partition(":")[0]
    host = canonical_host(authority.removeprefix("*").removeprefix("."))
    return host if host and ("." in host or ":" in host) else None


@jit
def _name_of_line(data: UInt8s, start: int, end: int) -> Any:
    """Where the name of a plain line begins and ends; both -1 for a comment, and an empty span for any other line."""
    while start < end and data[start] in (32, 9, 13):
        start += 1
    while end > start and data[end - 1] in (32, 9, 13):
        end -= 1
    if start == end or data[start] in (35, 33, 59, 91):
        return -1, -1
    if end - start > 4 and data[start] == 124 and data[start + 1] == 124 and data[end - 1] == 94:
        start, end = start + 2, end - 1
    elif data[start] in (48, 49):
        start = _behind_null_address(data, start, end)
    dots = 0
    for i in range(start, end):
        dots += data[i] == 46
    if dots and is_plain_name(data, start, end):
        return start, end
    return start, start


@jit
def _behind_null_address(data: UInt8s, start: int, end: int) -> int:
    """Where the name behind `0.0.0.0 ` or `127.0.0.1 ` begins; the start where neither stands there."""
    for address in (b"0.0.0.0", b"127.0.0.1"):
        n = len(address)
        if end - start <= n or (data[start + n] != 32 and data[start + n] != 9):
            continue
        same = True
        for k in range(n):
            same = same and data[start + k] == address[k]
        if same:
            at = start + n
            while at < end and data[at] in (32, 9):
                at += 1
            return at
    return start


@jit
def _hash_entry(data: UInt8s, start: int, end: int) -> Any:
    """The hash of an entry, and the one that says that its host has URLs. The host is hashed from its end, the path
    from its beginning."""
    slash = start
    while slash < end and data[slash] != _SLASH:
        slash += 1
    state = SEED
    for i in range(slash - 1, start - 1, -1):
        state = hash_byte(state, lower(data[i]))
    marker = hash_end(hash_byte(state, PATHS))
    for i in range(slash, end):
        state = hash_byte(state, data[i])
    return hash_end(state), marker, slash < end


@jit
def _plain_lines(data: UInt8s, keys: UInt64s, odd: Int64s) -> Any:
    """Fill in the keys of plain lines, and the bounds of the others; the number of each."""
    n_keys, n_odd, start = 0, 0, 0
    for i in range(len(data)):
        if data[i] != 10:
            continue
        first, last = _name_of_line(data, start, i)
        if first < last:
            keys[n_keys] = _hash_entry(data, first, last)[0]
            n_keys += 1
        elif first >= 0:
            odd[2 * n_odd], odd[2 * n_odd + 1] = start, i
            n_odd += 1
        start = i + 1
    return n_keys, n_odd


@jit
def _entry_keys(text: Text, keys: UInt64s) -> Any:
    """The keys of entries, and of the hosts with URLs among them; the number of keys."""
    n = 0
    for d in range(len(text.offsets) - 1):
        key, marker, has_path = _hash_entry(text.data, text.offsets[d], text.offsets[d + 1])
        keys[n] = key
        n += 1
        if has_path:
            keys[n] = marker
            n += 1
    return n


def keys_of_lines(lines: bytes) -> Keys:
    """The entries of whole lines, the last of which may lack its newline. Memory: 30 bytes a line."""
    if not lines.endswith(b"\n"):
        lines += b"\n"
    data = np.frombuffer(lines, np.uint8)
    most = lines.count(b"\n")
    keys, odd = np.empty(most, np.uint64), np.empty(2 * most, np.int64)
    n_keys, n_odd = _plain_lines(data, keys, odd)
    found: list[str] = []
    ignored = 0
    for start, end in odd[: 2 * n_odd].reshape(-1, 2).tolist():
        here = entries(lines[start:end].decode("utf-8", "replace"))
        ignored += here is None
        found.extend(here or ())
    more = _keys_of(found)
    return Keys(
        keys=np.concatenate([keys[:n_keys], more]),
        paths=len(more) > len(found),
        entries=n_keys + len(found),
        ignored=ignored,
    )


def _keys_of(written: list[str]) -> UInt64s:
    (text,) = texts_of(pa.array(written, pa.string()))
    keys = np.empty(2 * len(written), np.uint64)
    return keys[: _entry_keys(text, keys)]
