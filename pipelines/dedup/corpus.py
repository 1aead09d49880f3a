"""The documents that dedup works on: files by part, and a number for each document.

A document is its *node*: its part's number << 32 | its row among the part's documents. Parts are numbered in the order
of their checksums, group after group, and those of earlier outputs behind all others. Within a group a document is its
*place*: the same with its part's number in the group, which other groups do not change.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import exchange, files, tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.exchange import MOST_RANGES, Bounds
from gristmill.pipelines.parts import Part
from gristmill.pipelines.parts import group as grouped
from gristmill.schemas import DOCUMENTS, QUALITY, SIGNALS, Table, canonical_json

PLAN = "intermediate/dedup_plan"
_PLAN_FILE = f"{PLAN}/plan.json"

DOCUMENTS_PER_SLICE = 1 << 16
"""Documents of a slice: 29 MB of signatures, and of what they are compared with."""

Node = np.uint64
Nodes = npt.NDArray[Node]

_PART = np.uint64(32)
_ROW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True, kw_only=True)
class PartFiles:
    """Absolute paths of a part's files, and its documents."""

    documents: str
    signals: str
    quality: str | None
    rows: int


@dataclass(frozen=True, kw_only=True)
class Group:
    """A group of parts, and the number of the first one."""

    name: str
    first: int

    @property
    def nodes(self) -> np.uint64:
        """What makes a node of a place."""
        return np.uint64(self.first) << _PART


@dataclass(frozen=True, kw_only=True)
class Run:
    """An output folder, this one or an earlier one, with the groups of its parts.

    Attributes:
        name: what the recipe calls an earlier output; None for this one.
        first, end: its documents are the nodes from `first` on and before `end`.
    """

    name: str | None
    store: Store
    groups: tuple[Group, ...]
    first: Node
    end: Node

    def columns(self, table: Table, *, bounds: Bounds, number: int) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        """A range of the rows of each group, column by column, with nodes for the places that are the last column.

        Nothing for a run that has no such table.
        """
        present = set(files.list_files(self.store.path(table.name)))
        for group in self.groups:
            path = self.store.path(f"{table.name}/{group.name}.parquet")
            if path in present:
                *columns, found = exchange.between(path, bounds=bounds, number=number).columns
                yield *(each.to_numpy() for each in columns), found.to_numpy() + group.nodes


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """The parts of this run and, behind them, of earlier ones."""

    parts: tuple[PartFiles, ...]
    runs: tuple[Run, ...]

    @property
    def own(self) -> Run:
        return self.runs[0]

    @property
    def end(self) -> Node:
        """The first node of earlier runs."""
        return self.own.end

    def group_bounds(self) -> Bounds:
        """This run's groups as ranges of nodes."""
        return np.array([group.nodes for group in self.own.groups], np.uint64)

    def slices(self) -> Bounds:
        """Ranges of nodes with about as many documents each."""
        ends = np.cumsum([part.rows for part in self.parts]) if self.parts else np.zeros(0, np.int64)
        total = int(ends[-1]) if len(ends) else 0
        size = max(DOCUMENTS_PER_SLICE, -(-total // MOST_RANGES))
        places = np.arange(0, max(total, 1), size)
        part = np.searchsorted(ends, places, side="right")
        before = np.concatenate([[0], ends])[part]
        bounds: Bounds = part.astype(np.uint64) << _PART | (places - before).astype(np.uint64)
        return bounds

    def rows_of(self, nodes: Nodes, columns: Sequence[str]) -> pa.Table:
        """Rows of the signals, of sorted nodes, in their order."""
        found = [SIGNALS.schema.empty_table().select(list(columns))]
        for part, rows in by_part(nodes):
            found.append(tables.take_rows(self.parts[part].signals, rows=rows, columns=columns))
        return pa.concat_tables(found)

    def documents_of(self, nodes: Nodes, columns: Sequence[str]) -> pa.Table:
        """Rows of the documents, of sorted nodes, in their order."""
        found = [DOCUMENTS.schema.empty_table().select(list(columns))]
        for part, rows in by_part(nodes):
            path = self.parts[part].documents
            ok = pc.equal(tables.read_file(path, columns=["status"])["status"], "ok")
            places = np.flatnonzero(ok.to_numpy())
            found.append(tables.take_rows(path, rows=places[rows], columns=columns))
        return pa.concat_tables(found)

    def quality_of(self, nodes: Nodes) -> pa.ChunkedArray:
        """Quality scores of sorted nodes; null where there are none."""
        found: list[pa.Array] = []
        for part, rows in by_part(nodes):
            path = self.parts[part].quality
            known = tables.take_rows(path, rows=rows, columns=["quality_score"])["quality_score"] if path else None
            found += known.chunks if known is not None else [pa.nulls(len(rows), pa.float32())]
        return pa.chunked_array(found, pa.float32())


def by_part(nodes: Nodes) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Sorted nodes as part numbers, each with its rows."""
    if not len(nodes):
        return
    present, starts = np.unique(nodes >> _PART, return_index=True)
    for part, start, end in zip(present.tolist(), starts, [*starts[1:], len(nodes)], strict=True):
        yield part, (nodes[start:end] & _ROW).astype(np.int64)


def places(part: int, rows: npt.NDArray[np.int64]) -> Nodes:
    """Places of rows of a group's part."""
    return np.uint64(part) << _PART | rows.astype(np.uint64)


def plan_of(parts: Sequence[Part], *, earlier: Sequence[JSON], made_with: JSON) -> JSON:
    """The plan of this run's parts, what its keys are made with, and the plans of earlier runs."""
    groups, first = [], 0
    for name, members in grouped(parts).items():
        groups.append({"name": name, "first": first})
        first += len(members)
    return {
        "made_with": made_with,
        "groups": groups,
        "parts": [
            {
                "documents": part.documents.path,
                "signals": part.signals.path,
                "quality": part.measures[QUALITY.name].path if QUALITY.name in part.measures else None,
                "rows": part.signals.rows,
            }
            for part in parts
        ],
        "earlier": list(earlier),
    }


def write_plan(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the plan that the driver made."""
    del settings, store
    output.file(_PLAN_FILE, canonical_json(unit.local["plan"]))


def read_plan(store: Store) -> JSON | None:
    """The plan of an output, if it has one."""
    path = store.path(_PLAN_FILE)
    plan: JSON | None = json.loads(files.read(path)) if files.exists(path) else None
    return plan


def read_corpus(store: Store) -> Corpus:
    """The corpus that an output's plan describes."""
    plan = read_plan(store)
    assert plan is not None, "the plan is written before any unit that reads it"
    return corpus_of(plan, store)


def corpus_of(plan: JSON, store: Store) -> Corpus:
    """The corpus that a plan describes."""
    parts: list[PartFiles] = []
    runs: list[Run] = []
    for name, where, described in [
        (None, store, plan),
        *((each["name"], Store(each["root"]), each["plan"]) for each in plan["earlier"]),
    ]:
        first = len(parts)
        groups = tuple(Group(name=each["name"], first=first + each["first"]) for each in described["groups"])
        parts += [_part(each, where) for each in described["parts"]]
        low, high = np.uint64(first) << _PART, np.uint64(len(parts)) << _PART
        runs.append(Run(name=name, store=where, groups=groups, first=low, end=high))
    return Corpus(parts=tuple(parts), runs=tuple(runs))


def _part(part: JSON, store: Store) -> PartFiles:
    return PartFiles(
        documents=store.path(part["documents"]),
        signals=store.path(part["signals"]),
        quality=store.path(part["quality"]) if part["quality"] else None,
        rows=part["rows"],
    )
