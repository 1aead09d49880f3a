"""Which page a document is a capture of."""

import re
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.web.hosts import host_of
from gristmill.filters.web.pages import page_urls
from gristmill.filters.web.sites import site_of


def page(uri: str | None, canonical: str | None = None) -> str | None:
    found: str | None = page_urls(pa.array([uri], pa.string()), pa.array([canonical], pa.string()))[0].as_py()
    return found


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        # Scheme, host, port
        ("http://a.example/b", "https://a.example/b"),
        ("https://a.example/b", "https://a.example/b"),
        ("HTTP://A.Example./b", "https://a.example/b"),
        ("  http:\\\\a.example\\b\\c", "https://a.example/b/c"),
        ("http://user:secret@a.example/b", "https://a.example/b"),
        ("http://www.a.example/b", "https://www.a.example/b"),
        ("http://a.example:80/b", "https://a.example/b"),
        ("https://a.example:443/b", "https://a.example/b"),
        ("http://a.example:443/b", "https://a.example/b"),
        ("http://a.example:/b", "https://a.example/b"),
        ("http://a.example:0080/b", "https://a.example/b"),
        ("http://a.example:8080/b", "https://a.example:8080/b"),
        ("http://u:8080@a.example/b", "https://a.example/b"),
        ("http://bücher.example/b", "https://xn--bcher-kva.example/b"),
        ("http://0x7f.1/b", "https://127.0.0.1/b"),
        ("http://[2001:DB8:0::1]:80/b", "https://[2001:db8::1]/b"),
        ("http://[2001:db8::1]:8080", "https://[2001:db8::1]:8080/"),
        # Path
        ("http://a.example", "https://a.example/"),
        ("http://a.example?b=c", "https://a.example/?b=c"),
        ("http://a.example#b", "https://a.example/"),
        ("http://a.example/b/", "https://a.example/b/"),
        ("http://a.example//b", "https://a.example//b"),
        ("http://a.example/B", "https://a.example/B"),
        ("http://a.example/./b/../c/.", "https://a.example/c/"),
        ("http://a.example/../../b", "https://a.example/b"),
        ("http://a.example/b/..", "https://a.example/"),
        ("http://a.example/b//../c", "https://a.example/b/c"),
        ("http://a.example/%2e%2E/b", "https://a.example/b"),
        ("http://a.example/.b/..c/d.", "https://a.example/.b/..c/d."),
        ("http://a.example/b/../..", "https://a.example/"),
        # Escapes
        ("http://a.example/%7euser/%41%2d", "https://a.example/~user/A-"),
        ("http://a.example/%e0%a4%b9", "https://a.example/%E0%A4%B9"),
        ("http://a.example/ह?ह#!ह", "https://a.example/%E0%A4%B9?%E0%A4%B9#!%E0%A4%B9"),
        ("http://a.example/b%2fc%3Fd", "https://a.example/b%2Fc%3Fd"),
        ("http://a.example/50%", "https://a.example/50%25"),
        ("http://a.example/%%32%65/%zz", "https://a.example/%252e/%25zz"),
        ("http://a.example/%252E", "https://a.example/%252E"),
        ('http://a.example/b c"<>|', "https://a.example/b%20c%22%3C%3E%7C"),
        ("http://a.example/b?c[]=d\\e", "https://a.example/b?c%5B%5D=d%5Ce"),
        # Query
        ("http://a.example/b?", "https://a.example/b"),
        ("http://a.example/b?&&c=d&", "https://a.example/b?c=d"),
        ("http://a.example/b?z=1&a=2&z=3", "https://a.example/b?z=1&a=2&z=3"),
        ("http://a.example/b?c=d?e=f/../g", "https://a.example/b?c=d?e=f/../g"),
        ("http://a.example/b?utm_source=x&c=d&UTM_Medium=y", "https://a.example/b?c=d"),
        ("http://a.example/b?gclid=x&fbclid=y&msclkid=z&mc_eid=0&igshid=1&_ga=2.3", "https://a.example/b"),
        ("http://a.example/b?%75tm_source=x", "https://a.example/b"),
        ("http://a.example/b?utmost=1&ref=c&source=d", "https://a.example/b?utmost=1&ref=c&source=d"),
        ("http://a.example/b?my_utm_source=c", "https://a.example/b?my_utm_source=c"),
        # Sessions
        ("http://a.example/b;jsessionid=0A.node1!7?c=d", "https://a.example/b?c=d"),
        ("http://a.example/b;JSESSIONID=0A/c;v=1", "https://a.example/b/c;v=1"),
        ("http://a.example/.;jsessionid=0A/b", "https://a.example/b"),
        ("http://a.example/b?PHPSESSID=0a1b&c=d&jsessionid=x&ASPSESSIONIDQQCCDSAB=y", "https://a.example/b?c=d"),
        (f"http://a.example/b?sid={'0a' * 16}&c=d", "https://a.example/b?c=d"),
        ("http://a.example/b?sid=1742", "https://a.example/b?sid=1742"),
        # Fragment
        ("http://a.example/b#c", "https://a.example/b"),
        ("http://a.example/b?c=d#e?f=g", "https://a.example/b?c=d"),
        ("http://a.example/#!/b", "https://a.example/#!/b"),
        ("http://a.example/#/b#c", "https://a.example/#/b%23c"),
    ],
)
def test_one_spelling(uri: str, expected: str) -> None:
    assert page(uri) == expected
    assert page(expected) == expected


