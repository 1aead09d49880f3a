"""Two nearly equal texts in a terminal: what differs, in marks and colours, with a little of what does not."""

import unicodedata
from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gristmill.reports import differences, safe
from gristmill.reports.differences import Segment

EXCERPTS = 12
"""Places that differ which are shown."""

_STRETCH = 800

Excerpts = Sequence[tuple[Segment, ...]]


def beside(segments: Sequence[Segment], *, left: str, right: str) -> Group:
    """The texts side by side; one above the other where one is written from right to left.

    A terminal that knows such scripts turns whole lines around, and with them the columns.

    Args:
        left: what the text on the left is called; `right` likewise.
    """
    found = differences.excerpts(segments)
    shown = found[:EXCERPTS]
    layout = _stacked if _runs_left(shown) else _columns
    legend = Text("  ").join((_marked(f"only {left}", left=True), _marked(f"only {right}", left=False)))
    return Group(legend, layout(shown, left=left, right=right), *_rest(len(found)))


def inline(segments: Sequence[Segment]) -> Group:
    """One text and what became of it as one: what is gone and what came marked where they stand."""
    found = differences.excerpts(segments)
    lines = [Text().join(_both(each) for each in excerpt) for excerpt in found[:EXCERPTS]]
    return Group(*lines, *_rest(len(found)))


def _columns(shown: Excerpts, *, left: str, right: str) -> Table:
    table = Table(show_header=True, header_style="bold", expand=True, show_lines=True)
    table.add_column(left, ratio=1, overflow="fold")
    table.add_column(right, ratio=1, overflow="fold")
    for excerpt in shown:
        table.add_row(_side(excerpt, left=True), _side(excerpt, left=False))
    return table


def _stacked(shown: Excerpts, *, left: str, right: str) -> Group:
    blocks: list[RenderableType] = []
    for excerpt in shown:
        for name, is_left in ((left, True), (right, False)):
            blocks += [Text(name, style="bold"), Padding(_side(excerpt, left=is_left), (0, 0, 0, 2))]
        blocks.append(Text())
    return Group(*blocks[:-1])


def _side(excerpt: Sequence[Segment], *, left: bool) -> Text:
    return Text().join(_part(each, left=left) for each in excerpt)


def _part(segment: Segment, *, left: bool) -> Text:
    text = segment.left if left else segment.right
    return Text(safe.visible(text)) if segment.same else _marked(text, left=left)


def _both(segment: Segment) -> Text:
    if segment.same:
        return Text(safe.visible(segment.left))
    return Text().join((_marked(segment.left, left=True), _marked(segment.right, left=False)))


def _marked(text: str, *, left: bool) -> Text:
    """A stretch that only one text has, in the brackets of `git diff --word-diff`; space around it stays outside."""
    shown = safe.visible(safe.clip(text, _STRETCH))
    word = shown.strip()
    if not word:
        return Text(shown)
    opening, closing = ("[-", "-]") if left else ("{+", "+}")
    before, after = shown[: len(shown) - len(shown.lstrip())], shown[len(shown.rstrip()) :]
    marked = Text(f"{opening}{word}{closing}", style="bold red" if left else "bold green")
    return Text.assemble(before, marked, after)


def _rest(found: int) -> Iterator[Text]:
    if found > EXCERPTS:
        yield Text(f"… and {safe.count(found - EXCERPTS)} more places", style="dim")


def _runs_left(shown: Excerpts) -> bool:
    """Whether any character that is shown is written from right to left."""
    return any(
        unicodedata.bidirectional(character) in ("R", "AL")
        for excerpt in shown
        for segment in excerpt
        for character in segment.left + segment.right
    )
