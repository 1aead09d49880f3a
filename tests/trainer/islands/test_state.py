import json
from pathlib import Path

import pytest
import torch
from learner import Learner, plan

from gristmill.trainer.islands.codec import DamagedError, pack
from gristmill.trainer.islands.merge import Delta, Merger, post
from gristmill.trainer.islands.shared import Members, Shared, take
from gristmill.trainer.islands.state import State, agree
from gristmill.trainer.shards import ShardReader

N = 200


@pytest.fixture(scope="module")
def learner(corpus: Path) -> Learner:
    return Learner(ShardReader.open(corpus))


class Islands:
    """States and mergers of islands, without trainers."""

    def __init__(self, folder: Path, learner: Learner, *names: str, **settings: object) -> None:
        self.shared = {name: Shared(folder, own=name) for name in names}
        self.plan = plan(learner, **{"fragments": 1, "patience": 60.0} | settings)
        for each in self.shared.values():
            agree(each, self.plan)
        self.members = {name: Members(each, patience=self.plan.patience) for name, each in self.shared.items()}
        self.mergers = {name: Merger(each, self.members[name]) for name, each in self.shared.items()}
        self.states = {name: self.join(each) for name, each in self.shared.items()}

    def join(self, shared: Shared) -> State:
        state = State(plan=self.plan, weights_N=torch.zeros(N), momentum_N=torch.zeros(N), biases_B=torch.zeros(2))
        state.catch_up(shared)
        return state

    def post(self, name: str, value: float, *, ranges: list[int], is_waiting: bool = True) -> None:
        state = self.states[name]
        values_F = torch.full((state.part.stop - state.part.start,), value)
        post(self.shared[name], state, Delta(values_F, torch.full((2,), value), ranges=ranges, is_waiting=is_waiting))

    def attend(self, name: str) -> None:
        self.mergers[name].attend(self.states[name])

    def follow(self, name: str) -> dict[str, list[int]] | None:
        found = self.states[name].follow(self.shared[name])
        return None if found is None else found[0]


def test_merged_deltas_are_an_outer_step_of_nesterov(tmp_path: Path, learner: Learner) -> None:
    islands = Islands(tmp_path, learner, "a", "b", outer_rate=0.5, outer_momentum=0.75)
    oracle = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    outer = torch.optim.SGD([oracle], lr=0.5, momentum=0.75, nesterov=True)
    for round_, (a, b) in enumerate([(1.0, 3.0), (-2.0, 4.0), (0.5, 0.25)]):
        islands.post("a", a, ranges=[round_ * 4])
        islands.post("b", b, ranges=[round_ * 4 + 1, round_ * 4 + 2, round_ * 4 + 3])
        islands.attend("a")
        mean = (a + 3 * b) / 4  # by what was learnt for each
        oracle.grad = torch.tensor([-mean], dtype=torch.float64)
        outer.step()
        merged, _ = map(islands.follow, "ab")
        assert merged == {
            "a": [round_ * 4],
            "b": [round_ * 4 + 1, round_ * 4 + 2, round_ * 4 + 3],
        }
        for state in islands.states.values():
            torch.testing.assert_close(state.weights_N, oracle.detach().float().expand(N), rtol=1e-6, atol=0)
            assert state.biases_B.tolist() == [(a + b) / 2] * 2  # biases as they are, each island's alike


def test_a_round_waits_for_all_or_for_a_quorum_and_then_for_the_grace(tmp_path: Path, learner: Learner) -> None:
    waits, hurries = (
        Islands(tmp_path / str(grace), learner, *"abcd", quorum=0.5, grace=grace) for grace in (1000.0, 0.0)
    )
    for islands in (waits, hurries):
        islands.post("a", 1.0, ranges=[0])
        islands.attend("a")
        assert islands.follow("a") is None  # one of four
        islands.post("b", 1.0, ranges=[1])
        islands.attend("a")
    assert waits.follow("a") is None
    assert hurries.follow("a") == {"a": [0], "b": [1]}
    waits.post("c", 1.0, ranges=[2])
    waits.post("d", 1.0, ranges=[], is_waiting=False)
    waits.attend("a")
    assert waits.follow("a") == {"a": [0], "b": [1], "c": [2]}


