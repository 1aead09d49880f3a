"""Two models' opinions on the language of a text, and what its script allows, as one probability of each language.

fastText's lid.176 knows 174 languages and is right about 95 % of documents, py3langid knows 137 and is right about 95 %
too, but about others: neither knows all languages of the other, and each confuses pairs that the other tells apart.

1. Languages that are never written in the script are ruled out of both. What is left of each is scaled to 1, but not
   by more than 1 / `MIN_REST`: noise does not become certainty.
2. Languages that fastText alone knows get its probability for them together; but where the second opinion is surer of
   another than it is of most texts in languages unknown to it, their odds fall. Of the rest, languages that only the
   second knows get its probability.
3. Among the languages that both know, the probabilities are multiplied, fastText's to the power of `FIRST_WEIGHT`: it
   hardly counts unless the second wavers. Only between Bosnian, Croatian and Serbian, which the second cannot tell
   apart in Latin script, is fastText's word the last.

The parameters were chosen on every other text of NTREX-128, and `benchmarks/language.py` shows both halves.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MIN_REST = 0.05
"""Probability that must be left once languages of other scripts are ruled out, for the rest to be scaled up to 1."""

TEMPERATURE = 0.5
"""Scores of the second opinion are divided by this and the square root of the text's bytes: it counts n-grams as
independent, which they are not. (The library takes 1.)"""

FIRST_WEIGHT = 0.15
"""Power of fastText's probabilities among the languages that both models know."""

SURE = 9.2
"""Margin of the best language over the next, in nats per square root of bytes, at which the second opinion leaves
fastText's odds for languages that it alone knows as they are."""
SURENESS_WEIGHT = 0.12
"""How fast these odds fall, or rise, with the margin."""
_MOST_SURE = 21.0
"""Larger margins count as this."""

SURE_OF_OTHER = 0.5
"""Where one language alone is written in a script, as far as we know, models are believed that see others there with
this probability or more."""

_LEAST_DISTANCE = -14.0
"""Languages that are further behind the best, in exponents of e, have no probability: less than a millionth."""

_FLOOR = 1e-6
"""Least probability that fastText is taken to give: its opinion never rules out by itself."""


class Knowledge(NamedTuple):
    """Which languages the models and the scripts have. Languages are numbered, those of either model."""

    first: Int32s
    """Language of each of fastText's labels, -1 for none."""
    second: Int32s
    """Language of each of the second opinion's columns, -1 for none. Empty if it is not asked."""
    written: Bools
    """Whether a language is written in a script. (scripts, languages)"""
    only_first: Bools
    only_second: Bools
    disputed: Int32s
    """Languages between which fastText decides."""
    together: Int32s
    """Language that stands for the disputed ones together, whose probability is theirs. None or one."""
    sole: Int32s
    """The language that alone is written in a script, -1 where there are several. (scripts)"""


class _Table(NamedTuple):
    """Both opinions of one text by language. Few languages are possible at all, and only these are gone through."""

    first: Floats64
    second: Floats64
    active: Int64s
    """Languages that either opinion gives a probability. `n_active[0]` of them."""
    n_active: Int64s
    is_active: Bools


@jit
def weigh(first: Floats, second: Floats, n_bytes: Int64s, scripts: Int64s, known: Knowledge) -> Any:
    """Probability of each language for each text, (texts, languages); 0 throughout where the script allows none.

    Args:
        first: fastText's probabilities of its labels.
        second: the second opinion's scores of its columns.
        n_bytes: size of each text.
        scripts: script of each text, as a row of `known.written`.
    """
    n, n_languages = len(first), known.written.shape[1]
    found = np.zeros((n, n_languages), np.float32)
    table = _Table(
        np.zeros(n_languages, np.float64),
        np.zeros(n_languages, np.float64),
        np.empty(n_languages, np.int64),
        np.zeros(1, np.int64),
        np.zeros(n_languages, np.bool_),
    )
    is_alone = len(known.second) == 0
    for text in range(n):
        written = known.written[scripts[text]]
        _hear_first(first[text], written, known.first, table)
        if not is_alone:
            _share_together(table, written, known)
            none, margin = _hear_second(second[text], max(n_bytes[text], 1), written, known.second, table)
            _combine(table, margin, known, found[text])
            found[text] *= np.float32(1.0 - none)
        else:
            for k in range(table.n_active[0]):
                found[text, table.active[k]] = table.first[table.active[k]]
        _settle_sole(known.sole[scripts[text]], found[text])
        _clear(table)
    return found


@jit
def _activate(language: Any, table: _Table) -> None:
    if not table.is_active[language]:
        table.is_active[language] = True
        table.active[table.n_active[0]] = language
        table.n_active[0] += 1


