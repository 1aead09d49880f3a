import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from shard_files import build

torch = pytest.importorskip("torch")

from small import CPU  # noqa: E402

from gristmill.schemas.training import TRAINING  # noqa: E402
from gristmill.trainer import checkpoint, parts  # noqa: E402
from gristmill.trainer import train as trainer  # noqa: E402
from gristmill.trainer.config import ModelConfig, TrainConfig  # noqa: E402
from gristmill.trainer.feed import Feed  # noqa: E402
from gristmill.trainer.shards import ShardReader  # noqa: E402
from gristmill.trainer.trainer import Trainer  # noqa: E402

TRAIN = TrainConfig(steps=12, batch_sequences=2, checkpoint_every=4, dtype="float32")


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("shards"), documents=100, packing={"sequence_length": 128})


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _sizes(shards: Path) -> ModelConfig:
    vocabulary = ShardReader.open(shards).manifest.vocabulary_size
    return ModelConfig.of_depth(2, vocabulary_size=vocabulary, width=32, heads=2, experts=4, experts_per_token=2)


def _job(shards: Path, folder: Path, **settings: Any) -> trainer.Job:
    return trainer.Job(
        shards=str(shards), folder=folder, model=_sizes(shards), train=replace(TRAIN, **settings), device="cpu"
    )


def _trainer(shards: Path, **settings: Any) -> Trainer:
    reader = ShardReader.open(shards)
    return Trainer(
        reader=reader,
        batches=Feed.begin(reader, seed=0),
        model=_sizes(shards),
        config=replace(TRAIN, **settings),
        device=CPU,
    )


def _files(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.safetensors")}
    return {name.rpartition("/")[2]: data for name, data in found.items()}


def _log(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parts.read(folder, TRAINING).drop_columns("seconds").to_pylist()
    return rows


def test_loss_falls_and_every_step_has_its_row(shards: Path, tmp_path: Path) -> None:
    seen: list[trainer.Progress] = []
    trainer.run(_job(shards, tmp_path), report=seen.append)
    rows = _log(tmp_path)
    assert [row["step"] for row in rows] == list(range(1, 13)) == [each.step.number for each in seen]
    assert rows[-1]["loss"] < 0.6 * rows[0]["loss"]
    assert {(row["skipped"], row["doc_ids"]) for row in rows} == {(False, None)}
    assert all(150 < row["tokens"] < 256 for row in rows)
    assert "tokens/s" in str(seen[0])
    assert 0 < seen[-1].bits_per_byte < seen[0].bits_per_byte < 8


def test_a_finished_run_does_nothing(shards: Path, tmp_path: Path) -> None:
    trainer.run(_job(shards, tmp_path))
    before, seen = _files(tmp_path), list[trainer.Progress]()
    assert sorted(before) == ["step-000000008.safetensors", "step-000000012.safetensors"]
    trainer.run(_job(shards, tmp_path), report=seen.append)
    assert (_files(tmp_path), seen) == (before, [])


class _StopError(Exception):
    pass


@pytest.mark.parametrize("stopped_at", [1, 4, 6, 11])
def test_a_stopped_run_goes_on_bit_by_bit(shards: Path, tmp_path: Path, stopped_at: int) -> None:
    trainer.run(_job(shards, tmp_path / "whole"))

    def report(progress: trainer.Progress) -> None:
        if progress.step.number == stopped_at:
            raise _StopError

    with pytest.raises(_StopError):
        trainer.run(_job(shards, tmp_path / "stopped"), report=report)
    trainer.run(_job(shards, tmp_path / "stopped"))
    assert _files(tmp_path / "stopped") == _files(tmp_path / "whole")
    assert _log(tmp_path / "stopped") == _log(tmp_path / "whole")


def test_the_gradient_does_not_depend_on_micro_batches(shards: Path) -> None:
    found = []
    for size in (1, 3, 4):
        one = _trainer(shards, micro_sequences=size, batch_sequences=4)
        one._gradients(one.batches.take(4))
        found.append([each.grad for each in one.model.parameters()])
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], atol=1e-6, rtol=1e-4)


def test_offloading_and_recomputing_change_nothing(shards: Path) -> None:
    weights = []
    for settings in ({}, {"offload": True, "recompute": True}):
        one = _trainer(shards, **settings)
        one.step()
        one.step()
        weights.append(one.model.state_dict())
    torch.testing.assert_close(*weights, atol=0, rtol=0)


def test_a_spike_is_skipped_tried_again_and_its_documents_named(shards: Path, tmp_path: Path) -> None:
    one = _trainer(shards)
    for _ in range(16):
        one.spikes.passed(0.1)
    before = {name: each.clone() for name, each in one.model.state_dict().items()}
    first = one.step()
    assert first.skipped
    torch.testing.assert_close(one.model.state_dict(), before, atol=0, rtol=0)
    again = one.step()
    assert (again.indices, again.skipped) == (first.indices, True)
    third = one.step()
    assert third.indices != first.indices  # twice is enough
    documents = trainer.document_ids(one.reader, first.indices)
    expected = one.reader.rows(first.indices)["doc_ids"].to_pylist()
    assert documents == sorted({each for row in expected for each in row})
    assert one.optimizer.updates == 0


def test_another_job_in_the_folder_is_refused(shards: Path, tmp_path: Path) -> None:
    trainer.run(_job(shards, tmp_path))
    with pytest.raises(checkpoint.CheckpointError, match=re.escape("other settings (peak 0.01, not 0.5)")):
        trainer.run(_job(shards, tmp_path, peak=0.5))


def test_a_damaged_checkpoint_is_named(shards: Path, tmp_path: Path) -> None:
    trainer.run(_job(shards, tmp_path))
    path = tmp_path / "checkpoints" / "step-000000012.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(checkpoint.CheckpointError, match=r"step-000000012\.safetensors: no checkpoint of ours"):
        trainer.run(_job(shards, tmp_path))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "train.steps: 0 is not positive; the smallest is 1"),
        ({"warm_up": 0.5, "decay": 0.6}, "train.warm_up and train.decay: 1.1 of the steps; at most 1"),
        ({"context": 1}, "train.context: 1 tokens; the smallest that can be learnt from is 2"),
    ],
)
def test_settings_without_meaning_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(TRAIN, **settings)


def test_the_rate_rises_stays_and_falls() -> None:
    config = TrainConfig(steps=100, warm_up=0.1, decay=0.2)
    rates = [config.rate(step) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert rates[9:81] == [1.0] * 72
    assert rates[80:] == pytest.approx([(100 - n) / 20 for n in range(80, 100)])


def test_a_missing_torch_is_explained() -> None:
    code = "import sys; sys.modules['torch'] = None; import gristmill.trainer; import gristmill.trainer.train"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'gristmill[train]'" in done.stderr


def test_training_needs_no_duckdb_where_there_is_no_report(shards: Path) -> None:
    code = "import sys; sys.modules['duckdb'] = None; from gristmill.cli import main; main()"
    command = [sys.executable, "-c", code, "train", str(shards), "--depth", "2", "--steps", "1", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (shards / "model" / "checkpoints" / "step-000000001.safetensors").exists()


def test_neither_shards_nor_training_import_beam() -> None:
    code = "import sys, gristmill.trainer; assert not {'torch', 'apache_beam', 'numba', 'pydantic'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys, gristmill.trainer.train; assert not {'apache_beam', 'numba', 'duckdb'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
