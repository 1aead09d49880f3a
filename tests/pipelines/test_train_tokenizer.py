import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from stages import Runner, curated, document, recipe

from gristmill.pipelines import train_tokenizer
from gristmill.pipelines.checkpoints import Receipt
from gristmill.schemas import TOKENIZER_REPORT
from gristmill.tokenizer import Encoder
from gristmill.tokenizer.report import report as tokenizer_report

_TEXTS = Path(__file__).parents[2] / "sample_data/texts"
DOCUMENTS = [
    document(f"{language}{number}", paragraph, language=language)
    for language in ("deu_Latn", "eng_Latn", "tha_Thai")
    for number, paragraph in enumerate((_TEXTS / f"{language}.txt").read_text().split("\n\n"))
]
SMALL = {"vocabulary_size": 1500, "sample_bytes": 20_000}


def _run(folder: Path, files: Any, **section: Any) -> tuple[Runner, list[Receipt]]:
    runner = Runner(folder)
    given = curated(runner.store, files)
    return runner, runner(train_tokenizer.stage(recipe(tokenizer=SMALL | section), folder=str(folder), curated=given))


def _report(receipt: Receipt, runner: Runner) -> dict[str, dict[str, Any]]:
    (entry,) = receipt.of(TOKENIZER_REPORT)
    return {row["language"]: row for row in pq.read_table(runner.store.path(entry.path)).to_pylist()}


def test_model_and_report(tmp_path: Path) -> None:
    runner, receipts = _run(tmp_path, [DOCUMENTS])
    trained = receipts[-1]
    assert [each.phase for each in receipts] == ["weigh"] * 3 + ["tokenizer"]
    assert trained.counts["vocabulary_asked"] == 1500
    encoder = Encoder.load((tmp_path / "tokenizer/tokenizer.model").read_bytes())
    assert encoder.vocabulary_size == trained.counts["vocabulary_size"] == 1000  # 20 kB support no more
    assert (encoder.end_id, encoder.pad_id) == (trained.counts["end_id"], trained.counts["pad_id"])
    report = _report(trained, runner)
    assert list(report) == ["deu_Latn", "eng_Latn", "tha_Thai"]
    for row in report.values():
        assert row["quota"] <= row["sample_bytes"] < min(row["bytes"], row["quota"] + 4)  # to a character
        assert row["bytes_per_token"] > 1
    assert sum(row["quota"] for row in report.values()) == pytest.approx(20_000, abs=3)


def test_neither_order_nor_partition_of_the_input_changes_a_byte(tmp_path: Path) -> None:
    _run(tmp_path / "a", [DOCUMENTS])
    _run(tmp_path / "b", [DOCUMENTS[::-1][start::5] for start in range(5)])
    for name in ("tokenizer/tokenizer.model", "tokenizer_report"):
        one, two = ((tmp_path / folder / name) for folder in "ab")
        one, two = (next(each.iterdir()) if each.is_dir() else each for each in (one, two))
        assert one.read_bytes() == two.read_bytes()


def test_a_second_run_does_nothing_and_the_seed_changes_the_sample(tmp_path: Path) -> None:
    runner, _ = _run(tmp_path, [DOCUMENTS])
    assert runner.done == {"weigh": 3, "sample": 3, "tokenizer": 1}
    first = (tmp_path / "tokenizer/tokenizer.model").read_bytes()
    runner, _ = _run(tmp_path, [DOCUMENTS])
    assert runner.done == {}
    given = curated(runner.store, [DOCUMENTS])
    runner(train_tokenizer.stage(recipe(tokenizer=SMALL, seed=1), folder="", curated=given))
    assert runner.done == {"sample": 3, "tokenizer": 1}
    assert (tmp_path / "tokenizer/tokenizer.model").read_bytes() != first


