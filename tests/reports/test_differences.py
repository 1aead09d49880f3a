import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.reports.alignment import GAP
from gristmill.reports.differences import CONTEXT, ELISION, compare, excerpts

_TEXTS = st.text(alphabet="ab \nก漢é\u0301\u0e34", max_size=60)


def _differences(left: str, right: str) -> list[tuple[str, str]]:
    return [(each.left.strip(), each.right.strip()) for each in compare(left, right) if not each.same]


@settings(deadline=None)  # the first call builds tables
@given(_TEXTS, _TEXTS)
def test_joined_segments_are_the_texts_and_alternate(left: str, right: str) -> None:
    segments = compare(left, right)
    assert "".join(each.left for each in segments) == left
    assert "".join(each.right for each in segments) == right
    assert all(a.same != b.same for a, b in itertools.pairwise(segments))
    if left == right:
        assert all(each.same for each in segments)


@settings(deadline=None)  # the first call builds tables
@given(_TEXTS, _TEXTS)
def test_excerpts_show_every_difference(left: str, right: str) -> None:
    segments = compare(left, right)
    shown = [each for excerpt in excerpts(segments, context=3) for each in excerpt]
    assert [each for each in shown if not each.same] == [each for each in segments if not each.same]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("grind rye now", "grind ryes now", [("rye", "ryes")]),
        ("the old mill is shut", "the new bakery is shut", [("old mill", "new bakery")]),
        ("rye  and\n\nwheat ", " rye and wheat", []),
        ("河边的 磨坊", "河边的磨\n坊", []),
        ("河边的磨坊", "河边的水磨坊", [("", "水")]),
        ("ปากกา", "ปากกิา", [("ก", "กิ")]),  # a vowel sign belongs to its consonant
        ("น้ำท่วม", "น้าท่วม", [("น้ำ", "น้า")]),
        ("កម្ពុជា", "កម្ពូជា", [("ពុ", "ពូ")]),
        ("किताब की", "किताब कि", [("की", "कि")]),
    ],
)
def test_words_are_compared_whole_and_unspaced_scripts_by_character(
    left: str, right: str, expected: list[tuple[str, str]]
) -> None:
    assert _differences(left, right) == expected


@pytest.mark.parametrize("letters", ["กขคงจชซญดตถทนบปผพมยรลวสหอ", "".join(map(chr, range(0x4E00, 0x4F00)))])
def test_long_texts_of_few_characters_are_compared_to_their_end(letters: str) -> None:
    text = "".join(random.Random(1).choices(letters, k=20_000))
    changed = f"{text[:500]}a {text[501:9000]}{text[9003:19_000]}bb{text[19_000:]}"
    assert _differences(text, changed) == [(text[500], "a"), (text[9000:9003], ""), ("", "bb")]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("Title\nThe menu is long.\nThe mill.", "Title\nThe mill.", "The menu is long."),
        ("One. Two. Three. Four.", "One. Four.", "Two. Three."),
        ("x 一。二三。四。", "x 一。四。", "二三。"),
        ("a b. c d. c d. e", "a b. c d. e", "c d."),
        ("x y z y w", "x y w", "z y"),
        ("x。\n一二。", "x。", "一二。"),
        ("The menu.\nThe mill", "The mill", "The menu."),
    ],
)
def test_what_only_one_has_begins_where_a_line_or_sentence_does(left: str, right: str, expected: str) -> None:
    assert _differences(left, right) == [(expected, "")]
    assert _differences(right, left) == [("", expected)]


def test_long_texts_of_words_are_compared_to_their_end() -> None:
    words = [f"w{each}" for each in random.Random(2).choices(range(500), k=8000)]
    changed = [f"{word}x" if n % 997 == 500 else word for n, word in enumerate(words) if n % 1000 != 400]
    found = _differences(" ".join(words), " ".join(changed))
    assert len(found) == len(range(400, 8000, 1000)) + len(range(500, 8000, 997))
    assert found[-1] == (words[500 + 7 * 997], f"{words[500 + 7 * 997]}x")


def test_texts_that_have_nothing_in_common_are_not_searched_for_ever() -> None:
    many = range(round(1.1 * GAP**0.5))
    left = "same " + " ".join(f"a{n % 5} a" for n in many)
    right = "same " + " ".join(f"b{n % 5} a" for n in many)
    assert [each.same for each in compare(left + " b", right + " c")] == [True, False]


def test_what_differs_where_a_text_was_cut_is_left_out() -> None:
    assert _differences("one two three fo", "one too three four") == [("two", "too"), ("fo", "four")]
    found = compare("one two three fo", "one too three four", cut=True)
    assert [(each.left.strip(), each.right.strip()) for each in found if not each.same] == [("two", "too")]


def test_long_stretches_that_agree_are_shortened_between_words() -> None:
    same = " ".join(f"word{n}" for n in range(100))
    segments = compare(f"{same} rye {same} near oats {same}", f"{same} wheat {same} near barley {same}")
    first, second = excerpts(segments)
    assert [(each.left.strip(), each.right.strip()) for each in first[1:2]] == [("rye", "wheat")]
    assert [(each.left.strip(), each.right.strip()) for each in second[1:2]] == [("oats", "barley")]
    assert first[0].left == f"{ELISION} word92 word93 word94 word95 word96 word97 word98 word99 "
    assert first[2].left.startswith("word0 word1")
    assert first[2].left.endswith(f" {ELISION}")
    assert second[0].left.endswith("word99 near ")
    assert all(len(each.left) <= CONTEXT + 2 for each in (first[0], first[2], second[0], second[2]))


def test_stretches_that_agree_are_shortened_alike_however_they_are_spaced() -> None:
    words = [f"word{n}" for n in range(100)]
    left, right = "rye " + " ".join(words) + " oats", "wheat " + "\n\n\n".join(words) + " barley"
    first, second = excerpts(compare(left, right))
    assert (first[1].left, first[1].right) == (
        "word0 word1 word2 word3 word4 word5 word6 word7 word8 word9 …",
        "word0\n\n\nword1\n\n\nword2\n\n\nword3\n\n\nword4\n\n\nword5\n\n\nword6\n\n\nword7\n\n\nword8\n\n\nword9 …",
    )
    assert [each.same for each in (*first, *second)] == [False, True, True, False]


def test_very_long_words_are_cut() -> None:
    link = "https://mill.example/" + "a" * 500
    first, second = excerpts(compare(f"rye {link} oats", f"wheat {link} barley"))
    assert first[1].left == link[:CONTEXT] + ELISION
    assert second[0].left == f"{ELISION}{link[-CONTEXT + 1 :]} "


def test_short_stretches_are_shown_whole_and_equal_texts_not_at_all() -> None:
    (excerpt,) = excerpts(compare("a short text about rye and oats", "a short text about wheat and barley"))
    assert "".join(each.left for each in excerpt) == "a short text about rye and oats"
    assert excerpts(compare("a b", "a  b")) == []
