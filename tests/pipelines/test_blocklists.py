"""The files of blocklists: what is read of them, and what is an error before work starts."""

import bz2
import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from stages import Runner

from gristmill.pipelines import blocklist_files, blocklists
from gristmill.pipelines.checkpoints import Receipt, Store
from gristmill.pipelines.engine import Stage
from gristmill.schemas import Recipe, RecipeError

DOMAINS = b"a.example\nb.example\n"


def recipe(path: str = "list", **fields: object) -> Recipe:
    lists = [{"name": "bad", "path": path, **fields}]
    return Recipe.model_validate({"inputs": [{"name": "x", "paths": ["x"]}], "web": {"blocklists": lists}})


def ut1(folder: Path) -> Path:
    for name, data in {
        "adult/domains": DOMAINS,
        "adult/urls": b"c.example/x\n",
        "adult/expressions": b"d.example\n",
        "adult/usage": b"black\n",
        "games/domains.gz": gzip.compress(b"e.example\n"),
        "README": b"readme.example\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "porn").symlink_to("adult")
    return folder


def as_tar(folder: Path) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.add(folder, arcname="blacklists")
    return data.getvalue()


def stage(given: Recipe, folder: Path) -> Stage:
    return (yield blocklists.phase(given, folder=str(folder)))


def read(given: Recipe, folder: Path) -> tuple[Receipt, blocklists.Loaded]:
    run = Runner(folder / "out")
    (receipt,) = run(stage(given, folder))
    entry = blocklists.entry_of(receipt)
    (loaded,) = blocklists.load(run.store.root, ((entry.path, entry.checksum),))
    return receipt, loaded


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, zstandard.compress])
def test_a_file(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "list").write_bytes(pack(b"# comment\n" + DOMAINS + b"a.example\nno entry\n"))
    blocklist_files.check(recipe(), folder=str(tmp_path))
    receipt, loaded = read(recipe(), tmp_path)
    assert receipt.counts == {"entries": 3, "ignored": 1}
    assert (loaded.names, len(loaded.index.keys), loaded.index.paths) == (("bad",), 2, False)


@pytest.mark.parametrize("pack", [None, bytes, gzip.compress])
def test_a_folder_of_ut1_and_its_archive(tmp_path: Path, pack: Callable[[bytes], bytes] | None) -> None:
    folder = ut1(tmp_path / "ut1")
    path = "ut1"
    if pack is not None:
        (tmp_path / "ut1.tar").write_bytes(pack(as_tar(folder)))
        path = "ut1.tar"
        (folder / "games/domains.gz").rename(folder / "games/packed")
        (folder / "games/domains").write_bytes(b"e.example\n")
        (tmp_path / "ut1.tar").write_bytes(pack(as_tar(folder)))
    blocklist_files.check(recipe(path), folder=str(tmp_path))
    receipt, loaded = read(recipe(path), tmp_path)
    assert receipt.counts == {"entries": 4, "ignored": 0}
    assert sorted(set(loaded.names)) == ["bad:adult", "bad:games"]
    assert loaded.index.paths
    chosen = recipe(path, categories=["games"])
    blocklist_files.check(chosen, folder=str(tmp_path))
    receipt, loaded = read(chosen, tmp_path)
    assert receipt.counts == {"entries": 1, "ignored": 0}
    assert set(loaded.names) == {"bad:games"}


def test_lists_are_read_again_when_they_change(tmp_path: Path) -> None:
    folder, run = ut1(tmp_path / "ut1"), Runner(tmp_path / "out")
    games = recipe("ut1", categories=["games"])
    run(stage(games, tmp_path))
    run(stage(games, tmp_path))
    assert run.done == {}
    (folder / "adult/domains").write_bytes(b"z.example\n")
    run(stage(games, tmp_path))
    assert run.done == {}
    (folder / "games/domains.gz").write_bytes(gzip.compress(b"z.example\n"))
    run(stage(games, tmp_path))
    assert run.done == {"blocklists": 1}


@pytest.mark.parametrize(
    ("path", "fields", "message"),
    [
        ("lst", {}, r"web.blocklists: bad: path: no file or folder 'lst'.*list"),
        ("empty", {}, r"no line of 'empty' names a domain or URL"),
        ("prose.txt", {}, r"no line of 'prose.txt' names a domain or URL"),
        ("folder", {}, r"the folder 'folder' holds no file named domains or urls"),
        ("ut1", {"categories": ["adlut"]}, r"'ut1' has no category 'adlut'.*adult.*known: adult, games, nothing"),
        ("ut1", {"categories": ["nothing"]}, r"category 'nothing' of 'ut1' names no domain and no URL"),
        ("list", {"categories": ["adult"]}, r"'list' has no categories, and so not 'adult'; take categories out"),
        ("list/x", {}, r"path: no file or folder 'list/x'"),
        ("end.gz", {}, r"end.gz is damaged: the file ends within a compressed member"),
        ("pipes", {}, r"pipes/adult/domains is a broken link, a pipe or a device"),
        ("links", {}, r"links/adult/domains is a broken link, a pipe or a device"),
        ("cut.gz", {}, r"cut.gz is damaged: the file ends within a compressed member"),
        ("cut.tar", {}, r"damaged|names a domain"),
    ],
)
def test_errors_before_work_starts(tmp_path: Path, path: str, fields: dict[str, object], message: str) -> None:
    (tmp_path / "list").write_bytes(DOMAINS)
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "prose.txt").write_bytes(b"<html>\nnot found: see example.com\n")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"# nothing\n" * 1000)[:-9])
    data = b"".join(b"d%d.example\n" % n for n in range(200_000))
    (tmp_path / "end.gz").write_bytes(gzip.compress(data)[:-9])  # the beginning is sound
    for name in ("pipes", "links"):
        (tmp_path / name / "adult").mkdir(parents=True)
    os.mkfifo(tmp_path / "pipes/adult/domains")
    (tmp_path / "links/adult/domains").symlink_to("domains")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "README").write_bytes(DOMAINS)
    folder = ut1(tmp_path / "ut1")
    (folder / "nothing").mkdir()
    (folder / "nothing" / "domains").write_bytes(b"# none yet\n")
    (tmp_path / "cut.tar").write_bytes(as_tar(folder)[:700])
    with pytest.raises(RecipeError, match=message):
        blocklist_files.check(recipe(path, **fields), folder=str(tmp_path))


def test_two_lists_of_one_name_are_an_error() -> None:
    lists = [{"name": "bad", "path": path} for path in ("a", "b")]
    with pytest.raises(ValueError, match="two blocklists are named 'bad'"):
        Recipe.model_validate({"inputs": [{"name": "x", "paths": ["x"]}], "web": {"blocklists": lists}})


def test_damage_is_found_when_the_list_is_read(tmp_path: Path) -> None:
    data = b"".join(b"d%d.example\n" % n for n in range(200_000))
    (tmp_path / "list").write_bytes(gzip.compress(data)[:-9])
    with pytest.raises(ValueError, match="list is damaged: the file ends"):
        read(recipe(), tmp_path)


def test_a_damaged_index_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(DOMAINS)
    receipt, _ = read(recipe(), tmp_path)
    store, entry = Store(str(tmp_path / "out")), blocklists.entry_of(receipt)
    Path(store.path(entry.path)).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"damaged .* remove this file and run again"):
        blocklists.load(store.root, ((entry.path, "another"),))
