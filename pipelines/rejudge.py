"""Documents that lost repeated passages, judged again: what is left has to be a document by itself.

Only rules on signals are applied. What else is known of a document (origin, personal data, evaluation items, quality)
was measured of the whole text, and it passed.
"""

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gristmill.filters.rules import Limits, decide
from gristmill.pipelines.checkpoints import JSON
from gristmill.pipelines.decide import limits_of
from gristmill.schemas import SIGNAL_FIELDS, VERDICTS, Recipe

if TYPE_CHECKING:
    from gristmill.filters.signals import StopWords

_SIGNALS = frozenset(field.name for field in SIGNAL_FIELDS)
_FAILURES: pa.ListType = VERDICTS.schema.field("failures").type


def limits_after_edits(recipe: Recipe) -> JSON:
    """The recipe's rules on signals, as JSON."""
    limits = limits_of(recipe)
    rules = tuple(rule for rule in limits.rules if rule.signal in _SIGNALS)
    return replace(limits, rules=rules, languages=None, licences=None).to_json()


def failures_after_edits(
    texts: pa.StringArray, languages: pa.RecordBatch, *, which: pa.BooleanArray, limits: JSON
) -> pa.ListArray:
    """Rules that some texts of a batch fail now, as the table `verdicts` has them; null for the others.

    Args:
        languages: `language` and `language_score` of each text, as measured before any edit.
        which: the texts to judge.
    """
    from gristmill.filters.kernel import annotate_kernel  # noqa: PLC0415  (compiled kernels: only workers need them)

    if not which.true_count:
        return pa.nulls(len(texts), _FAILURES)
    known = languages.filter(which)
    signals = annotate_kernel(texts.filter(which), known["language"], _stop_words()).signals
    batch = pa.record_batch(
        {
            "doc_id": pa.nulls(known.num_rows, pa.string()),
            **{name: known[name] for name in known.schema.names},
            **{field.name: signals[field.name] for field in SIGNAL_FIELDS},
        }
    )
    failures = decide(batch, Limits.from_json(limits))["failures"]
    judged = which.to_numpy(zero_copy_only=False)
    return failures.take(pa.array(np.cumsum(judged) - 1, mask=~judged))


@functools.cache
def _stop_words() -> "StopWords":
    from gristmill.filters import stop_words  # noqa: PLC0415
    from gristmill.filters.signals import StopWords  # noqa: PLC0415

    return StopWords.compile(stop_words.load())
