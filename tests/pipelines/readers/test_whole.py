"""Detection of formats, files that are one record, and files that are anything at all."""

import bz2
import gzip
import lzma
from pathlib import Path

import lz4.frame
import pypdfium2
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.pipelines.readers import InputError, Record, detect, plan, read
from gristmill.schemas.recipe import Columns, Format

LIMIT = 1 << 20
COMPRESS = {
    "none": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
}


def records(path: Path, *, format: Format = "auto", split_bytes: int = 1 << 30) -> list[Record]:
    splits = plan(path.name, location=str(path), format=format, split_bytes=split_bytes)
    return [record for split in splits for record in read(split, columns=Columns(), max_record_bytes=LIMIT)]


def pdf(text: str) -> bytes:
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body = "%PDF-1.4\n" + "".join(f"{i} 0 obj\n{each}\nendobj\n" for i, each in enumerate(objects, 1))
    return f"{body}trailer<</Root 1 0 R>>\n%%EOF".encode()


SAMPLES: list[tuple[bytes, str, str]] = [
    (b"WARC/1.0\r\nWARC-Type: warcinfo\r\nContent-Length: 0\r\n\r\n\r\n\r\n", "x", "warc"),
    (b"PAR1 and so on", "x.jsonl", "parquet"),
    (pdf("text"), "x.txt", "pdf"),
    (b'{"text": "a"}\n', "x.txt", "jsonl"),
    (b'{"text": "' + b"a" * 99999, "x", "jsonl"),
    (b"<!DOCTYPE html><p>", "x", "html"),
    (b"\xef\xbb\xbf <!-- c --> <HTML>", "x.txt", "html"),
    (b"<html> in markdown", "x.md", "markdown"),
    (b"text,a\n1,2", "x.csv", "csv"),
    (b"text\ta\n1\t2", "x.tsv", "tsv"),
    (b"Plain words.", "x", "text"),
    (b"", "x.txt", "text"),
    (b"\x00\x01\x02\x03\x89", "x.dat", "unknown"),
]


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize(("content", "name", "expected"), SAMPLES)
def test_detect(tmp_path: Path, content: bytes, name: str, expected: str, compression: str) -> None:
    path = tmp_path / (name if compression == "none" else f"{name}.gz")
    path.write_bytes(COMPRESS[compression](content))
    found = detect(str(path))
    assert (found.format, found.compression) == (expected, compression)


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize(
    ("name", "kind"), [("x.html", "text/html"), ("x.txt", "text/plain"), ("x.md", "text/markdown")]
)
def test_whole_files(tmp_path: Path, name: str, kind: str, compression: str) -> None:
    path = tmp_path / name
    path.write_bytes(COMPRESS[compression](b"Some *words*."))
    (found,) = records(path)
    assert (found.payload, found.media_type, found.offset, found.n_bytes) == (b"Some *words*.", kind, 0, 13)


@pytest.mark.parametrize("compression", COMPRESS)
def test_too_large(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(COMPRESS[compression](b"a " * LIMIT))
    (found,) = records(path)
    assert (found.status, found.rule, found.detail) == ("unreadable", "too_large", "more than 1,048,576 bytes")


def test_unknown_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    path.write_bytes(b"\0\1\2\3" * 9)
    (found,) = records(path)
    assert (found.status, found.rule, found.n_bytes) == ("unreadable", "format.unknown", 36)


def test_pdf(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(pdf("Hello PDF"))
    (found,) = records(path)
    assert (found.status, found.text, found.media_type) == ("ok", "Hello PDF\n\nHello PDF", "application/pdf")
    path.write_bytes(b"%PDF-1.4\nnothing")
    (found,) = records(path)
    assert (found.status, found.rule) == ("unreadable", "pdf.damaged")


def test_encrypted_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: bytes) -> None:
        raise pypdfium2.PdfiumError("Failed to load document (PDFium: Incorrect password error).")

    monkeypatch.setattr(pypdfium2, "PdfDocument", refuse)
    path = tmp_path / "x.pdf"
    path.write_bytes(pdf("secret"))
    (found,) = records(path)
    assert (found.status, found.rule) == ("unreadable", "pdf.encrypted")


MAGICS = [b"", *(each[0][:40] for each in SAMPLES), b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"]
MAGICS += [b"\x04\x22\x4d\x18", b"\x5d\x2a\x4d\x18", b"text,url\n", b"http://a 1.2.3.4 20080430204825 text/html 5\n"]
MAGICS += [gzip.compress(SAMPLES[0][0]), pdf("x")]
FORMATS: list[Format] = ["auto", "warc", "html", "jsonl", "parquet", "csv", "tsv", "text", "markdown", "pdf"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.one_of(st.sampled_from(MAGICS), st.binary(max_size=30)), max_size=8),
    format=st.sampled_from(FORMATS),
    compression=st.sampled_from(list(COMPRESS)),
    split_bytes=st.integers(1, 200),
)
def test_any_bytes(tmp_path: Path, parts: list[bytes], format: Format, compression: str, split_bytes: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(COMPRESS[compression](b"".join(parts)))
    try:
        whole = records(path, format=format)
    except InputError:
        return
    assert len({each.offset for each in whole}) == len(whole)
    assert all((each.rule is None) == (each.status == "ok") for each in whole)
    assert records(path, format=format, split_bytes=split_bytes) == whole


WARC = b"".join(
    b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://e/%d\r\nContent-Length: 51\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>%03d\r\n\r\n" % (i, i)
    for i in range(8)
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    framing=st.sampled_from(["plain", "gzip", "zstd", "lz4"]),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 20), st.binary(max_size=20)), max_size=4),
    split_bytes=st.integers(1, 900),
)
def test_any_damage(tmp_path: Path, framing: str, edits: list[tuple[float, int, bytes]], split_bytes: int) -> None:
    records_of = _framed(framing)
    data = b"".join(records_of)
    for place, length, new in edits:
        at = int(place * len(data))
        data = data[:at] + new + data[at + length :]
    path = tmp_path / "x.warc.gz"
    path.write_bytes(data)
    whole = records(path, format="warc")
    assert len({each.offset for each in whole}) == len(whole)
    assert records(path, format="warc", split_bytes=split_bytes) == whole


def _framed(framing: str) -> list[bytes]:
    pieces = [b"WARC/1.0" + each for each in WARC.split(b"WARC/1.0")[1:]]
    return pieces if framing == "plain" else [COMPRESS[framing](each) for each in pieces]
