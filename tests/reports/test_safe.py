import pytest

from gristmill.reports import safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\tb\nc", "a\tb\nc"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b31m\r\x7f", "\\x9b31m\\x0d\\x7f"),
        ("\u202eabc\u2066\u200f", "\\u202eabc\\u2066\\u200f"),
        ("\U000e0041", "\\U000e0041"),
        ("می\u200cخواهم क्\u200dष", "می\u200cخواهم क्\u200dष"),
    ],
)
def test_what_acts_is_spelt_out(text: str, shown: str) -> None:
    assert safe.visible(text) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0 B"), (1023, "1,023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (1048575, "1.0 MiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes(number: int, shown: str) -> None:
    assert safe.size(number) == shown


def test_shares_never_round_to_nothing_or_all() -> None:
    assert [safe.share(part, 10_000) for part in (0, 1, 5000, 9999, 10_000)] == [
        "0.0 %",
        "<0.1 %",
        "50.0 %",
        ">99.9 %",
        "100.0 %",
    ]
    assert safe.share(0, 0) == "–"


def test_numbers() -> None:
    assert [safe.number(each) for each in (None, 3.0, 12345, 0.123456)] == ["–", "3", "12,345", "0.1235"]
    assert safe.clip("abcdef", 4) == "abc…"
    assert safe.one_line("a\n\\b") == "a\\n\\\\b"
