import pyarrow as pa
import pytest

from gristmill.filters.contamination.tokens import tokenize


@pytest.mark.parametrize("before", ["ـ", "ـ ʼ", "ـ ʼ\u0483\u0306"])
def test_a_word_is_the_same_token_behind_words_without_a_trace(before: str) -> None:
    alone, behind = (tokenize(pa.array([text])).tokens.tolist() for text in ("melons", f"{before} melons"))
    assert behind[-1:] == alone
