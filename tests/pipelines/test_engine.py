"""The stage engine: does what is missing, once; notices what is stale or damaged."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Observer, Phase, RunError, Stage, Task, Work, inspect, run, survey
from gristmill.schemas import Table

SQUARES = Table(name="squares", row="a number", schema=pa.schema([("n", pa.int64())]))
SUMS = Table(name="sums", row="a sum", schema=pa.schema([("total", pa.int64())]))

Calls = list[str]


def square(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    with output.table(SQUARES) as writer:
        writer.write(pa.record_batch([[unit.descriptor["n"] ** 2 + settings["plus"]]], schema=SQUARES.schema))


def add(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    total = sum(pq.read_table(store.path(path))["n"][0].as_py() for path in unit.local["files"])
    with output.table(SUMS) as writer:
        writer.write(pa.record_batch([[total]], schema=SUMS.schema))


def job(numbers: list[int], *, plus: int = 0, version: int = 1) -> Stage:
    squares = yield Phase(
        name="square",
        stage="square",
        function=square,
        version=version,
        settings={"plus": plus},
        tables=("squares",),
        work=tuple(Work(descriptor={"n": n}) for n in numbers),
    )
    files = [receipt.of(SQUARES)[0] for receipt in squares]
    return (
        yield Phase(
            name="add",
            stage="add",
            function=add,
            version=1,
            tables=("sums",),
            work=(
                Work(
                    descriptor={"of": sorted(each.checksum for each in files)},
                    local={"files": sorted(each.path for each in files)},
                ),
            ),
        )
    )


def quiet() -> Observer:
    return Observer(watch=lambda _state, work: work(), done=lambda _state, _fresh, _seconds: None)


def recording(calls: Calls) -> Callable[[Task, list[Unit]], None]:
    def execute(task: Task, units: list[Unit]) -> None:
        for unit in units:
            calls.append(task.phase)
            task(unit)

    return execute


def go(store: Store, numbers: list[int], **changes: Any) -> tuple[int, Calls]:
    calls: Calls = []
    run(job(numbers, **changes), store=store, execute=recording(calls), observer=quiet())
    (receipt,) = store.receipts("add").values()
    return pq.read_table(store.path(receipt.files[0].path))["total"][0].as_py(), calls


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "out"))


def test_everything_is_done_once(store: Store) -> None:
    assert go(store, [1, 2, 3]) == (14, ["square"] * 3 + ["add"])
    assert go(store, [1, 2, 3]) == (14, [])


def test_order_of_work_does_not_matter(store: Store, tmp_path: Path) -> None:
    go(store, [1, 2, 3])
    other = Store(str(tmp_path / "other"))
    go(other, [3, 1, 2])
    assert tree(store) == tree(other)


def test_an_added_input_is_the_only_one_worked_on(store: Store) -> None:
    go(store, [1, 2])
    assert go(store, [1, 2, 5]) == (30, ["square", "add"])


def test_a_removed_input_leaves_nothing_behind(store: Store) -> None:
    go(store, [1, 2])
    assert go(store, [2]) == (4, ["add"])
    assert len([path for path in tree(store) if path.startswith("squares/")]) == 1


def test_a_changed_setting_redoes_what_depends_on_it(store: Store) -> None:
    go(store, [1, 2])
    assert go(store, [1, 2], plus=1) == (7, ["square", "square", "add"])


def test_work_whose_input_came_out_the_same_is_not_done_again(store: Store) -> None:
    go(store, [1, 2])
    assert go(store, [1, 2], version=2) == (5, ["square", "square"])


@pytest.mark.parametrize("damage", [b"", None])
def test_lost_and_cut_files_are_made_again(store: Store, damage: bytes | None) -> None:
    go(store, [1, 2])
    victim = next(Path(store.root, "squares").iterdir())
    before = victim.read_bytes()
    victim.unlink() if damage is None else victim.write_bytes(damage)
    assert go(store, [1, 2]) == (5, ["square"])
    assert victim.read_bytes() == before


def test_damaged_receipts_count_as_absent(store: Store) -> None:
    go(store, [1, 2])
    next(Path(store.root, "receipts/square").iterdir()).write_bytes(b'{"phase": ')
    assert go(store, [1, 2]) == (5, ["square"])


def test_leftovers_of_a_killed_run_are_cleared(store: Store) -> None:
    go(store, [1])
    leftover = Path(store.root, "squares/.x.parquet.tmp-0123")
    leftover.write_bytes(b"half")
    orphan = Path(store.root, "squares/ffff.parquet")
    orphan.write_bytes(b"whole, but no receipt vouches for it")
    go(store, [1])
    assert not leftover.exists()
    assert not orphan.exists()


def test_an_error_leaves_the_finished_units(store: Store) -> None:
    def fails_at_two(task: Task, units: list[Unit]) -> None:
        for unit in units:
            if task.phase == "square" and unit.descriptor["n"] == 2:
                raise OSError("disk full")
            task(unit)

    with pytest.raises(OSError, match="disk full"):
        run(job([1, 2]), store=store, execute=fails_at_two, observer=quiet())
    _, calls = go(store, [1, 2])
    assert calls.count("square") <= 2
    assert calls[-1] == "add"


def test_units_without_receipts_are_an_error(store: Store) -> None:
    with pytest.raises(RunError, match="square: 2 of 2 units left no receipt"):
        run(job([1, 2]), store=store, execute=lambda _task, _units: None, observer=quiet())


def test_a_unit_that_fails_leaves_no_file(store: Store) -> None:
    def broken(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
        with output.table(SQUARES) as writer:
            writer.write(pa.record_batch([[1]], schema=SQUARES.schema))
            raise ValueError("in the middle")

    unit = Unit(key="k", descriptor={})
    task = Task(root=store.root, phase="p", version=1, settings={}, function=broken)
    with pytest.raises(ValueError, match="in the middle"):
        task(unit)
    assert tree(store) == {}


class TestStatus:
    def test_before_and_after(self, store: Store) -> None:
        assert [(each.phase.name, len(each.missing)) for each in survey(job([1, 2]), store=store)] == [("square", 2)]
        go(store, [1, 2])
        assert [(each.phase.name, len(each.missing)) for each in survey(job([1, 2]), store=store)] == [
            ("square", 0),
            ("add", 0),
        ]

    def test_says_what_changed(self, store: Store) -> None:
        go(store, [1, 2])
        assert next(survey(job([1, 2], plus=3), store=store)).reasons() == ["plus changed"]
        assert next(survey(job([1, 2], version=2), store=store)).reasons() == ["its code changed (version 1 to 2)"]
        assert next(survey(job([1, 2, 3]), store=store)).reasons() == ["new input, or not finished"]
        assert next(survey(job([1]), store=store)).reasons() == []

    def test_looking_changes_nothing(self, store: Store) -> None:
        go(store, [1, 2])
        before = tree(store)
        list(survey(job([4], plus=3), store=store))
        assert tree(store) == before


def test_receipts_round_trip(store: Store) -> None:
    go(store, [7])
    (receipt,) = store.receipts("square").values()
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert receipt.files[0].rows == 1
    state = inspect(next(job([7])), store)
    assert state.done == {receipt.key: receipt}


def tree(store: Store) -> dict[str, bytes]:
    root = Path(store.root)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_forgetting_a_phase_removes_its_files(store: Store) -> None:
    go(store, [1, 2])
    assert store.phases() == {"square", "add"}
    store.forget("add")
    assert store.phases() == {"square"}
    assert not list(Path(store.root, "sums").iterdir())
    assert go(store, [1, 2]) == (5, ["add"])
