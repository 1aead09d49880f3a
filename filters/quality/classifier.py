"""A classifier that a run has trained: what it knows, how it is stored, and what it says of a text."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.quality import calibration
from gristmill.filters.quality.calibration import Calibration
from gristmill.filters.quality.word_ngrams import Weights
from gristmill.schemas import canonical_json

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

_META = b"classifier"


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """Words and n-grams with what each adds to each class.

    Attributes:
        labels: the classes.
        languages: languages that it was trained on, and has a say on.
        weights: for the kernel; one column for two classes, one for each of more.
        sureness: how the score of the first of two classes becomes a probability; or the temperature that the scores of
            any number of classes are divided by.
    """

    labels: tuple[str, ...]
    languages: tuple[str, ...]
    weights: Weights
    sureness: Calibration | float

    def probability(self, scores: Floats) -> Floats:
        """Probability of the first of two classes for scores of the kernel, (texts, 1). 0..1."""
        assert isinstance(self.sureness, Calibration), "calibrated as one of several classes"
        return self.sureness(scores[:, 0])

    def likeliest(self, scores: Floats) -> tuple[Int64s, Floats]:
        """Number of the likeliest class for scores of the kernel, the first of equals, and its probability."""
        assert isinstance(self.sureness, float), "calibrated as the first of two classes"
        found = calibration.softmax(logits(scores) / self.sureness)
        best = found.argmax(axis=1)
        return best, found[np.arange(len(found)), best]

    def to_bytes(self) -> bytes:
        """An Arrow file with a row for each bucket that is not 0, and all else as JSON in its metadata."""
        used = np.flatnonzero(self.weights.columns.any(axis=1)).astype(np.uint32)
        about = {
            "labels": self.labels,
            "languages": self.languages,
            "order": self.weights.order,
            "buckets": len(self.weights.columns),
            "sureness": self.sureness.to_json() if isinstance(self.sureness, Calibration) else self.sureness,
        }
        columns = {f"adds_{number}": pa.array(column[used]) for number, column in enumerate(self.weights.columns.T)}
        table = pa.table({"bucket": pa.array(used), **columns}).replace_schema_metadata({_META: canonical_json(about)})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
            writer.write_table(table)
        return bytes(sink.getvalue())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Classifier":
        """What `to_bytes` has written.

        Raises:
            ValueError: the data are something else, or damaged.
        """
        try:
            table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
            about: dict[str, Any] = json.loads(table.schema.metadata[_META])
            places, sure = table["bucket"].to_numpy(), about["sureness"]
            columns = np.zeros((about["buckets"], table.num_columns - 1), np.float32)
            for number in range(table.num_columns - 1):
                columns[places, number] = table[f"adds_{number}"].to_numpy()
            return cls(
                labels=tuple(about["labels"]),
                languages=tuple(about["languages"]),
                weights=Weights(about["order"], columns),
                sureness=Calibration.from_json(sure) if isinstance(sure, dict) else float(sure),
            )
        except (pa.ArrowException, KeyError, TypeError, IndexError) as error:
            raise ValueError(f"not a classifier of Gristmill, or damaged: {error}") from error


def logits(scores: Floats) -> Floats:
    """A column for each class: the kernel has but one for two classes, the second of which then has 0."""
    return np.column_stack([scores, np.zeros(len(scores))]) if scores.shape[1] == 1 else scores
