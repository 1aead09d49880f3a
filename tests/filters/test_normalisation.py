"""Which texts are the same once normalised: a table of pairs, each with what it shows."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters import shingles

ALIKE = [
    ("case", "The Quick BROWN Fox", "the quick brown fox"),
    ("case of Greek, final sigma", "ΟΔΟΣ ΣΟΦΙΑΣ", "οδος σοφιας"),
    ("case of Cyrillic", "ДОБРЫЙ ДЕНЬ", "добрый день"),
    ("case of Armenian, and the ligature yew", "ԵՒ ԲԱՐԵՒ", "և բարև"),
    ("case of Georgian", "ᲡᲐᲥᲐᲠᲗᲕᲔᲚᲝ", "საქართველო"),
    ("case of German sharp s", "STRASSE und GROẞ", "Straße und groß"),
    ("Turkish dotless i", "ILIK Isparta", "ılık ısparta"),
    ("Turkish dotted I", "İstanbul DİYARBAKIR", "istanbul diyarbakır"),
    ("punctuation and spacing", "Well, then: stop!", "well then\n\nstop"),
    ("apostrophes", "don’t l＇eau", "don't l'eau"),
    ("hyphens", "well‑known e‐mail", "well-known e-mail"),
    ("French accents", "élève à Noël où ça", "eleve a Noel ou ca"),
    ("French ligature stays, accents go", "Œuvre d’été", "œuvre d'ete"),
    ("Polish accents and stroke", "Zażółć gęślą jaźń, Łódź", "Zazolc gesla jazn, Lodz"),
    ("Vietnamese tones, horns and stroke", "Đường phố Hà Nội đẹp", "Duong pho Ha Noi dep"),
    ("Czech and Slovak accents", "Příliš žluťoučký kůň", "Prilis zlutoucky kun"),
    ("Danish and Norwegian stroke", "Øl på København", "Ol pa Kobenhavn"),
    ("Croatian stroke and digraph", "Đuro ǆep", "Duro džep"),
    ("Maltese stroke", "Ħal Qormi", "Hal Qormi"),
    ("Yoruba, composed and decomposed", "ẹ̀kọ́ ọ̀rọ̀", unicodedata.normalize("NFD", "ẹ̀kọ́ ọ̀rọ̀")),
    ("Latin, composed and decomposed", "crème brûlée", "cre\u0300me bru\u0302le\u0301e"),
    ("Latin ligatures", "ﬁnal oﬃce ﬂow", "final office flow"),
    ("Dutch ligature", "ĳsberg Ĳ", "ijsberg IJ"),
    ("long s", "Wachſtube", "Wachstube"),
    ("full width Latin", "ＦＵＬＬ　Ｗｉｄｔｈ", "full width"),
    ("mathematical alphabets", "𝐁𝐨𝐥𝐝 𝔉𝔯𝔞𝔨𝔱𝔲𝔯 𝚖𝚘𝚗𝚘", "bold fraktur mono"),
    ("Roman numerals", "Kapitel Ⅻ und ⅳ", "kapitel XII und iv"),
    ("Greek, monotonic without accents", "Καλημέρα κόσμε, άνθρωπος", "Καλημερα κοσμε, ανθρωπος"),
    ("Greek, polytonic without accents", "Ὀδυσσεὺς ἦν ᾧ", "Οδυσσευς ην ω"),
    ("Greek diaeresis", "Μαΐου προϊόν", "Μαιου προιον"),
    ("Greek symbols", "ϑεός ϰαί", "θεός καί"),
    ("Cyrillic io", "Ёлка ещё", "Елка еще"),
    ("Cyrillic stress", "за́мок и замо́к", "замок и замок"),
    ("Bulgarian grave", "ѝ каза", "и каза"),
    ("Cyrillic short i, decomposed", "мой край", "мои\u0306 краи\u0306"),
    ("Ukrainian yi, decomposed", "Україна їжак", "Украі\u0308на і\u0308жак"),
    ("Belarusian short u, decomposed", "воўк", "воу\u0306к"),
    ("Macedonian gje, decomposed", "ѓавол Ќе", "г\u0301авол К\u0301е"),
    ("Ukrainian apostrophes", "пʼять здоров’я", "п'ять здоровʼя"),
    ("Arabic harakat", "كَتَبَ الْوَلَدُ الدَّرْسَ", "كتب الولد الدرس"),
    ("Arabic tatweel", "كـــتـــاب جديـــد", "كتاب جديد"),
    ("Arabic tatweel and harakat", "مُحَـمَّـد", "محمد"),
    ("Arabic hamza on alef, waw and yeh", "أحمد إلى آخر مؤمن", "احمد الى اخر مومن"),
    ("Arabic superscript alef", "هٰذا الرحمٰن", "هذا الرحمن"),
    ("Quranic marks", "ٱلۡكِتَٰبُ ۛ", "ٱلكتب"),
    ("Arabic presentation forms", "ﻣﺮﺣﺒﺎ", "مرحبا"),
    ("Arabic ligatures", "ﻻ ﷲ ﺍﻷول", "لا الله الأول"),
    ("Persian keheh and yeh on an Arabic keyboard", "کتاب فارسی", "كتاب فارسي"),
    ("Persian non-joiner", "می‌خواهم", "میخواهم"),
    ("Urdu digits", "سال ۲۰۲۳", "سال 2023"),
    ("direction marks", "\u200fنص\u200e \u202bعربي\u202c", "نص عربي"),
    ("Hebrew niqqud", "בְּרֵאשִׁית בָּרָא", "בראשית ברא"),
    ("Hebrew cantillation", "בָּרָ֣א אֱלֹהִ֑ים", "ברא אלהים"),
    ("Hebrew presentation forms", "שׁלום ﬠם ﭏ", "שלום עם אל"),
    ("Yiddish pointed letters", "ייִדיש פּאָלין", "יידיש פאלין"),
    ("Hebrew geresh and gershayim", "צה״ל ג׳ירפה", "צהל ג'ירפה"),
    ("Syriac points", "ܫܠܳܡܳܐ", "ܫܠܡܐ"),
    ("digits of Arabic", "١٢٣٤", "1234"),
    ("digits of Devanagari and Bengali", "वर्ष १९४७ ১৯৭১", "वर्ष 1947 1971"),
    ("digits of Thai, Khmer, Burmese and Tibetan", "๑๒ ៣៤ ၅၆ ༧༨", "12 34 56 78"),
    ("digits of other value", "page 17 of 2019", "page 42 of 2024"),
    ("digits of full width", "２０２４年", "2024年"),
    ("Devanagari nukta, composed and decomposed", "\u0958लम \u095bमीन \u0929 \u0934", "क़लम ज़मीन न\u093c ळ\u093c"),
    ("Bengali nukta, composed and decomposed", "বা\u09dcি \u09df", "বাড\u09bcি য\u09bc"),
    ("Gurmukhi nukta, composed and decomposed", "\u0a59ਬਰ", "ਖ\u0a3cਬਰ"),
    ("Bengali vowel in two parts", "কো কৌ", "ক\u09c7\u09be ক\u09c7\u09d7"),
    ("Tamil vowel in two parts", "கொடு கோடு", "க\u0bc6\u0bbeடு க\u0bc7\u0bbeடு"),
    ("Malayalam and Kannada vowels in parts", "കോ ಕೋ", "ക\u0d47\u0d3e ಕ\u0cc6\u0cc2\u0cd5"),
    ("Sinhala vowel in three parts", "කෝ", "ක\u0dd9\u0dcf\u0dca"),
    ("Hindi joiners", "क्\u200dष क्\u200cष", "क्ष क्ष"),
    ("Thai with zero-width spaces", "ภาษา\u200bไทย", "ภาษาไทย"),
    ("Tibetan composed vowel", "ག\u0f73", "ག\u0f71\u0f72"),
    ("half width katakana", "ｶﾀｶﾅ ﾃｽﾄ", "カタカナ テスト"),
    ("half width katakana, voiced", "ｶﾞｷﾞ ﾊﾟﾋﾟ ｳﾞ", "ガギ パピ ヴ"),
    ("half width sound marks behind full width kana", "カﾞハﾟ", "ガパ"),
    ("decomposed kana", "カ\u3099は\u309a", "ガぱ"),
    ("half width long vowel mark", "ｺｰﾋｰ", "コーヒー"),
    ("Japanese punctuation", "「東京」、です。", "東京です"),
    ("CJK compatibility ideographs", "\uf900\uf9e8\ufa0a", "豈裡見"),
    ("ideographic variation selectors", "葛\U000e0100城", "葛城"),
    ("Chinese spacing and punctuation", "中文，字", "中 文字。"),
    ("half width Hangul jamo", "ﾡﾢ", "ㄱㄲ"),
    ("emoji variation selectors", "I ❤\ufe0f you", "I ❤ you"),
    ("emoji leave no trace beside words", "good 👍🏽 morning 👩‍👩‍👧", "good morning"),
    ("soft hyphens and byte order marks", "\ufeffso\u00adft hy\u00adphen", "soft hyphen"),
    ("keycaps", "press 1\ufe0f\u20e3 now", "press 1 now"),
    ("Mongolian variation selectors", "ᠠ\u180bᠮ", "ᠠᠮ"),
]

APART = [
    ("Thai tone mark and vowel", "น้ำ", "นำ"),
    ("Thai tone", "ไม่ใหม่", "ไหม้ไหม"),
    ("Thai vowel above", "มีด", "มืด"),
    ("Thai vowel below", "คุณ", "คูณ"),
    ("Lao vowel", "ປີ", "ປິ"),
    ("Hindi vowel sign", "कि", "का"),
    ("Hindi length of a vowel", "दिन", "दीन"),
    ("Hindi anusvara", "हंस", "हस"),
    ("Hindi virama", "पक्का", "पकका"),
    ("Hindi nukta", "सज़ा", "सजा"),
    ("Marathi vowel", "पाणी", "पुणे"),
    ("Bengali vowel sign", "দিন", "দান"),
    ("Bengali vowel sign e and o", "বেল", "বোল"),
    ("Bengali candrabindu", "চাঁদ", "চাদ"),
    ("Bengali nukta", "বড়", "বড"),
    ("Tamil vowel sign", "பல்", "பால்"),
    ("Tamil short and long e", "கெடு", "கேடு"),
    ("Tamil pulli", "கல்", "கல"),
    ("Telugu vowel sign", "కల", "కాల"),
    ("Kannada vowel sign", "ಕಲೆ", "ಕಾಲೆ"),
    ("Malayalam vowel sign", "കല", "കാല"),
    ("Gujarati vowel sign", "દિન", "દાન"),
    ("Punjabi addak", "ਪੱਤਾ", "ਪਤਾ"),
    ("Sinhala vowel sign", "කල", "කාල"),
    ("Khmer vowel sign", "គូ", "គោ"),
    ("Khmer subscript", "ក្រ", "ករ"),
    ("Burmese tone", "မ", "မာ့"),
    ("Burmese asat", "က်", "က"),
    ("Tibetan vowel sign", "སི", "སུ"),
    ("Amharic order of a letter", "ለመ", "ሉሙ"),
    ("Maldivian vowel sign", "ދި", "ދު"),
    ("Cyrillic short i", "мой", "мои"),
    ("Ukrainian yi", "їх", "іх"),
    ("Belarusian short u", "воўк", "воук"),
    ("Macedonian gje", "ѓе", "ге"),
    ("Tajik long i", "ӣ", "и"),
    ("Arabic teh marbuta and heh", "مدرسة", "مدرسه"),
    ("Arabic alef maksura and yeh", "على", "علي"),
    ("Arabic dots", "بنت", "بيت"),
    ("Hebrew letters", "שלום", "שלוש"),
    ("Yiddish digraph and two letters", "װאס", "וואס"),
    ("Japanese voicing", "カキ", "ガギ"),
    ("Japanese half voicing", "バ", "パ"),
    ("half width voicing", "ｶ", "ｶﾞ"),
    ("voicing mark that stands by itself", "か゛", "が"),
    ("hiragana and katakana", "さくら", "サクラ"),
    ("small kana", "きよう", "きょう"),
    ("simplified and traditional Chinese", "语言", "語言"),
    ("one Han character", "未来", "末来"),
    ("Korean vowel", "가", "거"),
    ("Hangul and its jamo, which ingest puts together", "한글", unicodedata.normalize("NFD", "한글")),
    ("Latin letters with hooks", "ƙasa", "kasa"),
    ("Azerbaijani schwa", "gəl", "gel"),
    ("Icelandic eth and thorn", "það", "pad"),
    ("ash and its letters", "æble", "aeble"),
    ("German umlaut and its spelling", "Müller", "Mueller"),
    ("superscripts", "m²", "m2"),
    ("circled numbers", "①", "1"),
    ("number of digits", "999", "1000"),
    ("digits and words", "2 cats", "two cats"),
    ("where words end", "ab", "a b"),
    ("a text of emoji alone", "👍", "👎"),
    ("the order of words", "dog bites man", "man bites dog"),
]


def shingle_sets(one: str, two: str) -> tuple[set[int], set[int]]:
    found = shingles.hashes(pa.array([one, two]))
    return tuple(set(found.hashes[a:b].tolist()) for a, b in zip(found.offsets, found.offsets[1:], strict=False))


def in_words(text: str) -> str:
    """The text among so many words that shingles are of words, not of characters."""
    return f"all good things come in the end {text} to those who wait for them"


def test_the_table_is_large() -> None:
    assert len(ALIKE) + len(APART) >= 60
    for pairs in (ALIKE, APART):
        assert len({what for what, _, _ in pairs}) == len({(one, two) for _, one, two in pairs}) == len(pairs)


@pytest.mark.parametrize(("one", "two"), [pytest.param(one, two, id=what) for what, one, two in ALIKE])
def test_alike(one: str, two: str) -> None:
    assert one != two
    for found, expected in (shingle_sets(one, two), shingle_sets(in_words(one), in_words(two))):
        assert found == expected


@pytest.mark.parametrize(("one", "two"), [pytest.param(one, two, id=what) for what, one, two in APART])
def test_apart(one: str, two: str) -> None:
    found, other = shingle_sets(one, two)
    assert found != other


@pytest.mark.parametrize(
    ("one", "two"),
    [pytest.param(one, two, id=what) for what, one, two in APART if any(map(str.isalnum, one))],
)
def test_apart_among_words(one: str, two: str) -> None:
    found, other = shingle_sets(in_words(one), in_words(two))
    assert found != other


ALPHABETS = [
    "aeiouÅñçǘơđ \u0301\u0323\u0308",
    "αειουϊΐᾧΆ \u0301\u0345",
    "абеиуйёїўѓќӣ \u0301",
    "ابتأإآؤئ \u064e\u0651\u0654",
    "אבשׁוֹ \u05b0\u05bc",
    "कखड़ऩ़ािी् ",
    "কডড়য়ো\u09be\u09c7\u09d7 ",
    "கஙொோ\u0bbe\u0bc6 ",
    "かがぱカガパ\u3099\u309a ー",
    "豈見\uf900\ufa0a語",
]


@settings(deadline=None, max_examples=100)
@given(text=st.sampled_from(ALPHABETS).flatmap(lambda chars: st.text(chars, max_size=40).map(chars[0].__add__)))
def test_canonically_equivalent_texts_are_alike(text: str) -> None:
    found, other = shingle_sets(unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))
    assert found == other
