"""Lines of blocklists as entries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.web.blocklist_entries import entries, keys_of_lines
from gristmill.filters.web.hosts import hash_of


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("ads.example", ["ads.example"]),
        ("\ufeffAds.Example. \r", ["ads.example"]),
        ("*.ads.example", ["ads.example"]),
        (".ads.example", ["ads.example"]),
        ("0.0.0.0 ads.example", ["ads.example"]),
        ("127.0.0.1\tads.example www.ads.example # both", ["ads.example", "www.ads.example"]),
        ("::1 ip6.example", ["ip6.example"]),
        ("192.0.2.7 ads.example", ["ads.example"]),
        ("127.0.0.1 localhost localhost.localdomain", []),
        ("0.0.0.0 0.0.0.0", []),
        ("||ads.example^", ["ads.example"]),
        ("||ads.example^$important,document", ["ads.example"]),
        ("http://www.ads.example:80/shop/", ["ads.example/shop"]),
        ("ads.example/shop?id=1&x#part", ["ads.example/shop?id=1&x"]),
        ("https://user@ads.example/", ["ads.example"]),
        ("ads.example?q", ["ads.example/?q"]),
        ("192.0.2.1", ["192.0.2.1"]),
        ("食狮.公司.cn", ["xn--85x722f.xn--55qx5d.cn"]),
        ("ads.example # why", ["ads.example"]),
        *((comment, []) for comment in ("", "  ", "# ads.example", "! ads.example", "; x", "[Adblock Plus 2.0]")),
    ],
)
def test_forms(line: str, found: list[str]) -> None:
    assert entries(line) == found


@pytest.mark.parametrize(
    "line",
    [
        *("com", "localhost", "see ads.example for more", "example.com##.banner", "example.com#@#.banner", "/banner/"),
        *("@@||ads.example^", "||ads.example^$third-party", "||ads.example/x^", "||ads*.example^", "||ads.example"),
        *("ads.example/*/x", "gopher://ads.example/", "a..b", "<html>", "(^|/)regular\\.expression", "-", "a@b", "\0"),
        f"ads.example/{'x' * 3000}",
        f"{'a' * 9000}.example",
    ],
)
def test_no_entries(line: str) -> None:
    assert entries(line) is None


_PIECES = [
    "a",
    "B",
    ".",
    "-",
    "0.0.0.0",
    "127.0.0.1",
    " ",
    "\t",
    "||",
    "^",
    "#",
    "/",
    "www.",
    "*.",
    "é",
    "1",
    "0x",
    "com",
]
_LINE = st.lists(st.sampled_from([*_PIECES, "!", "[", "\r"]), max_size=8).map("".join)


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(max_size=30), _LINE), max_size=6))
def test_kernel_reads_what_python_reads(lines: list[str]) -> None:
    text = "\n".join(line.replace("\n", "") for line in lines)
    one_by_one = [entries(line) for line in text.split("\n")]
    expected = sorted(hash_in_bytes(entry) for found in one_by_one for entry in found or ())
    keys = keys_of_lines(text.encode())
    assert keys.entries == len(expected)
    assert keys.ignored == one_by_one.count(None)
    assert keys.paths == any("/" in entry for found in one_by_one for entry in found or ())
    assert set(expected) <= set(keys.keys.tolist())
    if not keys.paths:
        assert sorted(keys.keys.tolist()) == expected


def hash_in_bytes(entry: str) -> int:
    """The hash as it is documented: FNV-1a over the host from its end and the path from its beginning, then mixed."""
    host, slash, path = entry.partition("/")
    state = 0xCBF29CE484222325
    for byte in host.encode()[::-1] + (slash + path).encode():
        state = (state ^ byte) * 0x100000001B3 % (1 << 64)
    for _ in range(2):
        state = (state ^ state >> 32) * 0xD6E8FEB86659FD93 % (1 << 64)
    return state ^ state >> 32


def test_hashes_are_as_documented() -> None:
    assert hash_in_bytes("ads.example") == hash_of("ads.example")
    keys = keys_of_lines("ads.example/größe".encode())
    assert hash_in_bytes("ads.example/größe") in keys.keys.tolist()
    assert (keys.entries, keys.paths, len(keys.keys)) == (1, True, 2)


def test_no_lines() -> None:
    keys = keys_of_lines(b"")
    assert (keys.keys.dtype, len(keys.keys), keys.entries, keys.ignored) == (np.uint64, 0, 0, 0)