def test_nothing_kept_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no text to train a tokenizer on"):
        _run(tmp_path, [])


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    _run(tmp_path / "a", [DOCUMENTS])
    (tmp_path / "b").mkdir()
    model = (tmp_path / "a/tokenizer/tokenizer.model").read_bytes()
    (tmp_path / "b/mine.model").write_bytes(model)
    runner, receipts = _run(tmp_path / "b", [DOCUMENTS], model="mine.model")
    assert (tmp_path / "b/tokenizer/tokenizer.model").read_bytes() == model
    assert len(_report(receipts[-1], runner)) == 3
    assert "vocabulary_asked" not in receipts[-1].counts
    (tmp_path / "b/mine.model").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"mine.model: not a SentencePiece model"):
        _run(tmp_path / "b", [DOCUMENTS], model="mine.model")


def test_a_model_of_ones_own_needs_no_text(tmp_path: Path) -> None:
    _run(tmp_path, [DOCUMENTS])
    model = tmp_path / "tokenizer/tokenizer.model"
    (tmp_path / "mine.model").write_bytes(model.read_bytes())
    _, receipts = _run(tmp_path / "empty", [], model=str(tmp_path / "mine.model"))
    assert json.loads(receipts[-1].to_json())["counts"]["sample_bytes"] == 0


def test_the_model_is_exported_too(tmp_path: Path) -> None:
    _, receipts = _run(tmp_path, [DOCUMENTS])
    written = {each.path for each in receipts[-1].files if each.table == train_tokenizer.TABLE}
    assert written == {"tokenizer/tokenizer.model", "tokenizer/tokenizer.json"}
    texts = [each["text"] for each in DOCUMENTS]
    ours = Encoder.load((tmp_path / "tokenizer/tokenizer.model").read_bytes())
    exported = Encoder.load((tmp_path / "tokenizer/tokenizer.json").read_bytes())
    assert (ours.end_id, ours.pad_id) == (exported.end_id, exported.pad_id)
    assert [each.tolist() for each in ours.encode_batch(texts)] == [
        each.tolist() for each in exported.encode_batch(texts)
    ]


def test_a_tokenizer_json_of_ones_own_and_tokens_by_name(tmp_path: Path) -> None:
    _run(tmp_path / "a", [DOCUMENTS])
    given = tmp_path / "a/tokenizer/tokenizer.json"
    (tmp_path / "b").mkdir()
    names = {"end_token": "<|reserved_3|>", "pad_token": "<|mask|>"}
    runner, receipts = _run(tmp_path / "b", [DOCUMENTS], model=str(given), **names)
    assert (tmp_path / "b/tokenizer/tokenizer.json").read_bytes() == given.read_bytes()
    assert not (tmp_path / "b/tokenizer/tokenizer.model").exists()
    assert (receipts[-1].counts["end_id"], receipts[-1].counts["pad_id"]) == (7, 3)
    assert len(_report(receipts[-1], runner)) == 3
    with pytest.raises(ValueError, match=r"tokenizer\.json: the tokenizer has no token '<over>'"):
        _run(tmp_path / "b", [DOCUMENTS], model=str(given), end_token="<over>")


def test_what_languages_pay(tmp_path: Path) -> None:
    runner, receipts = _run(tmp_path, [DOCUMENTS])
    report = _report(receipts[-1], runner)
    assert report["eng_Latn"]["cost"] == 1
    (again,) = tokenizer_report(tmp_path).rows.values()
    assert {row.language for row in again} == set(report)
    assert min(row["parity"] for row in report.values()) < 1 < max(row["parity"] for row in report.values())
    for row in report.values():
        assert 0.9 < row["coverage"] <= 1
        assert row["cost"] == pytest.approx(
            report["eng_Latn"]["characters_per_token"] / row["characters_per_token"], rel=1e-9
        )
    runner, receipts = _run(tmp_path / "b", [[each for each in DOCUMENTS if each["language"] != "eng_Latn"]])
    assert {row["cost"] for row in _report(receipts[-1], runner).values()} == {None}