@jit
def _clear(table: _Table) -> None:
    for k in range(table.n_active[0]):
        language = table.active[k]
        table.first[language] = table.second[language] = 0.0
        table.is_active[language] = False
    table.n_active[0] = 0


@jit
def _hear_first(probabilities: Floats, written: Bools, languages: Int32s, table: _Table) -> None:
    rest = 0.0
    for label in range(len(probabilities)):
        probability = np.float64(probabilities[label])
        language = languages[label]
        if probability > 0.0 and language >= 0 and written[language]:
            _activate(language, table)
            table.first[language] += probability
            rest += probability
    for k in range(table.n_active[0]):
        table.first[table.active[k]] /= max(rest, MIN_REST)


@jit
def _share_together(table: _Table, written: Bools, known: Knowledge) -> None:
    """Give the disputed languages what fastText gives all of them together, in its own proportions."""
    for group in known.together:
        probability = table.first[group]
        if probability == 0.0:
            continue
        total, n_possible = 0.0, 0
        for language in known.disputed:
            total += table.first[language]
            n_possible += written[language]
        for language in known.disputed:
            if written[language]:
                share = table.first[language] / total if total > 0.0 else 1.0 / n_possible
                _activate(language, table)
                table.first[language] += probability * share
        table.first[group] = 0.0


@jit
def _hear_second(scores: Floats, n_bytes: Any, written: Bools, languages: Int32s, table: _Table) -> tuple[Any, Any]:
    """Take its probabilities in. Return that of no language at all, and the margin: how far the best possible language
    is ahead of the next, in nats per square root of bytes."""
    root = np.sqrt(np.float64(n_bytes))
    highest = scores[0]
    best, next_best, best_language = -np.inf, -np.inf, -1
    for column in range(len(scores)):
        score, language = scores[column], languages[column]
        highest = max(highest, score)
        if score > next_best and language >= 0 and written[language]:
            if score > best:
                if language != best_language:
                    next_best = best
                best, best_language = score, language
            elif language != best_language:
                next_best = score
    total, rest, none = 0.0, 0.0, 0.0
    for column in range(len(scores)):
        distance = np.float64(scores[column] - highest) / (TEMPERATURE * root)
        if distance > _LEAST_DISTANCE:
            weight = np.exp(distance)
            total += weight
            language = languages[column]
            if language < 0:
                none += weight
            elif written[language]:
                _activate(language, table)
                table.second[language] += weight
                rest += weight
    for k in range(table.n_active[0]):
        table.second[table.active[k]] /= max(rest, MIN_REST * total)
    return none / total, (best - next_best) / root if next_best > -np.inf else 0.0


@jit
def _combine(table: _Table, margin: Any, known: Knowledge, found: Floats) -> None:
    first, second = table.first, table.second
    only_first, only_second, heard_first, heard_second = 0.0, 0.0, 0.0, 0.0
    for k in range(table.n_active[0]):
        language = table.active[k]
        heard_first += first[language]
        heard_second += second[language]
        only_first += first[language] * known.only_first[language]
        only_second += second[language] * known.only_second[language]
    if heard_first == 0.0 or heard_second == 0.0:
        for k in range(table.n_active[0]):
            found[table.active[k]] = first[table.active[k]] + second[table.active[k]]
        return
    odds = only_first / max(1.0 - only_first, 1e-4)
    odds *= np.exp(SURENESS_WEIGHT * (SURE - min(margin, _MOST_SURE)))
    share_of_first = odds / (1.0 + odds)
    total = 0.0
    for k in range(table.n_active[0]):
        language = table.active[k]
        if second[language] > 0.0 and not known.only_second[language]:
            weight = second[language] * (first[language] + _FLOOR) ** FIRST_WEIGHT
            found[language] = weight
            total += weight
    share_of_both = (1.0 - share_of_first) * (1.0 - only_second)
    for k in range(table.n_active[0]):
        language = table.active[k]
        if known.only_first[language]:
            found[language] = first[language] / only_first * share_of_first if only_first > 0.0 else 0.0
        elif known.only_second[language]:
            found[language] = second[language] * (1.0 - share_of_first)
        elif total > 0.0:
            found[language] *= share_of_both / total
    _decide_disputes(first, known, found)


@jit
def _decide_disputes(first: Any, known: Knowledge, found: Floats) -> None:
    total, of_first = 0.0, 0.0
    for language in known.disputed:
        total += found[language]
        of_first += first[language]
    if of_first > _FLOOR:
        for language in known.disputed:
            found[language] = total * first[language] / of_first


@jit
def _settle_sole(sole: Any, found: Floats) -> None:
    """Where a script has one language alone: that one for sure, unless another is likely nevertheless."""
    if sole >= 0 and found.sum() - found[sole] < SURE_OF_OTHER:
        found[:] = 0.0
        found[sole] = 1.0
