"""Numbers of western and southern Europe."""

import string
from itertools import pairwise

from gristmill.filters.personal.checksums import luhn, mod_11_10, verhoeff, weighted
from gristmill.filters.personal.national.scheme import Needs, Scheme, ddmmyy, is_date, yyyymmdd

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_MONTHS = "ABCDEHLMPRST"
_OMOCODE = str.maketrans("LMNPQRSTUV", "0123456789")
_ODD = dict(
    zip(
        string.digits + string.ascii_uppercase,
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16,
         10, 22, 25, 24, 23),
        strict=True,
    )
)  # fmt: skip
"""Values of characters in odd places of a codice fiscale (decree of 12 March 1974)."""


_VSNR = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
"""Weights of a German Versicherungsnummer (VKVV, section 4)."""


def _dni(text: str) -> bool:
    """Spain: modulo 23 names a letter. An NIE begins with X, Y or Z, which stand for 0, 1 and 2."""
    digits = text[:-1].translate(str.maketrans("XYZ", "012"))
    return digits.isdigit() and _DNI[int(digits) % 23] == text[-1]


def _nie(text: str) -> bool:
    return text[0] in "XYZ" and _dni(text)


def _nif(digits: str) -> bool:
    """Portugal: modulo 11; a person's begins with 1, 2, 3 or 45."""
    check = -weighted(digits[:8], (9, 8, 7, 6, 5, 4, 3, 2)) % 11 % 10
    return (digits[0] in "123" or digits[:2] == "45") and check == int(digits[8])


def _codice_fiscale(text: str) -> bool:
    """Italy: the sum of values by place, modulo 26. Digits may be letters where two people would have the same."""
    numbers = "".join(text[place].translate(_OMOCODE) for place in (6, 7, 9, 10, 12, 13, 14))
    if not (
        numbers.isdigit() and text[:6].isalpha() and text[8] in _MONTHS and text[11].isalpha() and text[15].isalpha()
    ):
        return False
    day = int(numbers[2:4])
    if not is_date(0, _MONTHS.index(text[8]) + 1, day - 40 if day > 40 else day):
        return False
    odd = sum(_ODD[character] for character in text[0:15:2])
    even = sum(int(character, 36) - (10 if character.isalpha() else 0) for character in text[1:15:2])
    return chr(65 + (odd + even) % 26) == text[15]


