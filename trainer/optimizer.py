"""Muon for the hidden matrices, AdamW for the rest: one optimiser, whose state is a flat dictionary of tensors.

Shapes: N matrices of one size, R rows, C columns.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from gristmill.trainer._torch import torch
from gristmill.trainer.config import TrainConfig
from gristmill.trainer.model import ROUTERS, Decoder, hidden_matrices

Tensor = torch.Tensor

_MOMENTUM = 0.95
_RMS = 0.2
"""Root mean square of AdamW's updates, which Muon's are scaled to, so that one rate suits both (arXiv:2502.16982)."""

_BETAS = (0.9, 0.99)
"""The second is longer than is usual for large batches: ours may be of a few hundred tokens (arXiv:2507.07101)."""
_EPSILON = 1e-8
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_ROUTERS_SHARE = 0.1
"""Routers move at this share of the rate: at all of it, use changes faster than the biases can follow."""

_TOGETHER = 1 << 27
"""Numbers of matrices of one size that are made orthogonal at once: enough for any device, and half a gigabyte."""


class Optimizer:
    """Updates the weights of a decoder by the gradients that autograd left with them."""

    def __init__(self, model: Decoder, config: TrainConfig, *, is_idle: bool = False) -> None:
        """An idle one, of a rank that another updates the weights of, has a state of sizes only, and no memory."""
        named = dict(model.named_parameters())
        self._config, self._dtype = config, model.dtype
        self._place = "meta" if is_idle else "cpu" if config.offload else None
        self._matrices = hidden_matrices(model)
        self._others = {k: p for k, p in named.items() if k not in self._matrices}
        self._groups = list(_groups(self._matrices))
        self.updates = 0
        self._state = {f"momentum.{k}": self._zeros(p) for k, p in self._matrices.items()}
        for moment in ("first", "second"):
            self._state |= {f"{moment}.{k}": self._zeros(p) for k, p in self._others.items()}

    def _zeros(self, parameter: Tensor) -> Tensor:
        return torch.zeros_like(parameter, device=self._place)

    def state(self) -> dict[str, Tensor]:
        """What has to be kept to go on, besides `updates`."""
        return self._state

    @torch.no_grad()
    def step(self, share: float) -> None:
        """One update, at a share of the peak learning rates."""
        self.updates += 1
        self._muon(share * self._config.peak)
        self._adam(share * self._config.peak_adam)

    def _muon(self, rate: float) -> None:
        """Nesterov momentum, made orthogonal (Jordan et al. 2024)."""
        for (rows, columns), names in self._groups:
            moved = [self._moved(name).reshape(-1, rows, columns) for name in names]
            updates = torch.split(orthogonal(torch.cat(moved), dtype=self._dtype), [len(each) for each in moved])
            scale = rate * _RMS * max(rows, columns) ** 0.5
            for name, update_NRC in zip(names, updates, strict=True):
                parameter = self._matrices[name]
                parameter.mul_(1 - rate * self._config.weight_decay)
                parameter.add_(update_NRC.view_as(parameter), alpha=-scale)

    def _moved(self, name: str) -> Tensor:
        """Nesterov momentum of a matrix."""
        gradient = self._matrices[name].grad
        assert gradient is not None, "all matrices take part in every batch"
        momentum = self._state[f"momentum.{name}"]
        here = momentum.to(gradient.device).lerp_(gradient, 1 - _MOMENTUM)
        momentum.copy_(here)
        return gradient.lerp(here, _MOMENTUM)

    def _adam(self, rate: float) -> None:
        """AdamW (arXiv:1711.05101); only matrices decay."""
        corrections = [1 - beta**self.updates for beta in _BETAS]
        for name, parameter in self._others.items():
            gradient = parameter.grad
            assert gradient is not None, "all parameters take part in every batch"
            first, second = (self._state[f"{each}.{name}"] for each in ("first", "second"))
            m = first.to(gradient.device).lerp_(gradient, 1 - _BETAS[0])
            v = second.to(gradient.device).lerp_(gradient.square(), 1 - _BETAS[1])
            first.copy_(m)
            second.copy_(v)
            own = rate * (_ROUTERS_SHARE if name.endswith(ROUTERS) else 1.0)
            if parameter.ndim > 1:
                parameter.mul_(1 - own * self._config.weight_decay)
            parameter.addcdiv_(m / corrections[0], (v / corrections[1]).sqrt() + _EPSILON, value=-own)


def _groups(matrices: Mapping[str, Tensor]) -> Iterator[tuple[tuple[int, int], list[str]]]:
    """Rows and columns, and the names of matrices of that size, as many as go together."""
    of_size: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name, each in matrices.items():
        size = (each.shape[-2], each.shape[-1])
        names = of_size[size]
        if names and sum(matrices[other].numel() for other in names) + each.numel() > _TOGETHER:
            yield size, of_size.pop(size)
        of_size[size].append(name)
    yield from of_size.items()


def orthogonal(x_NRC: Tensor, *, dtype: torch.dtype) -> Tensor:
    """The nearest matrices whose singular values are about 1, by five steps of a quintic Newton-Schulz iteration.

    The coefficients give singular values of 0.7 to 1.2, which is enough, and bear being computed in bfloat16.
    """
    a, b, c = _COEFFICIENTS
    is_tall = x_NRC.shape[-2] > x_NRC.shape[-1]
    x = x_NRC.mT if is_tall else x_NRC
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    x = x.to(dtype)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a, alpha=1.0)
    return x.mT if is_tall else x


def clip(parameters: Sequence[Tensor], *, most: float) -> float:
    """Scale all gradients so that their norm is at most this; returns what it was."""
    norm = torch.nn.utils.get_total_norm([each.grad for each in parameters if each.grad is not None])
    torch.nn.utils.clip_grads_with_norm_(parameters, most, norm)
    return float(norm)
