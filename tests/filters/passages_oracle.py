"""Lines, paragraphs and copied spans once more: plain, slow Python, to hold the kernels against."""

import unicodedata
from typing import NamedTuple

from . import oracle

SHORT = 30
"""Weight up to which a line, or a run of lines, is short."""


def verbatim(word: str) -> str:
    """A word as passages are compared by: folded, but with its digits."""
    kept = (
        str(unicodedata.decimal(c)) if c.isdecimal() else oracle.fold(c, before)
        for c, before in zip(word, "\0" + word, strict=False)
    )
    return "".join(kept)


class Word(NamedTuple):
    start: int
    end: int
    text: str


def words(text: str) -> list[Word]:
    """The words that leave a trace, with their places."""
    found = []
    start = 0
    for word in oracle.words(text):
        start = text.index(word, start)
        found.append(Word(start, start + len(word), verbatim(word)))
        start += len(word)
    return [word for word in found if word.text]


def hash_of(found: list[str]) -> int:
    """Hash of some words; 0 of none."""
    return oracle.hash_of([oracle.hash_of(list(map(ord, word))) for word in found]) if found else 0


class Line(NamedTuple):
    start: int
    end: int
    weight: int
    hash: int
    paragraph: int


def lines(text: str) -> list[Line]:
    """The lines that are not blank."""
    found, paragraph = [], []
    for start, end in [*_all_lines(text), (0, 0)]:
        if start < end:
            paragraph.append((start, end))
        elif paragraph:
            found += _lines_of_paragraph(text, paragraph)
            paragraph = []
    return found


def _all_lines(text: str) -> list[tuple[int, int]]:
    """Every line without the white space around it."""
    found, start, i = [], 0, 0
    while i <= len(text):
        if i == len(text) or text[i] in oracle.BREAKS:
            line = text[start:i]
            first = start + len(line) - len(line.lstrip())
            found.append((first, max(first, start + len(line.rstrip()))))
            i += text[i : i + 2] == "\r\n"
            start = i + 1
        i += 1
    return found


def _lines_of_paragraph(text: str, places: list[tuple[int, int]]) -> list[Line]:
    of_line = [[word.text for word in words(text[start:end])] for start, end in places]
    weights = [end - start + 2 * sum(map(oracle.is_unspaced, text[start:end])) for start, end in places]
    several = sum(map(bool, of_line)) > 1 and sum(weights) > SHORT
    whole = hash_of([word for line in of_line for word in line]) if several else 0
    return [
        Line(start, end, weight, hash_of(line), whole)
        for (start, end), weight, line in zip(places, weights, of_line, strict=True)
    ]


def copied(texts: list[str], *, size: int) -> list[list[tuple[int, int, int]]]:
    """Spans of each text whose every run of `size` words an earlier text has too: start, end, documents."""
    read = [words(text) for text in texts]
    grams = [[tuple(word.text for word in each[k : k + size]) for k in range(len(each) - size + 1)] for each in read]
    owners: dict[tuple[str, ...], set[int]] = {}
    for number, each in enumerate(grams):
        for gram in each:
            owners.setdefault(gram, set()).add(number)
    return [
        _spans(read[number], [owners[gram] if min(owners[gram]) < number else set() for gram in each], size)
        for number, each in enumerate(grams)
    ]


def _spans(found: list[Word], owners: list[set[int]], size: int) -> list[tuple[int, int, int]]:
    covered = [set[int]() for _ in found]
    for k, each in enumerate(owners):
        for word in range(k, k + size) if each else ():
            covered[word].add(k)
    spans: list[tuple[int, int, int]] = []
    k = 0
    while k < len(found):
        if not covered[k]:
            k += 1
            continue
        first, begins = k, set[int]()
        while k < len(found) and covered[k]:
            begins |= covered[k]
            k += 1
        spans.append((found[first].start, found[k - 1].end, min(len(owners[begin]) for begin in begins)))
    return spans
