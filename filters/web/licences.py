"""Licences that a page states, by SPDX's names: `CC-BY-SA-4.0`, `CC0-1.0`, `GFDL-1.3`, `public-domain`.

Where a page says it decides how much it says:

1. *declared*: a link with `rel="license"` (in the page or in the header field `Link`), or an element whose `itemprop`
   or `property` is license;
2. *described*: meta elements (`dc.rights`, `dcterms.license`, `license`, ...), and `license` in JSON-LD;
3. *linked*: a link to a Creative Commons licence in a footer, or in a part that is named for copyright or licence.

The strongest kind that names a known licence decides. Other links say nothing: an article about Creative Commons links
to its licences, too. Nor does a licence within a figure, or of an image or a video in JSON-LD: that is not the text's.
Of several licences of the same kind the one that asks for most is taken, so that nobody is promised more than each of
them does. The order of kinds is near that of the Common Crawl Creative Commons Corpus (Vanroy, 2025), which takes
links from anywhere and leaves it to its users to sort them out.

Licences of jurisdictions count as the general one (`CC-BY-3.0-DE` as `CC-BY-3.0`). What names none of the known
licences, such as a link to a site's own terms, is passed over.
"""

import functools
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from importlib import resources
from typing import NamedTuple

PUBLIC_DOMAIN = "public-domain"

META_NAMES = frozenset(
    {
        *("license", "licence", "rights", "copyright", "cc:license", "dc.license", "dc.rights", "dc.rights.license"),
        *("dc.rights.uri", "dcterms.license", "dcterms.rights", "dc:license", "dc:rights", "dct:license"),
        *("dcterms:license", "schema:license", "citation_license", "article:license", "og:license"),
    }
)
"""Names of meta elements that may state a licence, in lower case."""

MEDIA_TYPES = frozenset(
    {"ImageObject", "VideoObject", "AudioObject", "MediaObject", "Photograph", "SoftwareApplication"}
)
"""Types of JSON-LD whose licence is not the page's."""

_MAX_STATEMENT = 2048
_MAX_HEADER = 4096
_LINK = re.compile(r"<([^<>]*)>([^<>]*)")
_IS_LICENCE = re.compile(r"\brel\s*=\s*[\"']?[^\"',]*\blicen[cs]e\b", re.IGNORECASE)
_PARTS = ("BY", "NC", "ND", "SA")
_CC_URL = re.compile(
    r"creativecommons\.org/+(?:licen[cs]es|publicdomain)/+([a-z+-]{2,12})(?:/+(\d\.\d))?(?![\w.+-])", re.IGNORECASE
)
_SCHEME = re.compile(r"(?:https?:)?//(?:www\.)?", re.IGNORECASE)
_CC_CODE = re.compile(r"\bcc[ -]?((?:by|nc|nd|sa)(?:[ -](?:by|nc|nd|sa))*)\b(?:[ -]v?(\d\.\d))?")
_CC_ZERO = re.compile(r"\bcc[ -]?(?:0|zero)\b")
_CC_NAME = re.compile(r"\bcreative commons\b.*?\battribution\b")
_CC_WORDS = {"NC": re.compile(r"non ?commercial"), "ND": re.compile(r"no ?deriv"), "SA": re.compile(r"share ?alike")}
_VERSION = re.compile(r"\b[1-4]\.[0-9]\b")
_NOT_WORDS = re.compile(r"[^a-z0-9.]+")
_FILE_ENDING = re.compile(r"\.(?:html?|txt|php|md|en|xhtml|rdf)$")


class Stated(NamedTuple):
    """What a page states of its licence: URLs or words, by where they stand."""

    declared: Collection[str] = ()
    described: Collection[str] = ()
    linked: Collection[str] = ()


def of_page(stated: Stated) -> str | None:
    """The page's licence, None where it states no known one."""
    for statements in stated:
        known = {licence for each in statements if (licence := of_statement(each))}
        if known:
            return max(known, key=_demands)
    return None


