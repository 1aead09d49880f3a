"""WARC, WET and ARC: every record is accounted for, whatever the damage."""

import gzip
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import lz4.frame
import pytest
import zstandard
from warcio.archiveiterator import ArchiveIterator

from gristmill.pipelines.readers import Record, plan, read
from gristmill.pipelines.readers.http import media_type, unchunk
from gristmill.pipelines.readers.warc_record import header
from gristmill.schemas.recipe import Columns

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "warc"
LIMIT = 1 << 24


def records(path: Path, *, split_bytes: int = 1 << 30, limit: int = LIMIT) -> list[Record]:
    splits = plan(path.name, location=str(path), format="auto", split_bytes=split_bytes)
    return [record for split in splits for record in read(split, columns=Columns(), max_record_bytes=limit)]


def record(block: bytes, *, kind: str = "response", uri: str = "http://example.com/", **fields: str) -> bytes:
    length = fields.pop("length", str(len(block)))
    head = f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\nWARC-Date: 2020-01-01T00:00:00Z\r\n"
    head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"{head}Content-Length: {length}\r\n\r\n".encode() + block + b"\r\n\r\n"


def http(body: bytes, *, status: int = 200, kind: str = "text/html", **fields: str) -> bytes:
    head = f"HTTP/1.1 {status} Reason\r\nContent-Type: {kind}\r\n"
    head += "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return head.encode() + b"\r\n" + body


def one(path: Path, block: bytes, **fields: str) -> Record:
    path.write_bytes(record(block, **fields))
    (found,) = records(path)
    return found


@pytest.mark.parametrize("kind", ["request", "metadata", "warcinfo", "revisit", "continuation"])
def test_types_that_are_no_documents(tmp_path: Path, kind: str) -> None:
    found = one(tmp_path / "x", b"block", kind=kind)
    assert (found.status, found.rule, found.n_bytes) == ("skipped", f"warc.{kind}", 5)


@pytest.mark.parametrize(
    ("block", "rule", "detail"),
    [
        (http(b"gone", status=404), "http.status", "404"),
        (http(b"x", kind="image/png"), "media_type", "image/png"),
        (http(b"\x01\x02", kind="application/octet-stream"), "media_type", "application/octet-stream"),
    ],
)
def test_responses_that_are_no_documents(tmp_path: Path, block: bytes, rule: str, detail: str) -> None:
    found = one(tmp_path / "x", block)
    assert (found.status, found.rule, found.detail) == ("skipped", rule, detail)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"<p>text</p>", {}),
        (b"3\r\n<p>\r\n8\r\ntext</p>\r\n0\r\n\r\n", {"Transfer_Encoding": "chunked"}),
        (b"<p>text</p>", {"Transfer_Encoding": "chunked"}),
        (gzip.compress(b"<p>text</p>"), {"Content_Encoding": "gzip"}),
        (brotli.compress(b"<p>text</p>"), {"Content_Encoding": "br"}),
        (zstandard.compress(b"<p>text</p>"), {"Content_Encoding": "zstd"}),
        (b"<p>text</p>", {"Content_Encoding": "gzip"}),
        (b"<p>text</p>", {"Content_Encoding": "br"}),
        (b"<p>text</p>", {"Content_Encoding": "deflate"}),
        (b"<p>text</p>", {"Content_Encoding": "klingon"}),
    ],
)
def test_bodies_are_decoded(tmp_path: Path, body: bytes, fields: dict[str, str]) -> None:
    found = one(tmp_path / "x", http(body, status=200, kind="text/html; charset=utf-8", **fields))
    assert (found.status, found.payload, found.charset) == ("ok", b"<p>text</p>", "utf-8")
    assert (found.uri, found.date, found.offset) == ("http://example.com/", "2020-01-01T00:00:00Z", 0)


