"""datatrove's rules with our definitions put in one by one: what explains a difference of verdicts.

`value(rule, reading, ours)` is a rule's measure by datatrove 0.10.1's definition, but for the differences named in
`ours`, where it is by Gristmill's. With none it gives datatrove's verdicts, with all of them Gristmill's: both are
checked for each document, so that no difference goes unnamed.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from gristmill.filters.characters import CLOSER, ELLIPSIS, FORMAT, SPACE, TERMINAL, characters

DIFFERENCES = {
    "words": "datatrove's words are spaCy's tokens: punctuation marks, n't and 's are words, /usr/bin and foo(bar) are "
    "one. Ours have letters or numbers, near UAX #29, and foo(bar) are two; in shares of words with letters, and of "
    "line breaks, they are tokens near spaCy's, since the limits were made with these.",
    "case": "Our words are compared case folded: The is the.",
    "spaces": "datatrove adds the spaces within it to the commonest n-gram; we count characters of words only, as both "
    "do for duplicate n-grams.",
    "twice": "Our commonest n-gram occurs at least twice, and is the longest of several as common; datatrove's is the "
    "first, and one of a kind counts too.",
    "lines": "Our lines end at all of UAX #14's mandatory breaks, are stripped, and blank ones are none. datatrove "
    "counts blank lines for bullets and ellipses, and what stands around a line as part of it.",
    "paragraphs": "Our paragraphs are parted by any blank line, and have the characters of their lines; datatrove's by "
    "empty lines, with the breaks within.",
    "closers": "We look behind closing quotation marks and brackets for what ends a line, and an ellipsis ends it too.",
    "bullets": "We know more bullets; a hyphen is one only before a space, an asterisk too.",
    "symbols": "We count a run of dots as one ellipsis; datatrove counts each three of them.",
    "characters": "The characters of duplicate lines are a share of all characters with us, of all but line feeds in "
    "FineWeb's code.",
    "marks": "We do not count marks and invisible characters as letters of a word.",
}
"""What Gristmill does otherwise, and why: see docs/measures/signals.md."""

STOP_WORDS = frozenset({"the", "be", "to", "of", "and", "that", "have", "with"})
_BREAKS = re.compile("\r\n|[\n\v\f\r\x85\u2028\u2029]")
_BULLETS = "•‣⁃∙▪▫■□▶►▸▹●○◆◇◦➢➤➔★☆✓✔❖⦁⦿・※"
_BULLETS_BEFORE_SPACE = "-–*+·"
_ELLIPSES = "…⋯︙"
_HYPHENS = "-‐‑֊־"
_PARTING = frozenset("/:<>=,~–—")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A document's text, and its words by both definitions.

    Attributes:
        tokens: datatrove's words.
        spans: where ours begin and end.
        punctuation: datatrove's punctuation characters.
        terminals: datatrove's sentence-final punctuation.
    """

    text: str
    tokens: Sequence[str]
    spans: Sequence[tuple[int, int]]
    punctuation: Set[str]
    terminals: Set[str]

    @cached_property
    def words(self) -> list[str]:
        """Our words, as they stand in the text."""
        return [self.text[start:end] for start, end in self.spans]

    @cached_property
    def our_tokens(self) -> list[str]:
        """Our tokens of a text without scripts without spaces; hyphens in words behind the words."""
        found = [c for word in self.words for c in word if c in _HYPHENS]
        previous = 0
        for start, end in (*self.spans, (len(self.text), len(self.text))):
            gap = self.text[previous:start]
            if previous and start < len(self.text) and not self._parts(previous, start):
                found[-1] += self.text[start:end]
            else:
                found += [c for before, c in pairwise(" " + gap) if c != before and _is_mark(c)]
                found.append(self.text[start:end])
            previous = end
        return found[:-1]

    def _parts(self, previous: int, start: int) -> bool:
        """Whether what stands between two words makes tokens of them."""
        gap = self.text[previous:start]
        between = (self.text[previous - 1], self.text[start])
        return any(map(str.isspace, gap)) or (gap in _PARTING and all(map(str.isalpha, between)))

    @cached_property
    def lines(self) -> list[str]:
        """Our lines."""
        return [line.strip() for line in _BREAKS.split(self.text) if line.strip()]

    @cached_property
    def paragraphs(self) -> list[tuple[str, ...]]:
        """Our paragraphs, as their lines."""
        found: list[list[str]] = [[]]
        for line in map(str.strip, _BREAKS.split(self.text)):
            if line:
                found[-1].append(line)
            elif found[-1]:
                found.append([])
        return [tuple(paragraph) for paragraph in found if paragraph]


def _is_mark(c: str) -> bool:
    return not (c.isspace() or (unicodedata.category(c) == "Cf" and c != "\u200b"))


def value(rule: str, reading: Reading, ours: Set[str]) -> float:
    """What a rule compares with its limit. A document without words or lines has 0 of everything."""
    name = rule.split(".")[1]
    if size := re.fullmatch(r"(top|duplicate)_(\d+)_gram_char_ratio", name):
        covered = (_top if size[1] == "top" else _duplicate)(_compared(reading, ours), int(size[2]), ours)
        return _share(covered, len(reading.text))
    if name.startswith("duplicate_"):
        return _duplicates(rule, reading, ours)
    if "line_ratio" in name:
        return _lines(rule, reading, ours)
    return _words(name, reading, ours)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _compared(reading: Reading, ours: Set[str]) -> list[str]:
    words = [_plain(word) for word in reading.words] if "words" in ours else list(reading.tokens)
    return [word.casefold() for word in words] if "case" in ours else words


