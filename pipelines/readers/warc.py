"""WARC, WET and ARC files, whole or damaged.

We walk the records ourselves. FastWARC and warcio stop at the first damaged record or pass over it without a word, and
neither tells where it is; here every byte of a file belongs to some record, be it an unreadable one. Their counts are
what the tests compare with.

A file is read in one of two ways. *Framed*: each compressed member holds one record, so reading can begin at any member
and finds its feet again after a damaged one. *Streamed*: one stream of records, plain or compressed as a whole.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO

from gristmill.pipelines import files
from gristmill.pipelines.readers import warc_record
from gristmill.pipelines.readers.detect import begins_record
from gristmill.pipelines.readers.records import Compression, Record, Split
from gristmill.pipelines.readers.streams import (
    MAGIC,
    MEBIBYTE,
    Forward,
    iter_pull,
    member_head,
    open_plain,
    read_member,
    skip_skippable,
    zstd_dictionary,
)
from gristmill.pipelines.readers.warc_record import MAX_HEADER, Header

_BLANK = b"\r\n"
_HEAD_PEEK = 4096
_RECORD_PEEK = 512
# Where a record may begin within damaged data; it may follow upon half a line.
_START = re.compile(
    rb"(?:WARC/[01]\.\d{1,2}[ \t]*\r?\n[A-Za-z-]{1,60}:"
    rb"|(?<=\n)[A-Za-z][A-Za-z0-9+.-]{1,20}:[^\n]{1,8192}? [0-9A-Fa-f.:]{3,45} \d{14} "
    rb"[^\n]{0,2048}?\d{1,12}[ \t]*\r?\n)"
)
_OVERLAP = 1 << 14
# What must be seen of a member for its first bytes to come out: zstd and lz4 give whole blocks only.
_MEMBER_PEEK: dict[Compression, int] = {"gzip": 1 << 12, "zstd": 160 << 10, "lz4": 160 << 10}


def read(split: Split, *, max_record_bytes: int) -> Iterator[Record]:
    """Every record that begins in the split. `offset` is the byte of the file at which it, or its member, begins; in
    files compressed as a whole the byte of the plain stream."""
    with files.open_seekable(split.location) as file:
        if split.framed:
            dictionary = zstd_dictionary(file) if split.compression == "zstd" else None
            yield from _Framed(file, split.compression, dictionary=dictionary, limit=max_record_bytes).read(split)
            return
        if split.compression == "none":
            file.seek(split.start)
            stream, damage = Forward(file.read, offset=split.start), None
        else:
            stream, damage = open_plain(file, split.compression)
        yield from streamed(stream, end=split.end, limit=max_record_bytes, damage=damage or (lambda: None))


# Streamed


def streamed(
    stream: Forward, *, end: int | None, limit: int, damage: Callable[[], tuple[str, str] | None]
) -> Iterator[Record]:
    """The records of a plain stream that begin before `end`."""
    reported = False
    while True:
        skip_blank(stream)
        offset = stream.offset
        if (end is not None and offset >= end) or not stream.peek(1):
            break
        head = peek_header(stream)
        if head is None or head.length is None:
            yield _resynchronise(stream, head, offset=offset)
        else:
            stream.skip(head.size)
            one = _block(stream, head, offset=offset, limit=limit, damage=damage)
            reported = one.status == "unreadable" and damage() is not None
            yield one
    if (found := damage()) and not reported:
        rule, detail = found
        yield Record.unreadable(rule=rule, detail=detail, offset=stream.offset + 1, n_bytes=0)


def skip_blank(stream: Forward) -> None:
    """Pass over line ends between records."""
    while ahead := stream.peek(64):
        blank = len(ahead) - len(ahead.lstrip(_BLANK))
        stream.skip(blank)
        if blank < len(ahead):
            return


def peek_header(stream: Forward) -> Header | None:
    """The header that begins here, if one does, without taking it."""
    ahead = stream.peek(_HEAD_PEEK)
    head = warc_record.header(ahead)
    if head is None and len(ahead) == _HEAD_PEEK and begins_record(stream.peek(2 * _HEAD_PEEK + MAX_HEADER)):
        head = warc_record.header(stream.peek(2 * _HEAD_PEEK + MAX_HEADER))
    return head


def at_boundary(stream: Forward) -> bool:
    """Whether a block may end here: before the two line ends of the standard, or the next record, or the end."""
    ahead = stream.peek(_RECORD_PEEK)
    if ahead.startswith(b"\r\n\r\n"):
        return True
    ahead = ahead.lstrip(_BLANK)
    return not ahead or begins_record(ahead) or (begins_record(stream.peek(_HEAD_PEEK * 4).lstrip(_BLANK)))


def is_one_record(data: bytes) -> bool:
    """Whether the data are one record and nothing else but line ends."""
    stream = _stream_of(data)
    head = peek_header(stream)
    if head is None or head.length is None:
        return False
    end = head.size + head.length
    return end <= len(data) and not data[end : end + MEBIBYTE].strip(_BLANK)


def _block(
    stream: Forward, head: Header, *, offset: int, limit: int, damage: Callable[[], tuple[str, str] | None]
) -> Record:
    assert head.length is not None
    known = {"offset": offset, **head.known}
    if head.length > limit:
        n_bytes = stream.skip(head.length)
        if n_bytes < head.length:
            return _cut(head, n_bytes=n_bytes, known=known, found=damage())
        return Record.too_large(limit=limit, n_bytes=n_bytes, **known)
    block = stream.read(head.length)
    if len(block) == head.length and at_boundary(stream):
        return warc_record.record(head, block, offset=offset, limit=limit)
    swallowed = _START.search(block, 1)
    if swallowed:
        stream.push_back(block[swallowed.start() :])
        n_bytes = swallowed.start()
    elif len(block) < head.length:
        return _cut(head, n_bytes=len(block), known=known, found=damage())
    else:
        n_bytes = len(block) + skip_to_start(stream)
    detail = f"Content-Length is {head.length:,}, but {n_bytes:,} bytes stand before the next record"
    return Record.unreadable(rule="warc.length", detail=detail, n_bytes=n_bytes, **known)


def _cut(head: Header, *, n_bytes: int, known: dict[str, Any], found: tuple[str, str] | None) -> Record:
    detail = f"the file ends after {n_bytes:,} of {head.length:,} bytes"
    rule, detail = ("warc.truncated", detail) if found is None else (found[0], f"{found[1]}; {detail}")
    return Record.unreadable(rule=rule, detail=detail, n_bytes=n_bytes, **known)


def _resynchronise(stream: Forward, head: Header | None, *, offset: int) -> Record:
    n_bytes = skip_to_start(stream)
    if head is None:
        detail = f"{n_bytes:,} bytes that are no record"
        return Record.unreadable(rule="warc.damaged", detail=detail, offset=offset, n_bytes=n_bytes)
    detail = f"no valid Content-Length: {head.fields.get('content-length', 'none')[:40]}"
    return Record.unreadable(rule="warc.damaged", detail=detail, offset=offset, n_bytes=n_bytes, **head.known)


def skip_to_start(stream: Forward) -> int:
    """Go to where the next record may begin, behind at least one byte, or to the end; the bytes passed over."""
    done = 0
    while ahead := stream.peek(MEBIBYTE):
        if found := _START.search(ahead, 1):
            return done + stream.skip(found.start())
        if len(ahead) < MEBIBYTE:
            return done + stream.skip(len(ahead))
        done += stream.skip(len(ahead) - _OVERLAP)
    return done


# Framed


class _Framed:
    """The records of a file in which every member holds one."""

    def __init__(self, file: BinaryIO, compression: Compression, *, dictionary: bytes | None, limit: int) -> None:
        self._file = file
        self._compression = compression
        self._dictionary = dictionary
        self._limit = limit
        self._window = Forward(file.read)

    def read(self, split: Split) -> Iterator[Record]:
        self._go(split.start)
        while True:
            skip_skippable(self._window, self._compression)
            start = self._window.offset
            if (split.end is not None and start >= split.end) or not self._window.peek(1):
                return
            if self._window.peek(6).startswith(MAGIC[self._compression]):
                yield from self._member(start)
            else:
                n_bytes = self._go_to_start_after(start)
                yield Record.unreadable(
                    rule="warc.damaged", detail=f"{n_bytes:,} bytes that are no record", offset=start, n_bytes=n_bytes
                )

    def _member(self, start: int) -> Iterator[Record]:
        # The header and the line ends around a block are not counted as the record's.
        limit = self._limit + 2 * MAX_HEADER
        member = read_member(self._window, self._compression, limit=limit, dictionary=self._dictionary)
        if member.damage is not None:
            stream = _stream_of(member.data)
            head = peek_header(stream)
            rule, detail = member.damage
            known = head.known if head else {}
            self._go_to_start_after(start)
            n_bytes = min(len(member.data), self._limit)
            yield Record.unreadable(rule=rule, detail=detail, offset=start, n_bytes=n_bytes, **known)
            return
        stream = _stream_of(member.data)
        if not member.whole:
            head = peek_header(stream)
            known = head.known if head else {}
            n_bytes = (head.length if head else None) or len(member.data)
            yield Record.too_large(limit=self._limit, offset=start, n_bytes=n_bytes, **known)
            return
        # Of several records in a member the first has the member's own offset; the others follow byte by byte.
        for index, one in enumerate(streamed(stream, end=None, limit=self._limit, damage=lambda: None)):
            yield replace(one, offset=start + index)

    def _go(self, offset: int) -> None:
        self._file.seek(offset)
        self._window = Forward(self._file.read, offset=offset)

    def _go_to_start_after(self, start: int) -> int:
        """Go to the next member that holds a record, or to the end; the bytes passed over."""
        found = next_start(self._file, start + 1, self._compression, dictionary=self._dictionary)
        if found is None:
            found = self._file.seek(0, 2)
        self._go(found)
        return found - start


def _stream_of(data: bytes) -> Forward:
    return Forward(iter_pull(iter([data])))


def next_start(file: BinaryIO, offset: int, compression: Compression, *, dictionary: bytes | None) -> int | None:
    """Where, at or after `offset`, a member that holds a record begins; None where none does. Moves the file."""
    magic, enough = MAGIC[compression], _MEMBER_PEEK[compression]
    file.seek(offset)
    window = Forward(file.read, offset=offset)
    while ahead := window.peek(MEBIBYTE):
        at = ahead.find(magic)
        while at >= 0:
            head = ahead[at : at + enough]
            if len(head) < enough and len(ahead) == MEBIBYTE:
                break  # the next window shows more of it
            plain = member_head(head, compression, n=_RECORD_PEEK * 4, dictionary=dictionary)
            if begins_record(plain):
                return window.offset + at
            at = ahead.find(magic, at + 1)
        if len(ahead) < MEBIBYTE:
            return None
        window.skip(len(ahead) - enough)
    return None
