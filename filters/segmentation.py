"""A document as code points, words and lines: decoded and cut up once, for signals and shingles alike.

A *word* is, near UAX #29, a run of letters, marks and numbers of scripts that write spaces, with

- apostrophes, hyphens, middle dots and underscores that stand singly between two letters or numbers (don't, e-mail),
- full stops and commas that stand singly between two digits (1,000.5),

and invisible format characters ignored, except that U+200B ends words. In scripts without spaces every letter is a word
by itself with the marks that follow it; digits still form runs. A mark that follows no word belongs to none.

A *token* is what some limits were made with, near those of spaCy: words with no white space between (f(x), a.b), and
each punctuation mark around them, or hyphen in them. A run of one mark counts once, and symbols are marks. A slash,
colon, comma, dash or sign of comparison between two letters is a mark too, and parts tokens (and/or). In scripts
without spaces every word is a token.

A *line* ends at a mandatory break of UAX #14, CR LF being one. White space around it is not part of it, and a line
without anything else is blank. A *paragraph* is a run of lines with no blank line between.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import (
    BREAK,
    CODE_POINTS,
    CORE,
    DIGIT,
    FORMAT,
    HANS,
    HANT,
    JOINS,
    JOINS_DIGITS,
    JPAN,
    LETTER,
    MARK,
    SCRIPT_SHIFT,
    SIMPLIFIED,
    SPACE,
    TRADITIONAL,
    UNSPACED,
    Characters,
    scripts,
)
from gristmill.filters.folding import IN_CONTEXT, LAST_CODE, fold_behind, next_fold

Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
UInt8s = npt.NDArray[np.uint8]
UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]

MAX_DOCUMENT_BYTES = (1 << 31) - 1
"""Positions in a document are 32-bit, as its counts are in the signals table."""

CHARS, DISTINCT, WORDS, FOLDED, TOKENS, LETTER_TOKENS, LINES, BREAKS, LETTERS, SCRIPT = range(10)
SCRIPT_LETTERS, SECOND_LETTERS = 10, 11
"""Entries of `Document.sizes`: how far each array is filled, tokens and those with a letter, line breaks, letters, the
commonest script's number and letters, and the letters of the next."""

_KANA_SHARE = 20
"""A text in Han is Japanese if at least one of 20 letters is kana: Chinese now and then uses a の."""
_HANI, _HIRA, _KANA = (scripts().index(script) for script in ("Hani", "Hira", "Kana"))

SEED = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)
_HALF, _ROTATE, _ROTATE_BACK = np.uint64(32), np.uint64(23), np.uint64(41)
_REPLACEMENT, _NO_CHARACTER = np.uint32(0xFFFD), np.uint32(0xFFFFFFFF)
_SIX = np.uint32(6)
_HYPHEN = np.uint32(0x2D)
_PARTING = tuple(map(ord, "/:<>=,~–—"))
"""What parts two tokens without white space where it stands between two letters."""
_BRIDGES = FORMAT | JOINS | JOINS_DIGITS
"""What a word may go on behind."""

# Positions in the hottest loops are unsigned: signed ones are checked for Python's counting from the end.
_NONE, _ONE, _TWO, _THREE, _FOUR, _SIX_CHARS, _EIGHT, _AT_ONCE = map(np.uintp, (0, 1, 2, 3, 4, 6, 8, 16))


class Text(NamedTuple):
    """An Arrow string array as buffers: document d is `data[offsets[d]:offsets[d + 1]]`."""

    data: UInt8s
    offsets: Int64s


class Document(NamedTuple):
    """Scratch space for one document, used again for the next and grown for a larger one.

    Where a field is indexed by word, line or distinct character, `sizes` says how many there are.
    """

    sizes: Int64s
    chars: UInt32s
    """Code points."""
    kinds: UInt32s
    """Kind of each code point, see `characters`."""
    histogram: UInt32s
    """Occurrences by code point; all zero between documents."""
    distinct: UInt32s
    """The code points that occur, in order of appearance."""
    letters: Int64s
    """Letters by script."""
    word_starts: Int32s
    word_ends: Int32s
    word_lengths: Int32s
    """Characters, without format characters: words with equal hashes have equal lengths."""
    word_marks: Int32s
    """Marks among these characters."""
    word_letters: npt.NDArray[np.bool_]
    """Whether a word has a letter."""
    words: UInt64s
    """Hash of each word, case folded."""
    folded: UInt64s
    """Hash of each word as normalised text has it; words that leave no trace there are left out."""
    traced: Int32s
    """Which word each of these is."""
    line_starts: Int32s
    line_ends: Int32s
    line_opens: npt.NDArray[np.bool_]
    """Whether a line is the first of a paragraph."""


