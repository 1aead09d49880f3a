"""What stands for a character in normalised text, and the table of it that kernels read.

- Case is folded in full: ß is ss.
- Display forms are the plain characters: full and half width, Arabic positions, ligatures, Roman numerals, mathematical
  alphabets, compatibility ideographs. Super- and subscripts, circled numbers and fractions stay: m² is not m2.
- Composed characters are taken apart, but for Hangul: both spellings give the same. Ingest has put jamo together.
- Optional marks leave no trace: accents of Latin and Greek, stress, harakat, niqqud, variation selectors. Nor do the
  strokes of đ, ħ, ł, ø, ŧ, or the dot that ı lacks, for a Turkish capital does not tell which i it is.
- Cyrillic ё is е, but й, ї, ў, ѓ, ќ and other composed letters are letters of their own, and stay.
- All other marks stay: vowel signs, viramas, nuktas and tones of Indic scripts, Thai, Khmer or Burmese make the word,
  and the voicing marks of kana too.
- Tatweel, apostrophes that are letters (Ukrainian ʼ, Uzbek ʻ) and invisible characters leave no trace. The joiners
  (ZWJ, ZWNJ) are invisible: they say how Persian and Indic words are drawn, and many writers leave them out.
- Decimal digits of all scripts are 0.
- Persian keheh and yeh are Arabic kaf and yeh, which keyboards mix up.

In the table a *fold* has a code point in its low 21 bits, 0 for no trace. Its high bits number the *link* that goes on:
link k is entry 0x110000 + k, itself a fold; link 0 ends. From IN_CONTEXT on, a fold depends on the character before.
"""

import sys
import unicodedata
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit

UInt32s = npt.NDArray[np.uint32]

_LINK_SHIFT = 21
_SHIFT = np.uint32(_LINK_SHIFT)
LAST_CODE = np.uint32((1 << _LINK_SHIFT) - 1)
"""The low bits of a fold. A fold up to this one is one character."""
IN_CONTEXT = np.uint32(0xFFFFFFFF ^ LAST_CODE)

# Display forms that differ from the plain character in shape alone; for letters, <compat> does too.
_SHAPES = ("<wide>", "<narrow>", "<font>", "<initial>", "<medial>", "<final>", "<isolated>", "<vertical>", "<small>")

_OPTIONAL_MARKS = (
    *((0x0300, 0x036F), (0x0483, 0x0489), (0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670)),
    *((0x06D6, 0x06ED), (0x0711, 0x0711), (0x0730, 0x074A), (0x0897, 0x089F), (0x08CA, 0x08FF), (0x180B, 0x180F)),
    *((0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFB1E, 0xFB1E), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F)),
    (0xE0100, 0xE01EF),
)
_OPTIONAL_LETTERS = "\u0640ʻʼ"
_SAME_LETTERS = dict(zip("đħłøŧıکی", "dhlotiكي", strict=True))

_ACUTE, _DIAERESIS = 0x0301, 0x0308
_LETTER_MARKS = (_ACUTE, 0x0304, 0x0306, _DIAERESIS, 0x030B)

_FIRST_LINK = np.uintp(sys.maxunicode + 1)


def is_optional(char: str) -> bool:
    """Whether a character leaves no trace in normalised text, wherever it stands or but for some Cyrillic letters."""
    code = ord(char)
    category = unicodedata.category(char)
    if category in ("Mn", "Me"):
        return any(first <= code <= last for first, last in _OPTIONAL_MARKS)
    return category == "Cf" or char in _OPTIONAL_LETTERS


def fold_character(char: str) -> str:
    """What stands for a letter, mark or number in normalised text if it stands alone: up to four characters, or none.

    Anything else leaves no trace.
    """
    parts = _parts(char)
    if len(parts) == 2 and ord(parts[1]) in _LETTER_MARKS and makes_letter(ord(parts[0]), ord(parts[1])):
        return fold_character(parts[0]) + parts[1]
    if parts != char:
        return "".join(map(fold_character, parts))
    if unicodedata.category(char)[0] not in "LMN" or is_optional(char):
        return ""
    return "0" if char.isdecimal() else "".join(_SAME_LETTERS.get(folded, folded) for folded in char.casefold())


def makes_letter(letter: Any, mark: Any) -> Any:
    """Whether one of _LETTER_MARKS is part of a Cyrillic letter: acute of ѓ and ќ, the others of all but ё."""
    lower = letter | 0x20
    is_cyrillic = (letter >= 0x0400) & (letter <= 0x052F)
    is_no_stress = (mark != _ACUTE) | (lower == 0x0433) | (lower == 0x043A)
    return is_cyrillic & is_no_stress & ((mark != _DIAERESIS) | (lower != 0x0435))


def _parts(char: str) -> str:
    """A character taken apart, if its parts may stand for it."""
    if "\uac00" <= char <= "\ud7a3":
        return char
    tag, bracket, _ = unicodedata.decomposition(char).rpartition(">")
    if not tag:
        return unicodedata.normalize("NFD", char)
    category = unicodedata.category(char)
    is_shape = tag + bracket in _SHAPES or (tag == "<compat" and (category[0] == "L" or category == "Nl"))
    plain = unicodedata.normalize("NFKD", char)
    return plain if is_shape and " " not in plain.strip() else char


def add_folds(folds: UInt32s, codes: Iterable[int]) -> UInt32s:
    """The table of folds: `folds`, where characters of words stand for themselves and all else is 0, with what stands
    for those of some codes, and the links.
    """
    links, numbers = [0], {"": 0}

    def chain(chars: str) -> int:
        rest = chars[1:]
        if rest not in numbers:
            links.append(chain(rest))
            numbers[rest] = len(links) - 1
        return ord(chars[0]) | numbers[rest] << _LINK_SHIFT

    for code in codes:
        folded = fold_character(chr(code))
        folds[code] = chain(folded) if folded and folds[code] else 0
    for code in _LETTER_MARKS:
        folds[code] = IN_CONTEXT
    assert len(links) <= IN_CONTEXT >> _SHIFT, "links have as many bits"
    return np.concatenate([folds, np.array(links, np.uint32)])


_makes_letter = jit(makes_letter)


# Characters, not the array of them: an array as argument of a function with branches has its references counted.
@jit
def fold_behind(last: Any, code: Any) -> Any:
    """The fold of a character behind another, if it is one of IN_CONTEXT."""
    return np.uint32(code * np.uint32(_makes_letter(last, code)))


@jit
def next_fold(folds: Any, fold: Any) -> Any:
    """The fold that goes on behind this one; 0 if none does."""
    return folds[_FIRST_LINK + np.uintp(fold >> _SHIFT)]
