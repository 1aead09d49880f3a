"""What the sections of the page share."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from gristmill.reports import charts, safe

_T = TypeVar("_T")


def escape(value: Any) -> str:
    """Any value as HTML; every string on the page that did not come from this package passes through here."""
    return safe.escape_html(value)


def scroll(table: str) -> str:
    """Wide tables scroll by themselves; tabindex lets the keyboard do it."""
    return f"<div class=scroll tabindex=0 role=group>{table}</div>"


def nothing(why: str) -> str:
    """A note in the place of what there is none of."""
    return f"<p class=note>{escape(why)}</p>"


def uri(text: str | None, *, limit: int) -> str:
    """A URI, cut at so many characters; it is set apart from the direction of what stands around it."""
    return f"<bdi class=uri>{escape(safe.clip(text or '', limit))}</bdi>"


def quoted(content: str) -> str:
    """Someone's text, as HTML already."""
    # dir=auto on a block both sets its direction from its own text and keeps overrides in it from leaking out.
    return f"<blockquote dir=auto>{content or '<i>(no text)</i>'}</blockquote>"


def language_table(caption: str, rows: Iterable[str], *, share_of: str, heads: Iterable[str], foot: str = "") -> str:
    """A table of rows by `language_row`.

    Args:
        share_of: what the bars show shares of.
        heads: what the numbers are.
        foot: a row for all languages.
    """
    head = "".join(f"<th scope=col>{each}</th>" for each in heads)
    return scroll(
        f"<table><caption>{caption}</caption><thead><tr><th scope=col>language</th>"
        f"<th scope=col class=chart>share of {share_of}</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody>{foot and f'<tfoot>{foot}</tfoot>'}</table>"
    )


def language_row(language: str | None, parts: Sequence[tuple[str, int]], cells: Iterable[str]) -> str:
    """A language, a bar that shows the shares of its parts, and numbers; nothing is paler than something."""
    label = language or "(none)"
    numbers = "".join(f"<td{' class=zero' if each in ('0', '0 B') else ''}>{each}</td>" for each in cells)
    bar = charts.stacked(parts, label=label)
    return f"<tr><th scope=row><code>{escape(label)}</code></th><td class=chart>{bar}</td>{numbers}</tr>"


def folded(languages: Sequence[_T], shown: Callable[[Sequence[_T]], str]) -> str:
    """What is shown of these languages, folded away; nothing where there are none."""
    if not languages:
        return ""
    return f"<details><summary>{len(languages)} more languages</summary>{shown(languages)}</details>"
