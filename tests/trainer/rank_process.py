"""A process of a training run, at a pace that is told instead of measured. Run as a script by `start`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gristmill.trainer import train
from gristmill.trainer._torch import torch
from gristmill.trainer.config import ModelConfig, TrainConfig
from gristmill.trainer.ranks import Ranks, RanksError
from gristmill.trainer.shards import ShardReader


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the ranks do: `paces` are sequences per second of each rank; after `slows_at` steps the last has a third,
    after `first_slows_at` the first. `hosts` are names of their machines. In the step after so many, the last rank is
    killed or falls asleep; whenever weights are shared after so many, it finds one of them changed.
    """

    shards: str
    folder: str
    batch: int = 4
    steps: int = 6
    paces: tuple[float, ...] = (3.0, 1.0)
    hosts: tuple[str, ...] = ("one", "one")
    micro: tuple[int, ...] = (1, 1)
    slows_at: int | None = None
    first_slows_at: int | None = None
    every: int = 2
    killed_at: int | None = None
    asleep_at: int | None = None
    changed_at: int | None = None
    timeout: float = 60.0

    def job(self, rank: int = 0) -> train.Job:
        vocabulary = ShardReader.open(self.shards).manifest.vocabulary_size
        sizes = {"width": 32, "heads": 2, "experts": 4, "experts_per_token": 2}
        return train.Job(
            shards=self.shards,
            folder=Path(self.folder),
            model=ModelConfig.of_depth(2, vocabulary_size=vocabulary, **sizes),
            train=TrainConfig(
                steps=self.steps,
                batch_sequences=self.batch,
                micro_sequences=self.micro[rank],
                checkpoint_every=self.every,
                dtype="float32",
            ),
            device="cpu",
        )


class Paced(Ranks):
    """Does what the plan says, and remembers which sequences of each batch were this rank's."""

    plan: Plan
    parts: list[tuple[int, int]]
    sent: list[bool]

    @property
    def is_last(self) -> bool:
        return self.rank == self.size - 1

    def meet(self, *, kind: str, speed: float, most: int | None = None, host: str | None = None) -> None:
        super().meet(kind=kind, speed=self.plan.paces[self.rank], most=most, host=self.plan.hosts[self.rank])

    def part(self, sequences: int) -> slice:
        if self.is_last and len(self.parts) == self.plan.killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.is_last and len(self.parts) == self.plan.asleep_at:
            time.sleep(600)
        found = super().part(sequences)
        self.parts.append((found.start, found.stop))
        return found

    def timed(self, *, sequences: int, seconds: float) -> None:
        slow = self.is_last and self.plan.slows_at is not None and len(self.parts) > self.plan.slows_at
        first = self.rank == 0 and self.plan.first_slows_at is not None and len(self.parts) > self.plan.first_slows_at
        super().timed(sequences=sequences, seconds=sequences / self.plan.paces[self.rank] * (3 if slow or first else 1))

    def share(self, tensors: Sequence[torch.Tensor]) -> None:
        super().share(tensors)
        if self.is_last and len(self.parts) == self.plan.changed_at:
            tensors[0].view(-1)[0] += 1

    def _send(self, tensors: Sequence[torch.Tensor], *, is_sum: bool) -> None:
        if tensors:
            self.sent.append(is_sum)
        super()._send(tensors, is_sum=is_sum)


def start(plan: Plan) -> list["subprocess.Popen[str]"]:
    """The processes of a plan, which have what torchrun would give them."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    size = len(plan.paces)
    common = {"WORLD_SIZE": str(size), "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, json.dumps(asdict(plan))]
    return [
        subprocess.Popen(
            command,
            env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]


def finish(processes: Sequence["subprocess.Popen[str]"]) -> list[dict[str, Any]]:
    """What the processes found, in the order of the ranks."""
    found = []
    for each in processes:
        output, errors = each.communicate(timeout=300)
        assert each.returncode == 0, errors
        found.append(json.loads(output.splitlines()[-1]))
    return found


def main() -> None:
    torch.set_num_threads(1)
    given = json.loads(sys.argv[1])
    plan = Plan(**{name: tuple(each) if isinstance(each, list) else each for name, each in given.items()})
    Paced.plan, Paced.parts, Paced.sent = plan, [], []
    with Paced.join(timeout=plan.timeout) as ranks:
        try:
            done = train.run(plan.job(ranks.rank), ranks=ranks)
        except RanksError as error:
            print(json.dumps({"error": str(error), "parts": ranks.parts}), flush=True)
            os._exit(0)
        weights = {name: each.tolist() for name, each in done.model.state_dict().items()}
        print(json.dumps({"parts": ranks.parts, "sent": ranks.sent, "weights": weights}))


if __name__ == "__main__":
    main()
