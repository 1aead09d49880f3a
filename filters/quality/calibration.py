"""How good a score is at telling two classes apart, and how sure it may be: area under the curve, and probabilities.

A classifier's own probability is too sure of itself. It is calibrated on texts that it was not trained on, by isotonic
regression: the steps that pool-adjacent-violators gives (Ayer et al. 1955), with straight lines from one to the next.
Raw text holds good text, so that even the best score leaves doubt; steps can say so, where a logistic curve runs on to
1. Steps alone would make thousands of texts equal, so a fiftieth is the logistic curve (Platt 1999, with the targets
proposed there against overfitting): the probability rises with the score, strictly.

Both classes weigh the same however many texts there are of each, so that 0.5 means: as likely of one as of the other,
if both were equally frequent.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LOGISTIC_SHARE = 0.02

MIN_STEP = 10
"""Scores that a step stands on: the few highest and lowest would else give certainty to what is chance."""

MIN_DEVIATIONS = 3.0
"""Labels at random pass one time in 700."""

_STEPS = 100
_ENOUGH = 1e-10
_DIGITS = 6
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A probability from a score.

    Attributes:
        slope, intercept: of the logistic curve, which counts for `LOGISTIC_SHARE`.
        steps: scores and probabilities where each step begins and ends, both rising; straight lines lie between.
    """

    slope: float
    intercept: float
    steps: tuple[tuple[float, float], ...]

    @classmethod
    def fit(cls, scores: Floats, positive: Bools) -> Self | None:
        """The likeliest curve for some held-out scores; None where it would not rise: the score tells nothing then.

        The logistic curve by Newton's method with step halving (Lin, Lin and Weng 2007). All numbers are rounded to six
        significant digits, so that they are the same on every machine.

        Raises:
            ValueError: there is no score of one of the classes.
        """
        n_positive, n_negative = int(positive.sum()), int((~positive).sum())
        if not n_positive or not n_negative:
            raise ValueError("calibration needs scores of both classes")
        targets = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
        weights = np.where(positive, 0.5 / n_positive, 0.5 / n_negative)
        centre, scale = float(scores.mean()), float(scores.std()) or 1.0
        slope, intercept = _newton((scores - centre) / scale, targets, weights)
        if slope <= 0:
            return None
        return cls(
            slope=_rounded(slope / scale),
            intercept=_rounded(intercept - slope * centre / scale),
            steps=tuple((_rounded(score), _rounded(share)) for score, share in _pools(scores, positive, weights)),
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` has written."""
        steps = tuple((float(score), float(share)) for score, share in value["steps"])
        return cls(slope=float(value["slope"]), intercept=float(value["intercept"]), steps=steps)

    def to_json(self) -> dict[str, Any]:
        return {"slope": self.slope, "intercept": self.intercept, "steps": [list(step) for step in self.steps]}

    def __call__(self, scores: Floats) -> Floats:
        """Probabilities, 0..1, rounded to six digits: no machine's exponential function then shows."""
        ends, shares = np.array(self.steps, np.float64).T
        stepped = np.interp(scores, ends, shares)
        curved = _logistic(self.slope * scores + self.intercept)
        found: Floats = np.round((1 - LOGISTIC_SHARE) * stepped + LOGISTIC_SHARE * curved, _DIGITS)
        return found


def temperature(logits: Floats, classes: npt.NDArray[np.int64]) -> float:
    """The number to divide the logits of several classes by, so that their softmax is as sure as it is right.

    The likeliest one for held-out texts (Guo et al. 2017), from 1/32 to 32, with Platt's targets against overfitting;
    found by golden-section search, and rounded to three digits.

    Args:
        logits: (texts, classes).
        classes: the right class of each text.
    """
    n = len(logits)
    wanted = np.full(logits.shape, 1 / (n + 2) / max(logits.shape[1] - 1, 1))
    wanted[np.arange(n), classes] = (n + 1) / (n + 2)

    def loss(power: float) -> float:
        scaled = logits / 2.0**power
        shifted = scaled - scaled.max(axis=1, keepdims=True)
        return float((wanted * (np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted)).sum())

    low, high = -5.0, 5.0
    for _ in range(_STEPS // 2):
        one, two = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, two) if loss(one) <= loss(two) else (one, high)
    return _rounded(2.0 ** ((low + high) / 2), 3)  # more digits are noise: the loss is flat about its minimum


def softmax(logits: Floats) -> Floats:
    """Probabilities of several classes, (texts, classes), 0..1, rounded to six digits."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Floats = np.round(powers / powers.sum(axis=1, keepdims=True), _DIGITS)
    return found


def auc(scores: Floats, positive: Bools) -> float | None:
    """Area under the receiver operating characteristic: the chance that a positive scores higher than a negative.

    By ranks (Mann and Whitney 1947), equal scores counting half. None where there is no score of one of the classes.
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return None
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[places][positive].sum() - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def beats_chance(scores: Floats, positive: Bools) -> bool:
    """Whether the area under the curve is above a half by more than `MIN_DEVIATIONS` of what chance would do.

    By the variance of the rank sum where both classes are alike (Mann and Whitney 1947).
    """
    found = auc(scores, positive)
    if found is None:
        return False
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    deviation = math.sqrt((n_positive + n_negative + 1) / (12 * n_positive * n_negative))
    return found - 0.5 > MIN_DEVIATIONS * deviation


def calibration_error(probabilities: Floats, positive: Bools, *, bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015) over bins of equal width: how far, on average, the share of
    positives is from the probability that they were given. 0..1. Both classes weigh the same."""
    weights = np.where(positive, 0.5 / max(int(positive.sum()), 1), 0.5 / max(int((~positive).sum()), 1))
    places = np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    expected = np.bincount(places, weights * probabilities, bins)
    found = np.bincount(places, weights * positive, bins)
    return float(np.abs(expected - found).sum())


def _pools(scores: Floats, positive: Bools, weights: Floats) -> list[tuple[float, float]]:
    """The steps of isotonic regression: the first and the last score of each, with its share of positives.

    Equal scores are of one step from the start, whatever their order, and steps of too few scores are one with the
    next. Linear after sorting.
    """
    values, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    good, every = np.bincount(places, weights * positive), np.bincount(places, weights)
    pools: list[_Pool] = []
    for one, all_of_it, count, score in zip(
        good.tolist(), every.tolist(), counts.tolist(), values.tolist(), strict=True
    ):
        pools.append(_Pool(one, all_of_it, count, score, score))
        while len(pools) > 1 and pools[-2].good * pools[-1].every >= pools[-1].good * pools[-2].every:
            pools[-2:] = [_joined(*pools[-2:])]
    large: list[_Pool] = []
    for pool in pools:
        if large and (large[-1].n_scores < MIN_STEP or (pool is pools[-1] and pool.n_scores < MIN_STEP)):
            large[-1] = _joined(large[-1], pool)
        else:
            large.append(pool)
    return [(end, each.good / each.every) for each in large for end in dict.fromkeys((each.first, each.last))]


class _Pool(NamedTuple):
    """Scores of one step: weight of the positives and of all, their number, the first and the last."""

    good: float
    every: float
    n_scores: int
    first: float
    last: float


def _joined(one: _Pool, two: _Pool) -> _Pool:
    return _Pool(one.good + two.good, one.every + two.every, one.n_scores + two.n_scores, one.first, two.last)


def _newton(scores: Floats, targets: Floats, weights: Floats) -> tuple[float, float]:
    slope, intercept = 0.0, 0.0
    loss = _loss(slope * scores + intercept, targets, weights)
    for _ in range(_STEPS):
        p = _logistic(slope * scores + intercept)
        wrong, bend = weights * (p - targets), weights * p * (1 - p)
        g1, g0 = float((wrong * scores).sum()), float(wrong.sum())
        h11 = float((bend * scores * scores).sum()) + _ENOUGH
        h10, h00 = float((bend * scores).sum()), float(bend.sum()) + _ENOUGH
        if abs(g1) < _ENOUGH and abs(g0) < _ENOUGH:
            break
        determinant = h11 * h00 - h10 * h10
        d1, d0 = (h00 * g1 - h10 * g0) / determinant, (h11 * g0 - h10 * g1) / determinant
        step = 1.0
        while step > _ENOUGH:
            tried = _loss((slope - step * d1) * scores + intercept - step * d0, targets, weights)
            if tried <= loss:
                break
            step /= 2
        else:
            break
        slope, intercept, loss = slope - step * d1, intercept - step * d0, tried
    return slope, intercept


def _loss(logits: Floats, targets: Floats, weights: Floats) -> float:
    return float((weights * (np.logaddexp(0, logits) - targets * logits)).sum())


def _logistic(logits: Floats) -> Floats:
    small = np.exp(-np.abs(logits))
    found: Floats = np.where(logits >= 0, 1, small) / (1 + small)
    return found


def _rounded(value: float, digits: int = _DIGITS) -> float:
    return float(f"{value:.{digits}g}")