def _nir(text: str) -> bool:
    """France: 97 less the number modulo 97; 2A and 2B, for Corsica, count as 19 and 18. Unknown months are 20 to 42."""
    number = text[:13].replace("2A", "19").replace("2B", "18")
    if not (number.isdigit() and text[13:].isdigit() and text[0] in "123478"):
        return False
    month = int(number[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42) and 97 - int(number) % 97 == int(text[13:])


def _rijksregister(digits: str) -> bool:
    """Belgium: 97 less the first nine digits modulo 97, with a 2 in front since 2000."""
    number, check = digits[:9], int(digits[9:])
    month = int(digits[2:4])
    possible = month % 20 <= 12 and month < 60 and int(digits[4:6]) <= 31
    return possible and check in {97 - int(number) % 97, 97 - int("2" + number) % 97}


def _bsn(digits: str) -> bool:
    """The Netherlands: modulo 11, the last digit counting minus one."""
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and digits.strip("0") != ""


def _matricule(digits: str) -> bool:
    """Luxembourg: eleven digits with one of Luhn, and with one of Verhoeff."""
    return yyyymmdd(digits) and luhn(digits[:12]) and verhoeff(digits[:11] + digits[12])


def _steuer_id(digits: str) -> bool:
    """Germany: MOD 11,10, and of the first ten digits just one is there twice, or thrice but not in a row."""
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    in_a_row = any(a == b == c for (a, b), (_, c) in pairwise(pairwise(digits[:10])))
    once = counts[-1] in {2, 3} and counts[:-1] == [1] * (len(counts) - 1)
    return digits[0] != "0" and once and not in_a_row and mod_11_10(digits)


def _rentenversicherung(text: str) -> bool:
    """Germany: area, birthday, letter, serial number; the letter counts as two digits, sums of digits modulo 10."""
    digits = text[:8] + f"{ord(text[8]) - 64:02d}" + text[9:11]
    products = (int(digit) * weight for digit, weight in zip(digits, _VSNR, strict=True))
    total = sum(sum(divmod(product, 10)) for product in products)
    return ddmmyy(digits[2:8]) and total % 10 == int(text[11])


def _svnr(digits: str) -> bool:
    """Austria: modulo 11 over serial number and birthday; the check digit is the fourth."""
    month = int(digits[6:8])
    possible = 1 <= month <= 15 and 1 <= int(digits[4:6]) <= 31 and digits[0] != "0"
    return possible and weighted(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == int(digits[3])


def _ahv(digits: str) -> bool:
    """Switzerland: an EAN-13 that begins with the country's 756."""
    return digits.startswith("756") and weighted(digits, (1, 3) * 7) % 10 == 0


def _amka(digits: str) -> bool:
    """Greece: a birthday and Luhn."""
    return ddmmyy(digits) and luhn(digits)


def _afm(digits: str) -> bool:
    """Greece: powers of two, modulo 11."""
    return weighted(digits[:8], (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == int(digits[8]) and digits.strip("0") != ""


SCHEMES = (
    Scheme(
        countries=("ES",),
        layouts={"99999999A": Needs.COUNTRY, "99999999-A": Needs.COUNTRY, "99999999 A": Needs.WORD,
                 "99.999.999-A": Needs.COUNTRY, "99.999.999A": Needs.COUNTRY, "99.999.999 A": Needs.COUNTRY},
        valid=_dni,
        words=("dni", "d.n.i", "d n i", "nif", "n i f", "documento nacional", "documento de identidad"),
    ),
    Scheme(
        countries=("ES",),
        layouts={"A9999999A": Needs.COUNTRY, "A-9999999-A": Needs.NOTHING, "A9999999-A": Needs.COUNTRY},
        valid=_nie,
        words=("nie ", "n i e", "número de identidad de extranjer"),
    ),
    Scheme(
        countries=("PT",),
        layouts={"999999999": Needs.WORD, "999 999 999": Needs.WORD},
        valid=_nif,
        words=("nif", "contribuinte", "número fiscal", "n.º fiscal", "identificação fiscal"),
    ),
    Scheme(
        countries=("IT",),
        layouts={"AAAAAA99A99A999A": Needs.NOTHING, "AAA AAA 99A99 A999A": Needs.NOTHING},
        valid=_codice_fiscale,
        words=("codice fiscale", "cod fisc", "c f "),
    ),
    Scheme(
        countries=("FR",),
        layouts={"9 99 99 99 999 999 99": Needs.NOTHING, "9 99 99 9A 999 999 99": Needs.NOTHING,
                 "9999999999999 99": Needs.COUNTRY, "999999999999999": Needs.COUNTRY,
                 "999999A99999999": Needs.NOTHING, "999999A999999 99": Needs.NOTHING,
                 "9.99.99.99.999.999.99": Needs.NOTHING, "9-99-99-99-999-999-99": Needs.NOTHING},
        valid=_nir,
        words=("sécurité sociale", "sécu", "nir ", "insee"),
    ),
    Scheme(
        countries=("BE",),
        layouts={"99.99.99-999.99": Needs.NOTHING, "99.99.99-999-99": Needs.NOTHING, "999999-999-99": Needs.COUNTRY,
                 "999999 999 99": Needs.COUNTRY, "999999-999.99": Needs.COUNTRY, "99999999999": Needs.COUNTRY},
        valid=_rijksregister,
        words=("rijksregister", "registre national", "numéro national", "nationaal nummer", "insz", "niss"),
    ),
    Scheme(
        countries=("NL",),
        layouts={"999999999": Needs.WORD, "9999.99.999": Needs.COUNTRY, "9999 99 999": Needs.WORD,
                 "999 999 999": Needs.WORD},
        valid=_bsn,
        words=("bsn", "burgerservicenummer", "sofinummer", "sofi-nummer"),
    ),
    Scheme(
        countries=("LU",),
        layouts={"9999999999999": Needs.COUNTRY, "9999 9999 99999": Needs.COUNTRY, "9999 99 99 999 99": Needs.COUNTRY},
        valid=_matricule,
        words=("matricule", "sozialversicherung", "sécurité sociale"),
    ),
    Scheme(
        countries=("DE",),
        layouts={"99 999 999 999": Needs.COUNTRY, "99999999999": Needs.WORD},
        valid=_steuer_id,
        words=("steuer-id", "steuerid", "steuer id", "steueridentifikation", "steuerliche id", "identifikationsnummer",
               "idnr", "id-nr"),
    ),
    Scheme(
        countries=("DE",),
        layouts={"99 999999 A 999": Needs.NOTHING, "99999999A999": Needs.COUNTRY},
        valid=_rentenversicherung,
        words=("versicherungsnummer", "rentenversicherung", "sozialversicherung", "vsnr", "svnr"),
    ),
    Scheme(
        countries=("AT",),
        layouts={"9999 999999": Needs.COUNTRY, "9999-999999": Needs.COUNTRY, "9999999999": Needs.WORD},
        valid=_svnr,
        words=("sozialversicherung", "versicherungsnummer", "svnr", "sv-n", "sv n"),
    ),
    Scheme(
        countries=("CH",),
        layouts={"999.9999.9999.99": Needs.NOTHING, "9999999999999": Needs.COUNTRY},
        valid=_ahv,
        words=("ahv", "avs", "sozialversicherung"),
    ),
    Scheme(
        countries=("GR",),
        layouts={"99999999999": Needs.COUNTRY},
        valid=_amka,
        words=("αμκα", "α μ κ α", "amka"),
    ),
    Scheme(
        countries=("GR",),
        layouts={"999999999": Needs.WORD},
        valid=_afm,
        words=("αφμ", "α φ μ", "afm"),
    ),
)  # fmt: skip
