import os
from pathlib import Path

import pytest

from gristmill.trainer.islands import shared as module
from gristmill.trainer.islands.shared import LostError, Members, Shared, holder, take
from gristmill.trainer.islands.stores import Folder


class Clock:
    """Stands still until it is told otherwise."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def test_of_all_who_write_a_name_the_first_succeeds(tmp_path: Path) -> None:
    a, b = Shared(tmp_path, own="a"), Shared(tmp_path, own="b")
    assert (a.create("commits/1", b"of a"), b.create("commits/1", b"of b")) == (True, False)
    assert b.read("commits/1") == b"of a"
    assert (a.traffic, b.traffic) == (4, 4)
    assert a.store.names("unfinished") == []


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError("disk full")

    shared = Shared(tmp_path, own="a")
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="disk full"):
        shared.create("commits/1", b"x")
    assert shared.read("commits/1") is None


def _beats(members: Members, shared: Shared, at: int) -> None:
    members.beat()
    os.utime(Path(shared.location, "members", shared.own), ns=(at, at))


def test_an_island_lives_as_long_as_its_heartbeat_changes_whatever_its_clock_says(tmp_path: Path, clock: Clock) -> None:
    a, b = Shared(tmp_path, own="a"), Shared(tmp_path, own="b")
    members, others = Members(a, patience=8), Members(b, patience=8)
    for beat in (5, 10**18, 3):  # clocks may be set back
        _beats(others, b, beat)
        assert members.live() == {"a", "b"}
        clock.now += 2
    for _ in range(3):
        assert members.live() == {"a", "b"}
        clock.now += 2
    assert members.live() == {"a"}
    _beats(others, b, 4)
    assert members.live() == {"a", "b"}


def test_what_is_left_of_the_dead_goes(tmp_path: Path, clock: Clock) -> None:
    a, b, c = (Shared(tmp_path, own=name) for name in "abc")
    members, _ = (Members(each, patience=8) for each in (a, b))
    (tmp_path / "unfinished" / "b").write_bytes(b"half")
    for _ in range(6):
        members.live()
        clock.now += 2
    joins = Members(c, patience=8)  # since the last look
    members.bury()
    assert (a.store.names("members"), a.store.names("unfinished")) == (["a", "c"], [])
    members.beat()
    joins.beat()


def test_an_observer_that_was_asleep_does_not_take_others_for_dead(tmp_path: Path, clock: Clock) -> None:
    members, _ = Members(Shared(tmp_path, own="a"), patience=8), Members(Shared(tmp_path, own="b"), patience=8)
    members.live()
    clock.now += 1000
    assert members.live() == {"a", "b"}


def test_who_leaves_is_gone_at_once_and_who_was_given_up_is_told(tmp_path: Path) -> None:
    a, b = Shared(tmp_path, own="a"), Shared(tmp_path, own="b")
    members, others = Members(a, patience=8), Members(b, patience=8)
    others.leave()
    assert members.live() == {"a"}
    with pytest.raises(LostError):
        others.beat()


def test_a_lease_is_taken_over_from_the_dead_only_and_by_one(tmp_path: Path) -> None:
    a, b, c = (Shared(tmp_path, own=name) for name in "abc")
    assert holder(a, "merger") is None
    for each in (a, a, b):
        assert take(each, "merger", lives={"a", "b", "c"}.__contains__) == "a"
    for each in (b, c):
        assert take(each, "merger", lives={"b", "c"}.__contains__) == "b"
    assert (holder(a, "merger"), a.store.names("leases/merger")) == ("b", ["000000000", "000000001"])


def test_a_lease_of_one_who_joined_a_moment_ago_is_not_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = Shared(tmp_path, own="a"), Shared(tmp_path, own="b")
    members = Members(a, patience=8)
    names = Folder.names

    def slowly(self: Folder, folder: str) -> list[str]:
        monkeypatch.setattr(Folder, "names", names)
        Members(b, patience=8)  # after a's last look at who lives
        assert take(b, "000000000", lives={"b"}.__contains__) == "b"
        return names(self, folder)

    assert members.live() == {"a"}
    monkeypatch.setattr(Folder, "names", slowly)
    assert take(a, "000000000", lives=members.lives) == "b"


def test_two_who_take_over_at_once_do_not_both_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, a, b = (Shared(tmp_path, own=name) for name in ("dead", "a", "b"))
    take(dead, "merger", lives=set().__contains__)
    create = Shared.create

    def slowly(self: Shared, name: str, data: bytes) -> bool:
        monkeypatch.setattr(Shared, "create", create)
        assert take(b, "merger", lives={"a", "b"}.__contains__) == "b"  # between a's look and its taking
        return create(self, name, data)

    monkeypatch.setattr(Shared, "create", slowly)
    assert take(a, "merger", lives={"a", "b"}.__contains__) is None
    assert holder(a, "merger") == "b"
