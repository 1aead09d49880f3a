"""Telephone numbers, by the numbering plans of libphonenumber (the `phonenumbers` package).

Digits are a number where a plan has it and something besides tells so:

- a plus sign in front, and a country's code;
- a word in front, such as Tel. or 电话;
- the way it is written: with the trunk prefix (0, 8, 06) or the area code in brackets, or in the very groups that the
  country writes numbers in, if these are not those of a large number, a date or a row of years.

The countries tried are those that the document may be of. Only candidates go to the library, which takes 30 us each.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from gristmill.filters.personal import plans
from gristmill.filters.personal.numbers import Run
from gristmill.filters.personal.places import Place
from gristmill.filters.personal.spans import BLANK, Span

_MIN_DIGITS, _MAX_DIGITS = 7, 19
"""Digits as written: up to 15 by ITU-T E.164, and an international and a trunk prefix besides."""
_MAX_GROUPS = 9
_MIN_GROUP = 1.6
"""Digits of a group, on average: rows of single digits are no numbers."""
_MIN_UNTOLD = 9
"""Digits of a number that neither a word nor a prefix tells."""

_JOINT = re.compile(r"[ .\-/]|[ .\-]?\(|\)[ .\-/]?| [\-/] |/ | /|\) [\-/] |- | -|\)\(|  ")
_LIST_JOINT = re.compile(r" [\-/] |/| \(")
"""What may also part two numbers."""
_BRACKETS = re.compile(r"[^()]{0,5}(?:\(\+?[\d ]{1,7}\))?[^()]*|\+?\d{1,3} ?\(0\) ?\(?\d+\)?[^()]*")
"""Brackets stand about an area code, a country code or a trunk prefix, near the beginning."""
_NOT_DIGITS = re.compile(r"\D+")
_PLUS = re.compile(r"(?<![\w+])\(?\+ ?\(?\Z")
_NO_NUMBER = re.compile(
    r"\d{1,2}[./-] ?\d{1,2}[./-] ?(?:1[5-9]|20)?\d\d(?!\d|[./-]\d)"
    r"|(?:1[5-9]|20)\d\d[./-]\d{1,2}(?:[./-]\d{1,2})?(?!\d)"
    r"|(?:1[4-9]|20)\d\d ?[-/ ] ?(?:1[4-9]|20)\d\d(?!\d)"
    r"|\d+\.\d+(?!\d|[.-]\d)"
    r"|(?=.*\..*\.)(?=.* .* )"
)
"""Dates, years, decimal fractions, rows of these."""
_MONEY_BEFORE = re.compile(r"(?:[$€£¥₹₽₩₺₴]|EUR|USD|GBP|CHF|Rp\.?|№|n°|nº|#) ?\Z", re.IGNORECASE)
_UNIT_AFTER = re.compile(r" ?(?:[$€£¥₹₽₩₺₴%°‰]|(?:EUR|USD|GBP|CHF|km|kg|mm|cm|m²|kB|MB|руб|kr)\b|[元円원万億亿人])")


class _Written(NamedTuple):
    """Groups of a run that may be a number, with the digits of each."""

    text: str
    start: int
    end: int
    groups: Sequence[str]

    @property
    def digits(self) -> str:
        return "".join(self.groups)

    @property
    def international(self) -> str:
        """The digits without a trunk prefix in brackets, as in +44 (0)20 7946 0123."""
        return _NOT_DIGITS.sub("", self.text.replace("(0)", ""))


def find(run: Run, place: Place) -> Iterator[Span]:
    """The telephone numbers in a run of digits, the longest that begin at each place."""
    end = 0
    for n, (start, _) in enumerate(run.groups):
        if start < end:
            continue
        plus = _PLUS.search(run.text, max(0, start - 4), start)
        if not (plus or n == 0 or run.groups[n - 1][1] == end or _may_part(run.text[run.groups[n - 1][1] : start])):
            continue  # it goes on from the group in front
        begin = plus.start() if plus else start - (run.text[start - 1 : start] == "(")
        for written in reversed(_choices(run, n, begin=begin)):
            if _is_number(run, written, place=place, plus=plus is not None):
                yield Span("phone", run.offset + written.start, run.offset + written.end)
                end = written.end
                break


def _may_part(joint: str) -> bool:
    """Whether what stands between two groups may stand between two numbers."""
    return BLANK in joint or _LIST_JOINT.fullmatch(joint) is not None


def _choices(run: Run, n: int, *, begin: int) -> list[_Written]:
    """What begins with a group and may be a number, by its length."""
    found: list[_Written] = []
    groups: list[str] = []
    last, total = begin, 0
    for start, end in run.groups[n : n + _MAX_GROUPS]:
        total += end - start
        if total > _MAX_DIGITS or not (group := run.text[start:end]).isdigit():
            break
        if groups and not _JOINT.fullmatch(run.text, last, start):
            break
        groups.append(group)
        last = end
        if total >= _MIN_DIGITS and _MIN_GROUP * len(groups) <= total:
            first = begin + (run.text[begin] == "(" and ")" not in run.text[begin:end])
            if _BRACKETS.fullmatch(run.text, first, end):
                found.append(_Written(run.text[first:end], first, end, tuple(groups)))
    return found


def _is_number(run: Run, written: _Written, *, place: Place, plus: bool) -> bool:
    if not run.is_apart(written.start, written.end):
        return False
    if plus:
        return plans.is_international(written.international)
    if _NO_NUMBER.match(written.text) or _is_amount(run, written):
        return False
    phone, thing = run.before.last(place.words.phone), run.before.last(place.words.thing)
    if written.digits.startswith("00"):
        return (phone > thing or len(written.groups) > 1) and plans.is_international(written.digits[2:])
    if phone > thing:
        return _is_known(written, place)
    return thing < 0 and _looks_like_one(run, written, place)


def _is_amount(run: Run, written: _Written) -> bool:
    before = run.text[max(0, written.start - 4) : written.start]
    return _MONEY_BEFORE.search(before) is not None or _UNIT_AFTER.match(run.text, written.end) is not None


def _is_known(written: _Written, place: Place) -> bool:
    """Whether a number that a word announces is one of a country's.

    In the likeliest country the trunk prefix may be missing, and the library need not know the range.
    """
    for n, region in enumerate(place.regions):
        read = plans.read_national(written.digits, region)
        if read is not None and (n == 0 or "".join(read.groups) == written.digits):
            return True
    return bool(place.regions) and plans.is_possible(written.digits, place.regions[0])


def _looks_like_one(run: Run, written: _Written, place: Place) -> bool:
    """Whether a number that no word announces is written as one, and neither part of a row of numbers nor a row."""
    if not run.stands_alone(written.start, written.end) or run.text[written.end : written.end + 1] in {"-", "/"}:
        return False
    if written.text.startswith("0."):
        return False
    values = [int(group) for group in written.groups]
    if len(values) > 2 and len({b - a for a, b in pairwise(values)}) == 1:
        return False
    read = (plans.read_national(written.digits, region) for region in place.regions)
    return any(each is not None and _is_written_so(written, each) for each in read)


def _is_written_so(written: _Written, read: plans.Read) -> bool:
    """Whether a number is written the way its country writes numbers, and little else is."""
    national, digits = read.national, written.digits
    if not digits.endswith(national):
        return False
    if len(written.groups) == 1:
        return read.region == "CN" and read.is_mobile
    usual = read.breaks()
    here = plans.breaks([len(group) for group in written.groups], n_digits=len(national))
    if not usual or min(usual) not in here:
        return False
    if "(" in written.text or digits != national or (read.number.italian_leading_zero and digits[0] == "0"):
        return True
    dialled = len(national) >= _MIN_UNTOLD and "".join(read.groups) == digits
    return dialled and here == usual and not _is_large_number(written, read)


def _is_large_number(written: _Written, read: plans.Read) -> bool:
    """Whether the groups are those of any number or row of numbers: by thousands, or all of a length."""
    first, *rest = map(len, written.groups)
    if read.number.country_code == 1 and " " in written.text:
        return True
    return all(length == 3 for length in rest) or len({first, *rest}) == 1
