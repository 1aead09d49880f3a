"""Signals: what rules compare with limits, measured for every document in one compiled pass.

The definitions follow Gopher (Rae et al. 2021, section A1.1 and table A1), C4 (Raffel et al. 2020) and FineWeb (Penedo
et al. 2024), made fit for every script; `schemas/tables.py` gives the meaning of each, and what "word", "line" and
"paragraph" are stands in `segmentation`. All ratios are cut off at 1 and are 0 where there is nothing to measure.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import (
    BULLET,
    BULLET_BEFORE_SPACE,
    CLOSER,
    CORE,
    CURLY,
    DIGIT,
    ELLIPSIS,
    FORMAT,
    HASH,
    LETTER,
    MARK,
    REPLACED,
    SPACE,
    TERMINAL,
    UNSPACED,
    UPPER,
    Characters,
    characters,
    script_names,
)
from gristmill.filters.repetition import (
    Tally,
    fit_tally,
    new_tally,
    repeated_grams,
    repeated_lines,
    repeated_paragraphs,
    share,
    slot_of,
)
from gristmill.filters.segmentation import (
    BREAKS,
    CHARS,
    DISTINCT,
    LETTERS,
    LINES,
    SCRIPT,
    SCRIPT_LETTERS,
    WORDS,
    Document,
    Int32s,
    Int64s,
    Text,
    UInt8s,
    UInt64s,
    fit,
    new_document,
    segment,
    texts_of,
    words,
)
from gristmill.schemas.tables import SIGNAL_FIELDS

Float64s = npt.NDArray[np.float64]

# Columns of a row of signals, in the order of SIGNAL_FIELDS.
(
    N_CHARS,
    N_WORDS,
    N_LINES,
    N_PARAGRAPHS,
    MEAN_WORD_LENGTH,
    MAX_WORD_LENGTH,
    ALPHA_WORD_RATIO,
    SYMBOL_WORD_RATIO,
    LETTER_RATIO,
    DIGIT_RATIO,
    UPPER_RATIO,
    REPLACEMENT_RATIO,
    BULLET_LINE_RATIO,
    ELLIPSIS_LINE_RATIO,
    TERMINAL_LINE_RATIO,
    SHORT_LINE_RATIO,
    NEWLINE_WORD_RATIO,
    STOP_WORDS,
    CURLY_BRACKETS,
    LOREM_IPSUM,
    DUPLICATE_LINE_RATIO,
    DUPLICATE_LINE_CHAR_RATIO,
    DUPLICATE_PARAGRAPH_RATIO,
    DUPLICATE_PARAGRAPH_CHAR_RATIO,
    TOP_2_GRAM_CHAR_RATIO,
    TOP_3_GRAM_CHAR_RATIO,
    TOP_4_GRAM_CHAR_RATIO,
    DUPLICATE_5_GRAM_CHAR_RATIO,
    DUPLICATE_6_GRAM_CHAR_RATIO,
    DUPLICATE_7_GRAM_CHAR_RATIO,
    DUPLICATE_8_GRAM_CHAR_RATIO,
    DUPLICATE_9_GRAM_CHAR_RATIO,
    DUPLICATE_10_GRAM_CHAR_RATIO,
    ENTROPY,
    SCRIPT_RATIO,
) = range(len(SIGNAL_FIELDS))
N_SIGNALS = len(SIGNAL_FIELDS)

SHORT_LINE = 30
"""Characters of a short line (FineWeb)."""
SHORT_LINE_UNSPACED = 10
"""The same where most letters of the line are of scripts without spaces, which say more per character."""
_DOT = 0x2E


class StopTables(NamedTuple):
    """Hash tables of stop words, one after another."""

    offsets: Int64s
    """Table of list k: `keys[offsets[k]:offsets[k + 1]]`, a power of two of slots."""
    keys: UInt64s
    lorem: UInt64s
    """The words "lorem" and "ipsum"."""


class StopWords:
    """Stop-word lists by language, compiled for the kernel."""

    def __init__(self, languages: Sequence[str], tables: StopTables) -> None:
        self.tables = tables
        self._lists = {language: k for k, language in enumerate(languages)}

    @classmethod
    def compile(cls, lists: Mapping[str, Iterable[str]]) -> "StopWords":
        """Hash lists of words, by ISO 639-3 code, as the kernel hashes them. Some milliseconds for all languages.

        Raises ValueError for an entry that is not one word to the segmenter, which could never be found.
        """
        entries = [sorted(set(entries)) for entries in lists.values()]
        flat = ["lorem", "ipsum", *(entry for group in entries for entry in group)]
        found = words(pa.array(flat, pa.large_string()), characters())
        wrong = [entry for entry, n in zip(flat, np.diff(found.offsets), strict=True) if n != 1]
        if wrong:
            raise ValueError(f"stop words that are not one word: {', '.join(map(repr, wrong))}")
        sizes = np.array([4 << len(group).bit_length() for group in entries], np.int64)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        keys = np.zeros(int(sizes.sum()), np.uint64)
        owners = np.repeat(np.arange(len(entries)), [len(group) for group in entries])
        _fill(offsets, keys, owners, found.hashes[2:])
        return cls(list(lists), StopTables(offsets, keys, found.hashes[:2].copy()))

    def lists_of(self, languages: Sequence[str] | pa.Array | pa.ChunkedArray) -> Int32s:
        """Number of the list for each language (zho_Hans or zho), -1 where there is none."""
        column = languages if isinstance(languages, pa.Array | pa.ChunkedArray) else pa.array(languages, pa.string())
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if pa.types.is_null(column.type) or len(column) == column.null_count:
            return np.full(len(column), -1, np.int32)
        encoded = column.fill_null("").dictionary_encode()
        numbers = [self._lists.get(code.partition("_")[0], -1) for code in encoded.dictionary.to_pylist()]
        numbers_of_texts: Int32s = np.array(numbers, np.int32)[encoded.indices.to_numpy()]
        return numbers_of_texts


@jit
def _fill(offsets: Int64s, keys: UInt64s, owners: Int64s, hashes: UInt64s) -> None:
    for entry in range(len(owners)):
        table = keys[offsets[owners[entry]] : offsets[owners[entry] + 1]]
        table[slot_of(table, np.uint64(len(table) - 1), hashes[entry])] = hashes[entry]


@jit
def _count_stop_words(document: Document, stop: StopTables, stop_list: Any) -> Any:
    if stop_list < 0:
        return 0
    keys = stop.keys[stop.offsets[stop_list] : stop.offsets[stop_list + 1]]
    mask = np.uint64(len(keys) - 1)
    found = 0
    for w in range(document.sizes[WORDS]):
        if keys[slot_of(keys, mask, document.words[w])] == document.words[w]:
            found += 1
    return found


@jit
def _dot_runs(document: Document) -> Any:
    """Runs of three full stops or more."""
    if document.histogram[_DOT] < 3:
        return 0
    runs = 0
    dots = 0
    for i in range(document.sizes[CHARS]):
        dots = dots + 1 if document.chars[i] == _DOT else 0
        if dots == 3:
            runs += 1
    return runs


@jit
def measure_characters(document: Document, kinds: Any, row: Float64s) -> None:
    """Signals of the distribution of characters, from the histogram."""
    marks, digits, upper, spaces, replaced, symbols, curly = 0, 0, 0, 0, 0, 0, 0
    surprise = 0.0
    for k in range(document.sizes[DISTINCT]):
        code = document.distinct[k]
        count: Any = np.int64(document.histogram[code])
        kind = kinds[code]
        surprise += count * np.log2(count)
        if kind & LETTER:
            upper += count if kind & UPPER else 0
            continue
        marks += count if kind & MARK else 0
        digits += count if kind & DIGIT else 0
        spaces += count if kind & SPACE else 0
        replaced += count if kind & REPLACED else 0
        symbols += count if kind & (HASH | ELLIPSIS) else 0
        curly += count if kind & CURLY else 0
    n_chars, letters = document.sizes[CHARS], document.sizes[LETTERS]
    visible = n_chars - spaces
    row[N_CHARS] = n_chars
    row[LETTER_RATIO] = share(letters + marks, visible)
    row[DIGIT_RATIO] = share(digits, visible)
    row[UPPER_RATIO] = share(upper, letters)
    row[REPLACEMENT_RATIO] = share(replaced, visible)
    row[SYMBOL_WORD_RATIO] = share(symbols + _dot_runs(document), max(document.sizes[WORDS], 1))
    row[CURLY_BRACKETS] = curly
    row[ENTROPY] = max(np.log2(n_chars) - surprise / n_chars, 0.0) if n_chars else 0.0
    row[SCRIPT_RATIO] = share(document.sizes[SCRIPT_LETTERS], letters)


@jit
def _measure_words(document: Document, stop: StopTables, stop_list: Any, row: Float64s) -> None:
    n_words = document.sizes[WORDS]
    total, longest, alpha, lorem = 0, 0, 0, 0
    for w in range(n_words):
        length = document.word_lengths[w] - document.word_marks[w]
        total += length
        longest = max(longest, length)
        alpha += document.word_letters[w]
        if document.words[w] == stop.lorem[0] and w + 1 < n_words and document.words[w + 1] == stop.lorem[1]:
            lorem += 1
    row[N_WORDS] = n_words
    row[MEAN_WORD_LENGTH] = total / n_words if n_words else 0.0
    row[MAX_WORD_LENGTH] = longest
    row[ALPHA_WORD_RATIO] = share(alpha, n_words)
    row[NEWLINE_WORD_RATIO] = share(document.sizes[BREAKS], max(n_words, 1))
    row[STOP_WORDS] = _count_stop_words(document, stop, stop_list)
    row[LOREM_IPSUM] = lorem


@jit
def _is_short(kinds: Any, start: Any, end: Any) -> Any:
    if end - start > SHORT_LINE:
        return False
    if end - start <= SHORT_LINE_UNSPACED:
        return True
    unspaced = 0
    others = 0
    for i in range(start, end):
        if kinds[i] & UNSPACED:
            unspaced += 1
        elif kinds[i] & CORE:
            others += 1
    return unspaced <= others


@jit
def _measure_lines(document: Document, row: Float64s) -> None:
    chars, kinds = document.chars, document.kinds
    n_lines = document.sizes[LINES]
    bullets, ellipses, terminals, short = 0, 0, 0, 0
    for line in range(n_lines):
        start, end = document.line_starts[line], document.line_ends[line]
        begins = kinds[start]
        spaced = start + 1 < end and kinds[start + 1] & SPACE
        if begins & BULLET or (begins & BULLET_BEFORE_SPACE and spaced):
            bullets += 1
        if _is_short(kinds, start, end):
            short += 1
        last = end - 1
        while last > start and kinds[last] & (CLOSER | SPACE | FORMAT):
            last -= 1
        if kinds[last] & TERMINAL:
            terminals += 1
        dots = last - 2 >= start and chars[last] == _DOT and chars[last - 1] == _DOT and chars[last - 2] == _DOT
        if dots or kinds[last] & ELLIPSIS:
            ellipses += 1
    row[N_LINES] = n_lines
    row[BULLET_LINE_RATIO] = share(bullets, n_lines)
    row[ELLIPSIS_LINE_RATIO] = share(ellipses, n_lines)
    row[TERMINAL_LINE_RATIO] = share(terminals, n_lines)
    row[SHORT_LINE_RATIO] = share(short, n_lines)


@jit
def _measure_repetition(document: Document, tally: Tally, row: Float64s) -> None:
    n_chars, n_lines = document.sizes[CHARS], document.sizes[LINES]
    lines, line_chars = repeated_lines(document, tally)
    paragraphs, repeated, paragraph_chars = repeated_paragraphs(document, tally)
    row[N_PARAGRAPHS] = paragraphs
    row[DUPLICATE_LINE_RATIO] = share(lines, n_lines)
    row[DUPLICATE_LINE_CHAR_RATIO] = share(line_chars, n_chars)
    row[DUPLICATE_PARAGRAPH_RATIO] = share(repeated, paragraphs)
    row[DUPLICATE_PARAGRAPH_CHAR_RATIO] = share(paragraph_chars, n_chars)
    top = row[TOP_2_GRAM_CHAR_RATIO : TOP_4_GRAM_CHAR_RATIO + 1]
    duplicate = row[DUPLICATE_5_GRAM_CHAR_RATIO : DUPLICATE_10_GRAM_CHAR_RATIO + 1]
    repeated_grams(document, tally, top, duplicate)


class Stops(NamedTuple):
    """The compiled stop words and which list each document of a batch takes, -1 for none."""

    tables: StopTables
    lists: Int32s


@jit
def measure_document(document: Document, tally: Tally, stop: StopTables, stop_list: Any, row: Float64s) -> None:
    """Fill in the signals of a segmented document, but for those of its characters. Linear in its characters."""
    _measure_words(document, stop, stop_list, row)
    _measure_lines(document, row)
    _measure_repetition(document, tally, row)


@jit
def _measure(text: Text, known: Characters, stops: Stops) -> tuple[Float64s, UInt8s]:
    n = len(text.offsets) - 1
    values = np.zeros((n, N_SIGNALS), np.float64)
    found = np.zeros(n, np.uint8)
    document = new_document(1 << 14)
    tally = new_tally(1 << 12)
    for d in range(n):
        document = fit(document, text, d)
        segment(text, d, known, document)
        tally = fit_tally(tally, document)
        measure_characters(document, known.kinds, values[d])
        measure_document(document, tally, stops.tables, stops.lists[d], values[d])
        found[d] = document.sizes[SCRIPT]
    return values, found


def as_batch(values: Float64s, found: UInt8s) -> pa.RecordBatch:
    """Rows of signals and script numbers as the columns SIGNAL_FIELDS and `script`."""
    columns = [pa.array(np.ascontiguousarray(values[:, k])).cast(field.type) for k, field in enumerate(SIGNAL_FIELDS)]
    names = pa.DictionaryArray.from_arrays(pa.array(found.astype(np.int32)), pa.array(script_names()))
    fields = [*SIGNAL_FIELDS, pa.field("script", pa.string())]
    return pa.RecordBatch.from_arrays([*columns, names.cast(pa.string())], schema=pa.schema(fields))


def stops_by_chunk(
    texts: Sequence[Text], languages: Sequence[str] | pa.Array | pa.ChunkedArray | None, stop_words: StopWords
) -> list[Stops]:
    """The stop lists for the documents of each chunk; ValueError where there is not one language per document."""
    sizes = [len(text.offsets) - 1 for text in texts]
    lists = np.full(sum(sizes), -1, np.int32) if languages is None else stop_words.lists_of(languages)
    if len(lists) != sum(sizes):
        raise ValueError(f"{sum(sizes)} texts, but {len(lists)} languages")
    return [Stops(stop_words.tables, part) for part in np.split(lists, np.cumsum(sizes)[:-1])] if sizes else []


def measure(
    texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray,
    *,
    languages: Sequence[str] | pa.Array | pa.ChunkedArray | None = None,
    stop_words: StopWords,
) -> pa.RecordBatch:
    """Signals of each text: the columns SIGNAL_FIELDS, and `script`, the ISO 15924 code of most of its letters.

    The script is Jpan for kana, with Han or without, Hans or Hant for Han (whichever has more characters of its own;
    Hans if undecided), Zyyy without letters. `languages` (zho_Hans or zho) choose the stop words; without a list,
    `stop_words` is 0. A null text is an empty one. Linear time, about 80 MB/s on one core.
    """
    chunks = list(texts_of(texts))
    known = characters()
    stops = stops_by_chunk(chunks, languages, stop_words)
    rows = [_measure(text, known, stop) for text, stop in zip(chunks, stops, strict=True)]
    values = np.concatenate([np.zeros((0, N_SIGNALS)), *(part for part, _ in rows)])
    found = np.concatenate([np.zeros(0, np.uint8), *(part for _, part in rows)])
    return as_batch(values, found)
