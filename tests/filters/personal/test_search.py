import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.personal import KINDS, Span, find, find_batch, mask
from gristmill.schemas import PERSONAL

TEXT = "Ring ☎ 020 7946 0123 or write to ana@example.com, IBAN DE89 3704 0044 0532 0130 00."


def kinds_in(text: str, **known: str) -> list[tuple[str, str]]:
    return [(span.kind, text[span.start : span.end]) for span in find(text, **known)]


def test_spans_are_by_place_and_in_code_points() -> None:
    found = find(TEXT, language="eng_Latn", region="GB")
    assert found == [Span("phone", 7, 20), Span("email", 33, 48), Span("iban", 55, 82)]
    assert kinds_in("😀" * 3 + " ana@example.com") == [("email", "ana@example.com")]


@pytest.mark.parametrize("array", [pa.array, lambda texts: pa.chunked_array([texts[:2], [], texts[2:]])])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_batches_have_the_columns_of_the_table(array: object, kind: pa.DataType) -> None:
    texts = [TEXT, "", None, "nothing here", "Tel. 020 7946 0123"]
    given_texts = pa.chunked_array([pa.array(texts[:2], kind), pa.array([], kind), pa.array(texts[2:], kind)])
    if array is pa.array:
        given_texts = pa.array(texts, kind)
    found = find_batch(given_texts, languages=["eng_Latn"] * 5, regions=pa.array(["GB", None, None, None, None]))
    assert found.schema == pa.schema([field for field in PERSONAL.schema if field.name != "doc_id"])
    assert found["phones"].to_pylist() == [1, 0, 0, 0, 1]
    assert found["emails"].to_pylist() == [1, 0, 0, 0, 0]
    assert found["ibans"].to_pylist() == [1, 0, 0, 0, 0]
    assert found["spans"].to_pylist()[1:4] == [[], [], []]
    assert found["spans"].to_pylist()[4] == [{"kind": "phone", "start": 5, "end": 18}]


def test_a_slice_is_what_it_shows() -> None:
    texts = pa.array(["ana@example.com", TEXT, "bob@example.com"]).slice(1, 1)
    assert find_batch(texts, languages=["eng"])["emails"].to_pylist() == [1]


def test_no_texts_are_no_rows() -> None:
    found = find_batch(pa.array([], pa.string()))
    assert (found.num_rows, found["spans"].type) == (0, PERSONAL.schema.field("spans").type)


def test_kinds_choose_what_is_told_and_not_what_it_is() -> None:
    text = "IBAN AT61 1904 3002 3457 3201, Tel. 0800 111 222"
    assert kinds_in(text, language="deu_Latn", region="AT") == [
        ("iban", "AT61 1904 3002 3457 3201"),
        ("phone", "0800 111 222"),
    ]
    without = find(text, language="deu_Latn", region="AT", kinds=["phone"])
    assert [text[span.start : span.end] for span in without] == ["0800 111 222"]


@pytest.mark.parametrize(
    ("given_arguments", "message"),
    [
        ({"kinds": ["e-mail"]}, "kinds: 'e-mail' is not known"),
        ({"languages": ["eng"]}, "languages: 1 for 2 texts"),
        ({"regions": pa.array(["US"])}, "regions: 1 for 2 texts"),
    ],
)
def test_errors_name_the_argument(given_arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_batch(pa.array(["a", "b"]), **given_arguments)


def test_the_surer_kind_goes_first() -> None:
    assert kinds_in("4111111111111111@example.com") == [("email", "4111111111111111@example.com")]
    assert kinds_in("Card 4111 1111 1111 1111", language="eng") == [("card", "4111 1111 1111 1111")]
    assert kinds_in("call 93.184.216.34", language="eng") == [("ip", "93.184.216.34")]


def test_national_numbers_need_a_country() -> None:
    text = "Ring 020 7946 0123."
    assert kinds_in(text) == kinds_in(text, language="und") == kinds_in(text, language="xyz_Latn") == []
    assert kinds_in(text, region="GB") == [("phone", "020 7946 0123")]


FRAGMENTS = st.sampled_from(
    [
        *("+49 30 23125 014", "020 7946 0123", "(212) 555-0147", "13812345678", "Tel. ", "电话", "Order no. ", "ISBN "),
        *(
            "ana@example.com",
            "用户@例子.中国",
            "git@github.com:a/b",
            "@",
            "8.8.8.8",
            "93.184.216.34",
            "IP ",
            "Version ",
        ),
        *("2001:4860:4860::8888", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "12345678Z", "DNI ", "PESEL "),
        *(
            "44051401359",
            "111.444.777-35",
            "A123456(3)",
            "1 234 567",
            "2019-05-12",
            "1.2.3.4",
            "٠١١ ٢٣٤ ٥٦٧٨",
            "<PHONE>",
        ),
        *(
            "<EMAIL>",
            "<",
            ">",
            " ",
            "  ",
            " / ",
            "-",
            ".",
            ",",
            ":",
            "(",
            ")",
            "+",
            "/",
            "0",
            "7",
            "x",
            "é",
            "\u200e",
            "\n",
        ),
    ]
)
SOUP = st.lists(st.one_of(FRAGMENTS, st.text(max_size=3)), max_size=12).map("".join)
LANGUAGES = st.sampled_from(["eng_Latn", "deu_Latn", "zho_Hans", "ara_Arab", "spa_Latn", "pol_Latn", "und"])


@settings(deadline=None, max_examples=400)
@given(text=SOUP, language=LANGUAGES)
def test_spans_lie_apart_in_the_text_and_masking_leaves_none(text: str, language: str) -> None:
    spans = find(text, language=language)
    places = [0, *(place for span in spans for place in (span.start, span.end)), len(text)]
    assert places == sorted(places)
    assert all(span.start < span.end and span.kind in KINDS for span in spans)
    masked = mask(text, spans)
    assert find(masked, language=language) == [], masked


@settings(deadline=None, max_examples=100)
@given(texts=st.lists(SOUP, max_size=5), language=LANGUAGES)
def test_a_batch_is_its_texts(texts: list[str], language: str) -> None:
    found = find_batch(pa.array(texts, pa.string()), languages=[language] * len(texts))
    alone = [[span._asdict() for span in find(text, language=language)] for text in texts]
    assert found["spans"].to_pylist() == alone


HUGE = 5_000_000


@pytest.mark.parametrize(
    "piece",
    ["1", "@", "a@", "+", " ", "a1", "2001:", "b.", "\u0663", "1\u200b\u200b\u200b\u200b\u200b", "x" * 200 + "@"],
)
def test_huge_texts_of_one_sign_have_an_end(piece: str) -> None:
    assert find(piece * (HUGE // len(piece)), language="eng_Latn") == []


NOTHING_IN = ("1.", "1-", "(1)", "1 ", "a@b.", "12 34 56 ", "DE89 ", "+12 34 56 78 90 ", "1234567 ")


@pytest.mark.parametrize(
    ("piece", "n"),
    [
        *((piece, 0) for piece in NOTHING_IN),
        *(("a@b.de ", 20_000), ("93.184.216.34 ", 10_000), ("+49 30 23125 123, ", 7_777)),
    ],
)
def test_large_texts_of_candidates_have_an_end(piece: str, n: int) -> None:
    """A quadratic step takes minutes here."""
    assert len(find(piece * (140_000 // len(piece)), language="eng_Latn")) == n
