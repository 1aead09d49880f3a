"""Sizes of a model and the way it is trained. One dial, `depth`, sets all sizes; each can be set by itself."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, Self

Dtype = Literal["float32", "bfloat16", "float16"]

_ASPECT = 64
_HEAD_WIDTH = 64
_EXPERT_STEP = 16
"""Expert widths are multiples of this: grouped products want rows of 16 bytes and more."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Sizes of a decoder. `of_depth` makes one from the dial.

    Attributes:
        heads: of queries; `kv_heads` of them share a head of keys and values each (arXiv:2305.13245).
        dense_width: inner width of a feed-forward layer that is not split into experts.
        dense_layers: layers before the experts begin.
        experts: routed experts of a layer; 0 makes all layers dense.
        shared_experts: experts that every token uses besides those chosen for it.
        tied: input and output embeddings are one.
    """

    vocabulary_size: int
    depth: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    dense_width: int
    dense_layers: int = 1
    experts: int = 32
    experts_per_token: int = 4
    shared_experts: int = 1
    expert_width: int = 0
    tied: bool = True
    rope_base: float = 10_000.0

    def __post_init__(self) -> None:
        for name in ("vocabulary_size", "depth", "width", "heads", "kv_heads", "head_width", "dense_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"model.{name}: {getattr(self, name)} is not positive; the smallest is 1")
        if self.heads % self.kv_heads:
            raise ValueError(f"model.kv_heads: {self.heads} heads cannot share {self.kv_heads} heads of keys evenly")
        if self.head_width % 2:
            raise ValueError(f"model.head_width: {self.head_width} is odd; {self.head_width + 1} can be rotated")
        if self.experts and not 1 <= self.experts_per_token <= self.experts:
            raise ValueError(
                f"model.experts_per_token: {self.experts_per_token} of {self.experts} experts; 1 to {self.experts} can"
                " be chosen"
            )
        if self.experts and self.expert_width < 1:
            raise ValueError(f"model.expert_width: {self.expert_width} is not positive; the smallest is 1")

    @classmethod
    def of_depth(cls, depth: int, *, vocabulary_size: int, **overrides: Any) -> Self:
        """All sizes from the number of layers: 64 of width for each, a head for each 64, and experts that are fine:
        those that a token uses are together as wide as the layer of the dense twin, 8/3 of the width.

        Raises:
            ValueError: a size has no meaning, or there is no such size.
        """
        if unknown := overrides.keys() - {each.name for each in fields(cls)}:
            raise ValueError(f"model.{min(unknown)}: there is no such size")
        width = overrides.get("width", _ASPECT * depth)
        heads = overrides.get("heads", max(1, width // _HEAD_WIDTH))
        used = overrides.get("experts_per_token", 4) + overrides.get("shared_experts", 1)
        dense_width = overrides.get("dense_width", _rounded(width * 8 / 3))
        derived: dict[str, Any] = {
            "width": width,
            "heads": heads,
            "kv_heads": heads // 2 if heads % 2 == 0 else heads,
            "head_width": max(2, width // heads // 2 * 2),
            "dense_width": dense_width,
            "expert_width": _rounded(dense_width / max(used, 1)),
        }
        return cls(vocabulary_size=vocabulary_size, depth=depth, **derived | overrides)

    @property
    def moe_layers(self) -> int:
        """Layers with experts."""
        return max(0, self.depth - self.dense_layers) if self.experts else 0

    def dense_twin(self) -> Self:
        """The same model without experts: each token uses as many parameters, and there are no others."""
        used = self.expert_width * (self.experts_per_token + self.shared_experts)
        return replace(self, experts=0, dense_width=used if self.experts else self.dense_width)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _rounded(width: float) -> int:
    return max(1, round(width / _EXPERT_STEP)) * _EXPERT_STEP


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train.

    Attributes:
        steps: updates of the weights, if all goes well.
        batch_sequences: training sequences of a step, of all ranks together.
        micro_sequences: sequences that go through the model at once; what memory allows.
        context: longer pieces of documents are cut into pieces of so many tokens; None leaves them whole.
        peak: learning rate of the hidden matrices between warm-up and decay.
        peak_adam: that of embeddings, routers and norms.
        warm_up, decay: shares of the steps, at the start and at the end.
        balance_rate: how far a step moves the bias of an expert that is used too much or too little, at the peak.
        z_loss: weight of the squared log-sum of the output logits; `router_z_loss` that of the routers' logits.
        spike: standard deviations above the recent mean at which a batch is skipped; see `trainer.spikes`.
        dtype: what the model computes in; weights and sums are float32. None: what suits the device.
        recompute: keep less for the backward pass, and compute it again: less memory, a third more time.
        offload: keep the optimiser's state in the host's memory.
        ledger: share of the sequences whose losses are written down by document; see `trainer.losses`.
    """

    steps: int
    batch_sequences: int = 8
    micro_sequences: int = 1
    context: int | None = 2048
    peak: float = 0.01
    peak_adam: float = 0.005
    warm_up: float = 0.02
    decay: float = 0.3
    weight_decay: float = 0.1
    clip: float = 1.0
    balance_rate: float = 0.02
    z_loss: float = 1e-5
    router_z_loss: float = 1e-4
    spike: float = 6.0
    seed: int = 0
    dtype: Dtype | None = None
    recompute: bool = False
    offload: bool = False
    ledger: float = 1.0
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "batch_sequences", "micro_sequences", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"train.{name}: {getattr(self, name)} is not positive; the smallest is 1")
        if not 0 <= self.warm_up + self.decay <= 1:
            raise ValueError(f"train.warm_up and train.decay: {self.warm_up + self.decay} of the steps; at most 1")
        if not 0 <= self.ledger <= 1:
            raise ValueError(f"train.ledger: {self.ledger} of the sequences; 0 to 1 can be written down")
        if self.context is not None and self.context < 2:
            raise ValueError(f"train.context: {self.context} tokens; the smallest that can be learnt from is 2")

    def rate(self, step: int) -> float:
        """Share of the peak learning rate at a step, from 0: warm-up, constant, decay to nothing."""
        warm, cool = max(1, round(self.steps * self.warm_up)), max(1, round(self.steps * self.decay))
        return min(1.0, (step + 1) / warm, max(0.0, self.steps - step) / cool)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
