"""Languages of a document from those of its parts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.language.letters import Letters
from gristmill.filters.language.paragraphs import Units
from gristmill.filters.language.shares import MIN_LETTERS, MIN_PART_LETTERS, SCRIPTS, settle
from gristmill.filters.segmentation import Text

ENG, DEU, MIX = range(3)
LATN, HANS, JPAN = 1, 2, 3
Part = tuple[dict[int, float], int, int, int, bool]
"""Probabilities, characters, letters, script, and whether others are mixed in."""


def part(
    *sure: int, chars: int = 100, letters: int = 50, script: int = LATN, mixed: bool = False, **unsure: float
) -> Part:
    probabilities = dict.fromkeys(sure, 0.99) | {{"eng": ENG, "deu": DEU, "mix": MIX}[k]: p for k, p in unsure.items()}
    return probabilities, chars, letters, script, mixed


def decide(
    whole: dict[int, float], *parts: Part, script: int = LATN
) -> tuple[tuple[int, int] | None, float, list[tuple[int, int, int]]]:
    """Primary language and script of a document, its score, and languages with scripts and characters."""
    table = np.array([[each[0].get(language, 0.0) for language in range(3)] for each in parts], np.float32)
    of_whole = np.array([[whole.get(language, 0.0) for language in range(3)]], np.float32)
    _, chars, letters, scripts, mixed = (np.array(column) for column in zip(*parts, strict=True))
    n = len(parts)
    units = Units(Text(np.zeros(0, np.uint8), np.zeros(n + 1, np.int64)), np.array([0, n]), chars.astype(np.int64))
    of_parts = Letters(
        scripts.astype(np.int64), letters.astype(np.int64), np.zeros(n, np.bool_), mixed.astype(np.bool_)
    )
    of_wholes = Letters(np.array([script]), np.array([letters.sum()]), *np.zeros((2, 1), np.bool_))
    found = settle(table, of_whole, units, (of_parts, of_wholes), np.array([HANS, JPAN]))
    entries = [(*divmod(int(code), SCRIPTS), int(chars)) for code, chars in zip(found.codes, found.chars, strict=True)]
    primary = divmod(int(found.primary[0]), SCRIPTS) if found.primary[0] >= 0 else None
    return primary, round(float(found.scores[0]), 3), entries


def test_one_language() -> None:
    assert decide({ENG: 0.9}, part(ENG), part(ENG, chars=50)) == ((ENG, LATN), 0.9, [(ENG, LATN, 150)])


def test_two_languages_the_larger_first() -> None:
    found = decide({ENG: 0.6, DEU: 0.4}, part(ENG), part(DEU), part(DEU))
    assert found == ((DEU, LATN), 0.99, [(DEU, LATN, 200), (ENG, LATN, 100)])


def test_of_equals_the_first_part_leads() -> None:
    assert decide({ENG: 0.6}, part(DEU), part(ENG))[2] == [(DEU, LATN, 100), (ENG, LATN, 100)]


def test_doubtful_and_short_parts_belong_to_the_document() -> None:
    short, mixed = part(DEU, letters=MIN_PART_LETTERS - 1), part(DEU, mixed=True)
    parts = (part(ENG), part(deu=0.89), part(deu=0.95, eng=0.02), short, mixed)
    assert decide({ENG: 0.9}, *parts) == ((ENG, LATN), 0.9, [(ENG, LATN, 500)])


def test_a_mixture_that_no_part_is_in_gives_way_to_the_parts() -> None:
    found = decide({MIX: 0.8, ENG: 0.1}, part(ENG), part(DEU), part(ENG), part(mix=0.5))
    assert found == ((ENG, LATN), 0.99, [(ENG, LATN, 300), (DEU, LATN, 100)])


def test_a_language_of_little_text_does_not_take_over() -> None:
    found = decide({MIX: 0.8}, part(ENG, chars=10), part(mix=0.6))
    assert found == ((MIX, LATN), 0.6, [(MIX, LATN, 100), (ENG, LATN, 10)])


def test_parts_in_han_belong_to_a_japanese_document() -> None:
    found = decide({ENG: 0.9}, part(ENG, script=JPAN), part(DEU, script=HANS), script=JPAN)
    assert found[2] == [(ENG, JPAN, 200)]


def test_too_few_letters_are_no_language() -> None:
    assert decide({ENG: 1.0}, part(ENG, letters=MIN_LETTERS - 1)) == (None, 0.0, [])
    assert decide({ENG: 1.0}, part(ENG, letters=MIN_LETTERS))[0] == (ENG, LATN)


def test_no_possible_language_is_none() -> None:
    assert decide({}, part()) == (None, 0.0, [])


parts_of_documents = st.tuples(
    st.dictionaries(st.integers(0, 2), st.floats(0, 1), max_size=3),
    st.integers(0, 500),
    st.integers(0, 100),
    st.sampled_from([LATN, HANS, JPAN]),
    st.booleans(),
)


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 2), st.floats(0, 1)), st.lists(parts_of_documents, min_size=1, max_size=8))
def test_shares_are_of_all_characters_and_the_first_is_primary(whole: dict[int, float], parts: list[Part]) -> None:
    primary, score, entries = decide(whole, *parts)
    assert 0 <= score <= 1
    if primary is None:
        assert entries == []
    else:
        assert entries[0][:2] == primary
        assert sum(each[2] for each in entries) == sum(each[1] for each in parts)
        assert [each[2] for each in entries] == sorted((each[2] for each in entries), reverse=True)
        assert len({each[:2] for each in entries}) == len(entries)