def _plain(word: str) -> str:
    """A word as we compare it, but for its case."""
    return "".join("'" if c in "'’" else "-" if c in "-‐‑" else c for c in word if unicodedata.category(c) != "Cf")


def _top(words: Sequence[str], n: int, ours: Set[str]) -> int:
    grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    if not grams:
        return 0
    gram, most = grams.most_common(1)[0]
    if "twice" in ours:
        if most == 1:
            return 0
        gram = max((gram for gram, count in grams.items() if count == most), key=lambda gram: len("".join(gram)))
    return len(("" if "spaces" in ours else " ").join(gram)) * most


def _duplicate(words: Sequence[str], n: int, _: Set[str]) -> int:
    seen: set[tuple[str, ...] | str] = set()
    covered = i = 0
    while i <= len(words) - n:
        gram = tuple(words[i : i + n])
        if gram in seen:
            covered += len("".join(gram))
            i += n
        else:
            seen.add(gram)
            i += 1
    return covered


def _repeated(parts: Sequence[str] | Sequence[tuple[str, ...]]) -> tuple[int, int]:
    """Parts seen before, and their characters."""
    seen: set[str | tuple[str, ...]] = set()
    again = [part for part in parts if part in seen or seen.add(part)]  # type: ignore[func-returns-value]
    return len(again), sum(len("".join(part)) for part in again)


def _duplicates(rule: str, reading: Reading, ours: Set[str]) -> float:
    text = reading.text
    parts: Sequence[str] | Sequence[tuple[str, ...]]
    if "paragraph" in rule:
        parts = reading.paragraphs if "paragraphs" in ours else re.split(r"\n{2,}", text.strip())
    elif "lines" in ours:
        parts = reading.lines
    elif rule.startswith("fineweb"):
        parts = [line for line in text.split("\n") if line.strip()]
    else:
        parts = re.split("\n+", text)
    again, chars = _repeated(parts)
    if "char_ratio" not in rule:
        return _share(again, len(parts))
    return _share(chars, len(text.replace("\n", "") if _is_without_breaks(rule, ours) else text))


def _is_without_breaks(rule: str, ours: Set[str]) -> bool:
    return rule.startswith("fineweb") and "characters" not in ours


def _lines(rule: str, reading: Reading, ours: Set[str]) -> float:
    if "lines" in ours:
        lines = reading.lines
    elif rule.startswith("fineweb"):
        lines = [line for line in reading.text.split("\n") if line.strip()]
    else:
        lines = reading.text.splitlines()
    tests = {
        "gopher.bullet_line_ratio.max": _is_bullet,
        "gopher.ellipsis_line_ratio.max": _is_ellipsis,
        "fineweb.terminal_line_ratio.min": _is_terminal,
        "fineweb.short_line_ratio.max": lambda line, *_: len(line) <= 30,
    }
    return _share(sum(tests[rule](line, reading, ours) for line in lines), len(lines))


def _is_bullet(line: str, _: Reading, ours: Set[str]) -> bool:
    line = line.lstrip()
    if "bullets" not in ours:
        return line.startswith(("•", "-"))
    return bool(line) and (line[0] in _BULLETS or (line[0] in _BULLETS_BEFORE_SPACE and line[1:2].isspace()))


def _said(line: str) -> str:
    """A line without the closing marks at its end, as long as it is more than one character."""
    kinds = characters().kinds
    end = len(line)
    while end > 1 and kinds[ord(line[end - 1])] & (CLOSER | SPACE | FORMAT):
        end -= 1
    return line[:end]


def _is_ellipsis(line: str, _: Reading, ours: Set[str]) -> bool:
    return _said(line).endswith(("...", *_ELLIPSES)) if "closers" in ours else line.rstrip().endswith(("...", "…"))


def _is_terminal(line: str, reading: Reading, ours: Set[str]) -> bool:
    if "closers" in ours:
        return bool(characters().kinds[ord(_said(line)[-1])] & (TERMINAL | ELLIPSIS))
    return line.endswith(tuple(reading.terminals))


def _words(name: str, reading: Reading, ours: Set[str]) -> float:
    words = reading.words if "words" in ours else reading.tokens
    said = words if "words" in ours else [word for word in words if any(c not in reading.punctuation for c in word)]
    if name == "n_words":
        return len(said)
    if name == "mean_word_length":
        return _share(sum(_length(word, ours) for word in said), len(said))
    if name == "stop_words":
        return len(STOP_WORDS & set(_compared(reading, ours)))
    tokens = reading.our_tokens if "words" in ours else reading.tokens
    if name == "alpha_word_ratio":
        return _share(sum(any(map(str.isalpha, token)) for token in tokens), len(tokens))
    if name == "newline_word_ratio":
        breaks = len(_BREAKS.findall(reading.text)) if "lines" in ours else reading.text.count("\n")
        return _share(breaks, len(tokens))
    return _share(_symbols(reading, ours), len(tokens))


def _length(word: str, ours: Set[str]) -> int:
    return sum(unicodedata.category(c) not in ("Mn", "Mc", "Me", "Cf") for c in word) if "marks" in ours else len(word)


def _symbols(reading: Reading, ours: Set[str]) -> int:
    text = reading.text
    if "symbols" not in ours:
        return max(text.count("#"), text.count("...") + text.count("…"))
    ellipses = len(re.findall(r"\.{3,}", text)) + sum(map(text.count, _ELLIPSES))
    return max(text.count("#") + text.count("＃"), ellipses)
