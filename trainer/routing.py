"""Which experts read which languages and domains.

Shapes: P pieces of documents, T tokens, M layers with experts, E experts, C chosen for a token, X = M * E, L languages,
G pairs of language and domain.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.schemas import mix
from gristmill.trainer._torch import torch
from gristmill.trainer.feed import IntArray
from gristmill.trainer.model import Hidden

Counts = npt.NDArray[np.int32]
Column: TypeAlias = pa.Array | npt.NDArray[np.generic]

_PRIOR = 1000
"""Choices, made as all languages together make them, that each language's use of experts is taken to begin with."""


def counts(hidden: Hidden, pieces: IntArray, *, experts: int) -> Counts:
    """(P, X): how often the tokens of each piece chose each expert; counted where the model is.

    Args:
        pieces: (T) number of each token's piece, ascending.
    """
    n_pieces = int(pieces[-1]) + 1
    if not hidden.routed:
        return np.zeros((n_pieces, 0), np.int32)
    chosen_MTC = hidden.chosen()
    place = chosen_MTC.device
    layers_M11 = torch.arange(len(chosen_MTC), device=place)[:, None, None]
    pieces_T1 = torch.from_numpy(pieces).to(place)[:, None]
    cells = ((pieces_T1 * len(chosen_MTC) + layers_M11) * experts + chosen_MTC).flatten()
    found: Counts = cells.bincount(minlength=n_pieces * len(chosen_MTC) * experts).cpu().numpy().astype(np.int32)
    return found.reshape(n_pieces, -1)


def affinity(counts_PX: Counts, languages: pa.Array) -> tuple[Column, Column]:
    """For each piece the language, of the others, that uses experts most like it, and how much more so than its own.

    A language's use is that of its pieces without the one looked at. A piece's choices have a likelihood under each
    language's use; what is returned is the difference of their logarithms in nats for a choice: above 0, the other
    language is the likelier one. Nulls where there is nothing to compare. Time: P * L * X.
    """
    coded = languages.dictionary_encode()
    label_P, n = coded.indices.to_numpy(), len(coded.dictionary)
    if n < 2 or counts_PX.size == 0:
        return pa.nulls(len(languages), pa.string()), pa.nulls(len(languages), pa.float32())
    use_LX = _sums(label_P, counts_PX, n)
    prior_X = use_LX.sum(0) * (_PRIOR / use_LX.sum()) + 1e-9  # an expert that nobody used has to have a logarithm
    score_PL = counts_PX @ _log_shares(use_LX + prior_X).T
    own_P = np.empty(len(label_P))
    for label in range(n):
        own = np.flatnonzero(label_P == label)
        without = use_LX[label] - counts_PX[own] + prior_X
        own_P[own] = (counts_PX[own] * _log_shares(without)).sum(1)
    score_PL[np.arange(len(label_P)), label_P] = -np.inf
    doubt_P = (score_PL.max(1) - own_P) / np.maximum(counts_PX.sum(1), 1)
    return coded.dictionary.take(pa.array(score_PL.argmax(1))), doubt_P


def load(
    counts_PX: Counts, *, experts: int, first_layer: int, languages: pa.Array, domains: pa.Array
) -> tuple[Column, ...]:
    """Columns `layer`, `expert`, `language`, `domain`, `tokens` and `chance` of the table `routing`.

    Tokens of a document are alike, so that even experts chosen at random would seem to know languages. Chance is the
    same count with the labels of the pieces dealt out anew among them: what it shows is no knowledge.
    """
    coded = [each.dictionary_encode() for each in (languages, domains)]
    codes = coded[0].indices.to_numpy() * len(coded[1].dictionary) + coded[1].indices.to_numpy()
    pairs, group_P = np.unique(codes, return_inverse=True)
    dealt_P = group_P[np.argsort(mix(np.arange(1, len(group_P) + 1, dtype=np.uint64)))]
    tokens_GX, chance_GX = (_sums(each, counts_PX, len(pairs)) for each in (group_P, dealt_P))
    g, x = np.nonzero(tokens_GX + chance_GX)
    language, domain = np.divmod(pairs[g], max(1, len(coded[1].dictionary)))
    names = (each.dictionary.take(pa.array(codes)) for each, codes in zip(coded, (language, domain), strict=True))
    return first_layer + x // max(1, experts), x % max(1, experts), *names, tokens_GX[g, x], chance_GX[g, x]


def _sums(group_P: IntArray, counts_PX: Counts, n: int) -> npt.NDArray[np.float64]:
    """(n, X): the counts of each group's pieces together."""
    return np.stack([counts_PX[group_P == each].sum(0, dtype=np.float64) for each in range(n)])


def _log_shares(use: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = np.log(use / use.sum(-1, keepdims=True))
    return shares
