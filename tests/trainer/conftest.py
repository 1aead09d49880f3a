"""Shards to read. Makes the helpers here and in tests/pipelines importable, which pytest's importlib mode does not."""

import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "pipelines")]

from shard_files import build  # noqa: E402


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def another(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same text, shuffled by another seed."""
    return build(tmp_path_factory.mktemp("another"), seed=1)


@pytest.fixture
def copied(corpus: Path, tmp_path: Path) -> Path:
    """A copy of the corpus's shards, free to be changed."""
    return Path(shutil.copytree(corpus / "shards", tmp_path / "shards"))
