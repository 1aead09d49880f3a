import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from fsspec.implementations.memory import MemoryFileSystem
from learner import Learner, island, place_of, plan
from small import CPU, sizes

from gristmill.trainer.config import TrainConfig
from gristmill.trainer.feed import Feed
from gristmill.trainer.islands import island as module
from gristmill.trainer.islands import ledger, stores
from gristmill.trainer.islands.island import run
from gristmill.trainer.islands.plan import Plan
from gristmill.trainer.islands.shared import LostError, take
from gristmill.trainer.shards import ShardReader
from gristmill.trainer.trainer import Trainer


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL", 0.001)
    monkeypatch.setattr(stores, "_PAUSE", 0.0)


@pytest.fixture(scope="module")
def reader(corpus: Path) -> ShardReader:
    return ShardReader.open(corpus)


def test_an_island_alone_ends_where_it_would_have_without_others(tmp_path: Path, reader: ShardReader) -> None:
    learner: Any = Learner(reader)
    island(learner, tmp_path, "a", outer_rate=1.0, outer_momentum=0.0).to_end()
    assert set(learner.model.weight.tolist()) == {12.0}
    assert learner.model.bias.tolist() == [12.0] * 3
    assert learner.rates == list(range(12))
    assert (learner.steps, Feed.resume(reader, learner.batches.state).take(1)[0]) == (12, _place(reader, 24))
    found = ledger.read(tmp_path, reader)
    assert (found.balances, found.told, sum(found.used.values())) == (True, 1.0, 24)


def _place(reader: ShardReader, place: int) -> int:
    return next(reader.indices(seed=0, start=place))


def test_what_was_too_late_goes_with_the_next_delta(tmp_path: Path, reader: ShardReader) -> None:
    settings: dict[str, Any] = {"outer_rate": 1.0, "outer_momentum": 0.0, "fragments": 1, "patience": 60.0}
    fast, slow = Learner(reader), Learner(reader)
    a, b = (island(each, tmp_path, name, **settings) for each, name in ((fast, "a"), (slow, "b")))
    a._merger.attend(a.state)  # takes the lease
    for each in (a, b):
        number = each._lease()
        assert number is not None
        each._learn(number, None)
    a._post()
    a._exchange()
    a._exchange()  # of two islands one has posted: a quorum, and no grace
    assert a.state.used == {0: ("a", 1)}
    b._post()  # to the round that it takes to be open
    b._exchange()
    assert set(slow.model.weight.tolist()) == {6.0}  # 3 of all, and 3 of its own that no delta brought in
    assert b._untold == [[1]]
    b._post()
    a._exchange()
    b._exchange()
    assert a.state.used == {0: ("a", 1), 1: ("b", 1)}
    assert set(slow.model.weight.tolist()) == set(a.state.weights_N.tolist()) == {6.0}


def test_an_island_that_was_given_up_forgets_what_another_learnt_for_it(tmp_path: Path, reader: ShardReader) -> None:
    settings: dict[str, Any] = {"outer_rate": 1.0, "outer_momentum": 0.0, "fragments": 1, "patience": 60.0}
    asleep, other = Learner(reader, steps=6), Learner(reader, steps=6, moves=2.0)
    a = island(asleep, tmp_path, "a", **settings)
    assert a._lease() == 0
    a.members.leave()  # as if it had been taken for dead
    island(other, tmp_path, "b", **settings).to_end()
    a._shared.create("members/a", b"")  # it was only asleep, and learns range 0 too
    with pytest.raises(LostError):
        a._learn(0, None)
    found = ledger.read(tmp_path, reader)
    assert (found.balances, found.told) == (True, 1.0)
    learner: Any = asleep
    run(learner, tmp_path, plan=plan(asleep, **settings))
    assert set(asleep.model.weight.tolist()) == {12.0}