@jit
def mix(state: Any, value: Any) -> Any:
    """Take one more value into a 64-bit hash. Order matters."""
    mixed = (((state << _ROTATE) | (state >> _ROTATE_BACK)) ^ value) * _MULTIPLIER
    return mixed ^ (mixed >> _HALF)


@jit
def new_document(n_bytes: int) -> Document:
    """Scratch space for a document of up to n_bytes bytes of UTF-8.

    A character is at least one byte. Words and lines that are not blank are at least two, with what parts them; in
    scripts without spaces a word is at least three. Memory that is not used is not touched.
    """
    n_words = n_bytes // 2 + 2
    return Document(
        np.zeros(12, np.int64),
        np.empty(n_bytes + 16, np.uint32),
        np.empty(n_bytes + 16, np.uint32),
        np.zeros(CODE_POINTS, np.uint32),
        np.empty(CODE_POINTS, np.uint32),
        np.zeros(256, np.int64),
        np.empty(n_words, np.int32),
        np.empty(n_words, np.int32),
        np.empty(n_words, np.int32),
        np.empty(n_words, np.int32),
        np.empty(n_words, np.bool_),
        np.empty(n_words, np.uint64),
        np.empty(n_words, np.uint64),
        np.empty(n_words, np.int32),
        np.empty(n_words, np.int32),
        np.empty(n_words, np.int32),
        np.empty(n_words, np.bool_),
    )


@jit
def _decode(data: Any, i: Any, end: Any) -> tuple[Any, Any]:
    """Code point at byte i, which is not ASCII, and the byte after it; never reads at or beyond `end`.

    As the Encoding Standard and Python's `errors="replace"` have it, each maximal part of a damaged sequence is one
    U+FFFD.
    """
    lead = np.uint32(data[i])
    low, high = 0x80, 0xBF
    if lead >= 0xC2 and lead <= 0xDF:
        more, code = 1, lead & np.uint32(0x1F)
    elif lead >= 0xE0 and lead <= 0xEF:
        more, code = 2, lead & np.uint32(0x0F)
        if lead == 0xE0:
            low = 0xA0
        elif lead == 0xED:
            high = 0x9F
    elif lead >= 0xF0 and lead <= 0xF4:
        more, code = 3, lead & np.uint32(0x07)
        if lead == 0xF0:
            low = 0x90
        elif lead == 0xF4:
            high = 0x8F
    else:
        return _REPLACEMENT, i + 1
    for k in range(1, more + 1):
        if i + k >= end or data[i + k] < low or data[i + k] > high:
            return _REPLACEMENT, i + k
        code = np.uint32(code << np.uint32(6)) | np.uint32(data[i + k] & 0x3F)
        low, high = 0x80, 0xBF
    return code, i + more + 1


@jit
def _follows(data: Any, i: Any) -> Any:
    """Whether byte i is one that follows a lead byte."""
    return data[i] & np.uint8(0xC0) == np.uint8(0x80)


@jit
def _six_bits(data: Any, i: Any) -> Any:
    return np.uint32(data[i] & np.uint8(0x3F))


@jit
def decode(text: Text, d: Any, kinds: Any, document: Document) -> None:
    """Fill in the code points of document d, their kinds, and the histogram.

    Whole characters of two and three bytes, nearly all but ASCII, are decoded in place, all else by `_decode`.
    """
    data = text.data
    i, end = np.uintp(text.offsets[d]), np.uintp(text.offsets[d + 1])
    n, n_distinct = _NONE, _NONE
    while i < end:
        code = np.uint32(data[i])
        if code < 0x80:
            i += _ONE
        elif code >= 0xC2 and code <= 0xDF and i + _ONE < end and _follows(data, i + _ONE):
            code = np.uint32((code & np.uint32(0x1F)) << _SIX | _six_bits(data, i + _ONE))
            i += _TWO
        elif (
            (code >= 0xE1 and code <= 0xEC)  # E0 and ED may not be followed by all
            and (i + _TWO < end and _follows(data, i + _ONE) and _follows(data, i + _TWO))
        ):
            upper = np.uint32((code & np.uint32(0x0F)) << _SIX | _six_bits(data, i + _ONE))
            code = np.uint32(upper << _SIX | _six_bits(data, i + _TWO))
            i += _THREE
        else:
            code, behind = _decode(data, np.int64(i), np.int64(end))
            i = np.uintp(behind)
        document.chars[n] = code
        document.kinds[n] = kinds[code]
        n += _ONE
        seen = document.histogram[code]
        if seen == 0:
            document.distinct[n_distinct] = code
            n_distinct += _ONE
        document.histogram[code] = seen + np.uint32(1)
    document.kinds[n] = 0  # ends the last word
    document.sizes[CHARS] = n
    document.sizes[DISTINCT] = n_distinct


