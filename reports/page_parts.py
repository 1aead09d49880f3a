"""What the sections of the page share."""

from typing import Any

from gristmill.reports import safe


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
