"""Calibration: limits go to the place that means the same, within bounds, and stay where nothing asks for a change."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.calibrate import MOST_DROPPED, Calibration, Fit, calibrate
from gristmill.filters.rules import Limits
from gristmill.schemas import SIGNAL_FIELDS

LIMITS = Limits.load(("gopher", "c4", "fineweb", "gristmill"), fitted=False)
ZERO = {field.name: 0.0 for field in SIGNAL_FIELDS}


def reference(**of_language: dict[str, npt.NDArray[Any]]) -> pa.Table:
    """Reference text: by language, some signals; the others are 0."""
    tables = []
    for code, signals in of_language.items():
        n = len(next(iter(signals.values())))
        columns = {name: np.full(n, value) for name, value in ZERO.items()} | signals
        tables.append(pa.table({"language": [code] * n, **{name: pa.array(v) for name, v in columns.items()}}))
    return pa.concat_tables(tables, promote_options="permissive")


def fits(found: Calibration, code: str) -> dict[str, Fit]:
    return {fit.rule: fit for fit in found.fits[code]}


def lengths(middle: float, n: int = 200) -> npt.NDArray[np.float64]:
    return np.exp(np.random.default_rng(3).normal(np.log(middle), 0.5, n)).round()


GOOD = {"n_sentences": np.full(200, 20), "terminal_line_ratio": np.full(200, 0.9), "stop_words": np.full(200, 8)}
GOOD |= {"mean_word_length": np.full(200, 5.0), "alpha_word_ratio": np.full(200, 0.95)}


def test_counts_are_scaled() -> None:
    english, other = GOOD | {"n_words": lengths(400)}, GOOD | {"n_words": lengths(1200)}
    found = calibrate(reference(eng_Latn=english, deu_Latn=other), LIMITS)
    assert set(fits(found, "deu_Latn")) == {"gopher.n_words.min", "gopher.n_words.max"}
    fit = fits(found, "deu_Latn")["gopher.n_words.min"]
    assert fit.limit == pytest.approx(150, rel=0.05)
    assert (fit.before, fit.documents) == (50, 200)
    assert fits(found, "deu_Latn")["gopher.n_words.max"].limit == pytest.approx(300_000, rel=0.05)
    assert found.limits["deu_Latn"]["gopher.n_words.min"] == fit.limit


def test_ratios_are_moved_by_their_odds() -> None:
    shares = np.linspace(0.02, 0.1, 200)
    odds = shares / (1 - shares) / 2.5
    english, other = GOOD | {"newline_word_ratio": shares}, GOOD | {"newline_word_ratio": odds / (1 + odds)}
    found = calibrate(reference(eng_Latn=english, deu_Latn=other), LIMITS)
    (fit,) = found.fits["deu_Latn"]
    assert fit.rule == "fineweb.newline_word_ratio.max"
    expected = 0.3 / 0.7 / 2.5
    assert fit.limit == pytest.approx(expected / (1 + expected), rel=0.1)


def test_equal_languages_change_nothing() -> None:
    text = GOOD | {"n_words": lengths(400)}
    found = calibrate(reference(eng_Latn=text, deu_Latn=text), LIMITS)
    assert found.fits == {"deu_Latn": ()}
    assert found.limits == {}


def test_the_base_and_what_is_undetermined_are_left_alone() -> None:
    text = GOOD | {"n_words": lengths(400)}
    found = calibrate(reference(eng_Latn=text, und_Latn=text, und=text), LIMITS)
    assert found.fits == {}


def test_few_documents_are_not_fitted_and_said() -> None:
    few = {name: values[:30] for name, values in (GOOD | {"n_words": lengths(1200)}).items()}
    found = calibrate(reference(eng_Latn=GOOD | {"n_words": lengths(400)}, deu_Latn=few), LIMITS)
    assert found.fits == {}
    assert found.few == {"deu_Latn": 30}
    message = "the reference text has 30 documents of deu_Latn, whose limits are to be carried over: at least 50"
    with pytest.raises(ValueError, match=message):
        calibrate(reference(deu_Latn=few), LIMITS, base="deu_Latn")


def test_what_drops_good_text_is_loosened_or_switched_off() -> None:
    none = GOOD | {"terminal_line_ratio": np.zeros(200)}
    low = GOOD | {"terminal_line_ratio": np.linspace(0.06, 0.3, 200)}
    found = calibrate(reference(eng_Latn=GOOD, deu_Latn=none, fra_Latn=low), LIMITS)
    assert fits(found, "deu_Latn")["fineweb.terminal_line_ratio.min"].limit is None
    assert fits(found, "deu_Latn")["fineweb.terminal_line_ratio.min"].dropped_before == 1
    fit = fits(found, "fra_Latn")["fineweb.terminal_line_ratio.min"]
    assert fit.limit is not None
    assert 0.03 <= fit.limit <= 0.063
    assert fit.dropped <= MOST_DROPPED < fit.dropped_before


def test_a_signal_that_is_nearly_always_nothing_says_nothing() -> None:
    rare = np.zeros(200)
    rare[:20] = 0.05
    english, other = GOOD | {"duplicate_5_gram_char_ratio": rare}, GOOD | {"duplicate_5_gram_char_ratio": rare * 0}
    found = calibrate(reference(eng_Latn=english, deu_Latn=other), LIMITS)
    assert found.fits == {"deu_Latn": ()}


def test_stricter_only_as_far_as_all_quantiles_agree() -> None:
    long_tail = np.linspace(300, 500, 200)
    long_tail[:10] = 60
    english, other = GOOD | {"n_words": np.full(200, 300.0)}, GOOD | {"n_words": long_tail}
    found = calibrate(reference(eng_Latn=english, deu_Latn=other), LIMITS)
    assert "gopher.n_words.min" not in fits(found, "deu_Latn") or (
        (fits(found, "deu_Latn")["gopher.n_words.min"].limit or 0) <= 50
    )


def test_stop_words_are_never_asked_for_more() -> None:
    few = GOOD | {"stop_words": np.array([1, *[3] * 199])}
    many = GOOD | {"stop_words": np.full(200, 25)}
    less = GOOD | {"stop_words": np.array([1] * 10 + [2] * 190)}
    found = calibrate(reference(eng_Latn=GOOD, deu_Latn=few, fra_Latn=many, ita_Latn=less), LIMITS)
    assert "gopher.stop_words.min" not in fits(found, "fra_Latn")
    assert fits(found, "ita_Latn")["gopher.stop_words.min"].limit in (None, 1)


def test_rules_that_are_off_stay_off() -> None:
    text = GOOD | {"mean_word_length": np.full(200, 1.0), "n_words": lengths(900)}
    found = calibrate(reference(eng_Latn=GOOD | {"n_words": lengths(400)}, zho_Hans=text), LIMITS)
    assert not {"gopher.mean_word_length.min", "gopher.mean_word_length.max"} & set(fits(found, "zho_Hans"))


@given(
    st.lists(st.floats(0, 1), min_size=60, max_size=80),
    st.lists(st.floats(0, 1), min_size=60, max_size=80),
    st.lists(st.integers(0, 10**6), min_size=60, max_size=60),
)
def test_bounds_hold_whatever_the_reference(ratios: list[float], others: list[float], counts: list[int]) -> None:
    n = min(len(ratios), len(others), len(counts))
    english = {"short_line_ratio": np.array(ratios[:n]), "n_words": np.full(n, 500)}
    other = {"short_line_ratio": np.array(others[:n]), "n_words": np.array(counts[:n])}
    found = calibrate(reference(eng_Latn=english, deu_Latn=other), LIMITS)
    for fit in found.fits["deu_Latn"]:
        if fit.limit is None:
            assert fit.dropped == 0
            continue
        assert fit.limit >= 0
        if fit.rule.endswith("_ratio.max"):
            assert fit.limit < 1
        if fit.rule == "gopher.n_words.min":
            assert 50 / 7.5 <= fit.limit <= 50 * 7.5
    assert calibrate(reference(eng_Latn=english, deu_Latn=other), LIMITS) == found
