"""What-if against the truth: the verdicts of a second `decide` with the other limit."""

import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from gristmill.filters.rules import Limits, decide
from gristmill.reports.views import connect
from gristmill.reports.what_if import known_rule, limits_of, to_json, to_text, what_if

from . import decided

SETS = ("gopher", "c4", "fineweb")


@pytest.fixture(scope="module")
def signals() -> pa.Table:
    return decided.made_signals()


@pytest.fixture(scope="module")
def out(signals: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> str:
    limits = Limits.load(SETS, {"deu_Latn": {"gopher.n_words.min": 80}}, min_score=0.3)
    return decided.write(tmp_path_factory.mktemp("what_if"), signals, limits)


def _decided(signals: pa.Table, limits: Limits) -> dict[str, bool]:
    verdicts = pa.Table.from_batches([decide(batch, limits) for batch in signals.to_batches()])
    return dict(zip(verdicts["doc_id"].to_pylist(), verdicts["keep"].to_pylist(), strict=True))


def _with(limits: Limits, rule: str, language: str, limit: float | None, sets: Sequence[str] = SETS) -> Limits:
    own = {"deu_Latn": {"gopher.n_words.min": 80.0}}
    own.setdefault(language, {})
    own[language] = {**own[language], rule: limit}  # type: ignore[dict-item]
    return Limits.load(sets, own, min_score=0.3)


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("gopher.n_words.min", [30, 50, 80, 150, 399]),
        ("gopher.mean_word_length.max", [5.1, 5.3, 9, 11]),
        ("fineweb.short_line_ratio.max", [0.1, 0.15, 0.3, 0.67, 0.7]),
        ("gopher.duplicate_5_gram_char_ratio.max", [0, 0.1, 0.15, 1]),
        ("gopher.stop_words.min", [1, 10]),
    ],
)
def test_changes_are_those_of_a_second_decide(out: str, signals: pa.Table, rule: str, values: list[float]) -> None:
    with connect(out) as connection:
        limits = limits_of(connection)
    before = _decided(signals, limits)
    language_of = dict(zip(signals["doc_id"].to_pylist(), signals["language"].to_pylist(), strict=True))
    found = what_if(out, rule, values=values)
    assert {change.language for change in found} <= set(decided.LANGUAGES)
    some = 0
    for change in found:
        after = _decided(signals, _with(limits, rule, change.language, change.limit))
        here = [doc for doc in before if language_of[doc] == change.language]
        gained = [doc for doc in here if after[doc] and not before[doc]]
        lost = [doc for doc in here if before[doc] and not after[doc]]
        assert (change.documents, change.kept) == (len(here), sum(before[doc] for doc in here))
        assert (change.gained, change.lost) == (len(gained), len(lost))
        assert change.gained_bytes == sum(100 + int(doc, 16) for doc in gained)
        assert change.lost_bytes == sum(100 + int(doc, 16) for doc in lost)
        assert [each.doc_id for each in change.gained_examples] == gained[:3]
        assert [each.doc_id for each in change.lost_examples] == lost[:3]
        some += len(gained) + len(lost)
    assert some > 0


def test_a_rule_that_the_run_did_not_use_counts_as_off(out: str, signals: pa.Table) -> None:
    found = {change.language: change for change in what_if(out, "gristmill.entropy.min", values=[4.6])}
    assert all(change.now is None and change.lost == change.kept for change in found.values())


def test_languages_without_stop_words_are_not_asked(out: str) -> None:
    assert {each.language for each in what_if(out, "gopher.stop_words.min", values=[3])} == {"eng_Latn", "deu_Latn"}


def test_values_of_its_own_lie_around_the_limit(out: str) -> None:
    found = what_if(out, "gopher.n_words.min", language="deu_Latn")
    limits = [change.limit for change in found]
    assert 80 in limits
    assert limits == sorted(limits, key=lambda limit: -(limit or 0))
    assert any(change.gained for change in found)
    assert any(change.lost for change in found)
    assert all(change.gained == change.lost == 0 for change in found if change.limit == 80)


def test_shown_for_people_and_machines(out: str) -> None:
    found = what_if(out, "gopher.n_words.min", values=[30], language="eng_Latn")
    lines = list(to_text("gopher.n_words.min", found))
    assert lines[0] == "gopher.n_words.min"
    assert lines[2].split()[:3] == ["eng_Latn", "50", "30"]
    assert "\\x1b[31m" in lines[3]
    assert "\x1b" not in "".join(lines)
    assert json.loads(next(to_json(found)))["gained"] == found[0].gained


def test_the_rules_of_policies_are_known_and_off(out: str) -> None:
    with connect(out) as connection:
        limits = limits_of(connection)
    for name in ("personal.emails.max", "web.blocklists.max", "contamination.contaminated_items.max"):
        assert known_rule(name, limits).limits == ()
        with pytest.raises(ValueError, match=f"{name}: this run did not measure {name.partition('.')[0]}; ask for it"):
            what_if(out, name)


def test_mistakes_are_named(out: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown rule 'gopher.n_word.min'; did you mean 'gopher.n_words.min'"):
        what_if(out, "gopher.n_word.min", values=[1])
    with pytest.raises(ValueError, match="no document is in 'deu'"):
        what_if(out, "gopher.n_words.min", values=[1], language="deu")
    with pytest.raises(ValueError, match="no verdicts"):
        what_if(str(tmp_path), "gopher.n_words.min")
    with connect(out) as connection:
        assert known_rule("c4.lorem_ipsum.max", limits_of(connection)).name == "c4.lorem_ipsum.max"
