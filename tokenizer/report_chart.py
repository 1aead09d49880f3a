"""A chart of bars as an SVG file, with its numbers in words for those who do not see it. No libraries."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_NAME, _PLOT, _NUMBER, _LINE, _TOP = 110, 560, 60, 15, 58
_STYLE = """
text { font: 11px system-ui, sans-serif; fill: #222 } .title { font-size: 14px; font-weight: 600 }
.one { fill: #3b6ea8 } .two { fill: #d9822b } .mark { stroke: #888; stroke-dasharray: 2 3 } .number { fill: #666 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .number { fill: #aaa } .one { fill: #6fa3dd } }
"""
_STEPS = (1, 2, 3, 4, 5, 10, 20, 50)
_CLASSES = ("one", "two")


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A name, and a value for each of one or two series."""

    name: str
    values: tuple[float, ...]


def draw(bars: Sequence[Bar], *, names: Sequence[str], title: str) -> str:
    """Horizontal bars, a row for each name; a line at 1, which all are compared with."""
    most = max((value for bar in bars for value in bar.values), default=0.0) * 1.02 or 1.0
    thick = (_LINE - 4) / max(len(names), 1)
    width, height = _NAME + _PLOT + _NUMBER, _TOP + _LINE * len(bars) + 24
    shapes = [f'<text class="title" x="8" y="20">{escape(title)}</text>', *_legend(names)]
    for step in _STEPS:
        if step <= most:
            x = _NAME + _PLOT * step / most
            shapes.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 4}" y2="{height - 18}"/>')
            shapes.append(f'<text class="number" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{step}</text>')
    for row, bar in enumerate(bars):
        y = _TOP + _LINE * row
        words = ", ".join(f"{name} {value:.2f}" for name, value in zip(names, bar.values, strict=True))
        shapes.append(f"<g><title>{escape(f'{bar.name}: {words}')}</title>")
        shapes.append(f'<text x="{_NAME - 6}" y="{y + 9}" text-anchor="end">{escape(bar.name)}</text>')
        for place, value in enumerate(bar.values):
            shapes.append(
                f'<rect class="{_CLASSES[place]}" x="{_NAME}" y="{y + thick * place:.1f}" '
                f'width="{max(_PLOT * value / most, 0.5):.1f}" height="{thick - 0.5:.1f}"/>'
            )
        end = _NAME + _PLOT * max(bar.values) / most + 4
        numbers = " / ".join(f"{value:.2f}" for value in bar.values)
        shapes.append(f'<text class="number" x="{end:.1f}" y="{y + 9}">{numbers}</text></g>')
    label = escape(f"{title}. {len(bars)} languages.", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{label}"><style>{_STYLE}</style>\n' + "\n".join(shapes) + "\n</svg>\n"
    )


def _legend(names: Sequence[str]) -> list[str]:
    found = []
    for place, name in enumerate(names):
        x = 8 + 220 * place
        found.append(f'<rect class="{_CLASSES[place]}" x="{x}" y="31" width="10" height="10"/>')
        found.append(f'<text x="{x + 15}" y="40">{escape(name)}</text>')
    return found
