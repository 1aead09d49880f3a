import sys
import unicodedata

import pytest

from gristmill.filters import characters
from gristmill.filters.folding import IN_CONTEXT, LAST_CODE, fold_behind, fold_character, next_fold

from . import oracle

ASSIGNED = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]


def spelt(code: int, before: str = "x") -> str:
    """What the table has for a code point behind another."""
    folds = characters.characters().folds
    fold = folds[code]
    if fold >= IN_CONTEXT:
        fold = fold_behind(folds.dtype.type(ord(before)), folds.dtype.type(code))
    chars = ""
    while fold != 0:
        chars += chr(fold & LAST_CODE)
        fold = next_fold.py_func(folds, fold)
    return chars


def test_folds_are_the_oracles_for_every_character() -> None:
    wrong = [chr(code) for code in ASSIGNED if spelt(code) != oracle.fold(chr(code), "x")]
    assert wrong == []


def test_marks_behind_cyrillic_letters_are_the_oracles() -> None:
    for before in map(chr, range(0x03F0, 0x0540)):
        for mark in range(0x0300, 0x0370):
            assert spelt(mark, before) == oracle.fold(chr(mark), before), (before, hex(mark))


def test_what_stands_for_a_character_fits_in_scratch_space() -> None:
    """Kernels have room for two characters and three bytes for each byte of UTF-8, with a space where a word begins."""
    for code in ASSIGNED:
        n_bytes, folded = len(chr(code).encode()), spelt(code, "и")
        space = oracle.is_core(chr(code))
        assert len(folded) + space <= 2 * n_bytes, chr(code)
        assert len(folded.encode()) + space <= 3 * n_bytes, chr(code)


@pytest.mark.parametrize(
    ("chars", "expected"),
    [
        ("éẹĆÅǘ", "eecau"),
        ("ＡｂＣ１", "abc0"),
        ("ﾊﾝｶﾞ", "ハンカ\u3099"),
        ("ÏЙёї", "iи\u0306еі\u0308"),
        ("أإآ", "ااا"),
        ("ﺐﻪﻻ", "بهلا"),
        ("٣๓९𝟙", "0000"),
        ("ไน้क़ि", "ไน้क़ि"),
        ("ガぱ", "カ\u3099は\u309a"),
        ("\u0301\u064e\u05b0ـʼ\u200d\ufe0f", ""),
        ("ßŁøđıİ", "sslodii"),
        ("ﬃĲǆⅧ", "ffiijdzviii"),
        ("²①½æəƙ", "²①½æəƙ"),
        ("한", "한"),
        ("A.・ \u200b👍", "a"),
    ],
)
def test_folding(chars: str, expected: str) -> None:
    assert "".join(map(fold_character, chars)) == expected
