"""Text from a model, token after token.

Each token is computed from all before it anew, which is 30 lines less than a cache of keys and values and much slower
on long texts: enough to read what a model writes. For more, export it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gristmill.trainer._torch import torch
from gristmill.trainer.attention import Spans
from gristmill.trainer.model import Decoder

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the next token is drawn.

    Attributes:
        temperature: logits are divided by it; at 0 the most likely token is taken.
        top_k: of how many of the most likely tokens; None for all.
        top_p: of the most likely tokens that come to this share of the probability (arXiv:1904.09751).
        seed: of the first text; the n-th has this plus n.
    """

    temperature: float = 0.8
    top_k: int | None = None
    top_p: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise ValueError(f"sampling.temperature: {self.temperature}; 0 and more can be")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"sampling.top_k: {self.top_k} tokens; the smallest is 1")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"sampling.top_p: {self.top_p}; above 0, to 1")

    def draw(self, logits_V: Tensor, maker: torch.Generator) -> int:
        """A token, by logits on the host."""
        ranked_V, ids_V = logits_V.double().sort(descending=True, stable=True)
        if self.temperature == 0:
            return int(ids_V[0])
        chances_V = (ranked_V[: self.top_k] / self.temperature).softmax(0)
        before_V = chances_V.cumsum(0) - chances_V
        kept_V = chances_V * (before_V < self.top_p)
        return int(ids_V[torch.multinomial(kept_V, 1, generator=maker)])


@torch.inference_mode()
def generate(
    model: Decoder, prompts: Sequence[Sequence[int]], *, end_id: int, context: int, most: int, sampling: Sampling
) -> list[list[int]]:
    """What follows each prompt: token ids up to the end token, which is left out, or so many.

    Beyond the context, the model sees the last tokens alone. Time: for n tokens a forward pass over some n * n / 2.

    Raises:
        ValueError: a prompt is empty; a model learns nothing about the first token of a text.
    """
    if not all(prompts):
        raise ValueError("the prompt is empty; give at least a word, which the text is to begin with")
    texts = [list(each) for each in prompts]
    makers = [torch.Generator().manual_seed(sampling.seed + number) for number in range(len(texts))]
    open_texts = list(range(len(texts)))
    for _ in range(most):
        if not open_texts:
            break
        seen = [texts[each][-context:] for each in open_texts]
        for number, logits_V in zip(open_texts, _next(model, seen), strict=True):
            texts[number].append(sampling.draw(logits_V, makers[number]))
        open_texts = [each for each in open_texts if texts[each][-1] != end_id]
    found = [text[len(prompt) :] for text, prompt in zip(texts, prompts, strict=True)]
    return [each[:-1] if each[-1:] == [end_id] else each for each in found]


def _next(model: Decoder, texts: Sequence[Sequence[int]]) -> Tensor:
    """Logits of what follows each text, on the host."""
    lengths = np.array([len(each) for each in texts])
    device = model.embedding_VD.device
    tokens_T = torch.tensor([token for each in texts for token in each], device=device)
    positions_T = torch.cat([torch.arange(each) for each in lengths.tolist()]).to(device)
    hidden = model(tokens_T, positions_T, Spans.of(lengths).to(device))
    last = torch.from_numpy(np.cumsum(lengths) - 1).to(device)
    return model.logits(hidden.x_TD[last]).cpu()
