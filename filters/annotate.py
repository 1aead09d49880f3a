"""All that is measured of a document, together: language, signals, text hash and signature, as `signals` rows."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from gristmill.filters import stop_words
from gristmill.filters.kernel import annotate_kernel
from gristmill.filters.language import LanguageModel, resolve
from gristmill.filters.signals import StopWords
from gristmill.schemas import SIGNAL_FIELDS, SIGNALS


@dataclass(frozen=True, kw_only=True)
class Annotator:
    """A language model and stop words, ready for batches.

    Attributes:
        min_score: below this probability a document's language is und.
    """

    min_score: float
    _model: LanguageModel = field(repr=False)
    _stop_words: Any = field(repr=False)

    @classmethod
    def load(cls, *, model: str | None, min_score: float) -> "Annotator":
        """Load a fastText model by path, the bundled one by default."""
        return cls(
            min_score=min_score,
            _model=LanguageModel.load(model),
            _stop_words=StopWords.compile(stop_words.load()),
        )

    def annotate(self, doc_ids: pa.StringArray, texts: pa.StringArray) -> pa.RecordBatch:
        """Signals of each text.

        The model's first opinion of the language chooses the stop words; the script that the kernel then sees settles
        the language.
        """
        candidates = self._model.identify(texts)
        found = annotate_kernel(texts, candidates.languages, self._stop_words)
        languages, scores = resolve(candidates, found.signals["script"], min_score=self.min_score)
        signals = [found.signals[each.name] for each in SIGNAL_FIELDS]
        columns = [doc_ids, languages, pa.array(scores, pa.float32()), *signals, found.text_hash, found.signature]
        return pa.record_batch(columns, schema=SIGNALS.schema)
