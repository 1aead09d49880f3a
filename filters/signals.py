"""Signals: what rules compare with limits, measured for every document in one compiled pass.

The definitions follow Gopher (Rae et al. 2021), C4 (Raffel et al. 2020), mC4 (Xue et al. 2021), RefinedWeb (Penedo et
al. 2023) and FineWeb (Penedo et al. 2024), made fit for every script: `docs/measures/signals.md` has each signal's
unit, range, definition and source. What "word", "line" and "paragraph" are stands in `segmentation`, "sentence" in
`lines`. All ratios are cut off at 1 and are 0 where there is nothing to measure.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import (
    CURLY,
    DIGIT,
    ELLIPSIS,
    HASH,
    LETTER,
    MARK,
    MISREAD_CYRILLIC,
    MISREAD_LATIN,
    REPLACED,
    SPACE,
    TERMINAL,
    UPPER,
    Characters,
    characters,
    script_names,
)
from gristmill.filters.lines import IPSUM, LOREM, MARKERS, count_lines
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
    LETTER_TOKENS,
    LETTERS,
    LINES,
    SCRIPT,
    SCRIPT_LETTERS,
    SECOND_LETTERS,
    TOKENS,
    WORDS,
    Document,
    Int32s,
    Int64s,
    Text,
    UInt8s,
    UInt64s,
    find_kind,
    fit,
    new_document,
    segment,
    texts_of,
    words,
)
from gristmill.filters.word_order import Orders, word_order
from gristmill.filters.word_order import load as word_orders
from gristmill.schemas.measures import SIGNAL_FIELDS

Float64s = npt.NDArray[np.float64]

# Columns of a row of signals, in the order of SIGNAL_FIELDS.
(
    N_CHARS,
    N_WORDS,
    N_LINES,
    N_PARAGRAPHS,
    N_SENTENCES,
    MEAN_WORD_LENGTH,
    MAX_WORD_LENGTH,
    ALPHA_WORD_RATIO,
    SYMBOL_WORD_RATIO,
    LETTER_RATIO,
    DIGIT_RATIO,
    UPPER_RATIO,
    REPLACEMENT_RATIO,
    MOJIBAKE_RATIO,
    BULLET_LINE_RATIO,
    ELLIPSIS_LINE_RATIO,
    TERMINAL_LINE_RATIO,
    SHORT_LINE_RATIO,
    N_LONG_LINES,
    UPPER_LINE_RATIO,
    NUMERIC_LINE_RATIO,
    COUNTER_LINE_RATIO,
    ONE_WORD_LINE_RATIO,
    FLAGGED_LINE_WORD_RATIO,
    JAVASCRIPT_LINES,
    POLICY_LINES,
    C4_LINE_RATIO,
    C4_SENTENCES,
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
    SECOND_SCRIPT_RATIO,
    WORD_ORDER,
) = range(len(SIGNAL_FIELDS))
N_SIGNALS = len(SIGNAL_FIELDS)

_DOT = 0x2E
_CYRILLIC_LEAD = 0x0420
"""Р and the С behind it: what the lead bytes of Russian, D0 and D1, are in Windows-1251."""


class StopTables(NamedTuple):
    """Hash tables of stop words, one after another."""

    offsets: Int64s
    """Table of list k: `keys[offsets[k]:offsets[k + 1]]`, a power of two of slots."""
    keys: UInt64s
    markers: UInt64s
    """Hashes of the words that rules look for, `lines.MARKERS`."""


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
        flat = [*MARKERS, *(entry for group in entries for entry in group)]
        found = words(pa.array(flat, pa.large_string()), characters())
        wrong = [entry for entry, n in zip(flat, np.diff(found.offsets), strict=True) if n != 1]
        if wrong:
            raise ValueError(f"stop words that are not one word: {', '.join(map(repr, wrong))}")
        sizes = np.array([4 << len(group).bit_length() for group in entries], np.int64)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        keys = np.zeros(int(sizes.sum()), np.uint64)
        owners = np.repeat(np.arange(len(entries)), [len(group) for group in entries])
        _fill(offsets, keys, owners, found.hashes[len(MARKERS) :])
        return cls(list(lists), StopTables(offsets, keys, found.hashes[: len(MARKERS)].copy()))

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
    """Different words of the list that occur."""
    if stop_list < 0:
        return 0
    keys = stop.keys[stop.offsets[stop_list] : stop.offsets[stop_list + 1]]
    mask = np.uint64(len(keys) - 1)
    seen = np.zeros(len(keys), np.bool_)
    found = 0
    for w in range(document.sizes[WORDS]):
        slot = slot_of(keys, mask, document.words[w])
        if keys[slot] == document.words[w] and not seen[slot]:
            seen[slot] = True
            found += 1
    return found


@jit
def _dot_runs(document: Document) -> Any:
    """Runs of three full stops or more."""
    if document.histogram[_DOT] < 3:
        return 0
    chars, n = document.chars, document.sizes[CHARS]
    runs = 0
    i = 0
    while i < n:
        i = find_kind(document.kinds, i, n, TERMINAL)
        dots = 0
        while i < n and chars[i] == _DOT:
            dots += 1
            i += 1
        runs += 1 if dots >= 3 else 0
        i += 1 if dots == 0 else 0
    return runs


@jit
def _trail_bytes_wanted(code: Any) -> Any:
    """How many trail bytes follow the lead byte of UTF-8 that Windows-1252 reads as this character; 0: it is none.

    Nor is ß, which closing quotation marks follow in good German.
    """
    if code < 0xC2 or code > 0xF4 or code == 0xDF:
        return 0
    return 1 if code < 0xE0 else 2 if code < 0xF0 else 3


@jit
def _misread(document: Document) -> Any:
    """Characters that look like UTF-8 read as Windows-1252, Latin-1 or Windows-1251 (Cyrillic in this one only)."""
    chars, kinds = document.chars, document.kinds
    n = document.sizes[CHARS]
    found = 0
    i = 0
    while i < n:
        i = max(find_kind(kinds, i + 1, n, MISREAD_LATIN | MISREAD_CYRILLIC) - 1, 0)
        trails = _trail_bytes_wanted(chars[i])
        flag = MISREAD_LATIN
        if chars[i] in (_CYRILLIC_LEAD, _CYRILLIC_LEAD + 1):
            trails, flag = 1, MISREAD_CYRILLIC
        read = 0
        while read < trails and i + 1 + read < n and kinds[i + 1 + read] & flag:
            read += 1
        if trails and read == trails:
            found += 1 + trails
            i += trails
        i += 1
    return found


@jit
def measure_characters(document: Document, kinds: Any, row: Float64s) -> None:
    """Signals of the distribution of characters, from the histogram."""
    marks, digits, upper, spaces, replaced, hashes, ellipses, curly = 0, 0, 0, 0, 0, 0, 0, 0
    seen: Any = np.uint32(0)
    surprise = 0.0
    for k in range(document.sizes[DISTINCT]):
        code = document.distinct[k]
        count: Any = np.int64(document.histogram[code])
        kind = kinds[code]
        surprise += count * np.log2(count)
        seen |= kind
        if kind & LETTER:
            upper += count if kind & UPPER else 0
            continue
        marks += count if kind & MARK else 0
        digits += count if kind & DIGIT else 0
        spaces += count if kind & SPACE else 0
        replaced += count if kind & REPLACED else 0
        hashes += count if kind & HASH else 0
        ellipses += count if kind & ELLIPSIS else 0
        curly += count if kind & CURLY else 0
    n_chars, letters = document.sizes[CHARS], document.sizes[LETTERS]
    visible = n_chars - spaces
    row[N_CHARS] = n_chars
    row[LETTER_RATIO] = share(letters + marks, visible)
    row[DIGIT_RATIO] = share(digits, visible)
    row[UPPER_RATIO] = share(upper, letters)
    row[REPLACEMENT_RATIO] = share(replaced, visible)
    row[MOJIBAKE_RATIO] = share(_misread(document) if seen & (MISREAD_LATIN | MISREAD_CYRILLIC) else 0, visible)
    symbols = max(hashes, ellipses + _dot_runs(document))
    row[SYMBOL_WORD_RATIO] = share(symbols, max(document.sizes[TOKENS], 1))
    row[CURLY_BRACKETS] = curly
    row[ENTROPY] = max(np.log2(n_chars) - surprise / n_chars, 0.0) if n_chars else 0.0
    row[SCRIPT_RATIO] = share(document.sizes[SCRIPT_LETTERS], letters)
    row[SECOND_SCRIPT_RATIO] = share(document.sizes[SECOND_LETTERS], letters)


@jit
def _measure_words(document: Document, stop: StopTables, stop_list: Any, row: Float64s) -> None:
    n_words = document.sizes[WORDS]
    lorem_word, ipsum_word = stop.markers[LOREM], stop.markers[IPSUM]
    total, longest, lorem = 0, 0, 0
    for w in range(n_words):
        length = document.word_lengths[w] - document.word_marks[w]
        total += length
        longest = max(longest, length)
        if document.words[w] == lorem_word and w + 1 < n_words and document.words[w + 1] == ipsum_word:
            lorem += 1
    row[N_WORDS] = n_words
    row[MEAN_WORD_LENGTH] = total / n_words if n_words else 0.0
    row[MAX_WORD_LENGTH] = longest
    row[ALPHA_WORD_RATIO] = share(document.sizes[LETTER_TOKENS], document.sizes[TOKENS])
    row[NEWLINE_WORD_RATIO] = share(document.sizes[BREAKS], max(document.sizes[TOKENS], 1))
    row[STOP_WORDS] = _count_stop_words(document, stop, stop_list)
    row[LOREM_IPSUM] = lorem


@jit
def _measure_lines(document: Document, stop: StopTables, row: Float64s) -> None:
    n_lines = document.sizes[LINES]
    found = count_lines(document, stop.markers)
    row[N_LINES] = n_lines
    row[N_SENTENCES] = found.sentences
    row[BULLET_LINE_RATIO] = share(found.bullets, n_lines)
    row[ELLIPSIS_LINE_RATIO] = share(found.ellipses, n_lines)
    row[TERMINAL_LINE_RATIO] = share(found.terminals, n_lines)
    row[SHORT_LINE_RATIO] = share(found.short, n_lines)
    row[N_LONG_LINES] = found.long
    row[UPPER_LINE_RATIO] = share(found.upper, n_lines)
    row[NUMERIC_LINE_RATIO] = share(found.numeric, n_lines)
    row[COUNTER_LINE_RATIO] = share(found.counters, n_lines)
    row[ONE_WORD_LINE_RATIO] = share(found.one_word, n_lines)
    row[FLAGGED_LINE_WORD_RATIO] = share(found.flagged_words, document.sizes[WORDS])
    row[JAVASCRIPT_LINES] = found.javascript
    row[POLICY_LINES] = found.policy
    row[C4_LINE_RATIO] = share(found.c4, n_lines)
    row[C4_SENTENCES] = found.c4_sentences


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
    """What is known of languages: stop words and word order, and which of them each document of a batch takes, -1 for
    none.
    """

    tables: StopTables
    lists: Int32s
    orders: Orders
    order_rows: Int32s


@jit
def measure_document(document: Document, tally: Tally, stops: Stops, d: Any, row: Float64s) -> None:
    """Fill in the signals of segmented document d, but for those of its characters. Linear in its characters."""
    _measure_words(document, stops.tables, stops.lists[d], row)
    _measure_lines(document, stops.tables, row)
    _measure_repetition(document, tally, row)
    row[WORD_ORDER] = word_order(document, stops.orders, stops.order_rows[d])


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
        measure_document(document, tally, stops, d, values[d])
        found[d] = document.sizes[SCRIPT]
    return values, found


def as_batch(values: Float64s, found: UInt8s) -> pa.RecordBatch:
    """Rows of signals and script numbers as the columns SIGNAL_FIELDS and `script`."""
    columns = [
        pa.array(np.ascontiguousarray(values[:, k]), from_pandas=True).cast(field.type)  # NaN: not measured, so null
        for k, field in enumerate(SIGNAL_FIELDS)
    ]
    names = pa.DictionaryArray.from_arrays(pa.array(found.astype(np.int32)), pa.array(script_names()))
    fields = [*SIGNAL_FIELDS, pa.field("script", pa.string())]
    return pa.RecordBatch.from_arrays([*columns, names.cast(pa.string())], schema=pa.schema(fields))


def stops_by_chunk(
    texts: Sequence[Text], languages: Sequence[str] | pa.Array | pa.ChunkedArray | None, stop_words: StopWords
) -> list[Stops]:
    """Stop lists and word order for the documents of each chunk.

    Raises ValueError where there is not one language per document.
    """
    sizes = [len(text.offsets) - 1 for text in texts]
    lists = np.full(sum(sizes), -1, np.int32) if languages is None else stop_words.lists_of(languages)
    if len(lists) != sum(sizes):
        raise ValueError(f"{sum(sizes)} texts, but {len(lists)} languages")
    if not sizes:
        return []
    known, cuts = word_orders(), np.cumsum(sizes)[:-1]
    parts = zip(np.split(lists, cuts), np.split(known.rows_of(languages, sum(sizes)), cuts), strict=True)
    return [Stops(stop_words.tables, some, known.orders, rows) for some, rows in parts]


def measure(
    texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray,
    *,
    languages: Sequence[str] | pa.Array | pa.ChunkedArray | None = None,
    stop_words: StopWords,
) -> pa.RecordBatch:
    """Signals of each text: the columns SIGNAL_FIELDS, and `script`, the ISO 15924 code of most of its letters.

    The script is Jpan for kana, with Han or without, Hans or Hant for Han (whichever has more characters of its own;
    Hans if undecided), Zyyy without letters. `languages` (zho_Hans or zho) choose stop words and word order; without
    a list, `stop_words` is 0, and without a table `word_order` is null. A null text is an empty one. Linear time, about
    90 MB/s on one core.
    """
    chunks = list(texts_of(texts))
    known = characters()
    stops = stops_by_chunk(chunks, languages, stop_words)
    rows = [_measure(text, known, stop) for text, stop in zip(chunks, stops, strict=True)]
    values = np.concatenate([np.zeros((0, N_SIGNALS)), *(part for part, _ in rows)])
    found = np.concatenate([np.zeros(0, np.uint8), *(part for _, part in rows)])
    return as_batch(values, found)
