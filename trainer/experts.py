"""Feed-forward layers: one that all tokens share, and one of fine-grained experts of which each token uses a few.

Shapes: T tokens, D width of the model, F inner width, E experts, C experts chosen for a token, S = T * C.
"""

from typing import Any, NamedTuple

from gristmill.trainer._torch import torch
from gristmill.trainer.config import ModelConfig
from gristmill.trainer.devices import fused, has_grouped_products

Tensor = torch.Tensor
nn, functional = torch.nn, torch.nn.functional


class Routed(NamedTuple):
    """What a router chose: weights and numbers of the experts of each token, its part of the loss, and how many tokens
    chose each expert."""

    weights_TC: Tensor
    chosen_TC: Tensor
    z_loss: Tensor
    counts_E: Tensor


class Router(nn.Module):
    """Chooses experts by their sigmoid, in float32, and keeps their use even without a loss (arXiv:2408.15664).

    A bias of each expert, which only the choice sees, goes up when the expert was used too little and down when too
    much; see `rebalance`.
    """

    bias_E: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight_ED = nn.Parameter(torch.empty(config.experts, config.width))
        self.register_buffer("bias_E", torch.zeros(config.experts))
        self.n_chosen = config.experts_per_token

    def forward(self, x_TD: Tensor) -> Routed:
        logits_TE = x_TD.float() @ self.weight_ED.T
        scores_TE = logits_TE.sigmoid()
        chosen_TC = (scores_TE.detach() + self.bias_E).topk(self.n_chosen, dim=-1).indices
        weights_TC = scores_TE.gather(1, chosen_TC)
        weights_TC = weights_TC / (weights_TC.sum(-1, keepdim=True) + 1e-20)
        counts_E = torch.zeros(len(self.weight_ED), dtype=torch.int32, device=x_TD.device)
        counts_E.scatter_add_(0, chosen_TC.flatten(), torch.ones_like(chosen_TC.flatten(), dtype=torch.int32))
        return Routed(weights_TC, chosen_TC, logits_TE.logsumexp(-1).square().sum(), counts_E)

    @torch.no_grad()
    def rebalance(self, counts_E: Tensor, *, rate: float) -> None:
        """Move the biases by how often each expert was chosen, over all ranks; their mean stays zero."""
        move_E = rate * torch.sign(counts_E.float().mean() - counts_E.float())
        self.bias_E += move_E - move_E.mean()


class FeedForward(nn.Module):
    """SwiGLU (arXiv:2002.05202): down(silu(gate(x)) * up(x))."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate_FD, self.up_FD = nn.Parameter(torch.empty(inner, width)), nn.Parameter(torch.empty(inner, width))
        self.down_DF = nn.Parameter(torch.empty(width, inner))

    def forward(self, x_TD: Tensor) -> Tensor:
        gate_TF, up_TF = (functional.linear(x_TD, each.to(x_TD.dtype)) for each in (self.gate_FD, self.up_FD))
        return functional.linear(_gated(gate_TF, up_TF), self.down_DF.to(x_TD.dtype))


class Experts(nn.Module):
    """A layer of experts. Dropless: every token reaches all experts chosen for it, however many want the same.

    Tokens are sorted by expert, and each matrix of all experts is one grouped product.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        inner = config.expert_width
        self.router = Router(config)
        self.gate_EDF = nn.Parameter(torch.empty(config.experts, config.width, inner))
        self.up_EDF = nn.Parameter(torch.empty(config.experts, config.width, inner))
        self.down_EFD = nn.Parameter(torch.empty(config.experts, inner, config.width))
        self.shared = FeedForward(config.width, inner * config.shared_experts) if config.shared_experts else None

    def forward(self, x_TD: Tensor) -> tuple[Tensor, Routed]:
        routed = self.router(x_TD)
        order_S = routed.chosen_TC.flatten().argsort(stable=True)
        back_TC = torch.empty_like(order_S).scatter_(0, order_S, torch.arange(len(order_S), device=order_S.device))
        back_TC = back_TC.view_as(routed.chosen_TC)
        ends_E = routed.counts_E.cumsum(0, dtype=torch.int32)
        gate_EDF, up_EDF, down_EFD = (each.to(x_TD.dtype) for each in (self.gate_EDF, self.up_EDF, self.down_EFD))
        x_SD: Tensor = _Spread.apply(x_TD, order_S, back_TC)  # type: ignore[no-untyped-call]
        weights_S1 = routed.weights_TC.flatten()[order_S, None]
        h_SF = _weighted(grouped(x_SD, gate_EDF, ends_E), grouped(x_SD, up_EDF, ends_E), weights_S1)
        y_TD: Tensor = _Gathered.apply(grouped(h_SF, down_EFD, ends_E), order_S, back_TC)  # type: ignore[no-untyped-call]
        return (y_TD if self.shared is None else y_TD + self.shared(x_TD)), routed


class _Spread(torch.autograd.Function):
    """A copy of each token for each expert chosen for it, sorted by expert (S, D). The gradient is what `_Gathered`
    does: rows that are read; autograd's own would add to rows in any order, and has to sort or lock them."""

    @staticmethod
    def forward(ctx: Any, x_TD: Tensor, order_S: Tensor, back_TC: Tensor) -> Tensor:
        ctx.save_for_backward(back_TC)
        return x_TD.index_select(0, order_S // back_TC.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return _gather(grads[0], *ctx.saved_tensors), None, None


class _Gathered(torch.autograd.Function):
    """The sum of what the experts of each token made of it (T, D). The gradient is what `_Spread` does."""

    @staticmethod
    def forward(ctx: Any, y_SD: Tensor, order_S: Tensor, back_TC: Tensor) -> Tensor:
        ctx.save_for_backward(order_S)
        ctx.n_chosen = back_TC.shape[1]
        return _gather(y_SD, back_TC)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return grads[0].index_select(0, ctx.saved_tensors[0] // ctx.n_chosen), None, None


@fused
def _gather(y_SD: Tensor, back_TC: Tensor) -> Tensor:
    first_T, *others_T = back_TC.unbind(1)
    y_TD = y_SD.index_select(0, first_T).float()
    for each_T in others_T:  # compiled, a sum over an axis would read at a third of the speed (docs/decisions.md)
        y_TD += y_SD.index_select(0, each_T)
    return y_TD.to(y_SD.dtype)


def _swiglu(gate_TF: Tensor, up_TF: Tensor) -> Tensor:
    return functional.silu(gate_TF) * up_TF


_gated = fused(_swiglu)


@fused
def _weighted(gate_SF: Tensor, up_SF: Tensor, weights_S1: Tensor) -> Tensor:
    """Times the router's weights: here, and not after the last product, since F is less than D."""
    return _swiglu(gate_SF, up_SF) * weights_S1.to(gate_SF.dtype)


def grouped(x_SD: Tensor, weight_EDF: Tensor, ends_E: Tensor) -> Tensor:
    """(S, F): the rows up to the first end times the first matrix, and so on; the last end is S."""
    if has_grouped_products(x_SD):
        return functional.grouped_mm(x_SD, weight_EDF, offs=ends_E)
    return by_loop(x_SD, weight_EDF, ends_E)


def by_loop(x_SD: Tensor, weight_EDF: Tensor, ends_E: Tensor) -> Tensor:
    """The same, an expert at a time: for devices that have no grouped product."""
    ends = ends_E.tolist()
    starts = [0, *ends[:-1]]
    return torch.cat([x_SD[a:b] @ weight for a, b, weight in zip(starts, ends, weight_EDF, strict=True)])
