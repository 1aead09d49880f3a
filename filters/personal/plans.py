"""Numbering plans: what libphonenumber knows of each country, asked in an order that makes a no quick."""

import functools
import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

_DIGITS = re.compile(r"\d+")
_NO_REGION = "001"
"""The library's name for numbers of no country, such as +800."""
_MAX_PREFIX = 4
"""Digits that may be dialled before a national number: trunk and carrier."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """Digits read as a valid number of a country."""

    number: PhoneNumber
    region: str

    @property
    def national(self) -> str:
        """The number without country code and trunk prefix."""
        return str(phonenumbers.national_significant_number(self.number))

    @property
    def is_mobile(self) -> bool:
        return bool(phonenumbers.number_type(self.number) == PhoneNumberType.MOBILE)

    @property
    def groups(self) -> list[str]:
        """The digits as the country writes and dials them, in groups."""
        found: list[str] = _DIGITS.findall(phonenumbers.format_number(self.number, PhoneNumberFormat.NATIONAL))
        return found

    def breaks(self) -> frozenset[int]:
        """Where the country parts the digits of `national`; empty where it does not."""
        return breaks([len(group) for group in self.groups], n_digits=len(self.national))


def breaks(lengths: list[int], *, n_digits: int) -> frozenset[int]:
    """Where groups of these lengths part the last `n_digits` digits: places from 1 to n_digits - 1."""
    place, found = n_digits - sum(lengths), []
    for length in lengths[:-1]:
        place += length
        found.append(place)
    return frozenset(place for place in found if place > 0)


def read_national(digits: str, region: str) -> Read | None:
    """Digits as dialled within a country, or None if they are no valid number there."""
    if not _fits(digits, region):
        return None
    number = _parse(digits, region)
    if number is None or not phonenumbers.is_valid_number_for_region(number, region):
        return None
    return Read(number=number, region=region)


def is_possible(digits: str, region: str) -> bool:
    """Whether digits begin with a country's trunk prefix and have the length of its numbers, given out or not.

    So numbers set aside for fiction are found, and those of plans newer than the library.
    """
    plan = _plan(region)
    if plan is None or not plan.trunk or not digits.startswith(plan.trunk) or len(digits) not in plan.lengths:
        return False
    number = _parse(digits, region)
    if number is None or not phonenumbers.is_possible_number(number):
        return False
    return bool(phonenumbers.national_significant_number(number) != digits)


def is_international(digits: str) -> bool:
    """Whether digits, as they follow a plus sign, are a valid number."""
    for n in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:n]), ())
        # The first plan of +1, that of the United States, covers all others.
        if any(region == _NO_REGION or _fits(digits[n:], region) for region in (regions if n > 1 else regions[:1])):
            number = _parse(f"+{digits}", None)
            return number is not None and bool(phonenumbers.is_valid_number(number))
    return False


def _parse(digits: str, region: str | None) -> PhoneNumber | None:
    plan = _plan(region) if region else None
    if plan is not None and digits[0] != "0" and not (plan.prefix and plan.prefix.match(digits)):
        return PhoneNumber(country_code=plan.code, national_number=int(digits))  # what `parse` takes 17 us for
    try:
        return phonenumbers.parse(digits, region)
    except NumberParseException:
        return None


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A country's plan: lengths of numbers as dialled, a pattern for most of them, what may be dialled in front."""

    code: int
    lengths: frozenset[int]
    pattern: re.Pattern[str]
    trunk: str
    prefix: re.Pattern[str] | None
    """All that may be dialled in front: trunk, carrier, and what is rewritten, as 011 15 to 9 11 in Argentina."""


@functools.lru_cache(maxsize=512)
def _plan(region: str) -> _Plan | None:
    found = PhoneMetadata.metadata_for_region(region, None)
    if found is None:
        return None
    prefix, general = found.national_prefix_for_parsing, found.general_desc
    assert general is not None and found.country_code is not None
    lengths = range(min(general.possible_length), max(general.possible_length) + 1 + (_MAX_PREFIX if prefix else 0))
    return _Plan(
        code=found.country_code,
        lengths=frozenset(lengths),
        pattern=re.compile(f"(?:{prefix or ''})?(?:{general.national_number_pattern})"),
        trunk=found.national_prefix or "",
        prefix=re.compile(prefix) if prefix else None,
    )


def _fits(digits: str, region: str) -> bool:
    """Whether digits may be a number of a country: a quick look, which lets through all that are."""
    plan = _plan(region)
    if plan is None or len(digits) not in plan.lengths:
        return False
    if plan.pattern.fullmatch(digits):
        return True
    rewritten = plan.prefix and plan.prefix.match(digits)
    return bool(rewritten and rewritten.lastindex)
