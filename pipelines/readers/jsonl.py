"""JSON lines: one object a line."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from gristmill.pipelines import files
from gristmill.pipelines.readers.records import Record, Split, described, printable
from gristmill.pipelines.readers.streams import MEBIBYTE, Forward, open_plain
from gristmill.schemas.recipe import Columns

_BOM = b"\xef\xbb\xbf"


# Numbers are never used, so they need not be exact: int() refuses more than 4,300 digits, and NaN may be None.
_decode: Callable[[str], Any] = json.JSONDecoder(parse_int=float, parse_constant=lambda _: None).decode


def read(split: Split, *, columns: Columns, max_record_bytes: int) -> Iterator[Record]:
    """One record for every line that is not blank. `offset` is the line's first byte in the decompressed file."""
    parse = _parser(columns)
    with files.open_seekable(split.location) as file:
        stream, damage = open_plain(file, split.compression)
        if split.start > 0:
            _go_to_line(stream, file.seek, split.start)
        for offset, line, length in _lines(stream, end=split.end, limit=max_record_bytes):
            if length > max_record_bytes:
                yield Record.too_large(limit=max_record_bytes, offset=offset, n_bytes=length)
                continue
            content = line.removeprefix(_BOM) if offset == 0 else line
            if not content.isspace() and content:
                yield parse(content, offset)
        if found := damage():
            rule, detail = found
            yield Record.unreadable(rule=rule, detail=detail, offset=stream.offset, n_bytes=0)


def _go_to_line(stream: Forward, seek: Callable[[int], int], start: int) -> None:
    """Go to the first line that begins at or after `start`, in a plain file that was not read yet."""
    seek(start - 1)
    stream.offset = start - 1
    while (piece := stream.line(MEBIBYTE)) and not piece.endswith(b"\n"):
        pass


def _lines(stream: Forward, *, end: int | None, limit: int) -> Iterator[tuple[int, bytes, int]]:
    """Offset, content and length of each line that begins before `end`; of too long a line only the beginning."""
    while end is None or stream.offset < end:
        offset = stream.offset
        line = stream.line(limit + 1)
        if not line:
            return
        length = len(line)
        piece = line
        while not piece.endswith(b"\n") and len(piece) > 0:
            piece = stream.line(MEBIBYTE)
            length += len(piece)
            if length > limit:
                line = b""
        yield offset, line, length


def _parser(columns: Columns) -> Callable[[bytes, int], Record]:
    paths = {part: (name, name.split(".")) for part, name, _ in columns.parts()}

    def parse(line: bytes, offset: int) -> Record:
        value, problem = _loads(line)
        if problem is not None:
            rule, detail = problem
            return Record.unreadable(rule=rule, detail=detail, offset=offset, n_bytes=len(line))
        row = {part: _look_up(value, name, path) for part, (name, path) in paths.items()}
        known = {"offset": offset, "n_bytes": len(line), **described(row)}
        text = row["text"]
        if isinstance(text, str):
            return Record(media_type="text/plain", payload=line, text=text, charset="utf-8", **known)
        if text is None:
            names = printable(", ".join(map(repr, list(value)[:20]))) or "nothing"
            return Record.unreadable(rule="json.no_text", detail=f"no {columns.text!r} among {names}", **known)
        return Record.unreadable(rule="json.text_type", detail=f"{columns.text!r} is {_kind(text)}", **known)

    return parse


def _loads(line: bytes) -> tuple[dict[str, Any], tuple[str, str] | None]:
    """The object of a line, or rule and detail of what is wrong with it."""
    try:
        # A byte that is not UTF-8 becomes U+FFFD, as in a page: rules count those, and one does not condemn a text.
        value = _decode(line.decode("utf-8", "replace").strip())
    except RecursionError:
        return {}, ("json.invalid", "nested too deeply")
    except ValueError as error:
        return {}, ("json.invalid", str(error))
    return (value, None) if isinstance(value, dict) else ({}, ("json.invalid", f"not an object but {_kind(value)}"))


def _look_up(value: dict[str, Any], name: str, path: list[str]) -> Any:
    """The value under a name, or under a dotted path where no key has the whole name."""
    if len(path) == 1 or name in value:
        return value.get(name)
    found: Any = value
    for part in path:
        if not isinstance(found, dict):
            return None
        found = found.get(part)
    return found


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