@pytest.mark.parametrize(
    "uri",
    [
        *(None, "", "web/a.warc.gz#17", "file:///tmp/a", "ftp://a.example/b", "urn:isbn:1", "//a.example/b", "http://"),
        *("http://:80/", "http://a..example/", "http://a.example:99999/", "http://a.example:b/", "http://[::1]:b/"),
        *("http://[::1/", "https:a.example", "http://a b/"),
    ],
)
def test_no_page(uri: str | None) -> None:
    assert page(uri) is None
    assert page(uri, "http://a.example/") is None


def test_other_pages_stay_apart() -> None:
    uris = ["http://a.example/b", "http://www.a.example/b", "http://a.example/B", "http://a.example/b/"]
    uris += ["http://a.example//b", "http://a.example:81/b", "http://a.example/b?c=d", "http://a.example/b?c=D"]
    uris += [
        "http://a.example/b?c=d&e=f",
        "http://a.example/b?e=f&c=d",
        "http://a.example/b%2F",
        "http://a.example/b#!c",
    ]
    uris += ["http://a.example/b#!d", "http://a.example/b;v=1", "http://a.example/", "http://a.example/index.html"]
    pages = page_urls(pa.array(uris), pa.nulls(len(uris), pa.string())).to_pylist()
    assert [pair for pair in combinations(pages, 2) if pair[0] == pair[1]] == []


