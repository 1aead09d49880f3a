"""Which script a text is written in, from a sample of it, and whether it is in Unicode's normal form C.

The script is the one with most letters, where a character of Chinese, Japanese or Korean weighs `_SYLLABLE` letters:
it says as much as a few letters do, and a Chinese sentence with a long Latin name in it is a Chinese one. Han with kana
is Japanese; Han alone is simplified unless more of its characters are of traditional Chinese only. Characters that
only written Cantonese has are counted too: standard Chinese does without them.
"""

import unicodedata
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit
from gristmill.filters.characters import (
    CODE_POINTS,
    HANS,
    HANT,
    JPAN,
    LETTER,
    SCRIPT_SHIFT,
    SIMPLIFIED,
    TRADITIONAL,
    characters,
    scripts,
)
from gristmill.filters.segmentation import Int64s, Text

UInt16s = npt.NDArray[np.uint16]
Bools = npt.NDArray[np.bool_]

N_SCRIPTS = 256
_SYLLABLE = 3
_KANA_SHARE = 20
"""As in `segmentation`: a text in Han is Japanese if at least one of 20 letters is kana."""
_CANTONESE = "嘅咗佢冇嗰啲嚟喺哋咁嘢"
"""Not the commonest, 唔: Mandarin has it as an interjection."""
_CANTONESE_SHARE = 100
"""Han is Cantonese if at least one of 100 characters is of Cantonese only."""

_HANI, _HIRA, _KANA, _HANG = (scripts().index(script) for script in ("Hani", "Hira", "Kana", "Hang"))
_NO_SCRIPT, _TRADITIONAL_ONLY, _SIMPLIFIED_ONLY, _CANTONESE_ONLY = 252, 253, 254, 255
"""Classes beside those of `scripts()`: letters that no script has for itself, and Han that tells more."""

_CLASS = 0xFF
_UPPER, _LOWER = 1 << 8, 1 << 9
_COMBINES = 1 << 10
"""May form a character with one before it, or is never part of form C."""
_NOT_STARTING = 1 << 11
"""Has a combining class: several in a row may be in a wrong order."""


class Letters(NamedTuple):
    """What the letters of each text show."""

    scripts: Int64s
    """Number in `script_names()`."""
    letters: Int64s
    """Letters, those of Chinese, Japanese and Korean weighted."""
    cantonese: Bools
    """Whether its Han is Cantonese."""
    mixed: Bools
    """Whether more than a fifth of the letters are of other scripts."""


@cache
def classes() -> UInt16s:
    """Script of each code point that is a letter (0: none), case, and what matters for form C; built in 0.2 s."""
    kinds = characters().kinds
    found = np.where(kinds & LETTER, kinds >> SCRIPT_SHIFT, 0).astype(np.uint16)
    assert len(scripts()) <= _NO_SCRIPT
    no_script = (kinds & LETTER != 0) & (found == 0)
    found[no_script] = _NO_SCRIPT
    han = found == _HANI
    found[han & (kinds & TRADITIONAL != 0)] = _TRADITIONAL_ONLY
    found[han & (kinds & SIMPLIFIED != 0)] = _SIMPLIFIED_ONLY
    found[[ord(char) for char in _CANTONESE]] = _CANTONESE_ONLY
    for code in (*range(0x20000), *range(0x2F800, 0x2FA20)):
        if 0x3400 <= code < 0xA000 or 0xAC00 <= code < 0xD7A4:
            continue
        char = chr(code)
        found[code] |= _UPPER * char.isupper() | _LOWER * (char.islower() or unicodedata.category(char) == "Lt")
        found[code] |= _NOT_STARTING * (unicodedata.combining(char) > 0)
        parts = unicodedata.decomposition(char)
        if parts and not parts.startswith("<"):
            if not unicodedata.is_normalized("NFC", char):
                found[code] |= _COMBINES
            elif " " in parts:
                found[int(parts.split()[1], 16)] |= _COMBINES
    found[0x1161:0x1176] |= _COMBINES
    found[0x11A8:0x11C3] |= _COMBINES
    found.setflags(write=False)
    return found


