import pytest

from gristmill.filters.personal import KINDS, Span, find, mask, placeholder


def test_placeholders_name_their_kind() -> None:
    assert [placeholder(kind) for kind in KINDS] == ["<EMAIL>", "<IP>", "<IBAN>", "<CARD>", "<NATIONAL_ID>", "<PHONE>"]


def test_mask() -> None:
    text = "😀 ana@example.com, Tel. +49 30 23125 014."
    spans = find(text, language="deu_Latn")
    assert mask(text, spans) == "😀 <EMAIL>, Tel. <PHONE>."
    assert mask(text, spans, kinds=["phone"]) == "😀 ana@example.com, Tel. <PHONE>."
    assert mask(text, []) == text


def test_mask_beyond_the_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="text"):
        mask("short", [Span("phone", 2, 9)])
