"""Bytes in, bytes out: reading forwards with look-ahead, and decompression that neither bombs nor stops silently.

All decoders here give at most about what is asked for, whatever the input claims, so that no file can take the memory.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import lz4.frame
import zstandard

from gristmill.pipelines.readers.records import Compression

CHUNK = 1 << 16
MEBIBYTE = 1 << 20

MAGIC: dict[Compression, bytes] = {
    "gzip": b"\x1f\x8b\x08",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "zstd": b"\x28\xb5\x2f\xfd",
    "lz4": b"\x04\x22\x4d\x18",
}
ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"
"""The skippable frame that carries a dictionary at the head of a .warc.zst file."""

_DECODE_ERRORS = (zlib.error, OSError, lzma.LZMAError, zstandard.ZstdError, RuntimeError, EOFError, ValueError)
# One KiB of zstd unfolds to at most 32 MiB (256 run-length blocks of 128 KiB): the decoder itself knows no limit.
_ZSTD_STEP = 1 << 10
_XZ_MEMORY = 256 * MEBIBYTE
_MAX_SKIPPABLE = 64 * MEBIBYTE


class Decoder(Protocol):
    """A decompressor of one member (gzip) or frame (zstd, lz4)."""

    def decode(self, data: bytes, limit: int) -> bytes:
        """Take data in; give about `limit` bytes at most. Call with b"" for what is still held back."""

    @property
    def hungry(self) -> bool:
        """Whether nothing more comes out without new data."""

    @property
    def eof(self) -> bool:
        """Whether the member ended, checksum included."""

    @property
    def unused(self) -> bytes:
        """Data that was taken in after the member's end."""


class _Zlib:
    def __init__(self, bits: int) -> None:
        self._decoder = zlib.decompressobj(bits)

    def decode(self, data: bytes, limit: int) -> bytes:
        held = self._decoder.unconsumed_tail
        return self._decoder.decompress(held + data if held else data, limit)

    @property
    def hungry(self) -> bool:
        return not self._decoder.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused(self) -> bytes:
        return self._decoder.unused_data


class _Bounded:
    """bz2, lzma and lz4 share one interface."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    def decode(self, data: bytes, limit: int) -> bytes:
        decoded: bytes = self._decoder.decompress(data, limit)
        return decoded

    @property
    def hungry(self) -> bool:
        return bool(self._decoder.needs_input)

    @property
    def eof(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def unused(self) -> bytes:
        return bytes(self._decoder.unused_data or b"")


class _Zstd:
    def __init__(self, dictionary: bytes | None) -> None:
        known = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        self._decoder = zstandard.ZstdDecompressor(dict_data=known).decompressobj()
        self._held = b""

    def decode(self, data: bytes, limit: int) -> bytes:
        data = self._held + data if self._held else data
        pieces, given, at = [], 0, 0
        while at < len(data) and given < limit and not self._decoder.eof:
            piece = self._decoder.decompress(data[at : at + _ZSTD_STEP])
            at += _ZSTD_STEP
            pieces.append(piece)
            given += len(piece)
        self._held = data[at:]
        return b"".join(pieces)

    @property
    def hungry(self) -> bool:
        return not self._held

    @property
    def eof(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def unused(self) -> bytes:
        return (self._decoder.unused_data + self._held) if self.eof else b""


def decoder(compression: Compression, *, dictionary: bytes | None = None) -> Decoder:
    """A fresh decoder for one member."""
    match compression:
        case "gzip":
            return _Zlib(31)
        case "bzip2":
            return _Bounded(bz2.BZ2Decompressor())
        case "xz":
            return _Bounded(lzma.LZMADecompressor(memlimit=_XZ_MEMORY))
        case "lz4":
            return _Bounded(lz4.frame.LZ4FrameDecompressor())
        case "zstd":
            return _Zstd(dictionary)
        case "none":
            raise ValueError("uncompressed data needs no decoder")


def deflate_decoder(*, raw: bool) -> Decoder:
    """A decoder of HTTP's `deflate`: zlib by the standard, raw deflate by some servers."""
    return _Zlib(-15 if raw else 15)