@pytest.mark.parametrize(
    ("uri", "canonical", "expected"),
    [
        # Of the same host or site
        ("http://a.example/b?page=1", "https://a.example/b", "https://a.example/b"),
        ("http://m.a.example/b", "https://www.a.example/b", "https://www.a.example/b"),
        ("http://a.example:8080/b", "https://a.example/b", "https://a.example/b"),
        ("http://192.0.2.1/b?c", "http://192.0.2.1/b", "https://192.0.2.1/b"),
        ("http://localhost/b?c", "http://localhost/b", "https://localhost/b"),
        ("http://blogspot.com/b?c", "http://blogspot.com/b", "https://blogspot.com/b"),
        ("http://a.example/b", "http://a.example/c?utm_source=d#e", "https://a.example/c"),
        # Of another one
        ("http://a.example/b", "https://other.example/b", "https://a.example/b"),
        ("http://a.co.uk/b", "https://b.co.uk/b", "https://a.co.uk/b"),
        ("http://a.blogspot.com/b", "https://b.blogspot.com/b", "https://a.blogspot.com/b"),
        ("http://192.0.2.1/b", "http://192.0.2.2/b", "https://192.0.2.1/b"),
        ("http://localhost/b", "http://intranet/b", "https://localhost/b"),
        # The root of a site
        ("http://a.example/b", "http://a.example/", "https://a.example/b"),
        ("http://a.example/b", "http://www.a.example", "https://a.example/b"),
        ("http://a.example/?p=7", "http://a.example/?utm_source=c#d", "https://a.example/?p=7"),
        ("http://a.example/#!b", "http://a.example/", "https://a.example/#!b"),
        ("http://a.example/?utm_source=b", "http://www.a.example/", "https://www.a.example/"),
        ("http://a.example:8080/b", "http://a.example:8080/", "https://a.example:8080/b"),
        ("http://a.example/b", "http://a.example/?p=7", "https://a.example/?p=7"),
        # None that counts
        ("http://a.example/b", None, "https://a.example/b"),
        ("http://a.example/b", "", "https://a.example/b"),
        ("http://a.example/b", "/c", "https://a.example/b"),
        ("http://a.example/b", "ftp://a.example/c", "https://a.example/b"),
        ("http://a.example/b", "http://a.example:x/c", "https://a.example/b"),
        ("ftp://a.example/b", "http://a.example/c", None),
    ],
)
def test_canonical(uri: str, canonical: str | None, expected: str | None) -> None:
    assert page(uri, canonical) == expected


def test_rows_do_not_mix() -> None:
    uris = ["x", None, "http://a.example/b?c#d", "http://[::1]:8/", "ftp://a.example/", "http://b.example/é"] * 50
    named = [None, "http://a.example/", "http://a.example/b", None, "http://a.example/", "http://b.example/"] * 50
    expected = [None, None, "https://a.example/b", "https://[::1]:8/", None, "https://b.example/%C3%A9"] * 50
    found = page_urls(pa.array(uris, pa.string()).slice(1), pa.array(named, pa.string()).slice(1))
    assert found.to_pylist() == expected[1:]
    assert page_urls(pa.array([], pa.string()), pa.array([], pa.string())).to_pylist() == []


PIECES = (
    *("/", ".", "..", "%2e", "%", "%4", "%41", "%c3", "é", "?", "#", "!", "&", "=", ";", ":", "@", "[", "]", "\\", " "),
    *("a.example", "www.", ":80", ":8080", "utm_source=", ";jsessionid=", "sid=" + "0" * 32, "b", "0", "\t", "\0"),
)
PARTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@settings(deadline=None)
@given(PARTS | st.text(max_size=40), PARTS | st.text(max_size=40))
def test_any_url(one: str, other: str) -> None:
    for uri in (f"http://a.example/{one}", f"https://a.example{one}", f"http://{one}", one):
        found = page(uri)
        if found is not None:
            assert re.fullmatch(r"https://[a-z0-9._:\[\]-]+/[A-Za-z0-9\-._~!$&'()*+,;=:@/?%#]*", found)
            assert page(found) == found
            assert host_of(found) == host_of(uri)
            assert "/../" not in found.partition("?")[0].partition("#")[0]
        named = page(uri, f"http://{other}")
        assert (named is None) == (found is None)
        if named != found:
            assert named == page(f"http://{other}")
            assert named is not None
            assert host_of(named) == host_of(uri) or site_of(host_of(named) or "") == site_of(host_of(uri) or "")


@settings(deadline=None)
@given(st.lists(st.binary(max_size=20), max_size=5))
def test_any_bytes(given_: list[bytes]) -> None:
    written = [b"http://a.example/" + each for each in given_] + given_
    offsets = np.cumsum([0, *map(len, written)]).astype(np.int32)
    urls = pa.StringArray.from_buffers(len(written), pa.py_buffer(offsets), pa.py_buffer(b"".join(written)))
    found = page_urls(urls, urls)
    found.validate(full=True)
    assert found.null_count <= len(given_)
