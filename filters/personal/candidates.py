"""Where personal data might be: a compiled walk over UTF-8 that leaves a few windows of the text for closer looks.

A window is one of

- EMAIL: what stands around an @ without a space, if there is a full stop behind it;
- NUMBER: digits with at most `_MAX_GAP` separators between them, and with letters that touch them, seven digits or more
  in all, or four groups of up to three that full stops join;
- IPV6: hexadecimal digits and colons that begin in 2000::/3;
- IBAN: two letters that are a country's, two digits, and what may follow.

Everything that could be personal data lies in a window of its kind; few windows hold any. Each byte is looked at a
bounded number of times, whatever the text is. On news text 1 to 2 ns a byte.
"""

import functools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit
from gristmill.filters.characters import CODE_POINTS
from gristmill.filters.personal.folding import folds
from gristmill.filters.segmentation import Int32s, Int64s, Text, UInt8s

EMAIL, NUMBER, IPV6, IBAN = range(4)

_OTHER, _SEPARATOR, _LETTER, _COLON, _AT, _DIGIT = range(6)
"""Classes of characters. A walk passes over all up to _LETTER at once."""

_SEPARATORS = " .-/()+"
_MAX_GAP = 4
"""Separators between two digits of one window, as in `(030) / 12`."""
_MIN_DIGITS = 7
_MAX_LETTERS = 6
"""Letters that stand together in a number: six in an Italian codice fiscale and in a Mexican CURP."""
_MAX_LOCAL, _MAX_DOMAIN = 96, 300
"""Code points of an EMAIL window before and after the @; RFC 5321 allows 64 and 255 bytes."""
_MAX_IPV6 = 46
_MAX_IBAN = 56
"""Characters: 34, and separators between."""

_NOT_LOCAL = '"(),:;<>[\\]@= \t\r\n\x0b\x0c\x7f|/?&`{}*'
"""ASCII that ends the part before an @: RFC 5322 allows some of these, which in text almost always enclose or part."""


class Classes(NamedTuple):
    """What the walk knows of characters."""

    kinds: UInt8s
    """Class by code point, as the folded character's."""
    plain: npt.NDArray[np.bool_]
    """Whether no digit, colon or @ begins with this byte."""
    local: npt.NDArray[np.bool_]
    """Whether a byte may stand in front of an @."""
    countries: npt.NDArray[np.bool_]
    """Whether two letters, as 26 * first + second, begin an IBAN."""


class Windows(NamedTuple):
    """Windows in order of document and of end of the walk: arrays of equal length.

    `start` and `end` are in code points of the document.
    """

    document: Int64s
    kind: UInt8s
    start: Int32s
    end: Int32s


