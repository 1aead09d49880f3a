"""Texts with placeholders such as <EMAIL> in place of personal data."""

from collections.abc import Collection, Iterable

from gristmill.filters.edits import Edit, apply
from gristmill.filters.personal.spans import KINDS, Span, placeholder


def mask(text: str, spans: Iterable[Span], *, kinds: Collection[str] = KINDS) -> str:
    """The text with a placeholder for each span of these kinds.

    Once masked, a text has no further personal data: `find` on it tells nothing new.

    Raises:
        ValueError: a span reaches beyond the text.
    """
    return apply(text, [Edit(span.start, span.end, placeholder(span.kind)) for span in spans if span.kind in kinds])
