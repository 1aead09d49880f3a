"""Blocklists: what is on them, and what is not."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from gristmill.filters.web.blocklist import MAX_CATEGORIES, Entries, Index, holds_entries, index_of, look_up, read
from gristmill.filters.web.hosts import host_of, hosts_of

REFERENCE = PublicSuffixList()


def index(*categories: str) -> Index:
    return index_of(read([[each.encode()] for each in categories]).entries)


def hits(found: Index, *urls: str) -> dict[str, list[int]]:
    """The categories that name each URL, of those that any names."""
    pairs = look_up(found, hosts_of(pa.array(urls, pa.string())))
    result: dict[str, list[int]] = {}
    for row, category in zip(pairs.rows.tolist(), pairs.categories.tolist(), strict=True):
        result.setdefault(urls[row], []).append(category)
    return result


@pytest.mark.parametrize(
    ("entry", "url", "listed"),
    [
        ("bad.example", "http://bad.example/", True),
        ("bad.example", "https://user@WWW.Bad.Example.:8080/x?y#z", True),
        ("bad.example", "http://a.b.bad.example", True),
        ("bad.example", "http://notbad.example/", False),
        ("bad.example", "http://bad.example.org/", False),
        ("a.bad.example", "http://bad.example/", False),
        ("a.bad.example", "http://x.a.bad.example/", True),
        ("BÜCHER.example", "http://shop.xn--bcher-kva.example/", True),
        ("co.uk", "http://shop.co.uk/", False),
        ("co.uk", "http://co.uk/", True),
        ("blogspot.com", "http://me.blogspot.com/", False),
        ("blogspot.com", "http://blogspot.com/about", True),
        ("me.blogspot.com", "http://m.me.blogspot.com/", True),
        ("city.kobe.jp", "http://www.city.kobe.jp/", True),
        ("kobe.jp", "http://www.city.kobe.jp/", False),
        ("192.0.2.1", "http://0xc0000201/", True),
        ("192.0.2.1", "http://1.192.0.2.1.example/", False),
        ("0.2.1", "http://192.0.2.1/", False),
        ("http://[2001:db8::1]/", "http://[2001:DB8:0::1]:80/", True),
        ("bad.example/shop", "http://www.bad.example/shop", True),
        ("bad.example/shop", "http://bad.example/shop/x", True),
        ("bad.example/shop/", "https://bad.example:443/shop?x", True),
        ("bad.example/shop", "http://bad.example/shop#x", True),
        ("bad.example/shop", "http://bad.example/shopping", False),
        ("bad.example/shop", "http://bad.example/", False),
        ("bad.example/shop", "http://a.bad.example/shop", False),
        ("www.bad.example/shop", "http://bad.example/shop", True),
        ("bad.example/shop?id=1", "http://bad.example/shop?id=1&x=2", True),
        ("bad.example/shop?id=1", "http://bad.example/shop?id=12", False),
        ("bad.example?q=1", "http://bad.example/?q=1", True),
        ("bad.example/?q=1", "http://bad.example?q=1", True),
        ("bad.example/größe", "http://bad.example/größe/x", True),
        ("bad.example/shop", "data/bad.example/shop#0", False),
    ],
)
def test_what_is_listed(entry: str, url: str, listed: bool) -> None:
    assert hits(index(entry), url) == ({url: [0]} if listed else {})


def test_categories() -> None:
    found = index("a.example\nb.example\na.example\n", "", "b.example/x\na.example")
    urls = ("http://x.a.example", "http://b.example/x/y", "http://b.example/y", "http://c.example")
    assert hits(found, *urls) == {urls[0]: [0, 2], urls[1]: [0, 2], urls[2]: [0]}


def test_host_and_parent_count_once() -> None:
    assert hits(index("a.example\nb.a.example\na.example/x"), "http://b.a.example/x") == {"http://b.a.example/x": [0]}


def test_what_is_read() -> None:
    found = read([[b"a.example\n# x\nb.exam", b"ple\nnonsense here\na.example"], [b""]])
    assert (found.counts, found.ignored, found.entries.paths) == ((3, 0), 1, False)
    assert len(found.entries.keys) == 2
    assert found.entries.categories.tolist() == [0, 0]


@pytest.mark.parametrize("size", [1, 7, 1 << 10])
def test_chunks_make_no_difference(size: int) -> None:
    text = "".join(f"d{n}.example\nd{n}.example/x/{n}\n" for n in range(700)).encode()
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    whole, pieces = read([[text]]).entries, read([chunks]).entries
    assert np.array_equal(whole.keys, pieces.keys)
    assert len(whole.keys) == 3 * 700


def test_a_line_without_end_is_no_entry() -> None:
    long = [b"a.example\n", b"x" * (1 << 20), b"y" * (1 << 20), b" tail.example\nb.example\n"]
    found = read([long])
    assert (found.counts, found.ignored) == ((2,), 1)
    assert set(hits(index_of(found.entries), "http://b.example", "http://tail.example")) == {"http://b.example"}


def test_an_empty_list_names_nothing() -> None:
    assert hits(index(), "http://a.example") == {}
    assert hits(index("# nothing"), "http://a.example") == {}
    assert not holds_entries([b"# nothing\n", b"or prose\n"])
    assert holds_entries([b"# nothing\n", b"a.example\n"])


def test_nulls_and_empty_columns() -> None:
    found = index("a.example")
    assert look_up(found, hosts_of(pa.array([], pa.string()))).rows.tolist() == []
    column = pa.array([None, "http://a.example", None])
    assert look_up(found, hosts_of(column)).rows.tolist() == [1]


def test_damaged_entries_are_refused() -> None:
    keys = np.array([5, 3], np.uint64)
    with pytest.raises(ValueError, match="not sorted"):
        index_of(Entries(keys, np.empty(0, np.uint16), False))
    with pytest.raises(ValueError, match="as many categories"):
        index_of(Entries(keys, np.zeros(1, np.uint16), False))
    with pytest.raises(ValueError, match=f"at most {MAX_CATEGORIES}"):
        read([[b""]] * (MAX_CATEGORIES + 1))


_LABELS = st.sampled_from(["a", "b", "www", "com", "co", "uk", "jp", "kobe", "city", "io", "github", "1"])
_NAMES = st.lists(_LABELS, min_size=2, max_size=5).map(".".join)


@settings(deadline=None)
@given(st.lists(_NAMES, max_size=8), st.lists(_NAMES, max_size=8))
def test_agrees_with_sets_of_names(listed: list[str], hosts: list[str]) -> None:
    """The rule, spelt out: the host, and its parents that are not shorter than the registrable domain."""
    names = {host_of(f"http://{name}/") for name in listed}
    urls = [f"http://{host}/x" for host in dict.fromkeys(hosts)]
    expected = set()
    for url in urls:
        if (host := host_of(url)) is None:
            continue
        labels, site = host.split("."), REFERENCE.privatesuffix(host)
        is_address = labels[-1].isdigit()
        least = len(labels) if site is None or is_address else len(site.split("."))
        parents = {".".join(labels[start:]) for start in range(len(labels) - least + 1)}
        expected |= {url} if parents & names else set()
    assert set(hits(index("\n".join(listed)), *urls)) == expected


def test_thousands_of_entries() -> None:
    listed = [f"d{n * 7919 % 100_003:x}.example{n % 3}" for n in range(20_000)]
    found = index("\n".join(listed[:10_000]), "\n".join(listed[10_000:15_000]))
    urls = [f"http://www.{name}/" for name in listed]
    assert hits(found, *urls) == {url: [0 if n < 10_000 else 1] for n, url in enumerate(urls[:15_000])}
