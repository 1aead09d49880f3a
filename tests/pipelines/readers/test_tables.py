"""JSON lines, Parquet, CSV and TSV."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from gristmill.pipelines.readers import InputError, Record, Split, plan, read
from gristmill.schemas.recipe import Columns, Format


def records(
    path: Path,
    *,
    format: Format = "auto",
    split_bytes: int = 1 << 30,
    columns: Columns | None = None,
    limit: int = 5000,
) -> list[Record]:
    splits = plan(path.name, location=str(path), format=format, split_bytes=split_bytes)
    assert [Split.from_json(each.to_json()) for each in splits] == splits
    known = columns or Columns()
    return [record for split in splits for record in read(split, columns=known, max_record_bytes=limit)]


@pytest.mark.parametrize(
    ("line", "rule", "detail"),
    [
        (b'{"text": "a"', "json.invalid", "Expecting ',' delimiter: line 1 column 13 (char 12)"),
        (b"[1]", "json.invalid", "not an object but an array"),
        (b"NaN", "json.invalid", "not an object but null"),
        (b"[" * 3000, "json.invalid", "nested too deeply"),
        (b'{"texd": 1}', "json.no_text", "no 'text' among 'texd'"),
        (b'{"text": null}', "json.no_text", "no 'text' among 'text'"),
        (b'{"text": 1}', "json.text_type", "'text' is a number"),
        (b'{"text": ["a"]}', "json.text_type", "'text' is an array"),
        (b'{"text": "' + b"a" * 5000 + b'"}', "too_large", "more than 5,000 bytes"),
    ],
)
def test_bad_lines(tmp_path: Path, line: bytes, rule: str, detail: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"text": "first"}\n' + line + b'\n{"text": "last"}')
    first, bad, last = records(path)
    assert (first.text, last.text) == ("first", "last")
    assert (bad.status, bad.rule, bad.detail, bad.offset) == ("unreadable", rule, detail, 18)
    assert bad.n_bytes == len(line) + 1


def test_bytes_that_are_not_utf8_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"text": "caf\xe9"}\n')
    assert [each.text for each in records(path)] == ["caf\ufffd"]


def test_json_fields(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"text": "a", "url": "http://a", "title": "T\\ud800", "date": "2020", "n": NaN, "m": '
        + b"9" * 4400
        + b'}\r\n\r\n  \n{"doc": {"body": "b\\ud800"}, "text": "c", "url": 5}'
    )
    first, second = records(path)
    assert (first.text, first.uri, first.title, first.date) == ("a", "http://a", "T?", "2020")
    assert (second.text, second.uri) == ("c", None)
    assert records(path, columns=Columns(text="doc.body"))[1].text == "b\ud800"


LINES = (
    b"".join(b'{"text": "%s"}\n' % (b"x" * (i * 13 % 90)) + b"\n" * (i % 3) for i in range(80))
    + b'{"bad\n{"text": "z"}'
)


def test_jsonl_splits_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(LINES)
    whole = records(path)
    assert len(whole) == 82
    for split_bytes in (1, 7, 64, 1000, len(LINES) - 1, len(LINES)):
        assert records(path, split_bytes=split_bytes) == whole


@pytest.mark.parametrize(
    ("name", "compress"),
    [("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress), ("zstd", zstandard.compress)],
)
def test_compressed_jsonl(tmp_path: Path, name: str, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(LINES)
    plain = records(path)
    half = LINES.index(b"\n", 3000) + 1
    data = compress(LINES[:half]) + compress(LINES[half:])
    path.write_bytes(data)
    assert records(path, split_bytes=10) == plain
    path.write_bytes(data[:-30])
    cut = records(path)
    assert (cut[-1].status, cut[-1].rule) == ("unreadable", f"{name}.truncated")
    assert cut[:40] == plain[:40]
    path.write_bytes(data + b"trailing garbage")
    assert [each.rule for each in records(path)][-1] == f"{name}.damaged"
    path.write_bytes(data + bytes(512))
    assert records(path) == plain


def test_bomb_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(gzip.compress(b'{"text": "' + b"a" * (50 << 20) + b'"}\n{"text": "b"}'))
    first, second = records(path, format="jsonl")
    assert (first.rule, first.n_bytes, second.text) == ("too_large", (50 << 20) + 13, "b")


def write_parquet(path: Path, **columns: pa.Array) -> None:
    pq.write_table(pa.table(columns), path, row_group_size=3)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "x.bin"
    texts = ["zero", None, "é" * 3000, "three", "four", "", "six"]
    write_parquet(path, text=pa.array(texts, pa.string()).cast(kind), url=pa.array([f"u{i}" for i in range(7)]))
    whole = records(path)
    assert [each.text for each in whole] == ["zero", None, None, "three", "four", "", "six"]
    assert [each.rule for each in whole[:4]] == [None, "parquet.no_text", "too_large", None]
    assert [each.offset for each in whole] == list(range(7))
    assert whole[6].uri == "u6"
    assert records(path, split_bytes=1) == whole
    assert len(plan("x", location=str(path), format="auto", split_bytes=1)) == 3
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert records(path) == whole


def test_parquet_nested_text_and_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_parquet(path, doc=pa.array([{"body": "a"}, {"body": None}, None]), raw=pa.array([b"\xe9", b"b", b"c"]))
    assert [each.text for each in records(path, columns=Columns(text="doc.body"))] == ["a", None, None]
    first = records(path, columns=Columns(text="raw"))[0]
    assert (first.text, first.payload, first.charset) == (None, b"\xe9", None)


def test_parquet_column_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_parquet(path, content=pa.array(["a"]), n=pa.array([1]))
    with pytest.raises(
        InputError, match=r"x.parquet: no column 'contents'; there are content, n; did you mean 'content'"
    ):
        records(path, columns=Columns(text="contents"))
    with pytest.raises(InputError, match="column 'n' holds int64, not text"):
        records(path, columns=Columns(text="n"))


def test_damaged_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_parquet(path, text=pa.array([f"text {i}" * 50 for i in range(9)]))
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    (found,) = records(path)
    assert (found.status, found.rule, found.offset) == ("unreadable", "parquet.damaged", 0)
    path.write_bytes(data[:10] + b"\xff" * 60 + data[70:])
    whole = records(path)
    assert "parquet.damaged" in [each.rule for each in whole]
    assert [each.text for each in whole][-3:] == [f"text {i}" * 50 for i in (6, 7, 8)]
    assert records(path, split_bytes=1) == whole


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        '\ufefftext,url\n"two\nlines, ""quoted""",http://a\nragged\n\nnul\0,b\n' + "x" * 6000 + ",c\nlast,d"
    )
    found = records(path)
    assert [each.text for each in found] == ['two\nlines, "quoted"', None, "nul\0", None, "last"]
    assert [each.rule for each in found] == [None, "csv.ragged", None, "too_large", None]
    assert found[1].detail == "1 fields where the header has 2"
    assert [each.offset for each in found] == list(range(5))
    assert found[0].uri == "http://a"