def test_headers_that_speak_of_use(tmp_path: Path) -> None:
    block = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Robots-Tag: noai\r\nServer: x\r\nX-ROBOTS-TAG: bot:\r\n"
        b"  noindex\r\nLink: </l>; rel=license\r\nTDM-Reservation: 1\r\n\r\n<p>text</p>"
    )
    assert one(tmp_path / "x", block).headers == (
        ("x-robots-tag", "noai"),
        ("x-robots-tag", "bot: noindex"),
        ("link", "</l>; rel=license"),
        ("tdm-reservation", "1"),
    )
    assert one(tmp_path / "x", http(b"text")).headers == ()
    assert one(tmp_path / "x", b"text", kind="conversion").headers is None
    many = one(tmp_path / "x", http(b"text", X_Robots_Tag=("noai\r\n noml" * 9000)))
    assert many.headers is not None
    assert [len(value) for _, value in many.headers] == [4096]


@pytest.mark.parametrize(
    ("uri", "block", "kind", "rule"),
    [
        ("http://a.b/robots.txt", http(b"User-agent: x", kind="text/plain"), "response", "warc.robots"),
        ("https://a.b:8080/ROBOTS.TXT", http(b"User-agent: x", kind="text/html"), "response", "warc.robots"),
        ("http://a.b/robots.txt", http(b"", kind="application/octet-stream"), "response", "warc.robots"),
        ("http://a.b/robots.txt", b"User-agent: x", "resource", "warc.robots"),
        ("http://a.b/.well-known/tdmrep.json", http(b"[]", kind="application/json"), "response", "warc.tdmrep"),
        ("http://a.b/robots.txt", http(b" <p>Not found</p>", kind="text/plain"), "response", None),
        ("http://a.b/robots.txt", b"User-agent: x", "conversion", None),
        ("http://a.b/robots.txt?x", http(b"User-agent: x", kind="text/plain"), "response", None),
        ("http://a.b/c/robots.txt", http(b"User-agent: x", kind="text/plain"), "response", None),
        ("http://a.b/robots.txt", http(b"", status=404), "response", "http.status"),
    ],
)
def test_files_that_speak_for_a_site(tmp_path: Path, uri: str, block: bytes, kind: str, rule: str | None) -> None:
    found = one(tmp_path / "x", block, uri=uri, kind=kind)
    assert found.rule == rule
    assert found.status == ("ok" if rule is None else "skipped")
    assert (rule == "warc.robots") <= (found.payload == block[block.rfind(b"\n") + 1 :])


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_bombs_are_too_large(tmp_path: Path, coding: str) -> None:
    compress = {"gzip": gzip.compress, "br": brotli.compress, "zstd": zstandard.compress}[coding]
    found = one(tmp_path / "x", http(compress(bytes(20 << 20)), Content_Encoding=coding))
    assert (found.status, found.rule) == ("unreadable", "too_large")


def test_truncated_when_captured_is_used_and_noted(tmp_path: Path) -> None:
    found = one(tmp_path / "x", http(b"<p>cut"), WARC_Truncated="length")
    assert (found.status, found.payload, found.detail) == ("ok", b"<p>cut", "truncated when captured: length")


