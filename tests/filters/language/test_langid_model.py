"""py3langid's model by our own kernel: the library's scores, whatever the text; damaged files are errors."""

import io
import lzma
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from gristmill.filters.language.langid_model import LangId

Arrays = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def ours() -> LangId:
    return LangId.load()


@pytest.fixture(scope="module")
def library() -> Any:
    return LanguageIdentifier.from_model_file(MODEL_FILE)


def strings(*texts: str | None) -> pa.StringArray:
    return pa.array(texts, pa.string())


def assert_equal(ours: LangId, library: Any, texts: list[str]) -> None:
    """Equal scores. Where there are no features, the library has its lowest number and we have zeros."""
    for text, scores in zip(texts, ours.scores(strings(*texts)), strict=True):
        expected = library._raw_score(library._encode(text))
        if expected[0] < -1e30:
            assert not scores.any()
        else:
            np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-3)
            assert ours.labels[scores.argmax()] == library.classify(text)[0]


HOSTILE = [
    "",
    " ",
    "\0",
    "\n\n",
    "Die Brücke wird repariert.",
    "DIE BRÜCKE WIRD REPARIERT.",
    "ቻድ ሀሜል ሳንዲያጎ ለሚገኘው KSWB-TV እንደገለፁት",
    "Die Bru\u0308cke wird repariert.",
    "q\u0323\u0307 q\u0307\u0323 repariert",
    "क\u093c\u094d \u0958 लिखना",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 한글",
    "\u2126 \u212b \u0340 singletons",
    "\u01c5 title case only",
    "\U0010ffff\ufffe\ufeff",
    "委員会は、橋の修理を今年行うか来年行うかをまだ決めていません。",
    "the " * 3000,
    "aäö" * 4000,
]


def test_equal_to_the_library_on_hostile_texts(ours: LangId, library: Any) -> None:
    assert_equal(ours, library, HOSTILE)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=9))
def test_equal_to_the_library_on_any_text(ours: LangId, library: Any, texts: list[str]) -> None:
    assert_equal(ours, library, texts)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_chunks_slices_nulls_and_empty_batches(ours: LangId, kind: pa.DataType) -> None:
    texts = pa.array(["skip this", "GUTEN MORGEN", None, "Good morning, dear people", "e\u0301te\u0301"], kind)
    whole = ours.scores(texts)
    assert not whole[2].any()
    assert np.array_equal(ours.scores(texts.slice(1)), whole[1:])
    assert np.array_equal(ours.scores(pa.chunked_array([texts.slice(0, 1), texts.slice(1)])), whole)
    assert ours.scores(texts.slice(0, 0)).shape == (0, len(ours.labels))


def test_a_model_is_pickled_by_its_path(ours: LangId) -> None:
    again = pickle.loads(pickle.dumps(ours))
    assert again == ours
    assert np.array_equal(again.scores(strings("a b")), ours.scores(strings("a b")))


def small() -> Arrays:
    """A model of two languages: "a" is a feature of the first, "b" of the second."""
    moves = np.zeros((1, 256), np.uint32)
    moves[0, [ord("a"), ord("b")]] = 1, 2
    return {
        "ptc": np.array([[-1, -3], [-3, -1]], np.float16),
        "pc": np.array([-0.5, -0.75], np.float32),
        "classes": np.array(["aa", "bb"]),
        "nextmove": moves.ravel(),
        "nextmove_row": np.zeros(3, np.uint16),
        "out_feat": np.array([-1, 0, 1], np.int32),
    }


def write(path: Path, arrays: Arrays) -> Path:
    content = io.BytesIO()
    np.savez(content, **arrays)
    path.write_bytes(lzma.compress(content.getvalue(), preset=0))
    return path


def test_a_model_of_two_features(tmp_path: Path) -> None:
    model = LangId.load(write(tmp_path / "model.npz.xz", small()))
    assert model.labels == ("aa", "bb")
    one, two = np.log1p(1), np.log1p(2)
    expected = [[-one - 0.5, -3 * one - 0.75], [-two - 3 * one - 0.5, -3 * two - one - 0.75], [0, 0]]
    np.testing.assert_allclose(model.scores(strings("a", "aba", "xyz")), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda arrays: arrays.pop("out_feat"), "out_feat"),
        (lambda arrays: arrays.update(ptc=np.zeros((2, 3), np.float16)), "3 columns"),
        (lambda arrays: arrays.update(ptc=np.full((2, 2), np.nan, np.float16)), "finite"),
        (lambda arrays: arrays.update(nextmove=np.full(256, 3, np.uint32)), "states that it does not have"),
        (lambda arrays: arrays.update(nextmove_row=np.ones(3, np.uint16)), "states that it does not have"),
        (lambda arrays: arrays.update(nextmove=np.zeros(255, np.uint32)), "do not go together"),
        (lambda arrays: arrays.update(out_feat=np.array([0, 1, 2], np.int32)), "features that it does not have"),
        (lambda arrays: arrays.update(out_feat=np.zeros(3)), "float64"),
        (lambda arrays: arrays.update(classes=np.array([b"aa", b"bb"], object)), "allow_pickle"),
    ],
)
def test_damaged_models(tmp_path: Path, damage: Callable[[Arrays], object], message: str) -> None:
    arrays = small()
    damage(arrays)
    with pytest.raises(ValueError, match=message):
        LangId.load(write(tmp_path / "model.npz.xz", arrays))


@pytest.mark.parametrize("content", [b"", b"not xz", lzma.compress(b"not a zip", preset=0)])
def test_what_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.npz.xz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"not a model of py3langid 0\.4"):
        LangId.load(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        LangId.load(tmp_path / "none.xz")
