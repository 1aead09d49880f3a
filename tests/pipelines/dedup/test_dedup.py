"""Dedup: candidates, comparison, components, survivors; and the stage as a whole on hand-made parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import dedup
from gristmill.pipelines.checkpoints import FileEntry, Store, Unit
from gristmill.pipelines.dedup.clusters import choose_survivors
from gristmill.pipelines.dedup.keys import band_hashes
from gristmill.pipelines.dedup.pairs import NEIGHBOURS, candidates, components, forest
from gristmill.pipelines.engine import Observer, Task, run
from gristmill.pipelines.parts import Part
from gristmill.schemas import DOCUMENTS, PERMUTATIONS, SIGNALS, VERDICTS, Table, digest, parse

KEYED = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=40, unique=True)


def arrays(keyed: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([key for key, _ in keyed], np.uint64), np.array([node for _, node in keyed], np.int64)


@given(KEYED)
def test_candidates_of_small_buckets_are_all_pairs(keyed: list[tuple[int, int]]) -> None:
    buckets: dict[int, list[int]] = {}
    for key, node in keyed:
        buckets.setdefault(key, []).append(node)
    small = {key for key, nodes in buckets.items() if len(nodes) <= NEIGHBOURS + 1}
    expected = {(min(a, b), max(a, b)) for key in small for a in buckets[key] for b in buckets[key] if a != b}
    left, right = candidates(*arrays([each for each in keyed if each[0] in small]))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == sorted(expected)


@given(KEYED)
def test_candidates_do_not_depend_on_order(keyed: list[tuple[int, int]]) -> None:
    one, other = candidates(*arrays(keyed)), candidates(*arrays(keyed[::-1]))
    assert [each.tolist() for each in one] == [each.tolist() for each in other]


def test_hot_bucket_is_linked_whole_by_a_linear_number_of_pairs() -> None:
    size = 5_000
    left, right = candidates(np.zeros(size, np.uint64), np.arange(size, dtype=np.int64))
    assert len(left) < (NEIGHBOURS + 1) * size
    assert set(components(left, right, size=size).tolist()) == {0}


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_components_equal_networkx(case: tuple[int, list[tuple[int, int]]]) -> None:
    size, edges = case
    graph = networkx.Graph(edges)
    graph.add_nodes_from(range(size))
    expected = {node: min(found) for found in networkx.connected_components(graph) for node in found}
    left, right = np.array([a for a, _ in edges], np.intp), np.array([b for _, b in edges], np.intp)
    assert components(left, right, size=size).tolist() == [expected[node] for node in range(size)]


def test_components_of_a_long_chain() -> None:
    size = 20_000
    order = np.random.default_rng(1).permutation(size)
    assert set(components(order[:-1], order[1:], size=size).tolist()) == {0}


def test_survivor_is_the_longest_then_newest_then_smallest_id() -> None:
    facts = pa.table(
        {
            "doc_id": ["d", "c", "b", "a", "z"],
            "n_chars": [5, 9, 9, 9, 1],
            "date": [None, "2020", "2021", "2021", None],
        }
    )
    labels = np.array([0, 0, 0, 0, 4])
    assert choose_survivors(labels, facts).tolist() == [3, 3, 3, 3, 4]


def test_bands_with_equal_values_have_different_hashes() -> None:
    values = np.zeros((2, 8), np.uint32)
    assert len({band_hashes(values, band=band)[0] for band in range(14)}) == 14
    assert band_hashes(values, band=0).tolist()[0] == band_hashes(values, band=0).tolist()[1]


@dataclass(frozen=True, kw_only=True)
class Doc:
    """A document of a hand-made part."""

    name: str
    text_hash: bytes = b""
    values: int = 0  # so many of the first signature values are the document's own
    tail: int = 0  # and so many of the last
    chars: int = 100
    status: str = "ok"
    keep: bool = True
    role: str = "raw"


def write(store: Store, path: str, table: Table, rows: list[dict[str, object]]) -> FileEntry:
    Path(store.path(path)).parent.mkdir(parents=True, exist_ok=True)
    full = [{field.name: row.get(field.name) for field in table.schema} for row in rows]
    pq.write_table(pa.Table.from_pylist(full, schema=table.schema), store.path(path))
    data = Path(store.path(path)).read_bytes()
    return FileEntry(path=path, rows=len(rows), bytes=len(data), checksum=digest(data), table=table.name, text_bytes=1)


def signature(doc: Doc) -> bytes:
    values = np.full(PERMUTATIONS, 7, "<u4")
    own = np.frombuffer(bytes.fromhex(digest(doc.name.encode()))[:4], "<u4") + np.arange(PERMUTATIONS, dtype="<u4")
    values[: doc.values] = own[: doc.values]
    values[PERMUTATIONS - doc.tail :] = own[PERMUTATIONS - doc.tail :]
    return values.tobytes()


def part(store: Store, number: int, docs: Sequence[Doc]) -> Part:
    ok = [doc for doc in docs if doc.status == "ok"]
    return Part(
        documents=write(
            store,
            f"documents/{number}.parquet",
            DOCUMENTS,
            [{"doc_id": doc.name, "status": doc.status, "role": doc.role} for doc in docs],
        ),
        signals=write(
            store,
            f"signals/{number}.parquet",
            SIGNALS,
            [
                {
                    "doc_id": doc.name,
                    "n_chars": doc.chars,
                    "text_hash": doc.text_hash or bytes.fromhex(digest(doc.name.encode())),
                    "signature": signature(doc),
                }
                for doc in ok
            ],
        ),
        verdicts=write(
            store, f"verdicts/{number}.parquet", VERDICTS, [{"doc_id": doc.name, "keep": doc.keep} for doc in ok]
        ),
    )


def clusters_of(store: Store, parts: list[Part], toml: str = "") -> dict[str, tuple[str, str, float]]:
    recipe = parse(f'[[inputs]]\nname = "a"\npaths = ["x"]\n[dedup]\n{toml}'.encode(), name="r")

    def execute(task: Task, units: list[Unit]) -> None:
        for unit in units:
            task(unit)

    quiet = Observer(watch=lambda _state, work: work(), done=lambda _state, _fresh, _seconds: None)
    run(dedup.stage(recipe, parts=parts), store=store, execute=execute, observer=quiet)
    rows = [
        row
        for receipt in store.receipts("dedup_clusters").values()
        for entry in receipt.files
        for row in pq.read_table(store.path(entry.path)).to_pylist()
    ]
    return {row["doc_id"]: (row["survivor_id"], row["kind"], round(row["similarity"], 3)) for row in rows}


SAME = b"0123456789abcdef"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_stage_finds_exact_and_near_duplicates_across_parts(store: Store) -> None:
    parts = [
        part(store, 0, [Doc(name="page", status="skipped"), Doc(name="a", text_hash=SAME), Doc(name="b", values=112)]),
        part(store, 1, [Doc(name="c", text_hash=SAME), Doc(name="d", values=16, chars=500)]),
    ]
    assert clusters_of(store, parts) == {
        "d": ("d", "survivor", 1.0),
        "a": ("d", "near", round(96 / 112, 3)),
        "c": ("d", "near", round(96 / 112, 3)),
    }


def test_exact_duplicates_are_named_so(store: Store) -> None:
    parts = [part(store, 0, [Doc(name="a", text_hash=SAME), Doc(name="c", text_hash=SAME, chars=101)])]
    assert clusters_of(store, parts) == {"a": ("c", "exact", 1.0), "c": ("c", "survivor", 1.0)}
    assert clusters_of(store, parts, "fuzzy = false") == {"a": ("c", "exact", 1.0), "c": ("c", "survivor", 1.0)}
    assert clusters_of(Store(f"{store.root}/none"), parts, "exact = false\nfuzzy = false") == {}


def test_pairs_below_the_limit_are_let_go(store: Store) -> None:
    parts = [part(store, 0, [Doc(name="a", values=16), Doc(name="b", values=17)])]
    assert set(clusters_of(store, parts)) == {"a", "b"}
    assert clusters_of(store, parts, "min_similarity = 0.9") == {}


def test_dropped_and_reference_documents_take_no_part(store: Store) -> None:
    parts = [
        part(
            store,
            0,
            [
                Doc(name="a", text_hash=SAME),
                Doc(name="b", text_hash=SAME, keep=False),
                Doc(name="c", text_hash=SAME, role="reference"),
            ],
        )
    ]
    assert clusters_of(store, parts) == {}


def test_nothing_at_all(store: Store) -> None:
    assert clusters_of(store, []) == {}
    assert clusters_of(store, [part(store, 0, [])]) == {}


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda pair: pair[0] < pair[1])))
def test_a_forest_has_the_same_components_by_fewer_pairs(pairs: list[tuple[int, int]]) -> None:
    left, right = np.array([a for a, _ in pairs], np.int64), np.array([b for _, b in pairs], np.int64)
    first, other = forest(left, right)
    smaller = zip(first.tolist(), other.tolist(), strict=True)
    found, expected = networkx.Graph(list(smaller)), networkx.Graph(pairs)
    assert sorted(map(sorted, networkx.connected_components(found))) == sorted(
        map(sorted, networkx.connected_components(expected))
    )
    assert len(first) == len(expected) - networkx.number_connected_components(expected)


def test_a_changed_signature_is_compared_anew_where_its_bands_stay(store: Store) -> None:
    toml = "exact = false\nbands = 1\nrows = 8\nmin_similarity = 0.7"
    alike = [part(store, 0, [Doc(name="a"), Doc(name="b")])]
    assert set(clusters_of(store, alike, toml)) == {"a", "b"}
    apart = part(store, 0, [Doc(name="a"), Doc(name="b", tail=90)])
    assert clusters_of(store, [apart], toml) == {}
