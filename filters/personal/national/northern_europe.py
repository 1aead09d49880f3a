"""Numbers of the Nordic and Baltic countries, Britain and Ireland."""

from gristmill.filters.personal.checksums import luhn, weighted
from gristmill.filters.personal.national.scheme import Needs, Scheme, ddmmyy, is_date, yymmdd

_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_PPS = "WABCDEFGHIJKLMNOPQRSTUV"


def _personnummer(digits: str) -> bool:
    """Sweden: Luhn over the last ten digits; a co-ordination number has 60 added to its day."""
    short = digits[-10:]
    day = int(short[4:6])
    return (
        is_date(0, int(short[2:4]), day - 60 if day > 60 else day) and digits[:-10] in {"", "19", "20"} and luhn(short)
    )


def _hetu(text: str) -> bool:
    """Finland: the nine digits modulo 31 name a letter. The sign of the century may be a letter too."""
    digits = text[:6] + text[-4:-1]
    return digits.isdigit() and ddmmyy(digits) and _HETU[int(digits) % 31] == text[-1]


def _fodselsnummer(digits: str) -> bool:
    """Norway: two check digits modulo 11; a D number has 40 added to its day."""
    day = int(digits[:2])
    return (
        is_date(0, int(digits[2:4]) % 40, day - 40 if day > 40 else day)
        and weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
        and weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


def _cpr(digits: str) -> bool:
    """Denmark: modulo 11. Some numbers given out since 2007 break it, and are not found."""
    return ddmmyy(digits) and weighted(digits, (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _kennitala(digits: str) -> bool:
    """Iceland: modulo 11, the check digit last but one, the century last; a person's day is up to 31."""
    return ddmmyy(digits) and digits[9] in "089" and weighted(digits, (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


def _isikukood(digits: str) -> bool:
    """Estonia and Lithuania: a second row of weights where the first gives 10."""
    check = weighted(digits[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if check == 10:
        check = weighted(digits[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return digits[0] in "12345678" and yymmdd(digits[1:]) and check == int(digits[10])


def _personas_kods(digits: str) -> bool:
    """Latvia, before 2017; later numbers begin with 32 and have no check."""
    check = (1 + weighted(digits[:10], (10, 5, 8, 4, 2, 1, 6, 3, 7, 9))) % 11
    return ddmmyy(digits) and digits[6] in "012" and check == int(digits[10])


def _nhs(digits: str) -> bool:
    """England, Wales, Isle of Man: modulo 11."""
    return weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0 and digits.strip("0") != ""


def _pps(text: str) -> bool:
    """Ireland: modulo 23; a second letter counts nine times."""
    second = ord(text[8]) - 64 if len(text) > 8 and text[8] != "W" else 0
    return _PPS[(weighted(text[:7], (8, 7, 6, 5, 4, 3, 2)) + 9 * second) % 23] == text[7]


SCHEMES = (
    Scheme(
        countries=("SE",),
        layouts={
            "999999-9999": Needs.COUNTRY,
            "999999+9999": Needs.COUNTRY,
            "99999999-9999": Needs.COUNTRY,
            "9999999999": Needs.WORD,
            "999999999999": Needs.WORD,
        },
        valid=_personnummer,
        words=("personnummer", "personnr", "samordningsnummer", "pers.nr", "pnr"),
    ),
    Scheme(
        countries=("FI",),
        layouts={"999999-999A": Needs.NOTHING, "999999-9999": Needs.COUNTRY, "999999A999A": Needs.NOTHING,
                 "999999A9999": Needs.COUNTRY, "999999+999A": Needs.NOTHING},
        valid=_hetu,
        words=("henkilötunnu", "hetu", "sotu", "personbeteckning"),
    ),
    Scheme(
        countries=("NO",),
        layouts={"999999 99999": Needs.COUNTRY, "99999999999": Needs.COUNTRY},
        valid=_fodselsnummer,
        words=("fødselsnummer", "fødselsnr", "personnummer", "fnr", "fødselsnummar", "d-nummer"),
    ),
    Scheme(
        countries=("DK",),
        layouts={"999999-9999": Needs.COUNTRY, "9999999999": Needs.WORD},
        valid=_cpr,
        words=("cpr", "personnummer"),
    ),
    Scheme(
        countries=("IS",),
        layouts={"999999-9999": Needs.COUNTRY, "9999999999": Needs.WORD},
        valid=_kennitala,
        words=("kennitala", "kennitölu", "kt "),
    ),
    Scheme(
        countries=("EE", "LT"),
        layouts={"99999999999": Needs.COUNTRY},
        valid=_isikukood,
        words=("isikukood", "asmens kod", "asm. kod"),
    ),
    Scheme(
        countries=("LV",),
        layouts={"999999-99999": Needs.COUNTRY, "99999999999": Needs.WORD},
        valid=_personas_kods,
        words=("personas kod", "pers. kod"),
    ),
    Scheme(
        countries=("GB",),
        layouts={"999 999 9999": Needs.WORD, "999-999-9999": Needs.WORD, "9999999999": Needs.WORD},
        valid=_nhs,
        words=("nhs n",),
    ),
    Scheme(
        countries=("IE",),
        layouts={"9999999A": Needs.WORD, "9999999AA": Needs.WORD},
        valid=_pps,
        words=("pps", "psp uimhir", "personal public service"),
    ),
)  # fmt: skip
