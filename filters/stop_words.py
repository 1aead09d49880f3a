"""Very common words by language: `stop_words.toml`."""

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType


@functools.cache
def load() -> Mapping[str, tuple[str, ...]]:
    """Stop words by ISO 639-3 language: lower case, NFC, no word twice. Languages without a list are not in it."""
    lists = tomllib.loads(resources.files(__package__).joinpath("stop_words.toml").read_text("utf-8"))
    return MappingProxyType({language: tuple(words) for language, words in lists.items()})
