"""IPv4 and IPv6 addresses of public hosts (RFC 791, 4291; the registries of special ranges as `ipaddress` knows them).

Four numbers with full stops are as often a version or a section. They are an address where a word in front says so, or
where a port, a prefix length or a URL goes with them, or where they have nine digits or more; never where a word in
front says version, section and their like, and never with a leading zero.
"""

import ipaddress
import re
from collections.abc import Iterator

from gristmill.filters.personal.numbers import Run
from gristmill.filters.personal.places import Place
from gristmill.filters.personal.spans import BLANK, Span

_QUAD = re.compile(rf"(?<![0-9A-Za-z_.{BLANK}])(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?![0-9A-Za-z_@{BLANK}]|[.-][0-9{BLANK}])")
_JOINED = re.compile(rf"[\w{BLANK}][-.,/@]\Z")
_QUAD_BEFORE = re.compile(r"(?<!\S)(?:\d{1,3}\.){3}\d{1,3} \Z")
_QUAD_AFTER = re.compile(r" (?:\d{1,3}\.){3}\d{1,3}(?![.\d])")
_SURE_DIGITS = 9
_REACH = 20
_WITH_PORT = re.compile(r"(?::\d{1,5}|/\d{1,2})(?![\d.])")
_URL = re.compile(r"(?://|@|\[)\Z")
_IPV6 = re.compile(r"[23][0-9a-fA-F]{3}:[0-9a-fA-F:]+")
_MIN_GROUPS = 3
"""Groups of an IPv6 address that are written out: `2019::05` is no address."""


def find_v4(run: Run, place: Place) -> Iterator[Span]:
    """The public IPv4 addresses in a run of digits."""
    for match in _QUAD.finditer(run.text, run.start, run.end):
        octets = match[0].split(".")
        if any((len(octet) > 1 and octet[0] == "0") or int(octet) > 255 for octet in octets):
            continue
        address = ipaddress.IPv4Address(match[0])
        if address.is_global and not address.is_multicast and _is_told(run, match, place=place):
            yield Span("ip", run.offset + match.start(), run.offset + match.end())


def _is_told(run: Run, match: re.Match[str], *, place: Place) -> bool:
    before = run.text[max(0, match.start() - _REACH) : match.start()]
    if not run.stands_alone(*match.span()) and not (
        _QUAD_BEFORE.search(before) or _QUAD_AFTER.match(run.text, match.end())
    ):
        return False  # a row of numbers, such as the path of a drawing
    if _JOINED.search(before):
        return _URL.search(before) is not None
    if _URL.search(before) or _WITH_PORT.match(run.text, match.end()):
        return not run.before.has(place.words.version) or _URL.search(before) is not None
    version, address = run.before.last(place.words.version), run.before.last(place.words.address)
    if version > address:
        return False
    return address >= 0 or len(match[0]) - 3 >= _SURE_DIGITS


def find_v6(text: str, start: int, end: int) -> Iterator[Span]:
    """The public IPv6 address that a window of a text begins with, if it is one."""
    match = _IPV6.match(text, start, end)
    if match is None or text[start - 1 : start] == BLANK:
        return
    found = match[0].rstrip(":") if match[0].endswith(":") and not match[0].endswith("::") else match[0]
    following = text[start + len(found) : start + len(found) + 1]
    if following.isalnum() or sum(bool(group) for group in found.split(":")) < _MIN_GROUPS:
        return
    try:
        public = ipaddress.IPv6Address(found).is_global
    except ValueError:
        return
    if public:
        yield Span("ip", start, start + len(found))
