"""Which parts of a text to cut out, so that what stays reads as if an evaluation item had never stood there."""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gristmill.filters.characters import BREAK, CLOSER, TERMINAL, with_flags
from gristmill.filters.edits import LINE_BREAK, OPENERS, SEPARATORS, Place, union

SCRAP = 16
"""What is left of a sentence goes with the passage if it is no longer than that, or than a quarter of the passage."""

LABEL = 8
"""Characters of a line that may be its number or bullet, with at most three letters or digits."""


def passages(text: str, evidence: Iterable[Mapping[str, Any]]) -> list[Place]:
    """What to cut, in order, none touching another.

    Each finding is taken with the rest of its sentence or line where that is a scrap ("Question:", "Answer: 18."), with
    the punctuation around it, and with the white space on one side: the wider gap stays, at the text's ends none. A
    longer rest stays, as it may be the document's own. Linear in the text, n log n in the findings.

    Args:
        evidence: findings with `start` and `end`, as in the table `contamination`.
    """
    found = union((each["start"], each["end"]) for each in evidence)
    extended = [_with_scraps(text, start, end) for start, end in found]
    joined = [_with_gap(text, start, end) for start, end in union(_bridged(text, extended))]
    return list(union(joined))


def _bridged(text: str, spans: list[Place]) -> Iterator[Place]:
    """The spans, and the gaps between two of them that hold no letter or number."""
    for index, (start, end) in enumerate(spans):
        yield start, end
        after = spans[index + 1][0] if index + 1 < len(spans) else end
        if end < after <= end + SCRAP and not any(map(str.isalnum, text[end:after])):
            yield end, after


def _with_scraps(text: str, start: int, end: int) -> Place:
    """The span with the rest of its sentence if that is a scrap, and with a number or bullet before it."""
    scrap = max(SCRAP, (end - start) // 4)
    first = max(0, start - scrap - 1)
    before, after = text[first:start], text[end : end + scrap + 1]
    begin = max((match.end() for match in _sentence_ends().finditer(before)), default=-1 if first else 0)
    match = _sentence_ends().search(after)
    stop = match.end() if match else len(after)  # more than a scrap, unless the text ends there
    if begin >= 0 and stop <= scrap:
        return _without_label(text, first + begin), end + stop
    start -= len(before) - len(before.rstrip(OPENERS))
    return _without_label(text, start), end + len(after) - len(after.lstrip(_trailing()))


def _without_label(text: str, start: int) -> int:
    """Where the line of a span begins, if only a number or bullet stands before it there; else where the span does."""
    first = max(0, start - LABEL)
    before = text[first:start]
    line = LINE_BREAK.split(before)[-1]
    if (len(line) == len(before) and first > 0) or sum(map(str.isalnum, line)) > 3:
        return start
    return start - len(line)


def _with_gap(text: str, start: int, end: int) -> Place:
    """The span with the white space on one side of it, or on both at an end of the text."""
    first, last = start, end
    while first > 0 and text[first - 1].isspace():
        first -= 1
    while last < len(text) and text[last].isspace():
        last += 1
    if first == 0 or last == len(text):
        return first, last
    return (start, last) if _width(text[first:start]) >= _width(text[end:last]) else (first, end)


def _width(gap: str) -> tuple[int, bool]:
    """How wide a gap is: line breaks, two at most, then whether there is any."""
    return min(len(LINE_BREAK.findall(gap)), 2), gap != ""


@functools.cache
def _sentence_ends() -> re.Pattern[str]:
    """The end of a sentence with the quotes that close it: a mark of ASCII only before white space (3.14, example.org),
    a line break always."""
    terminal, closer = with_flags(TERMINAL), with_flags(CLOSER)
    wide = "".join(each for each in terminal if not each.isascii())
    closers = f"[{re.escape(closer)}]*"
    marks = f"[{re.escape(terminal)}]+{closers}(?=\\s|$)|[{re.escape(wide)}]+{closers}"
    return re.compile(f"{marks}|[{re.escape(with_flags(BREAK))}]+")


@functools.cache
def _trailing() -> str:
    """Punctuation that belongs to what stands before it."""
    return with_flags(TERMINAL | CLOSER) + SEPARATORS
