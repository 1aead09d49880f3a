"""What a site says to robots by name: the groups of a robots.txt (RFC 9309), and the TDM file (TDMRep).

A group for all agents (`*`) is about crawling, and no reservation; one that names an agent that collects text for
training is. Which lines make up a group is told here, in linear time and without the groups of other agents: a file may
name ten thousand agents over ten thousand rules. What a rule matches is told by protego.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from protego import Protego

MAX_BYTES = 500 << 10
"""Of a file, as RFC 9309 asks for at least."""

MAX_RULES = 1000
"""Rules for one agent; further ones are not looked at."""

_LINE = re.compile(r"\r\n|\r|\n")
_TOKEN = re.compile(r"[^\s/;(]+")
_AGENT_FIELDS = frozenset({"user-agent", "useragent", "user agent"})
_DISALLOW = frozenset({"disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw"})
_OF_GROUPS = frozenset({"crawl-delay", "crawl delay", "request-rate", "request rate", "visit-time", "visit time"})
_SHUT_OUT = "Disallow: /"
_MAX_LINE = 4096


class Rules(NamedTuple):
    """What stands in the groups for one agent."""

    agent: str
    """As it was asked for."""
    lines: tuple[str, ...]
    """`Allow: PATTERN` and `Disallow: PATTERN`, each once, in the file's order."""


def groups(text: str, agents: Iterable[str]) -> list[Rules]:
    """The rules for each of some agents that the file names and shuts out of anything, in the order of the names.

    Names are compared whole, without regard to case; what follows a slash, such as a version, is not part of them.
    """
    wanted = {agent.lower(): agent for agent in agents}
    found: dict[str, dict[str, None]] = {}
    current: set[str] = set()
    naming = False
    for field, value in _fields(text):
        if field in _AGENT_FIELDS:
            current = current if naming else set()
            naming = True
            token = _TOKEN.match(value)
            if token and token[0].lower() in wanted:
                current.add(token[0].lower())
            continue
        if field != "allow" and field not in _DISALLOW:
            naming = naming and field not in _OF_GROUPS
            continue
        naming = False
        line = f"{'Allow' if field == 'allow' else 'Disallow'}: {value}"
        for name in current if value else ():
            rules = found.setdefault(name, {})
            if len(rules) < MAX_RULES:
                rules[line] = None
    named = (Rules(wanted[name], tuple(rules)) for name, rules in found.items())
    return sorted(rules for rules in named if any(line.startswith("Disallow") for line in rules.lines))


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in _LINE.split(text.removeprefix("\ufeff")[:MAX_BYTES]):
        field, colon, value = line[:_MAX_LINE].partition("#")[0].partition(":")
        if colon:
            yield " ".join(field.lower().split()), " ".join(value.split())


class Shut:
    """Whether an agent's rules shut it out of a URL."""

    def __init__(self, lines: Iterable[str]) -> None:
        rules = tuple(lines)
        everything = rules == (_SHUT_OUT,)
        self._parsed = None if everything else Protego.parse("\n".join(("User-agent: *", *rules)))

    def __call__(self, url: str) -> bool:
        return self._parsed is None or not self._parsed.can_fetch(url, "*")


class Location(NamedTuple):
    """A rule of a TDM file."""

    pattern: str
    reserved: bool


def tdm_locations(text: str) -> list[Location]:
    """The rules of a `tdmrep.json`, in order; those that are not as the protocol asks are left out."""
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError):
        return []
    given = value if isinstance(value, list) else []
    found = (_location(each) for each in given[:MAX_RULES])
    return [each for each in found if each is not None]


def _location(value: Any) -> Location | None:
    if not isinstance(value, dict):
        return None
    pattern, reservation = value.get("location"), value.get("tdm-reservation")
    if not isinstance(pattern, str) or str(reservation) not in ("0", "1") or isinstance(reservation, bool):
        return None
    pattern = pattern.strip()[:_MAX_LINE]
    if not pattern.startswith(("/", "*")) or _LINE.search(pattern) or "#" in pattern:
        return None
    return Location(pattern, str(reservation) == "1")


class Reserved:
    """Whether a TDM file reserves a URL, or says that it does not; None where it says nothing of it."""

    def __init__(self, locations: Iterable[Location]) -> None:
        self._matches = [(Shut([f"Disallow: {each.pattern}"]), each.reserved) for each in locations]

    def __call__(self, url: str) -> bool | None:
        """The first rule that matches decides, as the protocol has it."""
        return next((reserved for matches, reserved in self._matches if matches(url)), None)
