"""Against a trainer of a few lines, which is slow. `test_byte_pairs` compares with SentencePiece's."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.tokenizer.merges import LONGEST_PIECE, learn
from gristmill.tokenizer.words import Alphabet, distinct_words

Word = list[str]


def _reference(words: list[Word], most: int) -> list[str]:
    """What is learnt from words of one script, without pairs that occur no longer."""
    learnt: list[str] = []
    passed_over: set[tuple[str, str]] = set()
    while len(learnt) < most:
        counts = Counter(pair for word in words for pair in pairwise(word))
        pairs = [pair for pair in counts if pair not in passed_over and len("".join(pair)) <= LONGEST_PIECE]
        if not pairs:
            break
        # Of pairs that spell the same, the one that was made first: not told here, and rare.
        best = min(pairs, key=lambda pair: (-counts[pair], len("".join(pair)), "".join(pair)))
        if "".join(best) in learnt:
            passed_over.add(best)
            continue
        learnt.append("".join(best))
        words = [_merged(word, best) for word in words]
    return learnt


def _merged(word: Word, pair: tuple[str, str]) -> Word:
    merged: Word = []
    at = 0
    while at < len(word):
        size = 2 if tuple(word[at : at + 2]) == pair else 1
        merged.append("".join(word[at : at + size]))
        at += size
    return merged


def _learnt(text: str, most: int) -> list[str]:
    alphabet = Alphabet.of(np.array(sorted(set(map(ord, text)) - {ord("\n")})))
    return learn(distinct_words([text], alphabet=alphabet, symbols=()), alphabet=alphabet, most=most)


@settings(deadline=None)
@given(words=st.lists(st.text("abcdefgh", min_size=2, max_size=40), min_size=1, max_size=30), most=st.integers(0, 12))
def test_pieces_are_learnt_as_they_are_frequent(words: list[str], most: int) -> None:
    expected = _reference([list(word) for word in words], most)
    assert _learnt("\n".join(words), most)[: len(expected)] == expected


def test_runs_are_merged_from_the_left() -> None:
    assert _learnt("aaaaa", 9) == ["aa", "aaa", "aaaaa", "aaaa"]  # (aa)(aa)a, (aa)(aaa); what is no longer there


def test_no_piece_is_too_long() -> None:
    lengths = list(map(len, _learnt("a" * 5000 + "\n" + "ab" * 5000, 500)))
    assert max(lengths) == LONGEST_PIECE


def test_the_frequency_of_words_counts() -> None:
    assert _learnt("xy\n" * 9 + "ab\n" * 10 + "abc\n" * 3 + "xyz\n" * 2, 4) == ["ab", "xy", "abc", "xyz"]


def test_pieces_of_spaces() -> None:
    pieces = _learnt("     a     a   b  a\n" * 3, 30)
    assert "\u2581" * 4 in pieces
    assert "\u2581a" in pieces
    assert not [piece for piece in pieces if "\u2581" in piece[1:] and piece.strip("\u2581")]
