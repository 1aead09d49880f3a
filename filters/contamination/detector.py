"""Evaluation sets in documents: from texts of items to rows of an index, and from these to evidence.

What is compared is told in `tokens`, how each text can be told and by which seeds in `seeds`, how documents are
searched in `scan`, what counts as found in `align`. Here is what goes in and what comes out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters import stop_words
from gristmill.filters.contamination.index import Index, build, needed_words
from gristmill.filters.contamination.scan import Findings, scan
from gristmill.filters.contamination.seeds import MATCHES, NONE, Passages, Seeds, by_length, choose, sizes
from gristmill.filters.contamination.tokens import Tokens, tokenize, unframed
from gristmill.filters.segmentation import Int32s, Int64s, UInt8s, UInt32s
from gristmill.schemas import CONTAMINATION, EVALUATION_ITEMS

SHOWN = 120
"""Code points of a text that tables show."""
MAX_OWNERS = 16
"""Items that evidence names where more share one text; all are counted."""

# Stop words of English beyond those of the quality rules, which need only a few.
_ENGLISH = (
    "a about after all also an any are as at be been before being between but by can could did do does "
    "each for from had has have he her his how i if in into is it its may might more most no not of on "
    "one only or other our out over same she should so some such than that the their them then there "
    "these they this those to under up was we were what when where which while who why will with would "
    "you your "
)


Array = npt.NDArray[Any]


class Texts(NamedTuple):
    """All texts of one field of an evaluation set."""

    set: str
    field: str
    items: pa.Array
    """Id of the item that each text is of."""
    texts: pa.Array


def index_rows(groups: Iterable[Texts]) -> pa.Table:
    """Rows of `evaluation_items` for all texts of all sets: how each can be told, tokens and seeds.

    Texts with equal words are one passage, which the first of them carries. Holds some 100 bytes for each word.
    """
    numbers: dict[bytes, int] = {}
    tokens: list[UInt32s] = []
    telling: list[UInt8s] = []
    of_rows: list[int] = []
    columns = []
    stops = np.unique(tokenize(pa.array(_stop_words(), pa.string())).tokens)
    for group in groups:
        found = tokenize(group.texts)
        letters = np.where(np.isin(found.tokens, stops), 0, np.minimum(found.lengths, 255)).astype(np.uint8)
        for start, end in zip(*_own_words(found, letters), strict=True):
            words = found.tokens[start:end]
            number = numbers.setdefault(words.tobytes(), len(numbers))
            if number == len(tokens):
                tokens.append(words)
                telling.append(letters[start:end])
            of_rows.append(number)
        columns.append(_described(group))
    offsets = np.cumsum([0, *map(len, tokens)], dtype=np.int64)
    passages = Passages(offsets, _concatenated(tokens, np.uint32), _concatenated(telling, np.uint8))
    return _rows(pa.concat_tables(columns), np.array(of_rows, np.int64), passages)


def _own_words(found: Tokens, letters: UInt8s) -> tuple[Int64s, Int64s]:
    """Where each text begins and ends among the tokens: without its frame, if it can be told without."""
    starts, ends = unframed(found)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(ends - starts)])
    own = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], ends - starts)
    untold = by_length(Passages(offsets, found.tokens[own], letters[own])) == NONE
    return np.where(untold, found.offsets[:-1], starts), np.where(untold, found.offsets[1:], ends)


def _stop_words() -> list[str]:
    return sorted({*_ENGLISH.split(), *(word for words in stop_words.load().values() for word in words)})


def _concatenated(parts: list[UInt32s] | list[UInt8s], kind: type[np.generic]) -> Array:
    return np.concatenate([np.zeros(0, kind), *parts])


def _described(group: Texts) -> pa.Table:
    n = len(group.items)
    columns = {
        "set": pa.repeat(group.set, n),
        "item": group.items,
        "field": pa.repeat(group.field, n),
        "text": pc.utf8_slice_codeunits(group.texts, 0, SHOWN),
    }
    return pa.table(columns)


def _rows(described: pa.Table, of_rows: Int64s, passages: Passages) -> pa.Table:
    modes, seeds = choose(passages)
    _, carriers = np.unique(of_rows, return_index=True)
    counts = np.bincount(seeds.passages, minlength=len(modes))
    n = len(of_rows)
    columns = {
        "set": described["set"],
        "item": described["item"],
        "field": described["field"],
        "text": described["text"],
        "words": pa.array(sizes(passages)[of_rows], pa.int32()),
        "match": pa.array(MATCHES).take(pa.array(modes[of_rows])),
        "passage": pa.array(of_rows, pa.int32()),
        "tokens": _lists(passages.tokens, sizes(passages), carriers, n),
        "telling": _lists(passages.telling, sizes(passages), carriers, n),
        "seeds": _lists(seeds.hashes, counts, carriers, n),
        "seed_places": _lists(seeds.places, counts, carriers, n),
    }
    return pa.table(columns, schema=EVALUATION_ITEMS.schema)


def _lists(values: Array, lengths: Int64s, carriers: Int64s, n: int) -> pa.ListArray:
    """A list in each carrier's row, null in all others."""
    of_rows = np.zeros(n, np.int64)
    of_rows[carriers] = lengths
    absent = np.ones(n, np.bool_)
    absent[carriers] = False
    offsets = pa.array(np.concatenate([[0], np.cumsum(of_rows)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.array(values), mask=pa.array(absent))


@dataclass(frozen=True, kw_only=True)
class Detector:
    """The index of all evaluation sets, ready for batches of documents."""

    index: Index
    _sets: pa.Array
    _labels: pa.Array
    """What evidence calls the item of each row."""
    _item_numbers: Int64s
    """Rows of the same item have the same number."""
    _rows: Int64s
    """Rows by passage: passage p has `_rows[_offsets[p]:_offsets[p + 1]]`."""
    _offsets: Int64s

    @classmethod
    def load(cls, rows: pa.Table, *, min_share: float) -> "Detector":
        """Make the index from rows of `evaluation_items`; `min_share` of an aligned passage's words must be found."""
        rows = rows.combine_chunks()
        carriers = rows.filter(pc.is_valid(rows["tokens"]))
        lengths = pc.list_value_length(carriers["tokens"]).to_numpy().astype(np.int64)
        passages = Passages(
            np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
            _values(carriers["tokens"], np.uint32),
            _values(carriers["telling"], np.uint8),
        )
        counts = pc.list_value_length(carriers["seeds"]).to_numpy()
        owners = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        places = _values(carriers["seed_places"], np.int32)
        seeds = Seeds(_values(carriers["seeds"], np.uint64), owners, places, np.zeros(len(places), np.int32))
        modes = pc.index_in(carriers["match"], value_set=pa.array(MATCHES)).to_numpy().astype(np.uint8)
        number = rows["passage"].to_numpy()
        items = pc.binary_join_element_wise(rows["set"], rows["item"], "\0")
        return cls(
            index=build(passages, seeds, needed_words(passages, modes, min_share=min_share)),
            _sets=_plain(rows["set"]),
            _labels=_labels(rows),
            _item_numbers=_plain(items).dictionary_encode().indices.to_numpy().astype(np.int64),
            _rows=np.argsort(number, kind="stable"),
            _offsets=np.searchsorted(np.sort(number), np.arange(len(counts) + 1)).astype(np.int64),
        )

    def measure(self, doc_ids: pa.Array, texts: pa.StringArray) -> pa.RecordBatch:
        """A row of `contamination` for each text."""
        found, lengths = scan(texts, self.index)
        found = _sorted(found)
        documents, evidence = self._evidence(found, texts)
        offsets = np.searchsorted(documents, np.arange(len(texts) + 1))
        columns = [
            doc_ids,
            pa.array(self._items(found, len(texts)), pa.int32()),
            pa.array(_covered(found, len(texts)) / np.maximum(lengths, 1), pa.float32()),
            pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), evidence),
        ]
        return pa.record_batch(columns, schema=CONTAMINATION.schema)

    def _items(self, found: Findings, n_documents: int) -> Int64s:
        """Different items found in each document."""
        pairs = np.unique(found.documents.astype(np.int64) << 32 | found.passages)
        counts = np.zeros(n_documents, np.int64)
        for d in np.unique(pairs >> 32):  # one by one: a passage may be that of a million items
            low, high = np.searchsorted(pairs, [d << 32, (d + 1) << 32])
            passages = pairs[low:high] & 0xFFFFFFFF
            owners = np.concatenate([self._rows[self._offsets[p] : self._offsets[p + 1]] for p in passages])
            counts[d] = len(np.unique(self._item_numbers[owners]))
        return counts

    def _evidence(self, found: Findings, texts: pa.StringArray) -> tuple[Int32s, pa.StructArray]:
        """The document of each row of evidence, and the rows: all copies, the first of each with all its items."""
        pairs = found.documents.astype(np.int64) << 32 | found.passages
        firsts = np.zeros(len(pairs), np.bool_)
        firsts[np.unique(pairs, return_index=True)[1]] = True
        owners = self._offsets[found.passages + 1] - self._offsets[found.passages]
        copies = np.where(firsts, np.minimum(owners, MAX_OWNERS), 1)
        finding = np.repeat(np.arange(len(pairs)), copies)
        nth = np.arange(len(finding)) - np.repeat(np.cumsum(copies) - copies, copies)
        rows = pa.array(self._rows[self._offsets[found.passages[finding]] + nth], pa.int64())
        words = np.diff(self.index.passages.offsets)[found.passages]
        shares = np.minimum(found.words / np.maximum(words, 1), 1)
        excerpts = pa.array(_excerpts(found, texts), pa.string())
        columns = {
            "set": self._sets.take(rows),
            "item": self._labels.take(rows),
            "share": pa.array(shares[finding], pa.float32()),
            "start": pa.array(found.starts[finding], pa.int32()),
            "end": pa.array(found.ends[finding], pa.int32()),
            "text": excerpts.take(pa.array(finding)),
        }
        return found.documents[finding], pa.StructArray.from_arrays(list(columns.values()), list(columns))


