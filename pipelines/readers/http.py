"""HTTP responses as archives hold them: status, headers, and the body with its transfer and content codings undone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import brotli  # type: ignore[import-untyped]

from gristmill.filters.web.opt_outs import HEADERS
from gristmill.pipelines.readers.detect import looks_like_text
from gristmill.pipelines.readers.streams import MEBIBYTE, Decoder, decoder, deflate_decoder

_STATUS = re.compile(rb"(?:HTTP/\d(?:\.\d)?|ICY)\s+(\d{3})\b")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_MAX_HEAD = 1 << 18
_SPEAKING = HEADERS | {"link"}
_MAX_SPEAKING = 64
_MAX_VALUE = 1 << 12
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """The head of an HTTP response, and where its body begins."""

    status: int | None
    headers: dict[str, str]
    """Names in lower case; of repeated ones the last."""
    speaking: tuple[tuple[str, str], ...]
    """Fields that speak of reservations or a licence, repeated ones too, in order; at most 64, of 4 KiB each."""
    body: int


class TooLargeError(Exception):
    """The decoded body is larger than allowed."""


def parse(block: bytes) -> Response | None:
    """The head of an HTTP response; None where the block is none."""
    found = _STATUS.match(block)
    if found is None:
        return None
    end = _HEAD_END.search(block, 0, _MAX_HEAD)
    head = block[: end.start()] if end else block[:_MAX_HEAD]
    pairs = list(_pairs(head.partition(b"\n")[2]))
    return Response(
        status=int(found[1]),
        headers=dict(pairs),
        speaking=tuple((name, value[:_MAX_VALUE]) for name, value in pairs if name in _SPEAKING)[:_MAX_SPEAKING],
        body=end.end() if end else len(block),
    )


def fields(head: bytes) -> dict[str, str]:
    """Header fields with names in lower case; folded lines are joined, and of repeated fields the last counts."""
    return dict(_pairs(head))


def _pairs(head: bytes) -> Iterator[tuple[str, str]]:
    name, parts = "", [""]
    for line in head.decode("utf-8", "replace").split("\n"):
        if line[:1] in (" ", "\t") and name:
            parts.append(line.strip())
            continue
        key, colon, value = line.partition(":")
        if colon:
            if name:
                yield name, " ".join(parts)
            name, parts = key.strip().lower(), [value.strip()]
    if name:
        yield name, " ".join(parts)


def media_type(value: str | None) -> tuple[str | None, str | None]:
    """Media type (lower case) and charset of a Content-Type."""
    if not value:
        return None, None
    kind = value.partition(";")[0].partition(",")[0].strip().lower()
    charset = re.search(r"charset\s*=\s*[\"']?\s*([^\s\"';,]{1,40})", value, re.IGNORECASE)
    return kind or None, charset[1] if charset else None


def body(block: bytes, response: Response, *, limit: int) -> tuple[bytes, str | None]:
    """The body with its codings undone, and what was odd about them.

    Crawlers often store a body decoded under its original headers, so a coding that the bytes do not bear out is
    passed over, and a damaged end leaves what came before it.

    Raises:
        TooLargeError: the decoded body is larger than `limit` bytes.
    """
    data = block[response.body :]
    notes = []
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        data, note = unchunk(data)
        notes.append(note)
    codings = response.headers.get("content-encoding", "").lower()
    for coding in reversed([each.strip() for each in codings.split(",") if each.strip()][:4]):
        data, note = _decode(data, coding, limit=limit)
        notes.append(note)
    if len(data) > limit:
        raise TooLargeError
    return data, "; ".join(note for note in notes if note) or None


def unchunk(data: bytes) -> tuple[bytes, str | None]:
    """The payload of a chunked body, and what was odd about it."""
    pieces: list[bytes] = []
    at = 0
    while found := _CHUNK_SIZE.match(data, at):
        size = int(found[1], 16)
        if size == 0:
            return b"".join(pieces), None
        start = found.end()
        pieces.append(data[start : start + size])
        at = start + size
        if at > len(data):
            return b"".join(pieces), "the last chunk is cut"
        at += 2 if data.startswith(b"\r\n", at) else data.startswith(b"\n", at)
    if not pieces:
        return data, "declared chunked, but is not"
    if at < len(data):
        pieces.append(data[at:])
        return b"".join(pieces), "a chunk is damaged"
    return b"".join(pieces), "the last chunk is missing"


class _Brotli:
    def __init__(self) -> None:
        self._decoder = brotli.Decompressor()

    def decode(self, data: bytes, limit: int) -> bytes:
        piece: bytes = self._decoder.process(data, output_buffer_limit=limit)
        return piece

    @property
    def hungry(self) -> bool:
        return bool(self._decoder.can_accept_more_data())

    @property
    def eof(self) -> bool:
        return bool(self._decoder.is_finished())

    @property
    def unused(self) -> bytes:
        return b""


def _decode(data: bytes, coding: str, *, limit: int) -> tuple[bytes, str | None]:
    one = _coding(coding, data)
    if one is None:
        return data, None if coding in ("identity", "none", "utf-8") else f"unknown content coding {coding[:40]!r}"
    pieces: list[bytes] = []
    size = 0
    note = None
    try:
        feed = data
        while not one.eof:
            piece = one.decode(feed, MEBIBYTE)
            feed = b""
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                break
            if not piece and one.hungry and not one.eof:
                note = f"{coding} is cut"
                break
    except Exception as error:  # each decoder has errors of its own
        note = f"{coding} is damaged: {error}"
    if size > limit:
        raise TooLargeError
    if note and (size == 0 or looks_like_text(data)):
        return data, f"declared {coding}, but is not"
    return b"".join(pieces), note


def _coding(coding: str, data: bytes) -> Decoder | None:
    """A decoder for a coding that the bytes may bear out."""
    match coding:
        case "gzip" | "x-gzip":
            return decoder("gzip") if data.startswith(b"\x1f\x8b") else None
        case "deflate":
            zlib_header = len(data) >= 2 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            return deflate_decoder(raw=not zlib_header)
        case "br":
            return _Brotli()
        case "zstd":
            return decoder("zstd") if data.startswith(b"\x28\xb5\x2f\xfd") else None
        case _:
            return None