class Forward:
    """A stream read forwards, with look-ahead of any length.

    `pull(n)` gives about n more bytes, none at the end.
    """

    def __init__(self, pull: Callable[[int], bytes], *, offset: int = 0) -> None:
        self._pull = pull
        self._buffer = b""
        self._at = 0
        self.offset = offset
        """Bytes before the next one to be read."""

    def peek(self, n: int) -> bytes:
        """The next n bytes, fewer at the end, without taking them."""
        if len(self._buffer) - self._at < n:
            self._fill(n)
        return self._buffer[self._at : self._at + n]

    def window(self) -> bytes:
        """Some next bytes, none only at the end, without taking them; cheap where much is read ahead already."""
        if self._at == len(self._buffer):
            self._fill(1)
        if self._at:
            self._buffer, self._at = self._buffer[self._at :], 0
        return self._buffer

    def read(self, n: int) -> bytes:
        """Take n bytes, fewer at the end."""
        data = self.peek(n)
        self._at += len(data)
        self.offset += len(data)
        return data

    def skip(self, n: int) -> int:
        """Take n bytes without keeping them; the number there were."""
        done = 0
        while done < n:
            ahead = min(len(self._buffer) - self._at, n - done)
            if not ahead:
                self._fill(1)
                if self._at == len(self._buffer):
                    break
                continue
            self._at += ahead
            self.offset += ahead
            done += ahead
        return done

    def line(self, limit: int) -> bytes:
        """Take a line with its newline: at most `limit` bytes of it, and b"" at the end."""
        searched = 0
        while True:
            found = self._buffer.find(b"\n", self._at + searched)
            ahead = len(self._buffer) - self._at
            if found >= 0:
                return self.read(min(found + 1 - self._at, limit))
            if ahead >= limit:
                return self.read(limit)
            searched = ahead
            self._fill(ahead + 1)
            if len(self._buffer) - self._at == ahead:
                return self.read(ahead)

    def push_back(self, data: bytes) -> None:
        """Give back bytes that were just taken."""
        self._buffer = data + self._buffer[self._at :]
        self._at = 0
        self.offset -= len(data)

    def _fill(self, n: int) -> None:
        pieces = [self._buffer[self._at :]]
        have = len(pieces[0])
        while have < n and (piece := self._pull(max(CHUNK, n - have))):
            pieces.append(piece)
            have += len(piece)
        self._buffer = b"".join(pieces)
        self._at = 0


class Decompressed:
    """The plain bytes of a file, member after member; ends early, saying why, where the file is damaged."""

    def __init__(self, file: BinaryIO, compression: Compression, *, dictionary: bytes | None = None) -> None:
        self._compressed = Forward(file.read)
        self._compression = compression
        self._dictionary = dictionary
        self._member: Decoder | None = None
        self._any = False
        self.damage: tuple[str, str] | None = None
        """Rule and detail, once the damaged place is reached."""

    def pull(self, n: int) -> bytes:
        """About n more plain bytes (at most a few MiB more); b"" at the end and at the damage."""
        while self.damage is None:
            if self._member is None and not self._begin_member():
                return b""
            try:
                if piece := self._step(n):
                    return piece
            except _DECODE_ERRORS as error:
                self.damage = (f"{self._compression}.damaged", str(error) or type(error).__name__)
        return b""

    def _begin_member(self) -> bool:
        skip_skippable(self._compressed, self._compression)
        head = self._compressed.peek(6)
        if not head:
            return False
        if not head.startswith(MAGIC[self._compression]):
            if self._any and not any(head):  # zero padding, which tar and tapes leave
                return False
            self.damage = (f"{self._compression}.damaged", f"no member begins at byte {self._compressed.offset:,}")
            return False
        self._member = decoder(self._compression, dictionary=self._dictionary)
        self._any = True
        return True

    def _step(self, n: int) -> bytes:
        assert self._member is not None
        data = self._compressed.read(CHUNK) if self._member.hungry else b""
        if not data and self._member.hungry:
            self.damage = (f"{self._compression}.truncated", "the file ends within a compressed member")
            return b""
        piece = self._member.decode(data, n)
        if self._member.eof:
            self._compressed.push_back(self._member.unused)
            self._member = None
        return piece


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """One decompressed member: its first bytes up to a limit, and whether it could be decoded to its end."""

    data: bytes
    whole: bool
    """Whether `data` is all of it."""
    damage: tuple[str, str] | None
    """Rule and detail."""


