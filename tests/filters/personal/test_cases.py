"""The table of cases: what is found in texts of many countries, and what is not."""

from collections import Counter

from gristmill.filters.personal import KINDS, find, mask

from .cases import Case, read, unmarked

CASES = read()


def found(case: Case) -> set[tuple[str, int, int]]:
    return {tuple(span) for span in find(case.text, language=case.language, region=case.region)}


def test_marks_become_spans() -> None:
    text, spans = unmarked("Call ⟦phone:12 34⟧, or ⟦email:a@b.de⟧.")
    assert text == "Call 12 34, or a@b.de."
    assert {(kind, text[start:end]) for kind, start, end in spans} == {("phone", "12 34"), ("email", "a@b.de")}


def test_the_table_is_large_and_wide() -> None:
    assert len(CASES) >= 400
    assert len({case.country for case in CASES}) >= 60
    assert len({case.language[-4:] for case in CASES}) >= 15  # scripts
    assert sum(not case.spans for case in CASES) >= 150
    kinds = Counter(kind for case in CASES for kind, _, _ in case.spans)
    assert set(kinds) == set(KINDS)
    assert min(kinds.values()) >= 10


def test_precision_and_recall() -> None:
    right = wrong = missed = 0
    complaints = []
    for case in CASES:
        here = found(case)
        right += len(here & case.spans)
        wrong += len(here - case.spans)
        missed += len(case.spans - here)
        complaints += [f"{case.country} {kind} {case.text[a:b]!r}" for kind, a, b in here ^ case.spans]
    assert right / (right + wrong) >= 0.97, complaints
    assert right / (right + missed) >= 0.97, complaints


def test_what_is_masked_is_gone_and_nothing_new_appears() -> None:
    for case in CASES:
        spans = find(case.text, language=case.language, region=case.region)
        masked = mask(case.text, spans)
        assert find(masked, language=case.language, region=case.region) == [], masked
        assert masked.count("<") - case.text.count("<") == len(spans)
