import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import Result
from shard_files import build

torch = pytest.importorskip("torch")

from gristmill.schemas.training import LOSSES, ROUTING, TRAINING, Table  # noqa: E402
from gristmill.trainer import parts  # noqa: E402
from gristmill.trainer import train as trainer  # noqa: E402
from gristmill.trainer.config import ModelConfig, TrainConfig  # noqa: E402
from gristmill.trainer.feed import Feed, read  # noqa: E402
from gristmill.trainer.shards import ShardReader  # noqa: E402

TRAIN = TrainConfig(steps=8, batch_sequences=4, micro_sequences=3, checkpoint_every=4, dtype="float32")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("shards"), documents=100, packing={"sequence_length": 128})


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _job(shards: Path, folder: Path, **settings: Any) -> trainer.Job:
    vocabulary = ShardReader.open(shards).manifest.vocabulary_size
    experts = settings.pop("experts", 4)
    model = ModelConfig.of_depth(2, vocabulary_size=vocabulary, width=32, heads=2, experts=experts, experts_per_token=2)
    return trainer.Job(shards=str(shards), folder=folder, model=model, train=replace(TRAIN, **settings), device="cpu")


def _rows(folder: Path, table: Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = parts.read(folder, table).to_pylist()
    return found


def test_every_piece_of_every_step_has_a_row_and_they_sum_up_to_the_log(shards: Path, tmp_path: Path) -> None:
    trainer.run(_job(shards, tmp_path))
    rows, log = _rows(tmp_path, LOSSES), _rows(tmp_path, TRAINING)
    reader = ShardReader.open(shards)
    feed = Feed.begin(reader, seed=0)
    for step in log:
        mine = [row for row in rows if row["step"] == step["step"]]
        indices = feed.take(4)
        given = reader.rows(indices).to_pylist()
        pieces = [
            piece
            for each in given
            for piece in zip(each["doc_ids"], each["doc_offsets"], each["doc_lens"], strict=True)
        ]
        assert [(row["doc_id"], row["offset"], row["tokens"] + 1) for row in mine] == pieces
        assert sum(row["tokens"] for row in mine) == step["tokens"] == read(reader, indices, context=None).n_targets
        mean = sum(row["tokens"] * row["loss"] for row in mine) / step["tokens"]
        assert mean == pytest.approx(step["loss"], rel=1e-5)
    assert {(row["nearest"], row["doubt"]) for row in rows} == {(None, None)}, "there is one language"


def test_routing_counts_each_choice_and_its_chance(shards: Path, tmp_path: Path) -> None:
    trainer.run(_job(shards, tmp_path))
    rows = _rows(tmp_path, ROUTING)
    learnt = sum(row["tokens"] for row in _rows(tmp_path, TRAINING))
    pieces = len(_rows(tmp_path, LOSSES))
    assert {row["step"] for row in rows} == {4, 8}
    assert {row["layer"] for row in rows} == {1}, "the first is dense"
    assert {(row["language"], row["domain"]) for row in rows} == {("eng_Latn", "general")}
    assert sum(row["tokens"] for row in rows) == 2 * (learnt + pieces), "the last token of a piece is routed too"
    assert [row["chance"] for row in rows] == [row["tokens"] for row in rows]


def test_a_dense_model_has_losses_and_no_routing(shards: Path, tmp_path: Path) -> None:
    trainer.run(_job(shards, tmp_path, experts=0, steps=2))
    assert {row["step"] for row in _rows(tmp_path, LOSSES)} == {1, 2}
    assert _rows(tmp_path, ROUTING) == []


class _StopError(Exception):
    pass


@pytest.mark.parametrize("stopped_at", [3, 4, 7])
def test_a_run_that_was_stopped_writes_the_same_rows(shards: Path, tmp_path: Path, stopped_at: int) -> None:
    def report(progress: trainer.Progress) -> None:
        if progress.step.number == stopped_at:
            raise _StopError

    trainer.run(_job(shards, tmp_path / "whole"))
    with pytest.raises(_StopError):
        trainer.run(_job(shards, tmp_path / "stopped"), report=report)
    # As if the run had ended between the ledger and its checkpoint, when there were more ranks.
    left = tmp_path / "stopped" / "losses" / "000000008-3.parquet"
    left.parent.mkdir(exist_ok=True)
    pq.write_table(LOSSES.schema.empty_table(), left)
    trainer.run(_job(shards, tmp_path / "stopped"))
    assert not left.exists()
    for table in (LOSSES, ROUTING):
        assert _rows(tmp_path / "stopped", table) == _rows(tmp_path / "whole", table) != []


def test_a_share_is_of_whole_sequences_and_the_same_in_every_epoch(shards: Path, tmp_path: Path) -> None:
    trainer.run(_job(shards, tmp_path / "all"))
    trainer.run(_job(shards, tmp_path / "half", ledger=0.5))
    trainer.run(_job(shards, tmp_path / "none", ledger=0.0, steps=2))
    reader = ShardReader.open(shards)
    assert len(reader) < 32, "so that a part of the sequences comes twice"
    sequences = reader.rows(range(len(reader)))["doc_ids"].to_pylist()
    every, some = (_rows(tmp_path / name, LOSSES) for name in ("all", "half"))
    seen = {(row["doc_id"], row["offset"]) for row in some}
    kept = [bool({row["doc_id"] for row in some} & set(ids)) for ids in sequences]
    assert 0.3 < sum(kept) / len(kept) < 0.7
    plain = [{**row, "nearest": None, "doubt": None} for row in every if (row["doc_id"], row["offset"]) in seen]
    assert [{**row, "nearest": None, "doubt": None} for row in some] == plain
    assert _rows(tmp_path / "none", LOSSES) == []


def test_a_share_is_a_share() -> None:
    with pytest.raises(ValueError, match=r"train.ledger: 1.5 of the sequences; 0 to 1 can be written down"):
        TrainConfig(steps=1, ledger=1.5)


def test_training_an_outputs_own_model_refreshes_its_report(
    gristmill: Callable[..., Result], shards: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(shards, tmp_path / "out"))
    report = out / "report.html"
    asked = ("train", out, "--depth", 2, "--steps", 2, "--batch", 2, "--device", "cpu")
    assert gristmill(*asked).exit_code == 0
    assert not report.exists(), "there was none"
    report.write_text("of before", "utf-8")
    assert gristmill(*asked, "--to", tmp_path / "elsewhere").exit_code == 0
    assert report.read_text("utf-8") == "of before"
    assert gristmill(*asked).exit_code == 0
    assert "Loss by language and source" in report.read_text("utf-8")
