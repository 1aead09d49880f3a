"""Connected components in memory."""

import numpy as np
import numpy.typing as npt

Nodes = npt.NDArray[np.uint64]
Int64s = npt.NDArray[np.int64]


def forest(left: Nodes, right: Nodes) -> tuple[Nodes, Nodes]:
    """The same components by fewer pairs: each node but a component's first, beside that first; sorted by node.

    Returns:
        (firsts, nodes). As many as nodes that have a pair, less one for each component, however many pairs there are.
    """
    nodes, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    first = nodes[components(places[: len(left)], places[len(left) :], size=len(nodes))]
    others = first != nodes
    return first[others], nodes[others]


def components(left: Int64s, right: Int64s, *, size: int) -> Int64s:
    """The smallest node of each node's connected component, of nodes 0 to size - 1."""
    from gristmill.pipelines.dedup.kernels import join  # noqa: PLC0415  (compiled: only workers need it)

    root = np.arange(size)
    join(left, right, root)
    return root
