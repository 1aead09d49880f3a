"""Check digits, as the standards and authorities define them. Every function takes ASCII digits (or letters) alone."""

from collections.abc import Sequence

_D5 = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
"""Multiplication in the dihedral group of order 10."""
_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _powers() -> tuple[tuple[int, ...], ...]:
    rows = [tuple(range(10))]
    for _ in range(7):
        rows.append(tuple(_PERMUTATION[value] for value in rows[-1]))
    return tuple(rows)


_POWERS = _powers()


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: every second digit from the right doubled, the sum of digits a multiple of 10."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) << (place & 1)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def verhoeff(digits: str) -> bool:
    """Verhoeff, Error Detecting Decimal Codes (1969): a walk through the dihedral group of order 10 that ends at 0."""
    state = 0
    for place, digit in enumerate(reversed(digits)):
        state = int(_D5[state][_POWERS[place % 8][int(digit)]])
    return state == 0


def mod_97(text: str) -> int:
    """ISO 7064 MOD 97-10, as in ISO 13616: letters count as two digits, A as 10."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


def mod_11_10(digits: str) -> bool:
    """ISO 7064 MOD 11,10: Croatia's OIB, Germany's Steuer-ID."""
    state = 10
    for digit in digits[:-1]:
        state = ((state + int(digit)) % 10 or 10) * 2 % 11
    return (state + int(digits[-1])) % 10 == 1


def mod_11_2(text: str) -> bool:
    """ISO 7064 MOD 11-2, with X for 10: China's resident id."""
    state = 0
    for character in text:
        state = (state * 2 + (10 if character == "X" else int(character))) % 11
    return state == 1


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of digits times weights, over the shorter of both."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))
