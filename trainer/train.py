"""Training on shards: a short run that shows whether they are good to learn from."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gristmill.trainer._torch import torch
from gristmill.trainer.model import Decoder, ModelConfig
from gristmill.trainer.shards import Batch, Manifest, ShardReader
from gristmill.trainer.shards.datasets import tensors


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How to train.

    Attributes:
        batch_tokens: tokens per step, about; at least one sequence.
        max_length: longer sequences are cut to windows of this many tokens, since attention's cost on a processor grows
            with the square.
        peak: learning rate after the warm-up; it falls to a tenth on a cosine.
        warm_up: steps of the warm-up.
        balance: weight of the experts' imbalance in what is minimised.
    """

    batch_tokens: int = 2048
    max_length: int = 512
    peak: float = 4e-3
    warm_up: int = 10
    weight_decay: float = 0.1
    clip: float = 1.0
    balance: float = 0.01
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a training step came to.

    Attributes:
        loss: cross-entropy in nats per token.
        bits_per_byte: the same for a byte of text, which compares tokenizers too.
        tokens: tokens seen so far, padding not counted.
        seconds: since the start.
    """

    number: int
    loss: float
    bits_per_byte: float
    learning_rate: float
    tokens: int
    seconds: float

    def __str__(self) -> str:
        speed = self.tokens / max(self.seconds, 1e-9)
        return (
            f"step {self.number:>5}  loss {self.loss:6.3f}  {self.bits_per_byte:5.3f} bits/byte  "
            f"{self.tokens:>10,} tokens  {speed:,.0f} tokens/s"
        )


@dataclass(frozen=True, kw_only=True)
class Training:
    """A finished run."""

    model: Decoder
    steps: tuple[Step, ...]

    @property
    def losses(self) -> list[float]:
        return [step.loss for step in self.steps]


Report = Callable[[Step], None]


def run(
    folder: str | Path, *, steps: int, report: Report | None = None, output: str | Path | None = None, seed: int = 0
) -> Training:
    """Train a small model on the shards of an output folder, and save it where asked to.

    Raises:
        ManifestError: there are no shards that could be trained on.
    """
    done = train(folder, steps=steps, report=report, config=TrainConfig(seed=seed))
    if output is not None:
        save(done.model, output)
    return done


def train(
    folder: str | Path,
    *,
    steps: int,
    report: Report | None = None,
    config: TrainConfig | None = None,
    model_config: ModelConfig | None = None,
) -> Training:
    """Train; with the same seed, machine and number of threads the losses are the same, bit by bit.

    Args:
        report: called after every step.
        model_config: sizes of the model; its vocabulary size is taken from the shards.
    """
    config = config or TrainConfig()
    reader = ShardReader.open(folder)
    manifest = reader.manifest
    sizes = replace(model_config or ModelConfig(vocabulary_size=1), vocabulary_size=manifest.vocabulary_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = Decoder(sizes)
    optimizer = _optimizer(model, config)
    length = min(manifest.sequence_length, config.max_length)
    batches = reader.batches(max(1, config.batch_tokens // manifest.sequence_length), seed=config.seed)
    windows = max(1, config.batch_tokens // length)
    started, seen, done = time.monotonic(), 0, []
    for number in range(steps):
        arrays = _tensors(next(batches), length=length, windows=windows)
        rate = learning_rate(number, steps=steps, peak=config.peak, warm_up=config.warm_up)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss, imbalance = model.loss(*arrays)
        optimizer.zero_grad()
        torch.autograd.backward(loss + config.balance * imbalance)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        seen += int((arrays[1] >= 0).sum())
        step = Step(
            number=number + 1,
            loss=loss.item(),
            bits_per_byte=bits_per_byte(loss.item(), manifest),
            learning_rate=rate,
            tokens=seen,
            seconds=time.monotonic() - started,
        )
        done.append(step)
        if report is not None:
            report(step)
    return Training(model=model, steps=tuple(done))


def learning_rate(step: int, *, steps: int, peak: float, warm_up: int) -> float:
    """Linear warm-up to `peak`, then a cosine down to a tenth of it (arXiv:2001.08361 and common practice)."""
    warm_up = min(warm_up, max(1, steps // 5))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = (step - warm_up) / max(1, steps - warm_up)
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))


def bits_per_byte(loss: float, manifest: Manifest) -> float:
    """Nats per token as bits per byte of text, at the tokens per byte of all the shards."""
    return loss / math.log(2) * manifest.totals["tokens"] / max(1, manifest.totals["text_bytes"])


def save(model: Decoder, path: str | Path) -> None:
    """Write sizes and weights; read them with `load`."""
    torch.save({"config": asdict(model.config), "weights": model.state_dict()}, path)


def load(path: str | Path) -> Decoder:
    """Read a model; nothing in the file is executed."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model = Decoder(ModelConfig(**saved["config"]))
    model.load_state_dict(saved["weights"])
    return model


def _optimizer(model: Decoder, config: TrainConfig) -> torch.optim.Optimizer:
    """AdamW; norms are not decayed."""
    matrices = [each for each in model.parameters() if each.ndim > 1]
    vectors = [each for each in model.parameters() if each.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.peak, betas=(0.9, 0.95))


def _tensors(batch: Batch, *, length: int, windows: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens, documents and positions, each (B, L) int64, the sequences cut to windows of L tokens."""
    whole = batch.tokens.shape[1] // length * length
    cut = {name: each[:, :whole].reshape(-1, length)[:windows] for name, each in tensors(batch).items()}
    return cut["tokens"], cut["documents"], cut["positions"]
