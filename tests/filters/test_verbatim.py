import pyarrow as pa
import pytest
from hypothesis import given, settings

from gristmill.filters import verbatim

from . import oracle, passages_oracle
from .samples import TEXTS, hostile


def assert_equal_to_oracle(text: str) -> None:
    found = verbatim.words(pa.array([text]))
    expected = passages_oracle.words(text)
    assert found.starts.tolist() == [word.start for word in expected]
    assert found.ends.tolist() == [word.end for word in expected]
    assert found.hashes.tolist() == [oracle.hash_of(list(map(ord, word.text))) for word in expected]


@pytest.mark.parametrize("text", TEXTS)
def test_equal_to_oracle_on_many_scripts(text: str) -> None:
    assert_equal_to_oracle(text)


@settings(deadline=None, max_examples=150)
@given(text=hostile)
def test_equal_to_oracle_on_hostile_text(text: str) -> None:
    assert_equal_to_oracle(text)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("The CAFÉ", "the cafe", True),
        ("２０２４ ٢٠٢٤ २०२४", "2024 2024 2024", True),
        ("2023", "2024", False),
        ("כתב שָׁלוֹם", "כתב שלום", True),
        ("كتـــاب", "كتاب", True),
        ("น้ำ", "นา", False),
        ("कि", "की", False),
    ],
)
def test_what_makes_no_difference_and_what_does(one: str, other: str, equal: bool) -> None:
    hashes = [verbatim.words(pa.array([text])).hashes.tolist() for text in (one, other)]
    assert (hashes[0] == hashes[1]) == equal
