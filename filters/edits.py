"""Edits of a text: personal data masked and passages cut out, all at once, by offsets into the text as it was."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

OPENERS = "\"'([{«“‘„‚‹「『（【¿¡"
"""Punctuation that belongs to what stands behind it."""

SEPARATORS = ",;:，；：、"
"""Punctuation within a sentence that belongs to what stands before it."""

LINE_BREAK = re.compile("\r\n|[\n\v\f\r\x85\u2028\u2029]")

Place = tuple[int, int]
"""Start and end in code points."""


class Edit(NamedTuple):
    """Code points `start` up to `end` of a text give way to `replacement`; an empty one cuts them out."""

    start: int
    end: int
    replacement: str = ""


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text after all edits, in whatever order they come; edits that overlap become one, which replaces by what the
    longest of them does.

    Linear in the text, n log n in the edits.

    Raises:
        ValueError: an edit reaches beyond the text.
    """
    pieces: list[str] = []
    end = 0
    for edit in _disjoint(edits):
        if not 0 <= edit.start <= edit.end <= len(text):
            raise ValueError(f"an edit of {edit.start} to {edit.end} in a text of {len(text)} characters")
        pieces += [text[end : edit.start], edit.replacement]
        end = edit.end
    return "".join([*pieces, text[end:]])


def union(places: Iterable[Place]) -> Iterator[Place]:
    """The places in order, those that overlap or touch as one; empty ones are left out."""
    start, end = -1, -1
    for first, last in sorted(place for place in places if place[0] < place[1]):
        if first > end:
            if start >= 0:
                yield start, end
            start, end = first, last
        end = max(end, last)
    if start >= 0:
        yield start, end


def _disjoint(edits: Iterable[Edit]) -> list[Edit]:
    joined: list[Edit] = []
    longest = 0
    for edit in sorted(edits):
        length = edit.end - edit.start
        if not joined or edit.start >= joined[-1].end:
            joined.append(edit)
            longest = length
            continue
        replacement = edit.replacement if length > longest else joined[-1].replacement
        joined[-1] = Edit(joined[-1].start, max(joined[-1].end, edit.end), replacement)
        longest = max(longest, length)
    return joined
