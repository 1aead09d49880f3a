"""Inputs and outputs on a Beam filesystem: a run from and to paths with a scheme equals a local one, byte for byte.

The filesystem is a real one to Beam, found by its scheme; its files lie in a local folder.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from apache_beam.io.filesystem import FileMetadata, FileSystem
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.localfilesystem import LocalFileSystem

from gristmill.pipelines import files
from gristmill.pipelines.checkpoints import Store
from gristmill.pipelines.engine import Observer, Task, Unit, run
from gristmill.pipelines.job import stages
from gristmill.schemas import parse

SCHEME = "shelf"
TEXT = "The miller of {0} keeps {1} stones, and none of them is for sale, as he said to the reeve of {2} last year. "


class Shelf(FileSystem):  # type: ignore[misc]  # Beam is untyped
    """`shelf:///path` is the local `/path`. No folders, as on an object store."""

    def __init__(self, pipeline_options: Any) -> None:
        super().__init__(pipeline_options)
        self._local = LocalFileSystem(pipeline_options)

    @classmethod
    def scheme(cls) -> str:
        return SCHEME

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath, *paths])

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path: str) -> None:
        self._local.mkdirs(bare(path))

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Iterator[FileMetadata]:
        for path in sorted(Path(bare(dir_or_prefix)).parent.rglob("*")):
            if path.is_file() and str(path).startswith(bare(dir_or_prefix)):
                yield self._metadata_of(path)

    def _metadata_of(self, path: Path) -> FileMetadata:
        return FileMetadata(f"{SCHEME}://{path}", path.stat().st_size, path.stat().st_mtime)

    def create(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
        del mime_type, compression_type
        Path(bare(path)).parent.mkdir(parents=True, exist_ok=True)
        return Path(bare(path)).open("wb")

    def open(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
        del mime_type, compression_type
        return Path(bare(path)).open("rb")

    def copy(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        raise AssertionError("nothing is copied")

    def rename(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        raise AssertionError("objects are never renamed: they appear whole when closed")

    def exists(self, path: str) -> bool:
        return Path(bare(path)).is_file()

    def size(self, path: str) -> int:
        return Path(bare(path)).stat().st_size

    def last_updated(self, path: str) -> float:
        return Path(bare(path)).stat().st_mtime

    def checksum(self, path: str) -> str:
        return str(self.size(path))

    def metadata(self, path: str) -> FileMetadata:
        return self._metadata_of(Path(bare(path)))

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            Path(bare(path)).unlink()


def bare(path: str) -> str:
    return path.removeprefix(f"{SCHEME}://")


def test_beam_finds_the_shelf(tmp_path: Path) -> None:
    assert isinstance(FileSystems.get_filesystem(f"{SCHEME}://{tmp_path}"), Shelf)


def do(store: Store, inputs: str) -> None:
    toml = f"""
        [[inputs]]
        name = "mills"
        paths = ["{inputs}"]
        [rules]
        sets = []
        [tokenizer]
        vocabulary_size = 1000
        [packing]
        sequence_length = 64
    """
    recipe = parse(toml.encode(), name="recipe")

    def execute(task: Task, units: list[Unit]) -> None:
        for unit in units:
            task(unit)

    quiet = Observer(watch=lambda _state, work: work(), done=lambda _state, _fresh, _seconds: None)
    run(stages(recipe, folder="/", store=store), store=store, execute=execute, observer=quiet)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(3):
        sentences = [TEXT.format(f"Oakham {number}", number + 2, f"Kelby {line}") for line in range(20)]
        (texts / f"{number}.txt").write_text("".join(sentences))
    return tmp_path


def test_a_run_from_and_to_a_beam_filesystem(folder: Path) -> None:
    store = Store(f"{SCHEME}://{folder}/out")
    do(store, f"{SCHEME}://{folder}/texts/*.txt")
    tables = {path.parent.name for path in (folder / "out").rglob("*.parquet")}
    assert {"documents", "signals", "ledger", "data", "language=eng_Latn"} <= tables
    before = {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}
    do(store, f"{SCHEME}://{folder}/texts/*.txt")
    assert {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()} == before


def test_remote_output_equals_local_output(folder: Path) -> None:
    do(Store(str(folder / "local")), f"{folder}/texts/*.txt")
    do(Store(f"{SCHEME}://{folder}/remote"), f"{folder}/texts/*.txt")
    for path in (folder / "local").rglob("*.parquet"):
        assert (folder / "remote" / path.relative_to(folder / "local")).read_bytes() == path.read_bytes()


def test_listing_and_removing(folder: Path) -> None:
    base = f"{SCHEME}://{folder}"
    assert files.expand(f"{base}/texts") == [f"{base}/texts/{number}.txt" for number in range(3)]
    assert files.expand(f"{base}/texts/[12].txt") == [f"{base}/texts/{number}.txt" for number in (1, 2)]
    assert files.list_files(f"{base}/texts") == files.expand(f"{base}/texts/*")
    assert sorted(files.sizes(f"{base}/texts")) == files.list_files(f"{base}/texts")
    files.remove(f"{base}/texts/0.txt")
    files.remove(f"{base}/texts/0.txt")
    assert not files.exists(f"{base}/texts/0.txt")
    assert files.read(f"{base}/texts/1.txt").startswith(b"The miller")
