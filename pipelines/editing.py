"""Editing: personal data masked, evaluation items and repeated passages cut out of the texts that are kept."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters.contamination.cut import passages
from gristmill.filters.cutting import cuts
from gristmill.filters.edits import Edit, apply
from gristmill.filters.personal import placeholder

EMPTIED_RULE = "curate.empty"
"""Drops a document of which the edits leave nothing."""

NAMED = 10
"""Repeated passages that the ledger names with their places; of further ones it has the number."""

Span = Mapping[str, Any]


class Edited(NamedTuple):
    """Texts of a batch after their edits."""

    texts: pa.StringArray
    details: pa.StringArray
    """What was done, in words; null where nothing was."""
    emptied: pa.BooleanArray
    """Whether the edits left nothing of a text that had something."""
    shortened: pa.BooleanArray
    """Whether repeated passages were cut out."""


def edit(texts: pa.StringArray, beside: pa.RecordBatch, *, masked: Sequence[str], cut: bool) -> Edited:
    """Edit a batch; only rows with findings cost anything.

    Args:
        beside: for each text `spans` of personal data, `evidence` of evaluation items and repeated `passages`, null
            where there are none.
        masked: kinds of personal data that give way to a placeholder.
        cut: whether passages of evaluation sets are cut out.
    """
    spans, evidence, repeated = (beside[name] for name in ("spans", "evidence", "passages"))
    shortened = _any(repeated)
    found = pc.or_(pc.or_(_any(spans), _any(evidence)), shortened) if masked or cut else shortened
    new: dict[int, str] = {}
    details: dict[int, str] = {}
    for row in pc.indices_nonzero(found).to_pylist():
        text, removed = texts[row].as_py(), repeated[row].as_py() or []
        edits, counts = _edits(text, spans[row].as_py() or [], evidence[row].as_py() or [], masked=masked, cut=cut)
        if removed:
            edits += cuts(text, ((span["start"], span["end"]) for span in removed))
        if edits:
            new[row], details[row] = apply(text, edits), _detail(counts, removed)
    emptied = [row in new and not new[row].strip() for row in range(len(texts))] if new else [False] * len(texts)
    return Edited(
        texts=_replaced(texts, new),
        details=pa.array([details.get(row) for row in range(len(texts))], pa.string()),
        emptied=pa.array(emptied, pa.bool_()),
        shortened=shortened,
    )


def _edits(
    text: str, spans: list[Span], evidence: list[Span], *, masked: Sequence[str], cut: bool
) -> tuple[list[Edit], Counter[str]]:
    chosen = [span for span in spans if span["kind"] in masked]
    masks = [Edit(span["start"], span["end"], placeholder(span["kind"])) for span in chosen]
    found = [Edit(start, end) for start, end in passages(text, evidence)] if cut else []
    counts = Counter(f"masked {span['kind']}" for span in chosen)
    if found:
        counts["cut passage"] = len(found)
    return [*masks, *found], counts


def _detail(counts: Counter[str], removed: Sequence[Span]) -> str:
    counted = [f"{what} x{n}" for what, n in sorted(counts.items())]
    named = [f"{span['kind']} {span['start']}-{span['end']}" for span in removed[:NAMED]]
    more = f" and {len(removed) - NAMED} more" if len(removed) > NAMED else ""
    return ", ".join([*counted, *([f"cut {', '.join(named)}{more}"] if named else [])])


def _any(lists: pa.Array) -> pa.BooleanArray:
    return pc.fill_null(pc.greater(pc.list_value_length(lists), 0), False)


def _replaced(texts: pa.StringArray, new: dict[int, str]) -> pa.StringArray:
    if not new:
        return texts
    mask = pa.array([row in new for row in range(len(texts))])
    return pc.replace_with_mask(texts, mask, pa.array([new[row] for row in sorted(new)], texts.type))
