import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings

from gristmill.filters import characters, segmentation, signals
from gristmill.filters.signals import StopWords, measure
from gristmill.schemas.measures import SIGNAL_FIELDS

from . import oracle
from .samples import TEXTS, batches, chunked

LISTS = {"eng": ["the", "don't", "Cat", "on"], "fra": ["l'été", "de"], "zho": ["的"], "hin": ["है", "यह"]}


@pytest.fixture(scope="module")
def stop_words() -> StopWords:
    return StopWords.compile(LISTS)


def assert_equal_to_oracle(batch: pa.RecordBatch, texts: list[str], languages: list[str]) -> None:
    for text, language, row in zip(texts, languages, batch.to_pylist(), strict=True):
        expected = oracle.signals(text, LISTS.get(language[:3], ()))
        assert row.pop("script") == expected.pop("script"), text
        row.pop("word_order")  # `test_word_order` is about it
        assert row == pytest.approx(expected, rel=1e-6, abs=1e-6), text


@pytest.mark.parametrize("language", ["eng_Latn", "zho", "hin_Deva", "und"])
def test_equal_to_oracle_on_many_scripts(stop_words: StopWords, language: str) -> None:
    languages = [language] * len(TEXTS)
    batch = measure(pa.array(TEXTS), languages=languages, stop_words=stop_words)
    assert batch.schema.names == [*(field.name for field in SIGNAL_FIELDS), "script"]
    assert [batch.schema.field(f.name).type for f in SIGNAL_FIELDS] == [f.type for f in SIGNAL_FIELDS]
    assert_equal_to_oracle(batch, TEXTS, languages)


@settings(deadline=None, max_examples=150)
@given(texts=batches)
def test_equal_to_oracle_on_hostile_text(stop_words: StopWords, texts: list[str]) -> None:
    languages = ["eng"] * len(texts)
    assert_equal_to_oracle(measure(chunked(texts), languages=languages, stop_words=stop_words), texts, languages)


@settings(deadline=None, max_examples=150)
@given(texts=batches)
def test_words_are_the_oracles(texts: list[str]) -> None:
    found = segmentation.words(pa.array(texts, pa.string()), characters.characters())
    for d, text in enumerate(texts):
        spans = range(found.offsets[d], found.offsets[d + 1])
        assert [text[found.starts[w] : found.ends[w]] for w in spans] == oracle.words(text)


def test_ratios_are_ratios(stop_words: StopWords) -> None:
    batch = measure(pa.array([*TEXTS, "...#" * 9, "\n" * 99, "哈" * 99]), stop_words=stop_words)
    for field in SIGNAL_FIELDS:
        if field.name.endswith("_ratio"):
            values = batch[field.name].to_numpy()
            assert (values >= 0).all(), field.name
            assert (values <= 1).all(), field.name


def test_columns_are_those_of_the_schema() -> None:
    assert [getattr(signals, field.name.upper()) for field in SIGNAL_FIELDS] == list(range(len(SIGNAL_FIELDS)))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_slices_and_types(stop_words: StopWords, kind: pa.DataType) -> None:
    whole = measure(pa.array(TEXTS, kind), stop_words=stop_words)
    sliced = measure(pa.array(["é", *TEXTS, "中"], kind).slice(1, len(TEXTS)), stop_words=stop_words)
    assert sliced.equals(whole)


def test_nulls_are_empty(stop_words: StopWords) -> None:
    texts = pa.array(["a", None, "中文", None])
    assert measure(texts, stop_words=stop_words).equals(measure(texts.fill_null(""), stop_words=stop_words))
    assert measure(texts.slice(1, 2), stop_words=stop_words)["n_chars"].to_pylist() == [0, 2]


@pytest.mark.parametrize(
    "texts", [pa.array([], pa.string()), pa.chunked_array([], pa.string()), pa.array([], pa.string()).slice(0, 0)]
)
def test_no_texts(stop_words: StopWords, texts: pa.Array) -> None:
    batch = measure(texts, languages=[], stop_words=stop_words)
    assert batch.num_rows == 0
    assert batch.schema.names[-1] == "script"


def test_languages_may_be_a_column(stop_words: StopWords) -> None:
    texts = pa.array(["the cat", "the cat", "the cat"])
    for languages in (
        ["eng_Latn", "deu_Latn", None],
        pa.array(["eng", "deu", None]),
        pa.chunked_array([["eng", "", "x"]]),
    ):
        assert measure(texts, languages=languages, stop_words=stop_words)["stop_words"].to_pylist() == [2, 0, 0]


def test_one_language_for_each_text(stop_words: StopWords) -> None:
    with pytest.raises(ValueError, match="2 texts, but 1 languages"):
        measure(pa.array(["a", "b"]), languages=["eng"], stop_words=stop_words)


def test_only_strings(stop_words: StopWords) -> None:
    with pytest.raises(TypeError, match="int64"):
        measure(pa.array([1]), stop_words=stop_words)


def test_stop_words_are_single_words() -> None:
    with pytest.raises(ValueError, match="'est ce', '我们'"):
        StopWords.compile({"fra": ["est ce", "de"], "zho": ["我们"]})


def test_no_stop_words() -> None:
    assert measure(pa.array(["a"]), languages=["eng"], stop_words=StopWords.compile({}))["stop_words"][0].as_py() == 0


DAMAGED = [
    *(b"\xff", b"a\xc3", b"\xe4\xb8", b"\xf0\x9f\x91", b"\xc3\x28", b"\xe4\x28\xb8", b"\xed\xa0\x80", b"\xc0\xaf"),
    *(b"\xf4\x90\x80\x80", b"\xf0\x80\x80\x80", b"\xe0\x80\x80", b"\x80\xbf", b"\xf8\x88\x80\x80\x80", b"ok \xe4\xb8"),
]


def test_damaged_utf8_is_replaced_as_python_does(stop_words: StopWords) -> None:
    offsets = np.cumsum([0, *map(len, DAMAGED)]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(DAMAGED))]
    texts = pa.StringArray.from_buffers(len(DAMAGED), buffers[1], buffers[2])
    repaired = pa.array([text.decode("utf-8", "replace") for text in DAMAGED])
    assert measure(texts, stop_words=stop_words).equals(measure(repaired, stop_words=stop_words))


@pytest.mark.parametrize("text", ["x" * 2_000_000, "a " * 1_000_000, "中" * 700_000, "a\n" * 1_000_000])
def test_long_documents(stop_words: StopWords, text: str) -> None:
    row = measure(pa.array([text, "short"]), stop_words=stop_words).to_pylist()
    assert row[0]["n_chars"] == len(text)
    assert row[1] == measure(pa.array(["short"]), stop_words=stop_words).to_pylist()[0]
