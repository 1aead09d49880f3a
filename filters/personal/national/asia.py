"""Numbers of Asia."""

from gristmill.filters.personal.checksums import luhn, mod_11_2, verhoeff, weighted
from gristmill.filters.personal.national.scheme import Needs, Scheme, yymmdd, yyyymmdd

_TAIWAN = "ABCDEFGHJKLMNPQRSTUVXYWZIO"
"""Letters by the number they stand for, from 10."""
_SINGAPORE = {"S": "JZIHGFEDCBA", "T": "GFEDCBAJZIH", "F": "XWUTRQPNMLK", "G": "RQPNMLKXWUT", "M": "KLJNPQRTUWX"}
_MAX_PROVINCE = 82


def _china(text: str) -> bool:
    """China (GB 11643-1999): province, birthday, MOD 11-2."""
    if not text[:17].isdigit() or text[17] not in "0123456789X":
        return False
    return 11 <= int(text[:2]) <= _MAX_PROVINCE and yyyymmdd(text[6:14]) and mod_11_2(text)


def _taiwan(text: str) -> bool:
    """Taiwan: the letter as two digits, modulo 10; the second sign is 1 or 2, or 8 or 9 for foreigners."""
    if text[0] not in _TAIWAN:
        return False
    tens, ones = divmod(_TAIWAN.index(text[0]) + 10, 10)
    return text[1] in "1289" and (tens + weighted(f"{ones}{text[1:]}", (9, 8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def _hong_kong(text: str) -> bool:
    """Hong Kong: one or two letters, modulo 11, A for 10."""
    letters, digits, check = text[:-7], text[-7:-1], text[-1]
    values = [36] * (2 - len(letters)) + [ord(letter) - 55 for letter in letters]
    total = 9 * values[0] + 8 * values[1] + weighted(digits, (7, 6, 5, 4, 3, 2))
    return check in "0123456789A" and (total + int(check, 16)) % 11 == 0


def _singapore(text: str) -> bool:
    """Singapore: modulo 11 names a letter, by a table for each first letter."""
    if text[0] not in _SINGAPORE:
        return False
    total = weighted(text[1:8], (2, 7, 6, 5, 4, 3, 2)) + (3 if text[0] == "M" else 0)
    letters = _SINGAPORE[text[0]]
    return text[8] == letters[10 - total % 11 if text[0] == "M" else total % 11]


def _korea(digits: str) -> bool:
    """South Korea: modulo 11. Numbers given out since October 2020 have no check, and are found only by chance."""
    top = 13 if digits[6] in "5678" else 11
    check = (top - weighted(digits[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return yymmdd(digits) and digits[6] in "12345678" and check == int(digits[12])


def _japan(digits: str) -> bool:
    """Japan: modulo 11."""
    rest = weighted(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(digits[11])


def _thailand(digits: str) -> bool:
    """Thailand: modulo 11; the first digit is 1 to 8."""
    return digits[0] in "12345678" and (11 - weighted(digits[:12], range(13, 1, -1)) % 11) % 10 == int(digits[12])


def _aadhaar(digits: str) -> bool:
    """India: Verhoeff; never begins with 0 or 1, nor reads the same backwards."""
    return digits[0] > "1" and digits != digits[::-1] and verhoeff(digits)


def _israel(digits: str) -> bool:
    """Israel: Luhn over nine digits."""
    return luhn(digits) and digits.strip("0") != ""


def _iran(digits: str) -> bool:
    """Iran: modulo 11."""
    rest = weighted(digits[:9], range(10, 1, -1)) % 11
    return len(set(digits)) > 1 and (rest if rest < 2 else 11 - rest) == int(digits[9])


def _saudi(digits: str) -> bool:
    """Saudi Arabia: Luhn; 1 for citizens, 2 for residents."""
    return digits[0] in "12" and luhn(digits)


def _emirates(digits: str) -> bool:
    """United Arab Emirates: the country's 784, year of birth, Luhn."""
    return digits.startswith("784") and 1900 <= int(digits[3:7]) <= 2060 and luhn(digits)


SCHEMES = (
    Scheme(
        countries=("CN",),
        layouts={"99999999999999999A": Needs.NOTHING, "999999999999999999": Needs.NOTHING,
                 "999999 99999999 999A": Needs.NOTHING, "999999 99999999 9999": Needs.NOTHING},
        valid=_china,
        words=("身份证", "身份號", "身份证号"),
    ),
    Scheme(
        countries=("TW",),
        layouts={"A999999999": Needs.COUNTRY},
        valid=_taiwan,
        words=("身分證", "身份證", "居留證"),
    ),
    Scheme(
        countries=("HK",),
        layouts={"A999999(9)": Needs.NOTHING, "AA999999(9)": Needs.NOTHING, "A999999(A)": Needs.NOTHING,
                 "AA999999(A)": Needs.NOTHING, "A9999999": Needs.WORD},
        valid=_hong_kong,
        words=("hkid", "identity card", "身份證", "身份证"),
    ),
    Scheme(
        countries=("SG",),
        layouts={"A9999999A": Needs.WORD},
        valid=_singapore,
        words=("nric", "fin ", "identity card", "identification number"),
    ),
    Scheme(
        countries=("KR",),
        layouts={"999999-9999999": Needs.COUNTRY, "999999 - 9999999": Needs.COUNTRY, "9999999999999": Needs.WORD},
        valid=_korea,
        words=("주민등록", "주민번호", "외국인등록"),
    ),
    Scheme(
        countries=("JP",),
        layouts={"9999 9999 9999": Needs.WORD, "9999-9999-9999": Needs.WORD, "999999999999": Needs.WORD},
        valid=_japan,
        words=("マイナンバー", "個人番号", "my number", "individual number"),
    ),
    Scheme(
        countries=("TH",),
        layouts={"9-9999-99999-99-9": Needs.NOTHING, "9 9999 99999 99 9": Needs.NOTHING,
                 "9999999999999": Needs.WORD},
        valid=_thailand,
        words=("ประชาชน", "ปชช"),
    ),
    Scheme(
        countries=("IN",),
        layouts={"9999 9999 9999": Needs.COUNTRY, "9999-9999-9999": Needs.COUNTRY, "999999999999": Needs.WORD},
        valid=_aadhaar,
        words=("aadhaar", "aadhar", "uidai", "आधार", "ஆதார்", "ఆధార్", "আধার", "ആധാർ", "આધાર", "ಆಧಾರ್", "ਆਧਾਰ", "آدھار"),
    ),
    Scheme(
        countries=("IL",),
        layouts={"999999999": Needs.WORD, "99999999-9": Needs.WORD},
        valid=_israel,
        words=("תעודת זהות", "מספר זהות", "ת ז", "ת״ז", "הויה", "הוית", "identity number", "teudat zehut"),
    ),
    Scheme(
        countries=("IR",),
        layouts={"9999999999": Needs.WORD, "999-999999-9": Needs.COUNTRY},
        valid=_iran,
        words=("کد ملی", "کدملی", "شماره ملی", "كد ملي"),
    ),
    Scheme(
        countries=("SA",),
        layouts={"9999999999": Needs.WORD},
        valid=_saudi,
        words=("الهوية", "هوية", "الإقامة", "السجل المدني", "iqama", "national id"),
    ),
    Scheme(
        countries=("AE",),
        layouts={"999-9999-9999999-9": Needs.NOTHING, "999999999999999": Needs.COUNTRY},
        valid=_emirates,
        words=("emirates id", "الهوية", "هوية"),
    ),
)  # fmt: skip
