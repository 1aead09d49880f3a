import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters import copied, verbatim

from . import passages_oracle
from .samples import TEXTS

SIZE = 16


def repeated(found: copied.Hashes) -> dict[int, set[int]]:
    """Hashes that several documents have, with the documents."""
    documents: dict[int, set[int]] = {}
    for row, (start, end) in enumerate(zip(found.offsets[:-1], found.offsets[1:], strict=True)):
        for value in found.values[start:end].tolist():
            documents.setdefault(value, set()).add(row)
    return {value: rows for value, rows in documents.items() if len(rows) > 1}


def spans_of(texts: list[str], *, size: int = SIZE) -> list[list[tuple[int, int, int]]]:
    """What is copied, each text's rank being its number."""
    array = pa.array(texts, pa.string())
    seeds = sorted(repeated(copied.seeds(array, words=size)))
    counted = sorted(repeated(copied.grams(array, copied.known(np.array(seeds, np.uint64)), words=size)).items())
    known = copied.known(
        np.array([gram for gram, _ in counted], np.uint64),
        owners=np.array([min(rows) for _, rows in counted], np.uint64),
        documents=np.array([len(rows) for _, rows in counted], np.int64),
    )
    found = copied.spans(array, known, ranks=np.arange(len(texts), dtype=np.uint64), words=size)
    rows = list(zip(*(column.tolist() for column in found[1:]), strict=True))
    return [rows[start:end] for start, end in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


def prose(source: random.Random, words: int, *, of: int = 2000) -> str:
    return " ".join(f"w{source.randrange(of)}" for _ in range(words))


@pytest.mark.parametrize("seed", range(8))
def test_equal_to_oracle_where_texts_copy_from_each_other(seed: int) -> None:
    source = random.Random(seed)
    pool = [prose(source, 12 + 3 * k) for k in range(8)]
    texts = []
    for _ in range(12):
        parts = source.choices(
            [*pool, prose(source, 9), prose(source, 30), "a a a a a a a a a a"], k=source.randrange(6)
        )
        texts.append(source.choice([" ", ", ", "\r\n", " \0 ", " 👍 "]).join(parts))
    expected = passages_oracle.copied(texts, size=SIZE)
    assert spans_of(texts) == expected
    assert any(expected)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_equal_to_oracle_on_repetitive_texts(data: st.DataObject) -> None:
    words = st.lists(st.sampled_from(["a", "b", "中", "ก็", "१", "ـ", "x y", "\n"]), max_size=70).map(" ".join)
    texts = data.draw(st.lists(words, max_size=5))
    assert spans_of(texts) == passages_oracle.copied(texts, size=SIZE)


def test_equal_to_oracle_on_many_scripts() -> None:
    texts = [*TEXTS, *(text[len(text) // 3 :] for text in TEXTS)]
    assert spans_of(texts) == passages_oracle.copied(texts, size=SIZE)


@pytest.mark.parametrize(
    "passage",
    [
        "وكان الطحان يستيقظ كل صباح قبل الشمس ويفتح باب الطاحونة الكبير ثم ينتظر الريح القادمة من البحر",
        "בכל בוקר קם הטוחן לפני השמש ופותח את שער הטחנה הגדול ואחר כך מחכה לרוח הבאה מן הים",
        "ทุกเช้าคนโม่แป้งตื่นก่อนพระอาทิตย์ขึ้น",
        "磨坊主每天早晨都在日出之前起床，打开磨坊的大门，然后等待海风。",
        "One 👍 two 👩‍👩‍👧‍👦 three four\r\nfive six\0seven eight nine\r\n\r\nten eleven twelve a b c d",
    ],
)
def test_a_copy_is_found_to_the_word_in_every_script(passage: str) -> None:
    texts = [f"First a text. {passage} And more.", f"Quite another: {passage}\nso it goes", "Nothing here " * 10]
    first, second, third = spans_of(texts)
    assert (first, third) == ([], [])
    ((start, end, documents),) = second
    assert documents == 2
    assert texts[1][start:end] == passage.rstrip(".。")


def test_too_short_a_copy_is_none() -> None:
    source = random.Random(1)
    for size, expected in ((SIZE - 1, 0), (SIZE, 1)):
        passage = prose(source, size)
        found = spans_of([f"{prose(source, 40)} {passage} {prose(source, 40)}", f"{passage} {prose(source, 40)}"])
        assert [len(each) for each in found] == [0, expected]


def test_of_several_copies_the_first_by_rank_stays() -> None:
    passage = prose(random.Random(2), 60)
    array = pa.array([f"{n} begins {passage} {n} ends" for n in "abc"])
    seeds = np.array(sorted(repeated(copied.seeds(array, words=SIZE))), np.uint64)
    grams = np.array(sorted(repeated(copied.grams(array, copied.known(seeds), words=SIZE))), np.uint64)
    known = copied.known(grams, owners=np.full(len(grams), 7, np.uint64), documents=np.full(len(grams), 3))
    found = copied.spans(array, known, ranks=np.array([9, 7, 8], np.uint64), words=SIZE)
    assert found.offsets.tolist() == [0, 1, 1, 2]


def test_what_a_text_says_twice_is_its_own() -> None:
    passage = prose(random.Random(3), 60)
    assert spans_of([f"{passage}\n{passage}", "x"]) == [[], []]


def test_every_window_has_a_seed() -> None:
    """So that two texts with a run of words in common have a seed in common, wherever the run stands."""
    words = 50
    array = pa.array([prose(random.Random(n), 400) for n in range(5)] + [prose(random.Random(9), 400, of=2)])
    size = copied.seed_words(words)
    for text in array:
        one = pa.array([text.as_py()])
        rolled = np.empty(400, np.uint64)
        copied._roll(verbatim.words(one).hashes, 400, size, rolled)
        chosen = set(copied.seeds(one, words=words).values.tolist())
        windows = [set(rolled[k : k + words - size + 1].tolist()) for k in range(400 - words + 1)]
        assert all(window & chosen for window in windows)
        assert len(chosen) < 400 / 8


def test_texts_of_fewer_words_have_no_seeds() -> None:
    array = pa.array(["", None, prose(random.Random(1), SIZE - 1), prose(random.Random(1), SIZE)])
    assert np.diff(copied.seeds(array, words=SIZE).offsets).tolist() == [0, 0, 0, 1]


def test_what_stands_apart_is_no_part_of_a_span() -> None:
    notice = "All texts may be copied if the source is named"
    before, behind = prose(random.Random(4), SIZE), prose(random.Random(5), SIZE - 1)
    passage = f"{before}\n{notice}\n{behind}"
    array = pa.array([f"One. {passage}", f"Two: {passage}"])
    seeds = np.array(sorted(repeated(copied.seeds(array, words=SIZE))), np.uint64)
    grams = np.array(sorted(repeated(copied.grams(array, copied.known(seeds), words=SIZE))), np.uint64)
    known = copied.known(grams, owners=np.zeros(len(grams), np.uint64), documents=np.full(len(grams), 2))
    start = array[1].as_py().index(notice)
    apart = copied.Places(np.array([0, 0, 1]), np.array([start], np.int32), np.array([start + len(notice)], np.int32))
    found = copied.spans(array, known, ranks=np.arange(2, dtype=np.uint64), words=SIZE, apart=apart)
    assert found.offsets.tolist() == [0, 0, 1]
    assert array[1].as_py()[found.starts[0] : found.ends[0]] == before
