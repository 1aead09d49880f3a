"""Naive Bayes over n-grams of bytes, as a compiled kernel: py3langid's inference.

A finite automaton finds the n-grams in one walk over the bytes; it is walked through four texts at once, since each
step waits for memory. A text's score for a language is the sum of its n-grams' weights there, each times the logarithm
of one more than its count.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit
from gristmill.filters.segmentation import Text

Floats = npt.NDArray[np.float32]

LANES = 4


class Automaton(NamedTuple):
    """Where each byte leads, and the feature that a state stands for."""

    moves: npt.NDArray[np.uint32]
    """Next state, by row and byte, flat: states whose rows are equal share one."""
    states: npt.NDArray[np.int32]
    """Start of its row and feature (-1: none) of each state. (states, 2)"""


class Bayes(NamedTuple):
    """Logarithms of probabilities."""

    features: npt.NDArray[np.int16]
    """Of features in languages, in steps of `step`. (features, languages)"""
    step: np.float32
    languages: Floats
    logs: Floats
    """log(1 + count), by count."""


@jit
def score_texts(text: Text, firsts: Any, automaton: Automaton, bayes: Bayes) -> Any:
    """Score of each language for each text, (texts, languages), and for each document, (documents, languages).

    Document d is made of the texts `firsts[d]:firsts[d + 1]`; its scores are the sum of theirs. All scores are 0 where
    there are no features.
    """
    n, n_languages = len(text.offsets) - 1, len(bayes.languages)
    found = np.zeros((n, n_languages), np.float32)
    counts = np.zeros(len(bayes.features), np.int32)
    longest = 0
    for d in range(n):
        longest = max(longest, text.offsets[d + 1] - text.offsets[d])
    visits = np.empty((LANES, longest + 1), np.int32)
    sums = np.zeros(bayes.features.shape[1], np.float32)
    n_visits = np.zeros(LANES, np.int64)
    for first in range(0, n, LANES):
        if first + LANES <= n:
            _walk_together(text, first, automaton, visits, n_visits)
        else:
            for d in range(first, n):
                span = (text.offsets[d], text.offsets[d + 1])
                n_visits[d - first] = _walk(text.data, span, (np.int64(0), 0), automaton, visits[d - first])
        for d in range(first, min(first + LANES, n)):
            if n_visits[d - first] > 0:
                n_features = _count(visits[d - first], n_visits[d - first], counts)
                sums[:] = 0
                _add_up(visits[d - first], n_features, counts, bayes, sums)
                for language in range(n_languages):
                    found[d, language] = sums[language] * bayes.step
    of_documents = np.zeros((len(firsts) - 1, n_languages), np.float32)
    for d in range(len(firsts) - 1):
        for part in range(firsts[d], firsts[d + 1]):
            of_documents[d] += found[part]
    _add_priors(found, bayes.languages)
    _add_priors(of_documents, bayes.languages)
    return found, of_documents


@jit
def _add_priors(found: Any, priors: Floats) -> None:
    for d in range(len(found)):
        if found[d, 0] != 0:
            for language in range(len(priors)):
                found[d, language] += priors[language]


@jit
def _walk(data: Any, span: Any, begun: Any, automaton: Automaton, visits: Any) -> Any:
    """Note the features of a span of bytes, from a state on and behind n visits; return how many there are then."""
    moves, states = automaton.moves, automaton.states
    state, n = begun
    for i in range(span[0], span[1]):
        state = np.int64(moves[states[state, 0] + np.int64(data[i])])
        visits[n] = states[state, 1]
        n += states[state, 1] >= 0
    return n


@jit
def _walk_together(text: Text, first: Any, automaton: Automaton, visits: Any, n_visits: Any) -> None:
    """Note the features of the texts from `first` on: side by side as far as the shortest goes, then each by itself."""
    data, offsets = text.data, text.offsets
    moves, states = automaton.moves, automaton.states
    at_0, at_1, at_2, at_3, end = offsets[first : first + 5]
    common = min(at_1 - at_0, at_2 - at_1, at_3 - at_2, end - at_3)
    s_0 = s_1 = s_2 = s_3 = np.int64(0)
    n_0, n_1, n_2, n_3 = 0, 0, 0, 0
    visits_0, visits_1, visits_2, visits_3 = visits[0], visits[1], visits[2], visits[3]
    for i in range(common):
        s_0 = np.int64(moves[states[s_0, 0] + np.int64(data[at_0 + i])])
        s_1 = np.int64(moves[states[s_1, 0] + np.int64(data[at_1 + i])])
        s_2 = np.int64(moves[states[s_2, 0] + np.int64(data[at_2 + i])])
        s_3 = np.int64(moves[states[s_3, 0] + np.int64(data[at_3 + i])])
        visits_0[n_0], visits_1[n_1] = states[s_0, 1], states[s_1, 1]
        visits_2[n_2], visits_3[n_3] = states[s_2, 1], states[s_3, 1]
        n_0 += states[s_0, 1] >= 0
        n_1 += states[s_1, 1] >= 0
        n_2 += states[s_2, 1] >= 0
        n_3 += states[s_3, 1] >= 0
    n_visits[0] = _walk(data, (at_0 + common, at_1), (s_0, n_0), automaton, visits_0)
    n_visits[1] = _walk(data, (at_1 + common, at_2), (s_1, n_1), automaton, visits_1)
    n_visits[2] = _walk(data, (at_2 + common, at_3), (s_2, n_2), automaton, visits_2)
    n_visits[3] = _walk(data, (at_3 + common, end), (s_3, n_3), automaton, visits_3)


@jit
def _count(visits: Any, n: Any, counts: Any) -> Any:
    """Count the features visited, and leave each once at the front of the visits; return how many these are."""
    n_features = 0
    for i in range(n):
        feature = visits[i]
        if counts[feature] == 0:
            visits[n_features] = feature
            n_features += 1
        counts[feature] += 1
    return n_features


@jit
def _log(count: Any, logs: Floats) -> Any:
    return logs[count] if count < len(logs) else np.float32(np.log(np.float64(count) + 1.0))


@jit
def _add_up(visits: Any, n: Any, counts: Any, bayes: Bayes, sums: Floats) -> None:
    """Add the weighted features to the sums, four at a time, and set their counts back to zero."""
    table, logs = bayes.features, bayes.logs
    n_together = n - n % 4
    for i in range(0, n_together, 4):
        a, b, c, d = visits[i], visits[i + 1], visits[i + 2], visits[i + 3]
        w_a, w_b, w_c, w_d = _log(counts[a], logs), _log(counts[b], logs), _log(counts[c], logs), _log(counts[d], logs)
        row_a, row_b, row_c, row_d = table[a], table[b], table[c], table[d]
        for j in range(len(sums)):
            sums[j] += (
                np.float32(row_a[j]) * w_a
                + np.float32(row_b[j]) * w_b
                + np.float32(row_c[j]) * w_c
                + np.float32(row_d[j]) * w_d
            )
    for i in range(n_together, n):
        weight = _log(counts[visits[i]], logs)
        row = table[visits[i]]
        for j in range(len(sums)):
            sums[j] += np.float32(row[j]) * weight
    for i in range(n):
        counts[visits[i]] = 0