@jit
def _next(data: Any, i: Any, end: Any) -> tuple[Any, Any]:
    """Code point at byte i, which is not ASCII, and the byte after it. U+FFFD for what is not UTF-8."""
    lead = np.int64(data[i])
    size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if lead < 0xC2 or i + size > end:
        return np.int64(0xFFFD), i + 1
    code = lead & (0x7F >> size)
    for k in range(1, size):
        code = (code << 6) | (np.int64(data[i + k]) & 0x3F)
    return (code if code < CODE_POINTS else np.int64(0xFFFD)), i + size


@jit
def _no_letters(n: Any) -> Letters:
    return Letters(np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.bool_), np.zeros(n, np.bool_))


@jit
def see_letters(text: Text, firsts: Int64s, classes: UInt16s) -> tuple[Letters, Letters]:
    """Letters of each text, and of each document: d is made of the texts `firsts[d]:firsts[d + 1]`."""
    n, n_documents = len(text.offsets) - 1, len(firsts) - 1
    parts, wholes = _no_letters(n), _no_letters(n_documents)
    counts = np.zeros(N_SCRIPTS, np.int64)
    total = np.zeros(N_SCRIPTS, np.int64)
    for d in range(n_documents):
        total[:] = 0
        for part in range(firsts[d], firsts[d + 1]):
            counts[:] = 0
            i, end = text.offsets[part], text.offsets[part + 1]
            while i < end:
                code = np.int64(text.data[i])
                if code < 0x80:
                    i += 1
                else:
                    code, i = _next(text.data, i, end)
                counts[np.int64(classes[code]) & _CLASS] += 1
            counts[0] = 0
            total += counts
            _settle(counts, parts, part)
        _settle(total, wholes, d)
    return parts, wholes


@jit
def _settle(counts: Int64s, found: Letters, row: Any) -> None:
    """Fill in a row from the counts by class, which it changes."""
    letters = counts.sum()
    cantonese = counts[_CANTONESE_ONLY]
    traditional = counts[_TRADITIONAL_ONLY] - counts[_SIMPLIFIED_ONLY]
    han = counts[_HANI] + counts[_TRADITIONAL_ONLY] + counts[_SIMPLIFIED_ONLY] + cantonese
    kana = counts[_HIRA] + counts[_KANA]
    found.letters[row] = letters + (_SYLLABLE - 1) * (han + kana + counts[_HANG])
    counts[_HIRA] = 0
    counts[_NO_SCRIPT:] = 0
    japanese = kana > 0 and kana * _KANA_SHARE >= kana + han
    counts[_HANI] = 0 if japanese else han * _SYLLABLE
    counts[_KANA] = (kana + han if japanese else kana) * _SYLLABLE
    counts[_HANG] *= _SYLLABLE
    script: Any = np.argmax(counts)
    found.mixed[row] = counts[script] * 5 < counts.sum() * 4
    if script == _KANA:
        script = JPAN
    elif script == _HANI:
        script = HANT if traditional > 0 else HANS
        found.cantonese[row] = cantonese * _CANTONESE_SHARE >= han and cantonese > 0
    found.scripts[row] = script


@jit
def may_be_changed(text: Text, classes: UInt16s) -> Any:
    """Whether bringing a text into form C, or into lower case if it is all upper, might change it. Never misses one."""
    n = len(text.offsets) - 1
    found = np.zeros(n, np.bool_)
    for part in range(n):
        i, end = text.offsets[part], text.offsets[part + 1]
        flags, before = np.int64(0), np.int64(0)
        while i < end:
            code = np.int64(text.data[i])
            if code < 0x80:
                i += 1
            else:
                code, i = _next(text.data, i, end)
            this = np.int64(classes[code])
            flags |= this
            if this & before & _NOT_STARTING:
                flags |= _COMBINES
            before = this
        found[part] = flags & _COMBINES != 0 or flags & (_UPPER | _LOWER) == _UPPER
    return found
