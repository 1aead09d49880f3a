"""What `pages` reads equals what pyarrow reads, or it leaves it alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.trainer.shards import pages

STRICT = pa.field("element", pa.int32(), nullable=False)
OURS: dict[str, Any] = {"use_dictionary": False, "compression": "zstd", "write_page_checksum": True}


def written(path: Path, array: pa.Array, *, nullable: bool = False, **how: Any) -> pq.ParquetFile:
    table = pa.table([array], schema=pa.schema([pa.field("x", array.type, nullable=nullable)]))
    pq.write_table(table, path, **(OURS | how))
    return pq.ParquetFile(path)


def lists_of(path: Path) -> list[list[int]] | None:
    """As `pages` reads them, row group by row group."""
    found: list[list[int]] = []
    with pa.OSFile(str(path)) as file, pq.ParquetFile(file) as parquet:
        assert pages.is_plain(parquet, 0)
        for group in range(parquet.num_row_groups):
            about = parquet.metadata.row_group(group)
            read = pages.lists(file, about.column(0), rows=about.num_rows)
            if read is None:
                return None
            values, bounds = read
            found += [each.tolist() for each in np.split(values, bounds[1:-1])]
    return found


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=40), min_size=1, max_size=50),
    group=st.integers(1, 60),
    page=st.sampled_from([64, 1 << 20]),
    codec=st.sampled_from(["zstd", "gzip", "snappy"]),
)
def test_lists(rows: list[list[int]], group: int, page: int, codec: str, tmp_path: Path) -> None:
    array = pa.array(rows, pa.list_(STRICT))
    how = {"row_group_size": group, "data_page_size": page, "write_batch_size": 8, "compression": codec}
    written(tmp_path / "x", array, **how).close()
    assert lists_of(tmp_path / "x") == rows


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(1, 40), length=st.integers(1, 300), page=st.sampled_from([64, 1 << 20]), wide=st.booleans())
def test_lists_of_one_length(rows: int, length: int, page: int, wide: bool, tmp_path: Path) -> None:
    kind = pa.uint32() if wide else pa.uint16()
    wanted = np.random.default_rng(rows).integers(0, 1 << (32 if wide else 16), (rows, length)).astype(str(kind))
    strict = pa.list_(pa.field("element", kind, nullable=False), length)
    array = pa.FixedSizeListArray.from_arrays(pa.array(wanted.reshape(-1)), type=strict)
    how = {"data_page_size": page, "write_batch_size": 100}
    written(tmp_path / "x", array, **how).close()
    with pa.OSFile(str(tmp_path / "x")) as file, pq.ParquetFile(file) as parquet:
        chunk = parquet.metadata.row_group(0).column(0)
        found = pages.fixed_lists(file, chunk, rows=rows, length=length, kind=str(kind))
        assert found is not None
        assert found.dtype == wanted.dtype
        assert (found == wanted).all()
        assert pages.fixed_lists(file, chunk, rows=rows + 1, length=length, kind=str(kind)) is None


@pytest.mark.parametrize(
    "how",
    [
        {"use_dictionary": True},
        {"compression": "lz4"},
        {"compression": "none"},
        {"data_page_version": "2.0"},
        {"write_page_checksum": False},
        {"column_encoding": {"x.list.element": "DELTA_BINARY_PACKED"}},
    ],
)
def test_pages_of_another_make_are_left_alone(how: dict[str, Any], tmp_path: Path) -> None:
    written(tmp_path / "x", pa.array([[1, 2], [3]] * 50, pa.list_(STRICT)), **how).close()
    assert lists_of(tmp_path / "x") is None


@pytest.mark.parametrize("rows", [[[1], [], [2, 3]], [[]]])
def test_empty_lists_are_left_alone(rows: list[list[int]], tmp_path: Path) -> None:
    written(tmp_path / "x", pa.array(rows, pa.list_(STRICT))).close()
    assert lists_of(tmp_path / "x") is None


def test_columns_that_may_be_null_are_no_plain_ones(tmp_path: Path) -> None:
    for number, (kind, nullable) in enumerate([(pa.list_(pa.int32()), False), (pa.list_(STRICT), True)]):
        with written(tmp_path / str(number), pa.array([[1, 2]], kind), nullable=nullable) as parquet:
            assert not pages.is_plain(parquet, 0)


def test_no_bit_makes_other_lists(tmp_path: Path) -> None:
    """Checksums are of what a page holds, not of its header, which says how much that is."""
    rows = [[1, 2], [3, 4, 5]]
    written(tmp_path / "x", pa.array(rows, pa.list_(STRICT))).close()
    data = (tmp_path / "x").read_bytes()
    with pq.ParquetFile(tmp_path / "x") as parquet:
        chunk = parquet.metadata.row_group(0).column(0)
    for place in range(chunk.data_page_offset, chunk.data_page_offset + chunk.total_compressed_size):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[place] ^= 1 << bit
            (tmp_path / "x").write_bytes(damaged)
            assert lists_of(tmp_path / "x") in (None, rows)


@pytest.mark.parametrize("filling", [b"\0", b"\x1c", b"\xff"])
def test_a_page_that_is_filled_with_one_byte(filling: bytes, tmp_path: Path) -> None:
    """Structs in structs, or a number without end: neither may take for ever."""
    rows = np.random.default_rng(0).integers(0, 1 << 30, (4000, 50)).tolist()
    written(tmp_path / "x", pa.array(rows, pa.list_(STRICT)), row_group_size=4000).close()
    with pq.ParquetFile(tmp_path / "x") as parquet:
        chunk = parquet.metadata.row_group(0).column(0)
    with (tmp_path / "x").open("r+b") as file:
        file.seek(chunk.data_page_offset)
        file.write(filling * chunk.total_compressed_size)
    assert lists_of(tmp_path / "x") is None


def test_damage_is_left_to_pyarrow(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 1 << 30, (20, 50)).tolist()
    written(tmp_path / "x", pa.array(rows, pa.list_(STRICT))).close()
    data = (tmp_path / "x").read_bytes()
    with pq.ParquetFile(tmp_path / "x") as parquet:
        chunk = parquet.metadata.row_group(0).column(0)
    end = chunk.data_page_offset + chunk.total_compressed_size
    outcomes = set()
    for place in range(chunk.data_page_offset, end, 7):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        (tmp_path / "x").write_bytes(damaged)
        found = lists_of(tmp_path / "x")
        assert found is None or found == rows
        outcomes.add(found is None)
    assert True in outcomes
