from pathlib import Path
from typing import Any

from gristmill.reports import page
from gristmill.reports.page_model import model
from gristmill.reports.views import connect


def _section(out: Path) -> str:
    with connect(str(out)) as connection:
        return model(connection)


def test_without_a_model_there_is_nothing(empty: str) -> None:
    assert "gristmill train OUT" in _section(Path(empty))


def test_a_heat_map_shows_each_language_and_expert(folder: Any, tmp_path: Path) -> None:
    """English has 7/8 of expert 0's choices and half of all; an expert that only Thai uses is as seldom as can be."""
    folder.routing = []
    folder.route(0, "eng_Latn", "law", 70, chance=0)
    folder.route(0, "tha_Thai", "law", 10, chance=0)
    folder.route(1, "tha_Thai", "law", 60, chance=0)
    shown = _section(folder.write(tmp_path / "out"))
    assert "<title>eng_Latn: expert 0 x1.8, expert 1 x0.12</title>" in shown
    assert "<title>tha_Thai: expert 1 x2, expert 0 x0.25</title>" in shown
    assert shown.count('<path class=more fill-opacity="0.3"') == 2
    assert shown.count('<path class=less fill-opacity="1.0"') == 1
    assert shown.count('<path class=less fill-opacity="0.7"') == 1


def test_at_most_four_layers_from_first_to_last(folder: Any, tmp_path: Path) -> None:
    row = folder.routing[0]
    folder.routing = [row | {"layer": layer} for layer in range(1, 12)]
    shown = _section(folder.write(tmp_path / "out"))
    assert [layer for layer in range(1, 12) if f"<figcaption>Layer {layer}<" in shown] == [1, 4, 7, 11]


def test_what_strangers_wrote_is_escaped(folder: Any, tmp_path: Path) -> None:
    nasty = "<script>\x1b[2J"
    folder.route(2, nasty, "law", 100, chance=100)
    folder.losses[0]["nearest"] = nasty
    folder.losses[0]["doubt"] = 9.0
    out = folder.write(tmp_path / "out")
    page.write_page(str(out))
    shown = (out / page.PAGE).read_text("utf-8")
    assert "<script" not in shown
    assert "\x1b" not in shown
    assert "&lt;script&gt;\\x1b[2J" in shown