def _values(lists: pa.ChunkedArray, kind: type[np.generic]) -> Array:
    values: Array = _plain(pc.list_flatten(lists)).to_numpy(zero_copy_only=False).astype(kind)  # a copy, and writable
    return values


def _plain(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _labels(rows: pa.Table) -> pa.Array:
    """The item's id, and behind it the field where the set has several."""
    fields = rows.group_by("set").aggregate([("field", "count_distinct")])
    several = fields.filter(pc.greater(fields["field_count_distinct"], 1))["set"]
    longer = pc.binary_join_element_wise(rows["item"], rows["field"], "/")
    return _plain(pc.if_else(pc.is_in(rows["set"], value_set=_plain(several)), longer, rows["item"]))


def _sorted(found: Findings) -> Findings:
    order = np.lexsort((found.passages, found.ends, found.starts, found.documents))
    return Findings(found.size, *(column[order] for column in found[1:]))


def _covered(found: Findings, n_documents: int) -> Int64s:
    """Code points of each document that belong to findings, which are sorted by document and start."""
    base = found.documents.astype(np.int64) << 32
    ends = np.maximum.accumulate(base + found.ends) if len(base) else base
    before = np.concatenate([np.zeros(1, np.int64), ends])[:-1]
    fresh = np.maximum(ends - np.maximum(base + found.starts, before), 0)
    return np.bincount(found.documents, weights=fresh, minlength=n_documents).astype(np.int64)


def _excerpts(found: Findings, texts: pa.StringArray) -> list[str]:
    """The beginning of each finding's text."""
    document, text = -1, ""
    excerpts = []
    for d, start, end in zip(found.documents.tolist(), found.starts.tolist(), found.ends.tolist(), strict=True):
        if d != document:
            document, text = d, texts[d].as_py()
        excerpts.append(text[start : min(end, start + SHOWN)])
    return excerpts
