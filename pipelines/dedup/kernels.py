"""Compiled loops of dedup. Imported by workers alone: a run with nothing to do never pays for the compiler."""

from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit
from gristmill.schemas import PERMUTATIONS

UInt32s = npt.NDArray[np.uint32]
UInt64s = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@jit
def pair_up(hashes: UInt64s, texts: UInt64s, nodes: UInt64s, few: Any, found: UInt64s) -> Any:
    """Pair the first documents of the texts of each bucket: of at most `few` texts all, of more each with the first.

    Takes keys sorted by hash, then text, then node; writes the earlier of two to found[0], the later to found[1], and
    returns how many pairs there are. `found` has room for (few, keys). Time: few * keys.
    """
    n, start = 0, 0
    while start < len(hashes):
        end, count = start + 1, 1
        while end < len(hashes) and hashes[end] == hashes[start]:
            count += texts[end] != texts[end - 1]
            end += 1
        for i in range(start + 1, end):
            if texts[i] == texts[i - 1]:
                continue
            for k in range(start, i if count <= few else start + 1):
                if k == start or texts[k] != texts[k - 1]:
                    found[0, n], found[1, n] = nodes[k], nodes[i]
                    n += 1
        start = end
    return n


@jit
def among(values: UInt64s, given: UInt64s) -> npt.NDArray[np.bool_]:
    """Which of sorted values are among sorted given ones. Linear."""
    found = np.zeros(len(values), np.bool_)
    at = 0
    for i in range(len(values)):
        while at < len(given) and given[at] < values[i]:
            at += 1
        found[i] = at < len(given) and given[at] == values[i]
    return found


@jit
def agreement(of_left: UInt32s, left: Int64s, right: UInt32s) -> Floats:
    """Share of equal MinHash values, the estimate of the Jaccard similarity: of row left[i] and row i of right."""
    found = np.empty(len(left), np.float32)
    for i in range(len(left)):
        equal = 0
        for k in range(PERMUTATIONS):
            equal += of_left[left[i], k] == right[i, k]
        found[i] = np.float32(equal / PERMUTATIONS)
    return found


@jit
def jaccard(left_ends: Int64s, lefts: UInt32s, left: Int64s, right_ends: Int64s, rights: UInt32s) -> Floats:
    """Jaccard similarity of sorted sets: of set left[i] and set i of the right ones.

    Set s is `lefts[left_ends[s]:left_ends[s + 1]]`, and so on. Linear in their sizes.
    """
    found = np.empty(len(left), np.float32)
    for i in range(len(left)):
        a, a_end = left_ends[left[i]], left_ends[left[i] + 1]
        b, b_end = right_ends[i], right_ends[i + 1]
        total = (a_end - a) + (b_end - b)
        both = 0
        while a < a_end and b < b_end:
            one, other = lefts[a], rights[b]
            both += one == other
            a += one <= other
            b += other <= one
        found[i] = np.float32(both / (total - both)) if total else np.float32(1)
    return found


@jit
def join(left: Int64s, right: Int64s, root: Int64s) -> None:
    """Make `root` the smallest node of each node's component; it begins as every node itself.

    Union by the smaller root, and halving of paths (Tarjan and van Leeuwen 1984). Near linear.
    """
    for i in range(len(left)):
        a, b = _root(root, left[i]), _root(root, right[i])
        root[max(a, b)] = min(a, b)
    for node in range(len(root)):  # what a node points to is smaller, so its root is final by now
        root[node] = root[root[node]]


@jit
def _root(root: Int64s, node: Any) -> Any:
    while root[node] != node:
        root[node] = root[root[node]]
        node = root[node]
    return node
