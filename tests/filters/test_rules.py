"""Rules: look-up of limits, a recipe's own limits, and verdicts equal to those of a plain reference."""

import json
import math
import pickle
import tomllib
from importlib import resources
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters import stop_words
from gristmill.filters.rules import LANGUAGE_RULE, Limits, decide, lookup_keys
from gristmill.schemas import MEASURED_FIELDS, SIGNAL_FIELDS, VERDICTS

ALL = ("gopher", "c4", "fineweb", "gristmill")

GOOD = {
    "n_chars": 3000,
    "n_words": 1000,
    "n_lines": 20,
    "n_paragraphs": 5,
    "mean_word_length": 5.0,
    "max_word_length": 20,
    "alpha_word_ratio": 0.99,
    "letter_ratio": 0.95,
    "terminal_line_ratio": 0.9,
    "n_sentences": 20,
    "c4_sentences": 20,
    "stop_words": 100,
    "entropy": 4.5,
    "script_ratio": 1.0,
    "word_order": 9.0,
}


def document(language: str | None = "eng_Latn", **signals: float | None) -> dict[str, Any]:
    zero = {field.name: 0 for field in SIGNAL_FIELDS}
    return {"doc_id": "0" * 32, "language": language, "language_score": 0.9, **zero, **GOOD, **signals}


def batch(*documents: dict[str, Any]) -> pa.RecordBatch:
    fields = [pa.field("doc_id", pa.string()), pa.field("language", pa.string())]
    schema = pa.schema([*fields, pa.field("language_score", pa.float32()), *SIGNAL_FIELDS])
    return pa.RecordBatch.from_pylist(list(documents), schema=schema)


def failed(one: dict[str, Any], limits: Limits) -> list[str]:
    (failures,) = decide(batch(one), limits).column("failures").to_pylist()
    return [failure["rule"] for failure in failures]


def test_every_shipped_rule_compares_a_known_signal_and_has_a_default() -> None:
    read = tomllib.loads(resources.files("gristmill.filters").joinpath("limits.toml").read_text("utf-8"))
    groups = read.pop("groups")
    names = {field.name for field in MEASURED_FIELDS}
    for signals in read.values():
        for signal, bounds in signals.items():
            assert signal in names
            for bound, table in bounds.items():
                assert bound in {"min", "max"}
                assert "default" in table
                assert all(key in groups or key == "default" or len(key) in {3, 4, 8} for key in table)


def test_published_limits_hold_for_english() -> None:
    limits = Limits.load(ALL)
    found = {rule.name: limits.limit(rule, "eng_Latn") for rule in limits.rules}
    assert found["gopher.n_words.min"] == 50
    assert found["gopher.n_words.max"] == 100_000
    assert (found["gopher.mean_word_length.min"], found["gopher.mean_word_length.max"]) == (3, 10)
    tops = [found[f"gopher.top_{n}_gram_char_ratio.max"] for n in (2, 3, 4)]
    repeats = [found[f"gopher.duplicate_{n}_gram_char_ratio.max"] for n in range(5, 11)]
    assert (tops, repeats) == ([0.2, 0.18, 0.16], [0.15, 0.14, 0.13, 0.12, 0.11, 0.1])
    assert (found["fineweb.terminal_line_ratio.min"], found["fineweb.short_line_ratio.max"]) == (0.12, 0.67)
    assert found["c4.curly_brackets.max"] == 0


def test_good_text_is_kept() -> None:
    verdicts = decide(batch(document(), document("zho_Hans", mean_word_length=1), document("und")), Limits.load(ALL))
    assert verdicts.schema.equals(VERDICTS.schema, check_metadata=True)
    assert verdicts.column("keep").to_pylist() == [True, True, True]
    assert verdicts.column("failures").to_pylist() == [[], [], []]


def test_all_failures_are_listed_in_order_with_value_and_limit() -> None:
    bad = document(n_words=3, curly_brackets=2, stop_words=1, short_line_ratio=0.75)
    verdicts = decide(batch(document(), bad), Limits.load(["fineweb", "c4", "gopher"]))
    assert verdicts.column("keep").to_pylist() == [True, False]
    assert verdicts.column("failures").to_pylist()[1] == [
        {"rule": "gopher.n_words.min", "value": 3, "limit": 50},
        {"rule": "gopher.stop_words.min", "value": 1, "limit": 2},
        {"rule": "c4.curly_brackets.max", "value": 2, "limit": 0},
        {"rule": "fineweb.short_line_ratio.max", "value": 0.75, "limit": 0.67},
    ]


def test_look_up_goes_from_code_to_default() -> None:
    assert lookup_keys("deu_Latn") == ("deu_Latn", "deu", "Latn", "default")
    assert lookup_keys("und") == ("und", "default")
    limits = Limits.load(
        ["gopher"],
        {"deu_Latn": {"gopher.n_words.min": 1}, "deu": {"gopher.n_words.min": 2}, "Latn": {"gopher.n_words.min": 3}},
    )
    rule = limits.rules[0]
    codes = ("deu_Latn", "deu_Cyrl", "fra_Latn", "rus_Cyrl", "zho_Hans", "und")
    assert [limits.limit(rule, code) for code in codes] == [1, 2, 3, 50, 85, 50]


