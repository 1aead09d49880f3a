"""Exchanges: every row that was written is read once, by the range that it falls into."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.pipelines import exchange
from gristmill.pipelines.checkpoints import Output, Store, unit
from gristmill.schemas import Table

TABLE = Table(
    name="intermediate/numbers",
    row="a number",
    schema=pa.schema([pa.field("key", pa.uint64()), pa.field("value", pa.int32())]),
)

KEYS = st.lists(st.one_of(st.integers(0, 20), st.integers(0, (1 << 64) - 1)), max_size=60)


def write(store: Store, keys: list[int], *, name: str, bounds: exchange.Bounds) -> Path:
    work = unit(phase="numbers", version=1, settings={}, descriptor={"name": name})
    with Output(store, phase="numbers", version=1, settings={}, unit=work) as output:
        columns = [pa.array(sorted(keys), pa.uint64()), pa.array(range(len(keys)), pa.int32())]
        exchange.write(output, TABLE, pa.table(columns, schema=TABLE.schema), bounds=bounds, name=name)
    return Path(store.path(f"{TABLE.name}/{name}.parquet"))


@settings(deadline=None, max_examples=50)
@given(first=KEYS, second=KEYS, written=st.integers(0, 4), ranges=st.integers(0, 4))
def test_every_row_is_read_once(
    tmp_path_factory: object, first: list[int], second: list[int], written: int, ranges: int
) -> None:
    store = Store(str(tmp_path_factory.mktemp("out")))  # type: ignore[attr-defined]
    for name, keys in (("a", first), ("b", second)):
        write(store, keys, name=name, bounds=exchange.hash_bounds(1 << written))
    bounds = exchange.hash_bounds(1 << ranges)
    found = []
    for number in range(len(bounds)):
        keys = exchange.read_all(store, TABLE, bounds=bounds, number=number)["key"].to_pylist()
        assert {key * len(bounds) >> 64 for key in keys} <= {number}
        found += keys
    assert sorted(found) == sorted(first + second)


def test_a_row_group_for_each_range_that_has_rows(tmp_path: Path) -> None:
    path = write(
        Store(str(tmp_path)), [0, 1, 1 << 62, 3 << 62, (1 << 64) - 1], name="a", bounds=exchange.hash_bounds(4)
    )
    with pq.ParquetFile(path) as file:
        assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [2, 1, 2]


def test_some_columns(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    bounds = exchange.hash_bounds(1)
    write(store, [7, 5], name="a", bounds=bounds)
    found = exchange.read_all(store, TABLE, bounds=bounds, number=0, columns=["key"])
    assert found.to_pydict() == {"key": [5, 7]}
    nothing = Table(name="intermediate/nothing", row="nothing", schema=TABLE.schema)
    assert exchange.read_all(store, nothing, bounds=bounds, number=0).to_pydict() == {"key": [], "value": []}


def test_ranges_are_a_power_of_two_and_not_too_many() -> None:
    counts = [exchange.ranges_for(rows, rows_per_range=100) for rows in (0, 1, 100, 101, 200, 201, 401, 1 << 40)]
    assert counts == [1, 1, 1, 2, 2, 4, 8, exchange.MOST_RANGES]
    assert exchange.hash_bounds(2).tolist() == [0, 1 << 63]
    assert np.array_equal(exchange.hash_bounds(1), np.zeros(1, np.uint64))