@pytest.mark.parametrize(
    ("stated", "captured"),
    [
        ("2024-05-06T04:00:05Z", "2024-05-06T04:00:05+00:00"),
        ("2024-05-06T04:00:05.120Z", "2024-05-06T04:00:05.120000+00:00"),
        ("2024-05-06T04:00:05.123456789Z", "2024-05-06T04:00:05.123456+00:00"),
        ("2024-05-06T04:00:05+00:00", "2024-05-06T04:00:05+00:00"),
        ("2024-05-06T04:00Z", "2024-05-06T04:00:00+00:00"),
        ("2024-05-06", "2024-05-06"),
        ("2024-05", "2024-05"),
        ("2024", "2024"),
        ("2024-05-06T04:00:05", "2024-05-06T04:00:05+00:00"),
        ("2024-05-06 04:00:05Z", "2024-05-06T04:00:05+00:00"),
        ("2024-05-06T06:00:05+02:00", "2024-05-06T04:00:05+00:00"),
        *((stated, None) for stated in ("yesterday", "20240506040005", "2024-02-30T04:00:05Z", "9999-99", "2024-5-6")),
        *((stated, None) for stated in ("0000-01-01", "٢٠٢٤-05-06", "2024-05-06T24:30:00Z", "2024-05-06T04:00:05.Z")),
        ("", None),
    ],
)
def test_date_of_capture(tmp_path: Path, stated: str, captured: str | None) -> None:
    data = GOOD[0].replace(b"2020-01-01T00:00:00Z", stated.encode())
    for cut in (0, 20):  # a record that is cut has its date all the same
        (tmp_path / "x.warc").write_bytes(data[: len(data) - cut])
        (found,) = records(tmp_path / "x.warc")
        assert (found.captured, found.date) == (captured, stated or None)


def test_dates_of_capture_sort_as_text() -> None:
    moments = ["2024-05-06T03:59:59.999Z", "2024-05-06T04:00Z", "2024-05-06T04:00:05Z", "2024-05-06T04:00:05.04Z"]
    moments += ["2024-05-06T04:00:05.123Z", "2024-05-06T04:00:05.1234Z", "2024-05-06T04:00:06Z", "2024-05-07"]
    headers = [header(f"WARC/1.1\r\nWARC-Date: {moment}\r\n\r\n".encode()) for moment in moments]
    captured = [each.known["captured"] for each in headers if each]
    assert captured == sorted(captured)
    assert len(set(captured)) == len(moments)


def test_wet(tmp_path: Path) -> None:
    found = one(tmp_path / "x", "Ünï".encode(), kind="conversion", uri="<http://a.b/>", Content_Type="text/plain")
    assert (found.status, found.media_type, found.charset, found.uri) == ("ok", "text/plain", "utf-8", "http://a.b/")
    assert found.captured == "2020-01-01T00:00:00+00:00"


GOOD = [record(http(f"<p>page {i}</p>".encode() * (i * 7 % 50 + 1)), uri=f"http://e.com/{i}") for i in range(60)]


def rules(found: list[Record]) -> Counter[str]:
    return Counter(each.rule or each.status for each in found)


@pytest.mark.parametrize(
    ("damaged", "rule"),
    [
        (GOOD[1][:-40], "warc.length"),
        (GOOD[1].replace(b"Content-Length: ", b"Content-Length: 9"), "warc.length"),
        (GOOD[1].replace(b"Content-Length: ", b"Content-Length: -"), "warc.damaged"),
        (GOOD[1].replace(b"Content-Length: 1", b"Content-Length: "), "warc.length"),
        (b"garbage \x00\xff" * 99, "warc.damaged"),
        (b"WARC/1.0\r\nno end of header", "warc.damaged"),
    ],
)
def test_damage_costs_one_record(tmp_path: Path, damaged: bytes, rule: str) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(b"".join([GOOD[0], damaged, *GOOD[2:]]))
    assert rules(records(path)) == {"ok": 59, rule: 1}


