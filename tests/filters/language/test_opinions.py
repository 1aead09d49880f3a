"""Two opinions and a script as one probability: the rules one by one, on small tables."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.language.opinions import FIRST_WEIGHT, TEMPERATURE, Knowledge, weigh

LANGUAGES = ("bos", "hrv", "srp", "hbs", "eng", "deu", "ilo", "hau", "rus", "tha")
"""ilo is known to the first alone, hau to the second alone, and tha is the one language of its script."""
FIRST = ("bos", "hrv", "srp", "hbs", "eng", "deu", "ilo", "rus", "tha")
SECOND = ("bos", "hrv", "srp", "eng", "deu", "hau", "rus", "tha", "zxx")
LATIN, CYRILLIC, THAI = range(3)
WRITTEN = (
    ("bos", "hrv", "srp", "hbs", "eng", "deu", "ilo", "hau"),
    ("bos", "srp", "hbs", "rus"),
    ("tha",),
)
BYTES = 100


def numbers(labels: tuple[str, ...]) -> Any:
    return np.array([LANGUAGES.index(each) if each in LANGUAGES else -1 for each in labels], np.int32)


def known(*, second: bool = True) -> Knowledge:
    of_second = numbers(SECOND) if second else np.zeros(0, np.int32)
    both = [np.isin(np.arange(len(LANGUAGES)), each) for each in (numbers(FIRST), of_second)]
    return Knowledge(
        first=numbers(FIRST),
        second=of_second,
        written=np.array([np.isin(LANGUAGES, some) for some in WRITTEN]),
        only_first=both[0] & ~both[1],
        only_second=both[1] & ~both[0],
        disputed=numbers(("bos", "hrv", "srp")) if second else np.zeros(0, np.int32),
        together=numbers(("hbs",)) if second else np.zeros(0, np.int32),
        sole=np.array([-1, -1, LANGUAGES.index("tha")], np.int32),
    )


def ask(first: dict[str, float], second: dict[str, float] | None, script: int = LATIN) -> dict[str, float]:
    """What comes of fastText's probabilities and the second opinion's, as far as it is not nothing."""
    probabilities = np.array([[first.get(each, 0.0) for each in FIRST]], np.float32)
    logarithms = np.log([[(second or {}).get(each, 1e-12) for each in SECOND]])
    scores = (logarithms * TEMPERATURE * np.sqrt(BYTES)).astype(np.float32)
    if second is None:
        scores = scores[:, :0]
    found = weigh(probabilities, scores, np.array([BYTES]), np.array([script]), known(second=second is not None))
    assert 0 <= found.min() <= found.sum() <= 1.00001
    return {name: round(float(each), 3) for name, each in zip(LANGUAGES, found[0], strict=True) if each >= 0.0005}


def test_both_agree() -> None:
    assert ask({"eng": 0.9, "deu": 0.1}, {"eng": 0.99, "deu": 0.01}) == {"eng": 0.993, "deu": 0.007}


def test_the_second_has_the_say_where_it_is_sure() -> None:
    assert ask({"eng": 1.0}, {"eng": 0.0001, "deu": 0.9999}) == {"eng": 0.001, "deu": 0.999}


def test_the_first_tips_the_balance_where_the_second_wavers() -> None:
    weight = 9**FIRST_WEIGHT
    expected = round(weight / (1 + weight), 3)
    assert ask({"eng": 0.9, "deu": 0.1}, {"eng": 0.5, "deu": 0.5})["eng"] == expected


def test_other_scripts_are_ruled_out() -> None:
    assert ask({"rus": 0.6, "eng": 0.3, "deu": 0.1}, {"rus": 0.9, "deu": 0.1}) == {"deu": 1.0}
    assert ask({"rus": 0.6, "eng": 0.4}, None) == {"eng": 1.0}


def test_leftover_noise_does_not_become_certainty() -> None:
    assert ask({"rus": 0.999, "eng": 0.001}, None) == {"eng": 0.02}


def test_what_the_first_alone_knows_is_found() -> None:
    assert ask({"ilo": 0.9, "eng": 0.1}, {"eng": 0.6, "deu": 0.4})["ilo"] > 0.9


def test_a_sure_second_opinion_outweighs_a_doubtful_first() -> None:
    found = ask({"ilo": 0.6, "deu": 0.1, "eng": 0.3}, {"eng": 1.0})
    assert found["eng"] > found["ilo"]
    assert found["eng"] + found["ilo"] == pytest.approx(1, abs=0.002)


def test_what_the_second_alone_knows_is_found() -> None:
    assert ask({"eng": 0.4, "deu": 0.3, "ilo": 0.1}, {"hau": 0.98, "eng": 0.02})["hau"] > 0.7


def test_the_first_is_believed_where_each_names_a_language_that_the_other_does_not_know() -> None:
    found = ask({"ilo": 0.9, "eng": 0.1}, {"hau": 1.0})
    assert found["ilo"] == pytest.approx(1 - found["hau"], abs=0.002)
    assert 0.8 < found["ilo"] < 0.9


def test_the_first_decides_among_the_disputed() -> None:
    found = ask({"srp": 0.6, "hrv": 0.2, "eng": 0.2}, {"bos": 0.7, "hrv": 0.2, "eng": 0.1})
    assert found["srp"] == pytest.approx(3 * found["hrv"], abs=0.002)
    assert "bos" not in found


def test_the_label_for_all_of_them_is_shared() -> None:
    found = ask({"srp": 0.3, "hrv": 0.1, "hbs": 0.6}, {"bos": 1.0})
    assert found == {"srp": 0.75, "hrv": 0.25}
    assert ask({"hbs": 1.0}, {"bos": 1.0}, CYRILLIC) == {"bos": 0.5, "srp": 0.5}


def test_no_language_at_all_makes_unsure() -> None:
    assert ask({"eng": 0.9, "deu": 0.1}, {"eng": 0.3, "zxx": 0.7}) == {"eng": 0.3}


def test_a_script_of_one_language_decides() -> None:
    assert ask({"eng": 0.9}, {"eng": 1.0}, THAI) == {"tha": 1.0}
    assert ask({}, None, THAI) == {"tha": 1.0}


def test_nothing_possible_is_nothing() -> None:
    assert ask({"eng": 1.0}, {"deu": 1.0}, CYRILLIC) == {}
    assert ask({}, None) == {}


opinions = st.dictionaries(st.sampled_from(LANGUAGES), st.floats(1e-6, 1.0), max_size=6)


@settings(deadline=None)
@given(opinions, opinions | st.none(), st.sampled_from([LATIN, CYRILLIC, THAI]))
def test_probabilities_are_of_possible_languages_and_sum_up_to_one_at_most(
    first: dict[str, float], second: dict[str, float] | None, script: int
) -> None:
    scale = max(sum(first.values()), 1.0)
    found = ask({language: each / scale for language, each in first.items()}, second, script)
    assert set(found) <= set(WRITTEN[script])


@settings(deadline=None)
@given(st.lists(st.tuples(opinions, opinions, st.sampled_from([LATIN, CYRILLIC, THAI])), max_size=5))
def test_texts_do_not_depend_on_one_another(texts: list[tuple[dict[str, float], dict[str, float], int]]) -> None:
    first = np.array([[each.get(name, 0.0) for name in FIRST] for each, _, _ in texts], np.float32)
    second = np.log([[each.get(name, 1e-9) for name in SECOND] for _, each, _ in texts]).astype(np.float32)
    first, second = first.reshape(-1, len(FIRST)), second.reshape(-1, len(SECOND))
    scripts, sizes = np.array([each[2] for each in texts], np.int64), np.full(len(texts), BYTES)
    together = weigh(first, second, sizes, scripts, known())
    for row in range(len(texts)):
        part = slice(row, row + 1)
        assert np.array_equal(weigh(first[part], second[part], sizes[part], scripts[part], known())[0], together[row])
