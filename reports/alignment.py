"""Two nearly equal texts as tokens, aligned: what both have, and what only one has."""

import bisect
import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from gristmill.filters.characters import MARK, UNSPACED, characters

RUN = 5
"""Tokens that tell a place in both texts."""

GAP = 4_000_000
"""Tokens of one text times those of the other that are aligned one by one between two such places: that is the work."""

_MARK_LIKE = "\u0e33\u0eb3"  # Thai and Lao am: letters to Unicode, and part of the character before them to readers
_ENDS = (".", "!", "?", "。", "！", "？", "؟", "।", "…")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Tokens of both texts that are the same, white space apart; or those of each that stand in the other's place."""

    left: Sequence[str]
    right: Sequence[str]

    @property
    def same(self) -> bool:
        # Mostly they are equal to the last blank, or not even as many.
        return self.left == self.right or (len(self.left) == len(self.right) and keys(self.left) == keys(self.right))


def tokens(text: str) -> list[str]:
    """Words, and characters with their marks in scripts written without spaces; each with the white space behind it.

    White space that the text begins with is part of the first. Joined, they give the text again.
    """
    found: list[str] = _pattern().findall(text)
    return [found[0] + found[1], *found[2:]] if len(found) > 1 and found[0].isspace() else found


def keys(some: Iterable[str]) -> list[str]:
    """What tokens are compared by: white space is no part of it."""
    return [each.strip() for each in some]


def align(a: Sequence[str], b: Sequence[str]) -> list[Piece]:
    """The tokens of two texts as pieces, alternately the same and not."""
    head = _common(a, b)
    tail = _common(a[head:][::-1], b[head:][::-1])
    end_a, end_b = len(a) - tail, len(b) - tail
    middle = _aligned(a[head:end_a], b[head:end_b])
    pieces = list(_merged([_piece(a[:head], b[:head]), *middle, _piece(a[end_a:], b[end_b:])]))
    for place in range(1, len(pieces) - 1):
        # A piece between two differences keeps a token, or they would be one; the first and the last may go.
        kept = (int(place > 1), int(place < len(pieces) - 2))
        pieces[place - 1 : place + 2] = _slid(*pieces[place - 1 : place + 2], kept=kept)
    return list(_merged(pieces))


@cache
def _pattern() -> re.Pattern[str]:
    kinds = characters().kinds
    unspaced = _class(np.flatnonzero(kinds & np.uint32(UNSPACED)))
    marks = _class(np.flatnonzero(kinds & np.uint32(MARK))) + _MARK_LIKE
    return re.compile(rf"(?:[{unspaced}][{marks}]*|[^\s{unspaced}]+)\s*|\s+")


def _class(codes: npt.NDArray[np.intp]) -> str:
    """Code points as the inside of a character class."""
    starts = codes[np.diff(codes, prepend=-2) > 1]
    ends = codes[np.diff(codes, append=0x110001) > 1]
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in zip(starts, ends, strict=True))


def _piece(a: Sequence[str], b: Sequence[str]) -> Piece:
    return Piece(left=a, right=b)


def _aligned(a: Sequence[str], b: Sequence[str]) -> Iterator[Piece]:
    """Between runs of tokens that each text has once and in the same order, what is left is small or has no like."""
    done_a = done_b = 0
    for place_a, place_b in (*_anchors(keys(a), keys(b)), (len(a), len(b))):
        yield from _gap(a[done_a:place_a], b[done_b:place_b])
        done_a, done_b = place_a + 1, place_b + 1
        yield _piece(a[place_a:done_a], b[place_b:done_b])


def _gap(a: Sequence[str], b: Sequence[str]) -> Iterator[Piece]:
    if len(a) * len(b) > GAP:
        yield _piece(a, b)
        return
    matcher = difflib.SequenceMatcher(None, keys(a), keys(b), autojunk=False)
    for _, start_a, stop_a, start_b, stop_b in matcher.get_opcodes():
        yield _piece(a[start_a:stop_a], b[start_b:stop_b])


def _anchors(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the first token of runs that each has once: the longest chain of them that is in order in both."""
    once = _once(b)
    pairs = [(place, once[run]) for run, place in _once(a).items() if run in once]
    ends: list[int] = []  # the pair that the best chain of each length ends with
    before: list[int] = []
    for index, (_, place) in enumerate(pairs):
        length = bisect.bisect_left(ends, place, key=lambda each: pairs[each][1])
        before.append(ends[length - 1] if length else -1)
        ends[length : length + 1] = [index]
    chain = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chain.append(pairs[index])
        index = before[index]
    return chain[::-1]


def _once(some: Sequence[str]) -> dict[tuple[str, ...], int]:
    """Runs of `RUN` tokens that occur once, and where, in their order."""
    places: dict[tuple[str, ...], int] = {}
    for place, run in enumerate(zip(*(some[start:] for start in range(RUN)), strict=False)):
        places[run] = -1 if run in places else place
    return {run: place for run, place in places.items() if place >= 0}


def _merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Neighbours of the same kind as one, empty ones left out."""
    some = (each for each in pieces if each.left or each.right)
    for _, group in itertools.groupby(some, key=lambda each: each.same):
        together = list(group)
        left = [token for each in together for token in each.left]
        yield _piece(left, [token for each in together for token in each.right])


def _slid(before: Piece, gap: Piece, after: Piece, *, kept: tuple[int, int]) -> tuple[Piece, Piece, Piece]:
    """The same with what only one text has begun where a line or sentence does, if that is as true.

    Of "One. Two. Two. Three." and "One. Two. Three." any of four stretches may be the one that is too much.
    """
    if gap.same or (gap.left and gap.right):
        return before, gap, after
    if gap.right:
        one, two, three = _slid(_mirrored(before), _mirrored(gap), _mirrored(after), kept=kept)
        return _mirrored(one), _mirrored(two), _mirrored(three)
    shift = _shift(before.left, gap.left, after.left, kept=kept)
    if shift < 0:
        moved = _piece(before.left[shift:], before.right[shift:])
        return (
            _piece(before.left[:shift], before.right[:shift]),
            _piece([*moved.left, *gap.left[:shift]], []),
            _piece([*gap.left[shift:], *after.left], [*moved.right, *after.right]),
        )
    return (
        _piece([*before.left, *gap.left[:shift]], [*before.right, *after.right[:shift]]),
        _piece([*gap.left[shift:], *after.left[:shift]], []),
        _piece(after.left[shift:], after.right[shift:]),
    )


def _mirrored(piece: Piece) -> Piece:
    return _piece(piece.right, piece.left)


def _shift(before: Sequence[str], gap: Sequence[str], after: Sequence[str], *, kept: tuple[int, int]) -> int:
    """By how many tokens a stretch is best moved; it may be moved while what it leaves is like what it takes.

    Args:
        kept: tokens that stay on either side at least.
    """
    back = min(_common(before[::-1], gap[::-1]), len(before) - kept[0])
    forth = min(_common(gap, after), len(after) - kept[1])
    around = ["\n", *before, *gap]
    return min(range(-back, forth + 1), key=lambda shift: (_break(around[len(before) + shift]), abs(shift), shift))


def _break(token: str) -> int:
    """How unlikely it is that something new begins behind a token."""
    if token.endswith("\n"):
        return 0
    return 1 if token.rstrip().endswith(_ENDS) else 2


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    for index, (one, other) in enumerate(zip(a, b, strict=False)):
        if one.strip() != other.strip():
            return index
    return min(len(a), len(b))