def test_a_round_in_which_nobody_has_anything_to_tell_goes_on(tmp_path: Path, learner: Learner) -> None:
    islands = Islands(tmp_path, learner, "a")
    islands.post("a", 1.0, ranges=[], is_waiting=False)
    islands.attend("a")
    assert islands.follow("a") is None


def test_a_round_without_deltas_moves_nothing_but_ends(tmp_path: Path, learner: Learner) -> None:
    islands = Islands(tmp_path, learner, "a", fragments=2)
    islands.post("a", 1.0, ranges=[], is_waiting=True)  # of the other fragment
    islands.attend("a")
    assert islands.follow("a") == {}
    assert (islands.states["a"].fragment, islands.states["a"].weights_N.abs().max().item()) == (1, 0)


def test_what_another_island_told_of_is_not_merged_again(tmp_path: Path, learner: Learner) -> None:
    islands = Islands(tmp_path, learner, "a", "b")
    islands.post("a", 1.0, ranges=[0])
    islands.post("b", 1.0, ranges=[0, 1])  # of the same round: the first by name
    islands.attend("a")
    assert [*map(islands.follow, "ab")] == [{"a": [0]}, {"a": [0]}]
    islands.post("b", 1.0, ranges=[0, 1])
    islands.post("a", 1.0, ranges=[0])  # a fragment is told once
    islands.attend("a")
    assert islands.follow("a") == {}
    assert islands.states["a"].used == {0: ("a", 1)}


def test_what_a_dead_island_told_of_gives_way_to_a_new_lease(tmp_path: Path, learner: Learner) -> None:
    islands = Islands(tmp_path, learner, "a", "b", grace=0.0)
    take(islands.shared["b"], f"{7:09}", lives={"a", "b"}.__contains__)
    islands.post("b", 1.0, ranges=[7])
    take(islands.shared["a"], f"{7:09}", lives={"a"}.__contains__)  # b is taken for dead
    islands.post("a", 3.0, ranges=[6])
    islands.attend("a")
    assert islands.follow("a") == {"a": [6]}
    islands.post("a", 3.0, ranges=[7])
    islands.attend("a")
    assert islands.follow("a") == {"a": [7]}


def test_damaged_deltas_are_as_good_as_none(tmp_path: Path, learner: Learner) -> None:
    islands = Islands(tmp_path, learner, "a", "b")
    islands.post("a", 1.0, ranges=[0])
    (tmp_path / "deltas" / "000000000" / "b").write_bytes(b"half")
    islands.attend("a")
    assert islands.follow("a") == {"a": [0]}
    islands.post("a", 1.0, ranges=[2])
    values = {"values": torch.full((N,), torch.nan), "biases": torch.zeros(2)}
    (tmp_path / "deltas" / "000000001" / "b").write_bytes(pack(values, {"ranges": [1], "is_waiting": True}))
    islands.attend("a")
    assert islands.follow("a") == {"a": [2]}


def test_an_island_whose_weights_are_no_numbers_stops(tmp_path: Path, learner: Learner) -> None:
    islands = Islands(tmp_path, learner, "a")
    with pytest.raises(DamagedError, match="no delta of 200 finite values"):
        islands.post("a", float("nan"), ranges=[1])
    assert islands.shared["a"].store.names("deltas") == []


