"""Connected components, in memory and by stars, against networkx."""

from pathlib import Path

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.pipelines.dedup.candidates import unique
from gristmill.pipelines.dedup.components import large_star, small_star
from gristmill.pipelines.dedup.forest import components, forest

from .corpora import Doc, clusters, fates

Edges = list[tuple[int, int]]
EDGES = st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)).filter(lambda pair: pair[0] != pair[1]))


def by_networkx(edges: Edges) -> dict[int, int]:
    """The smallest node of each node's component."""
    found = networkx.connected_components(networkx.Graph(edges))
    return {node: min(members) for members in found for node in members}


def arrays(edges: Edges) -> tuple[np.ndarray, np.ndarray]:
    return np.array([a for a, _ in edges], np.uint64), np.array([b for _, b in edges], np.uint64)


@settings(deadline=None)
@given(EDGES)
def test_in_memory(edges: Edges) -> None:
    left, right = (each.astype(np.int64) for each in arrays(edges))
    expected = by_networkx(edges)
    assert components(left, right, size=25).tolist() == [expected.get(node, node) for node in range(25)]


@settings(deadline=None)
@given(EDGES)
def test_a_forest_has_the_same_components_by_fewer_pairs(edges: Edges) -> None:
    first, node = forest(*arrays(edges))
    expected = by_networkx(edges)
    found = list(zip(node.tolist(), first.tolist(), strict=True))
    assert found == sorted((node, root) for node, root in expected.items() if node != root)


def stars(edges: Edges) -> tuple[dict[int, int], int]:
    """Components by stars, each step on all links at once, and how many steps that took."""
    one, other = arrays(edges)
    node, other = unique(np.concatenate([one, other]), np.concatenate([other, one]))
    steps, settled = 0, 0
    while settled < 2:
        a, b, changes = (small_star if steps % 2 else large_star)(node, other)
        node, other = unique(np.concatenate([a, b]), np.concatenate([b, a]))
        steps, settled = steps + 1, 0 if changes else settled + 1
    leaf = other < node
    return dict(zip(node[leaf].tolist(), other[leaf].tolist(), strict=True)), steps


@settings(deadline=None)
@given(EDGES)
def test_stars(edges: Edges) -> None:
    expected = by_networkx(edges)
    assert stars(edges)[0] == {node: root for node, root in expected.items() if node != root}


def test_a_long_chain_in_any_order() -> None:
    size = 20_000
    order = np.random.default_rng(1).permutation(size)
    chain = list(zip(order[:-1].tolist(), order[1:].tolist(), strict=True))
    assert set(components(order[:-1], order[1:], size=size).tolist()) == {0}
    found, steps = stars(chain)
    assert set(found.values()) == {0}
    assert len(found) == size - 1
    assert steps < 40


@pytest.mark.parametrize("in_memory", [0, 1000])
def test_phases(tmp_path: Path, in_memory: int) -> None:
    docs = [Doc(name=f"{n:02d}", family=f"{n}") for n in range(0, 40, 2)]
    links = [Doc(name=f"{n + 1:02d}", family=f"{n}", values=16) for n in range(0, 40, 2)]
    rows = clusters(tmp_path, [docs, links], in_memory=in_memory)
    assert fates(rows) == {
        **{f"{n:02d}": (f"{n:02d}", "survivor", 1.0) for n in range(0, 40, 2)},
        **{f"{n + 1:02d}": (f"{n:02d}", "near", 0.857) for n in range(0, 40, 2)},
    }
