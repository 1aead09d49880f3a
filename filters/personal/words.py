"""Words that stand in front of numbers and tell what these are: `words.toml`, by language."""

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import NamedTuple

from gristmill.filters.personal.context import any_of

_COMMON = "common"


class Words(NamedTuple):
    """Patterns for the words of a language, and for those that are in use anywhere."""

    phone: re.Pattern[str]
    """A telephone number follows."""
    card: re.Pattern[str]
    """The number of a payment card follows."""
    address: re.Pattern[str]
    """An IP address follows."""
    version: re.Pattern[str]
    """The number of a version or a section follows."""
    thing: re.Pattern[str]
    """The number of a book, an order, a company or the like follows."""


@functools.lru_cache(maxsize=1)
def _lists() -> Mapping[str, Mapping[str, Sequence[str]]]:
    found = tomllib.loads(resources.files(__package__).joinpath("words.toml").read_text("utf-8"))
    assert set(found) == set(Words._fields)
    return found


@functools.lru_cache(maxsize=512)
def of(language: str | None) -> Words:
    """The words for a language, such as deu_Latn or deu; without one, those in use anywhere."""
    code = (language or "")[:3]
    return Words(
        *(any_of([*lists[_COMMON], *lists.get(code, ())]) for lists in map(_lists().get, Words._fields) if lists)
    )
