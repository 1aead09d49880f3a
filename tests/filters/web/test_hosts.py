"""Host names of URLs, in one spelling."""

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.web.hosts import MAX_HOST, canonical_host, hash_of, host_of, hosts_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://example.com/a", "example.com"),
        ("HTTPS://WWW.Example.COM.:8443?q", "www.example.com"),
        ("http://user:pa:ss@example.com:80/", "example.com"),
        ("http://one@two@example.com#f", "example.com"),
        ("ftp://files.example.org", "files.example.org"),
        ("  http://example.com", "example.com"),
        ("http:\\\\example.com\\a", "example.com"),
        ("http:////example.com/", "example.com"),
        ("http://a_b.example.com/", "a_b.example.com"),
        ("http://食狮.公司.cn/", "xn--85x722f.xn--55qx5d.cn"),
        ("http://BÜCHER.example/", "xn--bcher-kva.example"),
        ("http://ｅｘａｍｐｌｅ.com/", "example.com"),
        ("http://example。com/", "example.com"),
        ("http://i❤.ws/", "xn--i-7iq.ws"),
        ("http://%65xample.com/", "example.com"),
        ("http://192.0.2.1/", "192.0.2.1"),
        ("http://0xC0.0.0x201/", "192.0.2.1"),
        ("http://3221225985/", "192.0.2.1"),
        ("http://0300.0.2.1/", "192.0.2.1"),
        ("http://[2001:DB8:0:0::1]:80/", "2001:db8::1"),
        ("http://[fe80::1%25eth0]/", "fe80::1"),
        ("http://localhost/", "localhost"),
        ("http://" + "a." * 126 + "b/", "a." * 126 + "b"),
    ],
)
def test_one_spelling(url: str, host: str) -> None:
    assert host_of(url) == host
    assert canonical_host(host if ":" not in host else f"[{host}]") == host


@pytest.mark.parametrize(
    "url",
    [
        *("", "http://", "http:///", "http://:80/", "http://@/", "http:example.com", "example.com/a", "//example.com/"),
        *("file:///tmp/x", "data/part-0.warc.gz#1234", "urn:uuid:1", "dns:example.com", "gs://bucket/x", "https"),
        *("http://a..b/", "http://.a.b/", "http://a b/", "http://a\tb/", "http://300.1.1.1/", "http://1.2.3.4.5/"),
        *("http://[::1/", "http://[x]/", "http://%ff.com/", "http://a\u00a0b.com/", f"http://{'a' * 64}.com/"),
        *(f"http://{'a.' * 127}b/", f"http://{'é' * 5000}/", "http://%/", "http://0x/", "http://99999999999/"),
    ],
)
def test_no_host(url: str) -> None:
    assert host_of(url) in (None, "0.0.0.0")  # 0x is a number to browsers: nought


def test_nulls_slices_and_rests() -> None:
    column = pa.array(["x", None, "http://a.b/c?d", "http://é.b", "http://A.c:1#e"]).slice(1)
    found = hosts_of(column)
    assert found.names.to_pylist() == [None, "a.b", "xn--9ca.b", "a.c"]
    ends = found.urls.offsets[1:]
    rests = [bytes(found.urls.data[a:b]) for a, b in zip(found.rests, ends, strict=True)]
    assert rests == [b"", b"/c?d", b"", b"#e"]


def test_empty_column() -> None:
    assert hosts_of(pa.array([], pa.string())).names.to_pylist() == []


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    for url in (text, f"http://{text}", f"https://a.{text}/x"):
        host = host_of(url)
        if host is not None and ":" not in host:
            assert host.isascii()
            assert 0 < len(host) <= MAX_HOST
            assert canonical_host(host) == host_of(f"http://{host}/") == host


@settings(deadline=None)
@given(st.lists(st.text("aB1-_", min_size=1, max_size=9), min_size=1, max_size=6))
def test_kernel_and_python_agree(labels: list[str]) -> None:
    written = ".".join(labels)
    assert host_of(f"http://{written}/") == canonical_host(written)


def test_hashes_spread() -> None:
    random.seed(1)
    hashes = {hash_of(f"host{random.getrandbits(40)}.example") >> 56 for _ in range(4000)}
    assert len(hashes) == 256
    assert hash_of("a.b") != hash_of("b.a")
