"""What the lines of a document are like, by the rules of Gopher, C4, FineWeb, RefinedWeb and mC4.

`docs/measures/signals.md` has each rule with its source. All are counts here; `signals` makes the ratios.

Where a rule counts the words of a line, a letter of a script without spaces is half a word: an English word takes 1.7
letters of Chinese, 2.4 of Japanese, and 3 to 4 of Thai.
"""

from typing import Any, NamedTuple

import numpy as np

from gristmill.filters._jit import jit
from gristmill.filters.characters import (
    BULLET,
    BULLET_BEFORE_SPACE,
    CLOSER,
    CORE,
    DIGIT,
    ELLIPSIS,
    FORMAT,
    LETTER,
    LOWER,
    SPACE,
    TERMINAL,
    UNSPACED,
    UPPER,
)
from gristmill.filters.segmentation import LINES, WORDS, Document, UInt64s, find_kind

SHORT_LINE = 30
"""Characters of a short line (FineWeb)."""
SHORT_LINE_UNSPACED = 10
"""The same where most letters of the line are of scripts without spaces, which say more per character."""
LONG_LINE = 200
"""Characters of a long line (mC4)."""
ONE_WORD = 3
"""Half words of a line of one word (RefinedWeb): one and a half at most, as 购物车 is one word."""
COUNTER_WORDS = 4
"""Half words that may follow the number of a counter (RefinedWeb)."""
C4_WORDS = 10
"""Half words of a line that C4 keeps."""
_DOT = 0x2E
_WORD_SPACE = 0x1361

MARKERS = ("lorem", "ipsum", "javascript", "use", "of", "terms", "policy", "privacy", "cookie", "cookies", "uses")
"""Words whose hashes rules look for, in the order of the constants below."""
LOREM, IPSUM, JAVASCRIPT, _USE, _OF, _TERMS, _POLICY, _PRIVACY, _COOKIE, _COOKIES, _USES = range(len(MARKERS))


class LineCounts(NamedTuple):
    """Lines of each kind, and what is on some of them."""

    bullets: Any
    ellipses: Any
    terminals: Any
    short: Any
    long: Any
    upper: Any
    numeric: Any
    counters: Any
    one_word: Any
    flagged_words: Any
    """Words on lines of the last four kinds, RefinedWeb's."""
    javascript: Any
    policy: Any
    c4: Any
    """Lines that C4 keeps."""
    c4_sentences: Any
    sentences: Any


class _Letters(NamedTuple):
    """Characters of a line, by class."""

    letters: Any
    upper: Any
    core: Any
    unspaced: Any


@jit
def _letters(kinds: Any, start: Any, end: Any) -> _Letters:
    letters, upper, core, unspaced = np.uint32(0), np.uint32(0), np.uint32(0), np.uint32(0)
    for i in range(np.uintp(start), np.uintp(end)):  # unsigned, and sums of 32 bits: vectorised
        kind = kinds[i]
        letters = np.uint32(letters + ((kind & LETTER) != 0))
        upper = np.uint32(upper + ((kind & UPPER) != 0))
        core = np.uint32(core + ((kind & CORE) != 0))
        unspaced = np.uint32(unspaced + ((kind & UNSPACED) != 0))
    return _Letters(np.int64(letters), np.int64(upper), np.int64(core), np.int64(unspaced))


@jit
def _is_short(length: Any, found: _Letters) -> Any:
    if length <= SHORT_LINE_UNSPACED:
        return True
    return length <= SHORT_LINE and 2 * found.unspaced <= found.core


@jit
def _is_bullet(kinds: Any, start: Any, end: Any) -> Any:
    if kinds[start] & BULLET:
        return True
    return kinds[start] & BULLET_BEFORE_SPACE and start + 1 < end and kinds[start + 1] & SPACE


@jit
def _last_said(kinds: Any, start: Any, end: Any) -> Any:
    """The last character of a line that is neither quotation mark, closing bracket nor invisible; its first if all
    are.
    """
    last = end - 1
    while last > start and kinds[last] & (CLOSER | SPACE | FORMAT):
        last -= 1
    return last


@jit
def _is_terminal(document: Document, start: Any, last: Any) -> Any:
    """Whether a line ends as a sentence does, by its last character that counts; two Ethiopic word spaces are typed in
    place of the full stop.
    """
    chars = document.chars
    if document.kinds[last] & TERMINAL:
        return True
    return last > start and chars[last] == _WORD_SPACE and chars[last - 1] == _WORD_SPACE


@jit
def _is_ellipsis(chars: Any, kinds: Any, start: Any, last: Any) -> Any:
    if kinds[last] & ELLIPSIS:
        return True
    return last - 2 >= start and chars[last] == _DOT and chars[last - 1] == _DOT and chars[last - 2] == _DOT


@jit
def _is_counter(document: Document, first: Any, behind: Any, start: Any, end: Any) -> Any:
    """Whether words first to behind, all of a line from start to end that begins with a digit, are a number and a word
    or two, and no more.
    """
    kinds = document.kinds
    if behind - first < 2 or document.word_starts[first] != start or document.word_ends[behind - 1] != end:
        return False
    letters = 0
    for i in range(start, document.word_ends[first]):
        letters += (kinds[i] & LETTER) != 0
    half_words = 0
    for w in range(first + 1, behind):
        half_words += 1 if kinds[document.word_starts[w]] & UNSPACED else 2
        for i in range(document.word_ends[w - 1], document.word_starts[w]):
            if not kinds[i] & SPACE:
                return False
    return letters <= 1 and half_words <= COUNTER_WORDS


