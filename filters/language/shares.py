"""Which languages a document is in, from the probabilities of its parts and of the whole.

A document's language is at first the likeliest for the whole. A part is in another language if it has letters enough,
nearly all of one script, if that language has at least `SURE` probability there, and the document's at most `UNLIKELY`;
all other parts, short and doubtful ones too, are in the document's. Then the language with the largest share of the
characters is the document's. Its score is its probability for the whole; in a document in several languages, where the
whole is a mixture, its mean probability in the parts that it is likeliest in.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.filters._jit import jit
from gristmill.filters.language.letters import Letters
from gristmill.filters.language.paragraphs import Units

Floats = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

MIN_LETTERS = 8
"""Letters that a text needs to have a language: with fewer there is nothing to go by. Of NTREX's sentences with 8 to 20
letters, 87 % are named rightly, and their scores, 0.84 on average, say so."""
MIN_PART_LETTERS = 20
"""Letters that a part needs to be in another language than its document."""
SURE = 0.9
UNLIKELY = 0.01
MUCH = 4
"""A document's language may be another than the likeliest for the whole if at least a fourth of it surely is."""

SCRIPTS = 256
"""A language in a script is `SCRIPTS * language + script`; -1 stands for none."""


class Shares(NamedTuple):
    """What each document is in, those of document d at `firsts[d]:firsts[d + 1]` of codes and chars, largest first."""

    primary: Int64s
    scores: Floats
    firsts: Int64s
    codes: Int64s
    chars: Int64s


@jit
def settle(parts: Floats, wholes: Floats, units: Units, letters: tuple[Letters, Letters], han: Int64s) -> Shares:
    """The language of each document and the shares of all its languages.

    Args:
        parts: probability of each language for each part, (parts, languages).
        wholes: likewise for the documents.
        units: the parts.
        letters: script and letters of the parts, and of the documents.
        han: numbers of the scripts that share characters, so that a part in one may belong to a document in another.
    """
    n, n_parts = len(wholes), len(parts)
    of_parts, of_wholes = letters
    found = Shares(
        np.full(n, -1, np.int64),
        np.zeros(n, np.float32),
        np.zeros(n + 1, np.int64),
        np.zeros(n_parts + n, np.int64),
        np.zeros(n_parts + n, np.int64),
    )
    n_found = 0
    votes = np.zeros(wholes.shape[1], np.int64)
    for d in range(n):
        first = n_found
        language = np.int64(np.argmax(wholes[d]))
        if of_wholes.letters[d] >= MIN_LETTERS and wholes[d, language] > 0:
            own = SCRIPTS * _vote(parts, of_parts, units, (d, language), votes) + of_wholes.scripts[d]
            for part in range(units.firsts[d], units.firsts[d + 1]):
                code = _code(parts[part], of_parts, part, own, han)
                at = first
                while at < n_found and found.codes[at] != code:
                    at += 1
                if at == n_found:
                    found.codes[at] = code
                    n_found += 1
                found.chars[at] += units.chars[part]
            _sort(found, first, n_found)
            primary = found.codes[first]
            found.primary[d] = primary
            found.scores[d] = wholes[d, primary // SCRIPTS]
            if n_found > first + 1:
                found.scores[d] = _mean(parts, units, d, primary // SCRIPTS)
        found.firsts[d + 1] = n_found
    return Shares(found.primary, found.scores, found.firsts, found.codes[:n_found], found.chars[:n_found])


@jit
def _vote(parts: Floats, letters: Letters, units: Units, document: Any, votes: Int64s) -> Any:
    """The document's language: the likeliest for the whole, unless no part is surely in it, and much of the document is
    surely in others, whose mixture the whole is. Then it is the one of these that most is in."""
    d, language = document
    total, most = 0, language
    for part in range(units.firsts[d], units.firsts[d + 1]):
        total += units.chars[part]
        likeliest = np.int64(np.argmax(parts[part]))
        if letters.letters[part] >= MIN_PART_LETTERS and parts[part, likeliest] >= SURE:
            votes[likeliest] += units.chars[part]
            if votes[likeliest] > votes[most]:
                most = likeliest
    if votes[language] > 0 or votes[most] * MUCH < total:
        most = language
    for part in range(units.firsts[d], units.firsts[d + 1]):
        votes[np.int64(np.argmax(parts[part]))] = 0
    return most


@jit
def _code(probabilities: Any, letters: Letters, part: Any, own: Any, han: Int64s) -> Any:
    """What a part is in: the document's own language and script, or another's."""
    language, script = own // SCRIPTS, own % SCRIPTS
    if letters.letters[part] < MIN_PART_LETTERS or letters.mixed[part]:
        return own
    other = np.int64(np.argmax(probabilities))
    if other == language or probabilities[other] < SURE or probabilities[language] > UNLIKELY:
        return own
    this = letters.scripts[part]
    for each in han:
        if each == this:
            for another in han:
                if another == script:
                    return own
    return SCRIPTS * other + this


@jit
def _sort(found: Shares, first: Any, behind: Any) -> None:
    """Largest first; of equals, the one that came first."""
    for i in range(first + 1, behind):
        code, chars = found.codes[i], found.chars[i]
        at = i
        while at > first and found.chars[at - 1] < chars:
            found.codes[at], found.chars[at] = found.codes[at - 1], found.chars[at - 1]
            at -= 1
        found.codes[at], found.chars[at] = code, chars


@jit
def _mean(parts: Floats, units: Units, d: Any, language: Any) -> Any:
    """Mean probability of a language in the parts where it is the likeliest."""
    total, weight = 0.0, 0
    for part in range(units.firsts[d], units.firsts[d + 1]):
        if np.argmax(parts[part]) == language:
            total += parts[part, language] * units.chars[part]
            weight += units.chars[part]
    return total / max(weight, 1)
