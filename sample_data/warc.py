"""WARC 1.1 records and compressed containers, written by hand.

By hand, because the sample has to hold what a well-behaved library refuses to write: lengths that lie, garbage
between members, bodies stored exactly as they came over the wire.
"""

from __future__ import annotations

import base64
import hashlib
import struct
import uuid
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

import brotli  # type: ignore[import-untyped]
import lz4.frame
import zstandard

Headers = list[tuple[str, str]]

REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 304: "Not Modified", 404: "Not Found", 410: "Gone"}
REASONS[500] = "Internal Server Error"
AGENT = "SampleCrawler/1.0 (+https://crawler.example/)"


@dataclass
class Capture:
    """One fetch: what was asked for and the answer as it came."""

    url: str
    when: datetime
    body: bytes
    content_type: str | None = "text/html; charset=utf-8"
    status: int = 200
    headers: Headers = field(default_factory=list)
    coding: str = ""  # "gzip", "br", or none
    chunked: bool = False
    length: int | None = None  # a Content-Length that differs from the truth
    revisit_of: tuple[str, datetime] | None = None
    plain_text: bool = False  # a WET conversion record instead of a response
    language: str = ""  # WET only

    @property
    def record_type(self) -> str:
        if self.plain_text:
            return "conversion"
        return "revisit" if self.revisit_of else "response"

    def wire_body(self) -> bytes:
        body = self.body
        if self.coding == "gzip":
            body = gzip_member(body)
        elif self.coding == "br":
            body = brotli.compress(body)
        return chunk(body) if self.chunked else body

    def http(self) -> bytes:
        """Status line, headers and body."""
        body = b"" if self.revisit_of else self.wire_body()
        headers: Headers = [("Date", self.when.strftime("%a, %d %b %Y %H:%M:%S GMT")), ("Server", "nginx")]
        if self.content_type is not None:
            headers.append(("Content-Type", self.content_type))
        headers += self.headers
        if self.coding:
            headers.append(("Content-Encoding", self.coding))
        if self.chunked:
            headers.append(("Transfer-Encoding", "chunked"))
        else:
            headers.append(("Content-Length", str(len(body) if self.length is None else self.length)))
        return head(f"HTTP/1.1 {self.status} {REASONS[self.status]}", headers) + body


def head(first: str, headers: Headers) -> bytes:
    return "".join([f"{first}\r\n", *(f"{k}: {v}\r\n" for k, v in headers), "\r\n"]).encode("utf-8")


def chunk(body: bytes, size: int = 1400) -> bytes:
    """Transfer-Encoding: chunked. The size is about a network packet's, so chunks split characters."""
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def gzip_member(data: bytes) -> bytes:
    """A gzip member with no time and no system in its header: `gzip.compress` varies by Python version there."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(data) + deflate.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + packed + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def zstd_frame(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=19, write_content_size=True).compress(data)


def lz4_frame(data: bytes) -> bytes:
    packed: bytes = lz4.frame.compress(data, compression_level=12)
    return packed


def stored(data: bytes) -> bytes:
    return data


CODECS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip_member, ".zst": zstd_frame, ".lz4": lz4_frame}


def codec_for(name: str) -> Callable[[bytes], bytes]:
    return CODECS.get(name[name.rfind(".") :], stored)


def _digest(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _record_id(kind: str, url: str, when: datetime) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {_stamp(when)} {url}')}>"


def _record(kind: str, capture: Capture, content_type: str, block: bytes, extra: Headers) -> bytes:
    headers: Headers = [
        ("WARC-Type", kind),
        ("WARC-Record-ID", _record_id(kind, capture.url, capture.when)),
        ("WARC-Date", _stamp(capture.when)),
        ("WARC-Target-URI", capture.url),
        *extra,
        ("WARC-Block-Digest", _digest(block)),
        ("Content-Type", content_type),
        ("Content-Length", str(len(block))),
    ]
    return head("WARC/1.1", headers) + block + b"\r\n\r\n"


def warcinfo(name: str, when: datetime) -> bytes:
    block = b"software: sample_data/build.py\r\nformat: WARC File Format 1.1\r\nisPartOf: gristmill-sample\r\n"
    headers: Headers = [
        ("WARC-Type", "warcinfo"),
        ("WARC-Record-ID", _record_id("warcinfo", name, when)),
        ("WARC-Date", _stamp(when)),
        ("WARC-Filename", name),
        ("Content-Type", "application/warc-fields"),
        ("Content-Length", str(len(block))),
    ]
    return head("WARC/1.1", headers) + block + b"\r\n\r\n"


def _request(capture: Capture) -> bytes:
    _, _, host, path = capture.url.split("/", 3)
    headers: Headers = [("Host", host), ("User-Agent", AGENT), ("Accept-Encoding", "gzip, br")]
    return head(f"GET /{path} HTTP/1.1", headers)


def response(capture: Capture) -> bytes:
    extra: Headers = [
        ("WARC-IP-Address", f"192.0.2.{zlib.crc32(capture.url.split('/')[2].encode()) % 254 + 1}"),
        ("WARC-Payload-Digest", _digest(capture.wire_body())),
    ]
    if capture.revisit_of:
        earlier_url, earlier = capture.revisit_of
        extra += [
            ("WARC-Profile", "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"),
            ("WARC-Refers-To-Target-URI", earlier_url),
            ("WARC-Refers-To-Date", _stamp(earlier)),
        ]
    block_type = "application/http; msgtype=response"
    return _record(capture.record_type, capture, block_type, capture.http(), extra)


def conversion(capture: Capture) -> bytes:
    extra: Headers = [("WARC-Identified-Content-Language", capture.language)] if capture.language else []
    return _record("conversion", capture, "text/plain", capture.body, extra)


def records(capture: Capture) -> list[bytes]:
    """A fetch as crawlers store it: request, response, metadata."""
    if capture.plain_text:
        return [conversion(capture)]
    concurrent: Headers = [("WARC-Concurrent-To", _record_id(capture.record_type, capture.url, capture.when))]
    request = _record("request", capture, "application/http; msgtype=request", _request(capture), concurrent)
    # How long the fetch took: any number will do, but the same one on every run.
    fields = f"fetchTimeMs: {zlib.crc32(capture.url.encode()) % 900 + 40}\r\n".encode()
    metadata = _record("metadata", capture, "application/warc-fields", fields, concurrent)
    return [request, response(capture), metadata]


def members(name: str, captures: Iterable[Capture], started: datetime) -> list[bytes]:
    """The compressed members of a WARC file, one per record."""
    pack = codec_for(name)
    return [pack(warcinfo(name, started)), *(pack(r) for capture in captures for r in records(capture))]
