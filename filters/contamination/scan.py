"""Evaluation items in documents: found by seeds, proved by alignment.

Every word of a document is the beginning of two possible seeds (see `seeds`). Those that are seeds of a
passage say where it would begin; it is aligned there (`align`), and found if enough of its words stand in
order. A passage is looked for again behind its end, so every copy is found; copies that follow each other directly are
one finding.

What bounds the work in hostile documents: a place where a passage was not found is not tried again by the next seed of
the same alignment; and after four failures for the same passage, it rests for a quarter of its length. Only a document
that shares many seeds with a passage in the wrong order can make it rest, and then a copy is still found by the seeds
of its other three quarters. So time is linear in the document: a seed has 16 passages (256 where these must be there
exactly), and each is tried 16 times at most for every stretch of its own length.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.contamination.align import Alignment, Item, Scratch, Window, align, may_match, new_scratch
from gristmill.filters.contamination.index import Index, bits_of, key_of
from gristmill.filters.contamination.seeds import LONG, MIN_TELLING, SHORT, extend
from gristmill.filters.contamination.tokens import (
    CLASS,
    NUMBER,
    Tokenizer,
    tokenize_document,
    tokenizer,
)
from gristmill.filters.segmentation import (
    CHARS,
    SEED,
    Document,
    Int32s,
    Int64s,
    Text,
    UInt32s,
    fit,
    new_document,
    read_document,
    texts_of,
)

TRIES = 4
"""Alignments of a passage that may fail before it rests."""
REST = 4
"""It rests for its length divided by this."""
ADJACENT = 2
"""Words between two copies of a passage that are one finding, at most."""

# Columns of the notes on a passage: the document they are of, the end of its last copy, the diagonal tried last, the
# place up to which it rests, failures since, and the last finding.
_OF, _END, _DIAGONAL, _RESTS, _FAILED, _FINDING, _NOTES = range(7)
_NOWHERE = -(1 << 30)

Notes = npt.NDArray[np.int32]


class Findings(NamedTuple):
    """Copies of passages, by document and the order in which they begin to be found."""

    size: Int64s
    """How many there are: one number."""
    documents: Int32s
    passages: Int32s
    words: Int32s
    """Words of the passage found; the most, where copies follow each other."""
    starts: Int32s
    ends: Int32s
    """Code points of the document."""


class Space(NamedTuple):
    """Scratch space for one document, but for `notes`, which each document marks as its own."""

    tokens: UInt32s
    words: Int32s
    """The word that each token stands for."""
    slots: Int64s
    """Where in the index a candidate's seeds begin."""
    places: Int32s
    """The candidate's first token."""
    notes: Notes
    row: Scratch


@jit
def _no_findings(room: Any) -> Findings:
    return Findings(
        np.zeros(1, np.int64),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
    )


@jit
def _room(found: Findings) -> Findings:
    """The findings with room for one more."""
    n = found.size[0]
    if n < len(found.documents):
        return found
    larger = _no_findings(2 * n)
    larger.size[0] = n
    larger.documents[:n] = found.documents
    larger.passages[:n] = found.passages
    larger.words[:n] = found.words
    larger.starts[:n] = found.starts
    larger.ends[:n] = found.ends
    return larger


@jit
def _candidates(tokens: UInt32s, n: Any, index: Index, slots: Int64s, places: Int32s) -> Any:
    """Write where in the index to look for the seeds that begin at each token, and the tokens; return how many.

    Nearly all of the time is spent here: two looks at the filter for each token.
    """
    found = 0
    word_mask = np.uint64(len(index.filter) - 1)
    mask = len(index.keys) - 1
    shift = index.shift[0]
    for i in range(n):
        kind = tokens[i] & CLASS
        middle, last = i + SHORT[kind], i + LONG[kind]
        if kind == NUMBER or middle > n:
            continue
        code = extend(SEED, tokens, i, middle)
        for attempt in range(2):
            if attempt == 1:
                if last > n:
                    break
                code = extend(code, tokens, middle, last)
            bits = bits_of(code)
            if index.filter[code & word_mask] & bits != bits:
                continue
            key = key_of(code)
            slot = np.int64(code >> shift)
            while index.keys[slot] != 0 and index.keys[slot] != key:
                slot = (slot + 1) & mask
            if index.keys[slot] == key:
                slots[found] = slot
                places[found] = i
                found += 1
    return found


