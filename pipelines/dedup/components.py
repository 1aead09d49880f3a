"""Connected components of all that was found alike: in memory while that is small, else by stars over many units.

Stars (Kiveris et al. 2014, Connected Components in MapReduce and Beyond): a *large star* joins every larger neighbour
of a node to the smallest of its neighbourhood, itself included; a *small star* joins a node and its smaller neighbours
to the smallest of these. Taken in turns until nothing changes, each component is a star around its smallest node. Each
step is a phase; there are some log n of them.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from gristmill.pipelines import exchange, files, tables
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.candidates import COPIES, unique
from gristmill.pipelines.dedup.compare import EDGES
from gristmill.pipelines.dedup.corpus import Nodes, read_corpus
from gristmill.pipelines.dedup.forest import forest
from gristmill.pipelines.dedup.phase import phase
from gristmill.pipelines.dedup.urls import SUPERSEDED
from gristmill.pipelines.engine import Stage, Work
from gristmill.schemas import Table

COMPONENTS = Table(
    name="intermediate/dedup_components",
    row="a document that has a copy, and the smallest node of its component",
    schema=pa.schema([pa.field("node", pa.uint64()), pa.field("root", pa.uint64())]),
)

IN_MEMORY = 1 << 23
"""Edges that one unit joins, at 100 bytes each."""

_BYTES = 16
"""Of an edge, as stored."""

_LINKS = pa.schema([pa.field("node", pa.uint64()), pa.field("other", pa.uint64())])


class _Star(NamedTuple):
    """What a step makes of the neighbourhoods in a slice."""

    nodes: Nodes
    others: Nodes
    changes: int


def stage(*, edges: int, of: str, slices: int, in_memory: int = IN_MEMORY) -> Stage:
    """The phases that make COMPONENTS.

    Args:
        edges: rows of the tables of edges.
        of: names all that they hold.
        slices: ranges of nodes.
        in_memory: edges up to which one unit joins all of them.
    """
    if edges <= in_memory:
        work = [Work(descriptor={"of": of}, size=_BYTES * edges)]
        return (yield phase("dedup_components", join_all, tables=[COMPONENTS.name], work=work))

    def shares(step: int) -> list[Work]:
        known = {"of": of, "slices": slices, "step": step}
        return [Work(descriptor={**known, "slice": each}, size=2 * _BYTES * edges // slices) for each in range(slices)]

    step, settled = 0, 0
    yield phase(f"dedup_stars_{step:02d}", read_links, tables=[_links(step).name], work=shares(step))
    while settled < 2:
        step += 1
        function = large_stars if step % 2 else small_stars
        done = yield phase(f"dedup_stars_{step:02d}", function, tables=[_links(step).name], work=shares(step))
        settled = 0 if sum(each.counts["changes"] for each in done) else settled + 1
    return (yield phase("dedup_components", name_components, tables=[COMPONENTS.name], work=shares(step)))


def _links(step: int) -> Table:
    return Table(name=f"intermediate/dedup_stars_{step:02d}", row="two joined documents, in both orders", schema=_LINKS)


def _edges(store: Store, *, share: int = 0, of: int = 1) -> Iterator[tuple[Nodes, Nodes]]:
    """All that was found alike, file after file, or every n-th of the files."""
    for table in (EDGES, COPIES, SUPERSEDED):
        for path in files.list_files(store.path(table.name))[share::of]:
            found = tables.read_file(path)
            yield found[0].to_numpy(), found[1].to_numpy()


def _concatenated(edges: Iterator[tuple[Nodes, Nodes]]) -> tuple[Nodes, Nodes]:
    none = np.empty(0, np.uint64)
    one, other = zip((none, none), *edges, strict=True)
    return np.concatenate(one), np.concatenate(other)


def join_all(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Join everything in memory."""
    del unit, settings
    first, node = forest(*_concatenated(_edges(store)))
    _write_components(output, store, node, first, roots=np.unique(first))


def name_components(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the components of a slice, whose links are stars."""
    del settings
    node, other = _read(unit, store, step=unit.descriptor["step"])
    leaf = other < node
    _write_components(output, store, node[leaf], other[leaf], roots=np.unique(node[~leaf]))


def _write_components(output: Output, store: Store, node: Nodes, first: Nodes, *, roots: Nodes) -> None:
    nodes, firsts = np.concatenate([node, roots]), np.concatenate([first, roots])
    order = np.argsort(nodes)
    batch = pa.record_batch([nodes[order], firsts[order]], schema=COMPONENTS.schema)
    exchange.write(output, COMPONENTS, batch, bounds=read_corpus(store).slices())
    output.count("components", len(roots))


def read_links(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write a share of the edges in both orders."""
    del settings
    one, other = _concatenated(_edges(store, share=unit.descriptor["slice"], of=unit.descriptor["slices"]))
    _write_links(unit, store, output, _Star(one, other, 0))


def large_stars(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Join each larger neighbour of a node to the smallest of its neighbourhood."""
    del settings
    _write_links(unit, store, output, large_star(*_read(unit, store, step=unit.descriptor["step"] - 1)))


def small_stars(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Join each node and its smaller neighbours to the smallest of these."""
    del settings
    _write_links(unit, store, output, small_star(*_read(unit, store, step=unit.descriptor["step"] - 1)))


def large_star(node: Nodes, other: Nodes) -> _Star:
    """A large star of sorted links, which are in both orders."""
    least = np.minimum(_least(node, other), node)
    larger = other > node
    return _Star(other[larger], least[larger], int((least != node)[larger].sum()))


def small_star(node: Nodes, other: Nodes) -> _Star:
    """A small star of sorted links, which are in both orders."""
    smaller = other < node
    node, other = node[smaller], other[smaller]
    least = _least(node, other)
    moved = other != least
    own = np.concatenate([node, other[moved]])
    return _Star(own, np.concatenate([least, least[moved]]), int(moved.sum()))


def _least(node: Nodes, other: Nodes) -> Nodes:
    """The smallest of the others of each row's node."""
    if not len(node):
        return other
    starts = np.flatnonzero(np.concatenate([[True], node[1:] != node[:-1]]))
    return np.repeat(np.minimum.reduceat(other, starts), np.diff([*starts, len(node)]))


def _read(unit: Unit, store: Store, *, step: int) -> tuple[Nodes, Nodes]:
    bounds = read_corpus(store).slices()
    found = exchange.read_all(store, _links(step), bounds=bounds, number=unit.descriptor["slice"])
    return unique(found["node"].to_numpy(), found["other"].to_numpy())


def _write_links(unit: Unit, store: Store, output: Output, star: _Star) -> None:
    node, other = unique(np.concatenate([star.nodes, star.others]), np.concatenate([star.others, star.nodes]))
    table = _links(unit.descriptor["step"])
    batch = pa.record_batch([node, other], schema=_LINKS)
    exchange.write(output, table, batch, bounds=read_corpus(store).slices())
    output.count("changes", star.changes)
