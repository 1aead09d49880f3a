"""Two nearly equal texts side by side: where they agree, and where they do not."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COMPARED_TOKENS = 3000
"""Tokens of each text that are aligned, after what they have in common at either end: the work is quadratic."""

# Scripts written without spaces are compared by character, all others by word: a changed word is easier to see as a
# whole than as the letters that happen to differ.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+|\s+")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A stretch of both texts. Where they agree, `left` equals `right`; what only one has is empty in the other."""

    left: str
    right: str

    @property
    def same(self) -> bool:
        return self.left == self.right


def compare(left: str, right: str) -> tuple[Segment, ...]:
    """The two texts as stretches that agree and stretches that do not; joined, they give the texts again."""
    a, b = _TOKEN.findall(left), _TOKEN.findall(right)
    head = _common(a, b)
    tail = _common(a[head:][::-1], b[head:][::-1])
    end_a, end_b = len(a) - tail, len(b) - tail
    return tuple(
        _merged(
            [
                _segment(a[:head], b[:head]),
                *_aligned(a[head:end_a], b[head:end_b]),
                _segment(a[end_a:], b[end_b:]),
            ]
        )
    )


def _aligned(a: Sequence[str], b: Sequence[str]) -> Iterator[Segment]:
    near_a, near_b = a[:COMPARED_TOKENS], b[:COMPARED_TOKENS]
    matcher = difflib.SequenceMatcher(None, near_a, near_b, autojunk=len(near_a) + len(near_b) > COMPARED_TOKENS)
    for _, start_a, stop_a, start_b, stop_b in matcher.get_opcodes():
        yield _segment(near_a[start_a:stop_a], near_b[start_b:stop_b])
    yield _segment(a[COMPARED_TOKENS:], b[COMPARED_TOKENS:])


def _segment(a: Sequence[str], b: Sequence[str]) -> Segment:
    return Segment(left="".join(a), right="".join(b))


def _merged(segments: Sequence[Segment]) -> Iterator[Segment]:
    """Neighbours of the same kind as one, empty ones left out."""
    last: Segment | None = None
    for each in segments:
        if not each.left and not each.right:
            continue
        if last is not None and last.same == each.same:
            last = Segment(left=last.left + each.left, right=last.right + each.right)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last


def _common(a: Sequence[str], b: Sequence[str]) -> int:
    for index, (one, other) in enumerate(zip(a, b, strict=False)):
        if one != other:
            return index
    return min(len(a), len(b))
