"""A trainer that learns nothing but where it has been: each step adds a number to all its weights."""

from pathlib import Path
from typing import Any

import torch

from gristmill.trainer.config import TrainConfig
from gristmill.trainer.feed import Feed
from gristmill.trainer.islands.island import Island
from gristmill.trainer.islands.plan import Plan
from gristmill.trainer.islands.shared import Shared
from gristmill.trainer.shards import ShardReader
from gristmill.trainer.spikes import Spikes

PLACES = ("folder", "bucket")

N, B = 200, 3
BATCH = 2


class Learner:
    """What an island asks of a trainer."""

    def __init__(self, reader: ShardReader, *, steps: int = 12, moves: float = 1.0) -> None:
        self.reader, self.moves = reader, moves
        self.config = TrainConfig(steps=steps, batch_sequences=BATCH)
        self.batches, self.spikes = Feed.begin(reader, seed=0), Spikes(limit=6.0)
        self.model = torch.nn.Module()
        self.model.register_parameter("weight", torch.nn.Parameter(torch.zeros(N)))
        self.model.register_buffer("bias", torch.zeros(B))
        self.model.initialise = lambda *_, **__: self.model.weight.data.zero_()
        self.steps, self.rates = 0, list[int]()

    def step(self) -> int:
        self.batches.take(BATCH)
        self.rates.append(self.steps)
        self.steps += 1
        with torch.no_grad():
            self.model.weight += self.moves
            self.model.bias += self.moves
        return self.steps


def plan(learner: Learner, **settings: Any) -> Plan:
    given = {"fragments": 2, "interval": 3, "grace": 0.0, "patience": 0.02, "codec": "bf16", "snapshot_every": 3}
    train = learner.config.to_json()
    return Plan(model={}, train=train, manifest=learner.reader.manifest.identity, **given | settings)


def island(learner: Any, place: str | Path, name: str, **settings: Any) -> Island:
    return Island(learner, Shared(place, own=name), plan=plan(learner, **settings))


def place_of(kind: str, folder: Path) -> str:
    """Where islands meet: a folder, or a bucket in this process's memory that nothing else uses."""
    return str(folder) if kind == "folder" else f"memory:/{folder}"