@jit
def find_kind(kinds: Any, start: Any, end: Any, flags: Any) -> Any:
    """The first position from `start` on whose kind has one of the flags; `end` if there is none. Looks at 16 at a
    time.
    """
    i, behind = np.uintp(start), np.uintp(end)
    while i + _AT_ONCE <= behind:
        together = kinds[i]
        for k in range(_ONE, _AT_ONCE):
            together |= kinds[i + k]
        if together & flags:
            break
        i += _AT_ONCE
    while i < behind and not kinds[i] & flags:
        i += _ONE
    return np.int64(i)


@jit
def hash_chars(chars: Any, start: Any, end: Any, seed: Any) -> Any:
    """Hash of code points and their number: two at a time, in four chains that need not wait for each other."""
    i, behind = np.uintp(start), np.uintp(end)
    a = mix(seed, np.uint64(behind - i))
    b, c, d = a + seed, a ^ seed, ~a
    while i + _EIGHT <= behind:
        a = mix(a, _pair(chars, i))
        b = mix(b, _pair(chars, i + _TWO))
        c = mix(c, _pair(chars, i + _FOUR))
        d = mix(d, _pair(chars, i + _SIX_CHARS))
        i += _EIGHT
    state = mix(mix(mix(a, b), c), d)
    while i + _TWO <= behind:
        state = mix(state, _pair(chars, i))
        i += _TWO
    return mix(state, np.uint64(chars[i])) if i < behind else state


@jit
def _pair(chars: Any, i: Any) -> Any:
    return np.uint64(chars[i]) | (np.uint64(chars[i + _ONE]) << _HALF)


@jit
def _after_format(kinds: Any, i: Any, n: Any) -> Any:
    while i < n and kinds[i] & FORMAT:
        i += _ONE
    return i


@jit
def _joined(kinds: Any, i: Any, n: Any, last: Any) -> Any:
    """Where the word goes on behind a joiner at i, if it does: the next letter or number; 0 if it does not."""
    follower = _after_format(kinds, i + _ONE, n)
    if follower >= n:
        return _NONE
    after = kinds[follower]
    if kinds[i] & JOINS:
        return follower if after & CORE and not after & UNSPACED else _NONE
    return follower if kinds[i] & JOINS_DIGITS and last & DIGIT and after & DIGIT else _NONE


@jit
def _mix_fold(state: Any, fold: Any, folds: Any) -> Any:
    """Take a fold and those that go on behind it into a hash."""
    state = mix(state, np.uint64(fold & LAST_CODE))
    while fold > LAST_CODE:
        fold = next_fold(folds, fold)
        state = mix(state, np.uint64(fold & LAST_CODE))
    return state


@jit
def _read_word(document: Document, characters: Characters, i: Any, w: Any) -> tuple[Any, Any, Any]:
    """Fill in word w, which begins at i; return where to read on, its hash in normalised text and its size there."""
    chars, kinds, folds = document.chars, document.kinds, characters.folds
    n = np.uintp(document.sizes[CHARS])
    document.word_starts[w] = i
    kind = kinds[i]
    last = any_kind = kind
    goes_on = MARK if kind & UNSPACED else MARK | CORE
    word, folded = SEED, SEED
    length, marks, traces = _NONE, _NONE, _NONE
    while True:
        word = mix(word, np.uint64(characters.lowers[chars[i]]))
        fold = folds[chars[i]]
        if fold >= IN_CONTEXT:
            fold = fold_behind(chars[i - _ONE], chars[i])  # a mark: no word begins with one
        if fold != 0:
            folded = _mix_fold(folded, fold, folds)
            traces += _ONE
        length += _ONE
        any_kind |= kind
        if kind & MARK:
            marks += _ONE
        else:
            last = kind
        end = i + _ONE
        i = end
        kind = kinds[i]
        if kind & goes_on and not kind & UNSPACED:
            continue
        if not kind & _BRIDGES:
            break
        i = _after_format(kinds, end, n)
        if i >= n:
            break
        kind = kinds[i]
        if kind & goes_on and not kind & UNSPACED:
            continue
        follower = _joined(kinds, i, n, last) if kind & (JOINS | JOINS_DIGITS) and goes_on & CORE else _NONE
        if follower == 0:
            break
        joiner = characters.lowers[chars[i]]
        word = mix(word, np.uint64(joiner))
        length += _ONE
        document.sizes[TOKENS] += 1 if joiner == _HYPHEN else 0
        i = follower
        kind = kinds[i]
    document.word_ends[w] = end
    document.word_lengths[w] = length
    document.word_marks[w] = marks
    document.word_letters[w] = any_kind & LETTER != 0
    document.words[w] = word
    return i, folded, traces


