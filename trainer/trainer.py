"""A model in training: one step after another, and everything needed to go on later.

A step's gradient is the sum over all tokens of the batch divided by their number, whatever the micro-batches and ranks
that it was computed in.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from gristmill.trainer._torch import torch
from gristmill.trainer.checkpoint import Checkpoint, CheckpointError
from gristmill.trainer.config import ModelConfig, TrainConfig
from gristmill.trainer.devices import Device
from gristmill.trainer.feed import IntArray, Micro, read
from gristmill.trainer.model import Decoder, Hidden
from gristmill.trainer.optimizer import Optimizer, clip
from gristmill.trainer.ranks import Ranks
from gristmill.trainer.shards import ShardReader
from gristmill.trainer.spikes import Spikes
from gristmill.trainer.working import Working

Tensor = torch.Tensor
Watch = Callable[[int, Micro, Hidden, Tensor], None]
"""Sees each micro-batch of this rank: the step, its tokens, what the model made of them, each token's loss (T)."""


class Batches(Protocol):
    """Where sequences come from."""

    def take(self, count: int) -> IntArray: ...

    @property
    def state(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a step came to.

    Attributes:
        loss: cross-entropy in nats per token.
        gradient: norm of the gradient, before it was clipped.
        load: how often the most used expert of a layer was used, beside the mean; the worst layer's. 1 without experts.
        tokens: tokens learnt from, those of all ranks.
        skipped: a spike: the weights stayed as they were.
        indices: sequences of the batch.
        seconds: what the step took.
    """

    number: int
    loss: float
    gradient: float
    load: float
    rate: float
    tokens: int
    skipped: bool
    indices: tuple[int, ...]
    seconds: float


class Trainer:
    """Trains a model on the sequences of shards, in a process of its own or as one of several ranks."""

    def __init__(
        self,
        *,
        reader: ShardReader,
        batches: Batches,
        model: ModelConfig,
        config: TrainConfig,
        device: Device,
        ranks: Ranks | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.reader, self.batches, self.config, self.device = reader, batches, config, device
        self.ranks, self.watch = ranks or Ranks(), watch
        with device.place:
            self.model = Decoder(model, dtype=device.dtype, recompute=config.recompute)
        self.model.initialise(config.seed)
        self._working = Working(self.model)
        self.optimizer = Optimizer(self.model, config, is_idle=not self.ranks.leads)
        self.spikes = Spikes(limit=config.spike)
        self.steps = 0
        self.tokens = 0
        self._use = (model.moe_layers, max(model.experts, 1))
        self._is_warm = False

    def step(self) -> Step:
        """Learn from the next batch, or from one that was skipped before. Where rank 0 will compute the next batch
        alone, the others have old weights after it."""
        started = time.perf_counter()
        again = self.spikes.again()
        indices = self.batches.take(self.config.batch_sequences) if again is None else np.array(again, np.int64)
        total, count, counts_ME = self._gradients(indices)
        loss = total / max(count, 1)
        gradient = self.ranks.told(clip(list(self.model.parameters()), most=self.config.clip))
        skipped = self.spikes.is_spike(loss, gradient)
        rate = self.config.rate(self.steps)
        if not skipped:
            if self.ranks.leads:
                self._update(rate, counts_ME)
            self.spikes.passed(loss)
        elif again is None:
            self.spikes.skip(indices.tolist())
        if self.ranks.divides(self.config.batch_sequences):
            self.ranks.share(list(self.model.state_dict().values()))
        self.steps += 1
        self.tokens += count
        return Step(
            number=self.steps,
            loss=loss,
            gradient=gradient,
            load=_load(counts_ME),
            rate=rate,
            tokens=count,
            skipped=skipped,
            indices=tuple(indices.tolist()),
            seconds=time.perf_counter() - started,
        )

    def _update(self, rate: float, counts_ME: Tensor) -> None:
        self.optimizer.step(rate)
        for experts, counts_E in zip(self.model.routers, counts_ME, strict=True):
            experts.router.rebalance(counts_E.float().to(self.device.place), rate=rate * self.config.balance_rate)

    def _gradients(self, indices: IntArray) -> tuple[float, int, Tensor]:
        """Leaves the mean gradient of a batch with the parameters; returns loss in nats, tokens, and experts' use."""
        self.model.zero_grad(set_to_none=True)
        self._working.refresh()
        is_divided = self.ranks.divides(len(indices))
        totals = self._of_part(indices[self.ranks.part(len(indices))])
        if is_divided or self.ranks.leads:
            for each in self.model.parameters():
                each.grad = torch.zeros_like(each) if each.grad is None else each.grad
        gradients = [each.grad for each in self.model.parameters() if each.grad is not None]
        self.ranks.sum(gradients if is_divided else [], totals)
        loss, count = float(totals[0]), int(totals[1])
        if gradients:
            torch._foreach_div_(gradients, max(count, 1))
        return loss, count, totals[2:].view(self._use)

    def _of_part(self, part: IntArray) -> Tensor:
        """Adds the gradients of this rank's sequences; returns loss, tokens and experts' use on the host, as one row.
        What a micro-batch came to is looked at while the device is busy with the next."""
        started, targets, losses = time.perf_counter(), 0, []
        counts_ME = torch.zeros(self._use, dtype=torch.int64)
        last: tuple[Micro, Hidden, Tensor] | None = None
        for micro in self._micros(part):
            hidden, loss_T = self._backward(micro)
            losses.append(loss_T.sum())
            targets += micro.n_targets
            if hidden.routed:
                counts_ME = counts_ME.to(loss_T.device) + hidden.counts()
            self._show(last)
            last = micro, hidden, loss_T
        self._show(last)
        sums = torch.tensor([sum(float(each) for each in losses), targets], dtype=torch.float64)
        self.device.synchronize()
        # The first time is not taken: it is that of compiling, and of pages that are touched first.
        self.ranks.timed(sequences=len(part) if self._is_warm else 0, seconds=time.perf_counter() - started)
        self._is_warm = True
        return torch.cat([sums, counts_ME.flatten().cpu().double()])

    def _micros(self, indices: IntArray) -> Iterator[Micro]:
        size = self.config.micro_sequences
        for start in range(0, len(indices), size):
            yield read(self.reader, indices[start : start + size], context=self.config.context)

    def _backward(self, micro: Micro) -> tuple[Hidden, Tensor]:
        """Adds a micro-batch's gradient; returns what the model made of it, and each token's loss (T)."""
        moved = micro.to(self.device.place)
        hidden = self._working.model(moved.tokens, moved.positions, moved.spans)
        loss_T, total = self._working.model.losses(hidden.x_TD, moved.targets, z_loss=self.config.z_loss)
        for each in hidden.routed:
            total = total + self.config.router_z_loss * each.z_loss
        torch.autograd.backward(total)
        return hidden, loss_T

    def _show(self, seen: tuple[Micro, Hidden, Tensor] | None) -> None:
        if seen is not None and self.watch is not None:
            self.watch(self.steps + 1, *seen)

    def checkpoint(self, **more: Any) -> Checkpoint:
        """Everything to go on from."""
        about = {
            "model": self.model.config.to_json(),
            "train": self.config.to_json(),
            "steps": self.steps,
            "tokens": self.tokens,
            "updates": self.optimizer.updates,
            "batches": self.batches.state,
            "spikes": self.spikes.to_json(),
        }
        return Checkpoint(weights=self.model.state_dict(), optimizer=self.optimizer.state(), about=about | more)

    def restore(self, saved: Checkpoint) -> Self:
        """Take up a checkpoint; `batches` are begun from its `about["batches"]` by the caller.

        Raises:
            CheckpointError: it is of a model of other sizes.
        """
        if saved.about["model"] != self.model.config.to_json():
            raise CheckpointError(f"the checkpoint is of another model: {saved.about['model']}")
        self.model.load_state_dict(dict(saved.weights))
        for name, tensor in self.optimizer.state().items():
            tensor.copy_(saved.optimizer[name])
        self.optimizer.updates = saved.about["updates"]
        self.steps, self.tokens = saved.about["steps"], saved.about["tokens"]
        self.spikes = Spikes.from_json(saved.about["spikes"], limit=self.config.spike)
        return self


def _load(counts_ME: Tensor) -> float:
    if counts_ME.numel() == 0:
        return 1.0
    use_ME = counts_ME.double()
    return float((use_ME.amax(1) / use_ME.mean(1).clamp(min=1e-9)).max())
