"""A small model, and rows of documents to run it on."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gristmill.trainer._torch import torch
from gristmill.trainer.attention import Spans
from gristmill.trainer.config import ModelConfig
from gristmill.trainer.devices import Device
from gristmill.trainer.model import Decoder

CPU = Device(place=torch.device("cpu"), dtype=torch.float32, peak=1e9, memory=None)


def sizes(**overrides: Any) -> ModelConfig:
    given = {"width": 16, "heads": 2, "kv_heads": 1, "experts": 4, "experts_per_token": 2, "expert_width": 8}
    return ModelConfig.of_depth(2, vocabulary_size=50, **given | overrides)


def decoder(*, seed: int = 0, **overrides: Any) -> Decoder:
    model = Decoder(sizes(**overrides))
    model.initialise(seed)
    return model


def row(lengths: Sequence[int], *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, Spans]:
    """Random tokens, their positions and spans, for documents of some lengths."""
    tokens = torch.randint(0, 50, (sum(lengths),), generator=torch.Generator().manual_seed(seed))
    positions = torch.from_numpy(np.concatenate([np.arange(each) for each in lengths]))
    return tokens, positions, Spans.of(lengths)
