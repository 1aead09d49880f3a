"""All that is measured of a document, together: languages, signals, text hash and signature, as `signals` rows."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters import stop_words
from gristmill.filters.kernel import annotate_kernel
from gristmill.filters.language.labels import UNKNOWN
from gristmill.filters.language.model import LanguageModel
from gristmill.filters.signals import StopWords
from gristmill.schemas import SIGNAL_FIELDS, SIGNALS

_NO_SCRIPT = "Zyyy"


@dataclass(frozen=True, kw_only=True)
class Annotator:
    """A language model and stop words, ready for batches."""

    _model: LanguageModel = field(repr=False)
    _stop_words: Any = field(repr=False)

    @classmethod
    def load(cls, *, model: str | None) -> "Annotator":
        """Load a fastText model by path, the bundled one by default."""
        return cls(_model=LanguageModel.load(model), _stop_words=StopWords.compile(stop_words.load()))

    def annotate(self, doc_ids: pa.StringArray, texts: pa.StringArray) -> pa.RecordBatch:
        """Signals of each text. Its language chooses the stop words."""
        languages = self._model.identify(texts)
        found = annotate_kernel(texts, languages.primary, self._stop_words)
        signals = [found.signals[each.name] for each in SIGNAL_FIELDS]
        columns = [
            doc_ids,
            _with_script(languages.primary, found.signals["script"]),
            pa.array(languages.scores, pa.float32()),
            languages.shares,
            *signals,
            found.text_hash,
            found.signature,
        ]
        return pa.record_batch(columns, schema=SIGNALS.schema)


def _with_script(languages: pa.StringArray, scripts: pa.StringArray) -> pa.StringArray:
    """Texts that have letters, but none where their language was looked for, get their script: und_Latn."""
    unseen = pc.and_(pc.equal(languages, UNKNOWN), pc.not_equal(scripts, _NO_SCRIPT))
    return pc.if_else(unseen, pc.binary_join_element_wise(UNKNOWN, scripts, "_"), languages)
