"""robots.txt by agent, and TDM files."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protego import Protego

from gristmill.filters.web.robots import MAX_RULES, Location, Reserved, Shut, groups, tdm_locations

AGENTS = ("GPTBot", "CCBot", "Google-Extended")

TWO_GROUPS = """\
User-agent: *
Disallow: /private

User-agent: gptbot
User-agent: CCBot/2.0  # with its version
Disallow: /
Allow: /open/$
Sitemap: https://example.com/map.xml
Crawl-delay: 5
"""


def shut(text: str, url: str) -> list[str]:
    return [rules.agent for rules in groups(text, AGENTS) if Shut(rules.lines)(url)]


@pytest.mark.parametrize(
    ("text", "url", "agents"),
    [
        (TWO_GROUPS, "https://example.com/x", ["CCBot", "GPTBot"]),
        (TWO_GROUPS, "https://example.com/open/", []),
        (TWO_GROUPS, "https://example.com/open/x", ["CCBot", "GPTBot"]),
        ("User-agent: *\nDisallow: /", "https://example.com/", []),
        ("User-agent: GPTBot\nDisallow:", "https://example.com/", []),
        ("User-agent: GPTBot\nAllow: /", "https://example.com/", []),
        ("User-agent: GPT\nDisallow: /", "https://example.com/", []),
        ("User-agent: Google\nDisallow: /", "https://example.com/", []),
        ("\ufeffuser-AGENT : GPTBOT\r\rDISALLOW : /a\r\n", "https://example.com/ab", ["GPTBot"]),
        ("User-agent: GPTBot\nDisallow: /a\nAllow: /a/b", "https://example.com/a/b/c", []),
        ("User-agent: GPTBot\nDisallow: /*.pdf$", "https://example.com/x/y.pdf", ["GPTBot"]),
        ("User-agent: GPTBot\nDisallow: /*.pdf$", "https://example.com/x/y.pdf?z", []),
        ("User-agent: GPTBot\nDisallow: /%C3%A9", "https://example.com/é", ["GPTBot"]),
        ("User-agent: GPTBot\nDisallow: /a\n\nUser-agent: GPTBot\nDisallow: /b", "https://example.com/b", ["GPTBot"]),
        ("Disallow: /\nUser-agent: GPTBot\nDisallow: /a", "https://example.com/b", []),
        ("User-agent: GPTBot\nCrawl-delay: 1\nUser-agent: *\nDisallow: /", "https://example.com/", []),
        ("User-agent: GPTBot\nSitemap: /x\nUser-agent: *\nDisallow: /", "https://example.com/", ["GPTBot"]),
        ("", "https://example.com/", []),
        ("<html>not found</html>", "https://example.com/", []),
    ],
)
def test_who_is_shut_out(text: str, url: str, agents: list[str]) -> None:
    assert shut(text, url) == agents


_PATHS = st.sampled_from(["/", "/a", "/a/b", "/*b", "/a$", "", "/b*/c"])
_GROUPS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(["GPTBot", "CCBot", "other", "*", "google-extended"]), min_size=1, max_size=3),
        st.lists(st.tuples(st.sampled_from(["Allow", "Disallow"]), _PATHS), max_size=4),
    ),
    max_size=4,
)


@settings(deadline=None)
@given(_GROUPS, st.sampled_from(["/", "/a", "/a/b", "/b", "/b/x/c", "/ab"]))
def test_agrees_with_protego_on_the_whole_file(
    given_groups: list[tuple[list[str], list[tuple[str, str]]]], path: str
) -> None:
    """But for the groups for all, which are no reservation by name."""
    lines = []
    for names, rules in given_groups:
        lines += [*(f"User-agent: {name}" for name in names), *(f"{field}: {value}" for field, value in rules)]
        lines.append("Crawl-delay: 1")  # ends a group, with or without rules
    url = f"https://example.com{path}"
    named = Protego.parse("\n".join(lines).replace("agent: *", "agent: nobody"))
    assert shut("\n".join(lines), url) == [each for each in sorted(AGENTS) if not named.can_fetch(url, each)]


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    for each in (text, f"User-agent: GPTBot\nDisallow: {text}"):
        for agent in shut(each, "https://example.com/x"):
            assert agent in AGENTS
    tdm_locations(text)


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"User-agent: a{n}\n" for n in range(40_000)) + "Disallow: /\n" * 40_000,
        "User-agent: GPTBot\n" * 20_000 + "Disallow: /x\n" * 20_000,
        "User-agent: GPTBot\n" + "".join(f"Disallow: /*{n}*a*b*c*\n" for n in range(40_000)),
        "User-agent: GPTBot\nDisallow: /" + "*a" * 250_000,
        "User-agent: GPTBot\n\n" * 200_000,
        ":" * 10_000_000,
        "User-agent: GPTBot\nDisallow: /\n" + "x" * 10_000_000,
    ],
    ids=["agents", "repeats", "rules", "wildcards", "groups", "colons", "long"],
)
def test_hostile_files_end_soon(text: str) -> None:
    start = time.process_time()
    url = "https://example.com/" + "a" * 4000
    for rules in groups(text, AGENTS):
        assert len(rules.lines) <= MAX_RULES
        shuts = Shut(rules.lines)
        assert [shuts(url) for _ in range(10)]
    assert time.process_time() - start < 5


def test_tdm_file() -> None:
    given_rules = [
        {"location": "/open/*", "tdm-reservation": 0},
        {"location": "/", "tdm-reservation": 1, "tdm-policy": "https://example.com/policy.json"},
        {"location": "/", "tdm-reservation": 2},
        {"location": 5, "tdm-reservation": 1},
        {"tdm-reservation": 1},
        "nonsense",
    ]
    found = tdm_locations(json.dumps(given_rules))
    assert found == [Location("/open/*", False), Location("/", True)]
    reserved = Reserved(found)
    assert reserved("https://example.com/open/x") is False
    assert reserved("https://example.com/x") is True
    assert Reserved(found[:1])("https://example.com/x") is None


@pytest.mark.parametrize("text", ["", "{}", "[", "[" * 100_000, "null", '"x"', "[[[]]]", '[{"location": "/\\n"}]'])
def test_tdm_files_that_say_nothing(text: str) -> None:
    assert tdm_locations(text) == []
