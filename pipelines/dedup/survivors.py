"""The document of each cluster that stays."""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import exchange
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.dedup.compare import Floats, below_one
from gristmill.pipelines.dedup.corpus import read_corpus
from gristmill.pipelines.dedup.keys import UInt32s, UInt64s, signature_matrix, text_hash_matrix
from gristmill.pipelines.dedup.members import FATES, MEMBERS
from gristmill.schemas import PERMUTATIONS

Int64s = npt.NDArray[np.int64]

_NARROW = [name for name in MEMBERS.schema.names if name not in ("text_hash", "signature")]
_WIDE = ["cluster", "text_hash", "signature"]


def survivors_of_range(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Choose the survivors of one range of clusters. Memory: some 300 bytes a member, and the survivors' signatures."""
    bounds, number = exchange.hash_bounds(settings["ranges"]), unit.descriptor["range"]

    def pieces(columns: list[str]) -> Iterator[pa.Table]:
        return exchange.read(store, MEMBERS, bounds=bounds, number=number, columns=columns)

    members = pa.concat_tables([MEMBERS.schema.empty_table().select(_NARROW), *pieces(_NARROW)]).combine_chunks()
    clusters = np.unique(members["cluster"].to_numpy(), return_inverse=True)[1]
    survivors = choose_survivors(clusters, members)
    similarity = _similarities(pieces, survivors)
    fates = _fates(members, clusters=clusters, survivors=survivors, similarity=similarity)
    own = pc.is_null(members["run"])
    exchange.write(output, FATES, fates.filter(own).sort_by("node"), bounds=read_corpus(store).group_bounds())
    output.count("clusters", len(np.unique(survivors)))


def choose_survivors(clusters: Int64s, members: pa.Table) -> Int64s:
    """For each document the one that stays of its cluster, both as row numbers.

    A document of an earlier run, if there is one: that was kept already. Of several, and of others, never one that has
    a newer capture; then the best quality (to a hundredth), the longest text, the newest date, the smallest id. A total
    order, so that no order of input or of work can change the choice.
    """
    quality = np.nan_to_num(members["quality"].to_numpy().astype(np.float64), nan=-1.0)
    keys = pa.table(
        {
            "cluster": clusters,
            "here": pc.is_null(members["run"]).cast(pa.int8()),
            "superseded": members["superseded"].cast(pa.int8()),
            "quality": np.floor(quality * 100).astype(np.int64),
            "n_chars": members["n_chars"],
            "date": pc.fill_null(members["date"], ""),
            "doc_id": members["doc_id"],
        }
    )
    return _first_of_each(clusters, keys, descending={"quality", "n_chars", "date"})


def _first_of_each(clusters: Int64s, keys: pa.Table, *, descending: AbstractSet[str] = frozenset()) -> Int64s:
    """For each document the row of its cluster that comes first by the columns of `keys`, the cluster among them."""
    ordering = [(name, "descending" if name in descending else "ascending") for name in keys.column_names]
    order = pc.sort_indices(keys, sort_keys=ordering).to_numpy()
    _, first = np.unique(clusters[order], return_index=True)
    found: Int64s = order[first].astype(np.int64)[clusters]
    return found


def _similarities(pieces: Callable[[list[str]], Iterator[pa.Table]], survivors: Int64s) -> Floats:
    """Estimated Jaccard similarity of each document to its survivor; 1 only for equal texts, white space apart."""
    from gristmill.pipelines.dedup.kernels import agreement  # noqa: PLC0415  (compiled: only workers need it)

    chosen, places = np.unique(survivors, return_inverse=True)
    signatures = np.empty((len(chosen), PERMUTATIONS), np.uint32)
    hashes = np.empty((len(chosen), 2), np.uint64)
    for rows, some_hashes, some_signatures in _measured(pieces(_WIDE)):
        low, high = np.searchsorted(chosen, [rows.start, rows.stop])
        hashes[low:high] = some_hashes[chosen[low:high] - rows.start]
        signatures[low:high] = some_signatures[chosen[low:high] - rows.start]
    found = np.empty(len(survivors), np.float32)
    for rows, some_hashes, some_signatures in _measured(pieces(_WIDE)):
        here = places[rows.start : rows.stop]
        equal = (hashes[here] == some_hashes).all(axis=1)
        alike = below_one(agreement(signatures, here, some_signatures))
        found[rows.start : rows.stop] = np.where(equal, np.float32(1), alike)
    return found


def _measured(pieces: Iterator[pa.Table]) -> Iterator[tuple[range, UInt64s, UInt32s]]:
    """Numbers of the rows, text hashes and signatures, piece after piece."""
    start = 0
    for piece in pieces:
        hashes = text_hash_matrix(piece["text_hash"].combine_chunks())
        yield range(start, start + len(piece)), hashes, signature_matrix(piece["signature"].combine_chunks())
        start += len(piece)


def _fates(members: pa.Table, *, clusters: Int64s, survivors: Int64s, similarity: Floats) -> pa.Table:
    """A row of FATES for each member."""
    itself = survivors == np.arange(len(survivors))
    old = members["superseded"].to_numpy()
    kind = np.select([itself, old, similarity == 1], ["survivor", "url", "exact"], "near")
    own = pc.is_null(members["run"]).to_numpy()
    sizes = np.bincount(clusters[own], minlength=int(clusters.max(initial=-1)) + 1)
    chosen = members.select(["doc_id", "run", "stands_for"]).take(pa.array(survivors))
    ids = pa.table({"cluster": clusters, "earlier": pa.array(~own).cast(pa.int8()), "doc_id": members["doc_id"]})
    columns = {
        "node": members["node"],
        "doc_id": members["doc_id"],
        "cluster": members["doc_id"].take(pa.array(_first_of_each(clusters, ids))),
        "survivor_id": pc.coalesce(chosen["stands_for"], chosen["doc_id"]),
        "earlier": chosen["run"],
        "size": pa.array(sizes[clusters], pa.int32()),
        "kind": pa.array(kind, pa.string()),
        "similarity": pa.array(similarity, pa.float32()),
    }
    return pa.table([columns[name] for name in FATES.schema.names], schema=FATES.schema)