@jit
def _open(notes: Notes, p: Any, d: Any) -> None:
    """Make the notes on passage p ready, blank when it is first met in document d."""
    if notes[p, _OF] != d + 1:
        notes[p, :] = 0
        notes[p, _OF] = d + 1
        notes[p, _DIAGONAL] = _NOWHERE
        notes[p, _FINDING] = -1


@jit
def _fail(notes: Notes, p: Any, i: Any, size: Any) -> None:
    notes[p, _FAILED] += 1
    if notes[p, _FAILED] == TRIES:
        notes[p, _FAILED] = 0
        notes[p, _RESTS] = i + size // REST


@jit
def _note(found: Findings, document: Document, space: Space, p: Any, alignment: Alignment) -> Findings:
    """Add a copy of passage p to the findings, or to its last copy right before."""
    words, notes = space.words, space.notes
    last = notes[p, _FINDING]
    if last < 0 or alignment.start - notes[p, _END] > ADJACENT:
        found = _room(found)
        last = found.size[0]
        notes[p, _FINDING] = last
        found.size[0] += 1
        found.documents[last] = notes[p, _OF] - 1
        found.passages[last] = p
        found.words[last] = 0
        found.starts[last] = document.word_starts[words[alignment.start]]
    found.words[last] = max(found.words[last], alignment.words)
    found.ends[last] = document.word_ends[words[alignment.end - 1]]
    notes[p, _END] = alignment.end
    return found


class Sizes(NamedTuple):
    """The number of the document at hand, and how many tokens and candidates it has."""

    d: Any
    tokens: Any
    candidates: Any


@jit
def _follow(index: Index, document: Document, space: Space, sizes: Sizes, found: Findings) -> Findings:
    """Look for the passages of every candidate."""
    notes = space.notes
    items, telling, offsets = index.passages.tokens, index.passages.telling, index.passages.offsets
    mask = len(index.keys) - 1
    for c in range(sizes.candidates):
        slot, i = space.slots[c], space.places[c]
        key = index.keys[slot]
        while index.keys[slot] != 0:
            p, diagonal = index.owners[slot], i - index.places[slot]
            is_seed = index.keys[slot] == key
            slot = (slot + 1) & mask
            if not is_seed:
                continue
            _open(notes, p, sizes.d)
            low = notes[p, _END]
            if i < low or i < notes[p, _RESTS] or diagonal == notes[p, _DIAGONAL]:
                continue
            notes[p, _DIAGONAL] = diagonal
            item = Item(items, telling, offsets[p], offsets[p + 1], index.needed[p])
            window = Window(space.tokens, low, sizes.tokens)
            if not may_match(item, window, diagonal):
                _fail(notes, p, i, item.last - item.first)
                continue
            alignment = align(item, window, diagonal, space.row)
            if alignment.words < item.needed or alignment.telling < MIN_TELLING:
                _fail(notes, p, i, item.last - item.first)
                continue
            found = _note(found, document, space, p, alignment)
    return found


@jit
def _new_space(n_words: Any, notes: Notes) -> Space:
    return Space(
        np.empty(n_words, np.uint32),
        np.empty(n_words, np.int32),
        np.empty(2 * n_words, np.int64),
        np.empty(2 * n_words, np.int32),
        notes,
        new_scratch(),
    )


@jit
def _scan(text: Text, known: Tokenizer, index: Index) -> tuple[Findings, Int32s]:
    n_documents = len(text.offsets) - 1
    n_passages = len(index.needed)
    lengths = np.zeros(n_documents, np.int32)
    found = _no_findings(64)
    document = new_document(1 << 14)
    space = _new_space(len(document.words), np.zeros((n_passages, _NOTES), np.int32))
    for d in range(n_documents):
        document = fit(document, text, d)
        if len(space.tokens) < len(document.words):
            space = _new_space(len(document.words), space.notes)
        read_document(text, d, known.characters, document)
        lengths[d] = document.sizes[CHARS]
        n = tokenize_document(document, known, space.tokens, space.words)
        n_candidates = _candidates(space.tokens, n, index, space.slots, space.places)
        if n_candidates:
            found = _follow(index, document, space, Sizes(np.int32(d), n, n_candidates), found)
    return found, lengths


def scan(texts: pa.StringArray, index: Index) -> tuple[Findings, Int32s]:
    """Every copy of a passage in each text, and the texts' code points. See the module for method and cost."""
    (text,) = texts_of(texts)
    found, lengths = _scan(text, tokenizer(), index)
    n = int(found.size[0])
    return Findings(found.size, *(column[:n] for column in found[1:])), lengths
