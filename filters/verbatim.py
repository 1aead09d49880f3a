"""Words as repeated passages are compared by: those of normalised text, but with their digits.

Case, width, accents and punctuation make no difference, as between near duplicates. Digits do: with them folded, all
dates of entry into force, and all rows of figures of one shape, would be one line that every document repeats. Digits
of all scripts are the ASCII ones.
"""

import sys
import unicodedata
from functools import cache

import numpy as np
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import Characters, characters
from gristmill.filters.segmentation import FOLDED, Text, Words, fit, new_document, read_document, texts_of


@cache
def tables() -> Characters:
    """The tables of `characters`, but for the folds of digits: `Document.folded` then has the hashes of these words.

    Built on the first call (about 0.3 s with those of `characters`).
    """
    known = characters()
    folds = known.folds.copy()
    for code in range(sys.maxunicode + 1):
        digit = unicodedata.decimal(chr(code), -1)
        if digit >= 0:
            folds[code] = ord("0") + digit
    folds.setflags(write=False)
    return known._replace(folds=folds)


@jit
def _words(text: Text, known: Characters) -> Words:
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
        read_document(text, d, known, document)
        for k in range(document.sizes[FOLDED]):
            found.starts[n] = document.word_starts[document.traced[k]]
            found.ends[n] = document.word_ends[document.traced[k]]
            found.hashes[n] = document.folded[k]
            n += 1
        found.offsets[d + 1] = n
    return found


def words(texts: pa.StringArray | pa.LargeStringArray) -> Words:
    """The words of each text that leave a trace, and their hashes: for tests and benchmarks, not for the pipeline."""
    (text,) = texts_of(texts)
    found = _words(text, tables())
    n = int(found.offsets[-1])
    return Words(found.offsets, found.starts[:n], found.ends[:n], found.hashes[:n])
