"""Languages that a recipe names for the sample and the mixture: whether a document can be in them at all."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from itertools import chain
from typing import Any

from gristmill.filters.rules import DEFAULT
from gristmill.schemas import Recipe, nearest

_OF_NONE = ("und", "zxx")


def check(recipe: Recipe, folder: str) -> None:
    """Refuse codes that no document can have. A language model of one's own may know any language: then all are taken.

    Raises:
        ValueError: a language or script is unknown to the language models.
    """
    del folder
    mixture, tokenizer = recipe.mixture, recipe.tokenizer
    named = {
        "tokenizer.floors": tokenizer.floors,
        "tokenizer.caps": tokenizer.caps,
        "mixture.language_weights": mixture.language_weights,
        "mixture.language_shares": mixture.language_shares,
    }
    if recipe.language.model is not None or not any(named.values()):
        return
    languages, scripts = known()
    for field, code in ((field, code) for field, codes in named.items() for code in codes):
        language, script = _parts(code)
        if language and language not in languages:
            raise ValueError(f"{field}.{code}: no document can be in {language!r}{nearest(language, languages)}")
        if script and script not in scripts:
            raise ValueError(f"{field}.{code}: no document can be in the script {script!r}{nearest(script, scripts)}")


def known() -> tuple[frozenset[str], frozenset[str]]:
    """Languages (ISO 639-3) and scripts (ISO 15924) that the bundled language models tell apart."""
    from gristmill.filters.characters import script_names  # noqa: PLC0415  (compiled kernels)

    text = resources.files("gristmill.filters.language").joinpath("languages.toml").read_text("utf-8")
    tables: Mapping[str, Mapping[str, Any]] = tomllib.loads(text)
    by_script = chain.from_iterable(tables["scripts"].values())
    languages = {*_OF_NONE, *tables["labels"].values(), *tables["members"].values(), *by_script}
    return frozenset(languages), frozenset({*tables["scripts"], *filter(None, script_names())})


def _parts(code: str) -> tuple[str, str]:
    """Language and script of a code; empty where it has none."""
    if code == DEFAULT:
        return "", ""
    language, _, script = code.rpartition("_")
    return (language, script) if language else ("", code) if code[0].isupper() else (code, "")
