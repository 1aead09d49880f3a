"""What is found: a kind of personal data and its place in a text."""

import re
from collections.abc import Iterable
from typing import NamedTuple

KINDS: tuple[str, ...] = ("email", "ip", "iban", "card", "national_id", "phone")
"""All kinds, in order of priority: where two would overlap, the one that comes first here is found, the other is not.

An e-mail address is the surest by its form; then come addresses and accounts with a fixed length and a long checksum;
telephone numbers are digits that nothing else explains.
"""


class Span(NamedTuple):
    """Code points `start` up to `end` of a text are personal data of a kind, one of KINDS."""

    kind: str
    start: int
    end: int


BLANK = "\ue000"
"""Stands all over what is found while more is looked for: a private-use character, part of no word and no number."""

_PLACEHOLDER = re.compile("|".join(f"<{kind.upper()}>" for kind in KINDS))


def placeholder(kind: str) -> str:
    """What stands in a masked text in place of a span, such as <NATIONAL_ID>."""
    return f"<{kind.upper()}>"


def without_placeholders(text: str) -> str:
    """The text with placeholders blanked out, as what they stand for was before."""
    return _PLACEHOLDER.sub(lambda match: BLANK * len(match[0]), text) if "<" in text else text


def blanked(text: str, spans: Iterable[Span], *, offset: int = 0) -> str:
    """The text with spans, in order and apart, blanked out: as long as before.

    `offset` is the place in the document where the text begins.
    """
    pieces, end = [], 0
    for span in spans:
        start, stop = span.start - offset, span.end - offset
        pieces += [text[end:start], BLANK * (stop - start)]
        end = stop
    return "".join([*pieces, text[end:]]) if pieces else text
