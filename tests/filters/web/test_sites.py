"""Registrable domains, by the bundled public suffix list."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publicsuffixlist import PSLFILE, PublicSuffixList

from gristmill.filters.web.hosts import canonical_host
from gristmill.filters.web.sites import site_of, sites_of

REFERENCE = PublicSuffixList()


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", None),
        ("com", None),
        ("blogspot.com", None),
        ("me.blogspot.com", "me.blogspot.com"),
        ("x.me.blogspot.com", "me.blogspot.com"),
        ("c.mm", None),
        ("a.b.c.mm", "b.c.mm"),
        ("www.ck", "www.ck"),
        ("a.www.ck", "www.ck"),
        ("city.kobe.jp", "city.kobe.jp"),
        ("a.b.c.kobe.jp", "b.c.kobe.jp"),
        ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("localhost", None),
        ("printer.intranet", "printer.intranet"),
        ("192.0.2.1", None),
        ("2001:db8::1", None),
    ],
)
def test_known_hosts(host: str, site: str | None) -> None:
    assert site_of(host) == site


def test_every_rule_of_the_list() -> None:
    lines = Path(PSLFILE).read_text("utf-8").splitlines()
    rules = [line.split()[0] for line in lines if line.strip() and not line.startswith("//")]
    names = [canonical_host(rule.removeprefix("!").removeprefix("*.")) for rule in rules]
    hosts = [f"{prefix}{name}" for name in names for prefix in ("", "a.", "b.a.", "c.b.a.")]
    assert len(hosts) > 30_000
    assert sites_of(pa.array(hosts)).to_pylist() == [REFERENCE.privatesuffix(host) for host in hosts]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["a", "com", "co", "uk", "jp", "kobe", "city", "ck", "www", "github", "io"]), min_size=1)
)
def test_agrees_with_the_library(labels: list[str]) -> None:
    host = ".".join(labels)[:250].strip(".")
    assert site_of(host) == REFERENCE.privatesuffix(host)


def test_nulls() -> None:
    assert sites_of(pa.array([None, "", "a.b.com", None], pa.string())).to_pylist() == [None, None, "b.com", None]