def test_unspaced_scripts_have_their_own_limits() -> None:
    limits = Limits.load(ALL)
    thai = document("tha_Thai", mean_word_length=1.0, stop_words=0, terminal_line_ratio=0, n_words=1000)
    assert failed(thai, limits) == []
    assert failed(document(mean_word_length=1.0, stop_words=0, terminal_line_ratio=0), limits) == [
        "gopher.mean_word_length.min",
        "gopher.stop_words.min",
        "fineweb.terminal_line_ratio.min",
    ]


def test_stop_words_are_asked_only_of_languages_with_a_list() -> None:
    limits = Limits.load(["gopher"], {"default": {"gopher.stop_words.min": 5}})
    assert failed(document("zul_Latn", stop_words=0), limits) == []
    assert failed(document("und", stop_words=0), limits) == []
    assert failed(document("deu_Latn", stop_words=4), limits) == ["gopher.stop_words.min"]
    assert limits.listed == tuple(sorted(stop_words.load()))


def test_own_default_leaves_shipped_exceptions_unless_it_is_off() -> None:
    rule = "gopher.mean_word_length.min"
    chinese = document("zho_Hans", mean_word_length=1.0)
    hindi = document("hin_Deva", mean_word_length=1.0)
    assert failed(chinese, Limits.load(["gopher"], {"default": {rule: 4}})) == []
    assert failed(hindi, Limits.load(["gopher"], {"default": {rule: 4}})) == [rule]
    assert failed(hindi, Limits.load(["gopher"], {"default": {rule: None}})) == []
    assert failed(hindi, Limits.load(["gopher"], {"default": {rule: None}, "hin": {rule: 2}})) == [rule]


def test_missing_values_fail_nothing() -> None:
    nothing = {field.name: None for field in SIGNAL_FIELDS}
    assert failed(document(None, **nothing), Limits.load(ALL)) == []
    assert failed(document(letter_ratio=math.nan), Limits.load(ALL)) == []


def test_values_are_compared_in_their_own_precision() -> None:
    limits = Limits.load(["gopher"])
    assert failed(document(duplicate_line_ratio=0.3), limits) == []
    assert failed(document(duplicate_line_ratio=float(np.nextafter(np.float32(0.3), np.float32(1)))), limits) == [
        "gopher.duplicate_line_ratio.max"
    ]


def test_unwanted_languages_fail_first() -> None:
    limits = Limits.load(["gopher"], languages=["deu", "srp_Cyrl", "Thai"])
    codes = ["deu_Latn", "srp_Cyrl", "tha_Thai", "srp_Latn", "und", None]
    verdicts = decide(batch(*(document(code, n_words=1) for code in codes)), limits)
    first = [failures[0]["rule"] for failures in verdicts.column("failures").to_pylist()]
    assert [rule == LANGUAGE_RULE for rule in first] == [False, False, False, True, True, True]
    language = verdicts.column("failures").to_pylist()[3][0]
    assert language == {"rule": "language", "value": pytest.approx(0.9), "limit": None}


def test_no_sets_keep_everything() -> None:
    assert decide(batch(document(n_words=0)), Limits.load([])).column("keep").to_pylist() == [True]


def test_empty_batch() -> None:
    verdicts = decide(batch(), Limits.load(ALL))
    assert verdicts.num_rows == 0
    assert verdicts.schema.equals(VERDICTS.schema)


