"""A fastText classifier for batches of texts: the library's answers from our own kernel, several times as fast."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from gristmill.filters.language import fasttext_format
from gristmill.filters.language.fasttext_format import Floats, Int32s, Int64s
from gristmill.filters.language.fasttext_kernel import best, score_texts
from gristmill.filters.language.fasttext_tables import Model, compile_model
from gristmill.filters.segmentation import Text, texts_of

_SCORES_AT_ONCE = 1 << 22
"""Probabilities held at once when only the best are wanted: 16 MiB."""


class Predictions(NamedTuple):
    """The best labels of each text, best first."""

    labels: Int32s
    """Indices into `FastText.labels`, (texts, k)."""
    probabilities: Floats
    """(texts, k). 0..1; all 0 for a text that has nothing the model knows."""


@dataclass(frozen=True, kw_only=True)
class FastText:
    """A supervised fastText model, .bin or .ftz. Pickled by its path: a worker loads the file itself.

    A dense input matrix is mapped, so that workers on a machine share it; the file must not change meanwhile.

    Attributes:
        path: the model file.
        labels: its labels, such as `__label__de`.
    """

    path: str
    labels: tuple[str, ...]
    _model: Model = field(repr=False, compare=False)

    @classmethod
    def load(cls, path: str | Path) -> "FastText":
        """Load a model.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no fastText classifier, or damaged.
        """
        contents = fasttext_format.read(Path(path))
        return cls(path=str(path), labels=contents.labels, _model=compile_model(contents))

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return FastText.load, (self.path,)

    def predict(self, texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray, *, k: int = 1) -> Predictions:
        """The k best labels of each text as a whole; fewer where the model has fewer.

        As the library's `predict` on the text with line breaks and words `</s>` taken for spaces, which would end it
        there. A null is an empty text. The library reports softmax probabilities 0.00001 too high; here they are not.
        Linear time: some 30 MB/s for lid.176.ftz on one core.

        Raises:
            ValueError: k is less than 1.
        """
        if k < 1:
            raise ValueError(f"k is {k}, not 1 or more")
        k = min(k, len(self.labels))
        parts = [best(self._score(part), k) for part in self._parts(texts)]
        nothing = np.zeros((0, k), np.int32), np.zeros((0, k), np.float32)
        return Predictions(*(np.concatenate(columns) for columns in zip(nothing, *parts, strict=True)))

    def probabilities(self, texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray) -> Floats:
        """Probability of every label for each text, (texts, labels): see `predict`."""
        parts = [self._score(text) for text in texts_of(texts)]
        return np.concatenate([np.zeros((0, len(self.labels)), np.float32), *parts])

    def of_parts(self, text: Text, firsts: Int64s) -> tuple[Floats, Floats]:
        """Probability of every label for each text, and for each document: d is `firsts[d]:firsts[d + 1]` together."""
        found, of_documents = score_texts(text, firsts, self._model)
        return found, of_documents

    def _score(self, text: Text) -> Floats:
        found: Floats = score_texts(text, np.arange(len(text.offsets), dtype=np.int64), self._model)[0]
        return found

    def _parts(self, texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray) -> Iterator[Text]:
        at_once = max(_SCORES_AT_ONCE // len(self.labels), 1)
        for text in texts_of(texts):
            for start in range(0, len(text.offsets) - 1, at_once):
                yield Text(text.data, text.offsets[start : start + at_once + 1])
