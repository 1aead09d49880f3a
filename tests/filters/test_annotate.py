"""Languages and signals together, as `signals` rows."""

import pyarrow as pa
import pytest

from gristmill.filters.annotate import Annotator
from gristmill.schemas import SIGNALS


@pytest.fixture(scope="module")
def annotator() -> Annotator:
    return Annotator.load(model=None)


def annotate(annotator: Annotator, *texts: str | None) -> pa.RecordBatch:
    ids = pa.array([f"{row:032x}" for row in range(len(texts))], pa.string())
    return annotator.annotate(ids, pa.array(texts, pa.string()))


def test_rows_are_those_of_the_table(annotator: Annotator) -> None:
    english = "It is the opinion of the committee that the bridge has to be repaired, and that it is not to wait."
    found = annotate(annotator, english, "", None, "你好")
    assert found.schema == SIGNALS.schema
    assert found["language"].to_pylist() == ["eng_Latn", "und", "und", "und_Hans"]
    assert found["language_score"].to_pylist()[1:] == [0, 0, 0]
    assert found["languages"].to_pylist() == [[{"language": "eng_Latn", "share": 1}], [], [], []]
    assert found["n_chars"].to_pylist() == [len(english), 0, 0, 2]
    assert found["stop_words"][0].as_py() >= 2
    assert found["stop_words"].to_pylist()[1:] == [0, 0, 0]


def test_stop_words_are_those_of_the_language_that_the_script_allows(annotator: Annotator) -> None:
    """fastText takes the Somali sentence for English; its stop words are Somali ones or none."""
    from gristmill.filters import stop_words

    somali = "Guddigu weli ma go'aamin in buundada la dayactiri doono sanadkan ama sanadka soo socda ee the of and."
    found = annotate(annotator, somali)
    assert found["language"].to_pylist() == ["som_Latn"]
    if "som" not in stop_words.load():
        assert found["stop_words"].to_pylist() == [0]


def test_letters_that_no_sample_shows_give_the_script(annotator: Annotator) -> None:
    lines = [f"{k * 7919 % 10**9:09}" * 8 for k in range(3000)]
    lines[5] = "Ж" + lines[5]
    found = annotate(annotator, "\n".join(lines))
    assert found["language"].to_pylist() == ["und_Cyrl"]
    assert found["language_score"].to_pylist() == [0]


def test_empty_batch(annotator: Annotator) -> None:
    assert annotate(annotator).num_rows == 0
