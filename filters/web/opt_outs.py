"""Reservations that a page makes of its own use: robots directives and the TDM Reservation Protocol.

| tag | from |
|---|---|
| `meta:noai`, `header:noai` | `<meta name="robots">`, `X-Robots-Tag` |
| `meta:gptbot:noindex`, `header:otherbot:noindex` | the same, for one agent alone |
| `meta:tdm`, `header:tdm` | `tdm-reservation` with the value 1 |
| `meta:tdm:0`, `header:tdm:0` | the value 0: not reserved, which goes over what stands elsewhere |
| `robots:GPTBot` | the site's robots.txt shuts this agent out (see `robots`) |
| `site:tdm` | the site's `/.well-known/tdmrep.json` |

Recorded are the directives below, whatever they ask for; what counts as a reservation against training is said by
`against_training`. Sources: Google's robots meta tag specification; DeviantArt's noai and noimageai (2022); noml
(Mojeek and others, 2023); TDMRep, W3C community group (2024).
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

DIRECTIVES = frozenset({"noai", "noimageai", "noml", "noindex", "none", "noarchive", "nocache"})
"""The directives that are recorded."""

HEADERS = frozenset({"x-robots-tag", "tdm-reservation"})
"""The fields of a response that are looked at, in lower case."""

_FOR_AN_AGENT = frozenset({"noindex", "none"})
"""Of an agent that trains models, to be shut out of the index is to be shut out of training."""

_OTHER_DIRECTIVES = frozenset(
    {
        *("all", "index", "follow", "archive", "nofollow", "nosnippet", "noimageindex", "notranslate", "nositelinks"),
        *("nositelinkssearchbox", "nopagereadaloud", "indexifembedded", "noodp", "noydir", "nopreview"),
    }
)
_WITH_VALUES = ("max-", "unavailable_after")
_SEPARATORS = re.compile(r"[\s,;]+")
_NO_AGENTS = frozenset({"msapplication-config", "referrer"})
"""Names of meta elements whose content may be `none` for other reasons."""
_AGENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MAX_CONTENT = 1024
_MAX_AGENT_CONTENT = 256
_MOST = 64
"""Tags of one record. Nobody has a use for more."""


def of_meta(name: str, content: str) -> Iterator[str]:
    """Tags of one meta element: its name in lower case, and its content."""
    if name == "robots":
        yield from (f"meta:{each}" for each in _directives(content) if each in DIRECTIVES)
    elif name == "tdm-reservation":
        yield from _tdm("meta", content)
    elif len(content) <= _MAX_AGENT_CONTENT and name not in _NO_AGENTS and _AGENT.fullmatch(name):
        # A meta element for one robot looks like any other, but holds nothing but directives.
        found = _directives(content)
        if found and all(map(_is_directive, found)):
            yield from (f"meta:{name}:{each}" for each in found if each in DIRECTIVES)


def of_header(name: str, value: str) -> Iterator[str]:
    """Tags of one header field: its name in lower case, and its value."""
    if name == "tdm-reservation":
        yield from _tdm("header", value)
    elif name == "x-robots-tag":
        agent = ""
        for part in value[:_MAX_CONTENT].lower().split(","):
            before, colon, rest = part.partition(":")
            if colon and not before.strip().startswith(_WITH_VALUES):
                # A directive behind a name, and all that follow, are for that agent alone.
                agent, part = f"{before.strip()}:", rest  # noqa: PLW2901
                if not _AGENT.fullmatch(agent[:-1]):
                    return
            yield from (f"header:{agent}{each}" for each in _SEPARATORS.split(part) if each in DIRECTIVES)


def _tdm(where: str, value: str) -> Iterator[str]:
    """Any value but 0 and 1 is an error of protocol, and counts as none."""
    match value[:_MAX_CONTENT].strip():
        case "1":
            yield f"{where}:tdm"
        case "0":
            yield f"{where}:tdm:0"
        case _:
            pass


def _directives(content: str) -> list[str]:
    return [each for each in _SEPARATORS.split(content[:_MAX_CONTENT].lower()) if each]


def _is_directive(word: str) -> bool:
    return word in DIRECTIVES or word in _OTHER_DIRECTIVES or word.startswith(_WITH_VALUES)


def merged(tags: Iterable[str]) -> list[str]:
    """The tags of a record as a table holds them: each once, those for all robots first, 64 at most."""
    return sorted(set(tags), key=lambda tag: (tag.count(":"), tag))[:_MOST]


def against_training(tags: Sequence[str], *, directives: Collection[str], agents: Collection[str]) -> list[str]:
    """The tags that reserve a text from training.

    Args:
        tags: those of the record, and of its site.
        directives: that count when they are addressed to all robots, such as noai.
        agents: names in lower case; for one of them noindex and none count, too.
    """
    tdm = _tdm_reservation(tags)
    return [tag for tag in tags if tag == tdm or _counts(tag, directives=directives, agents=agents)]


def _counts(tag: str, *, directives: Collection[str], agents: Collection[str]) -> bool:
    where, *agent, directive = tag.split(":")
    if where == "robots":
        return True
    if agent:
        return agent[0] in agents and (directive in directives or directive in _FOR_AN_AGENT)
    return directive in directives


def _tdm_reservation(tags: Collection[str]) -> str | None:
    """The tag that decides, if it reserves: what a page says goes over its header, and that over the site's file."""
    for where in ("meta", "header", "site"):
        if f"{where}:tdm" in tags:
            return f"{where}:tdm"
        if f"{where}:tdm:0" in tags:
            return None
    return None
