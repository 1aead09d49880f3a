"""Two ranks of unequal speed that train one model: is the gradient that of one process, and is any time lost?

Run: python benchmarks/mixed_ranks.py [--shards OUT] [--data ../shared/data] [--rounds 15] [--batch 32]

Two processes of one thread each. Rank 1 is slowed three times: after each micro-batch it sleeps for twice the processor
time that it has used since the last, whatever for. Their gradient: of four sequences, three on rank 0 and one on
rank 1, a micro-batch each, beside all four at once in one process, in float32; norm of the difference by norm.

Throughput, in turns, all with the same batches, updates of the weights included: rank 0 trains by itself while rank 1
waits; rank 1 by itself; both at once, each a model of its own; both together, one model. The share is that of both
together in the sum of the first two, best of the rounds, since other work on the machine only ever slows, and two that
wait for each other more than one; the model is small for that, so that a round is short. "at once" is the share in the
third, by medians: on a busy machine this still tells what waiting for each other costs, since both are slowed alike.
"by processor time" is the share that follows from the processor time of each rank's steps alone and together, the slow
one's three times, the slower of both being waited for: what it would be on a machine with nothing else to do, but for
the time that messages are under way. "allotted" are the sequences of rank 0 and 1 in the steps before, from a first
one that takes them to be alike, and in a step of each round, which is not timed. Sequences are whole: of 16, two ranks
of which one is 3.5 times as fast can have 13 and 3, where 12.4 and 3.6 were due, and that alone costs 4 %.

Without --shards they are made of the data folder's text, in sequences of 1,024 tokens.
"""

import argparse
import json
import multiprocessing
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from shards_of_text import Shards
from whole import ROOT

from gristmill.trainer.config import ModelConfig, TrainConfig
from gristmill.trainer.devices import open_device
from gristmill.trainer.feed import Feed
from gristmill.trainer.ranks import Ranks
from gristmill.trainer.shards import ShardReader
from gristmill.trainer.trainer import Trainer

SLOWER = 3
ADAPTS = 8
"""Steps before anything is timed: the ranks learn how fast they are."""

TOGETHER = 2
"""Steps of both together in a round; of one alone it is one."""

ALONE = ("rank 0 alone", "rank 1 alone")


class Slow:
    """Makes a process slower in proportion to the work that it does."""

    def __init__(self) -> None:
        self._seen = time.process_time()

    def __call__(self, *_: Any) -> None:
        time.sleep((SLOWER - 1) * (time.process_time() - self._seen))
        self._seen = time.process_time()


def trainer(
    shards: str, *, ranks: Ranks, batch: int, micro: int = 1, watch: Callable[..., None] | None = None
) -> Trainer:
    reader = ShardReader.open(shards)
    return Trainer(
        reader=reader,
        batches=Feed.begin(reader, seed=0),
        model=ModelConfig.of_depth(2, vocabulary_size=reader.manifest.vocabulary_size, experts=8, width=64),
        config=TrainConfig(steps=1000, batch_sequences=batch, micro_sequences=micro, dtype="float32"),
        device=open_device("cpu", dtype="float32"),
        ranks=ranks,
        watch=watch,
    )


def gradient(one: Trainer) -> torch.Tensor:
    one._gradients(np.arange(4))
    return torch.cat([each.grad.flatten() for each in one.model.parameters() if each.grad is not None]).double()


def rates_of(one: Trainer, steps: int) -> tuple[float, float]:
    """Tokens of all ranks per second, and per second of this process's processor time."""
    started, used = time.perf_counter(), time.process_time()
    tokens = sum(one.step().tokens for _ in range(steps))
    return tokens / (time.perf_counter() - started), tokens / (time.process_time() - used)


def step_of(one: Trainer) -> list[int]:
    """Do a step; which ranks did how many sequences of it."""
    allotted = list(one.ranks._allotment.of(one.config.batch_sequences))
    one.step()
    return allotted


