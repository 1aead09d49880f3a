"""Editing: personal data masked and evaluation items cut out of the texts that are kept, as the recipe asks."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters.contamination.cut import passages
from gristmill.filters.edits import Edit, apply
from gristmill.filters.personal import placeholder

EMPTIED_RULE = "curate.empty"
"""Drops a document of which the edits leave nothing."""


class Edited(NamedTuple):
    """Texts of a batch after their edits."""

    texts: pa.StringArray
    details: pa.StringArray
    """What was done, in words; null where nothing was."""
    emptied: pa.BooleanArray
    """Whether the edits left nothing of a text that had something."""


def edit(texts: pa.StringArray, beside: pa.Table, *, masked: Sequence[str], cut: bool) -> Edited:
    """Edit a batch; only rows with findings cost anything.

    Args:
        beside: `spans` of personal data and `evidence` of evaluation items for each text, null where there are none.
        masked: kinds of personal data that give way to a placeholder.
        cut: whether passages of evaluation sets are cut out.
    """
    spans, evidence = (_plain(beside[name]) for name in ("spans", "evidence"))
    found = pc.or_(_any(spans), _any(evidence)) if masked or cut else pa.array([False] * len(texts))
    rows = pc.indices_nonzero(found).to_pylist()
    new: dict[int, str] = {}
    details: dict[int, str] = {}
    for row in rows:
        text = texts[row].as_py()
        edits, counts = _edits(text, spans[row].as_py() or [], evidence[row].as_py() or [], masked=masked, cut=cut)
        if edits:
            new[row], details[row] = apply(text, edits), _detail(counts)
    emptied = [row in new and not new[row].strip() for row in range(len(texts))] if new else [False] * len(texts)
    return Edited(
        texts=_replaced(texts, new),
        details=pa.array([details.get(row) for row in range(len(texts))], pa.string()),
        emptied=pa.array(emptied, pa.bool_()),
    )


def _edits(
    text: str, spans: list[dict[str, Any]], evidence: list[dict[str, Any]], *, masked: Sequence[str], cut: bool
) -> tuple[list[Edit], Counter[str]]:
    chosen = [span for span in spans if span["kind"] in masked]
    masks = [Edit(span["start"], span["end"], placeholder(span["kind"])) for span in chosen]
    cuts = [Edit(start, end) for start, end in passages(text, evidence)] if cut else []
    counts = Counter(f"masked {span['kind']}" for span in chosen)
    if cuts:
        counts["cut passage"] = len(cuts)
    return [*masks, *cuts], counts


def _detail(counts: Counter[str]) -> str:
    return ", ".join(f"{what} x{n}" for what, n in sorted(counts.items()))


def _any(lists: pa.Array) -> pa.BooleanArray:
    return pc.fill_null(pc.greater(pc.list_value_length(lists), 0), False)


def _replaced(texts: pa.StringArray, new: dict[int, str]) -> pa.StringArray:
    if not new:
        return texts
    mask = pa.array([row in new for row in range(len(texts))])
    return pc.replace_with_mask(texts, mask, pa.array([new[row] for row in sorted(new)], texts.type))


def _plain(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