@jit
def _is_parted(chars: Any, kinds: Any, i: Any, end: Any) -> Any:
    """Whether one of _PARTING alone stands between two letters: that of a word that begins at i, and of one that ended
    at `end`.
    """
    if i != end + _ONE or not kinds[i] & LETTER or not kinds[end - _ONE] & (LETTER | MARK):
        return False
    return chars[end] in _PARTING


@jit
def find_words(document: Document, characters: Characters) -> None:
    """Fill in the words of a decoded document and both their hashes, and count tokens. Linear in its characters."""
    chars, kinds = document.chars, document.kinds
    n = np.uintp(document.sizes[CHARS])
    i, n_words, n_folded, marks = _NONE, _NONE, _NONE, _NONE
    before = _NO_CHARACTER
    tokens, letter_tokens, end = _NONE, _NONE, _NONE
    apart, lettered = True, False
    document.sizes[TOKENS] = 0  # hyphens in words are counted there
    while i < n:
        if not kinds[i] & CORE:
            marks += np.uintp((kinds[i] & (SPACE | FORMAT) == 0) & (chars[i] != before))
            apart |= kinds[i] & SPACE != 0
            before = chars[i]
            i += _ONE
            continue
        if apart or kinds[i] & UNSPACED or _is_parted(chars, kinds, i, end):
            tokens += marks + _ONE
            lettered = False
        marks = _NONE
        before = _NO_CHARACTER
        apart = kinds[i] & UNSPACED != 0
        i, folded, traces = _read_word(document, characters, i, n_words)
        has_letter = document.word_letters[n_words]
        letter_tokens += np.uintp(has_letter & (not lettered))
        lettered |= has_letter
        end = np.uintp(document.word_ends[n_words])
        if traces:
            document.folded[n_folded] = folded
            document.traced[n_folded] = n_words
            n_folded += _ONE
        n_words += _ONE
    document.sizes[WORDS] = n_words
    document.sizes[FOLDED] = n_folded
    document.sizes[TOKENS] += np.int64(tokens + marks)
    document.sizes[LETTER_TOKENS] = letter_tokens


@jit
def find_lines(document: Document) -> None:
    """Fill in the lines of a decoded document that are not blank, and count its line breaks."""
    kinds = document.kinds
    n = document.sizes[CHARS]
    n_lines = 0
    n_breaks = 0
    after_blank = True
    i = 0
    while i < n:
        stop = find_kind(kinds, i, n, BREAK)
        first, behind = i, stop
        while first < behind and kinds[first] & SPACE:
            first += 1
        while behind > first and kinds[behind - 1] & SPACE:
            behind -= 1
        if first < behind:
            document.line_starts[n_lines] = first
            document.line_ends[n_lines] = behind
            document.line_opens[n_lines] = after_blank
            n_lines += 1
        after_blank = first == behind
        i = stop
        if i < n:
            n_breaks += 1
            i += 2 if document.chars[i] == 0x0D and i + 1 < n and document.chars[i + 1] == 0x0A else 1
    document.sizes[LINES] = n_lines
    document.sizes[BREAKS] = n_breaks


@jit
def find_script(document: Document, kinds: Any) -> None:
    """Fill in letters by script and the two commonest scripts of a decoded document, from its histogram.

    Han with kana is Japanese; Han alone is simplified unless more of its characters are of traditional Chinese only.
    """
    counts = document.letters
    counts[:] = 0
    letters = 0
    traditional = 0
    for k in range(document.sizes[DISTINCT]):
        code = document.distinct[k]
        kind = kinds[code]
        if kind & LETTER:
            count: Any = np.int64(document.histogram[code])
            letters += count
            counts[kind >> SCRIPT_SHIFT] += count
            if kind & (TRADITIONAL | SIMPLIFIED):
                traditional += count if kind & TRADITIONAL else -count
    counts[_KANA] += counts[_HIRA]
    counts[_HIRA] = 0
    if counts[_KANA] and counts[_KANA] * _KANA_SHARE >= counts[_KANA] + counts[_HANI]:
        counts[_KANA] += counts[_HANI]
        counts[_HANI] = 0
    script = 0
    for other in range(1, len(counts)):
        if counts[other] > counts[script] or (script == 0 and counts[other] == counts[0] > 0):
            script = other
    second = 0
    for other in range(1, len(counts)):
        if other != script and counts[other] > second:
            second = counts[other]
    document.sizes[LETTERS] = letters
    document.sizes[SECOND_LETTERS] = second
    document.sizes[SCRIPT_LETTERS] = counts[script]
    if script == _KANA:
        script = JPAN
    elif script == _HANI:
        script = HANT if traditional > 0 else HANS
    document.sizes[SCRIPT] = script


