"""E-mail addresses, internationalised too (RFC 5321, 6531): local parts and domains in any script.

The domain must end in a top-level domain of the public suffix list, so `build.local`, `logo@2x.png` and
`lodash@4.17.21` are none. Logins in commands and URLs (git@github.com:..., https://user@host) and the handles of
federated networks (@user@host) are left out. Where a script without spaces meets another, the address ends.
"""

import functools
import re
from collections.abc import Iterator

from publicsuffixlist import PublicSuffixList

from gristmill.filters.personal.spans import BLANK, Span

MAX_LOCAL = 64
"""Characters; RFC 5321 allows as many bytes."""
_LONGEST_TLD = 24
_REACH = 120
"""Code points in front of an address that are looked at for the beginning of a URL."""

_AT = str.maketrans({"\uff20": "@", "\uff0e": ".", "\uff61": "."})
_LATIN = r"0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_OTHER = (  # letters and marks of all other scripts, without their punctuation
    r"\u0370-\u0559\u0561-\u0588\u0591-\u05bd\u05d0-\u05f2\u0610-\u061a\u0620-\u0669\u066e-\u06d3\u06d5-\u06ff"
    r"\u0710-\u0963\u0966-\u0e4e\u0e50-\u1049\u1050-\u10fa\u10fc-\u135f\u1369-\u17d3\u17d7-\u1dff\u1f00-\u1fff"
    r"\u2d30-\u2d6f\u3005-\u3007\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u318e\u3400-\ud7ff\uf900-\ufaff"
    r"\U00010000-\U0001f0ff\U00020000-\U0003ffff"
)
_LATIN_LOCAL = re.compile(rf"[{_LATIN}][{_LATIN}.!#$%'*+\-^_~]*\Z")
_OTHER_LOCAL = re.compile(rf"[{_OTHER}][{_LATIN}{_OTHER}.+\-_]*\Z")
_DOMAIN = re.compile(rf"[{_LATIN}{_OTHER}\-]+(?:\.[{_LATIN}{_OTHER}\-]+)+")
_ASCII_LABEL = re.compile(r"(?:xn--[A-Za-z0-9\-]+|[A-Za-z]+)(?![A-Za-z0-9])")
_RETINA = re.compile(r"\d+x\Z", re.IGNORECASE)
_USERINFO = re.compile(r"://[^\s/?#]*\Z")
_PATH = re.compile(rf":[~/\w{BLANK}]")
_SERVICES = frozenset({"git", "hg", "svn"})


def find(text: str, start: int, end: int) -> Iterator[Span]:
    """The addresses in a window of a text that has an @ without white space around it.

    Linear in the window, and not much longer than that: both sides of an @ are looked at once.
    """
    window = text[start:end].translate(_AT)
    done, at = 0, window.find("@")
    while at >= 0:
        local = _local(window[done:at])
        domain = _domain(window[at + 1 :])
        if local and domain:
            span = Span("email", start + at - len(local), start + at + 1 + len(domain))
            if not _is_login(text, span, local):
                yield span
                done = at + 1 + len(domain)
        at = window.find("@", at + 1)


def _local(left: str) -> str | None:
    """What stands in front of an @ and may be a local part."""
    match = _LATIN_LOCAL.search(left[-MAX_LOCAL - 1 :]) or _OTHER_LOCAL.search(left[-MAX_LOCAL - 1 :])
    if match is None or len(match[0]) > MAX_LOCAL or ".." in match[0] or match[0].endswith("."):
        return None
    return match[0]


def _domain(right: str) -> str | None:
    """The longest domain that the text behind an @ begins with."""
    match = _DOMAIN.match(right)
    if match is None:
        return None
    labels = match[0].split(".")
    if _RETINA.match(labels[0]):
        return None
    for n in range(len(labels), 1, -1):
        if n > 2 and labels[n - 1][:1].isupper() and not labels[n - 2][:1].isupper():
            continue  # the next sentence, without a space
        suffix = _top_level(labels[n - 1])
        if suffix and all(label and label[0] != "-" != label[-1] for label in labels[: n - 1]):
            return ".".join([*labels[: n - 1], suffix])
    return None


def _top_level(label: str) -> str | None:
    """The top-level domain that a label is, or begins with where its script changes or has no spaces."""
    latin = _ASCII_LABEL.match(label)
    if latin:
        return latin[0] if _is_top_level(latin[0].lower()) else None
    tries = (label[:n] for n in range(min(len(label), _LONGEST_TLD), 1, -1))
    return next((each for each in tries if _is_top_level(each)), None)


@functools.lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


@functools.lru_cache(maxsize=4096)
def _is_top_level(label: str) -> bool:
    return len(label) > 1 and _suffixes().publicsuffix(label) is not None


def _is_login(text: str, span: Span, local: str) -> bool:
    """Whether this names an account in a command, a URL or a federated network, rather than a mailbox."""
    before = text[max(0, span.start - _REACH) : span.start]
    return (
        local in _SERVICES
        or before.endswith(("@", "\uff20"))
        or _USERINFO.search(before) is not None
        or _PATH.match(text, span.end) is not None
    )
