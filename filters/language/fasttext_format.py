"""fastText's model files, .bin and .ftz, as arrays.

Read as fastText 0.9 writes them (https://github.com/facebookresearch/fastText, `fasttext.cc`, `dictionary.cc`,
`quantmatrix.cc`, `productquantizer.cc`), little-endian, nothing aligned:

- magic and version, twelve 32-bit arguments and one double;
- the dictionary: counts, then each entry as a string that ends in NUL, its occurrences and its type, first all words,
  then all labels; and, where the model was pruned, which buckets of n-grams are left and in which rows;
- the input matrix, dense or product-quantised, and the output matrix, likewise.

Every size is checked against the file before anything is allocated, every index against the matrix it points into, so a
damaged or forged file is a ValueError and nothing worse.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]

HIERARCHICAL, NEGATIVE, SOFTMAX, ONE_VERSUS_ALL = 1, 2, 3, 4
"""Losses, by fastText's numbers."""

_MAGIC = 793_712_314
_VERSIONS = (11, 12)
_SUPERVISED = 3
_WORD, _LABEL = 0, 1
_CENTROIDS = 256
_MAX_COUNT = 1_000_000_000_000_000
"""fastText's own infinity, in building the Huffman tree."""
_MAX_NGRAM = 64
"""Longest n-gram, of characters or words, that is believed; it bounds the work per character."""


@dataclass(frozen=True, kw_only=True)
class Quantised:
    """A product-quantised matrix (Jegou et al. 2011): row i is `norms[i]` times its centroids, one per part of it.

    Attributes:
        codes: which centroid, (rows, parts).
        centroids: flat; those of part p begin at 256 * p * width, and each is `width` long, in the last part `last`.
        norms: factor of each row.
    """

    codes: Bytes
    centroids: Floats
    width: int
    last: int
    norms: Floats

    @property
    def columns(self) -> int:
        return int(self.width * (self.codes.shape[1] - 1) + self.last)

    def dense(self) -> Floats:
        """The matrix itself."""
        parts = self.codes.shape[1]
        found = np.empty((len(self.codes), self.columns), np.float32)
        for part in range(parts):
            width = self.last if part == parts - 1 else self.width
            start = _CENTROIDS * self.width * part
            table = self.centroids[start : start + _CENTROIDS * width].reshape(_CENTROIDS, width)
            found[:, part * self.width : part * self.width + width] = table[self.codes[:, part]]
        return found * self.norms[:, None]


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a model file holds.

    Attributes:
        words: UTF-8 of all words and then all labels, entry i at `offsets[i]:offsets[i] + lengths[i]` of `file`.
        labels: the labels, in the order of the output matrix.
        label_counts: occurrences of each label in training.
        buckets: n-grams that are left in a pruned model, and `rows`, their rows behind those of the words; None if
            no n-gram was pruned.
        inputs: one row for each word, then one for each bucket. A dense one is mapped, not read.
        outputs: one row for each label (for each inner node of the Huffman tree).
    """

    dim: int
    min_n: int
    max_n: int
    word_ngrams: int
    bucket: int
    loss: int
    n_words: int
    file: Bytes
    offsets: Int64s
    lengths: Int64s
    labels: tuple[str, ...]
    label_counts: Int64s
    buckets: Int32s | None
    rows: Int32s
    inputs: Floats | Quantised
    outputs: Floats


def read(path: Path) -> Contents:
    """Read a supervised model.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a model of fastText, or no classifier, or damaged.
    """
    if path.stat().st_size < 64:
        raise ValueError(f"{str(path)!r} is too short for a fastText model")
    try:
        return _read(_Cursor(np.memmap(path, np.uint8, "r").view(np.ndarray)))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is not a fastText classifier: {error}") from error


class _Cursor:
    """A place in the file, which only goes forward, and never beyond the end."""

    def __init__(self, file: Bytes) -> None:
        self.file = file
        self.at = 0

    def bytes(self, n: int) -> Bytes:
        if n < 0 or n > len(self.file) - self.at:
            raise ValueError(f"it ends at byte {len(self.file)}, where {n} bytes are due from byte {self.at} on")
        self.at += n
        return self.file[self.at - n : self.at]

    def numbers(self, kinds: str) -> tuple[Any, ...]:
        kinds = "<" + kinds
        return struct.unpack(kinds, self.bytes(struct.calcsize(kinds)).tobytes())

    def array(self, kind: type[Any], *shape: int) -> npt.NDArray[Any]:
        """Mapped, and so not aligned, read-only."""
        n = int(np.prod([max(each, 0) for each in shape], dtype=object))
        return self.bytes(n * np.dtype(kind).itemsize).view(np.dtype(kind).newbyteorder("<")).reshape(shape)


def _read(cursor: _Cursor) -> Contents:
    magic, version = cursor.numbers("2i")
    if magic != _MAGIC or version not in _VERSIONS:
        raise ValueError("its first bytes are others than those of a .bin or .ftz file")
    dim, _, _, _, _, word_ngrams, loss, model, bucket, min_n, max_n, _, _ = cursor.numbers("12id")
    if model != _SUPERVISED:
        raise ValueError("it was trained without labels")
    if version == 11:
        max_n = 0  # supervised models of old had no n-grams of characters, whatever they say
    _check("dim", dim, 1, 1 << 16)
    _check("wordNgrams", word_ngrams, 0, _MAX_NGRAM)
    _check("maxn", max_n, 0, _MAX_NGRAM)
    _check("minn", min_n, 0, 1 << 30)
    _check("loss", loss, HIERARCHICAL, ONE_VERSUS_ALL)
    _check("bucket", bucket, 1 if max_n > 0 or word_ngrams > 1 else 0, (1 << 31) - 1)

    n_entries, n_words, n_labels, _, n_pruned = cursor.numbers("3i2q")
    _check("words", n_words, 0, n_entries)
    _check("labels", n_labels, 1, n_entries)
    if n_words + n_labels != n_entries:
        raise ValueError(f"{n_words} words and {n_labels} labels are not {n_entries} entries")
    offsets, lengths, counts = _entries(cursor, n_entries, n_words)
    pruned = cursor.array(np.int32, n_pruned, 2) if n_pruned >= 0 else None

    (quantised,) = cursor.numbers("?")
    inputs = _quantised(cursor) if quantised else _dense(cursor)
    (quantised_too,) = cursor.numbers("?")
    outputs = _quantised(cursor).dense() if quantised and quantised_too else _dense(cursor)

    n_rows, columns = inputs.codes.shape[0] if isinstance(inputs, Quantised) else len(inputs), _columns(inputs)
    if columns != dim or outputs.shape[1] != dim:
        raise ValueError(f"its matrices have {columns} and {outputs.shape[1]} columns, not {dim}")
    if not 0 <= int(counts.min(initial=0)) <= int(counts.max(initial=0)) < _MAX_COUNT:
        raise ValueError("its words occur impossibly often")
    n_outputs = n_labels - 1 if loss == HIERARCHICAL else n_labels
    if len(outputs) < n_outputs:
        raise ValueError(f"its output matrix has {len(outputs)} rows, fewer than {n_outputs}")
    uses_buckets = max_n > 0 or word_ngrams > 1
    highest = (bucket if uses_buckets else 0) if pruned is None else int(pruned[:, 1].max(initial=-1)) + 1
    if n_rows < n_words + highest or (pruned is not None and int(pruned[:, 1].min(initial=0)) < 0):
        raise ValueError(f"its input matrix has {n_rows} rows, fewer than {n_words} words and {highest} n-grams need")
    return Contents(
        dim=dim,
        min_n=min_n,
        max_n=max_n,
        word_ngrams=word_ngrams,
        bucket=bucket,
        loss=loss,
        n_words=n_words,
        file=cursor.file,
        offsets=offsets,
        lengths=lengths,
        labels=tuple(
            cursor.file[start : start + length].tobytes().decode("utf-8", "replace")
            for start, length in zip(offsets[n_words:].tolist(), lengths[n_words:].tolist(), strict=True)
        ),
        label_counts=counts[n_words:].copy(),
        buckets=None if pruned is None else np.ascontiguousarray(pruned[:, 0]).astype(np.int32),
        rows=np.empty(0, np.int32) if pruned is None else np.ascontiguousarray(pruned[:, 1]).astype(np.int32),
        inputs=inputs,
        outputs=outputs[:n_outputs],
    )


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}, not {least} to {most}")


def _columns(matrix: Floats | Quantised) -> int:
    return matrix.columns if isinstance(matrix, Quantised) else matrix.shape[1]


def _entries(cursor: _Cursor, n: int, n_words: int) -> tuple[Int64s, Int64s, Int64s]:
    """Where the dictionary's words and labels are, their lengths in bytes, and their counts."""
    if n > (len(cursor.file) - cursor.at) // 10:
        raise ValueError(f"it is too short for a dictionary of {n} entries")
    entries = np.empty((3, n), np.int64)
    at = int(_walk_entries(cursor.file, cursor.at, n_words, entries))
    if at < 0:
        raise ValueError("its dictionary is damaged")
    cursor.at = at
    offsets, lengths, counts = entries
    return offsets, lengths, counts


