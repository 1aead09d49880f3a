import statistics
from pathlib import Path
from typing import Any

import pytest

from gristmill.reports import queries, views
from gristmill.reports.views import connect


def _rows(out: Path, sql: str) -> list[dict[str, Any]]:
    with connect(str(out)) as connection:
        return views.fetch(connection, sql)


def _named(out: Path, name: str) -> list[dict[str, Any]]:
    return _rows(out, queries.load(name))


@pytest.fixture
def trained(folder: Any) -> Any:
    """The miniature with twenty more English documents of two sources, and nothing learnt yet."""
    folder.losses, folder.training, folder.routing = [], [], []
    for number in range(20, 40):
        source = "web" if number < 30 else "filings"
        folder.add(number, language="eng_Latn", text=f"text {number}", size=10, source=source, quality=number / 40)
    return folder


def test_residuals_are_to_the_running_median_of_other_sights(trained: Any, tmp_path: Path, name_of: Any) -> None:
    """Losses fall from 9 to 3, and filings are harder by one: neither makes a document odd, but one is."""
    for step in range(1, 41):
        number = 20 + step * 7 % 20
        trained.step(step, (number, 9 - step * 0.15 + (number >= 30) + 0.5 * (number == 25)))
    rows = _rows(trained.write(tmp_path / "out"), "FROM residuals ORDER BY step")
    assert [(row["step"], row["sight"], row["sights"]) for row in rows if row["doc_id"] == name_of(25)] == [
        (15, 1, 2),
        (35, 2, 2),
    ]
    for column, alike in (("residual", ["language"]), ("source_residual", ["language", "source"])):
        expected = _residuals(rows, alike)
        assert [row[column] for row in rows] == pytest.approx(expected, abs=1e-5)
    ordinary = [row["source_residual"] for row in rows if row["doc_id"] != name_of(25)]
    assert statistics.median(ordinary) == pytest.approx(0, abs=0.08)
    assert rows[14]["source_residual"] > 0.4
    assert rows[14]["residual"] < rows[14]["source_residual"] - 0.3


def _residuals(rows: list[dict[str, Any]], alike: list[str]) -> list[float]:
    """The same in plain words: rows by step, one a step."""

    def above(values: list[float], own: int) -> list[float]:
        around = [values[max(0, n - 32) : n + own] + values[n + 1 : n + 33] for n in range(len(values))]
        return [value - statistics.median(others) for value, others in zip(values, around, strict=True)]

    left = above([row["loss"] for row in rows], 1)
    found = dict[int, float]()
    for kind in {tuple(row[name] for name in alike) for row in rows}:
        own = [n for n, row in enumerate(rows) if tuple(row[name] for name in alike) == kind]
        found |= dict(zip(own, above([left[n] for n in own], 0), strict=True))
    return [found[n] for n in range(len(rows))]


def test_a_source_of_few_sights_is_compared_with_its_language(trained: Any, tmp_path: Path) -> None:
    trained.step(1, *((number, 5.0) for number in range(20, 38)), (38, 6.0), (39, 6.0))
    rows = _rows(trained.write(tmp_path / "out"), "FROM residuals WHERE loss = 6")
    assert [(row["source"], row["residual"], row["source_residual"]) for row in rows] == [("filings", 1.0, 1.0)] * 2


def test_sights_of_skipped_steps_do_not_count(trained: Any, tmp_path: Path) -> None:
    trained.step(1, (20, 5.0), (21, 5.0), skipped=True)
    trained.step(2, (20, 4.0), (21, 6.0))
    rows = _rows(trained.write(tmp_path / "out"), "FROM residuals ORDER BY doc_id")
    found = [(row["step"], row["sight"], row["sights"], row["residual"]) for row in rows]
    assert found == [(2, 1, 1, -2.0), (2, 1, 1, 2.0)]


