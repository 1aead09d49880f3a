"""What a file is: by its content first, by its name where content does not tell."""

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from gristmill.pipelines import files
from gristmill.pipelines.readers.records import Compression, FileFormat
from gristmill.pipelines.readers.streams import MAGIC, is_skippable, open_plain
from gristmill.schemas.recipe import Format

_HEAD = 1 << 16
_SUFFIXES_OF_COMPRESSION = frozenset({".gz", ".gzip", ".bz2", ".xz", ".zst", ".zstd", ".lz4"})
_BY_SUFFIX: dict[str, FileFormat] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
    ".text": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_BY_ENDING: dict[str, Compression] = {"gz": "gzip", "zst": "zstd", "lz4": "lz4"}
_ARCHIVE_NAME = re.compile(r"\.(?:warc|arc|wet|wat)(?:\.wet|\.wat)?\.(gz|zst|lz4)$")
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")  # the first block, or the end of an empty file
_WARC = re.compile(rb"\s{0,8}WARC/\d\.\d{1,2}")
# URL, IP address, date, media type (perhaps more fields in version 2), length.
ARC_LINE = re.compile(
    rb"[A-Za-z][A-Za-z0-9+.-]{1,20}:[^\n]{0,8192}? [0-9A-Fa-f.:]{3,45} (?:\d{14}|\d{8}) "
    rb"[^\n]{0,2048}?(\d{1,12})[ \t]*\r?\n"
)
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta\s)[\s>]?",
    re.IGNORECASE | re.DOTALL,
)
# Tables and Markdown may well begin with a tag or a brace.
_NAMED = ("csv", "tsv", "markdown")
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What a file is."""

    format: FileFormat
    compression: Compression


def detect(location: str, *, format: Format = "auto") -> Kind:
    """What a file is; content outweighs the name, and a `format` other than auto outweighs both.

    Raises:
        OSError: the file is missing or cannot be read.
    """
    with files.open_seekable(location) as file:
        head = file.read(_HEAD)
        compression = _compression(head)
        if compression == "none" and format in ("auto", "warc") and not begins_record(head):
            named = _ARCHIVE_NAME.search(location.lower())
            if named:  # its head is damaged; the members behind may not be
                return Kind(format="warc", compression=_BY_ENDING[named[1]])
        if format != "auto":
            return Kind(format=format, compression=compression)
        if compression != "none":
            file.seek(0)
            plain, _ = open_plain(file, compression)
            head = plain.peek(_HEAD)
    return Kind(format=sniff(head, name=location), compression=compression)


def sniff(head: bytes, *, name: str) -> FileFormat:
    """The format of plain content, by its first bytes and its name."""
    by_name = _by_name(name)
    plain = head.removeprefix(_BOMS[0]).lstrip()
    if head.startswith(b"PAR1"):
        found: FileFormat = "parquet"
    elif b"%PDF-" in head[:1024]:
        found = "pdf"
    elif begins_record(head):
        found = "warc"
    elif by_name not in _NAMED and _is_json_object(plain):
        found = "jsonl"
    elif by_name not in (*_NAMED, "jsonl") and looks_like_html(head):
        found = "html"
    else:
        found = by_name or ("text" if looks_like_text(head) else "unknown")
    return found


def begins_record(head: bytes) -> bool:
    """Whether a WARC or ARC record begins here."""
    return _WARC.match(head) is not None or ARC_LINE.match(head) is not None


def looks_like_html(head: bytes) -> bool:
    """Whether a page begins here."""
    return _HTML.match(head.removeprefix(_BOMS[0])) is not None


def looks_like_text(head: bytes) -> bool:
    """Whether bytes are characters in some encoding, rather than machine data."""
    if head.startswith(_BOMS):
        return True
    sample = head[:4096]
    control = sum(byte < 0x20 and byte not in b"\t\n\f\r\x1b" for byte in sample)
    return control * 50 <= len(sample)


def _compression(head: bytes) -> Compression:
    for compression, magic in MAGIC.items():
        if head.startswith(magic) and (compression != "bzip2" or head[4:10] in _BZIP2_BLOCKS):
            return compression
    if is_skippable(head):
        return "zstd"  # lz4 shares the skippable frames, but no tool begins a file with one
    return "none"


def _by_name(name: str) -> FileFormat | None:
    path = PurePosixPath(name.lower())
    if path.suffix in _SUFFIXES_OF_COMPRESSION:
        path = path.with_suffix("")
    return _BY_SUFFIX.get(path.suffix)


def _is_json_object(head: bytes) -> bool:
    """Whether the first line is a JSON object, or begins like one where it is longer than what there is of it."""
    line, newline, _ = head.partition(b"\n")
    if not line.startswith(b"{"):
        return False
    if not newline and len(head) >= 4096:
        return re.match(rb'\{\s*"', line) is not None
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
