"""Edits of a text: personal data masked and passages cut out, all at once, by offsets into the text as it was."""

from collections.abc import Iterable
from typing import NamedTuple


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
