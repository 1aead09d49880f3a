"""Evaluation sets in every format, and what would make one find nothing."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.pipelines import evaluation_sets
from gristmill.pipelines.evaluation_sets import find_files, read
from gristmill.schemas import Recipe, RecipeError
from gristmill.schemas.recipe_measures import EvaluationSet

RECORDS = [{"question": "Who feeds the goats?", "answer": {"text": ["Mira", "Old Tom"]}, "n": 3}, {"question": "Why?"}]
LINES = "\n".join(map(json.dumps, RECORDS)).encode()
NESTED = {
    "version": 1.1,
    "data": [
        {
            "paragraphs": [
                {"context": "Goats.", "qas": [{"id": "q7", "question": "Who?"}, {"id": "q8", "question": "Where?"}]},
                {"context": "Sheep.", "qas": [{"id": "q9", "question": "When?"}]},
            ]
        },
        {"paragraphs": [{"context": "Cows.", "qas": []}]},
    ],
}


def of(*fields: str, paths: tuple[str, ...] = ("*",), **more: Any) -> EvaluationSet:
    return EvaluationSet(name="farm", paths=paths, fields=fields, **more)


def texts(folder: Path, given: EvaluationSet) -> list[tuple[str, str, str]]:
    found = read(given, find_files(given, folder=str(folder)))
    return [(each.item, each.field, each.text) for each in found]


def check(folder: Path, given: EvaluationSet) -> None:
    recipe = Recipe.model_validate(
        {"inputs": [{"name": "web", "paths": ["*"]}], "contamination": {"sets": [given.model_dump()]}}
    )
    evaluation_sets.check(recipe, str(folder))


QUESTIONS = [("0", "question", "Who feeds the goats?"), ("1", "question", "Why?")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("set.jsonl", LINES),
        ("set.json", LINES),
        ("set", LINES + b"\n\n"),
        ("bom.jsonl", b"\xef\xbb\xbf" + LINES.replace(b"\n", b"\r\n\r\n")),
        ("set.jsonl.gz", gzip.compress(LINES)),
        ("set.jsonl.zst", zstandard.compress(LINES)),
        ("array.json", json.dumps(RECORDS, indent=1).encode()),
        ("set.csv", b'question,n\n"Who feeds the goats?",3\nWhy?,\n'),
        ("set.tsv", b"n\tquestion\r\n3\tWho feeds the goats?\r\n\tWhy?\r\n"),
        ("set.csv.gz", gzip.compress(b"question\nWho feeds the goats?\nWhy?\n")),
    ],
)
def test_formats(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert texts(tmp_path, of("question")) == QUESTIONS


def test_parquet(tmp_path: Path) -> None:
    columns = {
        "question": ["Who feeds the goats?", "Why?"],
        "answer": [{"text": ["Mira", "Old Tom"]}, None],
        "n": [3, 4],
    }
    pq.write_table(pa.table(columns), tmp_path / "set.parquet")
    assert texts(tmp_path, of("question")) == QUESTIONS
    assert texts(tmp_path, of("answer.text")) == [("0", "answer.text", "Mira"), ("0", "answer.text", "Old Tom")]
    (tmp_path / "set.parquet").write_bytes(gzip.compress((tmp_path / "set.parquet").read_bytes()))
    assert texts(tmp_path, of("question")) == QUESTIONS


def test_dotted_names_reach_through_objects_and_lists(tmp_path: Path) -> None:
    (tmp_path / "squad.json").write_text(json.dumps(NESTED, indent=2))
    assert texts(tmp_path, of("data.paragraphs.context")) == [
        ("0.0", "data.paragraphs.context", "Goats."),
        ("0.1", "data.paragraphs.context", "Sheep."),
        ("1.0", "data.paragraphs.context", "Cows."),
    ]
    found = texts(tmp_path, of("data.paragraphs.qas.question"))
    assert [(item, text) for item, _, text in found] == [("q7", "Who?"), ("q8", "Where?"), ("q9", "When?")]
    (tmp_path / "squad.json").write_text(json.dumps(NESTED))  # one line is still one document
    assert texts(tmp_path, of("data.paragraphs.qas.question")) == found


def test_several_fields_and_a_key_with_a_dot(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_text(
        '{"a.b": "dotted", "a": {"b": "nested"}, "c": "plain"}\n{"a": {"b": "nested"}}\n'
    )
    assert texts(tmp_path, of("a.b", "c")) == [("0", "a.b", "dotted"), ("0", "c", "plain"), ("1", "a.b", "nested")]


def test_items_are_named_by_id_and_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one.jsonl").write_text('{"id": 5, "key": "x", "q": "One?"}\n{"id": null, "q": "Two?"}\n')
    (tmp_path / "two.jsonl").write_text('{"id": "5", "key": "y", "q": "Three?"}\n')
    many = of("q", paths=("a/*.jsonl", "two.jsonl", "*.jsonl"))
    assert [item for item, _, _ in texts(tmp_path, many)] == ["a/one.jsonl:5", "a/one.jsonl:1", "two.jsonl:5"]
    assert [item for item, _, _ in texts(tmp_path, of("q", paths=("two.jsonl",), id="key"))] == ["y"]


def test_columns_without_a_header_are_named_by_number(tmp_path: Path) -> None:
    (tmp_path / "set.tsv").write_text("Who feeds the goats?\t3\nWhy?\t4\n")
    assert texts(tmp_path, of("1")) == [("0", "1", "Who feeds the goats?"), ("1", "1", "Why?")]
    (tmp_path / "set.tsv").write_text("0\t1\nWho?\tMira\n")
    assert texts(tmp_path, of("1")) == [("0", "1", "Mira")]


def test_lone_surrogates_and_hostile_values_do_not_break_reading(tmp_path: Path) -> None:
    lines = [
        '{"q": "a \\ud800 b"}',
        '{"q": 7}',
        '{"q": null}',
        '{"q": {"x": [1]}}',
        '{"q": ["  ", "c"]}',
        "[1]",
        '"q"',
        "3",
    ]
    (tmp_path / "set.jsonl").write_text("\n".join(lines))
    assert [text for _, _, text in texts(tmp_path, of("q"))] == ["a ? b", "c"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("set.jsonl", b"", "holds no records"),
        ("set.jsonl", b"\n \n", "holds no records"),
        ("set.json", b"[]", "holds no records"),
        ("set.csv", b"question\n", "holds no records"),
        ("set.jsonl", b'{"questions": "Who?"}\n', "has 'question'; there are questions; did you mean 'questions'?"),
        (
            "set.jsonl",
            b'{"a": {"question": "Who?"}}\n',
            "has 'question'; there are a.question; did you mean 'a.question'?",
        ),
        ("set.csv", b"query\nWho?\n", "has 'question'; there are query"),
        ("set.jsonl", b'{"question": 7}\n', "'question' holds numbers in all records"),
        ("set.jsonl", b'{"question": ""}\n{"question": " "}\n', "'question' holds blank text"),
        ("set.jsonl", b'{"question": {"text": "Who?"}}\n', "'question' holds objects"),
        ("set.jsonl", b'{"question": "Who?"}\n{"quest', "line 2 is not JSON"),
        ("set.jsonl", b'{"question": "\xff"}\n', "cannot read"),
        ("set.json", b'{"question": ', "cannot read"),
        ("set.json", b"[" * 100_000, "cannot read"),
        ("set.txt", b"Who feeds the goats?", "neither JSON lines, JSON, Parquet, CSV nor TSV"),
        ("set.csv", b"question,n\nWho?,3\nWhy?\n", "line 3 has 1 fields where the first row has 2"),
        ("set.jsonl.gz", gzip.compress(LINES)[:-9], "the file ends within a compressed member"),
        ("set.parquet", b"PAR1 and nothing of use", "cannot read"),
    ],
)
def test_what_would_find_nothing_is_an_error(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RecipeError) as error:
        check(tmp_path, of("question"))
    assert str(error.value).startswith("contamination.sets 'farm': ")
    assert message in str(error.value)


def test_a_missing_column_of_parquet_names_the_nearest(tmp_path: Path) -> None:
    pq.write_table(pa.table({"questions": ["Who?"], "n": [1]}), tmp_path / "set.parquet")
    with pytest.raises(RecipeError, match="there are questions, n; did you mean 'questions'"):
        check(tmp_path, of("question"))


def test_each_field_and_each_file_must_give_something(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    check(tmp_path, of("question", "answer.text"))
    with pytest.raises(RecipeError, match=r"fields: no record of .*a\.jsonl has 'answers\.text'.*'answer\.text'"):
        check(tmp_path, of("question", "answers.text"))
    with pytest.raises(RecipeError, match="id: no record has a field 'key'"):
        check(tmp_path, of("question", id="key"))
    (tmp_path / "b.jsonl").write_bytes(b"")
    with pytest.raises(RecipeError, match=r"b\.jsonl holds no records"):
        check(tmp_path, of("question"))


def test_a_path_that_matches_nothing_names_the_nearest_file(tmp_path: Path) -> None:
    (tmp_path / "set.jsonl").write_bytes(LINES)
    with pytest.raises(RecipeError, match=r"paths: no file matches 'sat\.jsonl'.*did you mean '.*set\.jsonl'"):
        check(tmp_path, of("question", paths=("sat.jsonl",)))


def test_two_sets_need_two_names() -> None:
    one = of("question").model_dump()
    with pytest.raises(ValueError, match="two evaluation sets are named 'farm'"):
        Recipe.model_validate({"inputs": [{"name": "web", "paths": ["*"]}], "contamination": {"sets": [one, one]}})


def test_what_is_no_file_is_told_so(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    for path in ("pipe", "empty"):
        with pytest.raises(RecipeError, match=f"paths: '{path}' is neither a file nor a folder with files"):
            find_files(of("question").model_copy(update={"paths": (path,)}), folder=str(tmp_path))
