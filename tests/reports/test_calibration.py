"""Calibration of an output folder and of files of text: what is read, what is printed, and that a recipe takes it."""

import gzip
import json
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.filters.annotate import Annotator
from gristmill.filters.rules import Limits, decide
from gristmill.reports.calibration import Calibrated, from_output, from_text, is_output
from gristmill.schemas.recipe import Rules

from . import decided

SETS = ("gopher", "c4", "fineweb")
ENGLISH = [
    f"The mill by the river grinds {grain} for the whole of the valley, and has done so since {year}. {more}"
    for grain in ("rye", "wheat", "barley")
    for year in range(1800, 1804)
    for more in ("Its miller sells what the farmers do not need. " * 3, "Nobody knows who built it.\n\nIt is old. " * 2)
]
GERMAN = [
    f"Die Wassermühle am Flussufer vermahlt seit {year} das {grain}getreide der Talbewohner. " * 2
    for grain in ("Winter", "Sommer")
    for year in range(1800, 1812)
]


@cache
def annotator() -> Annotator:
    return Annotator.load(model=None)


def measure(ids: pa.StringArray, texts: pa.StringArray) -> pa.RecordBatch:
    return annotator().annotate(ids, texts)


def _scaled(signals: pa.Table) -> pa.Table:
    """German texts of half as many words as the others."""
    german = np.array(signals["language"].to_pylist()) == "deu_Latn"
    words = np.where(german, np.arange(decided.N) % 30 + 60, np.arange(decided.N) % 60 + 120)
    place = signals.schema.get_field_index("n_words")
    return signals.set_column(place, signals.schema.field(place), pa.array(words, pa.int32()))


@pytest.mark.parametrize("reference", [0, decided.N])
def test_an_output_is_fitted_from_its_reference_documents_or_those_it_keeps(tmp_path: Path, reference: int) -> None:
    signals = _scaled(decided.made_signals())
    limits = Limits.load(SETS, fitted=False, min_score=0.3)
    out = decided.write(tmp_path, signals, limits, reference=reference)
    assert is_output(out)
    found = from_output(out, min_documents=20)
    assert ("reference documents of" in found.source) == bool(reference)
    fitted = {fit.rule: fit for fit in found.calibration.fits["deu_Latn"]}
    assert fitted["gopher.n_words.min"].limit == pytest.approx(25, abs=2)
    (change,) = [each for rule, each in found.changes if (rule, each.language) == ("gopher.n_words.min", "deu_Latn")]
    own = Limits.load(SETS, {"deu_Latn": {"gopher.n_words.min": change.limit}}, fitted=False, min_score=0.3)
    before, after = (
        [decide(batch, each)["keep"].true_count for batch in signals.to_batches()] for each in (limits, own)
    )
    assert sum(after) - sum(before) == change.gained - change.lost


def test_text_files_of_all_kinds(tmp_path: Path) -> None:
    folder = tmp_path / "reference"
    (folder / "more").mkdir(parents=True)
    pq.write_table(pa.table({"text": [*ENGLISH, None, ""], "n": range(len(ENGLISH) + 2)}), folder / "english.parquet")
    lines = "".join(json.dumps({"text": text}) + "\n" for text in GERMAN)
    (folder / "more" / "german.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    found = from_text(str(folder), measure, min_documents=20)
    assert found.calibration.documents == {"eng_Latn": len(ENGLISH), "deu_Latn": len(GERMAN)}
    assert not is_output(str(folder))
    _is_a_recipe(found)
    lines = list(found.to_text())
    assert lines[0] == f"reference: {len(ENGLISH) + len(GERMAN)} documents, 1 languages fitted"
    assert any(line.startswith("    gopher.mean_word_length.max") for line in lines)


def test_a_given_language_goes_over_the_identified_one(tmp_path: Path) -> None:
    table = {"text": [*ENGLISH, *ENGLISH], "language": [None] * len(ENGLISH) + ["sco_Latn"] * len(ENGLISH)}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    found = from_text(str(tmp_path / "a.parquet"), measure, min_documents=20)
    assert found.calibration.documents == {"eng_Latn": len(ENGLISH), "sco_Latn": len(ENGLISH)}


def _is_a_recipe(found: Calibrated) -> None:
    read = tomllib.loads(found.to_toml())
    rules = Rules.model_validate(read["rules"])
    assert rules.limits == found.calibration.limits
    Limits.load(rules.sets, rules.limits)


def test_too_few_documents_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n\n" for text in [*ENGLISH, *GERMAN[:3]]))
    found = from_text(str(tmp_path / "a.jsonl"), measure, min_documents=20)
    assert found.calibration.few == {"deu_Latn": 3}
    assert "deu_Latn           3 documents: too few to fit" in list(found.to_text())
    assert tomllib.loads(found.to_toml()) == {"rules": {"limits": {}}}
    with pytest.raises(ValueError, match="--min-documents"):
        from_text(str(tmp_path / "a.jsonl"), measure)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b"{", "a line is not JSON"),
        ("a.jsonl", b"[" * 200_000, "a line is not JSON"),
        ("a.jsonl", b"[1]", "a line has no string 'text'"),
        ("a.jsonl", b'{"text": 1}', "a line has no string 'text'"),
        ("a.jsonl", b'{"text": "a", "language": "de"}', "language 'de' is no code such as deu_Latn"),
        ("a.txt", b"text", "reference text is read from .parquet and .jsonl files"),
        ("a.jsonl", b"", "no text in it"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        from_text(str(tmp_path / name), measure)


def test_missing_files_and_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file or folder"):
        from_text(str(tmp_path / "nothing"), measure)
    pq.write_table(pa.table({"content": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"no column 'text' \(columns: content\)"):
        from_text(str(tmp_path), measure)
