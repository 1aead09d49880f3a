"""The decoder: a row of tokens of many documents in, hidden states out.

Shapes: T tokens, D width, H heads of queries, G of keys and values, K width of a head, V vocabulary, E experts,
M layers with experts.
"""

from dataclasses import dataclass
from functools import partial

from gristmill.trainer._torch import torch
from gristmill.trainer.attention import Spans, attend
from gristmill.trainer.config import ModelConfig
from gristmill.trainer.devices import fused
from gristmill.trainer.experts import Experts, FeedForward, Routed
from gristmill.trainer.head import HeadLoss

Tensor = torch.Tensor
nn, functional = torch.nn, torch.nn.functional
_EPSILON = 1e-6
ROUTERS = "router.weight_ED"
"""How names of routers' matrices end."""


@dataclass(frozen=True, kw_only=True)
class Hidden:
    """What the layers make of a row of tokens.

    Attributes:
        x_TD: hidden states, normalised.
        routed: of each layer with experts, what its router chose.
    """

    x_TD: Tensor
    routed: tuple[Routed, ...]

    def chosen(self) -> Tensor:
        """The experts of each token (M, T, C), layer by layer."""
        return torch.stack([each.chosen_TC for each in self.routed])

    def counts(self) -> Tensor:
        """How often each expert was chosen (M, E), layer by layer."""
        return torch.stack([each.counts_E for each in self.routed])


class Decoder(nn.Module):
    """Token ids in, hidden states out. Weights are float32; `dtype` is what the products are computed in."""

    def __init__(self, config: ModelConfig, *, dtype: torch.dtype = torch.float32, recompute: bool = False) -> None:
        super().__init__()
        self.config, self.dtype, self.recompute = config, dtype, recompute
        self.embedding_VD = nn.Parameter(torch.empty(config.vocabulary_size, config.width))
        self.output_VD = None if config.tied else nn.Parameter(torch.empty(config.vocabulary_size, config.width))
        self.layers = nn.ModuleList(_Layer(config, number) for number in range(config.depth))
        self.norm = nn.RMSNorm(config.width, eps=_EPSILON)

    def initialise(self, seed: int, *, place: torch.device | None = None) -> None:
        """Truncated normal weights of standard deviation width ** -0.5, smaller where they write into the stream. Drawn
        where they are, which is fast, or at a place that others have too, since each kind of device draws its own."""
        maker = torch.Generator(place or self.embedding_VD.device).manual_seed(seed)
        deviation = self.config.width**-0.5
        for name, parameter in self.named_parameters():
            if parameter.ndim == 1:
                nn.init.ones_(parameter)
                continue
            writes = name.endswith((".out_DX", ".down_DF", ".down_EFD"))
            std = deviation / (2 * self.config.depth) ** 0.5 if writes else deviation
            drawn = torch.empty(parameter.shape, device=maker.device)
            nn.init.trunc_normal_(drawn, std=std, a=-3 * std, b=3 * std, generator=maker)
            with torch.no_grad():
                parameter.copy_(drawn)

    @property
    def routers(self) -> list[Experts]:
        """The layers' experts, of those layers that have any."""
        return [each.ffn for each in self.layers if isinstance(each.ffn, Experts)]

    def forward(self, tokens_T: Tensor, positions_T: Tensor, spans: Spans) -> Hidden:
        """Run all layers over documents that stand one after another."""
        rotation = _rotation(positions_T, width=self.config.head_width, base=self.config.rope_base)
        rotation = (rotation[0].to(self.dtype), rotation[1].to(self.dtype))
        x_TD = functional.embedding(tokens_T, self.embedding_VD).to(self.dtype)
        routed = []
        for layer in self.layers:
            run = partial(torch.utils.checkpoint.checkpoint, layer, use_reentrant=False) if self.recompute else layer
            x_TD, chosen = run(x_TD, rotation, spans)
            if chosen is not None:
                routed.append(chosen)
        return Hidden(x_TD=_normed(x_TD, self.norm.weight), routed=tuple(routed))

    def logits(self, x_TD: Tensor) -> Tensor:
        """(T, V), float32."""
        return functional.linear(x_TD, self._output.to(x_TD.dtype)).float()

    def losses(self, x_TD: Tensor, targets_T: Tensor, *, z_loss: float = 0.0) -> tuple[Tensor, Tensor]:
        """Cross-entropy (T) of each token in nats, zero where a target is -1; and what to minimise, a sum."""
        output_VD = self._output if torch.is_grad_enabled() else self._output.detach()  # else gradients would be made
        loss_T, total = HeadLoss.apply(x_TD, output_VD, targets_T, z_loss)  # type: ignore[no-untyped-call]
        return loss_T, total

    @property
    def _output(self) -> Tensor:
        return self.embedding_VD if self.output_VD is None else self.output_VD

    def count(self) -> tuple[int, int]:
        """Parameters, and how many of them a token is multiplied with: embeddings as inputs are looked up, not."""
        total = sum(each.numel() for each in self.parameters())
        idle = self.config.experts - self.config.experts_per_token
        unused = sum(sum(p[0].numel() * idle for p in (e.gate_EDF, e.up_EDF, e.down_EFD)) for e in self.routers)
        looked_up = 0 if self.output_VD is None else self.embedding_VD.numel()
        return total, total - unused - looked_up

    def flops(self, tokens: int, *, context: float) -> float:
        """Floating-point operations of training on so many tokens, which see `context` others each on average: six for
        each active parameter, and the attention's (arXiv:2204.02311, appendix B)."""
        _, active = self.count()
        seen = 12 * self.config.depth * self.config.heads * self.config.head_width * context
        return tokens * (6 * active + seen)