def _demands(licence: str) -> tuple[bool, bool, bool, str]:
    """Licences in the order of what they ask for; the name, so that there are no ties."""
    parts = licence.split("-")
    free = licence in (PUBLIC_DOMAIN, "CC0-1.0", "Unlicense", "PDDL-1.0")
    return "ND" in parts, "NC" in parts, not free, licence


def of_link_header(value: str) -> list[str]:
    """The targets of the links of a header field `Link` (RFC 8288) whose relation is license."""
    return [found[1] for found in _LINK.finditer(value[:_MAX_HEADER]) if _IS_LICENCE.search(found[2])]


def of_statement(statement: str) -> str | None:
    """The licence that a URL or a short text names."""
    statement = statement.strip()[:_MAX_STATEMENT]
    if found := _CC_URL.search(statement):
        at_start = _SCHEME.sub("", statement, count=1).lower().startswith("creativecommons.org")
        # Within a text an address counts; as part of another address (`/share?url=...`) it does not.
        return _of_cc_url(found) if at_start or any(each.isspace() for each in statement) else None
    if _SCHEME.match(statement):
        return _of_url(_SCHEME.sub("", statement, count=1).lower())
    return _of_words(_NOT_WORDS.sub(" ", statement.lower()).strip(" ."))


def is_name(name: str) -> bool:
    """Whether it is the name of a licence as `of_statement` gives them."""
    return name in names() or (name.startswith("CC") and of_statement(name) == name)


@functools.cache
def names() -> tuple[str, ...]:
    """Licences by name, sorted; of Creative Commons the current version, though others are known, too."""
    free = ("BY", "BY-SA", "BY-NC", "BY-ND", "BY-NC-SA", "BY-NC-ND")
    known = {*_known("urls").values(), *_known("names").values(), PUBLIC_DOMAIN, "CC0-1.0"}
    return tuple(sorted(known | {f"CC-{each}-4.0" for each in free}))


def _of_cc_url(found: re.Match[str]) -> str | None:
    code, version = found[1].lower().strip("-"), found[2]
    if code == "zero":
        return f"CC0-{version or '1.0'}"
    if code in ("mark", "publicdomain", "certification"):
        return PUBLIC_DOMAIN
    return _cc(code.split("-"), version)


def _cc(parts: Iterable[str], version: str | None) -> str | None:
    """SPDX's name, its parts in the order of the later versions."""
    named = {part.upper() for part in parts}
    if not named or not named <= set(_PARTS) or {"ND", "SA"} <= named:
        return None
    return "-".join(["CC", *(part for part in _PARTS if part in named), *([version] if version else [])])


def _of_url(address: str) -> str | None:
    """The licence of an address without scheme, by its longest known beginning."""
    known, path = _known("urls"), _FILE_ENDING.sub("", address.partition("?")[0].partition("#")[0].rstrip("/"))
    path = _FILE_ENDING.sub("", path)
    while path:
        if path in known:
            return known[path]
        path = path.rpartition("/")[0]
    return None


def _of_words(words: str) -> str | None:
    if words in (names := _known("names")):
        return names[words]
    if found := _CC_CODE.search(words):
        return _cc(re.split("[ -]", found[1]), found[2])
    if _CC_ZERO.search(words):
        return "CC0-1.0"
    if _CC_NAME.search(words):
        version = _VERSION.search(words)
        parts = [part for part, word in _CC_WORDS.items() if word.search(words)]
        return _cc(["BY", *parts], version[0] if version else None)
    return None


@functools.cache
def _known(table: str) -> Mapping[str, str]:
    """Addresses or names of `licences.toml` with their licence."""
    read = tomllib.loads(resources.files(__package__).joinpath("licences.toml").read_text("utf-8"))
    return {each: licence for licence, spellings in read[table].items() for each in spellings}
