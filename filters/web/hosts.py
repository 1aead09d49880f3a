"""Host names of URLs, in the one spelling that lists and tables use: lower case, punycode, no trailing dot, no port.

What stands between scheme and path is read as browsers read it (WHATWG URL): user information and port are not part of
the host, backslashes count as slashes, `%41` is an A, and `0x7f.1` is an IPv4 address. A kernel finds the host of
plain URLs, which nearly all are. The others (letters beyond ASCII, percent signs, IP addresses, empty labels) go one by
one through `canonical_host`.
"""

import ipaddress
import unicodedata
from typing import Any, NamedTuple
from urllib.parse import unquote

import idna
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import Int64s, Text, UInt8s, UInt64s, texts_of

MAX_HOST = 253
"""Bytes of the longest host name that DNS allows."""
_MAX_LABEL = 63
_MAX_WRITTEN = 4096

_NONE, _PLAIN, _ODD = range(3)

_SEED = np.uint64(0xCBF29CE484222325)
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(32)

SEED = _SEED
"""What the hash of a name begins with."""


class Hosts(NamedTuple):
    """The hosts of a column of URLs."""

    names: pa.StringArray
    """Host in its one spelling; null where the URL has none that can be told."""
    rests: Int64s
    """Where path, query or fragment begins: a position in the bytes of the column's buffer."""
    urls: Text
    """The column's buffers."""


@jit
def hash_byte(state: Any, byte: Any) -> Any:
    """Take one byte into the hash of a name (FNV-1a, 64 bit). Names are hashed from their end, so that one walk over
    `a.b.com` passes the hashes of `com`, `b.com` and `a.b.com`."""
    return np.uint64((state ^ np.uint64(byte)) * _PRIME)


@jit
def hash_end(state: Any) -> Any:
    """The hash at the end of a name, its bits mixed, so that the leading ones tell names apart as well as any."""
    mixed = np.uint64((state ^ (state >> _SHIFT)) * _MIX)
    mixed = np.uint64((mixed ^ (mixed >> _SHIFT)) * _MIX)
    return mixed ^ (mixed >> _SHIFT)


@jit
def lower(byte: Any) -> Any:
    """A letter of ASCII in lower case, any other byte as it is."""
    return byte + 32 if 65 <= byte <= 90 else byte


@jit
def is_plain_name(data: UInt8s, start: int, end: int) -> bool:
    """Whether the bytes are a host name in ASCII that needs nothing but lower case: no IP address, no empty label."""
    if not 0 < end - start <= MAX_HOST or data[start] == 46 or data[end - 1] == 46:
        return False
    label = start
    for i in range(start, end):
        byte = lower(data[i])
        if byte == 46:
            if data[i - 1] == 46 or i - label > _MAX_LABEL:
                return False
            label = i + 1
        elif not (97 <= byte <= 122 or 48 <= byte <= 57 or byte in (45, 95)):
            return False
    if end - label > _MAX_LABEL:
        return False
    return not _may_be_number(data, label, end)


@jit
def _may_be_number(data: UInt8s, start: int, end: int) -> bool:
    """Whether a last label is a number, decimal or hexadecimal, which makes the host an IPv4 address."""
    if data[start] == 48 and end - start > 1 and lower(data[start + 1]) == 120:
        return True
    digits = True
    for i in range(start, end):
        digits = digits and 48 <= data[i] <= 57
    return digits


@jit
def _after_scheme(data: UInt8s, start: int, end: int) -> int:
    """Where the authority of an http, https or ftp URL begins; -1 in any other URL."""
    i = start
    while i < end and data[i] <= 32:
        i += 1
    colon = i
    while colon < end and colon - i < 6 and data[colon] != 58:
        colon += 1
    if colon >= end or data[colon] != 58:
        return -1
    n = colon - i
    known = np.int64(0)
    for k in range(i, colon):
        known = known << 8 | lower(data[k])
    if not ((n == 4 and known == 0x68747470) or (n == 5 and known == 0x6874747073) or (n == 3 and known == 0x667470)):
        return -1
    at = colon + 1
    while at < end and (data[at] in (47, 92)):
        at += 1
    return at if at > colon + 1 else -1


@jit
def _locate(text: Text) -> Any:
    """Kind of each host, its first byte and the byte behind it, and where the rest of the URL begins."""
    n = len(text.offsets) - 1
    data = text.data
    kinds, starts = np.zeros(n, np.uint8), np.zeros(n, np.int64)
    ends, rests = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for d in range(n):
        end = text.offsets[d + 1]
        rests[d] = end
        at = _after_scheme(data, text.offsets[d], end)
        if at < 0:
            continue
        stop, colon = at, -1
        while stop < end and data[stop] not in (47, 92, 63, 35):
            if data[stop] == 64:  # an at sign: what stands before it is a user's name and password
                at, colon = stop + 1, -1
            elif data[stop] == 58 and colon < 0:
                colon = stop
            stop += 1
        rests[d] = stop
        if stop == at:
            continue
        bracketed = data[at] == 91
        last = stop if colon < 0 or bracketed else colon
        if last - at > 1 and data[last - 1] == 46:
            last -= 1
        starts[d], ends[d] = at, last
        kinds[d] = _PLAIN if not bracketed and is_plain_name(data, at, last) else _ODD
    return kinds, starts, ends, rests


