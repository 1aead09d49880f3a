"""Softmax regression over bags of features, trained to the same bytes on every machine.

It is fastText's classifier (arXiv:1607.01759) without the hidden layer, which adds nothing to what a linear model can
tell apart: the score of a class is the average of what each word and n-gram of the bag adds to it, and training lowers
the cross entropy. Steps are AdaGrad's (Duchi, Hazan and Singer 2011): a rare word moves as far as a frequent one. What
never occurs in training adds nothing.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit
from gristmill.filters.quality.word_ngrams import Features, Float32s
from gristmill.filters.segmentation import Int64s
from gristmill.schemas import mix

RATE = 0.5
"""Length of a step at the start of training; it falls to nothing in a straight line."""

LN_2 = math.log(2)
_TERMS = 14
_LEAST = np.float32(1e-8)


@jit
def exponential(x: Any) -> Any:
    """e to the x, for x <= 0, within 1e-13: by plain arithmetic, where maths libraries differ in the last bit."""
    if x < -700.0:
        return 0.0
    halvings = np.floor(x / LN_2)
    rest = x - halvings * LN_2
    term, total = 1.0, 1.0
    for i in range(1, _TERMS):
        term *= rest / i
        total += term
    return math.ldexp(total, int(halvings))


@jit
def _descend(bags: Features, classes: Int64s, order: Int64s, schedule: tuple[Any, Any], weights: Float32s) -> None:
    epochs, rate = schedule
    n_columns = weights.shape[1]
    n_classes = max(n_columns, 2)
    squares = np.zeros_like(weights)
    scores = np.zeros(n_classes, np.float64)
    left = epochs * len(order)
    per_text = rate / max(left, 1)
    for _ in range(epochs):
        for d in order:
            step = per_text * left
            left -= 1
            bag = bags.buckets[bags.offsets[d] : bags.offsets[d + 1]]
            if len(bag) == 0:
                continue
            scores[:] = 0.0
            for bucket in bag:
                for column in range(n_columns):
                    scores[column] += weights[bucket, column]
            top = (scores / len(bag)).max()
            total = 0.0
            for one in range(n_classes):
                scores[one] = exponential(scores[one] / len(bag) - top)
                total += scores[one]
            for column in range(n_columns):
                wrong = scores[column] / total - (1.0 if classes[d] == column else 0.0)
                square, move = np.float32(wrong * wrong), np.float32(step * wrong)
                for bucket in bag:
                    squares[bucket, column] += square
                    weights[bucket, column] -= move / (np.sqrt(squares[bucket, column]) + _LEAST)


def train(bags: Features, classes: npt.ArrayLike, *, n_classes: int, n_buckets: int, epochs: int) -> Float32s:
    """What each bucket adds to each class: (buckets, classes), or (buckets, 1) for two: then what it adds to the first.

    The texts are gone through in an order of their own, the same in each epoch. Cost: 5 to 10 ns for each feature,
    class and epoch. Memory: 8 bytes for each bucket and class, and the bags.
    """
    assert n_classes > 1, "one class is none"
    numbers = np.ascontiguousarray(classes, np.int64)
    weights = np.zeros((n_buckets, n_classes if n_classes > 2 else 1), np.float32)
    order = np.argsort(mix(np.arange(1, len(numbers) + 1).astype(np.uint64)), kind="stable")
    _descend(bags, numbers, order.astype(np.int64), (epochs, RATE), weights)
    return weights
