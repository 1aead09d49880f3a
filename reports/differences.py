"""Two nearly equal texts side by side: where they agree, and where they do not."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.reports.alignment import align, keys, tokens

CONTEXT = 60
"""Characters, about, that are shown of what both texts have on either side of a difference."""

ELISION = "…"
"""Stands for what both have and is not shown."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of both texts: the same, white space apart, or what each has in the place of the other's."""

    left: str
    right: str

    @property
    def same(self) -> bool:
        return keys(tokens(self.left)) == keys(tokens(self.right))


def compare(left: str, right: str, *, cut: bool = False) -> tuple[Segment, ...]:
    """The two texts as stretches that agree and stretches that do not; joined, they give the texts again.

    Texts are compared by word, as a changed word is easier to see as a whole than as the letters that happen to differ.
    Scripts written without spaces are compared by character, with the marks that belong to it.

    Args:
        cut: whether the texts go on behind what is given: a difference at the end is then left out, as it may be none.
    """
    pieces = align(tokens(left), tokens(right))
    found = tuple(Segment(left="".join(each.left), right="".join(each.right)) for each in pieces)
    return found[:-1] if cut and found and not found[-1].same else found


def excerpts(segments: Sequence[Segment], *, context: int = CONTEXT) -> list[tuple[Segment, ...]]:
    """The differences with a little of what both texts have around them, in their order; far ones are set apart.

    An ellipsis is where a long stretch that both have was left out. Equal texts give none.
    """
    found: list[list[Segment]] = [[]]
    last = len(segments) - 1
    for index, each in enumerate(segments):
        if not each.same or len(each.left) <= context * (1 + (index > 0) + (index < last)):
            found[-1].append(each)
            continue
        if index > 0:
            found[-1].append(_beginning(each, context))
        found.append([])
        if index < last:
            found[-1].append(_end(each, context))
    return [tuple(each) for each in found if not all(segment.same for segment in each)]


def _beginning(segment: Segment, length: int) -> Segment:
    left, right = tokens(segment.left), tokens(segment.right)
    shown = _fitting(left, length)
    if not shown:  # one very long word
        return Segment(left=f"{left[0][:length]}{ELISION}", right=f"{right[0][:length]}{ELISION}")
    return Segment(
        left=f"{''.join(left[:shown]).rstrip()} {ELISION}", right=f"{''.join(right[:shown]).rstrip()} {ELISION}"
    )


def _end(segment: Segment, length: int) -> Segment:
    left, right = tokens(segment.left), tokens(segment.right)
    shown = _fitting(left[::-1], length)
    if not shown:
        return Segment(left=f"{ELISION}{left[-1][-length:]}", right=f"{ELISION}{right[-1][-length:]}")
    return Segment(left=f"{ELISION} {''.join(left[-shown:])}", right=f"{ELISION} {''.join(right[-shown:])}")


def _fitting(some: Sequence[str], length: int) -> int:
    """How many tokens fit."""
    ends = itertools.accumulate(map(len, some))
    return sum(1 for _ in itertools.takewhile(lambda end: end <= length, ends))