@jit
def _is_policy(words: UInt64s, w: Any, first: Any, markers: UInt64s) -> Any:
    """Whether one of C4's phrases ends with word w of a line that begins with word `first`."""
    if w == first:
        return False
    word, before = words[w], words[w - 1]
    if word == markers[_POLICY]:
        return before in (markers[_PRIVACY], markers[_COOKIE])
    of = before == markers[_OF] and w - 2 >= first
    if word == markers[_COOKIES]:
        return before in (markers[_USE], markers[_USES]) or (of and words[w - 2] == markers[_USE])
    return word == markers[_USE] and of and words[w - 2] == markers[_TERMS]


@jit
def _boilerplate(document: Document, first: Any, behind: Any, markers: UInt64s) -> tuple[Any, Any]:
    """Whether the words from first to behind hold Javascript, and whether one of C4's phrases."""
    words = document.words
    javascript, policy = False, False
    for w in range(first, behind):
        javascript = javascript or words[w] == markers[JAVASCRIPT]
        policy = policy or _is_policy(words, w, first, markers)
    return javascript, policy


@jit
def _is_marked(document: Document, markers: UInt64s) -> Any:
    """Whether the document has any word that a phrase ends with. Most have none, and their lines are not looked at."""
    found = 0
    for w in range(document.sizes[WORDS]):
        word = document.words[w]
        found += (
            (word == markers[JAVASCRIPT])
            | (word == markers[_USE])
            | (word == markers[_POLICY])
            | (word == markers[_COOKIES])
        )
    return found > 0


@jit
def _ends_sentence(chars: Any, kinds: Any, last: Any, i: Any, end: Any) -> Any:
    """Whether a sentence ends with terminals up to `last`; closing marks reach up to i, the line up to `end`."""
    if chars[last] != _DOT and not kinds[last] & ELLIPSIS:
        return True
    if i < end and not kinds[i] & SPACE:
        return False
    while i < end and not kinds[i] & (LETTER | TERMINAL):
        i += 1
    return i >= end or not kinds[i] & (LOWER | TERMINAL)


@jit
def _sentences(chars: Any, kinds: Any, start: Any, end: Any) -> Any:
    """Sentences of a line: near UAX #29, without its exceptions for commas.

    A sentence ends behind a run of terminals and the closing marks after it. But a full stop or an ellipsis ends none
    before anything but white space, nor where the next letter is in lower case, nor where another terminal comes before
    a letter. The line's end ends the last. What has no letter is no sentence.
    """
    sentences = 0
    i = start
    while i < end:
        while i < end and not kinds[i] & LETTER:
            i += 1
        if i >= end:
            break
        ended = False
        while i < end and not ended:
            i = find_kind(kinds, i, end, TERMINAL)
            if i >= end:
                break
            last = i
            while i < end and kinds[i] & (TERMINAL | CLOSER | FORMAT):
                last = i if kinds[i] & TERMINAL else last
                i += 1
            ended = _ends_sentence(chars, kinds, last, i, end)
        sentences += 1
    return sentences


@jit
def count_lines(document: Document, markers: UInt64s) -> LineCounts:
    """Count the lines of each kind in a segmented document. Linear in its characters."""
    chars, kinds, word_starts = document.chars, document.kinds, document.word_starts
    n_words = document.sizes[WORDS]
    marked = _is_marked(document, markers)
    bullets, ellipses, terminals, short, long = 0, 0, 0, 0, 0
    upper, numeric, counters, one_word, flagged_words = 0, 0, 0, 0, 0
    javascript, policy, c4, c4_sentences, sentences = 0, 0, 0, 0, 0
    behind = 0
    for line in range(document.sizes[LINES]):
        start, end = document.line_starts[line], document.line_ends[line]
        first = behind
        while behind < n_words and word_starts[behind] < end:
            behind += 1
        found = _letters(kinds, start, end)
        half_words = 2 * (behind - first) - found.unspaced
        last = _last_said(kinds, start, end)
        is_ellipsis = _is_ellipsis(chars, kinds, start, last)
        is_terminal = _is_terminal(document, start, last)
        bullets += 1 if _is_bullet(kinds, start, end) else 0
        ellipses += 1 if is_ellipsis else 0
        terminals += 1 if is_terminal else 0
        short += 1 if _is_short(end - start, found) else 0
        long += 1 if end - start >= LONG_LINE else 0

        is_upper = 2 * found.upper > found.letters
        is_numeric = found.letters == 0 and found.core > 0
        is_one_word = half_words <= ONE_WORD
        is_counter = kinds[start] & DIGIT and not is_numeric and _is_counter(document, first, behind, start, end)
        upper += 1 if is_upper else 0
        numeric += 1 if is_numeric else 0
        one_word += 1 if is_one_word else 0
        counters += 1 if is_counter else 0
        if is_upper or is_numeric or is_one_word or is_counter:
            flagged_words += behind - first

        in_line = _sentences(chars, kinds, start, end)
        sentences += in_line
        has_javascript, has_policy = False, False
        if marked:
            has_javascript, has_policy = _boilerplate(document, first, behind, markers)
            javascript += 1 if has_javascript else 0
            policy += 1 if has_policy else 0
        if is_terminal and not is_ellipsis and half_words >= C4_WORDS and not has_javascript and not has_policy:
            c4 += 1
            c4_sentences += in_line
    return LineCounts(
        bullets,
        ellipses,
        terminals,
        short,
        long,
        upper,
        numeric,
        counters,
        one_word,
        flagged_words,
        javascript,
        policy,
        c4,
        c4_sentences,
        sentences,
    )
