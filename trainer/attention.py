"""Attention that never crosses documents: one function, and two ways to compute it.

Shapes: T tokens, H heads of queries, G heads of keys and values, K width of a head.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from inspect import signature
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from gristmill.trainer._torch import torch
from gristmill.trainer.devices import has_varlen_attention

Tensor = torch.Tensor

_STEP = 1.25
"""Documents are padded to lengths that grow by this, so that those of a length can be computed together."""


@dataclass(frozen=True, kw_only=True)
class Spans:
    """Where the documents in a row of tokens begin and end. N: documents.

    Attributes:
        bounds_N1: (N + 1), int32, for kernels that take the documents as they are.
        longest: tokens of the longest.
        places: for the others, of each group of documents of similar length (n, l): which token stands where; what is
            behind a document's end repeats its last token.
        back_T: where each token is found in all groups, one after another.
    """

    bounds_N1: Tensor
    longest: int
    places: tuple[Tensor, ...]
    back_T: Tensor

    @classmethod
    def of(cls, lengths: Sequence[int] | npt.NDArray[np.int64]) -> "Spans":
        """From the documents' lengths, each at least 1. Time and memory: linear in the tokens."""
        sizes = np.asarray(lengths, np.int64)
        bounds = np.concatenate([[0], np.cumsum(sizes)])
        classes = np.ceil(np.log(np.maximum(sizes, 1)) / np.log(_STEP)).astype(np.int64)
        places: list[Tensor] = []
        back = np.empty(bounds[-1], np.int64)
        seen = 0
        for each in np.flatnonzero(np.bincount(classes)):  # np.unique loads numpy.ma, 20 ms
            rows = np.flatnonzero(classes == each)
            longest = int(sizes[rows].max())
            inside = np.arange(longest)[None, :] < sizes[rows][:, None]
            place = bounds[rows][:, None] + np.minimum(np.arange(longest)[None, :], sizes[rows][:, None] - 1)
            back[place[inside]] = seen + np.flatnonzero(inside)
            places.append(torch.from_numpy(place))
            seen += place.size
        return cls(
            bounds_N1=torch.from_numpy(bounds.astype(np.int32)),
            longest=int(sizes.max(initial=0)),
            places=tuple(places),
            back_T=torch.from_numpy(back),
        )

    def to(self, device: torch.device) -> "Spans":
        return replace(
            self,
            bounds_N1=self.bounds_N1.to(device, non_blocking=True),
            places=tuple(each.to(device, non_blocking=True) for each in self.places),
            back_T=self.back_T.to(device, non_blocking=True),
        )


def attend(q_THK: Tensor, k_TGK: Tensor, v_TGK: Tensor, spans: Spans) -> Tensor:
    """Causal attention (T, H, K) within each document; each head of keys serves H / G heads of queries.

    It is the variable-length kernel where there is one, everywhere else PyTorch's own attention over documents of
    similar length, padded at their ends, which a causal mask hides.
    """
    if has_varlen_attention(q_THK):
        return _by_varlen(q_THK, k_TGK, v_TGK, spans)
    return _by_groups(q_THK, k_TGK, v_TGK, spans)


def _by_varlen(q_THK: Tensor, k_TGK: Tensor, v_TGK: Tensor, spans: Spans) -> Tensor:
    bounds, longest = spans.bounds_N1, spans.longest
    return _varlen()(q_THK, k_TGK, v_TGK, bounds, bounds, longest, longest, window_size=(-1, 0))


@cache
def _varlen() -> Callable[..., Tensor]:
    from torch.nn.attention.varlen import varlen_attn  # noqa: PLC0415  (builds of PyTorch may lack it)

    # PyTorch 2.11 shares heads of keys without being asked, and does not know the word.
    shares: dict[str, Any] = {"enable_gqa": True} if "enable_gqa" in signature(varlen_attn).parameters else {}
    return cast(Callable[..., Tensor], partial(varlen_attn, **shares))


def _by_groups(q_THK: Tensor, k_TGK: Tensor, v_TGK: Tensor, spans: Spans) -> Tensor:
    found = []
    for place_NL in spans.places:
        q, k, v = (each[place_NL].transpose(1, 2) for each in (q_THK, k_TGK, v_TGK))
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        found.append(out.transpose(1, 2).flatten(0, 1))
    return torch.cat(found)[spans.back_T]
