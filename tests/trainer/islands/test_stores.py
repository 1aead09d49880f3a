import errno
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from learner import PLACES, place_of

from gristmill.trainer.islands import stores
from gristmill.trainer.islands.shared import Shared
from gristmill.trainer.islands.stores import Bucket, Store, open_store


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return open_store(place_of(request.param, tmp_path), own="a")


def test_files_are_created_once_and_read_and_listed(store: Store) -> None:
    assert (store.read("commits/1"), store.names("commits")) == (None, [])
    assert store.create("commits/1", b"one")
    assert not store.create("commits/1", b"another")
    assert store.create("commits/0", b"")
    assert (store.read("commits/0"), store.read("commits/1")) == (b"", b"one")
    assert store.names("commits") == ["0", "1"]


def test_of_many_at_once_one_creates_a_name(tmp_path: Path) -> None:
    each = [open_store(tmp_path, own=str(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for turn in range(20):
            won = list(pool.map(lambda k, n=turn: each[k].create(f"leases/{n}", str(k).encode()), range(8)))
            assert won.count(True) == 1
            assert each[0].read(f"leases/{turn}") == str(won.index(True)).encode()


def test_folders_lie_in_folders_and_go_with_their_files(store: Store) -> None:
    for name in ("leases/1/0", "leases/1/1", "leases/2/0", "means/1"):
        store.create(name, b"x")
    assert (store.names("leases"), store.names("leases/1")) == (["1", "2"], ["0", "1"])
    for name in ("leases/1", "means/1", "means/1", "deltas/1"):  # what is not there is not missed
        store.remove(name)
    assert (store.names("leases"), store.names("means"), store.read("leases/2/0")) == (["2"], [], b"x")


def test_a_mark_changes_when_a_file_is_touched(store: Store) -> None:
    assert store.marks("members") == {}
    for name in "ab":
        store.create(f"members/{name}", b"")
    before = store.marks("members")
    assert store.marks("members") == before
    store.touch("members/b")
    after = store.marks("members")
    assert (after["a"], sorted(after)) == (before["a"], ["a", "b"])
    assert after["b"] != before["b"]
    store.remove("members/a")
    with pytest.raises(FileNotFoundError):
        store.touch("members/a")
    assert store.names("members") == ["b"]


def test_a_bucket_is_not_written_to_at_each_touch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(stores.time, "monotonic", lambda: now[0])
    store = Bucket(place_of("bucket", tmp_path))
    store.create("members/a", b"")
    marks = [store.marks("members")]
    for later in (0.0, 0.5, 0.5):
        now[0] += later
        store.touch("members/a")
        marks.append(store.marks("members"))
    assert [one != other for one, other in pairwise(marks)] == [True, False, True]


@pytest.mark.parametrize("protocol", ["", "file://", "local://"])
def test_a_folder_has_several_names(tmp_path: Path, protocol: str) -> None:
    open_store(f"{protocol}{tmp_path}", own="a").create("commits/1", b"x")
    assert (tmp_path / "commits" / "1").read_bytes() == b"x"


def test_a_store_without_conditional_writes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"islands: ftp:// cannot promise .* take a folder, s3://, gs:// or az://"):
        open_store("ftp://host/run", own="a")


def test_what_a_bucket_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ValueError, match=r"islands: s3://bucket/run: .*s3fs"):
        open_store("s3://bucket/run", own="a")


def test_a_bucket_that_writes_over_what_is_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = MemoryFileSystem.pipe_file
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", lambda self, path, value, **_: write(self, path, value))
    with pytest.raises(ValueError, match="lets files be written over"):
        Shared(place_of("bucket", tmp_path), own="a").check()


def test_who_asks_again_since_the_answer_was_lost_has_created_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = MemoryFileSystem.pipe_file

    def twice(*given: Any, **more: Any) -> None:
        write(*given, **more)
        write(*given, **more)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", twice)
    store = Bucket(place_of("bucket", tmp_path))
    assert store.create("leases/1", b"a")
    assert not store.create("leases/1", b"b")


class OutOfReachError(Exception):
    """As the stores' libraries have, each its own."""


class Failing:
    """Fails so many times before it writes."""

    def __init__(self, patch: pytest.MonkeyPatch, *, times: int, error: Exception) -> None:
        self.left, self.error, self.waited = times, error, list[float]()
        self._write = MemoryFileSystem.pipe_file
        patch.setattr(MemoryFileSystem, "pipe_file", lambda *given, **more: self(*given, **more))  # noqa: PLW0108  (bound)
        patch.setattr(stores.time, "sleep", self.waited.append)

    def __call__(self, *given: Any, **more: Any) -> None:
        self.left -= 1
        if self.left >= 0:
            raise self.error
        self._write(*given, **more)


def test_a_bucket_out_of_reach_for_a_while_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Bucket(place_of("bucket", tmp_path))
    assert store.read("commits/1") is None
    failing = Failing(monkeypatch, times=3, error=OutOfReachError("no route"))
    assert store.create("commits/1", b"x")
    assert failing.waited == [1, 2, 4]
    failing.left = 100
    monkeypatch.setattr(Bucket, "read", lambda *_: pytest.fail("who is out of reach is not asked what is there"))
    with pytest.raises(OSError, match=r"islands: memory://.* is out of reach \(OutOfReachError: no route\)"):
        store.create("commits/2", b"x")
    assert len(failing.waited) == 3 + 8


def test_a_bucket_that_never_was_in_reach_is_given_up_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = Failing(monkeypatch, times=1, error=OutOfReachError("no credentials"))
    with pytest.raises(OSError, match="no credentials"):
        Bucket(place_of("bucket", tmp_path)).create("commits/1", b"x")
    assert failing.waited == []


def test_a_refusal_may_be_any_error_that_leaves_a_file_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Bucket(place_of("bucket", tmp_path))
    store.create("commits/1", b"x")
    failing = Failing(monkeypatch, times=2, error=OSError(errno.EINVAL, "a condition did not hold"))
    assert not store.create("commits/1", b"y")
    with pytest.raises(OSError, match="a condition did not hold"):
        store.create("commits/2", b"y")
    assert failing.waited == []


def test_what_a_bucket_cannot_remove_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("Failed to remove")

    monkeypatch.setattr(MemoryFileSystem, "rm", fails)
    store = Bucket(place_of("bucket", tmp_path))
    store.create("leases/1/0", b"x")
    store.remove("leases/1")
    assert store.names("leases/1") == ["0"]


def test_islands_of_a_folder_need_no_fsspec(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from gristmill.trainer.islands import island, stores
        assert stores.open_store(sys.argv[1], own="a").create("commits/1", b"x")
        assert "fsspec.core" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