@functools.lru_cache(maxsize=1)
def _characters() -> tuple[UInt8s, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    kinds = np.zeros(CODE_POINTS, np.uint8)
    for signs, kind in ((_SEPARATORS, _SEPARATOR), (":", _COLON), ("@", _AT), ("0123456789", _DIGIT)):
        kinds[[ord(sign) for sign in signs]] = kind
    kinds[[code for code in range(128) if chr(code).isalpha()]] = _LETTER
    plain = np.ones(256, np.bool_)
    plain[:128] = kinds[:128] <= _LETTER
    for code, folded in folds().items():
        kinds[code] = kinds[folded]
        plain[chr(code).encode()[0]] &= kinds[code] <= _LETTER
    local = np.ones(256, np.bool_)
    local[:33] = False
    local[[ord(sign) for sign in _NOT_LOCAL]] = False
    return kinds, plain, local


@functools.lru_cache(maxsize=4)
def classes(countries: frozenset[str]) -> Classes:
    """The tables for the walk, given the country codes that begin an IBAN. Takes a second once for each process."""
    codes = np.zeros(26 * 26, np.bool_)
    codes[[26 * (ord(code[0]) - 65) + ord(code[1]) - 65 for code in countries]] = True
    return Classes(*_characters(), codes)


@jit
def _look(data: UInt8s, at: int, kinds: UInt8s) -> tuple[int, int]:
    """Class and width of the character that begins at a byte."""
    byte = data[at]
    if byte < 0x80:
        return kinds[byte], 1
    if byte < 0xE0:
        return kinds[(byte & 0x1F) << 6 | (data[at + 1] & 0x3F)], 2
    if byte < 0xF0:
        return kinds[(byte & 0x0F) << 12 | (data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F)], 3
    code = (byte & 0x07) << 18 | (data[at + 1] & 0x3F) << 12 | (data[at + 2] & 0x3F) << 6 | (data[at + 3] & 0x3F)
    return kinds[code], 4


@jit
def _next(data: UInt8s, at: int, end: int, plain: npt.NDArray[np.bool_]) -> int:
    """The next byte that may begin a digit, colon or @."""
    while at < end and plain[data[at]]:
        at += 1
    return at


@jit
def _length(data: UInt8s, start: int, end: int) -> int:
    """Code points that begin in a range of bytes."""
    n = 0
    for k in range(start, end):
        n += (data[k] & 0xC0) != 0x80
    return n


@jit
def _is_alphanumeric(byte: int) -> bool:
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122


@jit
def _is_hexadecimal(byte: int) -> bool:
    return 48 <= byte <= 57 or 65 <= byte <= 70 or 97 <= byte <= 102


@jit
def _grown(found: Windows, n: int) -> Windows:
    """The arrays with room for one more window."""
    if n < len(found.document):
        return found
    size = 2 * len(found.document)
    larger = Windows(
        np.empty(size, np.int64), np.empty(size, np.uint8), np.empty(size, np.int32), np.empty(size, np.int32)
    )
    larger.document[:n] = found.document[:n]
    larger.kind[:n] = found.kind[:n]
    larger.start[:n] = found.start[:n]
    larger.end[:n] = found.end[:n]
    return larger


@jit
def _email(data: UInt8s, begin: int, at: int, end: int, known: Classes) -> tuple[int, int]:
    """Code points to the left of an @, and from it to the right; (0, 0) if this is no address."""
    left, k = 0, at
    while k > begin and left < _MAX_LOCAL and known.local[data[k - 1]]:
        k -= 1
        if data[k] & 0xC0 != 0x80:
            left += 1
    right, k, dotted = 0, at + (1 if data[at] < 0x80 else 3), False
    while k < end and right < _MAX_DOMAIN:
        byte = data[k]
        if not (_is_alphanumeric(byte) or byte in (45, 46) or byte >= 0x80):
            break
        dotted |= right > 0 and (byte == 46 or byte >= 0x80)
        k += 1
        if byte & 0xC0 != 0x80:
            right += 1
    return (left, right + 1) if left and dotted else (0, 0)


@jit
def _ipv6(data: UInt8s, begin: int, at: int, end: int) -> int:
    """Bytes of what may be an address whose first colon is at a byte, four digits before it included; or 0."""
    if at - begin < 4 or not 50 <= data[at - 4] <= 51:
        return 0
    for k in range(at - 3, at):
        if not _is_hexadecimal(data[k]):
            return 0
    if at - begin > 4 and (_is_alphanumeric(data[at - 5]) or data[at - 5] == 58):
        return 0
    k, colons = at, 0
    while k < end and k - at < _MAX_IPV6 and (_is_hexadecimal(data[k]) or data[k] == 58):
        colons += data[k] == 58
        k += 1
    return k - at + 4 if colons > 1 else 0


@jit
def _iban(data: UInt8s, begin: int, at: int, end: int, known: Classes) -> int:
    """Code points of what may be an IBAN whose first digit is at a byte, two letters before it included; or 0."""
    if at - begin < 2 or at + 1 >= end or not 48 <= data[at + 1] <= 57:
        return 0
    first, second = (data[at - 2] | 32) - 97, (data[at - 1] | 32) - 97
    if not (0 <= first < 26 and 0 <= second < 26 and known.countries[26 * first + second]):
        return 0
    if at - begin > 2 and _is_alphanumeric(data[at - 3]):
        return 0
    k, n = at, 0
    while k < end and n < _MAX_IBAN:
        kind, width = _look(data, k, known.kinds)
        if kind not in (_DIGIT, _LETTER, _SEPARATOR):
            break
        k += width
        n += 1
    return n + 2


@jit
def _number(data: UInt8s, at: int, end: int, known: Classes) -> tuple[int, int]:
    """A run of digits: bytes walked, and code points up to the last digit or letter (0: too few)."""
    k, n, last = at, 0, 0
    digits, gap, letters, in_group, dotted = 0, 0, 0, 0, 0
    quad = False
    while k < end:
        kind, width = _look(data, k, known.kinds)
        if kind == _DIGIT:
            if gap > 1:
                dotted = 0
            digits += 1
            in_group += 1
            gap = letters = 0
            quad |= dotted == 3
            last = n + 1
        elif kind == _SEPARATOR:
            gap += 1
            if gap > _MAX_GAP:
                break
            dotted = dotted + 1 if width == 1 and data[k] == 46 and 1 <= in_group <= 3 and not letters else 0
            in_group = 0
        elif kind == _LETTER and letters < _MAX_LETTERS and (gap == 0 or (gap == 1 and data[k - 1] == 45)):
            letters += 1
            gap = dotted = in_group = 0
            last = n + 1
        else:
            break
        k += width
        n += 1
    return k - at, (last if digits >= _MIN_DIGITS or quad else 0)


@jit
def _letters_before(data: UInt8s, begin: int, at: int) -> int:
    """Letters that touch a number from the left; one hyphen may stand between, as in X-1234567-L."""
    k = at
    if k - 2 >= begin and data[k - 1] == 45 and _is_alphanumeric(data[k - 2]):
        k -= 1
    while k > begin and at - k <= _MAX_LETTERS and _is_alphanumeric(data[k - 1]):
        k -= 1
    return at - k


@jit
def scan(text: Text, known: Classes) -> Windows:
    """The windows of each document, in order."""
    found = Windows(np.empty(256, np.int64), np.empty(256, np.uint8), np.empty(256, np.int32), np.empty(256, np.int32))
    data, n = text.data, 0
    for d in range(len(text.offsets) - 1):
        begin, end = text.offsets[d], text.offsets[d + 1]
        k, counted, place = begin, begin, 0
        while True:
            k = _next(data, k, end, known.plain)
            if k >= end:
                break
            kind, width = _look(data, k, known.kinds)
            if kind <= _LETTER:
                k += width
                continue
            place += _length(data, counted, k)
            counted = k
            found = _grown(_grown(found, n), n + 1)
            if kind == _DIGIT:
                length = _iban(data, begin, k, end, known)
                if length:
                    n = _put(found, n, (d, IBAN, place - 2, place - 2 + length))
                width, length = _number(data, k, end, known)
                if length:
                    before = _letters_before(data, begin, k)
                    n = _put(found, n, (d, NUMBER, place - before, place + length))
            elif kind == _AT:
                left, right = _email(data, begin, k, end, known)
                if left:
                    n = _put(found, n, (d, EMAIL, place - left, place + right))
            else:
                length = _ipv6(data, begin, k, end)
                if length:
                    n = _put(found, n, (d, IPV6, place - 4, place - 4 + length))
                    width = length - 4
            k += width
    return Windows(found.document[:n], found.kind[:n], found.start[:n], found.end[:n])


@jit
def _put(found: Windows, n: int, window: tuple[int, int, int, int]) -> int:
    """Add a window, for which there is room; returns the number of windows."""
    found.document[n], found.kind[n], found.start[n], found.end[n] = window
    return n + 1
