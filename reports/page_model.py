"""The report's section on what a model found of the corpus: losses, documents that stand out, what experts read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from gristmill.reports import page_data
from gristmill.reports.page_measures import table
from gristmill.reports.page_parts import escape, nothing
from gristmill.reports.views import fetch

_TABLES = {
    "loss_sources": "Loss by language and source, hardest first: nats a token, and how far above the language's own",
    "loss_languages": "Labels that the model doubts",
    "loss_odd": "Far harder than others of their language and source",
    "loss_duplicates": "Losses that collapse from first to last sight",
    "loss_quality": "What the quality score predicts: correlation with the loss, and residuals of its quarters",
    "routing": "What experts know of languages and domains: bits a token, beside chance",
}
_LAYERS, _LANGUAGES = 4, 24
_CELL, _NAME, _TOP = 16, 84, 4
_STEPS = 3
"""Powers of two above or below an even use, at which colours are full."""

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class _Layer:
    """How often each language chose each expert, beside all tokens: binary logarithms, by language and expert."""

    number: int
    languages: Sequence[str]
    lifts: Sequence[Sequence[float]]


def model(connection: duckdb.DuckDBPyConnection) -> str:
    """The section as HTML."""
    found = {title: page_data.rows(connection, query) for query, title in _TABLES.items()}
    if not any(found.values()):
        return nothing("No model has been trained in this folder: gristmill train OUT.")
    layers = _layers(connection)
    maps = "".join(map(_heat_map, layers))
    note = (
        "<p class=note>Each row is a language, each column an expert, those of a language side by side. Green is chosen"
        " up to eight times as often as by all tokens together, orange as seldom; white is even.</p>"
    )
    tables = "".join(table(title, rows) for title, rows in found.items() if rows)
    return tables + (note + f"<div class=heats>{maps}</div>" if layers else "")


def _layers(connection: duckdb.DuckDBPyConnection) -> list[_Layer]:
    """Some layers from the first to the last, in the second half of the run."""
    rows = fetch(
        connection,
        """
        WITH late AS (SELECT * FROM routing WHERE step > (SELECT max(step) / 2 FROM routing)),
        large AS (SELECT language FROM late GROUP BY language ORDER BY sum(tokens) DESC, language LIMIT ?),
        used AS (SELECT layer, expert, sum(tokens) AS tokens FROM late GROUP BY layer, expert)
        SELECT layer, expert, language, used.tokens AS everyone, coalesce(sum(late.tokens), 0) AS tokens
        FROM used CROSS JOIN large LEFT JOIN late USING (layer, expert, language)
        GROUP BY ALL ORDER BY layer, language, expert
        """,
        _LANGUAGES,
    )
    numbers = sorted({row["layer"] for row in rows})
    last = max(1, min(_LAYERS, len(numbers)) - 1)
    chosen = sorted({numbers[place * (len(numbers) - 1) // last] for place in range(last + 1)}) if numbers else []
    return [_layer([row for row in rows if row["layer"] == number]) for number in chosen]


def _layer(rows: Rows) -> _Layer:
    languages = sorted({row["language"] for row in rows})
    lifts = []
    for language in languages:
        own = [row for row in rows if row["language"] == language]
        shares = [(row["tokens"] / max(1, _sum(own, "tokens")), row["everyone"] / _sum(own, "everyone")) for row in own]
        lifts.append([_lift(mine, everyone) for mine, everyone in shares])
    return _Layer(number=rows[0]["layer"], languages=languages, lifts=lifts)


def _sum(rows: Rows, column: str) -> int:
    return sum(row[column] for row in rows)


def _lift(mine: float, everyone: float) -> float:
    if not (mine and everyone):
        return -_STEPS if everyone else 0.0
    return max(-_STEPS, min(_STEPS, math.log2(mine / everyone)))


def _heat_map(layer: _Layer) -> str:
    """A figure; each row's numbers are in words where the pointer is, and the largest in its label."""
    columns = list(zip(*layer.lifts, strict=True))
    order = sorted(range(len(columns)), key=lambda each: (_most(columns[each]), -max(columns[each]), each))
    shapes, words = [], []
    for row, (language, lifts) in enumerate(zip(layer.languages, layer.lifts, strict=True)):
        y = _TOP + row * _CELL
        told = ", ".join(
            f"expert {each} x{2 ** lifts[each]:.2g}" for each in sorted(order, key=lambda e: -lifts[e])[:5]
        )
        words.append(f"{language}: {told}")
        cells = "".join(_cell(lifts[each], x=_NAME + place * _CELL, y=y) for place, each in enumerate(order))
        shapes.append(
            f'<g><title>{escape(words[-1])}</title><text x="{_NAME - 6}" y="{y + _CELL - 5}" text-anchor="end">'
            f'{escape(language)}</text><rect class=hit x="{_NAME}" y="{y}" width="{len(order) * _CELL}"'
            f' height="{_CELL}"/>{cells}</g>'
        )
    width, height = _NAME + len(order) * _CELL, 2 * _TOP + len(layer.languages) * _CELL
    label = escape(f"Layer {layer.number}. Most above even: {'; '.join(words)}")
    return (
        f"<figure class=heat><figcaption>Layer {layer.number}</figcaption>"
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role=img aria-label="{label}">{"".join(shapes)}</svg>'
        "</figure>"
    )


def _most(column: Sequence[float]) -> int:
    return column.index(max(column))


def _cell(lift: float, *, x: int, y: int) -> str:
    strength = round(abs(lift) / _STEPS, 1)
    if not strength:
        return ""
    kind = "more" if lift > 0 else "less"
    return f'<path class={kind} fill-opacity="{strength}" d="M{x} {y}h{_CELL - 1}v{_CELL - 1}h-{_CELL - 1}z"/>'
