"""The page's charts: a few shapes in HTML and SVG, each with its numbers in words for those who do not see it."""

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
    most = max((kept + other for kept, other in shown.bins), default=0) or 1
    step = _WIDTH / len(shown.bins)
    shapes = []
    for index, (kept, other) in enumerate(shown.bins):
        below, above = _HEIGHT * kept / most, _HEIGHT * other / most
        place = f'x="{index * step + 0.5:.2f}" width="{step - 1:.2f}"'
        if kept:
            shapes.append(f'<rect class=kept {place} y="{_HEIGHT - below:.2f}" height="{below:.2f}"/>')
        if other:
            shapes.append(f'<rect class=dropped {place} y="{_HEIGHT - below - above:.2f}" height="{above:.2f}"/>')
        low, high = shown.edges[index], shown.edges[index + 1]
        title = f"{safe.number(low)} to {safe.number(high)}: {safe.count(kept)} kept, {safe.count(other)} not kept"
        shapes.append(f'<rect class=hit {place} y="0" height="{_HEIGHT}"><title>{title}</title></rect>')
    scale = "logarithmic scale" if shown.logarithmic else "linear scale"
    label = f"{shown.name}: {safe.count(shown.documents)} documents, median {safe.number(shown.median)}, {scale}"
    return (
        f"<figure class=multiple><figcaption><code>{safe.escape_html(shown.name)}</code><br>"
        f"<span class=note>{safe.escape_html(shown.meaning)}</span></figcaption>"
        f"{_svg(shapes, label=label)}"
        f"<div class=axis><span>{safe.number(shown.edges[0])}</span>"
        f"<span>median {safe.number(shown.median)}{', log scale' if shown.logarithmic else ''}</span>"
        f"<span>{'≥ ' if shown.open_end else ''}{safe.number(shown.edges[-1])}</span></div></figure>"
    )


def distribution(counts: Sequence[int], *, name: str, note: str, kind: str) -> str:
    """How something between 0 and 1 is distributed, in steps of equal width."""
    most, step = max(counts, default=0) or 1, _WIDTH / len(counts)
    shapes = []
    for index, number in enumerate(counts):
        height = _HEIGHT * number / most
        place = f'x="{index * step + 0.5:.2f}" width="{step - 1:.2f}"'
        if number:
            shapes.append(f'<rect class={_class(kind)} {place} y="{_HEIGHT - height:.2f}" height="{height:.2f}"/>')
        title = f"{index / len(counts):.2f} to {(index + 1) / len(counts):.2f}: {safe.count(number)}"
        shapes.append(f'<rect class=hit {place} y="0" height="{_HEIGHT}"><title>{title}</title></rect>')
    return (
        f"<figure class=multiple><figcaption><code>{safe.escape_html(name)}</code><br>"
        f"<span class=note>{safe.escape_html(note)}</span></figcaption>{_svg(shapes, label=f'{name}: {note}')}"
        "<div class=axis><span>0</span><span>0.5</span><span>1</span></div></figure>"
    )


def _svg(shapes: Iterable[str], *, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 2}" role=img aria-label="{safe.escape_html(label)}"'
        f" preserveAspectRatio=none>{''.join(shapes)}"
        f"<line x1=0 x2={_WIDTH} y1={_HEIGHT + 0.5} y2={_HEIGHT + 0.5} /></svg>"
    )
