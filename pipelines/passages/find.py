"""Where the documents of a group of parts have passages that are repeated ones."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.passages.counts import read_counts
from gristmill.pipelines.passages.documents import Documents, documents
from gristmill.pipelines.passages.tally import GRAM_COUNTS, PASSAGE_COUNTS, Int64s, UInt64s, rows_of
from gristmill.schemas import PASSAGES, mix

if TYPE_CHECKING:
    from gristmill.filters.copied import Known
    from gristmill.filters.passages import Runs

Bools = npt.NDArray[np.bool_]
Float64s = npt.NDArray[np.float64]

_SPANS: pa.ListType = PASSAGES.schema.field("spans").type
_FOUND = pa.schema([pa.field("row", pa.int64()), *_SPANS.value_type])
"""Passages of a batch: the row of the document, and what the table says of each."""


def passages_of_group(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the repeated passages of each document that has any; no file where none has.

    Memory: a batch of texts, 40 bytes for each passage and gram of the group that may be a repeated one, and the rows.
    """
    counted = _Counted.read(store, unit, settings)
    grams = _grams(store, unit, settings) if settings["words"] else None
    found = [PASSAGES.schema.empty_table()]
    if len(counted.keys) or grams:
        for batch in documents(store, unit):
            ran = _repeated(batch, counted, settings)
            kinds = np.where(ran.lines > 1, "paragraph", "line")
            spans = [_found(rows_of(ran.offsets), kinds, ran.starts, ran.ends, ran.documents, ran.shares)]
            if grams:
                spans.append(_copied(batch, grams, ran, unit=unit, settings=settings))
            found.append(_rows(batch, pa.concat_tables(spans), output))
    rows = pa.concat_tables(found)
    if rows.num_rows:
        with output.table(PASSAGES, name=unit.local["name"]) as writer:
            writer.write(rows)


class _Counted(NamedTuple):
    """What was counted of the passages of a group of parts, and the sizes of the groups they were counted in."""

    keys: UInt64s
    """Hash and group in one, sorted."""
    documents: Int64s
    everywhere: Int64s
    groups: UInt64s
    sizes: Int64s

    @classmethod
    def read(cls, store: Store, unit: Unit, settings: JSON) -> "_Counted":
        table = read_counts(store, PASSAGE_COUNTS, unit=unit, bounds=settings["groups"])
        hashes, groups, documents, everywhere = (column.to_numpy() for column in table.columns[1:])
        of_group = hashes == groups
        keys = _key(hashes[~of_group], groups[~of_group])
        order = np.argsort(keys)
        return cls(
            keys[order],
            documents[~of_group][order],
            everywhere[~of_group][order],
            groups[of_group],
            documents[of_group],
        )

    def of(self, hashes: UInt64s, groups: UInt64s) -> tuple[Int64s, Int64s]:
        """Documents of their group that have the passages, and of their language; 0 where these are not enough."""
        if not len(self.keys):
            return np.zeros(len(hashes), np.int64), np.zeros(len(hashes), np.int64)
        keys = _key(hashes, groups)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        found = self.keys[places] == keys
        return np.where(found, self.documents[places], 0), np.where(found, self.everywhere[places], 0)

    def size(self, groups: UInt64s) -> Int64s:
        """Documents of each group."""
        return self.sizes[np.searchsorted(self.groups, groups)]


def _key(hashes: UInt64s, groups: UInt64s) -> UInt64s:
    return mix(hashes ^ mix(groups))


def _repeated(batch: Documents, counted: _Counted, settings: JSON) -> "Runs":
    """Lines and paragraphs that the rules call repeated: a line by itself, or with its paragraph."""
    from gristmill.filters.passages import SHORT, lines, runs  # noqa: PLC0415  (compiled kernels: only workers need them)

    found = lines(batch.texts)
    rows = rows_of(found.offsets)
    by_line = _judged(found.hashes, rows, found.weights > SHORT, batch=batch, counted=counted, settings=settings)
    every = np.ones(len(rows), np.bool_)
    by_paragraph = _judged(found.paragraphs, rows, every, batch=batch, counted=counted, settings=settings)
    return runs(
        found,
        (by_line.repeated | by_paragraph.repeated) & (found.hashes != 0),
        documents=np.where(by_line.repeated, by_line.documents, by_paragraph.documents),
        shares=np.where(by_line.repeated, by_line.shares, by_paragraph.shares),
    )


class _Judged(NamedTuple):
    """Whether passages are repeated, and by what: documents of the group or else of the language, and their share."""

    repeated: Bools
    documents: Int64s
    shares: Float64s


def _judged(
    hashes: UInt64s, rows: Int64s, long: Bools, *, batch: Documents, counted: _Counted, settings: JSON
) -> _Judged:
    """The rules. Short passages are not compared with other places': they recur by nature."""
    languages, groups = batch.languages, batch.groups
    here, everywhere = counted.of(mix(hashes ^ languages[rows]), groups[rows])
    shares = here / counted.size(groups)[rows]
    in_group = (here >= settings["min_documents"]) & (shares >= settings["min_share"])
    in_language = long & (everywhere >= settings["corpus_documents"])
    return _Judged(
        in_group | in_language,
        np.where(in_group, here, everywhere),
        np.where(in_group, shares, everywhere / counted.size(languages)[rows]),
    )


def _grams(store: Store, unit: Unit, settings: JSON) -> "Known | None":
    """The grams of the unit's documents that others have too."""
    from gristmill.filters.copied import known  # noqa: PLC0415

    table = read_counts(store, GRAM_COUNTS, unit=unit, bounds=settings["groups"])
    hashes, owners, documents = (table[name].to_numpy() for name in ("hash", "group", "documents"))
    return known(hashes, owners=owners, documents=documents) if len(hashes) else None


def _copied(batch: Documents, grams: "Known", ran: "Runs", *, unit: Unit, settings: JSON) -> pa.Table:
    """Spans that another document keeps. What all lose is no part of them."""
    from gristmill.filters.copied import Places, spans  # noqa: PLC0415

    apart = Places(ran.offsets, ran.starts, ran.ends)
    found = spans(batch.texts, grams, ranks=batch.ranks, words=settings["words"], apart=apart)
    kinds = np.full(len(found.starts), "copied")
    shares = found.documents / unit.descriptor["documents"]
    return _found(rows_of(found.offsets), kinds, found.starts, found.ends, found.documents, shares)


def _found(*columns: npt.NDArray[Any]) -> pa.Table:
    arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, _FOUND, strict=True)]
    return pa.table(arrays, schema=_FOUND)


def _rows(batch: Documents, spans: pa.Table, output: Output) -> pa.Table:
    """The batch's rows of the table: documents that have passages, each with its own in the order of their places."""
    rows = tables.as_batch(spans.sort_by([(name, "ascending") for name in ("row", "start", "end", "kind")]))
    present, firsts = np.unique(rows["row"].to_numpy(), return_index=True)
    offsets = pa.array(np.append(firsts, rows.num_rows).astype(np.int32))
    structs = pa.StructArray.from_arrays(rows.columns[1:], fields=list(_SPANS.value_type))
    for kind in pc.value_counts(rows["kind"]).to_pylist():
        output.count(kind["values"], kind["counts"])
    output.count("documents", len(present))
    output.count("characters", pc.sum(pc.subtract(rows["end"], rows["start"]), min_count=0).as_py())
    lists = pa.ListArray.from_arrays(offsets, structs, type=_SPANS)
    return pa.table([batch.doc_ids.take(pa.array(present)), lists], schema=PASSAGES.schema)