@jit
def _walk_entries(file: Any, at: Any, n_words: Any, entries: Any) -> Any:
    """Fill in each entry; return the byte after the last, -1 where an entry is cut off or of the wrong type."""
    offsets, lengths, counts = entries
    for entry in range(len(offsets)):
        offsets[entry] = at
        while at < len(file) and file[at] != 0:
            at += 1
        lengths[entry] = at - offsets[entry]
        at += 1
        if at + 9 > len(file) or file[at + 8] != (_WORD if entry < n_words else _LABEL):
            return -1
        count = np.uint64(0)
        for byte in range(8):
            count |= np.uint64(file[at + byte]) << np.uint64(8 * byte)
        counts[entry] = np.int64(count)
        at += 9
    return at


def _dense(cursor: _Cursor) -> Floats:
    rows, columns = cursor.numbers("2q")
    return cursor.array(np.float32, rows, columns)


def _quantised(cursor: _Cursor) -> Quantised:
    has_norms, rows, columns, n_codes = cursor.numbers("?2qi")
    codes = cursor.bytes(n_codes)
    n, parts, width, last, centroids = _centroids(cursor)
    if n != columns or rows < 0 or rows * parts != n_codes:
        raise ValueError(f"a matrix of {rows} x {columns} is quantised in {n_codes} codes, {parts} to a row of {n}")
    norms = np.ones(rows, np.float32)
    if has_norms:
        norm_codes = cursor.bytes(rows)
        n, parts_of_norm, _, _, table = _centroids(cursor)
        if n != 1 or parts_of_norm != 1:
            raise ValueError(f"norms are quantised as vectors of {n}")
        norms = table[norm_codes]
    return Quantised(codes=codes.reshape(rows, parts), centroids=centroids, width=width, last=last, norms=norms)


def _centroids(cursor: _Cursor) -> tuple[int, int, int, int, Floats]:
    n, parts, width, last = cursor.numbers("4i")
    if n < 1 or parts < 1 or not 1 <= last <= width or (parts - 1) * width + last != n:
        raise ValueError(f"vectors of {n} are quantised in {parts} parts of {width}, the last of {last}")
    return n, parts, width, last, np.ascontiguousarray(cursor.array(np.float32, n * _CENTROIDS)).astype(np.float32)