def hidden_matrices(model: Decoder) -> dict[str, nn.Parameter]:
    """The matrices, also stacks of them, that are neither embeddings nor routers."""
    others = ("embedding_VD", "output_VD", ROUTERS)
    return {name: each for name, each in model.named_parameters() if each.ndim > 1 and not name.endswith(others)}


class _Layer(nn.Module):
    def __init__(self, config: ModelConfig, number: int) -> None:
        super().__init__()
        self.norm_attention, self.norm_ffn = (nn.RMSNorm(config.width, eps=_EPSILON) for _ in range(2))
        self.attention = _Attention(config)
        dense = config.experts == 0 or number < config.dense_layers
        self.ffn = FeedForward(config.width, config.dense_width) if dense else Experts(config)

    def forward(self, x_TD: Tensor, rotation: tuple[Tensor, Tensor], spans: Spans) -> tuple[Tensor, Routed | None]:
        x_TD = x_TD + self.attention(_normed(x_TD, self.norm_attention.weight), rotation, spans)
        h_TD = _normed(x_TD, self.norm_ffn.weight)
        if isinstance(self.ffn, FeedForward):
            return x_TD + self.ffn(h_TD), None
        y_TD, routed = self.ffn(h_TD)
        return x_TD + y_TD, routed


class _Attention(nn.Module):
    """Grouped queries, with queries and keys normalised by head (arXiv:2302.05442) and rotated (arXiv:2104.09864)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        queries, keys = config.heads * config.head_width, config.kv_heads * config.head_width
        self.head_width = config.head_width
        self.q_XD = nn.Parameter(torch.empty(queries, config.width))
        self.k_XD = nn.Parameter(torch.empty(keys, config.width))
        self.v_XD = nn.Parameter(torch.empty(keys, config.width))
        self.out_DX = nn.Parameter(torch.empty(config.width, queries))
        self.norm_q, self.norm_k = (nn.RMSNorm(config.head_width, eps=_EPSILON) for _ in range(2))

    def forward(self, x_TD: Tensor, rotation: tuple[Tensor, Tensor], spans: Spans) -> Tensor:
        q_THK, k_TGK, v_TGK = (
            functional.linear(x_TD, each.to(x_TD.dtype)).view(len(x_TD), -1, self.head_width)
            for each in (self.q_XD, self.k_XD, self.v_XD)
        )
        q_THK = _rotated(q_THK, self.norm_q.weight, *rotation)
        k_TGK = _rotated(k_TGK, self.norm_k.weight, *rotation)
        return functional.linear(attend(q_THK, k_TGK, v_TGK, spans).flatten(1), self.out_DX.to(x_TD.dtype))


def _normed(x: Tensor, weight: Tensor) -> Tensor:
    """Root mean square normalisation (arXiv:1910.07467) in the dtype of what is normalised."""
    return functional.rms_norm(x, weight.shape, weight.to(x.dtype), _EPSILON)


def _rotation(positions_T: Tensor, *, width: int, base: float) -> tuple[Tensor, Tensor]:
    """Cosines and sines (T, 1, K / 2) of rotary position embedding."""
    steps = torch.arange(0, width, 2, device=positions_T.device, dtype=torch.float32) / width
    angles = positions_T[:, None, None].float() * base**-steps
    return angles.cos(), angles.sin()


@fused
def _rotated(x_THK: Tensor, norm_K: Tensor, cos_TK: Tensor, sin_TK: Tensor) -> Tensor:
    """Normalised by head, and rotated."""
    a, b = _normed(x_THK, norm_K).chunk(2, dim=-1)
    return torch.cat((a * cos_TK - b * sin_TK, a * sin_TK + b * cos_TK), dim=-1)
