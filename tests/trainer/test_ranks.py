import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from rank_process import Plan, finish, start  # noqa: E402

from gristmill.cli import main  # noqa: E402
from gristmill.schemas.training import TRAINING  # noqa: E402
from gristmill.trainer import parts, train  # noqa: E402
from gristmill.trainer.devices import open_device  # noqa: E402
from gristmill.trainer.feed import Feed  # noqa: E402
from gristmill.trainer.ranks import Ranks, RanksError, digest  # noqa: E402
from gristmill.trainer.shards import ShardReader  # noqa: E402
from gristmill.trainer.trainer import Trainer  # noqa: E402


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _weights(model: Any) -> dict[str, Any]:
    return {name: each.tolist() for name, each in model.state_dict().items()}


def _log(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parts.read(folder, TRAINING).drop_columns("seconds").to_pylist()
    return rows


def _checkpoints(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "checkpoints").iterdir()}


def test_two_processes_train_as_one_does_also_after_one_was_killed(corpus: Path, tmp_path: Path) -> None:
    plan = Plan(shards=str(corpus), folder=str(tmp_path / "two"))
    alone = train.run(replace(plan.job(), folder=tmp_path / "alone"))
    killed = start(replace(plan, killed_at=3))
    (found,) = finish(killed[:1])
    killed[1].communicate()
    assert killed[1].returncode == -signal.SIGKILL
    assert found["error"].startswith("another rank has stopped, or was not heard of for too long")
    assert list(_checkpoints(tmp_path / "two")) == ["step-000000002.safetensors"]
    two = finish(start(plan))  # from step 2
    assert [each["parts"] for each in two] == [[[0, 3]] * 4, [[3, 4]] * 4]
    # three and one are summed in the order of one process, so that the bits are the same
    assert two[0]["weights"] == two[1]["weights"] == _weights(alone.model)
    assert _checkpoints(tmp_path / "two") == _checkpoints(tmp_path / "alone")
    assert _log(tmp_path / "two") == _log(tmp_path / "alone")


def test_a_rank_that_slows_down_gets_less_on_machines_that_sum_by_themselves_first(
    corpus: Path, tmp_path: Path
) -> None:
    plan = Plan(
        shards=str(corpus),
        folder=str(tmp_path / "three"),
        batch=12,
        steps=10,
        paces=(1.0, 1.0, 1.0),
        slows_at=2,
        micro=(4, 2, 1),
        hosts=("one", "two", "two"),
    )
    three = finish(start(plan))
    steps = list(zip(*(each["parts"] for each in three), strict=True))
    assert len(steps) == 10
    for (start_a, stop_a), (start_b, stop_b), (start_c, stop_c) in steps:
        assert (start_a, stop_a, stop_b, stop_c) == (0, start_b, start_c, 12)
    shares = [[stop - start for start, stop in parts] for parts in steps]
    assert shares[:3] == [[4, 4, 4]] * 3
    assert shares[-1] == [5, 5, 2]
    assert three[0]["weights"] == three[1]["weights"] == three[2]["weights"]
    alone = train.run(replace(plan.job(), folder=tmp_path / "alone"))
    losses = [[row["loss"] for row in _log(tmp_path / name)] for name in ("three", "alone")]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    for name, each in _weights(alone.model).items():
        np.testing.assert_allclose(three[0]["weights"][name], each, atol=1e-3)


def test_while_one_rank_computes_all_nothing_is_sent_but_for_a_checkpoint(corpus: Path, tmp_path: Path) -> None:
    plan = Plan(shards=str(corpus), folder=str(tmp_path / "two"), paces=(100.0, 1.0), steps=4)
    two = finish(start(plan))
    assert [each["parts"] for each in two] == [[[0, 4]] * 4, [[4, 4]] * 4]
    assert [each["sent"] for each in two] == [[False] * 3] * 2  # at the start, and after the second and fourth step
    alone = train.run(replace(plan.job(), folder=tmp_path / "alone"))
    assert two[0]["weights"] == two[1]["weights"] == _weights(alone.model)


def test_a_rank_that_gets_a_share_after_a_while_has_the_weights_by_then(corpus: Path, tmp_path: Path) -> None:
    plan = Plan(
        shards=str(corpus), folder=str(tmp_path / "two"), paces=(8.0, 1.0), steps=12, first_slows_at=3, every=12
    )
    two = finish(start(plan))
    shares = [stop - start for start, stop in two[1]["parts"]]
    assert shares[:4] == [0] * 4 and shares[-1] == 1
    assert [each["sent"] for each in two] == [[False] + [False, True] * sum(shares) + [False]] * 2
    alone = train.run(replace(plan.job(), folder=tmp_path / "alone"))
    assert two[0]["weights"] == two[1]["weights"] == _weights(alone.model)


