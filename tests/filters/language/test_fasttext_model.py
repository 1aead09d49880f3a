"""fastText's models by our own reader and kernel: the library's answers, whatever the text."""

import pickle
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.filters.language import fasttext_tables
from gristmill.filters.language.bundled import lid_176
from gristmill.filters.language.fasttext_model import FastText

WORDS = {
    "__label__sea": ["wave", "ship", "harbour", "sailor", "anchor", "Küste", "море", "港口", "tide"],
    "__label__wood": ["tree", "leaf", "branch", "squirrel", "bark", "Wald", "лес", "森林", "moss"],
    "__label__sky": ["cloud", "star", "wind", "sun", "moon", "Himmel", "небо", "天空", "rain"],
}
NOT_IN_LINES = str.maketrans({"\n": " "})

KINDS: dict[str, dict[str, Any]] = {
    "words": {"loss": "softmax", "minn": 0, "maxn": 0},
    "characters": {"loss": "softmax", "minn": 2, "maxn": 4, "bucket": 1000},
    "single_characters": {"loss": "softmax", "minn": 1, "maxn": 3, "bucket": 500},
    "word_ngrams": {"loss": "softmax", "minn": 0, "maxn": 0, "wordNgrams": 3, "bucket": 777},
    "hierarchical": {"loss": "hs", "minn": 2, "maxn": 3, "wordNgrams": 2, "bucket": 999},
    "one_versus_all": {"loss": "ova", "minn": 3, "maxn": 3, "bucket": 1000},
    "negative": {"loss": "ns", "minn": 0, "maxn": 0},
}
QUANTISED: dict[str, dict[str, Any]] = {
    "plain": {},
    "pruned": {"cutoff": 400, "qnorm": True, "dsub": 2},
    "outputs_too": {"cutoff": 400, "qnorm": True, "qout": True, "dsub": 4},
}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the small models are trained on: enough for a quantiser, which wants 256 words, and 256 labels beside."""
    choice = np.random.default_rng(7)
    path = tmp_path_factory.mktemp("fasttext") / "lines.txt"
    with path.open("w", encoding="utf-8") as file:
        for label, words in WORDS.items():
            for _ in range(100 + 20 * len(label)):
                some = [words[k] + str(choice.integers(30)) for k in choice.integers(len(words), size=6)]
                print(label, *some, file=file)
    with path.with_name("many.txt").open("w", encoding="utf-8") as file:
        for k in range(300):
            print(f"__label__{k}", *(f"{word}{k}" for some in WORDS.values() for word in some[:2]), file=file)
    return path


def train(lines: Path, **options: Any) -> Any:
    # fasttext-numpy2 0.10.4 sets a tenth of the matrix up in each thread, and leaves the rest as memory had it.
    return fasttext.train_supervised(str(lines), thread=11, dim=10, epoch=25, lr=0.5, seed=3, verbose=0, **options)


@pytest.fixture(scope="module", params=sorted([*KINDS, *QUANTISED, "bundled"]))
def model(request: pytest.FixtureRequest, lines: Path) -> tuple[FastText, Any]:
    """The same model, by us and by the library."""
    name: str = request.param
    path = lines.with_name(f"{name}.ftz" if name in QUANTISED else f"{name}.bin")
    if name == "bundled":
        path = lid_176()
    elif name in QUANTISED:
        several = lines if name != "outputs_too" else lines.with_name("many.txt")
        trained = train(several, minn=2, maxn=4, bucket=2000, wordNgrams=2, loss="softmax")
        trained.quantize(input=str(lines), thread=1, verbose=0, **QUANTISED[name])
        trained.save_model(str(path))
    else:
        train(lines, **KINDS[name]).save_model(str(path))
    return FastText.load(path), fasttext.load_model(str(path))


def strings(*texts: str | None) -> pa.StringArray:
    return pa.array(texts, pa.string())


def assert_equal(ours: FastText, library: Any, texts: Sequence[str]) -> None:
    """Equal probabilities of every label. The library adds 0.00001 to those that are not products of several, and
    leaves out those that are and come to less."""
    found = ours.probabilities(strings(*texts))
    labels, probabilities = library.predict([text.translate(NOT_IN_LINES) for text in texts], k=len(ours.labels))
    added = 0 if library.f.getArgs().loss.name == "hs" else 1e-5
    for row, some_labels, some in zip(found, labels, probabilities, strict=True):
        expected = dict.fromkeys(ours.labels, 0.0)
        expected.update(zip(some_labels, np.asarray(some) - added, strict=True))
        left_out = (np.array(list(expected.values())) == 0) & (row < 1.1e-5)
        np.testing.assert_allclose(np.where(left_out, 0, row), list(expected.values()), atol=2e-6)


HOSTILE = [
    "",
    " ",
    "\n",
    "\0",
    "wave\0ship\tanchor\r\nmoss\v\f море",
    "<",
    "<wave>",
    "__label__sea",
    "__label__sea ship",
    "__label__unknown tree",
    "__label_ sun",
    "ship\u2028wave\u00a0tree",
    "\U0010ffff\ufffe\ufeff",
    "e\u0301" * 50 + " wave",
    "wave7 " * 3000,
    "w" * 9000,
    "港" * 3000,
]


def test_equal_to_the_library_on_hostile_texts(model: tuple[FastText, Any]) -> None:
    assert_equal(*model, HOSTILE)
    assert_equal(*model, [" ".join(words) for words in WORDS.values()])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(max_size=60)
        | st.lists(st.sampled_from([f"{word}{k}" for some in WORDS.values() for word in some for k in range(30)]))
        .map(" ".join)
        .filter(lambda text: "</s>" not in text),
        min_size=1,
        max_size=8,
    )
)
def test_equal_to_the_library_on_any_text(model: tuple[FastText, Any], texts: list[str]) -> None:
    assert_equal(*model, texts)


def test_models_of_the_test_tell_their_subjects_apart(model: tuple[FastText, Any]) -> None:
    ours, library = model
    # Threads race in training, and negative sampling is the one loss that now and then learns nothing from so little.
    if "__label__sea" in ours.labels and library.f.getArgs().loss.name != "ns":
        found = ours.predict(strings("wave3 ship4 harbour1 tide2", "tree3 leaf4 bark1", "sun3 moon4 cloud1 star5"))
        assert [ours.labels[k] for k in found.labels[:, 0]] == list(WORDS)


def test_large_quantised_matrices_stay_so(
    lines: Path, model: tuple[FastText, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, library = model
    monkeypatch.setattr(fasttext_tables, "DENSE_BYTES", 0)
    again = FastText.load(ours.path)
    assert_equal(again, library, HOSTILE)
    assert_equal(again, library, [" ".join(words) for words in WORDS.values()])


def test_the_best_labels_come_first() -> None:
    ours = FastText.load(lid_176())
    texts = strings("Der Ausschuss hat noch nicht entschieden.", None, "The committee has not yet decided.")
    found, all_of_them = ours.predict(texts, k=5), ours.probabilities(texts)
    assert [ours.labels[k] for k in found.labels[:, 0]][::2] == ["__label__de", "__label__en"]
    assert np.array_equal(all_of_them[1], ours.probabilities(strings(" "))[0])
    for row, labels, probabilities in zip(all_of_them, *found, strict=True):
        assert probabilities.tolist() == sorted(row.tolist(), reverse=True)[:5]
        assert row[labels].tolist() == probabilities.tolist()
    assert ours.predict(texts, k=1000).labels.shape == (3, 176)


def test_the_end_mark_does_not_end_the_text() -> None:
    ours = FastText.load(lid_176())
    both = ours.probabilities(strings("one </s> two\nthree", "one two three"))
    assert both[0].tolist() == both[1].tolist()


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_chunks_slices_and_empty_batches(kind: pa.DataType) -> None:
    ours = FastText.load(lid_176())
    texts = pa.array(["skip this", "Guten Morgen, liebe Leute", None, "Good morning, dear people"], kind)
    whole = ours.probabilities(texts)
    assert np.array_equal(ours.probabilities(texts.slice(1)), whole[1:])
    assert np.array_equal(ours.probabilities(pa.chunked_array([texts.slice(0, 1), texts.slice(1)])), whole)
    assert ours.probabilities(texts.slice(0, 0)).shape == (0, 176)
    assert ours.predict(texts.slice(0, 0), k=2).labels.shape == (0, 2)
    assert ours.predict(pa.chunked_array([], kind)).probabilities.shape == (0, 1)


def test_many_texts_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = FastText.load(lid_176())
    texts = strings(*(f"Text number {k} about nothing" for k in range(10)))
    whole = ours.predict(texts, k=2)
    monkeypatch.setattr("gristmill.filters.language.fasttext_model._SCORES_AT_ONCE", 3 * 176)
    parts = ours.predict(texts, k=2)
    assert np.array_equal(whole.labels, parts.labels)
    assert np.array_equal(whole.probabilities, parts.probabilities)


def test_a_model_is_pickled_by_its_path() -> None:
    ours = FastText.load(lid_176())
    again = pickle.loads(pickle.dumps(ours))
    assert again == ours
    assert np.array_equal(again.probabilities(strings("a b")), ours.probabilities(strings("a b")))


def test_k_is_checked() -> None:
    with pytest.raises(ValueError, match="k is 0"):
        FastText.load(lid_176()).predict(strings("a"), k=0)


@pytest.fixture(scope="module")
def small(lines: Path) -> bytes:
    path = lines.with_name("small.ftz")
    trained = train(lines, minn=2, maxn=3, bucket=500, loss="hs")
    trained.quantize(input=str(lines), thread=1, verbose=0, cutoff=260, qnorm=True)
    trained.save_model(str(path))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"not a model", "too short"),
        (b"not a model" * 20, "first bytes"),
        (struct.pack("<2i12id", 793712314, 13, *[1] * 12, 0.1) + bytes(64), "first bytes"),
        (struct.pack("<2i12id", 793712314, 12, *[1] * 12, 0.1) + bytes(64), "without labels"),
    ],
)
def test_what_is_no_model(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "wrong.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        FastText.load(path)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        FastText.load(tmp_path / "none.bin")


def test_a_file_cut_off_anywhere_is_an_error(small: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.ftz"
    for size in [*range(0, 120), *range(120, len(small), 997), len(small) - 1]:
        path.write_bytes(small[:size])
        with pytest.raises(ValueError, match="fastText"):
            FastText.load(path)


PLACES = st.integers(0, 200) | st.integers(0, 1 << 24)


@settings(max_examples=200, deadline=None)
@given(damage=st.lists(st.tuples(PLACES, st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_an_error_or_a_model_that_does_no_harm(
    small: bytes, tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.ftz"
    damaged = bytearray(small)
    for place, byte in damage:
        damaged[place % len(small)] = byte
    path.unlink(missing_ok=True)
    path.write_bytes(damaged)
    try:
        found = FastText.load(path).probabilities(strings("wave3 ship4", "港口1 森林2", "a" * 500))
    except ValueError:
        return
    assert found.shape[0] == 3
