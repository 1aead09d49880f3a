"""Digits of all scripts, full-width signs, dashes and spaces as ASCII, one code point for one: offsets stay."""

import functools
import sys
import unicodedata
from collections.abc import Mapping

_DASHES = "\u2212\u30fc\uff70\u2043"
"""Dashes in use that Unicode does not file under dashes: minus, the Japanese long vowel in two widths, bullet."""


@functools.lru_cache(maxsize=1)
def folds() -> Mapping[int, int]:
    """The code point that stands for each of those that are folded: digits of every script, full-width forms of ASCII,
    and by their general category dashes (Pd), spaces (Zs) and invisible format characters (Cf), which become spaces."""
    found = {}
    for code in range(0x80, sys.maxunicode + 1):
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Nd":
            found[code] = ord("0") + unicodedata.decimal(character)
        elif 0xFF01 <= code <= 0xFF5E:
            found[code] = code - 0xFEE0
        elif category == "Pd":
            found[code] = ord("-")
        elif category in {"Zs", "Cf"}:
            found[code] = ord(" ")
    return {**found, **dict.fromkeys(map(ord, _DASHES), ord("-"))}


def fold(text: str) -> str:
    """The text with every code point folded; as long as before."""
    return text if text.isascii() else text.translate(folds())
