"""Which countries a document may be of, by its language and by the top-level domain of its URL."""

import functools
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import phonenumbers

_HOST = re.compile(r"[a-z][a-z0-9+.\-]*://(?:[^/?#@]*@)?[^/?#:]*\.([a-z]{2})(?:[:/?#]|\Z)", re.IGNORECASE)
_NAMED_OTHERWISE = {"uk": "GB"}


@functools.lru_cache(maxsize=1)
def _known() -> Mapping[str, Any]:
    """`regions.toml`."""
    return tomllib.loads(resources.files(__package__).joinpath("regions.toml").read_text("utf-8"))


def candidates(language: str | None, region: str | None) -> tuple[str, ...]:
    """Countries (ISO 3166), likeliest first: `region`, where it is known, then those of the language.

    `language` is a code such as deu_Latn or deu. None are known of an undetermined language, or of one without a list.
    """
    languages, code = _known()["languages"], language or ""
    of_language = languages.get(code) or languages.get(code[:3]) or ()
    return tuple(dict.fromkeys([*([region] if region else []), *of_language]))


def of_url(url: str | None) -> str | None:
    """The country of a URL's host by its top-level domain: NZ for example.co.nz; None for example.org, example.io."""
    match = _HOST.match(url) if url else None
    if match is None or match[1].lower() in _known()["of_anybody"]:
        return None
    code = match[1].lower()
    region = _NAMED_OTHERWISE.get(code, code.upper())
    return region if region in phonenumbers.SUPPORTED_REGIONS else None
