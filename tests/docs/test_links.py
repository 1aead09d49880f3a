"""The pages hold together: relative links lead somewhere, and the queries of the stage pages can be asked."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
STAGE_PAGES = sorted((ROOT / "docs" / "stages").glob("*.md"))
MEASURE_PAGES = sorted((ROOT / "docs" / "measures").glob("*.md"))

_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
_SQL = re.compile(r"^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _anchors(page: Path) -> set[str]:
    """The names that headings get on GitHub."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    broken = []
    for link in _LINK.findall(_FENCED.sub("", page.read_text("utf-8"))):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_stage_has_a_page() -> None:
    from gristmill.pipelines.job import STAGES

    assert {page.stem for page in STAGE_PAGES} >= set(STAGES)


def test_every_measure_has_a_page() -> None:
    from gristmill.schemas import MEASURES

    named = {"language", "signals", *(table.name for table in MEASURES)}
    assert {page.stem for page in MEASURE_PAGES} == named


@pytest.mark.parametrize("page", [*STAGE_PAGES, *MEASURE_PAGES], ids=_name)
def test_queries_find_something(page: Path, sample_output: Path) -> None:
    from gristmill.reports.run_sql import execute
    from gristmill.reports.views import connect

    queries = _SQL.findall(page.read_text("utf-8"))
    assert queries
    with connect(str(sample_output)) as connection:
        for query in queries:
            assert list(execute(connection, query).rows), query
