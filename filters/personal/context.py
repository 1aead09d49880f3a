"""Words in front of a number that tell what it is."""

import re
from collections.abc import Iterable
from functools import cached_property

from gristmill.filters.personal.folding import fold

_FAR = 120
_REACH = 56
"""Letters looked at. Digits and signs between do not count, so that a number masked in between changes nothing."""

_NUMBERED = re.compile(r"\w*\d\w*")
_SIGNS = re.compile(r"[\s!-@\[-`{-\xbf\u2000-\u206f\u3001-\u303f\ue000\uff00-\uff20]+")
_SPACED_SCRIPTS_END = "\u0590"
"""Latin, Greek, Cyrillic and Armenian come before: there a word begins where no letter stands in front. In scripts
after, words are joined to articles (Hebrew, Arabic) or to one another (Han, Thai), and are found anywhere."""


class Context:
    """The words in front of a place in a text. Reads no more than `_FAR` code points, and none before it is asked."""

    def __init__(self, text: str, place: int) -> None:
        self._text, self._place = text, place
        self._found: dict[re.Pattern[str], int] = {}

    @cached_property
    def words(self) -> str:
        """The last of them, in lower case, each followed by a space; words with digits left out."""
        before = fold(self._text[max(0, self._place - _FAR) : self._place])
        return f" {_letters(_NUMBERED.sub(' ', before))} "[-_REACH:]

    def has(self, pattern: re.Pattern[str]) -> bool:
        return self.last(pattern) >= 0

    def last(self, pattern: re.Pattern[str]) -> int:
        """Where the last word of a pattern begins; -1 where there is none."""
        if pattern not in self._found:
            self._found[pattern] = max((match.start() for match in pattern.finditer(self.words)), default=-1)
        return self._found[pattern]


def _letters(text: str) -> str:
    return _SIGNS.sub(" ", text.lower()).strip()


def any_of(words: Iterable[str]) -> re.Pattern[str]:
    """A pattern for words, given in lower case without their endings: a word in a text may go on after them.

    A word given with a space at its end has no endings.
    """
    given = sorted({_letters(fold(word)) + " " * word.endswith(" ") for word in words})
    spaced = [word for word in given if word[0] < _SPACED_SCRIPTS_END]
    joined = [word for word in given if word[0] >= _SPACED_SCRIPTS_END]
    parts = ([rf"(?<!\w)(?:{'|'.join(map(re.escape, spaced))})"] if spaced else []) + [
        re.escape(word) for word in joined
    ]
    return re.compile("|".join(parts))
