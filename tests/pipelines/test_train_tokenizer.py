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
        assert row["quota"] <= row["sample_bytes"] <= min(row["bytes"], row["quota"] + 4200)
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
