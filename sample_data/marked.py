"""Reads `planted_texts/`: texts that say themselves what has to be found in them.

A mark is `⟦kind:text⟧`. Headings name the text's language, and a second one where it is in two.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from articles import Article, sections

_MARK = re.compile(r"⟦(\w+):(.*?)⟧")


@dataclass(frozen=True)
class Mark:
    kind: str
    text: str


@dataclass(frozen=True)
class Marked:
    """A text without its marks, and the marks."""

    article: Article
    languages: tuple[str, ...]
    marks: tuple[Mark, ...]

    def of(self, *kinds: str) -> tuple[str, ...]:
        """What is marked as one of these kinds."""
        return tuple(mark.text for mark in self.marks if mark.kind in kinds)


def _as_it_is(mark: Mark) -> str:
    return mark.text


def unmark(text: str, spell: Callable[[Mark], str] = _as_it_is) -> tuple[str, tuple[Mark, ...]]:
    """A text with each mark replaced by what it stands for, and the marks."""
    marks = tuple(Mark(*found) for found in _MARK.findall(text))
    plain = _MARK.sub(lambda found: spell(Mark(found[1], found[2])), text)
    if "⟦" in plain or "⟧" in plain:
        raise ValueError(f"a mark is not closed, or has no kind: {plain}")
    return plain, marks


def load_marked(root: Path, theme: str, spell: Callable[[Mark], str] = _as_it_is) -> list[Marked]:
    """The texts of `planted_texts/<theme>.txt`."""
    source = f"planted_texts/{theme}.txt"
    found = []
    for slug, label, title, paragraphs in sections((root / source).read_text("utf-8"), source):
        pairs = [unmark(paragraph, spell) for paragraph in paragraphs]
        languages = tuple(label.split())
        article = Article(slug, "general", languages[0], title, tuple(text for text, _ in pairs), source)
        found.append(Marked(article, languages, tuple(mark for _, marks in pairs for mark in marks)))
    return found