@jit
def clear(document: Document) -> None:
    """Make the histogram ready for the next document."""
    for k in range(document.sizes[DISTINCT]):
        document.histogram[document.distinct[k]] = np.uint32(0)


@jit
def read_document(text: Text, d: Any, characters: Characters, document: Document) -> None:
    """Decode document d and find its words; its lines, script and sentences are not looked for."""
    clear(document)
    decode(text, d, characters.kinds, document)
    find_words(document, characters)


@jit
def segment(text: Text, d: Any, characters: Characters, document: Document) -> None:
    """Decode document d and find its words, lines and script."""
    read_document(text, d, characters, document)
    find_lines(document)
    find_script(document, characters.kinds)


@jit
def fit(document: Document, text: Text, d: Any) -> Document:
    """The scratch space itself if document d fits in, else larger one (half as large again as needed)."""
    n_bytes = text.offsets[d + 1] - text.offsets[d]
    if n_bytes + 16 <= len(document.chars):
        return document
    return new_document(n_bytes + n_bytes // 2)


def texts_of(texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray) -> Iterator[Text]:
    """The buffers of each chunk, without a copy of the text. A null is an empty text.

    Raises ValueError for a document of 2 GiB or more and TypeError for anything but strings.
    """
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    for chunk in chunks:
        if not (pa.types.is_string(chunk.type) or pa.types.is_large_string(chunk.type)):
            raise TypeError(f"texts are {chunk.type}, not string or large_string")
        text = _text(chunk)
        if len(chunk) and int(np.diff(text.offsets).max()) > MAX_DOCUMENT_BYTES:
            raise ValueError(f"a document has more than {MAX_DOCUMENT_BYTES} bytes")
        yield text


def _text(chunk: pa.Array) -> Text:
    if chunk.null_count:
        chunk = chunk.fill_null("")
    width = np.dtype(np.int64 if pa.types.is_large_string(chunk.type) else np.int32)
    _, offsets, data = chunk.buffers()
    if len(chunk) == 0 or offsets is None:
        bounds = np.zeros(len(chunk) + 1, np.int64)
    else:
        bounds = np.frombuffer(offsets, width, len(chunk) + 1, chunk.offset * width.itemsize).astype(np.int64)
    bytes_ = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    bytes_.setflags(write=False)  # Arrow's buffers are read-only or not: one type, and so one compiled kernel, for both
    return Text(bytes_, bounds)


class Words(NamedTuple):
    """The words of a batch: those of document d are at `offsets[d]:offsets[d + 1]` in the other arrays."""

    offsets: Int64s
    starts: Int32s
    """First code point in the document."""
    ends: Int32s
    hashes: UInt64s
    """Hash, case folded."""


@jit
def _words(text: Text, characters: Characters) -> Any:
    n_documents = len(text.offsets) - 1
    capacity = (text.offsets[n_documents] - text.offsets[0] + n_documents) // 2 + 1
    found = Words(
        np.zeros(n_documents + 1, np.int64),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.int32),
        np.empty(capacity, np.uint64),
    )
    document = new_document(1 << 12)
    n = 0
    for d in range(n_documents):
        document = fit(document, text, d)
        segment(text, d, characters, document)
        for w in range(document.sizes[WORDS]):
            found.starts[n] = document.word_starts[w]
            found.ends[n] = document.word_ends[w]
            found.hashes[n] = document.words[w]
            n += 1
        found.offsets[d + 1] = n
    return found


def words(texts: pa.StringArray | pa.LargeStringArray, characters: Characters) -> Words:
    """Where the words of each text are, and their hashes: for stop-word lists and tests, not for the pipeline."""
    (text,) = texts_of(texts)
    found: Words = _words(text, characters)
    n = int(found.offsets[-1])
    return Words(found.offsets, found.starts[:n], found.ends[:n], found.hashes[:n])
