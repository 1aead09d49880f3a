"""The whole kernel: text in; signals, hash of the normalised text and MinHash signature out, in one walk."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from gristmill.filters._jit import jit
from gristmill.filters.characters import Characters, characters
from gristmill.filters.minhash import Permutations, permutations, sign_document
from gristmill.filters.repetition import fit_tally, new_tally
from gristmill.filters.segmentation import (
    SCRIPT,
    Int64s,
    Text,
    UInt8s,
    UInt32s,
    UInt64s,
    fit,
    new_document,
    segment,
    texts_of,
)
from gristmill.filters.shingles import as_binary, hash_text, shingle_document, widths
from gristmill.filters.signals import (
    N_SIGNALS,
    Float64s,
    Stops,
    StopWords,
    as_batch,
    measure_characters,
    measure_document,
    stops_by_chunk,
)
from gristmill.schemas.measures import PERMUTATIONS


class Knowledge(NamedTuple):
    """Tables that do not change from batch to batch."""

    characters: Characters
    widths: Int64s
    permutations: Permutations


class Rows(NamedTuple):
    """What the kernel finds, one row for each document."""

    signals: Float64s
    scripts: UInt8s
    texts: UInt64s
    signatures: UInt32s


class Annotations(NamedTuple):
    """Columns that the kernel finds, aligned with its texts."""

    signals: pa.RecordBatch
    """SIGNAL_FIELDS, and `script`."""
    text_hash: pa.FixedSizeBinaryArray
    signature: pa.FixedSizeBinaryArray


@jit
def _annotate(text: Text, known: Knowledge, stops: Stops) -> Rows:
    n = len(text.offsets) - 1
    rows = Rows(
        np.zeros((n, N_SIGNALS), np.float64),
        np.zeros(n, np.uint8),
        np.zeros((n, 2), np.uint64),
        np.zeros((n, PERMUTATIONS), np.uint32),
    )
    document = new_document(1 << 14)
    tally = new_tally(1 << 12)
    shingles = np.empty(1 << 15, np.uint32)
    for d in range(n):
        document = fit(document, text, d)
        segment(text, d, known.characters, document)
        tally = fit_tally(tally, document)
        if len(shingles) < 2 * len(document.chars):
            shingles = np.empty(2 * len(document.chars), np.uint32)
        measure_characters(document, known.characters.kinds, rows.signals[d])
        measure_document(document, tally, stops, d, rows.signals[d])
        rows.scripts[d] = document.sizes[SCRIPT]
        hash_text(document, shingles, rows.texts[d])
        n_shingles = shingle_document(document, known.characters.folds, known.widths, shingles)
        sign_document(shingles, n_shingles, known.permutations, rows.signatures[d])
    return rows


def annotate_kernel(
    texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray,
    languages: Sequence[str] | pa.Array | pa.ChunkedArray | None,
    stop_words: StopWords,
) -> Annotations:
    """Signals, text hash and signature of each text, each as `signals`, `shingles` and `minhash` define them.

    Runs without the GIL on one core, at 50 to 75 MB/s by how busy the machine is, in linear time. Scratch space is
    reused from document to document: about 30 bytes per byte of the largest one, 2 GB for one of 64 MB. A null text is
    an empty one. Raises ValueError where there is not one language per text.
    """
    chunks = list(texts_of(texts))
    known = Knowledge(characters(), widths(), permutations())
    stops = stops_by_chunk(chunks, languages, stop_words)
    parts = [_annotate(text, known, stop) for text, stop in zip(chunks, stops, strict=True)]
    rows = Rows(*(np.concatenate(columns) for columns in zip(_no_rows(), *parts, strict=True)))
    return Annotations(as_batch(rows.signals, rows.scripts), as_binary(rows.texts), as_binary(rows.signatures))


def _no_rows() -> Rows:
    return Rows(
        np.zeros((0, N_SIGNALS), np.float64),
        np.zeros(0, np.uint8),
        np.zeros((0, 2), np.uint64),
        np.zeros((0, PERMUTATIONS), np.uint32),
    )


def warm_up() -> None:
    """Compile the kernel, or load it from the cache, on a tiny batch: before workers fork or a clock starts."""
    annotate_kernel(pa.array(["warm up"]), ["eng"], StopWords.compile({"eng": ["up"]}))
