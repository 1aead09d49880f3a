"""A training run: from an output folder with shards to a folder with a model, taken up wherever it was stopped.

MODEL/checkpoints/step-000000100.safetensors    weights, optimiser, place in the data
MODEL/training/000000100-0.parquet              a row a step
MODEL/losses, MODEL/routing                     losses by document and use of experts, see `trainer.losses`
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import filelock

from gristmill.schemas.training import TRAINING
from gristmill.trainer import checkpoint
from gristmill.trainer._torch import torch
from gristmill.trainer.config import ModelConfig, TrainConfig
from gristmill.trainer.devices import Device, open_device
from gristmill.trainer.feed import Feed, about
from gristmill.trainer.losses import Ledger
from gristmill.trainer.parts import Parts
from gristmill.trainer.ranks import Ranks, digest
from gristmill.trainer.shards import ShardReader
from gristmill.trainer.trainer import Step, Trainer

CHECKPOINTS = "checkpoints"
_CONTEXT = 512
"""Tokens that a token sees on average, for the count of operations: documents are about twice as long."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How a run is getting on.

    Attributes:
        bits_per_byte: the step's loss for a byte of text, at the shards' tokens per byte.
        rate: tokens per second in this step.
        mfu: share of the device's measured peak that the model's operations come to.
        left: seconds, at the rate of this step.
    """

    step: Step
    bits_per_byte: float
    rate: float
    mfu: float
    left: float

    def __str__(self) -> str:
        skipped = "  skipped" if self.step.skipped else ""
        return (
            f"step {self.step.number:>5}  loss {self.step.loss:6.3f}  {self.bits_per_byte:5.3f} bits/byte  "
            f"load {self.step.load:4.2f}  {self.rate:,.0f} tokens/s  {self.mfu:.1%} of peak{skipped}"
        )


Report = Callable[[Progress], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to train on what.

    Attributes:
        shards: output folder with shards, or their URL.
        folder: where the model, its checkpoints and its tables go.
        device: name of a device, of this rank; None takes the best.
        most: sequences that this rank takes in a step; None for any number.
    """

    shards: str
    folder: Path
    model: ModelConfig
    train: TrainConfig
    device: str | None = None
    most: int | None = None


def run(job: Job, *, ranks: Ranks | None = None, report: Report | None = None) -> Trainer:
    """Train to the end, from the last checkpoint if there is one. With the same job, device and number of threads the
    weights are the same, bit by bit, however often the run was stopped.

    Raises:
        ManifestError: there are no shards that could be trained on.
        CheckpointError: the folder holds a run of another model or other settings.
        RanksError: a rank has stopped, or the ranks differ in what they train, or in their weights.
        ValueError: there is no such device, or another run is at work in the folder.
    """
    ranks = ranks or Ranks()
    reader = ShardReader.open(job.shards)
    device = open_device(job.device, dtype=job.train.dtype, local_rank=ranks.local)
    ranks.meet(kind=device.place.type, speed=device.peak, most=job.most)
    job.folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(job.folder / f"rank-{ranks.rank}.lock")
    try:
        with lock.acquire(timeout=0):
            return _Run(job, reader=reader, device=device, ranks=ranks).to_end(report)
    except filelock.Timeout as error:
        raise ValueError(f"{job.folder}: another run is at work here") from error


class _Run:
    def __init__(self, job: Job, *, reader: ShardReader, device: Device, ranks: Ranks) -> None:
        self._job, self._reader, self._ranks = job, reader, ranks
        saved = _last(job)
        feed = Feed.begin(reader, seed=job.train.seed) if saved is None else Feed.resume(reader, saved.about["batches"])
        self._ledger = Ledger(job.folder, reader=reader, model=job.model, share=job.train.ledger, rank=ranks.rank)
        self._trainer = Trainer(
            reader=reader,
            batches=feed,
            model=job.model,
            config=job.train,
            device=device,
            ranks=ranks,
            watch=self._ledger.watch,
        )
        if saved is not None:
            self._trainer.restore(saved)
        settings = job.model.to_json() | decisive(job.train.to_json())
        ranks.agree(**settings, shards_and_place=feed.state, step=self._trainer.steps)
        ranks.share(self._weights())
        self._log = Parts(job.folder, TRAINING)
        self._ledger.forget(self._trainer.steps)
        if ranks.leads:
            self._log.forget(self._trainer.steps)

    def to_end(self, report: Report | None) -> Trainer:
        trainer, config = self._trainer, self._job.train
        while trainer.steps < config.steps:
            step = trainer.step()
            is_saved = step.number % config.checkpoint_every == 0 or step.number == config.steps
            if is_saved:
                self._ledger.flush(step.number)  # before rank 0 writes a checkpoint, which waits for all to agree
                if not self._ranks.divides(config.batch_sequences):  # else they were shared
                    self._ranks.share(self._weights())
                self._ranks.agree(weights=digest(self._weights()))
            if not self._ranks.leads:
                continue
            self._log.add(_row(step, self._reader))
            if is_saved:
                self._save()
            if report is not None:
                report(progress(trainer, step))
        return trainer

    def _weights(self) -> list[torch.Tensor]:
        return list(self._trainer.model.state_dict().values())

    def _save(self) -> None:
        steps = self._trainer.steps
        self._log.flush(steps)
        saved = self._trainer.checkpoint(shards=about(self._reader))
        checkpoint.write(self._job.folder / CHECKPOINTS, saved, step=steps)


def progress(trainer: Trainer, step: Step) -> Progress:
    """How a run is getting on after a step."""
    seconds = max(step.seconds, 1e-9)
    return Progress(
        step=step,
        bits_per_byte=bits_per_byte(step.loss, bytes_per_token=about(trainer.reader)["bytes_per_token"]),
        rate=step.tokens / seconds,
        mfu=trainer.model.flops(step.tokens, context=_CONTEXT) / seconds / trainer.device.peak,
        left=(trainer.config.steps - step.number) * seconds,
    )


def _last(job: Job) -> checkpoint.Checkpoint | None:
    path = checkpoint.latest(job.folder / CHECKPOINTS)
    if path is None:
        return None
    saved = checkpoint.read(path)
    for name, asked in (("model", job.model), ("train", job.train)):
        if differs := _differences(saved.about[name], decisive(asked.to_json())):
            raise checkpoint.CheckpointError(
                f"{job.folder}: holds a run with other settings ({differs}); give another folder, or the same settings"
            )
    return saved


def decisive(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings without what each device decides for itself."""
    return {name: value for name, value in settings.items() if name != "micro_sequences"}


def _differences(saved: dict[str, Any], asked: dict[str, Any]) -> str:
    names = [name for name in asked if saved.get(name) != asked[name]]
    return ", ".join(f"{name} {json.dumps(saved.get(name))}, not {json.dumps(asked[name])}" for name in names)


def _row(step: Step, reader: ShardReader) -> dict[str, Any]:
    names = (each for each in TRAINING.schema.names if each not in {"step", "doc_ids"})
    documents = document_ids(reader, step.indices) if step.skipped else None
    return {"step": step.number, "doc_ids": documents} | {name: getattr(step, name) for name in names}


def document_ids(reader: ShardReader, indices: Sequence[int]) -> list[str]:
    """The documents of some sequences."""
    found = reader.rows(indices)["doc_ids"].combine_chunks().flatten()
    return sorted(set(found.to_pylist()))


def bits_per_byte(loss: float, *, bytes_per_token: float) -> float:
    """Nats per token as bits per byte of text, which compares tokenizers too."""
    return loss / math.log(2) / bytes_per_token
