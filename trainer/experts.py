"""Feed-forward layers: one that all tokens share, and one of fine-grained experts of which each token uses a few.

Shapes: T tokens, D width of the model, F inner width, E experts, C experts chosen for a token, S = T * C.
"""

from typing import NamedTuple

from gristmill.trainer._torch import torch
from gristmill.trainer.config import ModelConfig
from gristmill.trainer.devices import has_grouped_products

Tensor = torch.Tensor
nn, functional = torch.nn, torch.nn.functional


class Routed(NamedTuple):
    """What a router chose: weights and numbers of the experts of each token, and its part of the loss."""

    weights_TC: Tensor
    chosen_TC: Tensor
    z_loss: Tensor


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
        return Routed(weights_TC, chosen_TC, logits_TE.logsumexp(-1).square().sum())

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
        return functional.linear(functional.silu(gate_TF) * up_TF, self.down_DF.to(x_TD.dtype))


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
        n_experts, n_chosen = len(self.gate_EDF), routed.chosen_TC.shape[1]
        experts_S, order_S = routed.chosen_TC.flatten().sort(stable=True)
        counts_E = torch.zeros(n_experts, dtype=torch.int32, device=x_TD.device)
        counts_E = counts_E.scatter_add(0, experts_S, torch.ones_like(experts_S, dtype=torch.int32))
        h_SD = self._through(x_TD[order_S // n_chosen], counts_E.cumsum(0, dtype=torch.int32))
        weights_S = routed.weights_TC.flatten()[order_S, None].to(h_SD.dtype)
        back_S = torch.empty_like(order_S).scatter_(0, order_S, torch.arange(len(order_S), device=order_S.device))
        y_TD = (h_SD * weights_S)[back_S].unflatten(0, (-1, n_chosen)).sum(1)
        return (y_TD if self.shared is None else y_TD + self.shared(x_TD)), routed

    def _through(self, x_SD: Tensor, ends_E: Tensor) -> Tensor:
        gate_EDF, up_EDF, down_EFD = (each.to(x_SD.dtype) for each in (self.gate_EDF, self.up_EDF, self.down_EFD))
        h_SF = functional.silu(grouped(x_SD, gate_EDF, ends_E)) * grouped(x_SD, up_EDF, ends_E)
        return grouped(h_SF, down_EFD, ends_E)


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
