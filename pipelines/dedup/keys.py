"""The hashes that a document can be found by: one of its text, and one for each band of its signature.

Documents that share any of them are candidates. With b bands of r values, two documents of Jaccard similarity s share a
band with probability 1 - (1 - s^r)^b (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, ch. 3).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import exchange, tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.corpus import Nodes, places
from gristmill.schemas import PERMUTATIONS, Table, mix

KEYS = Table(
    name="intermediate/dedup_keys",
    row="a hash under which a document can be found; its last bit is 1 if it is of the whole text, 0 if of a band",
    schema=pa.schema([pa.field("hash", pa.uint64()), pa.field("text", pa.uint64()), pa.field("place", pa.uint64())]),
)
"""`text` is the other half of the text's hash: equal texts have it in common."""

UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]

_EMPTY = np.uint32(0xFFFFFFFF)
_OF_TEXT = np.uint64(1)


class _Found(NamedTuple):
    """The documents of a batch that are compared."""

    places: Nodes
    texts: UInt64s
    signatures: UInt32s


def keys_of_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the keys of a group of parts, sorted. Memory: some 60 bytes a key."""
    old = unit.local["old"]
    superseded = tables.read(store, old)["place"].to_numpy() if old else np.empty(0, np.uint64)
    hashes: list[UInt64s] = [np.empty(0, np.uint64)]
    texts: list[UInt64s] = [np.empty(0, np.uint64)]
    where: list[Nodes] = [np.empty(0, np.uint64)]
    for found in _documents(unit, store, superseded):
        output.count("documents", len(found.places))
        for keys in _keys(found, bands=settings["bands"], rows=settings["rows"]):
            hashes.append(keys)
            texts.append(found.texts[:, 1])
            where.append(found.places)
    every = np.concatenate(hashes)
    order = np.argsort(every, kind="stable")
    batch = pa.record_batch(
        [every[order], np.concatenate(texts)[order], np.concatenate(where)[order]], schema=KEYS.schema
    )
    bounds = exchange.hash_bounds(settings["ranges"])
    exchange.write(output, KEYS, batch, bounds=bounds, name=unit.local["name"])


def _documents(unit: Unit, store: Store, superseded: Nodes) -> Iterator[_Found]:
    """The documents of a group that are kept so far and have any text to compare."""
    for number, part in enumerate(unit.local["parts"]):
        start = 0
        for origin, measured, verdict in tables.aligned(
            tables.only_ok(tables.batches(store, part["documents"], columns=["role", "status"])),
            tables.batches(store, part["signals"], columns=["text_hash", "signature"]),
            tables.batches(store, part["verdicts"], columns=["keep"]),
        ):
            kept = pc.and_(verdict["keep"], pc.equal(origin["role"], "raw")).to_numpy(zero_copy_only=False)
            here = places(number, start + np.arange(len(kept)))
            signatures = signature_matrix(measured["signature"])
            chosen = kept & (signatures != _EMPTY).any(axis=1) & ~_among(here, superseded)
            yield _Found(here[chosen], text_hash_matrix(measured["text_hash"])[chosen], signatures[chosen])
            start += len(kept)


def _among(here: Nodes, given: Nodes) -> npt.NDArray[np.bool_]:
    """Which places are among given ones, which are sorted."""
    if not len(given):
        return np.zeros(len(here), bool)
    found: npt.NDArray[np.bool_] = given[np.searchsorted(given, here) % len(given)] == here
    return found


def _keys(found: _Found, *, bands: int, rows: int) -> Iterator[UInt64s]:
    yield mix(found.texts[:, 0]) | _OF_TEXT
    for band in range(bands):
        yield band_hashes(found.signatures[:, band * rows : (band + 1) * rows], band=band) & ~_OF_TEXT


def is_of_text(hashes: UInt64s) -> npt.NDArray[np.bool_]:
    """Which keys are of the whole text."""
    return (hashes & _OF_TEXT).astype(bool)


def band_hashes(values: UInt32s, *, band: int) -> UInt64s:
    """One hash per document of its values in a band; different bands never share one on purpose.

    Args:
        values: (documents, rows) MinHash values.
    """
    state = np.full(len(values), np.uint64(band + 1), np.uint64)
    for column in values.T:
        state = mix(state ^ column.astype(np.uint64))
    return state


def signature_matrix(column: pa.Array) -> UInt32s:
    """(documents, permutations) values of a signature column; no copy."""
    return _fixed_width(column, 4 * PERMUTATIONS).view("<u4")


def text_hash_matrix(column: pa.Array) -> UInt64s:
    """(documents, 2) halves of a text hash column; no copy."""
    return _fixed_width(column, 16).view("<u8")


def _fixed_width(column: pa.Array, width: int) -> npt.NDArray[np.uint8]:
    if not len(column):
        return np.empty((0, width), np.uint8)
    data = np.frombuffer(column.buffers()[1], np.uint8)
    start = column.offset * width
    return data[start : start + len(column) * width].reshape(len(column), width)
