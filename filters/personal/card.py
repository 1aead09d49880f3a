"""Payment cards (ISO/IEC 7812): an issuer's range and lengths, and the check digit of Luhn."""

import re
from collections.abc import Iterator

from gristmill.filters.personal.checksums import luhn
from gristmill.filters.personal.numbers import Run
from gristmill.filters.personal.places import Place
from gristmill.filters.personal.spans import Span

_ISSUERS = re.compile(
    r"""
      4\d{15}                                                                   # Visa
    | (?:5[1-5]\d\d | 222[1-9] | 22[3-9]\d | 2[3-6]\d\d | 27[01]\d | 2720)\d{12}  # Mastercard
    | 3[47]\d{13}                                                               # American Express
    | 3(?:0[0-5] | 095 | [689]\d)\d{11}                                         # Diners Club
    | (?:60\d\d | 64[4-9]\d | 65\d\d)\d{12}                                     # Discover, RuPay, Hipercard, Elo
    | 35(?:2[89] | [3-8]\d)\d{12}                                               # JCB
    | (?:62\d\d | 81\d\d)\d{12}(?:\d{3})?                                      # UnionPay, RuPay
    | 220[0-4]\d{12}                                                            # Mir
    | 9792\d{12}                                                                # Troy
    | (?:508\d | 82\d\d)\d{12}                                                 # RuPay
    | (?:5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 676[1-3])\d{12}               # Maestro
    | (?:5067 | 5090 | 6277 | 6362 | 6363)\d{12}                                # Elo
    """,
    re.VERBOSE,
)
_LAYOUTS = frozenset(
    {
        *(sign.join(["9999"] * 4) for sign in (" ", "-", ".")),
        *(sign.join(["9999", "999999", "99999"]) for sign in (" ", "-")),
        *(sign.join(["9999", "999999", "9999"]) for sign in (" ", "-")),
        *(sign.join([*["9999"] * 4, "999"]) for sign in (" ", "-")),
        "999999 9999999999999",
        "9" * 16,
        "9" * 15,
        "9" * 19,
        "9" * 14,
    }
)
_NEEDS_WORD = frozenset({"9" * 19, "9" * 14})
"""Digits in one piece that are as well a time stamp, or the number of anything."""
_MAX_GROUPS = 5


def find(run: Run, place: Place) -> Iterator[Span]:
    """The card numbers in a run of digits: in the groups that cards have, or in one piece."""
    groups = run.groups
    end = 0
    for n, (start, _) in enumerate(groups):
        if start < end:
            continue
        for _, stop in reversed(groups[n : n + _MAX_GROUPS]):
            if run.layout[start:stop] in _LAYOUTS and _is_card(run, start, stop, place=place):
                yield Span("card", run.offset + start, run.offset + stop)
                end = stop
                break


def _is_card(run: Run, start: int, end: int, *, place: Place) -> bool:
    digits = "".join(filter(str.isdigit, run.text[start:end]))
    if not (_ISSUERS.fullmatch(digits) and luhn(digits) and len(set(digits)) > 1):
        return False
    if not (run.is_apart(start, end) and run.stands_alone(start, end)):
        return False
    word, other = run.before.last(place.words.card), run.before.last(place.words.thing)
    return word > other if run.layout[start:end] in _NEEDS_WORD else word >= other