def test_of_two_mergers_at_once_one_decides(tmp_path: Path, learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.trainer.islands import merge

    islands = Islands(tmp_path, learner, "a", "b", grace=0.0)
    monkeypatch.setattr(merge, "holder", lambda shared, _: shared.own)  # each believes that it has the lease
    islands.post("a", 1.0, ranges=[0])
    islands.attend("a")
    islands.post("b", 3.0, ranges=[1])
    islands.attend("b")  # sees both deltas, and comes too late
    assert [*map(islands.follow, "ab")] == [{"a": [0]}, {"a": [0]}]
    assert torch.equal(islands.states["a"].weights_N, islands.states["b"].weights_N)
    assert islands.shared["a"].store.names("commits") == ["000000000", "000000001"]


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_who_joins_has_the_state_of_the_others_and_old_files_go(
    tmp_path: Path, learner: Learner, momentum: float
) -> None:
    islands = Islands(tmp_path, learner, "a", fragments=2, snapshot_every=3, outer_momentum=momentum)
    for round_ in range(8):
        islands.post("a", float(round_), ranges=[round_])
        islands.attend("a")
        assert islands.follow("a") == {"a": [round_]}
        joined = islands.join(Shared(tmp_path, own="b"))
        assert (joined.number, joined.used) == (round_ + 1, islands.states["a"].used)
        for name in ("weights_N", "momentum_N", "biases_B"):
            assert torch.equal(getattr(joined, name), getattr(islands.states["a"], name))
    shared = islands.shared["a"]
    assert shared.store.names("snapshots") == ["000000003", "000000006"]
    assert shared.store.names("deltas")[0] == "000000003"
    assert shared.store.names("means")[0] == "000000003-a"
    assert len(shared.store.names("commits")) == 9


def test_what_the_code_lost_of_a_mean_goes_along_with_the_next(tmp_path: Path, learner: Learner) -> None:
    islands = Islands(tmp_path, learner, "a", "b", codec="int2", outer_rate=1.0, outer_momentum=0.0)
    rounds, names, generator = 20, "ab", torch.Generator().manual_seed(0)
    told_N = torch.zeros(N)
    for round_ in range(rounds):
        for number, name in enumerate(names):
            values_N = torch.randn(N, generator=generator) + 1
            delta = Delta(values_N, torch.zeros(2), ranges=[2 * round_ + number], is_waiting=True)
            told_N += post(islands.shared[name], islands.states[name], delta) / 2
        islands.attend("a")
        assert [*map(islands.follow, names)] == [{"a": [2 * round_], "b": [2 * round_ + 1]}] * 2
    left_N = islands.states["b"].weights_N - told_N  # what was lost of the last mean, of 20 that were told of
    assert 0.1 < float(left_N.square().mean().sqrt()) < 1


def test_a_mean_is_read_from_no_other_folder(tmp_path: Path, learner: Learner) -> None:
    islands = Islands(tmp_path, learner, "a")
    commit = {"merged": {"a": [0]}, "by": "../../elsewhere", "fragment": 0}
    (tmp_path / "commits" / "000000001").write_text(json.dumps(commit))
    with pytest.raises(DamagedError, match=r"\.\./\.\./elsewhere is not the name of an island"):
        islands.follow("a")


def test_a_folder_of_another_model_is_refused(tmp_path: Path, learner: Learner) -> None:
    from dataclasses import replace

    islands = Islands(tmp_path, learner, "a")
    other = replace(islands.plan, model={"depth": 3})
    with pytest.raises(
        ValueError, match=r"has islands that train something else \(depth None, not 3\); take a new one"
    ):
        agree(Shared(tmp_path, own="b"), other)
    with pytest.raises(ValueError, match=r"\(weights None, not 7\)"):
        agree(Shared(tmp_path, own="b"), replace(islands.plan, weights=7))
    assert agree(islands.shared["a"], replace(islands.plan, interval=99)) == islands.plan


def test_all_fragments_take_turns_also_with_those_in_time_for_every_second_round(learner: Learner) -> None:
    settings = plan(learner, fragments=4)
    assert [settings.turn(each) for each in range(8)] == [0, 1, 2, 3, 0, 1, 2, 3]
    assert {settings.turn(each) for each in range(0, 32, 2)} == {0, 1, 2, 3}


def test_ranges_cover_all_sequences_once(learner: Learner) -> None:
    settings = plan(learner, interval=5)  # 12 steps of 2
    assert [settings.places(each) for each in range(settings.ranges)] == [range(10), range(10, 20), range(20, 24)]