def test_csv_with_an_open_quote_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('text\n"open\n' + "line\n" * 5000)
    found = records(path)
    assert found[0].rule == "too_large"
    assert {each.text for each in found[1:]} == {"line"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1251", "cp932"])
def test_tsv_encodings(tmp_path: Path, encoding: str) -> None:
    text = "Все люди рождаются свободными" if encoding != "cp932" else "すべての人間は生れながらにして自由である"
    path = tmp_path / "x.tsv"
    path.write_bytes(("text\tn\n" + f"{text}\t1\n" * 50).encode(encoding))
    assert [each.text for each in records(path)] == [text] * 50


def test_csv_column_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("texts,b\nc,d\n")
    with pytest.raises(InputError, match=r"no column 'text'; there are texts, b; did you mean 'texts'\?"):
        records(path)


def test_the_column_of_the_capture(tmp_path: Path) -> None:
    """As UTC that sorts as text; None for what is no date. Without a name no column is one."""
    given = {
        "2024-05-06T04:00:05Z": "2024-05-06T04:00:05+00:00",
        "2024-05-06 04:00:05.5": "2024-05-06T04:00:05.500000+00:00",
        "2024-05-06T01:00:05+0200": "2024-05-05T23:00:05+00:00",
        "2024-05": "2024-05",
        "0001-01-01T00:00+01:00": None,
        "2024-13-01": None,
        "yesterday": None,
    }
    columns = Columns(captured="fetched")
    rows = [{"text": "a", "fetched": each} for each in given]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, [*rows, {"text": "a", "fetched": 7}])))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    (tmp_path / "x.csv").write_text("\n".join(["text,fetched", *(f"a,{each}" for each in given)]))
    expected = list(given.values())
    assert [each.captured for each in records(tmp_path / "x.jsonl", columns=columns)] == [*expected, None]
    assert [each.captured for each in records(tmp_path / "x.parquet", columns=columns)] == expected
    assert [each.captured for each in records(tmp_path / "x.csv", columns=columns)] == expected
    for name in ("x.jsonl", "x.parquet", "x.csv"):
        assert {each.captured for each in records(tmp_path / name)} == {None}


def test_a_column_of_dates(tmp_path: Path) -> None:
    moment = datetime(2024, 5, 6, 4, tzinfo=UTC)
    table = pa.table({"text": ["a", "b"], "at": pa.array([moment, None], pa.timestamp("us", tz="UTC"))})
    pq.write_table(table, tmp_path / "x.parquet")
    found = records(tmp_path / "x.parquet", columns=Columns(captured="at"))
    assert [each.captured for each in found] == ["2024-05-06T04:00:00+00:00", None]
    with pytest.raises(InputError, match="no column 'att'; there are text, at; did you mean 'at'"):
        records(tmp_path / "x.parquet", columns=Columns(captured="att"))
