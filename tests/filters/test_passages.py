import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from gristmill.filters import passages

from . import passages_oracle
from .samples import TEXTS, batches


def found_in(texts: list[str]) -> list[list[passages_oracle.Line]]:
    found = passages.lines(pa.array(["padding\nand more", *texts, "x"], pa.string()).slice(1, len(texts)))
    rows = [passages_oracle.Line(*row) for row in zip(*(column.tolist() for column in found[1:]), strict=True)]
    return [rows[start:end] for start, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


def test_equal_to_oracle_on_many_scripts() -> None:
    assert found_in(TEXTS) == list(map(passages_oracle.lines, TEXTS))


@settings(deadline=None, max_examples=150)
@given(texts=batches)
def test_equal_to_oracle_on_hostile_text(texts: list[str]) -> None:
    assert found_in(texts) == list(map(passages_oracle.lines, texts))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("© The Mill, Ltd. All rights reserved.", "the mill ltd ALL RIGHTS RESERVED"),
        ("حقوق الطَّبع محفوظة", "حقوق الطبع محفوظة"),
        ("כל הזכויות שמורות", "כל הזכויות שמורות!"),
        ("สงวนลิขสิทธิ์ © โรงสี", "สงวนลิขสิทธิ์ โรงสี"),
        ("版权所有，磨坊。", "版权所有 磨坊"),
        ("Ｔｈｅ　Ｍｉｌｌ 👍", "The Mill"),
    ],
)
def test_case_width_marks_and_punctuation_make_no_difference(one: str, other: str) -> None:
    (line,), (same,) = found_in([one, other])
    assert line.hash == same.hash != 0


def test_digits_vowel_signs_and_order_make_a_difference() -> None:
    hashes = [
        line.hash
        for (line,) in found_in(["in force on 1 May 2023", "in force on 1 May 2024", "May 1 in force on 2023"])
    ]
    hashes += [line.hash for (line,) in found_in(["ปา", "ปี", "क़लम", "कलम"])]
    assert len(set(hashes)) == len(hashes)


def test_a_line_without_words_has_no_hash() -> None:
    (lines,) = found_in(["-----\n}\n👍👍\n\0\n\u0640\nword"])
    assert [line.hash == 0 for line in lines] == [True, True, True, True, True, False]


def test_a_paragraph_is_the_same_however_its_lines_break() -> None:
    notice = "This program is free software: you can redistribute it and modify it."
    (line,) = found_in([notice])[0]
    assert line.paragraph == 0
    for wrapped in (
        notice.replace("you", "\nyou"),
        notice.replace(" you", "\r\n * you").replace(" it ", "\u2028# it "),
        "-----\n" + notice.replace(" and", "\n\tand") + "\n-----",
    ):
        (lines,) = found_in([f"Another paragraph.\n\n{wrapped}\n \nAnd another."])
        assert [each.paragraph for each in lines] == [0, *[line.hash] * (len(lines) - 2), 0]


def test_a_short_paragraph_has_no_hash() -> None:
    (lines,) = found_in(["Home\nNews\n\nสวัสดี\nครับ"])
    assert [each.paragraph for each in lines] == [0, 0, 0, 0]


def test_weight_counts_letters_of_unspaced_scripts_thrice() -> None:
    weights = [line.weight for (line,) in found_in(["ten chars.", "十个字的一行文字呢吗", "ที่นี่"])]
    assert weights == [10, 30, 6 + 2 * 2]


def runs_of(texts: list[str], repeated: set[str]) -> list[list[str]]:
    """The runs of each text, if some lines are repeated ones."""
    found = passages.lines(pa.array(texts, pa.string()))
    of_line = np.repeat(np.arange(len(texts)), np.diff(found.offsets))
    lines = [texts[row][start:end] for row, start, end in zip(of_line, found.starts, found.ends, strict=True)]
    marked = np.array([line in repeated for line in lines], np.bool_)
    ran = passages.runs(found, marked, documents=np.ones(len(lines), np.int64), shares=np.ones(len(lines)))
    rows = np.repeat(np.arange(len(texts)), np.diff(ran.offsets))
    spans = list(zip(rows, ran.starts, ran.ends, strict=True))
    return [[texts[row][start:end] for at, start, end in spans if at == row] for row in range(len(texts))]


def test_a_run_is_as_rare_as_its_rarest_line() -> None:
    found = passages.lines(pa.array(["a line of its own\n--\nand another line\nand a third", "x"]))
    documents = np.array([30, 0, 20, 40, 10])
    ran = passages.runs(found, found.hashes != 0, documents=documents, shares=documents / 100)
    assert [column.tolist() for column in ran] == [[0, 1, 1], [0], [found.ends[3]], [3], [20], [0.2]]


def test_short_lines_are_repeated_only_together() -> None:
    menu = "Home\nAbout us\n|\n\nProducts and services\nContact"
    texts = [f"{menu}\nSee also\nSome text", "Some text\nSee also\nMore text", f"Some\n{menu}"]
    found = runs_of(texts, {"Home", "About us", "Products and services", "Contact", "See also"})
    assert found == [[f"{menu}\nSee also"], [], [menu]]


def test_a_run_ends_with_its_document_and_at_any_other_line() -> None:
    long = "All rights reserved by the owners of the mill."
    assert runs_of([f"x\n{long}", f"{long}\ny", f"{long}\nbetween\n{long}", ""], {long}) == [
        [long],
        [long],
        [long, long],
        [],
    ]


def test_no_lines_no_runs() -> None:
    for texts in (list[str](), [""], ["\n \n", "--"]):
        assert runs_of(texts, set()) == [[] for _ in texts]
