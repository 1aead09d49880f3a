import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.personal.candidates import EMAIL, IBAN, IPV6, NUMBER, classes, scan
from gristmill.filters.segmentation import texts_of

NAMES = {EMAIL: "email", NUMBER: "number", IPV6: "ipv6", IBAN: "iban"}


def windows(text: str) -> list[tuple[str, str]]:
    (chunk,) = texts_of(pa.array([text]))
    found = scan(chunk, classes(frozenset({"DE", "NO"})))
    return [(NAMES[kind], text[start:end]) for kind, start, end in zip(found.kind, found.start, found.end, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing", []),
        ("write to ana@example.com.", [("email", "ana@example.com.")]),
        ("mail：用户@例子.中国", [("email", "mail：用户@例子.中国")]),
        ("ana＠example.com", [("email", "ana＠example.com")]),
        ("@handle and a @ b.de and a@b", []),
        ("on 030 12345 67, yes", [("number", "030 12345 67")]),
        ("१२३ ४५६ ७८९", [("number", "१२३ ४५६ ७८९")]),
        ("123 456", []),
        ("1.2.3.4", [("number", "1.2.3.4")]),
        ("1.2.3", []),
        ("RSSMRA85T10A562S!", [("number", "RSSMRA85T10A562S")]),
        ("X-1234567-L", [("number", "X-1234567-L")]),
        ("in 2018 came 25 and 300", []),
        ("1234567\n8901234", [("number", "1234567"), ("number", "8901234")]),
        ("2001:4860::8888", [("ipv6", "2001:4860::8888")]),
        ("at 12:30:45 std::vector fe80::1", []),
        ("NO9386011117947", [("iban", "NO9386011117947"), ("number", "NO9386011117947")]),
        ("XX9386011117947", [("number", "XX9386011117947")]),
    ],
)
def test_windows(text: str, expected: list[tuple[str, str]]) -> None:
    assert windows(text) == expected


def test_many_windows_have_room() -> None:
    assert len(windows("a@b.de " * 1000)) == 1000


@settings(deadline=None, max_examples=200)
@given(texts=st.lists(st.text(max_size=20) | st.text("12 .-(@a:é१𝟙＠", max_size=40), max_size=6))
def test_windows_lie_in_their_documents(texts: list[str]) -> None:
    (chunk,) = texts_of(pa.array(texts, pa.string()))
    found = scan(chunk, classes(frozenset({"DE"})))
    lengths = np.array([len(text) for text in texts], np.int64)[found.document] if texts else np.zeros(0, np.int64)
    assert (found.start >= 0).all()
    assert (found.start < found.end).all()
    assert (found.end <= lengths).all()
    assert (np.diff(found.document) >= 0).all()