def test_what_was_used_and_tidied_away_meanwhile_is_not_learnt_again(
    tmp_path: Path, reader: ShardReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = (island(Learner(reader), tmp_path, name, fragments=1, snapshot_every=1) for name in "ab")

    def slowly(*given: Any, **more: Any) -> str | None:
        monkeypatch.setattr(module, "take", take)
        assert b._lease() == 0
        b._learn(0, None)
        b._post()
        b._exchange()  # half have told: a quorum, and no grace
        b._exchange()
        assert (b.state.used, b._shared.store.names("leases")) == ({0: ("b", 1)}, ["merger"])
        return take(*given, **more)

    monkeypatch.setattr(module, "take", slowly)
    assert a._lease() == 1
    assert a.state.used == {0: ("b", 1)}


class Timed(Learner):
    """Takes a second for each step, of a clock that stands still otherwise."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def step(self) -> int:
        self.now += 1
        return super().step()


def test_a_round_lasts_as_long_as_it_was_planned_to(
    tmp_path: Path, reader: ShardReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = Timed(reader)
    monkeypatch.setattr(module, "time", learner)
    island(learner, tmp_path, "a", fragments=1, interval=1, round_seconds=4.5, patience=60.0).to_end()
    commits = [json.loads(each.read_bytes()) for each in sorted((tmp_path / "commits").iterdir())[1:]]
    assert [each["merged"]["a"] for each in commits] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11]]


def test_who_missed_a_round_does_not_wait_through_the_next(
    tmp_path: Path, reader: ShardReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Timed(reader)
    monkeypatch.setattr(module, "time", slow)
    settings: dict[str, Any] = {"fragments": 1, "interval": 1, "round_seconds": 4.5, "patience": 60.0}
    a, b = (island(each, tmp_path, name, **settings) for each, name in ((Learner(reader), "a"), (slow, "b")))
    a._merger.attend(a.state)  # takes the lease
    for now, opened in ((3.0, 0.0), (6.0, 0.0), (9.0, 9.0)):
        number = a._lease()
        assert number is not None
        a._learn(number, None)
        a._post()
        if now == 9.0:
            b._post()
        a._exchange()
        a._exchange()  # of two islands one has posted: a quorum, and no grace
        slow.now = now
        b._exchange()
        assert b._opened == opened


def test_a_merger_shows_that_it_lives_while_it_tidies(
    tmp_path: Path, reader: ShardReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[str] = []
    removed: list[int] = []
    touch, remove = stores.Folder.touch, stores.Folder.remove
    monkeypatch.setattr(stores.Folder, "touch", lambda self, name: (touched.append(name), touch(self, name))[1])
    monkeypatch.setattr(
        stores.Folder, "remove", lambda self, name: (removed.append(len(touched)), remove(self, name))[1]
    )
    island(Learner(reader), tmp_path, "a", fragments=1, interval=1, patience=60.0).to_end()
    assert len(removed) > 12
    assert all(one < other for one, other in pairwise(removed[1:]))  # the first is what tried the store


@pytest.mark.parametrize("name", ["a/b", "a[1]", "a*", ""])
def test_names_that_files_cannot_have_are_refused(tmp_path: Path, reader: ShardReader, name: str) -> None:
    learner: Any = Learner(reader)
    with pytest.raises(ValueError, match="is no name"):
        run(learner, tmp_path, plan=plan(learner), name=name)


class KilledError(BaseException):
    """The process is no more."""


OPERATIONS: dict[str, tuple[tuple[Any, str], ...]] = {
    "folder": (
        (os, "link"),
        (os, "utime"),
        (os, "fsync"),
        (Path, "open"),
        (Path, "unlink"),
        (Path, "mkdir"),
        (Path, "rmdir"),
    ),
    "bucket": ((MemoryFileSystem, "pipe_file"), (MemoryFileSystem, "rm")),
}


class Kill:
    """Stops a process before one of its operations on files, for good."""

    def __init__(self, patch: pytest.MonkeyPatch, *, kind: str, before: int | None) -> None:
        self.count, self.before = 0, before
        for owner, name in OPERATIONS[kind]:
            patch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any, **more: Any) -> Any:
            if self.count == self.before:
                raise KilledError
            self.count += 1
            return operation(*given, **more) if operation.__name__ != "fsync" else None

        return counted


def _lives(kind: str, folder: Path, reader: ShardReader, *, before: int | None) -> int:
    """Run an island until it is killed; how many operations it did."""
    learner: Any = Learner(reader, steps=6)
    with pytest.MonkeyPatch.context() as patch:
        kill = Kill(patch, kind=kind, before=before)
        try:
            run(learner, place_of(kind, folder), plan=plan(learner, interval=2, snapshot_every=2))
        except KilledError:
            assert before is not None
        return kill.count


@pytest.mark.parametrize(("kind", "at_least"), [("folder", 100), ("bucket", 30)])
def test_killed_between_any_two_operations_the_next_island_goes_on(
    tmp_path: Path, reader: ShardReader, kind: str, at_least: int
) -> None:
    operations = _lives(kind, tmp_path / "whole", reader, before=None)
    assert operations > at_least
    for before in range(operations):
        folder = tmp_path / str(before)
        _lives(kind, folder, reader, before=before)
        _lives(kind, folder, reader, before=None)
        found = ledger.read(place_of(kind, folder), reader)
        assert found.balances, f"killed before operation {before}"
        assert found.told >= 4 / 6, f"killed before operation {before}"  # two ranges told of by one fragment only


def test_the_ledger_tells_when_it_does_not_balance(tmp_path: Path, reader: ShardReader) -> None:
    learner: Any = Learner(reader)
    one = island(learner, tmp_path, "a")
    assert not ledger.read(tmp_path, reader).balances
    one.to_end()
    commits = tmp_path / "commits"
    first, second = ((commits / f"{number:09}").read_bytes() for number in (1, 2))
    (commits / "000000099").write_bytes(first)  # the same range and fragment once more
    assert not ledger.read(tmp_path, reader).balances
    (commits / "000000099").write_bytes(second.replace(b'"a"', b'"b"'))  # and of another island
    assert not ledger.read(tmp_path, reader).balances


def test_islands_train_one_model_of_experts(tmp_path: Path, reader: ShardReader) -> None:
    torch.set_num_threads(1)
    config = TrainConfig(steps=16, batch_sequences=2, micro_sequences=2)
    model = replace(sizes(), vocabulary_size=reader.manifest.vocabulary_size)
    trainers = [
        Trainer(reader=reader, batches=Feed.begin(reader, seed=0), model=model, config=config, device=CPU)
        for _ in range(2)
    ]
    settings = Plan(
        model=model.to_json(), train=config.to_json(), manifest=reader.manifest.identity, interval=2, grace=0.1
    )
    threads = [threading.Thread(target=run, args=(each, tmp_path), kwargs={"plan": settings}) for each in trainers]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert ledger.read(tmp_path, reader).balances
    first, second = (each.model.state_dict() for each in trainers)
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=1e-6)
