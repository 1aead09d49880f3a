"""The hashes that a document can be found by: one of its normalised text, and one for each band of its signature.

Documents that share any of them are candidates. With b bands of r values, two documents of Jaccard similarity s share a
band with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, ch. 3).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.schemas import PERMUTATIONS, Table, mix

KEYS = Table(
    name="dedup_keys",
    row="a hash under which a document can be found",
    schema=pa.schema([pa.field("hash", pa.uint64()), pa.field("row", pa.int32())]),
)

ROW_GROUP_ROWS = 1 << 16
"""Rows are sorted by hash, so a reader of a range of hashes skips the row groups outside it."""

_EMPTY = np.uint32(0xFFFFFFFF)


def keys_of_part(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write a part's keys, sorted by hash and row. Memory: 16 bytes a key, of one part."""
    documents, signals, verdicts = unit.local["part"]
    hashes: list[npt.NDArray[np.uint64]] = [np.empty(0, np.uint64)]
    rows: list[npt.NDArray[np.int32]] = [np.empty(0, np.int32)]
    for start, ids, signatures in _candidates(store, documents, signals, verdicts):
        for keys in _keys(ids, signatures, settings=settings):
            hashes.append(keys)
            rows.append(start.astype(np.int32))
    every_hash, every_row = np.concatenate(hashes), np.concatenate(rows)
    order = np.lexsort((every_row, every_hash))
    with output.table(KEYS, row_group_rows=ROW_GROUP_ROWS) as writer:
        writer.write(pa.record_batch([every_hash[order], every_row[order]], schema=KEYS.schema))


def _candidates(
    store: Store, documents: str, signals: str, verdicts: str
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64], npt.NDArray[np.uint32]]]:
    """Row numbers, text hashes and signatures of the documents that are kept so far and have any text to compare."""
    start = 0
    for origin, measured, verdict in tables.aligned(
        tables.only_ok(tables.batches(store, documents, columns=["role", "status"])),
        tables.batches(store, signals, columns=["text_hash", "signature"]),
        tables.batches(store, verdicts, columns=["keep"]),
    ):
        wanted = pc.and_(verdict["keep"], pc.equal(origin["role"], "raw"))
        signatures = signature_matrix(measured["signature"])
        chosen = np.flatnonzero(wanted.to_numpy(zero_copy_only=False) & (signatures != _EMPTY).any(axis=1))
        yield start + chosen, text_hash_matrix(measured["text_hash"])[chosen, 0], signatures[chosen]
        start += measured.num_rows


def _keys(
    text_hashes: npt.NDArray[np.uint64], signatures: npt.NDArray[np.uint32], *, settings: JSON
) -> Iterator[npt.NDArray[np.uint64]]:
    if settings["exact"]:
        yield mix(text_hashes)
    rows = settings["rows"]
    for band in range(settings["bands"]):
        yield band_hashes(signatures[:, band * rows : (band + 1) * rows], band=band)


def band_hashes(values: npt.NDArray[np.uint32], *, band: int) -> npt.NDArray[np.uint64]:
    """One hash per document of its values in a band; different bands never share one on purpose.

    Args:
        values: (documents, rows) MinHash values.
    """
    state = np.full(len(values), np.uint64(band + 1), np.uint64)
    for column in values.T:
        state = mix(state ^ column.astype(np.uint64))
    return state


def signature_matrix(column: pa.Array) -> npt.NDArray[np.uint32]:
    """(documents, permutations) values of a signature column; no copy."""
    return _fixed_width(column, 4 * PERMUTATIONS).view("<u4")


def text_hash_matrix(column: pa.Array) -> npt.NDArray[np.uint64]:
    """(documents, 2) halves of a text hash column; no copy."""
    return _fixed_width(column, 16).view("<u8")


def _fixed_width(column: pa.Array, width: int) -> npt.NDArray[np.uint8]:
    data = np.frombuffer(column.buffers()[1], np.uint8)
    start = column.offset * width
    return data[start : start + len(column) * width].reshape(len(column), width)
