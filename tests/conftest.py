"""Fixtures that several folders of tests share."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "sample_data"

Gristmill = Callable[..., Result]


@pytest.fixture(scope="session")
def gristmill() -> Gristmill:
    """Runs the command line in this process: `gristmill("run", recipe, "-o", out)`."""
    # Not at the top: collecting the tests should not need every library.
    from gristmill.cli import main

    def call(*arguments: str | os.PathLike[str]) -> Result:
        return CliRunner().invoke(main, [str(each) for each in arguments])

    return call


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample corpus and its recipe, free to be changed."""
    folder = tmp_path_factory.mktemp("sample")
    for part in ("corpus", "evaluation", "lists"):
        shutil.copytree(SAMPLE / part, folder / part)
    shutil.copy(SAMPLE / "recipe.toml", folder / "recipe.toml")
    return folder


@pytest.fixture(scope="session")
def sample_output(gristmill: Gristmill, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the sample recipe, from files to shards and report."""
    output = tmp_path_factory.mktemp("whole") / "out"
    result = gristmill("run", SAMPLE / "recipe.toml", "-o", output, "--workers", "1")
    assert result.exit_code == 0, result.output
    return output
