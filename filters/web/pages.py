"""Which page a document is a capture of: its URL in one spelling, or that of the page that it names as its original.

Spelling is settled as RFC 3986 (6.2.2, 6.2.3) has it, and as crawlers do beyond that: captures whose URLs differ in
these points alone are of one page.

- http and https are the same, and so are their ports; user and password are no part of it; the host is in its one
  spelling (`hosts.py`). `www.` stays: what is there without it is another host.
- Escapes of unreserved characters are undone, others have upper-case digits, and what may not stand in a URL is
  escaped, byte by byte as UTF-8. Dot segments are resolved, an empty path is `/`.
- Parameters that tell how a reader got here go: `utm_*` and the click ids of advertisers and mailers. So do session
  ids: `jsessionid`, `PHPSESSID`, `ASPSESSIONID*`, and `sid` if it looks like one (32 letters and digits, as in
  Heritrix), for elsewhere it names a story or a section. The order of the other parameters stays.
- The fragment goes, unless it begins with `!` or `/`: scripts show other pages by these.

Double slashes, a slash at the end, index.html and letter case in paths may make another page, so they stay.
"""

import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import Int64s, Text, UInt8s
from gristmill.filters.web.hosts import hosts_of, lower
from gristmill.filters.web.sites import sites_of

# Those that mean nothing else, of the lists by which Firefox and Brave clean URLs. `ref` and `source` name things, too.
_CLICKS = frozenset(
    (
        "_bhlid", "_ga", "_gl", "_hsenc", "_hsmi", "_openstat", "__hsfp", "__hssc", "__hstc", "dclid", "fbclid",
        "gbraid", "gclid", "gclsrc", "hsctatracking", "igsh", "igshid", "mc_cid", "mc_eid", "mkt_tok", "ml_subscriber",
        "ml_subscriber_hash", "msclkid", "oly_anon_id", "oly_enc_id", "rb_clickid", "srsltid", "ttclid", "twclid",
        "vero_id", "wbraid", "wickedid", "yclid", "ysclid",
    )
)  # fmt: skip
_SESSIONS = frozenset(("jsessionid", "phpsessid"))
_PREFIXES = ("utm_", "aspsessionid")
_SID = re.compile(r"[0-9A-Za-z]{32}")
_PATH_SESSION = re.compile(r";jsessionid=[^;/]*", re.IGNORECASE)
_ROOT = r"^https://[^/]*/$"

