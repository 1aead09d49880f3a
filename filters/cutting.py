"""How passages are taken out of a text so that what stays reads as if they had never stood there."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from gristmill.filters.characters import CLOSER, TERMINAL, with_flags
from gristmill.filters.edits import LINE_BREAK, OPENERS, SEPARATORS, Edit, Place, union

_CLOSERS = ")]}\"'»”’›」』）】"


def cuts(text: str, passages: Iterable[Place]) -> list[Edit]:
    """The edits that remove passages, in order, none touching another.

    A passage that fills lines goes with their breaks, and of the blank lines around it the fewer go too; so do marks
    that are all that is left of a line. Within a line the punctuation that belongs to it goes, and one of the gaps on
    both sides stays; a line break, where the passage had one. No letter or number goes that is not in a passage. Linear
    in the text, n log n in the passages.

    Args:
        passages: start and end of each in code points, in any order; they may overlap.
    """
    lines = _Lines.of(text)
    widened = [_widened(text, lines, start, end) for start, end in union(passages)]
    joined = union(_bridged(text, widened))
    return [_edit(text, lines, start, end) for start, end in joined]


@dataclass(frozen=True, kw_only=True)
class _Lines:
    """Where each line of a text begins and ends; the next one begins behind its break, the last one at the text's end.

    `begins` has one entry more than there are lines.
    """

    begins: list[int]
    ends: list[int]

    @classmethod
    def of(cls, text: str) -> "_Lines":
        breaks = list(LINE_BREAK.finditer(text))
        return cls(
            begins=[0, *(each.end() for each in breaks), len(text)],
            ends=[*(each.start() for each in breaks), len(text)],
        )

    def at(self, place: int) -> int:
        """The line that a character is in."""
        return bisect_right(self.begins, place, hi=len(self.ends)) - 1


def _widened(text: str, lines: _Lines, start: int, end: int) -> Place:
    """The span with the punctuation that touches it, and with what is left of its lines if that has no letter or
    number. Behind the beginning of a sentence that stays, brackets go alone, in pairs: its end stays too.
    """
    before = text[lines.begins[lines.at(start)] : start]
    after = text[end : lines.ends[lines.at(end - 1)]]
    opened = len(before) - len(before.rstrip(OPENERS))
    said = before[: len(before) - opened].rstrip()
    is_first = not any(map(str.isalnum, before))
    if not is_first and said[-1] not in _ends():
        pairs = min(opened, len(after) - len(after.lstrip(_CLOSERS)))
        return start - pairs, end + pairs
    start -= len(before.lstrip()) if is_first else opened
    end += len(after) - len(after.lstrip(_trailing())) if any(map(str.isalnum, after)) else len(after.rstrip())
    return start, end


def _bridged(text: str, spans: list[Place]) -> Iterator[Place]:
    """The spans, and the gaps between two of them that hold white space and punctuation alone."""
    punctuation = _trailing() + OPENERS
    for index, (start, end) in enumerate(spans):
        yield start, end
        after = spans[index + 1][0] if index + 1 < len(spans) else end
        if not "".join(text[end:after].split()).strip(punctuation):
            yield end, after


def _edit(text: str, lines: _Lines, start: int, end: int) -> Edit:
    first, last = lines.at(start), lines.at(end - 1)
    before, after = text[lines.begins[first] : start], text[end : lines.ends[last]]
    if not before.strip() and not after.strip():
        return _without_lines(text, lines, first, last)
    left, right = len(before) - len(before.rstrip()), len(after) - len(after.lstrip())
    if not before.strip():
        return Edit(start, end + right)
    if not after.strip():
        return Edit(start - left, end + right)
    gap = "" if after.lstrip()[0] in _trailing() else before[len(before) - left :] or after[:right]
    return Edit(start - left, end + right, "\n" if last > first else gap)


def _without_lines(text: str, lines: _Lines, first: int, last: int) -> Edit:
    """Takes out whole lines and, of the blank lines around them, the fewer; at an end of the text all of them."""

    def is_blank(line: int) -> bool:
        return not text[lines.begins[line] : lines.ends[line]].strip()

    above, below, n_lines = first, last + 1, len(lines.ends)
    while above > 0 and is_blank(above - 1):
        above -= 1
    while below < n_lines and is_blank(below):
        below += 1
    if below == n_lines:
        before = text[lines.begins[above - 1] : lines.ends[above - 1]] if above else ""
        return Edit(lines.ends[above - 1] - (len(before) - len(before.rstrip())) if above else 0, len(text))
    if above == 0:
        return Edit(0, lines.begins[below])
    if first - above >= below - last - 1:
        return Edit(lines.begins[first], lines.begins[below])
    return Edit(lines.begins[above], lines.begins[last + 1])


@cache
def _ends() -> str:
    """What a sentence ends with."""
    return with_flags(TERMINAL | CLOSER) + _CLOSERS


@cache
def _trailing() -> str:
    """Punctuation that belongs to what stands before it."""
    return _ends() + SEPARATORS
