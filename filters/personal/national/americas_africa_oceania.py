"""Numbers of the Americas, Africa and Oceania."""

from gristmill.filters.personal.checksums import luhn, weighted
from gristmill.filters.personal.national.scheme import Needs, Scheme, yymmdd

_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_PERSONS = frozenset({"20", "23", "24", "25", "26", "27"})
"""What a person's CUIT begins with; companies have 30, 33 and 34."""
_MAX_PERSON = 50_000_000
"""Chile's companies have numbers from here on."""


def _cpf(digits: str) -> bool:
    """Brazil: two check digits modulo 11."""
    first = -weighted(digits[:9], range(10, 1, -1)) % 11 % 10
    second = -weighted(digits[:10], range(11, 1, -1)) % 11 % 10
    return len(set(digits)) > 1 and digits[9:] == f"{first}{second}"


def _cuit(digits: str) -> bool:
    """Argentina, persons only: modulo 11."""
    return digits[:2] in _PERSONS and weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _rut(text: str) -> bool:
    """Chile: modulo 11, K for 10; persons only."""
    number, check = text[:-1], text[-1]
    if not number.isdigit() or not 0 < int(number) < _MAX_PERSON:
        return False
    return "0123456789K"[-weighted(number[::-1], (2, 3, 4, 5, 6, 7, 2, 3)) % 11] == check


def _curp(text: str) -> bool:
    """Mexico: name, birthday, sex, state, name; modulo 10 over values of letters."""
    shape = text[:4].isalpha() and text[4:10].isdigit() and text[10] in "HMX" and text[11:16].isalpha()
    if not (shape and yymmdd(text[4:10]) and text[17].isdigit()):
        return False
    total = sum(_CURP.index(character) * weight for character, weight in zip(text[:17], range(18, 1, -1), strict=True))
    return -total % 10 == int(text[17])


def _cedula_ecuador(digits: str) -> bool:
    """Ecuador: province, third digit below 6, Luhn."""
    return (1 <= int(digits[:2]) <= 24 or digits[:2] == "30") and digits[2] < "6" and luhn(digits)


def _cedula_dominican(digits: str) -> bool:
    """Dominican Republic: Luhn."""
    return luhn(digits) and digits.strip("0") != ""


def _cedula_uruguay(digits: str) -> bool:
    """Uruguay: modulo 10."""
    return weighted(digits, (2, 9, 8, 7, 6, 3, 4, 1)) % 10 == 0 and digits.strip("0") != ""


def _sin(digits: str) -> bool:
    """Canada: Luhn; none begins with 0 or 8."""
    return digits[0] not in "08" and luhn(digits)


def _south_africa(digits: str) -> bool:
    """South Africa: birthday, citizenship, Luhn."""
    return yymmdd(digits) and digits[10] in "012" and luhn(digits)


def _tfn(digits: str) -> bool:
    """Australia: modulo 11."""
    return weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0 and digits.strip("0") != ""


def _ird(digits: str) -> bool:
    """New Zealand: modulo 11, with a second row of weights where the first gives 10."""
    number, last = digits[:-1].zfill(8), int(digits[-1])
    check = -weighted(number, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if check == 10:
        check = -weighted(number, (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return 10_000_000 < int(digits) < 150_000_000 and check == last


SCHEMES = (
    Scheme(
        countries=("BR",),
        layouts={"999.999.999-99": Needs.NOTHING, "999999999-99": Needs.COUNTRY, "99999999999": Needs.WORD},
        valid=_cpf,
        words=("cpf", "cadastro de pessoa"),
    ),
    Scheme(
        countries=("AR",),
        layouts={"99-99999999-9": Needs.COUNTRY, "99999999999": Needs.WORD},
        valid=_cuit,
        words=("cuit", "cuil", "c u i t", "c u i l"),
    ),
    Scheme(
        countries=("CL",),
        layouts={"99.999.999-9": Needs.COUNTRY, "99.999.999-A": Needs.COUNTRY, "9.999.999-9": Needs.COUNTRY,
                 "9.999.999-A": Needs.COUNTRY, "99999999-9": Needs.WORD, "99999999-A": Needs.WORD,
                 "9999999-9": Needs.WORD, "9999999-A": Needs.WORD},
        valid=_rut,
        words=("rut ", "run ", "r u t", "rol único", "cédula de identidad"),
    ),
    Scheme(
        countries=("MX",),
        layouts={"AAAA999999AAAAAA99": Needs.NOTHING, "AAAA999999AAAAAAA9": Needs.NOTHING},
        valid=_curp,
        words=("curp", "clave única"),
    ),
    Scheme(
        countries=("EC",),
        layouts={"9999999999": Needs.WORD, "999999999-9": Needs.WORD},
        valid=_cedula_ecuador,
        words=("cédula", "cedula", "c i "),
    ),
    Scheme(
        countries=("DO",),
        layouts={"999-9999999-9": Needs.COUNTRY, "99999999999": Needs.WORD},
        valid=_cedula_dominican,
        words=("cédula", "cedula"),
    ),
    Scheme(
        countries=("UY",),
        layouts={"9.999.999-9": Needs.WORD, "99999999": Needs.WORD, "9999999-9": Needs.WORD},
        valid=_cedula_uruguay,
        words=("cédula", "cedula", "c i "),
    ),
    Scheme(
        countries=("CA",),
        layouts={"999 999 999": Needs.WORD, "999-999-999": Needs.WORD, "999999999": Needs.WORD},
        valid=_sin,
        words=("sin ", "social insurance", "nas ", "assurance sociale"),
    ),
    Scheme(
        countries=("ZA",),
        layouts={"9999999999999": Needs.COUNTRY, "999999 9999 999": Needs.COUNTRY, "999999 9999 99 9": Needs.COUNTRY},
        valid=_south_africa,
        words=("id number", "identity number", "id no", "id-nommer", "identiteitsnommer"),
    ),
    Scheme(
        countries=("AU",),
        layouts={"999 999 999": Needs.WORD, "999999999": Needs.WORD, "999-999-999": Needs.WORD},
        valid=_tfn,
        words=("tfn", "tax file"),
    ),
    Scheme(
        countries=("NZ",),
        layouts={"99-999-999": Needs.WORD, "999-999-999": Needs.WORD, "99999999": Needs.WORD, "999999999": Needs.WORD,
                 "99 999 999": Needs.WORD, "999 999 999": Needs.WORD},
        valid=_ird,
        words=("ird",),
    ),
)  # fmt: skip
