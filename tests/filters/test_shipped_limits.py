"""The shipped limits: published numbers for English, good text kept in every language, and bad text dropped.

`benchmarks/limits.py` prints the same as a table, and on NTREX-128.
"""

import tomllib
from collections import Counter
from functools import cache
from importlib import resources

import pyarrow as pa
import pytest

from gristmill.filters.annotate import Annotator
from gristmill.filters.rules import Limits, decide
from gristmill.schemas.recipe import Language, Rules

from . import corrupt

BAR = ("tha_Thai", "hin_Deva", "tam_Taml", "ara_Arab", "zho_Hans", "zho_Hant", "jpn_Jpan", "khm_Khmr", "amh_Ethi")
MORE = ("kor_Hang", "heb_Hebr", "ben_Beng", "rus_Cyrl", "ukr_Cyrl", "fas_Arab", "urd_Arab", "ell_Grek", "kat_Geor")
SETS = Rules().sets


@cache
def annotator() -> Annotator:
    return Annotator.load(model=None)


@cache
def limits() -> Limits:
    return Limits.load(SETS, min_score=Language().min_score)


def kept(texts: list[str]) -> list[bool]:
    ids = pa.array([str(number) for number in range(len(texts))])
    verdicts = decide(annotator().annotate(ids, pa.array(texts)), limits())
    found: list[bool] = verdicts["keep"].to_pylist()
    return found


@pytest.mark.parametrize("code", corrupt.LANGUAGES)
def test_good_text_is_kept(code: str) -> None:
    found = kept(corrupt.news(code))
    assert len(found) >= 4
    assert sum(found) >= len(found) - 1
    if code in BAR:
        assert all(found)


@pytest.mark.parametrize("kind", corrupt.CORRUPTIONS)
@pytest.mark.parametrize("code", [*BAR, *MORE])
def test_bad_text_is_dropped(code: str, kind: str) -> None:
    good = corrupt.news(code)
    bad = [change(text, code) for change in corrupt.CORRUPTIONS[kind].values() for text in good]
    found = kept(bad)
    allowed = 0 if code in BAR else len(found) // 6
    assert sum(found) <= allowed, Counter(zip(found, [text[:20] for text in bad], strict=True)).most_common(9)


def test_english_has_the_published_limits() -> None:
    published, shipped = Limits.load(SETS, fitted=False), Limits.load(SETS)
    for plain, rule in zip(published.rules, shipped.rules, strict=True):
        assert shipped.limit(rule, "eng_Latn") == dict(plain.limits)["default"], rule.name


def test_fitted_limits_are_those_of_a_recipe() -> None:
    read = tomllib.loads(resources.files("gristmill.filters").joinpath("limits_languages.toml").read_text("utf-8"))
    rules = Rules.model_validate({"sets": ["gopher", "c4", "fineweb", "refinedweb"], **read["rules"]})
    assert len(rules.limits) >= 40
    assert "eng_Latn" not in rules.limits
    fitted = Limits.load(rules.sets)
    assert Limits.load(rules.sets, rules.limits, fitted=False) == fitted
    by_name = {rule.name: rule for rule in fitted.rules}
    for code, table in rules.limits.items():
        assert len(code) == 8
        for name, limit in table.items():
            assert fitted.limit(by_name[name], code) == limit


def test_own_limits_go_over_fitted_ones() -> None:
    own = Limits.load(["gopher"], {"fin": {"gopher.n_words.min": 30}, "fin_Latn": {"gopher.n_words.min": 20}})
    assert own.limit(own.rules[0], "fin_Latn") == 20
    off = Limits.load(["gopher"], {"default": {"gopher.n_words.min": None}})
    assert off.limit(off.rules[0], "fin_Latn") is None
