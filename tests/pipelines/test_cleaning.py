"""Decoding and repair of text."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.pipelines.cleaning import clean, decode

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"

RUSSIAN = "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и совестью."
UKRAINIAN = "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені розумом і ґрунтом."
GREEK = "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα, και έχουν λογική."
HEBREW = "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. כולם חוננו בתבונה ובמצפון."
ARABIC = "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق وقد وهبوا عقلاً وضميراً وعليهم أن يعامل بعضهم بعضاً"
THAI = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม"
POLISH = "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są obdarzeni rozumem."
TURKISH = (
    "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana sahiptirler ve birbirlerine."
)
GERMAN = "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft begabt, müssen größer."
JAPANESE = (
    "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は理性を授けられている。"
)
SIMPLIFIED = "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心，并应以兄弟关系的精神相对待。"
TRADITIONAL = "人人生而自由，在尊嚴和權利上一律平等。他們賦有理性和良心，並應以兄弟關係的精神相對待。"
KOREAN = (
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 부여받았다."
)

UNDECLARED = [
    (JAPANESE, "cp932", "cp932"),
    (JAPANESE, "euc_jp", "euc_jp"),
    (JAPANESE, "iso2022_jp", "iso2022_jp"),
    (SIMPLIFIED, "gb18030", "gb18030"),
    (TRADITIONAL, "big5", "big5hkscs"),
    (KOREAN, "euc_kr", "cp949"),
    (RUSSIAN, "cp1251", "cp1251"),
    (RUSSIAN, "koi8_r", "koi8-u"),
    (UKRAINIAN, "koi8_u", "koi8-u"),
    (GREEK, "cp1253", "iso8859-7"),
    (GREEK, "iso8859_7", "iso8859-7"),
    (HEBREW, "cp1255", "cp1255"),
    (ARABIC, "cp1256", "cp1256"),
    (THAI, "tis_620", "cp874"),
    (GERMAN, "cp1252", "cp1252"),
    (GERMAN, "utf_16_le", "utf-16-le"),
    (GERMAN, "utf_16_be", "utf-16-be"),
    (POLISH, "cp1250", "cp1250"),
    (POLISH, "iso8859_2", "iso8859-2"),
    (TURKISH, "iso8859_9", "cp1254"),
]


@pytest.mark.parametrize(("text", "encoding", "found"), UNDECLARED)
def test_encodings_are_detected(text: str, encoding: str, found: str) -> None:
    assert decode(text.encode(encoding), declared=None, media_type="text/plain") == (text, found)


@pytest.mark.parametrize(("text", "encoding"), [each[:2] for each in UNDECLARED])
def test_declared_encodings_are_believed(text: str, encoding: str) -> None:
    decoded, _ = decode(text.encode(encoding), declared=encoding, media_type="text/plain")
    assert decoded == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "cp1251"),
        (GREEK, "cp1253"),
        (THAI, "cp874"),
        (JAPANESE, "cp932"),
        (KOREAN, "cp949"),
        (ARABIC, "utf-8"),
    ],
)
def test_a_servers_latin_default_is_overruled(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), declared="ISO-8859-1", media_type="text/html")[0] == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_rule(encoding: str) -> None:
    assert decode(JAPANESE.encode(encoding), declared="cp1252", media_type=None)[0] == JAPANESE


def test_page_declares_its_encoding() -> None:
    meta = '<meta http-equiv="Content-Type" content="text/html; charset=windows-1250">'
    page = f"<html><head>{meta}</head>Příliš žluťoučký kůň</html>"
    assert decode(page.encode("cp1250"), declared=None, media_type="text/html") == (page, "cp1250")


def test_labels_mean_what_the_web_means() -> None:
    assert decode(b"\x93quoted\x94 \x80", declared="ISO-8859-1", media_type="text/plain") == ("“quoted” €", "cp1252")
    assert decode("①㈱".encode("cp932"), declared="Shift_JIS", media_type="text/plain") == ("①㈱", "cp932")
    assert decode("囧镕".encode("gb18030"), declared="gb2312", media_type="text/plain") == ("囧镕", "gb18030")


@pytest.mark.parametrize("label", ["rot13", "base64", "nonsense", "", "undefined", "idna", "utf-7\0", "\ud800"])
def test_labels_that_are_no_encoding_are_passed_over(label: str) -> None:
    assert decode(GERMAN.encode(), declared=label, media_type="text/plain") == (GERMAN, "utf-8")


def test_a_few_wrong_bytes_leave_utf8_alone() -> None:
    text, encoding = decode((RUSSIAN * 5).encode() + b"\xff" + RUSSIAN.encode(), declared=None, media_type="text/plain")
    assert (text, encoding) == (RUSSIAN * 5 + "\ufffd" + RUSSIAN, "utf-8")


@given(st.binary(max_size=400), st.sampled_from([None, "utf-8", "utf-16", "shift_jis", "iso-2022-jp", "hz", "x"]))
def test_decode_takes_any_bytes(payload: bytes, declared: str | None) -> None:
    text, encoding = decode(payload, declared=declared, media_type="text/html")
    assert isinstance(text, str)
    assert "".encode(encoding) is not None


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_real_shift_jis_books() -> None:
    books = sorted((SHARED / "text" / "shift_jis").glob("*.txt"))
    assert len(books) == 25
    assert {decode(each.read_bytes(), declared=None, media_type="text/plain")[1] for each in books} == {"cp932"}


@pytest.mark.parametrize(
    "text",
    [
        *(RUSSIAN, UKRAINIAN, GREEK, HEBREW, ARABIC, THAI, POLISH, TURKISH, GERMAN, JAPANESE, SIMPLIFIED, KOREAN),
        "می\u200cخواهم کتاب\u200cها را",  # ZWNJ of Persian
        "ക്\u200d ശ്രീ क्\u200dष",  # ZWJ of Indic scripts
        "שָׁלוֹם עֲלֵיכֶם",  # points, in canonical order
        "עברית \u200eLTR\u200f ו-\u2067RTL\u2069",  # direction marks
        "👩\u200d👩\u200d👧\u200d👦 ❤\ufe0f",
        "“Quotes” ‘single’ ﬁ ＡＢＣ ｶﾅ … – —",
        "«\xa0Bonjour\xa0», dit-il à «\xa0l’été\xa0».",
        "THÉ «À LA CARTE» ÂGÉ Ã",
        "ภาษา\u200bไทย",
        "한국어 텍스트",
        "ਪੰਜਾਬੀ தமிழ் తెలుగు ಕನ್ನಡ සිංහල བོད་ཡིག မြန်မာ ភាសាខ្មែរ",
    ],
)
def test_clean_text_stays_as_it_is(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("schÃ¶n und grÃ¼n", "schön und grün"),
        ("âœ” No problems", "✔ No problems"),
        ("It\xe2\x80\x99s", "It’s"),
        ("Ð¿Ñ\x80Ð¸Ð²ÐµÑ\x82 Ð¼Ð¸Ñ\x80", "привет мир"),
        ("clean line\nschÃ¶n\nçok güzel", "clean line\nschön\nçok güzel"),
        ("\x84Bosna\x93", "„Bosna“"),
        ("a\r\nb\rc\x0bd\u2028e", "a\nb\nc\nd\ne"),
        ("a\0b\x07c\x7fd\ufeffe\ufffef\U0001ffffg", "abcdefg"),
        ("a\ud800b", "ab"),
        ("tab\tkept", "tab\tkept"),
        ("trail  \t\nnext\u3000\n", "trail\nnext"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("a\n\n\nb", "a\n\n\nb"),
        ("e\u0301", "é"),
        ("\u1112\u1161\u11ab", "한"),
        ("  indented", "  indented"),
        (" \n\t\n", ""),
    ],
)
def test_repairs(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


MIXED = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            ["Ã", "©", "â€™", "\xa0", "Ð", "\x81", "\x9d", "вЂ", "™", "\u0303", "A", "\n", " ", "\r", "\0"]
        ),
    ),
    max_size=25,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(MIXED)
@example("A\u0303©")
@example("Ã\x00©")
@example("Ã\xa0\n")
def test_clean_is_idempotent(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode("utf-8")