def work(rank: int, port: int, shards: str, *, rounds: int, batch: int, found: "Queue[dict[str, Any]]") -> None:
    torch.set_num_threads(1)
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    with Ranks.join() as ranks:
        ranks.meet(kind="cpu", speed=(3.0, 1.0)[rank])
        mixed = gradient(trainer(shards, ranks=ranks, batch=4))
        alone = gradient(trainer(shards, ranks=Ranks(), batch=4, micro=4))
        difference = float((mixed - alone).norm() / alone.norm())

        ranks.meet(kind="cpu", speed=1.0)
        watch = Slow() if rank == 1 else None
        both = trainer(shards, ranks=ranks, batch=batch, watch=watch)
        own = trainer(shards, ranks=Ranks(), batch=batch, watch=watch)
        allotted = [step_of(both) for _ in range(ADAPTS)]
        rates_of(own, 1)
        rates: dict[str, list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for what in (*ALONE, "each its own", "both together"):
                ranks.told(0.0)  # nobody begins before the other is ready
                if what == "both together":
                    allotted.append(step_of(both))
                    rates.setdefault(what, []).append(rates_of(both, TOGETHER))
                elif what not in ALONE or ALONE.index(what) == rank:
                    rates.setdefault(what, []).append(rates_of(own, 1))
        found.put({"rank": rank, "difference": difference, "rates": rates, "allotted": allotted})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", help="Output folder with shards.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, default=32, help="Sequences of a step.")
    given = parser.parse_args()
    if not given.shards and not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    with tempfile.TemporaryDirectory() as name, socket.socket() as held:
        held.bind(("localhost", 0))
        port = held.getsockname()[1]
        held.close()
        packing, tokenizer = {"sequence_length": 1024}, {"vocabulary_size": 2048}
        shards = given.shards or str(Shards.make(Path(name), given.data, packing=packing, tokenizer=tokenizer).folder)
        context = multiprocessing.get_context("spawn")
        queue: Queue[dict[str, Any]] = context.Queue()
        wanted = {"rounds": given.rounds, "batch": given.batch, "found": queue}
        ranks = [context.Process(target=work, args=(rank, port, shards), kwargs=wanted) for rank in range(2)]
        for each in ranks:
            each.start()
        found = sorted((queue.get() for _ in ranks), key=lambda each: each["rank"])
        for each in ranks:
            each.join()
    walls, used = (
        [{what: [one[k] for one in all_] for what, all_ in each["rates"].items()} for each in found] for k in (0, 1)
    )
    lines = {
        "rank 0 alone": walls[0]["rank 0 alone"],
        "rank 1 alone": walls[1]["rank 1 alone"],
        "each its own": [sum(each) for each in zip(*(one["each its own"] for one in walls), strict=True)],
        "both together": walls[0]["both together"],
    }
    print(f"allotted: {', '.join(f'{a}+{b}' for a, b in found[0]['allotted'])}")
    for what, each in lines.items():
        print(f"{what:<16} best {max(each):8,.0f} tokens/s, median {median(each):8,.0f}")
    best = {what: max(each) for what, each in lines.items()}
    share = best["both together"] / (best["rank 0 alone"] + best["rank 1 alone"])
    alone = median(used[0]["rank 0 alone"]) + median(used[1]["rank 1 alone"]) / SLOWER
    together = min(median(used[0]["both together"]), median(used[1]["both together"]) / SLOWER)
    difference = max(each["difference"] for each in found)
    at_once = median(lines["both together"]) / median(lines["each its own"])
    print(f"share of the sum alone {share:.1%}, of each its own at once {at_once:.1%}")
    print(f"by processor time {together / alone:.1%}; gradient's relative difference {difference:.1e}")
    shares = {"bar3_throughput_share": round(share, 3), "bar3_throughput_share_at_once": round(at_once, 3)}
    print(json.dumps({"bar3_gradient_difference": difference} | shares))


if __name__ == "__main__":
    main()