def read_member(window: Forward, compression: Compression, *, limit: int, dictionary: bytes | None) -> Member:
    """Decompress the member that begins here and stop behind it; on damage, and past 4x the limit, stop anywhere."""
    pieces: list[bytes] = []
    size = 0
    damage: tuple[str, str] | None = None
    try:
        one = decoder(compression, dictionary=dictionary)
        while not one.eof:
            data = window.read(CHUNK) if one.hungry else b""
            if not data and one.hungry:
                damage = (f"{compression}.truncated", "the file ends within a compressed member")
                break
            piece = one.decode(data, MEBIBYTE)
            size += len(piece)
            if size - len(piece) <= limit:
                pieces.append(piece)
            if size > 4 * limit + 4 * MEBIBYTE:
                damage = ("too_large", f"more than {limit:,} bytes once decompressed")
                break
        else:
            window.push_back(one.unused)
    except _DECODE_ERRORS as error:
        damage = (f"{compression}.damaged", str(error) or type(error).__name__)
    kept = b"".join(pieces)
    return Member(data=kept[: limit + 1], whole=size <= limit, damage=damage)


def member_head(data: bytes, compression: Compression, *, n: int, dictionary: bytes | None) -> bytes:
    """The first n plain bytes of a member, fewer where it is short or damaged."""
    try:
        one = decoder(compression, dictionary=dictionary)
        return one.decode(data, n)[:n]
    except _DECODE_ERRORS:
        return b""


def skip_skippable(window: Forward, compression: Compression) -> None:
    """Pass over the skippable frames that zstd and lz4 allow between frames."""
    while compression in ("zstd", "lz4") and (size := _skippable(window, compression)):
        window.skip(size)


def _skippable(window: Forward, compression: Compression) -> int:
    """Bytes of the skippable frame that begins here, 0 if none does.

    Another frame, or nothing, stands behind it: damage that looks like one would take the rest of the file with it.
    """
    head = window.peek(8)
    size = 8 + int.from_bytes(head[4:8], "little")
    if not is_skippable(head) or size > _MAX_SKIPPABLE:
        return 0
    ahead = window.peek(size + 8)
    behind = ahead[size:]
    followed = not behind or behind.startswith(MAGIC[compression]) or is_skippable(behind)
    return size if len(ahead) >= size and followed else 0


def is_skippable(head: bytes) -> bool:
    """Whether a skippable frame of zstd or lz4 begins here."""
    return len(head) >= 8 and head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F


def zstd_dictionary(file: BinaryIO) -> bytes | None:
    """The dictionary at the head of a .warc.zst file, decompressed; None where there is none. Moves the file."""
    file.seek(0)
    head = file.read(8)
    if not head.startswith(ZSTD_DICTIONARY) or len(head) < 8:
        return None
    size = int.from_bytes(head[4:8], "little")
    if size > _MAX_SKIPPABLE:
        return None
    data = file.read(size)
    if not data.startswith(MAGIC["zstd"]):
        return data or None
    member = read_member(Forward(iter_pull(iter([data]))), "zstd", limit=64 * MEBIBYTE, dictionary=None)
    return member.data if member.damage is None else None


def iter_pull(pieces: Iterator[bytes]) -> Callable[[int], bytes]:
    """`pull` over ready pieces."""
    return lambda _: next(pieces, b"")


def open_plain(file: BinaryIO, compression: Compression) -> tuple[Forward, Callable[[], tuple[str, str] | None]]:
    """The plain stream of a file from its start, and a function that tells the damage met so far, if any."""
    if compression == "none":
        return Forward(file.read), lambda: None
    dictionary = zstd_dictionary(file) if compression == "zstd" else None
    file.seek(0)
    plain = Decompressed(file, compression, dictionary=dictionary)
    return Forward(plain.pull), lambda: plain.damage
