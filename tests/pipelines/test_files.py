"""Paths, patterns, fingerprints and atomic writes."""

import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.pipelines import files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "c.csv", "_SUCCESS", ".hidden", "sub/d.txt", "sub/_tmp/e.txt", "sub/deep/f.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.txt", ["a.txt"]),
        ("*.txt", ["a.txt", "b.txt"]),
        ("?.csv", ["c.csv"]),
        ("[ab].txt", ["a.txt", "b.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "sub/d.txt", "sub/deep/f.txt"]),
        ("**", ["a.txt", "b.txt", "c.csv", "sub/d.txt", "sub/deep/f.txt"]),
        ("", ["a.txt", "b.txt", "c.csv", "sub/d.txt", "sub/deep/f.txt"]),
        ("sub", ["sub/d.txt", "sub/deep/f.txt"]),
        ("_SUCCESS", ["_SUCCESS"]),
        ("sub/_tmp/*", ["sub/_tmp/e.txt"]),
        ("*", ["a.txt", "b.txt", "c.csv"]),
        ("missing", []),
        ("missing/*", []),
    ],
)
def test_expand(tree: Path, pattern: str, found: list[str]) -> None:
    assert files.expand(str(tree / pattern)) == [str(tree / each) for each in found]


def test_a_file_with_brackets_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "a[1].txt").write_text("x")
    assert files.expand(str(tmp_path / "a[1].txt")) == [str(tmp_path / "a[1].txt")]


def test_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"same")
    two.write_bytes(b"same")
    assert files.fingerprint(str(one)) == files.fingerprint(str(two))
    two.write_bytes(b"other")
    assert files.fingerprint(str(one)) != files.fingerprint(str(two))


def test_writing_is_atomic(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "file")
    files.write_atomically(path, b"first")
    with pytest.raises(RuntimeError, match="stop"), files.writing(path) as file:
        file.write(b"second")
        raise RuntimeError("stop")
    assert Path(path).read_bytes() == b"first"
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["file"]
    assert files.size(path) == 5


def test_list_exists_remove(tree: Path) -> None:
    assert files.list_files(str(tree)) == [str(tree / each) for each in ("a.txt", "b.txt", "c.csv")]
    assert files.list_files(str(tree / "none")) == []
    files.remove(str(tree / "a.txt"))
    files.remove(str(tree / "a.txt"))
    assert not files.exists(str(tree / "a.txt"))


def test_local_paths_do_not_import_beam(tree: Path) -> None:
    program = (
        "import sys; from gristmill.pipelines import files, readers, extraction; "
        f"files.expand({str(tree)!r}); files.fingerprint({str(tree / 'a.txt')!r}); "
        "sys.exit('apache_beam' in sys.modules or 'trafilatura' in sys.modules or 'pypdfium2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
