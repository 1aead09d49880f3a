"""The page's charts: a few shapes in HTML and SVG, each with its numbers in words for those who do not see it."""

import itertools
from collections.abc import Iterable, Sequence

from gristmill.reports import safe
from gristmill.reports.page_data import Histogram

_WIDTH, _HEIGHT = 240, 72


def legend(kinds: Iterable[str]) -> str:
    """The colours' names."""
    return f"<ul class=legend>{''.join(f'<li>{dot(each)}{safe.escape_html(each)}</li>' for each in kinds)}</ul>"


def dot(kind: str) -> str:
    """A spot of the disposition's colour; it only decorates the word beside it."""
    return f'<i class="dot {safe.escape_html(kind)}" aria-hidden=true></i>'


def stacked(parts: Sequence[tuple[str, int]], *, label: str) -> str:
    """A bar of full width that shows the parts' shares."""
    whole = sum(number for _, number in parts)
    if not whole:
        return ""
    words = ", ".join(f"{name} {safe.share(number, whole)}" for name, number in parts if number)
    spans = "".join(
        f'<span class={_class(name)} style="flex-grow:{number}"></span>' for name, number in parts if number
    )
    text = safe.escape_html(f"{label}: {words}")
    return f'<div class=stack role=img aria-label="{text}" title="{text}">{spans}</div>'


def _class(name: str) -> str:
    return safe.escape_html(name.replace(" ", "-"))


def bar(number: int, most: int, *, kind: str) -> str:
    """A bar whose length is the number's part of the largest; the number stands beside it."""
    width = 100 * number / most if most else 0
    span = f'<span class={safe.escape_html(kind)} style="width:{width:.2f}%"></span>'
    return f"<div class=track aria-hidden=true>{span}</div>"


def histogram(shown: Histogram) -> str:
    """Kept documents below, those not kept on top of them."""
    numbers = [
        f"{safe.number(low)} to {safe.number(high)}: {safe.count(kept)} kept, {safe.count(other)} not kept"
        for (low, high), (kept, other) in zip(itertools.pairwise(shown.edges), shown.bins, strict=True)
    ]
    scale = "logarithmic scale" if shown.logarithmic else "linear scale"
    return _multiple(
        shown.name,
        note=shown.meaning,
        label=f"{shown.name}: {safe.count(shown.documents)} documents, median {safe.number(shown.median)}, {scale}",
        columns=[(("kept", kept), ("dropped", other)) for kept, other in shown.bins],
        numbers=numbers,
        axis=(
            safe.number(shown.edges[0]),
            f"median {safe.number(shown.median)}{', log scale' if shown.logarithmic else ''}",
            f"{'≥ ' if shown.open_end else ''}{safe.number(shown.edges[-1])}",
        ),
    )


def distribution(counts: Sequence[int], *, name: str, note: str, kind: str) -> str:
    """How something between 0 and 1 is distributed, in steps of equal width."""
    n = len(counts)
    return _multiple(
        name,
        note=note,
        label=f"{name}: {note}",
        columns=[((kind, number),) for number in counts],
        numbers=[f"{k / n:.2f} to {(k + 1) / n:.2f}: {safe.count(number)}" for k, number in enumerate(counts)],
        axis=("0", "0.5", "1"),
    )


def _multiple(
    name: str,
    *,
    note: str,
    label: str,
    columns: Sequence[Sequence[tuple[str, int]]],
    numbers: Sequence[str],
    axis: Iterable[str],
) -> str:
    """One of many small figures: columns of stacked parts, each part of a kind, over an axis.

    Args:
        label: the figure in words.
        numbers: each column in words.
    """
    most = max((sum(number for _, number in parts) for parts in columns), default=0) or 1
    step = _WIDTH / len(columns)
    shapes = []
    for index, (parts, words) in enumerate(zip(columns, numbers, strict=True)):
        place = f'x="{index * step + 0.5:.2f}" width="{step - 1:.2f}"'
        top = float(_HEIGHT)
        for kind, number in parts:
            height = _HEIGHT * number / most
            top -= height
            if number:
                shapes.append(f'<rect class={_class(kind)} {place} y="{top:.2f}" height="{height:.2f}"/>')
        shapes.append(f'<rect class=hit {place} y="0" height="{_HEIGHT}"><title>{words}</title></rect>')
    return (
        f"<figure class=multiple><figcaption><code>{safe.escape_html(name)}</code><br>"
        f"<span class=note>{safe.escape_html(note)}</span></figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 2}" role=img aria-label="{safe.escape_html(label)}"'
        f" preserveAspectRatio=none>{''.join(shapes)}"
        f"<line x1=0 x2={_WIDTH} y1={_HEIGHT + 0.5} y2={_HEIGHT + 0.5} /></svg>"
        f"<div class=axis>{''.join(f'<span>{each}</span>' for each in axis)}</div></figure>"
    )