_LITERAL = np.zeros(256, np.bool_)
"""Bytes that may stand in a path, query or fragment as they are."""
_LITERAL[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/?")] = True
_UNRESERVED = np.zeros(256, np.bool_)
_UNRESERVED[list(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")] = True
_DIGITS = np.frombuffer(b"0123456789ABCDEF", np.uint8)

_NO_PORT, _BAD_PORT, _MAX_PORT = 0, -1, 65_535
_HTTP, _HTTPS = 80, 443
_PATH, _QUERY, _FRAGMENT = range(3)


class _Pages(NamedTuple):
    """The pages of a column of URLs."""

    urls: pa.StringArray
    """Null where it is no URL of http or https."""
    hosts: pa.StringArray


def page_urls(uri: pa.StringArray, canonical: pa.StringArray) -> pa.StringArray:
    """The page that each record is a capture of, as a URL that begins with https://; null where it has no http(s) URL.

    The canonical URL that a page names counts if it is of the same host or site (registrable domain), except where it
    is the root of a host and the page is not: whole sites name their front page so by mistake. Never raises for what a
    URL holds. Cost: 0.5 µs for a plain URL, 3.5 µs for one with a query or fragment. Memory: 3 times the URLs, which
    may not come to more than 700 MB at once.
    """
    captured, named = _pages(uri), _pages(canonical)
    counts = pc.and_(captured.urls.is_valid(), named.urls.is_valid())
    if not pc.any(counts).as_py():
        return captured.urls
    same = pc.or_(_equal(captured.hosts, named.hosts), _equal(sites_of(captured.hosts), sites_of(named.hosts)))
    misused = pc.and_(_is_root(named.urls), pc.invert(_is_root(captured.urls)))
    return pc.if_else(pc.and_(counts, pc.and_not(same, misused)), named.urls, captured.urls)


def _equal(one: pa.StringArray, other: pa.StringArray) -> pa.BooleanArray:
    return pc.fill_null(pc.equal(one, other), False)


def _is_root(pages: pa.StringArray) -> pa.BooleanArray:
    return pc.fill_null(pc.match_substring_regex(pages, _ROOT), False)


def _pages(urls: pa.StringArray) -> _Pages:
    found = hosts_of(urls)
    escaped, offsets, ports, odd = _rests(
        found.urls, found.rests, found.names.is_valid().to_numpy(zero_copy_only=False)
    )
    hosts = pc.if_else(pa.array(ports != _BAD_PORT), found.names, pa.scalar(None, pa.string()))
    rests = pa.StringArray.from_buffers(len(urls), pa.py_buffer(offsets), pa.py_buffer(escaped))
    pages = pc.binary_join_element_wise(pa.scalar("https://"), hosts, rests, pa.scalar(""))
    odd |= pc.fill_null(pc.match_substring(hosts, ":"), False).to_numpy(zero_copy_only=False)
    if odd.any():
        rows = pa.array(np.flatnonzero(odd))
        some = zip(hosts.take(rows).to_pylist(), ports[odd].tolist(), rests.take(rows).to_pylist(), strict=True)
        looked_at = pa.array([_page(host, port, rest) for host, port, rest in some], pa.string())
        pages = pc.replace_with_mask(pages, pa.array(odd), looked_at)
    return _Pages(pages, hosts)


def _page(host: str, port: int, rest: str) -> str:
    """The page of a URL with parts that may go, or with a port or an IPv6 address."""
    rest, _, fragment = rest.partition("#")
    path, _, query = rest.partition("?")
    path = _without_dots(_PATH_SESSION.sub("", path))
    query = "&".join(filter(_names_page, query.split("&")))
    host = f"[{host}]" if ":" in host else host
    return "".join(
        (
            f"https://{host}:{port}" if port else f"https://{host}",
            path,
            f"?{query}" if query else "",
            f"#{fragment}" if fragment.startswith(("!", "/")) else "",
        )
    )


def _without_dots(path: str) -> str:
    """A path without its segments `.` and `..` (RFC 3986, 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _names_page(parameter: str) -> bool:
    """Whether a parameter can say which page is meant."""
    name, _, value = parameter.partition("=")
    name = name.lower()
    if not parameter or name in _CLICKS or name in _SESSIONS or name.startswith(_PREFIXES):
        return False
    return name != "sid" or _SID.fullmatch(value) is None


@jit
def _digit(byte: Any) -> int:
    """The value of a hexadecimal digit; -1 where it is none."""
    if 48 <= byte <= 57:
        return int(byte) - 48
    small = lower(byte)
    return int(small) - 87 if 97 <= small <= 102 else -1


@jit
def _port(data: UInt8s, stop: int) -> int:
    """The port in front of the path, which begins at `stop`: none where it is one of http or https."""
    i, port, scale = stop, 0, 1
    while 48 <= data[i - 1] <= 57:
        i -= 1
        port = min(port + (int(data[i]) - 48) * scale, _MAX_PORT + 1)
        scale = min(scale * 10, 100_000)
    if data[i - 1] == 58:
        return _NO_PORT if port in (_HTTP, _HTTPS) else port if port <= _MAX_PORT else _BAD_PORT
    while data[i - 1] not in (47, 64, 92, 93):  # back to what stands before a host, or closes an IPv6 address
        i -= 1
        if data[i] == 58:
            return _BAD_PORT
    return _NO_PORT


@jit
def _write_rest(data: UInt8s, start: int, end: int, out: UInt8s, at: int) -> Any:
    """Write path, query and fragment with their escapes in one spelling; where it ends, and whether parts may go."""
    while end > start and data[end - 1] <= 32:
        end -= 1
    odd, place, first = False, _PATH, at
    if start == end or data[start] in (35, 63):
        out[at] = 47
        at += 1
    i = start
    while i < end:
        byte = data[i]
        high = _digit(data[i + 1]) if byte == 37 and i + 2 < end else -1
        low = _digit(data[i + 2]) if high >= 0 else -1
        i += 1 if low < 0 else 3
        if low >= 0:
            byte = np.uint8(high << 4 | low)
        literal = _UNRESERVED[byte] if low >= 0 else _LITERAL[byte]
        if low < 0 and byte == 92 and place == _PATH:
            byte, literal = np.uint8(47), True
        elif low < 0 and byte == 63 and place == _PATH:
            place, odd = _QUERY, True
        elif low < 0 and byte == 35 and place != _FRAGMENT:
            place, odd, literal = _FRAGMENT, True, True
        if literal:
            odd = odd or byte == 59 or (byte == 46 and at > first and out[at - 1] == 47)
            out[at] = byte
            at += 1
        else:
            out[at], out[at + 1], out[at + 2] = 37, _DIGITS[byte >> 4], _DIGITS[byte & 15]
            at += 3
    return at, odd


@jit
def _rests(text: Text, rests: Int64s, named: npt.NDArray[np.bool_]) -> Any:
    """The part behind the host of every URL of http or https, one after the other, with offsets; the port; whether a
    URL must be looked at more closely."""
    n = len(rests)
    data = text.data
    offsets, ports, odd = np.zeros(n + 1, np.int32), np.zeros(n, np.int32), np.zeros(n, np.bool_)
    out = np.empty(3 * (text.offsets[n] - text.offsets[0]) + n, np.uint8)
    at = 0
    for d in range(n):
        ports[d] = _BAD_PORT
        start, end = text.offsets[d], text.offsets[d + 1]
        if named[d]:
            while data[start] <= 32:
                start += 1
            if lower(data[start]) == 104:  # not ftp
                ports[d] = _port(data, rests[d])
        if ports[d] != _BAD_PORT:
            at, odd[d] = _write_rest(data, rests[d], end, out, at)
            odd[d] = odd[d] or ports[d] != _NO_PORT
        offsets[d + 1] = at
    return out[:at].copy(), offsets, ports, odd