def test_a_loss_that_collapses_stands_out(trained: Any, tmp_path: Path, name_of: Any) -> None:
    """All documents keep their distance to the others, but one."""
    spread = {number: (number % 5) / 5 for number in range(20, 40)}
    trained.step(1, *((number, 5 + spread[number]) for number in spread))
    trained.step(2, *((number, 5 + spread[number] - 4 * (number == 27)) for number in spread))
    rows = _named(trained.write(tmp_path / "out"), "loss_duplicates")
    assert rows[0] | {"sample": None} == {
        "doc_id": name_of(27),
        "language": "eng_Latn",
        "source": "web",
        "collapse": pytest.approx(4, abs=0.3),
        "first_loss": 5.4,
        "last_loss": 1.4,
        "sights": 2,
        "cluster_size": 1,
        "uri": "https://example.org/27",
        "sample": None,
    }
    assert all(row["collapse"] < 0.5 for row in rows[1:])


def test_odd_documents_and_doubted_labels_come_with_their_text(trained: Any, tmp_path: Path, name_of: Any) -> None:
    trained.step(1, *((number, 5.0) for number in range(20, 30)), (31, 9.0), (32, 8.0), (33, 8.0))
    trained.step(2, (34, 8.5), doubt=0.75)
    out = trained.write(tmp_path / "out")
    odd = _named(out, "loss_odd")
    assert [(row["doc_id"], row["source_residual"], row["sample"]) for row in odd] == [
        (name_of(31), 4.0, "text 31"),
        (name_of(34), 3.5, "text 34"),
        (name_of(32), 3.0, "text 32"),
        (name_of(33), 3.0, "text 33"),
    ]
    doubted = [(row["doc_id"], row["language"], row["nearest"], row["doubt"]) for row in _named(out, "loss_languages")]
    assert doubted == [(name_of(34), "eng_Latn", "tha_Thai", 0.75)]
    sources = [(row["source"], row["documents"], row["residual"]) for row in _named(out, "loss_sources")]
    assert sources == [("filings", 4, 3.375), ("web", 10, 0.0)]


def test_what_a_quality_score_predicts(trained: Any, tmp_path: Path) -> None:
    """Loss falls by a twentieth from document to document as their quality rises by a fortieth."""
    trained.step(1, *((number, 5 - number / 20) for number in range(20, 40)))
    (row,) = _named(trained.write(tmp_path / "out"), "loss_quality")
    assert (row["language"], row["documents"]) == ("eng_Latn", 20)
    assert row["correlation"] == pytest.approx(-1, abs=0.01)
    assert row["lowest_quarter"] - row["highest_quarter"] == pytest.approx(0.75, abs=0.11)


def test_mutual_information_by_hand(folder: Any, tmp_path: Path) -> None:
    """Expert 0 has 3 of 4 tokens of English, and 1 of 4 of Thai: 1 - H(1/4) = 0.1887 bits. All are of one domain."""
    folder.routing = []
    for expert, language, tokens in ((0, "eng", 30), (1, "eng", 10), (0, "tha", 10), (1, "tha", 30)):
        folder.route(expert, language, "law", tokens, chance=25 if language == "eng" else 15, step=9)
    folder.route(0, "eng", "law", 1_000_000, chance=0, step=4)  # of the first half
    assert [list(row.values()) for row in _named(folder.write(tmp_path / "out"), "routing")] == [
        [1, "language", 0.1887, 0.0, 0.1887, 18.9],
        [1, "domain", 0.0, 0.0, 0.0, None],
    ]


def test_what_is_by_chance_is_told_apart(folder: Any, tmp_path: Path) -> None:
    """The same as by chance is no knowledge."""
    folder.routing = []
    for expert, language, tokens in ((0, "eng", 30), (1, "eng", 10), (0, "tha", 10), (1, "tha", 30)):
        folder.route(expert, language, "law", tokens, chance=tokens)
    language, _ = _named(folder.write(tmp_path / "out"), "routing")
    assert (language["bits"], language["chance_bits"], language["known_bits"]) == (0.1887, 0.1887, 0.0)
