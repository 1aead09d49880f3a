"""What is known of a document before its personal data are looked for: its countries, and the words of its language."""

import functools
from typing import NamedTuple

from gristmill.filters.personal import regions, words


class Place(NamedTuple):
    """Countries that a document may be of, likeliest first, and the words that tell what its numbers are."""

    regions: tuple[str, ...]
    words: words.Words


@functools.lru_cache(maxsize=4096)
def place(language: str | None, region: str | None) -> Place:
    """By language, such as deu_Latn, and by country, such as AT, where these are known."""
    return Place(regions.candidates(language, region), words.of(language))
