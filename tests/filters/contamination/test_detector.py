"""Evaluation items are found in every script, and nothing else is."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import TEXTS, hostile

from gristmill.filters.contamination.align import Item, Window, align, may_match, new_scratch
from gristmill.filters.contamination.detector import MAX_OWNERS, SHOWN, Detector, Texts, index_rows
from gristmill.filters.contamination.seeds import CROWD
from gristmill.filters.contamination.tokens import tokenize, unframed
from gristmill.schemas import CONTAMINATION, EVALUATION_ITEMS

ITEMS = {
    "eng": "A baker packs twelve rolls into every basket and carries nine baskets to the harbour before sunrise.",
    "deu": "Ein Gärtner setzt vierzehn Tulpen in jede Reihe und gießt danach alle Beete hinter dem alten Schuppen.",
    "rus": "Почтальон разносит утром сорок писем, а вечером возвращается домой вдоль реки мимо старой мельницы.",
    "ara": "يجمع الصياد عشرين سمكة كل صباح ثم يبيع نصفها في سوق القرية القديمة قرب الميناء",
    "hin": "एक किसान हर सुबह अपने खेत से तीस टोकरी आम तोड़कर पास के बाज़ार में बेचने जाता है।",
    "ben": "একজন জেলে প্রতিদিন সকালে নদী থেকে পঁচিশটি মাছ ধরে এবং অর্ধেক গ্রামের বাজারে বিক্রি করে।",
    "tel": "ఒక రైతు ప్రతి ఉదయం తన తోట నుండి ముప్పై బుట్టల మామిడి పండ్లు కోసి సంతలో అమ్ముతాడు.",
    "swa": "Mvuvi huyu hukamata samaki ishirini kila asubuhi kisha huuza nusu yao sokoni karibu na bandari.",
    "amh": "አንድ ገበሬ በየቀኑ ጠዋት ከእርሻው ሠላሳ ቅርጫት ማንጎ ለቅሞ ወደ ገበያ ወስዶ ይሸጣል።",
    "kor": "어부는 매일 아침 강가에서 물고기 스무 마리를 잡아 절반을 마을 시장에 내다 판다.",
    "zho": "渔夫每天清晨在河边捕到二十条鲜鱼，然后把其中一半卖给村口的小饭馆。",
    "jpn": "漁師は毎朝港の近くで二十匹の魚を捕まえて、そのうち半分を市場の食堂に売ります。",
    "tha": "ชาวประมงจับปลาได้ยี่สิบตัวทุกเช้าแล้วนำครึ่งหนึ่งไปขายที่ตลาดริมแม่น้ำ",
    "khm": "អ្នកនេសាទចាប់ត្រីបានម្ភៃក្បាលរៀងរាល់ព្រឹក ហើយលក់ពាក់កណ្ដាលនៅផ្សារក្បែរមាត់ទន្លេ",
}
"""An item in each of many scripts, written for this test."""

UNSPACED = {"zho", "jpn", "tha", "khm"}
HOST = "Some opening words that belong to the page.\n{}\nAnd a closing remark about the weather."


def detector(*texts: str, min_share: float = 0.8, set_name: str = "quiz") -> Detector:
    return Detector.load(rows(*texts, set_name=set_name), min_share=min_share)


def rows(*texts: str, set_name: str = "quiz") -> pa.Table:
    items = pa.array([f"i{number}" for number in range(len(texts))], pa.string())
    return index_rows([Texts(set_name, "question", items, pa.array(texts, pa.string()))])


def measure(found: Detector, *texts: str) -> list[dict]:
    ids = pa.array([f"{number:032}" for number in range(len(texts))], pa.string())
    return found.measure(ids, pa.array(texts, pa.string())).to_pylist()


def changed(text: str, *places: int, language: str) -> str:
    """The text with some words (or characters) replaced by one that it does not have."""
    parts = list(text) if language in UNSPACED else text.split(" ")
    for place in places:
        parts[place] = {"zho": "龍", "jpn": "龍", "tha": "ฮ", "khm": "ឡ"}.get(language, "zyzzyva")
    return ("" if language in UNSPACED else " ").join(parts)


@pytest.fixture(scope="module")
def all_languages() -> Detector:
    return detector(*ITEMS.values())


@pytest.mark.parametrize("language", ITEMS)
def test_a_verbatim_item_is_found_where_it_stands(language: str, all_languages: Detector) -> None:
    item = ITEMS[language]
    text = HOST.format(item)
    (row,) = measure(all_languages, text)
    (evidence,) = row["evidence"]
    number = list(ITEMS).index(language)
    assert (evidence["set"], evidence["item"], evidence["share"]) == ("quiz", f"i{number}", 1.0)
    assert text[evidence["start"] : evidence["end"]] == item.rstrip(".。।።")
    assert evidence["text"] == item.rstrip(".。।።")[:SHOWN]
    assert row["contaminated_items"] == 1
    assert row["contamination_share"] == pytest.approx((evidence["end"] - evidence["start"]) / len(text))


@pytest.mark.parametrize("language", ITEMS)
def test_an_item_with_a_tenth_of_its_words_changed_is_found(language: str, all_languages: Detector) -> None:
    item = ITEMS[language]
    places = (2, 14, 22) if language in UNSPACED else (3,)
    (row,) = measure(all_languages, HOST.format(changed(item, *places, language=language)))
    (evidence,) = row["evidence"]
    assert evidence["item"] == f"i{list(ITEMS).index(language)}"
    assert 0.85 <= evidence["share"] < 1


def test_other_texts_are_not_contaminated(all_languages: Detector) -> None:
    others = [*TEXTS, "A baker packs rolls before sunrise. He carries them to the harbour.", ""]
    assert [row["evidence"] for row in measure(all_languages, *others)] == [[]] * len(others)


def test_share_is_that_of_the_words_found() -> None:
    item = "red fox jumped across seven frozen ponds near our quiet village"
    found = detector(item)
    for text, share in (
        ("red fox jumped across seven frozen ponds near our quiet hamlet", 10 / 11),
        ("red fox jumped across eight frozen lakes near our quiet village", 9 / 11),
        ("red fox jumped boldly across seven frozen ponds near our own quiet village", 1),  # two words more
        ("red fox across seven frozen ponds near our village", 9 / 11),  # two words less
        ("red fox jumped across eight frozen lakes near this quiet village", None),  # 8 of 11 are not enough
        ("village quiet our near ponds frozen seven across jumped fox red", None),
    ):
        shares = [each["share"] for each in measure(found, text)[0]["evidence"]]
        assert shares == ([] if share is None else [pytest.approx(share)]), text


def test_how_much_is_enough_is_the_recipes() -> None:
    item = "red fox jumped across seven frozen ponds near our quiet village"
    text = "red fox jumped across eight frozen ponds near our quiet village"
    assert [measure(detector(item, min_share=least), text)[0]["contaminated_items"] for least in (0.9, 0.95, 1.0)] == [
        1,
        0,
        0,
    ]
    assert measure(detector(item, min_share=1.0), item)[0]["contaminated_items"] == 1


def test_case_punctuation_accents_and_width_make_no_difference_but_numbers_do() -> None:
    item = "Étienne paid 250 francs for the blue bicycle in Orléans"
    found = detector(item)
    assert (
        measure(found, "ETIENNE paid 250 francs; for “the ｂｌｕｅ bicycle” in\nOrleans!")[0]["evidence"][0]["share"]
        == 1
    )
    assert measure(found, item.replace("250", "260"))[0]["evidence"][0]["share"] == pytest.approx(0.9)


def test_short_items_must_be_there_exactly() -> None:
    found = rows("Where do mountain gorillas live", "Which planet", "at the end of the day", "12 34 56 78 90 12 34", "")
    assert found["match"].to_pylist() == ["exact", "none", "none", "none", "none"]
    short = Detector.load(found, min_share=0.8)
    assert measure(short, "Tell me: where do mountain gorillas live?")[0]["contaminated_items"] == 1
    assert measure(short, "Where do mountain lions live?")[0]["evidence"] == []
    assert measure(short, "Which planet? At the end of the day, 12 34 56 78 90 12 34.")[0]["evidence"] == []


def test_what_cannot_be_told_is_in_the_table() -> None:
    (row,) = rows("Which planet").to_pylist()
    assert (row["item"], row["words"], row["match"], row["seeds"]) == ("i0", 2, "none", [])
    assert rows("Which planet").schema.equals(EVALUATION_ITEMS.schema)


def test_copies_that_follow_each_other_are_one_finding_and_others_are_not() -> None:
    item = "red fox jumped across seven frozen ponds near our quiet village"
    text = f"{item}. {item}; {item}\nIn between stands something of its own, at some length.\n{item}"
    (row,) = measure(detector(item), text)
    assert [(each["start"], each["end"]) for each in row["evidence"]] == [
        (0, 3 * len(item) + 4),
        (len(text) - len(item), len(text)),
    ]
    assert row["contaminated_items"] == 1
    assert row["contamination_share"] == pytest.approx((4 * len(item) + 4) / len(text))


def test_overlapping_findings_are_covered_once() -> None:
    first = "red fox jumped across seven frozen ponds near our quiet village"
    second = "frozen ponds near our quiet village attract patient silver herons every winter"
    text = "red fox jumped across seven frozen ponds near our quiet village attract patient silver herons every winter"
    (row,) = measure(detector(first, second), text)
    assert [each["item"] for each in row["evidence"]] == ["i0", "i1"]
    assert row["contaminated_items"] == 2
    assert row["contamination_share"] == 1


def test_items_with_the_same_words_are_all_named() -> None:
    item = ITEMS["eng"]
    (row,) = measure(detector(item, ITEMS["deu"], item.upper()), item)
    assert [each["item"] for each in row["evidence"]] == ["i0", "i2"]
    assert row["contaminated_items"] == 2
    (row,) = measure(detector(*[item] * 40), f"{item}\n{HOST}\n{item}")
    assert len(row["evidence"]) == MAX_OWNERS + 1  # the second copy names one
    assert row["contaminated_items"] == 40


def test_fields_are_named_where_a_set_has_several() -> None:
    ids = pa.array(["a"])
    groups = [
        Texts("quiz", "question", ids, pa.array([ITEMS["eng"]])),
        Texts("quiz", "answer", ids, pa.array([ITEMS["deu"]])),
        Texts("other", "text", ids, pa.array([ITEMS["rus"]])),
    ]
    (row,) = measure(Detector.load(index_rows(groups), min_share=0.8), "\n".join(ITEMS.values()))
    assert [each["item"] for each in row["evidence"]] == ["a/question", "a/answer", "a"]
    assert row["contaminated_items"] == 2  # one of each set


def test_what_frames_all_items_of_a_field_is_not_part_of_them() -> None:
    framed = [f"Question: {each}\nAnswer:" for each in ITEMS.values()]
    starts, ends = unframed(tokenize(pa.array(framed)))
    assert (ends - starts).tolist() == np.diff(tokenize(pa.array(list(ITEMS.values()))).offsets).tolist()
    found = Detector.load(rows(*framed), min_share=1.0)
    assert [measure(found, each)[0]["contaminated_items"] for each in ITEMS.values()] == [1] * len(ITEMS)


def test_few_texts_and_few_of_them_make_no_frame() -> None:
    framed = [f"Question: {each}" for each in ITEMS.values()]
    assert unframed(tokenize(pa.array(framed[:9])))[0].tolist() == tokenize(pa.array(framed[:9])).offsets[:-1].tolist()
    mixed = [*framed[:8], *list(ITEMS.values())[8:]]
    assert unframed(tokenize(pa.array(mixed)))[0].tolist() == tokenize(pa.array(mixed)).offsets[:-1].tolist()
    assert unframed(tokenize(pa.array(["same words here"] * 12)))[0].tolist() == [3 * each for each in range(1, 13)]


def test_a_frame_stays_where_nothing_else_would_be_told() -> None:
    names = ("Ada", "Bela", "Cleo", "Dora", "Egon", "Fritz", "Gerd", "Hanna", "Ilse", "Jana", "Karl", "Lena")
    texts = [f"{name} sells green umbrellas near the old railway station" for name in names]
    assert set(rows(*texts)["words"].to_pylist()) == {9}
    assert measure(detector(*texts), HOST.format(texts[3]))[0]["evidence"][0]["share"] == 1


def test_items_that_differ_in_little_are_told_apart() -> None:
    words = ("amber", "birch", "cedar", "daisy", "elder", "fern", "ginger", "hazel", "ivy", "juniper")
    texts = [
        f"jump twice then carry {one} past {two} and walk left around {three}"
        for one in words
        for two in words
        for three in words
    ]
    found = detector(*texts)
    assert len(texts) > 10 * CROWD
    for number in (0, 357, 999):
        (row,) = measure(found, HOST.format(texts[number]))
        best = max(row["evidence"], key=lambda each: each["share"])
        assert (best["item"], best["share"]) == (f"i{number}", 1.0)


def test_an_index_is_the_same_each_time_and_a_batch_is_its_documents() -> None:
    texts = list(ITEMS.values())
    assert rows(*texts).equals(rows(*texts))
    found = detector(*texts)
    documents = [HOST.format(each) for each in texts] + TEXTS
    one_by_one = [measure(found, each)[0] | {"doc_id": f"{number:032}"} for number, each in enumerate(documents)]
    assert measure(found, *documents) == one_by_one


def test_a_document_of_seeds_in_disorder_does_not_hide_a_copy() -> None:
    item = " ".join(ITEMS[each] for each in ("eng", "deu", "rus", "ara", "swa"))
    words = item.split()
    runs = [" ".join(words[place : place + 5]) for place in range(0, len(words) - 5, 3)]
    noise = " ".join(runs[(7 * number * number) % len(runs)] for number in range(3000))
    (row,) = measure(detector(item), f"{noise}\n{item}\n{noise}")
    (evidence,) = row["evidence"]
    assert evidence["share"] == 1
    assert evidence["start"] <= len(noise) + 1 < evidence["end"]


def test_a_million_characters_of_one_item_are_one_finding() -> None:
    item = ITEMS["eng"] + "\n"
    (row,) = measure(detector(item), item * 10_000)
    assert [(each["start"], each["end"]) for each in row["evidence"]] == [(0, 10_000 * len(item) - 2)]


def test_no_items_and_no_documents() -> None:
    empty = Detector.load(rows(), min_share=0.8)
    assert measure(empty, ITEMS["eng"])[0]["evidence"] == []
    assert (
        detector(ITEMS["eng"]).measure(pa.array([], pa.string()), pa.array([], pa.string())).schema
        == CONTAMINATION.schema
    )


def test_columns_have_their_schema_and_null_texts_are_empty() -> None:
    found = detector(ITEMS["eng"])
    batch = found.measure(pa.array(["a", "b", "c"]), pa.array([None, ITEMS["eng"], ""], pa.string()))
    assert batch.schema.equals(CONTAMINATION.schema)
    assert batch["contaminated_items"].to_pylist() == [0, 1, 0]
    assert batch["contamination_share"].to_pylist()[0] == 0


@settings(max_examples=60, deadline=None)
@given(hostile, hostile, st.sampled_from(list(ITEMS.values())))
def test_an_item_is_found_in_any_text(before: str, after: str, item: str) -> None:
    text = f"{before}\n{item}\n{after}"
    (row,) = measure(_shared(), text)
    place = len(before) + 1
    assert any(each["share"] == 1 and each["start"] <= place < each["end"] for each in row["evidence"])
    for each in row["evidence"]:
        assert 0 <= each["start"] < each["end"] <= len(text)
        assert text[each["start"] : each["end"]].startswith(each["text"])
    assert 0 < row["contamination_share"] <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(hostile, max_size=6), hostile)
def test_no_sets_or_documents_break_it(texts: list[str], document: str) -> None:
    found = detector(*texts)
    (row,) = measure(found, document + "\n".join(texts))
    assert row["contaminated_items"] <= len(texts)
    assert 0 <= row["contamination_share"] <= 1


def _shared() -> Detector:
    if not _CACHE:
        _CACHE.append(detector(*ITEMS.values()))
    return _CACHE[0]


_CACHE: list[Detector] = []


def _reference(item: list[int], document: list[int]) -> tuple[int, int, int, int]:
    """Score, words, start and end of the best alignment, by plain recursion over all cells."""
    best = (0, 0, 0, 0)
    row = [(0, 0, -1)] * (len(document) + 1)
    for word in item:
        left = (0, 0, -1)
        above = row[0]
        new = [left]
        for q, token in enumerate(document):
            diagonal, above = above, row[q + 1]
            cell = max(above, (left[0] - 1, left[1], left[2]), key=lambda each: each[0])
            if token == word and diagonal[0] + 4 > cell[0]:
                cell = (diagonal[0] + 4, diagonal[1] + 1, diagonal[2]) if diagonal[0] > 0 else (4, 1, q)
            if cell[0] > best[0]:
                best = (cell[0], cell[1], cell[2], q + 1)
            new.append(cell)
            left = cell
        row = new
    return best


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12), st.lists(st.integers(0, 5), max_size=12), st.integers(-3, 3)
)
def test_the_alignment_is_the_best_one(item: list[int], document: list[int], diagonal: int) -> None:
    """With a band as wide as both texts, the kernel equals the reference."""
    wide = -40  # words needed: fewer widen the band
    passage = Item(np.array(item, np.uint32), np.ones(len(item), np.uint8), 0, len(item), wide)
    window = Window(np.array(document, np.uint32), 0, len(document))
    found = align(passage, window, diagonal, new_scratch())
    _, words, start, end = _reference(item, document)
    assert (found.words, found.start, found.end) == (words, start, end)
    assert found.telling == found.words


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12),
    st.lists(st.integers(0, 5), max_size=20),
    st.integers(-3, 9),
    st.integers(1, 12),
)
def test_the_bound_never_rules_out_what_is_there(
    item: list[int], document: list[int], diagonal: int, needed: int
) -> None:
    least = min(needed, len(item))
    passage = Item(np.array(item, np.uint32), np.ones(len(item), np.uint8), 0, len(item), least)
    window = Window(np.array(document, np.uint32), 0, len(document))
    if align(passage, window, diagonal, new_scratch()).words >= least:
        assert may_match(passage, window, diagonal)
