"""Classifiers that are trained inside a run: reference text against raw text, or domain against domain.

As in GPT-3 (arXiv:2005.14165) and DCLM (arXiv:2406.11794), a classifier over words and n-grams learns to tell text that
is known to be good from text as it comes. What must not give a class away is taken away first:

- how a text looks and which site it is from: it sees normalised words alone, see `word_ngrams`;
- how long it is: it learns from pieces of 150 words, and from as much text of one class as of the other;
- which language it is in: there is a classifier for each, or each gives the same share to both classes;
- that it was seen before: equal texts count once, and raw text that is also reference text is not raw.

How good it is shows on documents that it has not learnt from: four times it learns from three quarters of them and
scores the fourth. These scores calibrate it, and then it learns from all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.characters import UNSPACED_SCRIPTS
from gristmill.filters.quality import calibration, softmax_regression, word_ngrams
from gristmill.filters.quality.calibration import Calibration
from gristmill.filters.quality.classifier import Classifier, logits
from gristmill.filters.quality.examples import MIN_PIECE_WORDS, PIECE_WORDS, Examples
from gristmill.filters.quality.word_ngrams import Weights

MIN_SCORED_WORDS = 20
"""Texts of fewer words have no score: what they would get is chance."""

BUCKETS = 1 << 20
"""Words and n-grams are told apart by a hash of 20 bits. With 18, the area under the curve falls by .001."""

WORDS_SEEN = 4_000_000
MIN_EPOCHS, MAX_EPOCHS = 3, 30
"""Training goes through its text so often that it sees that many words."""

ORDER, ORDER_UNSPACED = 2, 4
"""Longest n-grams; in scripts without spaces a word is a character."""

_UNSPACED = UNSPACED_SCRIPTS | {"Jpan", "Hans", "Hant"}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A classifier, and what it made of each example when it had not learnt from it.

    Attributes:
        scores: one column for two classes, one for each of more.
        probabilities: of the first class, calibrated by the scores of the other folds alone; of domains, of the
            likeliest one.
    """

    classifier: Classifier
    scores: Floats
    probabilities: Floats


def order_of(languages: Sequence[str]) -> int:
    """Words of the longest n-gram for languages of one script, such as tha_Thai."""
    return ORDER_UNSPACED if languages[0].partition("_")[2] in _UNSPACED else ORDER


def learn_quality(examples: Examples, *, labels: tuple[str, str], languages: tuple[str, ...]) -> Learnt | None:
    """A classifier of two classes, calibrated to the probability of the first; None where it is no better than chance.

    Raises:
        ValueError: a class has no example.
    """
    scores = _held_out(examples, n_classes=2, order=order_of(languages))
    line, good = scores[:, 0], examples.classes == 0
    sureness = Calibration.fit(line, good)
    if sureness is None or not calibration.beats_chance(line, good):
        return None
    classifier = _classifier(examples, labels=labels, languages=languages, sureness=sureness)
    return Learnt(classifier=classifier, scores=scores, probabilities=_cross_calibrated(line, good, examples.folds))


def _cross_calibrated(scores: Floats, good: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]) -> Floats:
    """Probabilities by a calibration that has not seen the fold: 0.5 where there is none."""
    found = np.full(len(scores), 0.5)
    for fold in np.unique(folds):
        here = folds == fold
        both = good[~here].any() and not good[~here].all()
        sureness = Calibration.fit(scores[~here], good[~here]) if both else None
        if sureness is not None:
            found[here] = sureness(scores[here])
    return found


def learn_domains(examples: Examples, *, labels: tuple[str, ...], languages: tuple[str, ...]) -> Learnt:
    """A classifier of two or more classes, whose softmax is as sure as it is right."""
    scores = _held_out(examples, n_classes=len(labels), order=order_of(languages))
    sureness = calibration.temperature(logits(scores), examples.classes)
    classifier = _classifier(examples, labels=labels, languages=languages, sureness=sureness)
    return Learnt(classifier=classifier, scores=scores, probabilities=classifier.likeliest(scores)[1])


def pieces(spelt: str) -> Iterator[str]:
    """A document's words in pieces of equal length, without a rest that is too short."""
    words = spelt.split(" ")
    for start in range(0, len(words), PIECE_WORDS):
        piece = words[start : start + PIECE_WORDS]
        if len(piece) >= MIN_PIECE_WORDS:
            yield " ".join(piece)


def _held_out(examples: Examples, *, n_classes: int, order: int) -> Floats:
    """Scores of each example by a classifier that has not seen its fold."""
    scores = np.zeros((len(examples.classes), n_classes if n_classes > 2 else 1))
    for fold in np.unique(examples.folds):
        here = examples.folds == fold
        weights = _train(examples, ~here, n_classes=n_classes, order=order)
        bags = word_ngrams.features(examples.spelt.filter(pa.array(here)), order=order, n_buckets=BUCKETS)
        scores[here] = word_ngrams.average(bags, weights)
    return scores


def _train(examples: Examples, chosen: npt.NDArray[np.bool_], *, n_classes: int, order: int) -> Weights:
    found = [
        (piece, number)
        for spelt, number in zip(
            examples.spelt.filter(pa.array(chosen)).to_pylist(), examples.classes[chosen].tolist(), strict=True
        )
        for piece in pieces(spelt)
    ]
    spelt, classes = pa.array([piece for piece, _ in found], pa.large_string()), [number for _, number in found]
    bags = word_ngrams.features(spelt, order=order, n_buckets=BUCKETS)
    n_words = max(len(bags.buckets) // order, 1)
    epochs = min(max(WORDS_SEEN // n_words, MIN_EPOCHS), MAX_EPOCHS)
    columns = softmax_regression.train(bags, classes, n_classes=n_classes, n_buckets=BUCKETS, epochs=epochs)
    return Weights(order, columns)


def _classifier(
    examples: Examples, *, labels: tuple[str, ...], languages: tuple[str, ...], sureness: Calibration | float
) -> Classifier:
    everything = np.ones(len(examples.classes), np.bool_)
    weights = _train(examples, everything, n_classes=len(labels), order=order_of(languages))
    return Classifier(labels=labels, languages=languages, weights=weights, sureness=sureness)
