import numpy as np
import pytest

from gristmill.trainer.intervals import margin, student


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (10, 2.22814), (30, 2.04227), (100_000, 1.95999)],
)
def test_student_is_that_of_the_tables(freedom: int, expected: float) -> None:
    assert student(freedom) == pytest.approx(expected, rel=2e-4)


def test_where_documents_agree_seeds_alone_matter() -> None:
    shares = np.array([0.5, 0.3, 0.2])
    sums = np.array([1.0, 2.0, 6.0])
    assert margin(np.outer(sums, shares), shares) == pytest.approx(student(2) * sums.std(ddof=1) / 3**0.5)


def test_where_seeds_agree_documents_alone_matter() -> None:
    means = np.array([1.0, 2.0, 6.0, 3.0])
    found = margin(np.tile(means / 4, (5, 1)), np.full(4, 1 / 4))
    assert found == pytest.approx(student(3) * means.std(ddof=1) / 4**0.5)


def test_nothing_that_differs_is_certain_and_one_document_tells_nothing() -> None:
    assert margin(np.zeros((3, 4)), np.full(4, 1 / 4)) == 0
    assert margin(np.ones((3, 1)), np.ones(1)) is None


@pytest.mark.parametrize(
    ("of_seeds", "of_documents", "of_both"), [(1, 1, 1), (1, 0, 0.3), (0, 1, 0.3), (0.3, 3, 1), (1, 0.3, 1)]
)
def test_of_100_intervals_about_95_hold_the_truth(of_seeds: float, of_documents: float, of_both: float) -> None:
    """With three seeds and 20 documents of uneven lengths, and no true difference."""
    maker, held = np.random.default_rng(0), 0
    for _ in range(200):
        lengths = maker.lognormal(0, 0.7, 20)
        shares = lengths / lengths.sum()
        drawn = of_seeds * maker.normal(size=(3, 1)) / 5 + of_documents * maker.normal(size=(1, 20))
        d_SN = (drawn + of_both * maker.normal(size=(3, 20))) * shares
        half = margin(d_SN, shares)
        held += half is not None and abs(d_SN.mean(0).sum()) <= half
    assert 0.89 <= held / 200 <= 0.99
