"""Text of strangers, made safe to show: in a terminal, where escape sequences act; in a page, where markup does."""

import html
import re

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, the terminal's escape among them; tab and line feed stay
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks, embeddings, overrides and isolates
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # separators, byte order mark, annotations
    "\ud800-\udfff"  # halves of characters, which no stream can encode
    "\U000e0000-\U000e007f"  # tags: invisible copies of ASCII
    "]"
)
# Zero-width joiners (U+200C, U+200D) stay: Persian and the Indic scripts are written with them.


def visible(text: str) -> str:
    """The text with every character that acts instead of showing spelt as an escape, such as `\\x1b`."""
    return _UNSAFE.sub(lambda found: _escape(found[0]), text)


def one_line(text: str) -> str:
    """The text made visible, on one line."""
    return visible(text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t"))


def escape_html(text: object) -> str:
    """The text as HTML, in content or in a quoted attribute."""
    return html.escape(visible(str(text)), quote=True)


def clip(text: str, limit: int) -> str:
    """The first characters of a text, with an ellipsis where it goes on."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def count(number: int) -> str:
    """12345 -> 12,345"""
    return f"{number:,}"


def size(number: int) -> str:
    """Bytes in binary units: 1536 -> 1.5 KiB."""
    if abs(number) < 1024:
        return f"{number:,} B"
    value = float(number)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        value /= 1024
        # 1023.96 KiB would be rounded to 1024.0 KiB, which is 1 MiB.
        if abs(value) < 1023.95:
            return f"{value:.1f} {unit}"
    return f"{value / 1024:,.1f} PiB"


def share(part: int, whole: int) -> str:
    """Percentage; what is not nothing is never shown as 0.0 %, nor what is not all as 100.0 %."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if part and percent < 0.1:
        return "<0.1 %"
    if part != whole and percent > 99.9:
        return ">99.9 %"
    return f"{percent:.1f} %"


def number(value: float | None) -> str:
    """A measured value: whole numbers as such, others to four significant digits."""
    if value is None:
        return "–"
    if float(value).is_integer() and abs(value) < 1e15:
        return count(int(value))
    return f"{value:.4g}"


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
