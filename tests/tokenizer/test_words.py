import re
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from token_models import TEXTS

from gristmill.tokenizer.words import Alphabet, Words, distinct_words

CHARACTERS = "abcdé .,:12\u0301字のж"
COVERED = Alphabet.of(np.array(sorted(set(map(ord, CHARACTERS)) - {ord("d")})))


def _spelt(words: Words, alphabet: Alphabet) -> list[str]:
    spell = np.append(0, alphabet.points)[words.letters]
    spell[spell == 0x2581] = ord(" ")
    text = "".join(map(chr, spell.tolist()))
    return [text[start : text.index("\0", start)] for start in words.starts.tolist()]


def _counted(pieces: list[str], *, symbols: tuple[str, ...] = ()) -> dict[str, int]:
    words = distinct_words(pieces, alphabet=COVERED, symbols=symbols)
    return dict(zip(_spelt(words, COVERED), words.counts.tolist(), strict=True))


def test_words_end_where_no_piece_goes_on() -> None:
    assert _counted(["ab ab, ab12ab"]) == {"ab": 2, " ab": 2}
    assert _counted(["ab   ba.. "]) == {"ab": 1, "   ba": 1, "..": 1}
    assert _counted(["abdab", "ab\nab", "ab"]) == {"ab": 5}
    assert _counted(["ab字の字ж"]) == {"ab": 1, "字の字": 1}
    assert _counted(["a\u0301.\u0301\u0301b"]) == {"a\u0301.\u0301\u0301b": 1}


def test_symbols_are_in_no_word() -> None:
    assert _counted(["ab:ab ba:cba"], symbols=(":ab", ":d", ":cb")) == {"ab": 1, " ba": 1}


def test_nothing_is_no_word() -> None:
    words = distinct_words([], alphabet=COVERED, symbols=())
    assert (words.letters.tolist(), words.starts.tolist(), words.counts.tolist()) == ([0], [], [])


@settings(deadline=None)
@given(pieces=st.lists(st.text(CHARACTERS, max_size=60), max_size=20))
def test_letters_are_all_counted(pieces: list[str]) -> None:
    words = distinct_words(pieces, alphabet=COVERED, symbols=())
    expected = Counter("".join(pieces).replace(" ", "\u2581"))
    assert words.occurrences[1:].tolist() == [expected[chr(point)] for point in COVERED.points.tolist()]
    spelt = _spelt(words, COVERED)
    assert len(set(spelt)) == len(spelt)
    assert all(len(word) > 1 for word in spelt)
    assert words.letters[0] == words.letters[-1] == 0


def test_tables_grow() -> None:
    pieces = ["".join(TEXTS.values())[start : start + 5000] for start in range(0, 500_000, 5000)]
    points = set(map(ord, "".join(pieces))) - set(map(ord, "\n\t\u2581\u2585"))
    alphabet = Alphabet.of(np.array(sorted(points)))
    words = distinct_words(pieces, alphabet=alphabet, symbols=())
    counts = dict(zip(_spelt(words, alphabet), words.counts.tolist(), strict=True))
    ascii_words = Counter(re.findall("(?<= )[a-z]{2,}(?= )", "\n".join(pieces)))
    assert len(ascii_words) > 1000
    assert all(counts[f" {word}"] >= count for word, count in ascii_words.items())
