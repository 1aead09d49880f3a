# ruff: noqa: N803, N806  (names of tensors end in their shapes)
"""A small decoder with mixture-of-experts feed-forward layers.

Shapes: B sequences, L tokens of a sequence, T = B * L tokens, D width, H heads, K width of a head, E experts,
V vocabulary.
"""

from dataclasses import dataclass

from gristmill.trainer._torch import torch

Tensor = torch.Tensor
nn, functional = torch.nn, torch.nn.functional

_ROPE_BASE = 10_000.0
_INIT = 0.02


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of the model; the defaults learn something on two processor cores within half a minute."""

    vocabulary_size: int
    width: int = 96
    layers: int = 2
    heads: int = 4
    experts: int = 4
    experts_per_token: int = 2
    expert_width: int = 128


class Decoder(nn.Module):
    """Token ids in, hidden states out; input and output embeddings are one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm = nn.RMSNorm(config.width)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=_INIT)

    def forward(self, tokens_BL: Tensor, documents_BL: Tensor, positions_BL: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (B, L, D), and the experts' imbalance: 1 where all are used alike, up to E where one is."""
        same_BLL = documents_BL[:, :, None] == documents_BL[:, None, :]
        mask_B1LL = torch.tril(same_BLL)[:, None]
        rotation = _rotation(positions_BL, width=self.config.width // self.config.heads)
        x_BLD = self.embedding(tokens_BL)
        imbalances = []
        for layer in self.layers:
            x_BLD, imbalance = layer(x_BLD, mask_B1LL, rotation)
            imbalances.append(imbalance)
        return self.norm(x_BLD), torch.stack(imbalances).mean()

    def loss(self, tokens_BL: Tensor, documents_BL: Tensor, positions_BL: Tensor) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy in nats of every token but the first of a piece, given those before it; the imbalance."""
        x_BLD, imbalance = self(tokens_BL, documents_BL, positions_BL)
        counted_BL = (documents_BL[:, 1:] == documents_BL[:, :-1]) & (documents_BL[:, 1:] >= 0)
        logits_TV = x_BLD[:, :-1][counted_BL] @ self.embedding.weight.T
        targets_T = tokens_BL[:, 1:][counted_BL]
        total = functional.cross_entropy(logits_TV, targets_T, reduction="sum")
        return total / max(len(targets_T), 1), imbalance


class _Layer(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm_attention, self.norm_experts = nn.RMSNorm(config.width), nn.RMSNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.experts = _Experts(config)

    def forward(self, x_BLD: Tensor, mask_B1LL: Tensor, rotation: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        B, L, D = x_BLD.shape
        qkv = self.qkv(self.norm_attention(x_BLD)).view(B, L, 3, self.heads, D // self.heads)
        q_BHLK, k_BHLK, v_BHLK = qkv.permute(2, 0, 3, 1, 4)
        mixed_BHLK = functional.scaled_dot_product_attention(
            _rotated(q_BHLK, rotation), _rotated(k_BHLK, rotation), v_BHLK, attn_mask=mask_B1LL
        )
        x_BLD = x_BLD + self.out(mixed_BHLK.transpose(1, 2).reshape(B, L, D))
        y_TD, imbalance = self.experts(self.norm_experts(x_BLD).reshape(B * L, D))
        return x_BLD + y_TD.view(B, L, D), imbalance


class _Experts(nn.Module):
    """A gated feed-forward layer of which each token uses the few experts that the router likes best."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.n_chosen = config.experts_per_token
        shape = (config.experts, config.width, config.expert_width)
        self.router = nn.Linear(config.width, config.experts, bias=False)
        self.gate, self.up = nn.Parameter(torch.empty(shape)), nn.Parameter(torch.empty(shape))
        self.down = nn.Parameter(torch.empty(config.experts, config.expert_width, config.width))

    def forward(self, x_TD: Tensor) -> tuple[Tensor, Tensor]:
        n_experts = len(self.gate)
        scores_TE = self.router(x_TD).softmax(-1)
        weights_TC, chosen_TC = scores_TE.topk(self.n_chosen)
        weights_TC = weights_TC / weights_TC.sum(-1, keepdim=True)
        y_TD = torch.zeros_like(x_TD)
        for expert in range(n_experts):
            token, place = torch.where(chosen_TC == expert)
            h_SD = x_TD[token]
            h_SF = functional.silu(h_SD @ self.gate[expert]) * (h_SD @ self.up[expert])
            y_TD = y_TD.index_add(0, token, (h_SF @ self.down[expert]) * weights_TC[token, place, None])
        # Switch Transformer's balance term (arXiv:2101.03961, equation 4): share of tokens times mean score.
        used_E = torch.bincount(chosen_TC.flatten(), minlength=n_experts) / chosen_TC.numel()
        return y_TD, n_experts * (used_E * scores_TE.mean(0)).sum()


def _rotation(positions_BL: Tensor, *, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (B, 1, L, K/2) of rotary position embedding (arXiv:2104.09864)."""
    steps = torch.arange(0, width, 2, device=positions_BL.device) / width
    angles = positions_BL[:, None, :, None] * _ROPE_BASE**-steps
    return angles.cos(), angles.sin()


def _rotated(x_BHLK: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    cos, sin = rotation
    a, b = x_BHLK.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)
