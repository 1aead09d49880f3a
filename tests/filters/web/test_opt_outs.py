"""Reservations of pages: what is recorded, and what counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.web.opt_outs import against_training, merged, of_header, of_meta

DIRECTIVES = ("noai", "noml")
AGENTS = ("gptbot", "ccbot")


@pytest.mark.parametrize(
    ("name", "content", "tags"),
    [
        ("robots", "noai, noimageai", ["meta:noai", "meta:noimageai"]),
        ("robots", "NOAI NoIndex;follow", ["meta:noai", "meta:noindex"]),
        ("robots", "index,follow,max-snippet:-1", []),
        ("robots", "notnoai", []),
        ("gptbot", "noindex, nofollow", ["meta:gptbot:noindex"]),
        ("googlebot", "none", ["meta:googlebot:none"]),
        ("googlebot", "noindex, max-image-preview:large, unavailable_after: 2020-01-01", []),
        ("googlebot", "noarchive, max-image-preview:large", ["meta:googlebot:noarchive"]),
        ("keywords", "noai, art, drawing", []),
        ("msapplication-config", "none", []),
        ("description", "none of the above", []),
        ("tdm-reservation", "1", ["meta:tdm"]),
        ("tdm-reservation", " 0 ", ["meta:tdm:0"]),
        ("tdm-reservation", "2", []),
        ("tdm-policy", "https://example.com/policy.json", []),
        ("a b", "noai", []),
    ],
)
def test_meta(name: str, content: str, tags: list[str]) -> None:
    assert list(of_meta(name, content)) == tags


@pytest.mark.parametrize(
    ("name", "value", "tags"),
    [
        ("x-robots-tag", "noai, noindex", ["header:noai", "header:noindex"]),
        ("x-robots-tag", "otherbot: noindex, nofollow", ["header:otherbot:noindex"]),
        (
            "x-robots-tag",
            "noml, GPTBot: noindex, none, CCBot: noai",
            ["header:noml", "header:gptbot:noindex", "header:gptbot:none", "header:ccbot:noai"],
        ),
        ("x-robots-tag", "unavailable_after: 25 Jun 2010 15:00:00 PST, noai", ["header:noai"]),
        ("x-robots-tag", "max-snippet: 20, noai", ["header:noai"]),
        ("x-robots-tag", "a name with spaces: noai, noml", []),
        ("tdm-reservation", "1", ["header:tdm"]),
        ("tdm-reservation", "0", ["header:tdm:0"]),
        ("tdm-reservation", "yes", []),
        ("link", "noai", []),
    ],
)
def test_header(name: str, value: str, tags: list[str]) -> None:
    assert list(of_header(name, value)) == tags


@pytest.mark.parametrize(
    ("tags", "counted"),
    [
        (["meta:noai", "meta:noindex", "header:noml"], ["meta:noai", "header:noml"]),
        (["meta:noimageai", "meta:none", "meta:noarchive"], []),
        (["meta:gptbot:noindex", "meta:gptbot:noarchive", "meta:otherbot:noai"], ["meta:gptbot:noindex"]),
        (["header:ccbot:none", "header:ccbot:noai"], ["header:ccbot:none", "header:ccbot:noai"]),
        (["robots:GPTBot", "robots:CCBot"], ["robots:GPTBot", "robots:CCBot"]),
        (["meta:tdm"], ["meta:tdm"]),
        (["meta:tdm:0", "header:tdm", "site:tdm"], []),
        (["header:tdm", "site:tdm:0"], ["header:tdm"]),
        (["header:tdm:0", "site:tdm"], []),
        (["site:tdm"], ["site:tdm"]),
        (["meta:tdm", "meta:tdm:0"], ["meta:tdm"]),
        ([], []),
    ],
)
def test_what_counts(tags: list[str], counted: list[str]) -> None:
    assert against_training(tags, directives=DIRECTIVES, agents=AGENTS) == counted


def test_merged() -> None:
    assert merged(["meta:x:noai", "meta:noml", "header:noai", "meta:noml"]) == [
        "header:noai",
        "meta:noml",
        "meta:x:noai",
    ]
    many = [f"header:bot{n}:noindex" for n in range(1000)]
    assert merged([*many, "meta:noai"])[0] == "meta:noai"
    assert len(merged(many)) == 64


@given(st.text(max_size=80), st.text(max_size=300))
def test_any_text(name: str, value: str) -> None:
    tags = [*of_meta(name, value), *of_meta("robots", value), *of_header("x-robots-tag", value)]
    assert all(tag.isprintable() and len(tag) < 128 for tag in tags)
    assert set(against_training(tags, directives=DIRECTIVES, agents=AGENTS)) <= set(tags)


def test_megabytes_take_no_time() -> None:
    long = "noai," * 400_000
    assert merged(of_meta("robots", long)) == ["meta:noai"]
    assert merged(of_header("x-robots-tag", long)) == ["header:noai"]
    assert list(of_meta("gptbot", long)) == []
