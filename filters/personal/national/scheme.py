"""How a national number is written and checked, and what has to stand by for it to be believed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

_FIRST_YEAR, _LAST_YEAR = 1880, 2060


class Needs(IntEnum):
    """What makes a number that passes its check sure.

    A layout such as 999.999.999-99 with two check digits is chance in one of a hundred thousand of the numbers of a
    text; eleven bare digits with one check digit are chance in one of ten.
    """

    NOTHING = 0
    COUNTRY = 1
    """The document is of that country, or of its language; or the word is there."""
    WORD = 2
    """A word in front names it."""


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """A kind of national number.

    Attributes:
        countries: ISO 3166 codes; several for numbers that several countries have in common.
        layouts: forms it is written in, 9 for a digit and A for a letter, and what each of them needs.
        valid: whether digits and capital letters, all else left out, are such a number.
        words: what it is called, in lower case, without endings (see `context.any_of`).
    """

    countries: tuple[str, ...]
    layouts: Mapping[str, Needs]
    valid: Callable[[str], bool]
    words: tuple[str, ...]


def is_date(year: int, month: int, day: int) -> bool:
    """Whether day and month are possible; leap years are let pass."""
    return 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in {4, 6, 9, 11} else 31) and year >= 0


def yymmdd(digits: str) -> bool:
    """Whether six digits are year, month and day."""
    return is_date(int(digits[:2]), int(digits[2:4]), int(digits[4:6]))


def yyyymmdd(digits: str) -> bool:
    """Whether eight digits are a date in which somebody may have been born."""
    return _FIRST_YEAR <= int(digits[:4]) <= _LAST_YEAR and yymmdd(digits[2:])


def ddmmyy(digits: str) -> bool:
    """Whether six digits are day, month and year."""
    return is_date(int(digits[4:6]), int(digits[2:4]), int(digits[:2]))
