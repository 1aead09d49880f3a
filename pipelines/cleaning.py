"""Bytes to text, and text to clean text. Nothing here changes what a text says or how it is styled.

Curly quotes, full-width forms, ligatures and joiners stay as the author wrote them; what goes is what no author wrote:
wrong decodings, control characters, stray byte-order marks, trailing blanks.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator

from ftfy import TextFixerConfig, fix_encoding
from ftfy.badness import is_bad
from resiliparse.parse.encoding import detect_encoding

_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What a label means in practice (WHATWG Encoding Standard), in Python's names.
_LABELS = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "gb18030",
    "shift_jis": "cp932",
    "shift_jis_2004": "cp932",
    "euc_kr": "cp949",
    "johab": "cp949",
    "big5": "big5hkscs",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "utf-16": "utf-16-le",
    "utf-16-be": "utf-16-be",
}
_SPELLINGS = {
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-gbk": "gb18030",
    "x-euc-jp": "euc_jp",
    "x-big5": "big5hkscs",
    "windows-949": "cp949",
    "ks_c_5601-1987": "cp949",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso8859-8",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "unicode": "utf-16-le",
}
_META = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_META_WITHIN = 1 << 14
_SAMPLE = 1 << 17
_TEXT_CODECS = frozenset({"ascii", "mbcs", "oem", "palmos", "idna", "punycode", "raw_unicode_escape", "undefined"})
_MULTIBYTE = frozenset({"cp932", "euc_jp", "gb18030", "big5hkscs", "cp949", "iso2022_jp"})


def decode(payload: bytes, *, declared: str | None, media_type: str | None) -> tuple[str, str]:
    """The text of some bytes, and the encoding they were read in (Python's name for it).

    In order: a byte-order mark; UTF-8, where the bytes are valid and more than ASCII, since chance does not make valid
    UTF-8; the declared charset, the page's own, and the detected one, of which the first that fits the bytes is
    taken. Never fails: bytes that no encoding fits become U+FFFD.
    """
    for mark, encoding in _BOMS:
        if payload.startswith(mark):
            return payload.decode(encoding, "replace").removeprefix("\ufeff"), encoding
    if (wide := _wide_encoding(payload)) is not None:
        return payload.decode(wide, "replace"), wide
    labels = [_codec(declared), *(_in_page(payload) if _is_markup(media_type) else ())]
    if "iso2022_jp" not in labels and b"\x1b$" not in payload[:_SAMPLE]:
        try:
            return payload.decode("utf-8"), "utf-8"
        except UnicodeDecodeError as error:
            # A page that is UTF-8 but for a few bytes (cut in a character, an advertisement in another encoding).
            if error.start > 0 and (text := _mostly_utf8(payload)) is not None:
                return text, "utf-8"
    detected = _detected(payload)
    for label in _by_evidence([each for each in labels if each and each != "utf-8"], detected, payload):
        try:
            return payload.decode(label), label
        except UnicodeDecodeError:
            continue
    best = detected or "cp1252"
    return payload.decode(best, "replace"), best


def _detected(payload: bytes) -> str | None:
    """The encoding that statistics give."""
    found = _codec(detect_encoding(payload, max_len=_SAMPLE))
    if found not in _MULTIBYTE and _is_korean(payload):
        return "cp949"
    # KOI8-U has Ukrainian letters in place of some box-drawing characters of KOI8-R, and is otherwise the same.
    return "koi8-u" if found == "koi8-r" else found


def _is_korean(payload: bytes) -> bool:
    """Whether a text reads as Korean in its legacy encoding, which the detector takes for a Western one."""
    sample = payload[:4096].decode("euc_kr", "ignore") if _fits(payload, "cp949") else ""
    hangul = sum("\uac00" <= char <= "\ud7a3" for char in sample)
    wide = sum(char > "\x7f" for char in sample)
    return hangul >= 8 and hangul * 10 >= wide * 8


def _by_evidence(labels: list[str], detected: str | None, payload: bytes) -> list[str]:
    """Candidates, most credible first.

    Single-byte encodings fit any bytes, so a declared one proves nothing against a detected multi-byte encoding, which
    fits few. Among single-byte ones the author knows better than statistics do.
    """
    candidates = list(labels)
    if detected is not None and detected not in candidates:
        structured = detected in _MULTIBYTE and not any(label in _MULTIBYTE for label in labels)
        default = bool(labels) and all(label == "cp1252" for label in labels)
        overrule = (structured or (default and _is_foreign_to_latin(payload, detected))) and _fits(payload, detected)
        candidates.insert(0 if overrule else len(candidates), detected)
    if "cp1252" not in candidates:
        candidates.append("cp1252")
    return candidates


def _is_foreign_to_latin(payload: bytes, detected: str) -> bool:
    """Whether nearly all letters of a text that is labelled Latin, often by a server's default, are beyond ASCII."""
    sample = payload[:_SAMPLE]
    high = sum(map(sample.count, _HIGH_BYTES))
    low = sum(map(sample.count, _LOW_LETTERS))
    return detected != "cp1252" and high > 2 * max(low - 4 * sample.count(b"<"), 16)


_HIGH_BYTES = [bytes([byte]) for byte in range(0x80, 0x100)]
_LOW_LETTERS = [bytes([byte]) for byte in (*range(0x41, 0x5B), *range(0x61, 0x7B))]


def _fits(payload: bytes, encoding: str) -> bool:
    try:
        payload.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _codec(label: str | None) -> str | None:
    """Python's codec for a label as the web uses it; None where there is none."""
    if not label:
        return None
    label = label.strip().lower()
    if label in _SPELLINGS:
        return _SPELLINGS[label]
    try:
        name = codecs.lookup(label).name
        "".encode(name)  # only text encodings, not rot13 or base64
    except (LookupError, ValueError, UnicodeError):
        return None
    return None if name in _TEXT_CODECS - {"ascii"} else _LABELS.get(name, name)


def _in_page(payload: bytes) -> list[str]:
    head = payload[:_META_WITHIN]
    found = _XML.search(head) or _META.search(head)
    label = _codec(found[1].decode("ascii")) if found else None
    # A page that could be searched for ASCII is not in UTF-16, whatever it says.
    return [label] if label and not label.startswith(("utf-16", "utf-32")) else []


def _is_markup(media_type: str | None) -> bool:
    return media_type is None or "html" in media_type or "xml" in media_type


def _wide_encoding(payload: bytes) -> str | None:
    """UTF-16 without a mark: every other byte is the high one, and zero in Latin text and spaces."""
    sample = payload[:4096]
    pairs = len(sample) // 2
    if pairs < 2 or b"\0" not in sample:
        return None
    even, odd = sample[0 : 2 * pairs : 2].count(0), sample[1 : 2 * pairs : 2].count(0)
    for encoding, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if zeros >= max(2, pairs // 32) and others * 8 < zeros and _fits(payload[: len(payload) // 2 * 2], encoding):
            return encoding
    return None


def _mostly_utf8(payload: bytes) -> str | None:
    """The text, if all but a few of the characters beyond ASCII are valid UTF-8."""
    text = payload.decode("utf-8", "replace")
    wrong = text.count("\ufffd") - payload.count(b"\xef\xbf\xbd")
    if wrong * 400 > len(text):
        return None
    beyond = len(text) - len(text.encode("ascii", "ignore")) - wrong
    return text if beyond >= 20 * wrong else None


# C0 but tab and newline, DEL, C1, BOM inside text, interlinear annotation marks, noncharacters, lone surrogates.
_NONCHARACTERS = "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
_REMOVED = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufeff\ufff9-\ufffb\ufdd0-\ufdef{_NONCHARACTERS}\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# Finds quickly whether any of the two above is there.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]")
_HIGH = re.compile("[\U0001fffe-\U0010ffff]")
_C1 = re.compile("[\x80-\x84\x86-\x9f]")
_BLANK_LINES = re.compile(r"\n{4,}")
_MAX_PASSES = 8
_FIXES = TextFixerConfig(
    unescape_html=False,
    remove_terminal_escapes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    fix_surrogates=False,
    remove_control_chars=False,
    normalization=None,
    explain=False,
)


def clean(text: str) -> str:
    """Repaired text: mojibake undone, NFC, lines ended by `\\n` and without blanks at their end, no control characters.

    More than two blank lines become one; blank lines around the text go. Joiners, direction marks, and the combining
    marks of every script stay. Idempotent.
    """
    if text.isascii():
        return _lines(_without_odd(text))
    for _ in range(_MAX_PASSES):
        before = text
        # First the repair: in mojibake, control characters carry meaning.
        suspect = _is_suspect(text)
        text = _without_odd(_repaired(text) if suspect else text)
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
        text = _lines(text)
        # Whatever was repaired or removed may have brought together what now looks wrong.
        if text == before or not _is_suspect(text):
            break
    return text


def _is_suspect(text: str) -> bool:
    # Whether a letter is there is known much sooner than whether a pattern is.
    return any(
        pattern.search(text)
        for letters, pattern in _SUSPECT
        if not letters or any(letter in text for letter in letters)
    )


def _without_odd(text: str) -> str:
    if _ODD.search(text) is None and (text.isascii() or _HIGH.search(text) is None):
        return text
    # C1 controls have no use; they are Windows' quotes and dashes, read as ISO 8859-1.
    text = _C1.sub(lambda found: found[0].encode("latin-1").decode("cp1252", "ignore"), text)
    return _REMOVED.sub("", _LINE_ENDS.sub("\n", text))


def _lines(text: str) -> str:
    text = "\n".join([line.rstrip() for line in text.split("\n")]).strip("\n")
    return _BLANK_LINES.sub("\n\n", text) if "\n\n\n\n" in text else text


def _repaired(text: str) -> str:
    """The text with each line's mojibake undone, where ftfy's heuristic, which is slow, says that it is mojibake."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if not line.isascii() and _is_suspect(line) and is_bad(line):
            lines[index] = fix_encoding(line, _FIXES)
    return "\n".join(lines)


def _suspect_patterns() -> Iterator[tuple[str, str]]:
    """Patterns that UTF-8 read in the wrong encoding matches, and text seldom: ftfy's heuristic is slow.

    With each the few letters of which it must find one, if they are few.

    A character beyond ASCII is, in UTF-8, a lead byte and one to three continuation bytes. Of Cyrillic and Greek, whose
    letters the wrong encoding gives back as other letters of the script, two such pairs must be seen.
    """
    latin = ("cp1252", "latin-1", "cp1250", "cp1254", "cp1257")
    lead2, lead3, follow = (
        "".join(sorted({char for encoding in latin for char in _misread(encoding, *bounds)}))
        for bounds in ((0xC2, 0xDF), (0xE0, 0xF4), (0x80, 0xBF))
    )
    yield "", f"[{lead2}{lead3}][{follow}](?:(?<=[{lead2}][{follow}])|[{follow}])"
    for encoding, letters, start in (("cp1251", "ВГРС", "в"), ("cp1253", "ΒΓΞΟ", "β")):
        follow = re.escape(_misread(encoding, 0x80, 0xBF))
        yield letters, f"[{letters}][{follow}][{letters}][{follow}]"
        yield start, f"{start}[Ђ€‚„][{follow}]"


def _misread(encoding: str, first: int, last: int) -> str:
    return bytes(range(first, last + 1)).decode(encoding, "ignore")


_SUSPECT = tuple((letters, re.compile(pattern)) for letters, pattern in _suspect_patterns())
