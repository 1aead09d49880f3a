import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gristmill.filters.personal import of_url, plans
from gristmill.filters.personal.context import Context, any_of
from gristmill.filters.personal.folding import fold
from gristmill.filters.personal.places import place
from gristmill.filters.personal.regions import candidates


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.example.de/x?y=z.fr", "DE"),
        ("http://user@example.co.uk:8080", "GB"),
        ("HTTP://EXAMPLE.CO.NZ", "NZ"),
        ("https://example.org/a.de", None),
        ("https://example.io", None),
        ("https://example.eu", None),
        ("https://10.0.0.1/", None),
        ("data/file.de", None),
        ("", None),
        (None, None),
    ],
)
def test_the_country_of_a_url(url: str | None, expected: str | None) -> None:
    assert of_url(url) == expected


@pytest.mark.parametrize(
    ("language", "region", "expected"),
    [
        ("pol_Latn", None, ("PL",)),
        ("pol_Latn", "PL", ("PL",)),
        ("nld_Latn", "BE", ("BE", "NL")),
        ("zho_Hant", None, ("TW", "HK", "MO")),
        ("zho", None, ("CN", "TW", "HK", "SG", "MO")),
        ("und", "FR", ("FR",)),
        ("und_Latn", None, ()),
        (None, None, ()),
    ],
)
def test_candidates(language: str | None, region: str | None, expected: tuple[str, ...]) -> None:
    assert candidates(language, region) == expected


def test_every_region_is_a_country_with_a_plan() -> None:
    from gristmill.filters.personal import regions

    known = regions._known()["languages"]
    assert {each for given_regions in known.values() for each in given_regions} <= phonenumbers.SUPPORTED_REGIONS
    assert max(map(len, known.values())) <= 8
    assert list(known) == sorted(known)


def test_words_of_a_language_add_to_those_in_use_anywhere() -> None:
    german, none = place("deu_Latn", None).words, place(None, None).words
    assert german.phone.search(" rufnummer ") and not none.phone.search(" rufnummer ")
    assert german.phone.search(" telefonisch ") and none.phone.search(" telefonisch ")
    assert not none.phone.search(" hotel ")


def test_the_last_word_counts() -> None:
    text = "Order 12, Téléphone (fixe): 3 x 4, 电话"
    context = Context(text + "030", len(text))
    assert context.words.endswith(" order téléphone fixe x 电话 ")
    phone, order = any_of(["téléph", "电话"]), any_of(["order "])
    assert context.last(phone) > context.last(order) >= 0
    assert not context.has(any_of(["fix "]))
    assert context.has(any_of(["FIX".lower()]))


@given(st.text())
def test_folding_keeps_the_length(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


def test_folding() -> None:
    assert fold("٠１２३𝟒－．＋\u00a0\u200e—é") == "01234-.+  -é"


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_example_numbers_of_all_countries_are_read(region: str) -> None:
    """The quick look lets through what the library takes for valid, with trunk prefix and without."""
    number = phonenumbers.example_number(region)
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    digits = "".join(filter(str.isdigit, written))
    read = plans.read_national(digits, region)
    assert read is not None
    assert read.number == number
    international = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert plans.is_international(international[1:])


@given(st.text("0123456789", min_size=7, max_size=15), st.sampled_from(["DE", "US", "IT", "AR", "CN", "BR", "MX"]))
def test_reading_agrees_with_the_library(digits: str, region: str) -> None:
    """But that the library takes a country code without a plus for one."""
    assume(not digits.startswith(str(phonenumbers.country_code_for_region(region))))
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        number = None
    valid = number is not None and phonenumbers.is_valid_number_for_region(number, region)
    read = plans.read_national(digits, region)
    assert (read is not None) == valid
    assert read is None or read.number == number


@given(st.text("0123456789", min_size=7, max_size=15))
def test_international_numbers_agree_with_the_library(digits: str) -> None:
    try:
        valid = phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        valid = False
    assert plans.is_international(digits) == valid
