"""Reads the plain texts the sample corpus is made of, and hands them out one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

DOMAINS = ("general", "finance", "medicine", "manufacturing", "electric_vehicles")

# Scripts written without spaces between words: "a word" there has to mean a character.
UNSPACED = frozenset({"Hans", "Hant", "Jpan", "Thai", "Khmr"})
RIGHT_TO_LEFT = frozenset({"Arab", "Hebr"})


@dataclass(frozen=True)
class Article:
    """One text of `texts/` or `domain_texts/`."""

    slug: str
    domain: str
    lang: str
    title: str
    paragraphs: tuple[str, ...]
    source: str  # file the text came from, relative to sample_data/

    @property
    def body(self) -> str:
        return "\n\n".join(self.paragraphs)

    @property
    def text(self) -> str:
        return f"{self.title}\n\n{self.body}"

    @property
    def script(self) -> str:
        return self.lang.partition("_")[2]

    @property
    def unspaced(self) -> bool:
        return self.script in UNSPACED

    def with_paragraph(self, index: int, paragraph: str) -> Article:
        paragraphs = list(self.paragraphs)
        paragraphs[index] = paragraph
        return replace(self, paragraphs=tuple(paragraphs))


def sections(content: str, source: str) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Split a text file at its `=== slug | label` lines: slug, label, title and paragraphs of each text."""
    parts = re.split(r"^=== *(.+?) *$", content, flags=re.MULTILINE)
    if parts[0].strip():
        raise ValueError(f"{source}: text before the first heading")
    for heading, block in zip(parts[1::2], parts[2::2], strict=True):
        slug, _, label = (field.strip() for field in heading.partition("|"))
        title, *paragraphs = (" ".join(p.split("\n")).strip() for p in re.split(r"\n[ \t]*\n", block.strip()))
        yield slug, label, title, tuple(p for p in paragraphs if p)


def parse(content: str, lang: str, source: str, domain: str | None = None) -> Iterator[Article]:
    """The articles of a text file, whose headings name their domains. `domain` is for files whose headings do not."""
    for slug, named, title, paragraphs in sections(content, source):
        article = Article(slug, named or domain or "", lang, title, paragraphs, source)
        if article.domain not in DOMAINS or not article.paragraphs:
            raise ValueError(f"{source}: {slug}: unknown domain {article.domain!r}, or no paragraphs")
        yield article


def load(root: Path) -> list[Article]:
    """All articles, in an order that depends on file names alone."""
    articles: list[Article] = []
    for path in sorted((root / "texts").glob("*.txt")):
        articles += parse(path.read_text("utf-8"), path.stem, f"texts/{path.name}")
    for path in sorted((root / "domain_texts").glob("*.txt")):
        articles += parse(path.read_text("utf-8"), "eng_Latn", f"domain_texts/{path.name}", domain=path.stem)
    seen: set[tuple[str, str]] = set()
    for article in articles:
        key = (article.source, article.slug)
        if key in seen:
            raise ValueError(f"{article.source}: two texts are called {article.slug}")
        seen.add(key)
    return articles


class Pool:
    """Articles not placed yet. Each is taken once, so that no text is in the corpus twice by accident."""

    def __init__(self, articles: list[Article]) -> None:
        self._left = list(articles)

    def languages(self) -> list[str]:
        return sorted({article.lang for article in self._left})

    def take(self, lang: str, domain: str | None = None, *, longest: bool = False, source: str = "texts/") -> Article:
        """Remove and return an article: the first that fits, or the longest."""
        fits = [a for a in self._left if a.lang == lang and domain in (None, a.domain) and a.source.startswith(source)]
        if not fits:
            raise LookupError(f"no article left in {lang}, domain {domain}")
        chosen = max(fits, key=lambda a: (len(a.body), a.slug)) if longest else fits[0]
        self._left.remove(chosen)
        return chosen

    def take_up_to(self, count: int, lang: str, domain: str, *, source: str = "texts/") -> list[Article]:
        fits = [a for a in self._left if a.lang == lang and a.domain == domain and a.source.startswith(source)]
        for article in fits[:count]:
            self._left.remove(article)
        return fits[:count]

    def rest(self) -> list[Article]:
        left, self._left = self._left, []
        return left


def shingles(article: Article, size: int = 5) -> set[str]:
    """Word 5-grams, or character 5-grams where the script has no spaces: title and body together."""
    if article.unspaced:
        chars = re.sub(r"\s+", "", article.text)
        return {chars[i : i + size] for i in range(len(chars) - size + 1)}
    words = article.text.split()
    return {" ".join(words[i : i + size]) for i in range(len(words) - size + 1)}


def jaccard(a: Article, b: Article) -> float:
    first, second = shingles(a), shingles(b)
    return len(first & second) / len(first | second)