def test_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "x.warc"
    path.write_bytes(b"".join(GOOD)[:-30])
    found = records(path)
    assert rules(found) == {"ok": 59, "warc.truncated": 1}
    assert found[-1].uri == "http://e.com/59"


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "lz4": lambda data: lz4.frame.compress(data, content_checksum=True),
}


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("damage", ["none", "flip", "cut", "garbage", "clip"])
def test_members_split_anywhere(tmp_path: Path, compression: str, damage: str) -> None:
    members = [COMPRESS[compression](each) for each in GOOD]
    match damage:
        case "flip":
            half = len(members[30]) // 2
            members[30] = members[30][:half] + b"\xff\xfe\xfd" + members[30][half + 3 :]
        case "cut":
            members[30] = members[30][: len(members[30]) // 2]
        case "garbage":
            members.insert(30, b"\0junk" * 30)
        case "clip":
            members[-1] = members[-1][:-6]
    path = tmp_path / "x.warc"
    path.write_bytes(b"".join(members))
    whole = records(path)
    assert sum(each.status == "ok" for each in whole) == (60 if damage in ("none", "garbage") else 59)
    assert len(whole) == (61 if damage == "garbage" else 60)
    assert len({each.offset for each in whole}) == len(whole)
    for split_bytes in (100, 512, 1000, 3333, 9000):
        assert records(path, split_bytes=split_bytes) == whole


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_skippable_frames_and_damage_that_looks_like_one(tmp_path: Path, compression: str) -> None:
    members = [COMPRESS[compression](each) for each in GOOD]
    magic, path = b"\x50\x2a\x4d\x18", tmp_path / "x.warc"
    frame = magic + (5).to_bytes(4, "little") + b"index"
    path.write_bytes(b"".join([*members[:30], frame, frame, *members[30:], frame]))
    assert rules(records(path)) == {"ok": 60}
    for damage in (magic, magic + (300).to_bytes(4, "little"), magic + (1 << 30).to_bytes(4, "little")):
        path.write_bytes(b"".join([*members[:30], damage, *members[30:]]))
        whole = records(path)
        assert rules(whole) == {"ok": 60, "warc.damaged": 1}
        for split_bytes in (512, 3333):
            assert records(path, split_bytes=split_bytes) == whole


@pytest.mark.parametrize(("suffix", "compression"), [("gz", "gzip"), ("zst", "zstd"), ("lz4", "lz4")])
def test_damaged_head(tmp_path: Path, suffix: str, compression: str) -> None:
    path = tmp_path / f"x.warc.{suffix}"
    path.write_bytes(b"".join(COMPRESS[compression](each) for each in GOOD)[26:])
    assert rules(records(path)) == {"ok": 59, "warc.damaged": 1}


@pytest.mark.parametrize("cut", [0, 17, 2000])
def test_plain_files_split_anywhere(tmp_path: Path, cut: int) -> None:
    data = b"".join(GOOD)
    path = tmp_path / "x.warc"
    path.write_bytes(data[: len(data) // 2] + data[len(data) // 2 + cut :])
    whole = records(path)
    for split_bytes in (1, 100, 777, 5000):
        assert records(path, split_bytes=split_bytes) == whole
    assert len(plan("x", location=str(path), format="auto", split_bytes=1000)) > 5


@pytest.mark.parametrize("compress", COMPRESS.values())
def test_compressed_as_a_whole(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "x"
    path.write_bytes(compress(b"".join(GOOD)))
    found = records(path, split_bytes=100)
    assert rules(found) == {"ok": 60}
    assert len({each.offset for each in found}) == 60
    path.write_bytes(path.read_bytes()[:-200])
    found = records(path)
    assert found[-1].rule is not None
    assert found[-1].rule.endswith(".truncated")
    assert rules(found)["ok"] == len(found) - 1


def test_zstd_dictionary(tmp_path: Path) -> None:
    samples: list[bytes | bytearray | memoryview] = [each * 3 for each in GOOD] * 20
    dictionary = zstandard.train_dictionary(4096, samples)
    compressor = zstandard.ZstdCompressor(dict_data=dictionary)
    head = zstandard.compress(dictionary.as_bytes())
    path = tmp_path / "x.warc.zst"
    frame = b"\x5d\x2a\x4d\x18" + len(head).to_bytes(4, "little") + head
    path.write_bytes(frame + b"".join(compressor.compress(each) for each in GOOD))
    whole = records(path)
    assert rules(whole) == {"ok": 60}
    assert records(path, split_bytes=1000) == whole


def test_arc(tmp_path: Path) -> None:
    body = b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>arc</p>"
    version = b"1 0 Somebody\nURL IP-address Archive-date Content-type Archive-length\n"
    data = b"filedesc://x.arc 0.0.0.0 20080430204825 text/plain %d\n%s\n" % (len(version), version)
    data += b"dns:a.b 1.2.3.4 20080430204825 text/dns 4\nabcd\n"
    data += b"http://a.b/c d 1.2.3.4 20080430204826 text/html %d\n%s\n" % (len(body), body)
    path = tmp_path / "x.arc"
    path.write_bytes(data)
    found = records(path)
    assert [each.rule for each in found] == ["warc.warcinfo", "warc.dns", None]
    page = found[-1]
    assert (page.uri, page.date, page.payload) == ("http://a.b/c%20d", "2008-04-30T20:48:26Z", b"<p>arc</p>")
    assert page.captured == "2008-04-30T20:48:26+00:00"
    for digits, captured in (("20080430", "2008-04-30"), ("20080431204826", None), ("99999999999999", None)):
        path.write_bytes(data.replace(b"20080430204826", digits.encode()))
        assert records(path)[-1].captured == captured


def test_records_larger_than_allowed(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    big = record(http(b"<p>" + bytes(3_000_000)))
    path.write_bytes(b"".join(map(gzip.compress, [GOOD[0], big, GOOD[1]])))
    assert [each.rule for each in records(path, limit=1 << 20)] == [None, "too_large", None]
    path.write_bytes(GOOD[0] + big + GOOD[1])
    assert [each.rule for each in records(path, limit=1 << 20)] == [None, "too_large", None]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("text/html; charset=UTF-8", ("text/html", "UTF-8")),
        ('TEXT/HTML;Charset="koi8-r"', ("text/html", "koi8-r")),
        ("text/html, text/html", ("text/html", None)),
        ("", (None, None)),
        (None, (None, None)),
    ],
)
def test_media_type(value: str | None, found: tuple[str | None, str | None]) -> None:
    assert media_type(value) == found


def test_unchunk_of_damaged_bodies() -> None:
    assert unchunk(b"5\r\nab") == (b"ab", "the last chunk is cut")
    assert unchunk(b"2\r\nab\r\nzz") == (b"abzz", "a chunk is damaged")
    assert unchunk(b"2\r\nab\r\n") == (b"ab", "the last chunk is missing")


def warcio_count(path: Path) -> int | None:
    if path.suffix == ".lz4":
        return 50  # which warcio cannot read; the same records are in the .gz beside it
    try:
        return sum(1 for _ in ArchiveIterator(io.BytesIO(path.read_bytes()), arc2warc=True))
    except Exception:
        return None


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_real_files_against_warcio() -> None:
    # warcio gives up at example-trunc's wrong length, and reads the clipped file's one record as if it were whole.
    checked = 0
    for path in sorted(SHARED.rglob("*")):
        if not path.is_file() or path.name == "lohelp-sw4.warc.gz":
            continue
        found = records(path)
        assert len({each.offset for each in found}) == len(found), path.name
        assert records(path, split_bytes=20_000) == found, path.name
        expected = warcio_count(path)
        if expected is not None:
            checked += 1
            assert len(found) == expected, path.name
    assert checked >= 28


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_real_odd_files() -> None:
    def of(name: str) -> Counter[str]:
        return rules(records(SHARED / name))

    assert of("chatnoir-eu+chatnoir-resiliparse/clipped.warc.gz") == {"gzip.truncated": 1}
    trunc = {"warc.warcinfo": 2, "warc.length": 1, "warc.request": 1}
    assert of("webrecorder+warcio/example-trunc.warc") == trunc
    arc = of("commoncrawl+ia-web-commons/IAH-20080430204825-00000-blackbook-truncated.arc")
    assert (arc["ok"], arc["warc.robots"]) == (2, 1)
