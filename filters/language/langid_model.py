"""py3langid's model (https://github.com/adbar/py3langid, BSD-3-Clause): a second opinion on the language of a text.

Lui and Baldwin 2012 (https://aclanthology.org/P12-3005). The model is taken from the installed distribution as data;
the library's code is not run.
"""

import io
import lzma
import unicodedata
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.language import bundled
from gristmill.filters.language.langid_kernel import Automaton, Bayes, Floats, score_texts
from gristmill.filters.language.letters import classes, may_be_changed
from gristmill.filters.segmentation import Int64s, Text, texts_of

_MAX_BYTES = 1 << 28
"""The model is 68 MB once unpacked: what is much larger is none."""
_COUNTS = 256
"""Logarithms of counts that are looked up."""
_COLUMNS = 16
"""Rows of the table are filled up to a multiple, so that they are added without a rest."""


@dataclass(frozen=True, kw_only=True)
class LangId:
    """Naive Bayes over n-grams of bytes, which a finite automaton finds.

    Attributes:
        path: the model file; None for that of the installed py3langid.
        labels: language of each column, mostly ISO 639-1; several columns may have the same.
    """

    path: Path | None
    labels: tuple[str, ...]
    _automaton: Automaton = field(repr=False, compare=False)
    _bayes: Bayes = field(repr=False, compare=False)

    @classmethod
    def load(cls, path: Path | None = None) -> "LangId":
        """Load a model: 0.6 s, and about 70 MB of memory.

        Raises:
            FileNotFoundError: there is no such file, or py3langid is not installed.
            ValueError: the file is no model of py3langid 0.4, or damaged.
        """
        file = bundled.py3langid() if path is None else path
        try:
            arrays = _unpack(file)
            automaton, bayes = _automaton(arrays), _bayes(arrays)
        except (ValueError, KeyError, EOFError, lzma.LZMAError, zipfile.BadZipFile) as error:
            raise ValueError(f"{str(file)!r} is not a model of py3langid 0.4: {error}") from error
        return cls(path=path, labels=tuple(arrays["classes"].tolist()), _automaton=automaton, _bayes=bayes)

    def __reduce__(self) -> tuple[Any, tuple[Path | None]]:
        return LangId.load, (self.path,)

    def scores(self, texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray) -> Floats:
        """Logarithm of the joint probability of each text and each column's language, (texts, columns).

        As the library has it, texts are brought into Unicode's form C, and into lower case where there is none.
        0 throughout for a text without features. A null is an empty text. Linear time: some 50 MB/s on one core.
        """
        parts = [self.of_parts(text, np.arange(len(text.offsets), dtype=np.int64))[0] for text in texts_of(texts)]
        return np.concatenate([np.zeros((0, len(self.labels)), np.float32), *parts])

    def of_parts(self, text: Text, firsts: Int64s) -> tuple[Floats, Floats]:
        """Scores of each text, and the sum of those of each document: d is made of `firsts[d]:firsts[d + 1]`."""
        found, of_documents = score_texts(_normal(text), firsts, self._automaton, self._bayes)
        return found, of_documents


def _unpack(path: Path) -> dict[str, npt.NDArray[Any]]:
    with lzma.open(path) as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"it is larger than {_MAX_BYTES} bytes once unpacked")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        kinds = {"ptc": "f", "pc": "f", "classes": "U", "nextmove": "u", "nextmove_row": "u", "out_feat": "i"}
        found = {name: arrays[name] for name in kinds}
    for name, kind in kinds.items():
        if found[name].dtype.kind != kind or found[name].ndim != (2 if name == "ptc" else 1) or not found[name].size:
            raise ValueError(f"{name} is {found[name].dtype} of shape {found[name].shape}")
    return found


def _automaton(arrays: dict[str, npt.NDArray[Any]]) -> Automaton:
    """The automaton, once all its moves have been seen to stay inside."""
    moves, rows, features = arrays["nextmove"], arrays["nextmove_row"], arrays["out_feat"]
    if len(features) != len(rows) or len(moves) % 256 or len(moves) >= 1 << 31:
        raise ValueError(f"{len(rows)} states, {len(features)} features and {len(moves)} moves do not go together")
    if int(rows.max()) >= len(moves) // 256 or int(moves.max()) >= len(rows):
        raise ValueError("moves lead to states that it does not have")
    if int(features.max()) >= len(arrays["ptc"]):
        raise ValueError("states stand for features that it does not have")
    states = np.empty((len(rows), 2), np.int32)
    states[:, 0] = rows.astype(np.int32) << 8
    states[:, 1] = np.maximum(features, -1)
    return Automaton(np.ascontiguousarray(moves, np.uint32), states)


def _bayes(arrays: dict[str, npt.NDArray[Any]]) -> Bayes:
    """The weights as 16-bit numbers: those of py3langid 0.4, which are in half precision, exactly."""
    weights, languages = arrays["ptc"], arrays["pc"].astype(np.float32)
    n = len(arrays["classes"])
    if weights.shape[1] != n or len(languages) != n:
        raise ValueError(f"{weights.shape[1]} columns and {len(languages)} probabilities for {n} languages")
    highest = float(np.abs(weights).max())
    if not (0 < highest < 1 << 14 and np.isfinite(languages).all()):
        raise ValueError("its weights are not all finite")
    step = np.float32(2.0 ** np.ceil(np.log2(highest / np.iinfo(np.int16).max)))
    table = np.zeros((len(weights), -(-n // _COLUMNS) * _COLUMNS), np.int16)
    np.rint(weights.astype(np.float32) / step, out=table[:, :n], casting="unsafe")
    return Bayes(table, step, languages, np.log1p(np.arange(_COUNTS, dtype=np.float32)))


def _normal(text: Text) -> Text:
    """The texts as the model knows them; nearly always they are so already."""
    suspects = np.flatnonzero(may_be_changed(text, classes()))
    changed: dict[int, bytes] = {}
    for index in suspects.tolist():
        as_found = text.data[text.offsets[index] : text.offsets[index + 1]].tobytes()
        decoded = as_found.decode("utf-8", "replace")
        normal = unicodedata.normalize("NFC", decoded.lower() if decoded.isupper() else decoded).encode()
        if normal != as_found:
            changed[index] = normal
    if not changed:
        return text
    sizes = np.diff(text.offsets)
    sizes[list(changed)] = [len(each) for each in changed.values()]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    pieces: list[Any] = []
    behind = 0
    for index, each in changed.items():
        pieces += [text.data[text.offsets[behind] : text.offsets[index]], np.frombuffer(each, np.uint8)]
        behind = index + 1
    data = np.concatenate([*pieces, text.data[text.offsets[behind] : text.offsets[-1]]])
    data.setflags(write=False)
    return Text(data, offsets)