def test_weights_that_part_end_all_ranks_before_they_are_saved(corpus: Path, tmp_path: Path) -> None:
    found = finish(start(Plan(shards=str(corpus), folder=str(tmp_path), changed_at=4)))
    assert [each["error"].partition(": ")[0] for each in found] == ["rank 1 and rank 0 differ in weights"] * 2
    assert [path.name for path in tmp_path.glob("checkpoints/*")] == ["step-000000002.safetensors"]


def test_ranks_that_were_given_unlike_settings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = [{"seed": 0, "steps": 9}, {"seed": 0, "steps": 9}, {"seed": 1, "steps": 9}]
    ranks = Ranks(size=3)
    monkeypatch.setattr(ranks, "_gather", lambda _: facts)
    message = (
        "rank 2 and rank 0 differ in seed: 1 and 0. Start all ranks again, with the same settings, shards and folder"
    )
    with pytest.raises(RanksError, match=re.escape(message)):
        ranks.agree(seed=0, steps=9)
    ranks.agree(steps=9)


def test_a_rank_that_does_not_answer_is_not_waited_for_for_ever(corpus: Path, tmp_path: Path) -> None:
    processes = start(Plan(shards=str(corpus), folder=str(tmp_path), asleep_at=1, timeout=10.0))
    try:
        (found,) = finish(processes[:1])
    finally:
        processes[1].kill()
        processes[1].communicate()
    assert "was not heard of for too long" in found["error"]
    assert len(found["parts"]) == 2


def test_a_part_of_nothing_adds_nothing_to_the_gradient(corpus: Path, tmp_path: Path) -> None:
    """A rank so slow that it gets no sequence has gradients all the same, of zeros."""

    class Idle(Ranks):
        def part(self, sequences: int) -> slice:
            return slice(0, 0)

    reader = ShardReader.open(corpus)
    job = Plan(shards=str(corpus), folder=str(tmp_path)).job()
    idle = Trainer(
        reader=reader,
        batches=Feed.begin(reader, seed=0),
        model=job.model,
        config=job.train,
        device=open_device("cpu", dtype="float32"),
        ranks=Idle(),
    )
    assert idle._gradients(np.arange(4))[:2] == (0.0, 0)
    assert all(each.grad is not None and not each.grad.any() for each in idle.model.parameters())


def test_only_the_rank_that_leads_holds_the_optimisers_state(corpus: Path, tmp_path: Path) -> None:
    reader = ShardReader.open(corpus)
    job = Plan(shards=str(corpus), folder=str(tmp_path)).job()
    for rank, kind in ((0, "cpu"), (1, "meta")):
        one = Trainer(
            reader=reader,
            batches=Feed.begin(reader, seed=0),
            model=job.model,
            config=job.train,
            device=open_device("cpu", dtype="float32"),
            ranks=Ranks(rank=rank),
        )
        assert {each.device.type for each in one.optimizer.state().values()} == {kind}


def test_digests_tell_weights_apart_that_differ_in_a_bit_or_in_their_order() -> None:
    a, b = torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])
    found = digest([a, b])
    assert found == digest([a.clone(), b.clone()])
    assert found != digest([torch.nextafter(a, torch.tensor(9.0)), b])
    assert found != digest([b, a])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--micro", "4,0"], "Invalid value for '--micro': 0 is not in the range x>=1."),
        (["--device", "cpu,tpu"], "device 'tpu' cannot be used here"),
    ],
)
def test_lists_on_the_command_line(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.setattr(Ranks, "join", lambda: Ranks(local=1))
    done = CliRunner().invoke(main, ["train", str(corpus), "--to", str(tmp_path), *options])
    assert message in done.output


def test_a_list_too_short_for_the_ranks_of_a_machine(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ranks, "join", lambda: Ranks(local=2))
    done = CliRunner().invoke(main, ["train", str(corpus), "--to", str(tmp_path), "--most", "4,2"])
    assert "no value for rank 2 of this machine in a list of 2" in done.output


def test_a_process_without_others_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delitem(os.environ, name, raising=False)
    with Ranks.join() as ranks:
        ranks.meet(kind="cpu", speed=1.0)
        totals = torch.tensor([3.0], dtype=torch.float64)
        ranks.sum([], totals)
        assert (ranks.rank, ranks.size, ranks.leads, ranks.part(7), float(totals)) == (0, 1, True, slice(0, 7), 3.0)