@pytest.mark.parametrize(
    ("sets", "own", "message"),
    [
        (["gohper"], {}, "unknown rule set 'gohper'; did you mean 'gopher'?"),
        (
            ["gopher"],
            {"deu": {"gopher.n_word.min": 1}},
            "rules.limits.deu: unknown rule 'gopher.n_word.min'; did you mean 'gopher.n_words.min'?",
        ),
        (
            ["gopher"],
            {"deu": {"c4.curly_brackets.max": 1}},
            "rules.limits.deu: rule 'c4.curly_brackets.max' is part of set 'c4', which is not among rules.sets",
        ),
        (["gopher"], {"Thai": {"gopher.n_words.min": math.inf}}, "must be a finite number, not inf"),
    ],
)
def test_mistakes_are_named(sets: list[str], own: dict[str, dict[str, float | None]], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Limits.load(sets, own)
    assert message in str(caught.value)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(KeyError, match="n_words"):
        decide(batch(document()).drop_columns(["n_words"]), Limits.load(ALL))


def test_a_measure_that_was_not_taken_fails_nothing() -> None:
    limits = Limits.load(["quality"], {"default": {"quality.quality_score.min": 0.5}})
    assert failed(document(), limits) == []
    scored = batch(document(), document()).append_column("quality_score", pa.array([0.4, None], pa.float32()))
    (failures, none) = decide(scored, limits).column("failures").to_pylist()
    assert failures == [{"rule": "quality.quality_score.min", "value": pytest.approx(0.4), "limit": 0.5}]
    assert none == []


def test_policies_are_rules_that_limits_can_loosen() -> None:
    found = batch(document(), document("deu_Latn")).append_column("emails", pa.array([1, 1], pa.int32()))
    rule = "personal.emails.max"
    strict = Limits.load([], policies={rule: 0})
    assert decide(found, strict).column("keep").to_pylist() == [False, False]
    loosened = Limits.load([], {"deu": {rule: 2}}, policies={rule: 0})
    assert decide(found, loosened).column("keep").to_pylist() == [False, True]
    with pytest.raises(ValueError, match=r"unknown rule 'personal\.emails\.max'"):
        Limits.load([], {"deu": {rule: 2}})


def test_a_language_that_scores_too_low_is_und_and_keeps_its_script() -> None:
    thai = document("tha_Thai", language_score=0.2, n_words=60)
    verdicts = decide(
        batch(thai, document(language_score=0.3), document("und")), Limits.load(["gopher"], min_score=0.3)
    )
    assert verdicts.column("language").to_pylist() == ["und_Thai", "eng_Latn", "und"]
    # The limit of its script: a Thai character is no English word.
    assert verdicts.column("failures").to_pylist()[0] == [{"rule": "gopher.n_words.min", "value": 60, "limit": 150}]


def test_only_licences_asked_for() -> None:
    column = pa.array(["CC-BY-4.0", "CC-BY-NC-4.0", None])
    pages = batch(document(), document(), document()).append_column("page_licence", column)
    verdicts = decide(pages, Limits.load([], licences=["CC-BY-4.0", "CC0-1.0"]))
    assert verdicts.column("keep").to_pylist() == [True, False, False]
    assert verdicts.column("failures").to_pylist()[2] == [{"rule": "web.licence", "value": None, "limit": None}]


def test_limits_survive_json_and_pickle() -> None:
    limits = Limits.load(
        ALL,
        {"tha": {"gopher.n_words.min": None}},
        languages=["tha", "deu", "deu"],
        policies={"web.opt_outs.max": 0},
        min_score=0.4,
        licences=["CC0-1.0"],
    )
    assert Limits.from_json(json.loads(json.dumps(limits.to_json()))) == limits
    assert pickle.loads(pickle.dumps(limits)) == limits
    assert limits.languages == ("deu", "tha")


def test_order_and_whole_numbers_do_not_change_the_key() -> None:
    one = Limits.load(["c4", "gopher"], {"deu": {"gopher.n_words.min": 30}})
    other = Limits.load(["gopher", "c4"], {"deu": {"gopher.n_words.min": 30.0}})
    assert json.dumps(one.to_json()) == json.dumps(other.to_json())


CODES = st.sampled_from(["eng_Latn", "deu_Latn", "zho_Hans", "tha_Thai", "hin_Deva", "zul_Latn", "und", None])
NUMBERS = st.floats(0, 1, width=32) | st.just(math.nan) | st.none()
COUNTS = st.integers(0, 500) | st.none()
DOCUMENTS = st.builds(
    lambda code, score, values: {"doc_id": "0", "language": code, "language_score": score, **values},
    CODES,
    st.floats(0, 1, width=32),
    st.fixed_dictionaries(
        {field.name: NUMBERS if pa.types.is_floating(field.type) else COUNTS for field in SIGNAL_FIELDS}
    ),
)
RULES = [rule.name for rule in Limits.load(ALL).rules]
OVERRIDES = st.dictionaries(
    st.sampled_from(["default", "eng", "deu_Latn", "Hans", "und"]),
    st.dictionaries(st.sampled_from(RULES), st.floats(0, 500) | st.none(), max_size=4),
    max_size=3,
)


def reference(one: dict[str, Any], limits: Limits) -> list[dict[str, Any]]:
    """What `decide` should find for a document, said plainly."""
    code = one["language"] or "und"
    if one["language_score"] < np.float32(limits.min_score):
        code = "_".join(["und", *code.split("_")[1:]])
    failures = []
    if limits.languages is not None and not set(lookup_keys(code)) & set(limits.languages):
        failures.append({"rule": "language", "value": one["language_score"], "limit": None})
    for rule in limits.rules:
        value, limit = one[rule.signal], limits.limit(rule, code)
        if value is None or limit is None or math.isnan(value):
            continue
        compared = float(np.float32(limit)) if isinstance(value, float) else limit
        if value < compared if rule.bound == "min" else value > compared:
            failures.append({"rule": rule.name, "value": float(value), "limit": limit})
    return failures


@given(st.lists(DOCUMENTS, max_size=5), OVERRIDES, st.none() | st.just(["eng", "Thai"]), st.floats(0, 1))
def test_verdicts_equal_the_reference(
    documents: list[dict[str, Any]],
    own: dict[str, dict[str, float | None]],
    languages: list[str] | None,
    min_score: float,
) -> None:
    limits = Limits.load(ALL, own, languages=languages, min_score=min_score)
    verdicts = decide(batch(*documents), limits)
    expected = [reference(one, limits) for one in documents]
    assert verdicts.column("failures").to_pylist() == expected
    assert verdicts.column("keep").to_pylist() == [not failures for failures in expected]
