import unicodedata

import numpy as np

from gristmill.filters import characters
from gristmill.filters.characters import SCRIPT_SHIFT, script_names, script_of, scripts

from . import oracle

ASSIGNED = [code for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")]


def flagged(flag: int) -> list[int]:
    return np.flatnonzero(characters.characters().kinds & flag).tolist()


def test_lowers_are_the_oracles_for_every_character() -> None:
    lowers = characters.characters().lowers
    wrong = [chr(c) for c in ASSIGNED if not oracle.is_format(chr(c)) and chr(lowers[c]) != oracle.plain(chr(c))]
    assert wrong == []


def test_classes_are_those_of_unicodedata() -> None:
    known = [code for code in range(0x110000) if oracle.is_letter(chr(code))]
    assert flagged(characters.LETTER) == known
    assert flagged(characters.DIGIT) == [code for code in range(0x110000) if chr(code).isdecimal()]
    assert flagged(characters.SPACE) == [code for code in range(0x110000) if chr(code).isspace()]
    assert flagged(characters.UNSPACED) == [code for code in ASSIGNED if oracle.is_unspaced(chr(code))]


def test_breaks_are_spaces() -> None:
    assert set(flagged(characters.BREAK)) <= set(flagged(characters.SPACE))


SCRIPT_OF_NAME = {
    **{"LATIN": "Latn", "GREEK": "Grek", "CYRILLIC": "Cyrl", "ARABIC": "Arab", "HEBREW": "Hebr", "DEVANAGARI": "Deva"},
    **{"BENGALI": "Beng", "THAI": "Thai", "LAO": "Laoo", "KHMER": "Khmr", "MYANMAR": "Mymr", "TIBETAN": "Tibt"},
    **{"HANGUL": "Hang", "HIRAGANA": "Hira", "KATAKANA": "Kana", "CJK": "Hani", "ETHIOPIC": "Ethi", "GEORGIAN": "Geor"},
    **{"TAMIL": "Taml", "CHEROKEE": "Cher", "GURMUKHI": "Guru", "DESERET": "Dsrt", "ARMENIAN": "Armn"},
}


def test_scripts_agree_with_the_names_of_letters() -> None:
    for code in ASSIGNED:
        char = chr(code)
        expected = SCRIPT_OF_NAME.get(unicodedata.name(char, "").partition(" ")[0])
        if expected and unicodedata.category(char) in ("Lu", "Ll", "Lo"):
            assert script_of(char) in {expected, "Zyyy", "Copt" if expected == "Grek" else expected}, hex(code)


def test_prolonged_sound_mark_is_kana() -> None:
    assert script_of("ー") == script_of("ｰ") == "Kana"


def test_script_numbers_fit_a_byte() -> None:
    assert len(scripts()) < characters.JPAN
    assert len(script_names()) == 256
    assert int(characters.characters().kinds.max()) >> SCRIPT_SHIFT < len(scripts())


def test_simplified_and_traditional_are_apart() -> None:
    simplified, traditional = flagged(characters.SIMPLIFIED), flagged(characters.TRADITIONAL)
    assert not set(simplified) & set(traditional)
    assert set(map(ord, "书这说车门")) <= set(simplified)
    assert set(map(ord, "書這說車門")) <= set(traditional)
    assert not set(map(ord, "的一是人中文后里")) & {*simplified, *traditional}
