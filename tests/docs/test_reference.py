"""The generated pages of docs/ say what the code says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["tables.md", "recipe.md", "commands.md"])
def test_page_is_up_to_date(page: str) -> None:
    assert (DOCS / page).read_text("utf-8") == generator().PAGES[page](), "run: python docs/generate.py"
