"""Numbers of central and eastern Europe, the Caucasus and Central Asia, and Turkey."""

from gristmill.filters.personal.checksums import mod_11_10, weighted
from gristmill.filters.personal.national.scheme import Needs, Scheme, is_date, yymmdd


def _pesel(digits: str) -> bool:
    """Poland: modulo 10; the century is added to the month, in steps of 20."""
    return (
        is_date(0, int(digits[2:4]) % 20, int(digits[4:6]))
        and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0
    )


def _rodne_cislo(digits: str) -> bool:
    """Czechia and Slovakia, since 1954: a multiple of 11; women have 50 added to the month, some people 20."""
    month = int(digits[2:4]) % 50
    return is_date(0, month - 20 if month > 20 else month, int(digits[4:6])) and int(digits) % 11 == 0


def _adoazonosito(digits: str) -> bool:
    """Hungary, tax number of persons: 8, the days since 1867, modulo 11."""
    return digits[0] == "8" and weighted(digits[:9], range(1, 10)) % 11 == int(digits[9])


def _taj(digits: str) -> bool:
    """Hungary, social security: 3 and 7 in turn, modulo 10."""
    return weighted(digits[:8], (3, 7) * 4) % 10 == int(digits[8]) and digits.strip("0") != ""


def _cnp(digits: str) -> bool:
    """Romania: sex and century, birthday, county, modulo 11."""
    check = weighted(digits[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    county = int(digits[7:9])
    possible = digits[0] != "0" and yymmdd(digits[1:]) and (1 <= county <= 52 or county == 70)
    return possible and (1 if check == 10 else check) == int(digits[12])


def _egn(digits: str) -> bool:
    """Bulgaria: modulo 11; 20 or 40 added to the month for other centuries."""
    check = weighted(digits[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return is_date(0, int(digits[2:4]) % 20, int(digits[4:6])) and int(digits[2:4]) < 53 and check == int(digits[9])


def _jmbg(digits: str) -> bool:
    """Countries of former Yugoslavia: birthday with three digits of the year, modulo 11."""
    check = -weighted(digits[:12], (7, 6, 5, 4, 3, 2) * 2) % 11
    year = int(digits[4:7])
    possible = is_date(year, int(digits[2:4]), int(digits[:2])) and (year >= 880 or year <= 60)
    return possible and check == int(digits[12])


def _oib(digits: str) -> bool:
    """Croatia: MOD 11,10."""
    return mod_11_10(digits)


def _snils(digits: str) -> bool:
    """Russia, pension insurance: weights 9 to 1, modulo 101; two check digits."""
    return weighted(digits[:9], range(9, 0, -1)) % 101 % 100 == int(digits[9:]) and digits.strip("0") != ""


def _inn(digits: str) -> bool:
    """Russia, tax number of persons: two check digits modulo 11."""
    first = weighted(digits[:10], (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = weighted(digits[:11], (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return digits.strip("0") != "" and f"{first}{second}" == digits[10:]


def _rnokpp(digits: str) -> bool:
    """Ukraine: days since 1900, modulo 11."""
    check = weighted(digits[:9], (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10
    return digits.strip("0") != "" and check == int(digits[9])


def _iin(digits: str) -> bool:
    """Kazakhstan: a second row of weights where the first gives 10."""
    check = weighted(digits[:11], range(1, 12)) % 11
    if check == 10:
        check = weighted(digits[:11], (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
    return yymmdd(digits) and digits[6] in "123456" and check == int(digits[11])


def _tckn(digits: str) -> bool:
    """Turkey: two check digits, of odd against even places, and of the sum."""
    odd, even = sum(map(int, digits[0:9:2])), sum(map(int, digits[1:8:2]))
    tenth = (7 * odd - even) % 10
    return digits[0] != "0" and tenth == int(digits[9]) and (odd + even + tenth) % 10 == int(digits[10])


SCHEMES = (
    Scheme(
        countries=("PL",),
        layouts={"99999999999": Needs.WORD},
        valid=_pesel,
        words=("pesel",),
    ),
    Scheme(
        countries=("CZ", "SK"),
        layouts={"999999/9999": Needs.COUNTRY, "9999999999": Needs.WORD, "999999 9999": Needs.WORD},
        valid=_rodne_cislo,
        words=("rodné čísl", "rodného čísl", "rodným čísl", "rč ", "r č "),
    ),
    Scheme(
        countries=("HU",),
        layouts={"9999999999": Needs.WORD},
        valid=_adoazonosito,
        words=("adóazonosító", "adószám"),
    ),
    Scheme(
        countries=("HU",),
        layouts={"999999999": Needs.WORD, "999 999 999": Needs.WORD, "999-999-999": Needs.WORD},
        valid=_taj,
        words=("taj",),
    ),
    Scheme(
        countries=("RO",),
        layouts={"9999999999999": Needs.COUNTRY},
        valid=_cnp,
        words=("cnp", "cod numeric personal"),
    ),
    Scheme(
        countries=("BG",),
        layouts={"9999999999": Needs.WORD},
        valid=_egn,
        words=("егн", "единен граждански"),
    ),
    Scheme(
        countries=("RS", "BA", "ME", "MK", "SI", "HR"),
        layouts={"9999999999999": Needs.COUNTRY},
        valid=_jmbg,
        words=("jmbg", "јмбг", "emšo", "емшг", "матичен број", "матични број", "matični broj"),
    ),
    Scheme(
        countries=("HR",),
        layouts={"99999999999": Needs.WORD},
        valid=_oib,
        words=("oib", "osobni identifikacijski"),
    ),
    Scheme(
        countries=("RU",),
        layouts={"999-999-999 99": Needs.NOTHING, "999-999-999-99": Needs.COUNTRY, "99999999999": Needs.WORD},
        valid=_snils,
        words=("снилс", "страховой номер"),
    ),
    Scheme(
        countries=("RU",),
        layouts={"999999999999": Needs.WORD},
        valid=_inn,
        words=("инн",),
    ),
    Scheme(
        countries=("UA",),
        layouts={"9999999999": Needs.WORD},
        valid=_rnokpp,
        words=("рнокпп", "іпн", "ідентифікаційн", "податков"),
    ),
    Scheme(
        countries=("KZ",),
        layouts={"999999999999": Needs.COUNTRY},
        valid=_iin,
        words=("иин", "жсн"),
    ),
    Scheme(
        countries=("TR",),
        layouts={"99999999999": Needs.COUNTRY},
        valid=_tckn,
        words=("t c kimlik", "tc kimlik", "tckn", "kimlik n", "t c no", "t c n"),
    ),
)
