"""A run of digits and separators, cut into groups: what cards, identity and telephone numbers are looked for in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.filters.personal.context import Context
from gristmill.filters.personal.folding import fold
from gristmill.filters.personal.spans import BLANK, Span, blanked

_MARGIN = 8
"""Code points on either side of a run that are looked at for what touches it."""

_GROUP = re.compile(r"[0-9A-Za-z]+")
_LAYOUT = str.maketrans(
    dict.fromkeys("0123456789", "9") | dict.fromkeys("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "A")
)
_YEAR = "(?:1[4-9]|20)[0-9]{2}"
_ORDINARY = re.compile(
    rf"""
      [0-9]{{1,2}} [./-] [ ]?[0-9]{{1,2}} [./-] [ ]?{_YEAR}            # 31.12.2019, 1. 1. 2019
    | {_YEAR} - [0-9]{{2}} - [0-9]{{2}} (?:[T -][0-9]{{1,4}})?         # 2019-12-31, 2019-12-31 12
    | {_YEAR} [ ]?[-/][ ]? {_YEAR}                                     # 1998-2001
    | [0-9]{{1,4}} / {_YEAR} (?:[)][ ][0-9]{{1,3}})?                  # 123/2019, 123/2019) 12
    | {_YEAR} / [0-9]{{1,4}}                                           # 2004/18
    """,
    re.VERBOSE,
)
_ENDING = re.compile(r"-[a-z]{1,4}(?![0-9A-Za-z_-])")
"""A case ending, as in Hungarian: 06 1 234 5678-as."""
_SPACED_SCRIPTS_END = "\u0590"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A window of a text, folded.

    Attributes:
        text: the window, and some code points on either side.
        start: where the window begins in `text`.
        end: where it ends.
        offset: what to add to a place in `text` for the place in the document.
        groups: start and end of each group of ASCII letters and digits in the window.
        layout: `text` with 9 for each digit and A for each letter.
        before: the words in front of the window.
    """

    text: str
    start: int
    end: int
    offset: int
    groups: Sequence[tuple[int, int]]
    layout: str
    before: Context

    def without(self, spans: Sequence[Span]) -> "Run":
        """The run with these spans of the document blanked out."""
        if not spans:
            return self
        text = blanked(self.text, spans, offset=self.offset)
        return _run(text, self.start, self.end, offset=self.offset, before=self.before)

    def is_apart(self, start: int, end: int) -> bool:
        """Whether a part of the text is no piece of a longer number, word, decimal or address."""
        left, right = self.text[max(0, start - 2) : start], self.text[end : end + 2]
        return not (_clings(*reversed(left)) or (_clings(*right) and not _ENDING.match(self.text, end)))

    def stands_alone(self, start: int, end: int) -> bool:
        """Whether, besides, no further digits follow or precede after one space, as in a row of a table."""
        left, right = self.text[max(0, start - 2) : start], self.text[end : end + 2]
        return not (
            (len(left) == 2 and left[1] == " " and _is_digit(left[0]))
            or (len(right) == 2 and right[0] == " " and _is_digit(right[1]))
        )


def run(text: str, start: int, end: int) -> Run | None:
    """The run that a window of a text is; None for a date, years, or the number and year of a law."""
    first = max(0, start - _MARGIN)
    folded = fold(text[first : end + _MARGIN])
    if _ORDINARY.fullmatch(folded, start - first, end - first):
        return None
    return _run(folded, start - first, end - first, offset=first, before=Context(text, start))


def _run(text: str, start: int, end: int, *, offset: int, before: Context) -> Run:
    return Run(
        text=text,
        start=start,
        end=end,
        offset=offset,
        groups=[match.span() for match in _GROUP.finditer(text, start, end)],
        layout=text.translate(_LAYOUT),
        before=before,
    )


def _clings(nearest: str = " ", next_: str = " ") -> bool:
    """Whether what stands beside a number makes it part of something longer."""
    if nearest in "_@#%=&?" or _is_digit(nearest) or (nearest.isalnum() and nearest < _SPACED_SCRIPTS_END):
        return True
    return (nearest in ".,:'" and _is_digit(next_)) or (nearest in "-/" and (" " < next_ < "\x7f" or next_ == BLANK))


def _is_digit(character: str) -> bool:
    """Whether this is a digit, or stands where digits stood that are known for what they are."""
    return character.isdigit() or character == BLANK
