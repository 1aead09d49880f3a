import datasketch
import numpy as np
import pyarrow as pa
import pytest

from gristmill.filters import kernel, minhash, shingles, signals
from gristmill.schemas.measures import PERMUTATIONS

from .samples import TEXTS, chunked

LANGUAGES = ["eng_Latn"] * len(TEXTS)


def by_datasketch(hashes: np.ndarray) -> np.ndarray:
    sketch = datasketch.MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32", hashfunc=int)
    sketch.update_batch(hashes.tolist())
    return sketch.hashvalues


@pytest.fixture(scope="module")
def stop_words() -> signals.StopWords:
    return signals.StopWords.compile({"eng": ["the", "on"]})


def test_signatures_are_datasketchs() -> None:
    random = np.random.default_rng(7)
    counts = [0, 1, 2, 7, 8, 9, 15, 16, 100, 1000]
    offsets = np.cumsum([0, *counts])
    hashes = random.integers(0, 1 << 32, offsets[-1], dtype=np.uint32)
    hashes[:4] = [0, 0xFFFFFFFF, 0, 1]
    before = hashes.copy()
    signatures = minhash.sign(offsets, hashes)
    assert np.array_equal(hashes, before)
    for d in range(len(counts)):
        assert np.array_equal(signatures[d], by_datasketch(hashes[offsets[d] : offsets[d + 1]]))


def test_kernel_is_the_sum_of_its_parts(stop_words: signals.StopWords) -> None:
    texts = chunked(TEXTS)
    found = kernel.annotate_kernel(texts, LANGUAGES, stop_words)
    parts = shingles.hashes(texts)
    assert found.signals.equals(signals.measure(texts, languages=LANGUAGES, stop_words=stop_words))
    assert found.text_hash.equals(shingles.text_hashes(texts))
    assert found.text_hash.type == pa.binary(16)
    assert found.signature.type == pa.binary(4 * PERMUTATIONS)
    signatures = np.frombuffer(b"".join(found.signature.to_pylist()), "<u4").reshape(-1, PERMUTATIONS)
    assert np.array_equal(signatures, minhash.sign(parts.offsets, parts.hashes))


def test_rows_do_not_depend_on_the_batch(stop_words: signals.StopWords) -> None:
    """Scratch space is reused: nothing of one document may show in the next."""
    texts = [text for text in TEXTS for _ in range(2)] + ["x y " * 30_000] + TEXTS[::-1]
    found = kernel.annotate_kernel(pa.array(texts), None, stop_words)
    for d, text in enumerate(texts):
        alone = kernel.annotate_kernel(pa.array([text]), None, stop_words)
        assert alone.signals.equals(found.signals.slice(d, 1))
        assert alone.text_hash[0] == found.text_hash[d]
        assert alone.signature[0] == found.signature[d]


def test_no_texts(stop_words: signals.StopWords) -> None:
    found = kernel.annotate_kernel(pa.chunked_array([], pa.string()), [], stop_words)
    assert (len(found.signals), len(found.text_hash), len(found.signature)) == (0, 0, 0)


def test_near_duplicates_have_near_signatures() -> None:
    words = [f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(400)]
    changed = [*words[:200], "other", *words[201:]]
    parts = shingles.hashes(pa.array([" ".join(words), " ".join(changed), " ".join(words[::-1])]))
    signatures = minhash.sign(parts.offsets, parts.hashes)
    assert np.mean(signatures[0] == signatures[1]) == pytest.approx(391 / 401, abs=0.05)
    assert np.mean(signatures[0] == signatures[2]) < 0.05


def test_warm_up() -> None:
    kernel.warm_up()


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.5, (22, 5)), (0.7, (12, 9)), (0.8, (9, 12)), (0.9, (5, 22)), (0.95, (3, 37))]
)
def test_bands_for_a_threshold(threshold: float, expected: tuple[int, int]) -> None:
    bands, rows = minhash.choose_bands(threshold)
    assert (bands, rows) == expected
    assert bands * rows <= PERMUTATIONS
