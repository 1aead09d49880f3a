"""Every scheme against a number that its authority or a standard gives as an example, or that was made to its rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.personal import checksums
from gristmill.filters.personal.national import SCHEMES, Needs, Scheme

EXAMPLES = {
    "personnummer": ("8112189876", "198112189876", "8112789873"),
    "henkilötunnu": ("131052308T", "131052A308T"),
    "fødselsnummer": ("01018010018", "41018000049"),
    "cpr": ("2110625629",),
    "kennitala": ("1201743399",),
    "isikukood": ("37605030299", "33309240064"),
    "personas kod": ("16117519997",),
    "nhs n": ("9434765919",),
    "pps": ("1234567T", "1234567FA"),
    "dni": ("12345678Z",),
    "nie ": ("X1234567L",),
    "nif": ("123456789",),
    "codice fiscale": ("RSSMRA85T10A562S", "RSSMRA85T10A56NH"),
    "sécurité sociale": ("255081416802538",),
    "rijksregister": ("85073003328",),
    "bsn": ("111222333",),
    "matricule": ("1983081112385",),
    "steuer-id": ("86095742719", "47036892816"),
    "versicherungsnummer": ("15070649C103",),
    "sozialversicherung": ("1237010180",),
    "ahv": ("7569217076985",),
    "αμκα": ("01013099997",),
    "αφμ": ("094259216",),
    "pesel": ("44051401359",),
    "rodné čísl": ("7360285163", "7103192745"),
    "adóazonosító": ("8071592153",),
    "taj": ("111111110",),
    "cnp": ("1800101221144",),
    "егн": ("7523169263",),
    "jmbg": ("0101006500006",),
    "oib": ("33392005961",),
    "снилс": ("11223344595",),
    "инн": ("500100732259",),
    "рнокпп": ("1759013776",),
    "иин": ("850101300005",),
    "t c kimlik": ("10000000146",),
    "身份证": ("11010519491231002X",),
    "身分證": ("A123456789",),
    "hkid": ("A1234563",),
    "nric": ("S1234567D",),
    "주민등록": ("6801011234561",),
    "マイナンバー": ("123456789018",),
    "ประชาชน": ("1234567890121",),
    "aadhaar": ("234123412346",),
    "תעודת זהות": ("123456782",),
    "کد ملی": ("0499370899",),
    "الهوية": ("1000000008",),
    "emirates id": ("784198012345678",),
    "cpf": ("11144477735", "12345678909"),
    "cuit": ("20123456786",),
    "rut ": ("123456785",),
    "curp": ("BOXW310820HNERXN09",),
    "cédula": ("1710034065",),
    "sin ": ("130692544",),
    "id number": ("8001015009087",),
    "tfn": ("123456782",),
    "ird": ("49091850",),
}
"""Numbers by the first word of their scheme."""

BY_WORD = {scheme.words[0]: scheme for scheme in reversed(SCHEMES)}


@pytest.mark.parametrize("word", EXAMPLES)
def test_examples_are_valid(word: str) -> None:
    assert all(BY_WORD[word].valid(number) for number in EXAMPLES[word])


def test_all_schemes_have_an_example() -> None:
    assert set(BY_WORD) == set(EXAMPLES)


@pytest.mark.parametrize("word", EXAMPLES)
def test_one_wrong_digit_at_the_end_is_noticed(word: str) -> None:
    """The check sees to it, or the date; a letter at the end may be any but the right one."""
    scheme, number = BY_WORD[word], EXAMPLES[word][0]
    others = "0123456789" if number[-1].isdigit() else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    wrong = [number[:-1] + last for last in others if last != number[-1] and scheme.valid(number[:-1] + last)]
    allowed = {"kennitala": 2, "sécurité sociale": 0}  # its last digit is the century
    assert len(wrong) <= allowed.get(word, 0), wrong


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.words[0])
@given(data=st.data())
def test_no_text_of_a_layout_is_too_odd(scheme: Scheme, data: st.DataObject) -> None:
    layout = data.draw(st.sampled_from(sorted(scheme.layouts)))
    compact = "".join(
        data.draw(st.sampled_from("0123456789" if sign == "9" else "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        for sign in layout
        if sign.isalnum()
    )
    assert scheme.valid(compact) in {True, False}


def test_bare_digits_with_one_check_digit_need_a_word() -> None:
    """Eleven digits or fewer without a sign between: chance passes one check in ten."""
    bare = {
        (scheme.words[0], layout): needs
        for scheme in SCHEMES
        for layout, needs in scheme.layouts.items()
        if layout.isdigit() and len(layout) <= 10
    }
    assert set(bare.values()) == {Needs.WORD}


@given(st.text("0123456789", min_size=1, max_size=20))
def test_every_number_has_one_check_digit(digits: str) -> None:
    for check in (checksums.luhn, checksums.verhoeff, checksums.mod_11_10):
        assert sum(check(digits + last) for last in "0123456789") == 1
    assert sum(checksums.mod_11_2(digits + last) for last in "0123456789X") == 1


@given(st.text("0123456789", min_size=2, max_size=20), st.data())
def test_verhoeff_sees_every_swap_of_neighbours(digits: str, data: st.DataObject) -> None:
    whole = next(digits + last for last in "0123456789" if checksums.verhoeff(digits + last))
    place = data.draw(st.integers(0, len(whole) - 2))
    swapped = whole[:place] + whole[place + 1] + whole[place] + whole[place + 2 :]
    assert checksums.verhoeff(swapped) == (swapped == whole)


def test_mod_97_of_a_registry_example() -> None:
    assert checksums.mod_97("NWBK60161331926819GB29") == 1