@jit
def _copied(data: UInt8s, starts: Int64s, ends: Int64s) -> Any:
    """The bytes between starts and ends, in lower case, one after the other; with offsets."""
    offsets = np.zeros(len(starts) + 1, np.int32)
    for d in range(len(starts)):
        offsets[d + 1] = offsets[d] + ends[d] - starts[d]
    copied = np.empty(offsets[-1], np.uint8)
    for d in range(len(starts)):
        for k in range(ends[d] - starts[d]):
            copied[offsets[d] + k] = lower(data[starts[d] + k])
    return copied, offsets


def slices(data: UInt8s, starts: Int64s, ends: Int64s, *, valid: npt.NDArray[np.bool_]) -> pa.StringArray:
    """A column of the ASCII bytes between starts and ends, in lower case; null where not valid."""
    copied, offsets = _copied(data, starts, np.where(valid, ends, starts))
    mask = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(copied), mask)


def hosts_of(urls: pa.StringArray) -> Hosts:
    """The host of every URL (http, https or ftp). Cost: one pass over the URLs; 100 ns each where they are plain."""
    (text,) = texts_of(urls)
    kinds, starts, ends, rests = _locate(text)
    names = slices(text.data, starts, ends, valid=kinds == _PLAIN)
    odd = np.flatnonzero(kinds == _ODD)
    if len(odd):
        written = [bytes(text.data[starts[d] : ends[d]]).decode("utf-8", "replace") for d in odd]
        found = pa.array([canonical_host(each) for each in written], pa.string())
        names = pc.replace_with_mask(names, pa.array(kinds == _ODD), found)
    return Hosts(names, rests, text)


def host_of(url: str) -> str | None:
    """The host of one URL."""
    name: str | None = hosts_of(pa.array([url], pa.string())).names[0].as_py()
    return name


def canonical_host(written: str) -> str | None:
    """A host, without user and port, in its one spelling; None where it is no host.

    Internationalised names become punycode by UTS 46. Names that IDNA 2008 forbids but registries gave out (emoji) are
    encoded label by label.
    """
    if not 0 < len(written) <= _MAX_WRITTEN:
        return None
    if written.startswith("["):
        return _ipv6(written)
    plain = unquote(written, errors="replace") if "%" in written else written
    plain = unicodedata.normalize("NFKC", plain).replace("。", ".").lower()
    plain = plain.removesuffix(".")
    name = plain if plain.isascii() else _punycode(plain)
    if name is None or not name:
        return None
    data = np.frombuffer(name.encode(), np.uint8)
    if is_plain_name(data, 0, len(data)):
        return name
    return _ipv4(name)


def _ipv6(written: str) -> str | None:
    inside, bracket, _ = written[1:].partition("]")
    try:
        return ipaddress.IPv6Address(inside.partition("%")[0]).compressed if bracket else None
    except ValueError:
        return None


def _ipv4(name: str) -> str | None:
    """An IPv4 address from any of the spellings that browsers take: up to four parts, decimal, octal or hexadecimal,
    the last of them filling what is left."""
    parts = name.split(".")
    if len(parts) > 4:
        return None
    numbers = [number for number in map(_number, parts) if number is not None]
    if len(numbers) < len(parts):
        return None
    *heads, last = numbers
    if any(number > 255 for number in heads) or last >= 256 ** (5 - len(parts)):
        return None
    value = sum(number << 8 * (3 - place) for place, number in enumerate(heads)) + last
    return str(ipaddress.IPv4Address(value))


def _number(part: str) -> int | None:
    try:
        if part.startswith("0x"):
            return int(part[2:] or "0", 16)
        if not (part.isdigit() and len(part) <= 12):
            return None
        return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)
    except ValueError:
        return None


def _punycode(name: str) -> str | None:
    try:
        return idna.encode(name, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        labels = [_punycode_label(label) for label in name.split(".")]
        return None if None in labels else ".".join(label for label in labels if label is not None)


def _punycode_label(label: str) -> str | None:
    if label.isascii():
        return label
    if not all(each.isprintable() and each not in " \ufffd" for each in label):
        return None
    return "xn--" + label.encode("punycode").decode()


def hash_of(name: str) -> int:
    """The hash of a name in its one spelling, as kernels compute it."""
    return int(hashes_of(pa.array([name], pa.string()))[0])


@jit
def _hashes(text: Text) -> UInt64s:
    hashes = np.zeros(len(text.offsets) - 1, np.uint64)
    for d in range(len(hashes)):
        state = _SEED
        for i in range(text.offsets[d + 1] - 1, text.offsets[d] - 1, -1):
            state = hash_byte(state, text.data[i])
        hashes[d] = hash_end(state)
    return hashes


def hashes_of(names: pa.StringArray) -> UInt64s:
    """The hash of every name of a column."""
    (text,) = texts_of(names)
    return _hashes(text)
