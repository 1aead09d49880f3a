"""Islands beside one synchronous trainer, and islands that are killed and join all the time.

Run: python benchmarks/islands.py [--data ../shared/data] [--updates 2400] [--seconds 600] [--only loss|kills]

loss: one trainer takes so many updates of 8 sequences; 2 and 4 islands take as many of 4 and of 2 each, so that all
learn from the same tokens, each at the learning rate that is best for it. Compared is the loss on 256 sequences that
none learns from.
Bytes are all that an island writes to the directory and reads from it, those of merging and snapshots too, as a mean
over the islands; beside them, what a rank sends and receives when float32 gradients are summed around a ring at every
update.
kills: 8 processes of a thread each. Every 1 to 5 seconds one is killed with SIGKILL and another joins, until all data
is used up, which is chosen to take so many seconds. On few cores they wait for each other, so throughput is counted in
tokens per second of processor time, from joining on until the kill, also of steps that it cuts off. Beside it, that of
as many islands that nobody kills, and of as many processes that train alone: since a machine's speed changes by the
minute, they take turns, all others being stopped while those of one kind run. Then the ledger is added up from the
commits.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from shards_of_text import Shards, by_language
from whole import ROOT

from gristmill.trainer.config import ModelConfig, TrainConfig
from gristmill.trainer.devices import open_device
from gristmill.trainer.feed import Feed, read
from gristmill.trainer.islands import ledger
from gristmill.trainer.islands.island import Island
from gristmill.trainer.islands.plan import Plan
from gristmill.trainer.islands.shared import LostError, Shared
from gristmill.trainer.shards import ShardReader
from gristmill.trainer.trainer import Step, Trainer

BATCH = 8
PEAK, ISLANDS_PEAK = 0.014, 0.02
"""Of .01, .014 and .02 what is best for one trainer, and for islands, whose batches are smaller but whose steps are
means of several."""
FRAGMENTS = {2: 10, 4: 6}
"""As many as make traffic a hundredth."""
MICRO = 8
HELD_OUT = 256
PROCESSES = 8
BETWEEN_KILLS = (1.0, 5.0)
TURNS = 25.0, 8.0
"""Seconds of islands that are killed, then of one of the others."""
PACKING = {"sequence_length": 256, "shard_tokens": 1 << 18}
FORK = multiprocessing.get_context("fork")


class Timed(Trainer):
    """Writes down as it begins and after each step: tokens and sequences so far, processor seconds in steps, those of
    the process until now, and those before it began."""

    def __init__(self, *, log: Path | None, **given: Any) -> None:
        super().__init__(**given)
        self._log, self._began, self._inside, self._sequences = log, time.process_time(), 0.0, 0
        self._write(self._began)

    def _write(self, now: float) -> None:
        if self._log is not None:
            unfinished = self._log.parent.with_suffix(".unfinished") / self._log.name
            unfinished.parent.mkdir(exist_ok=True)
            unfinished.write_text(f"{self.tokens} {self._sequences} {self._inside} {now} {self._began}")
            unfinished.replace(self._log)

    def step(self) -> Step:
        before = time.process_time()
        found = super().step()
        now = time.process_time()
        self._inside += now - before
        self._sequences += len(found.indices)
        self._write(now)
        return found


def trainer_of(reader: ShardReader, *, steps: int, batch: int, peak: float = PEAK, log: Path | None = None) -> Timed:
    model = ModelConfig.of_depth(
        2, vocabulary_size=reader.manifest.vocabulary_size, width=64, experts=8, experts_per_token=2
    )
    config = TrainConfig(steps=steps, batch_sequences=batch, micro_sequences=MICRO, peak=peak, peak_adam=peak / 2)
    feed = Feed.begin(reader, seed=config.seed)
    device = open_device("cpu", dtype="float32")
    return Timed(log=log, reader=reader, batches=feed, model=model, config=config, device=device)


def plan_of(trainer: Trainer, **settings: Any) -> Plan:
    model, train = trainer.model.config.to_json(), trainer.config.to_json()
    return Plan(model=model, train=train, manifest=trainer.reader.manifest.identity, **settings)


def held_out_loss(trainer: Trainer) -> float:
    reader = trainer.reader
    places = islice(reader.indices(seed=trainer.config.seed, start=len(reader) - HELD_OUT), HELD_OUT)
    batch = read(reader, np.array(list(places)), context=None)
    with torch.no_grad():
        hidden = trainer.model(batch.tokens, batch.positions, batch.spans)
        loss, _ = trainer.model.losses(hidden.x_TD, batch.targets)
    return float(loss.sum() / batch.n_targets)


def synchronous(shards: Path, updates: int, result: Path) -> None:
    torch.set_num_threads(1)
    trainer = trainer_of(ShardReader.open(shards), steps=updates, batch=BATCH)
    for _ in range(updates):
        trainer.step()
    result.write_text(json.dumps({"loss": held_out_loss(trainer), "numbers": trainer.model.count()[0]}))


def one_of(shards: Path, folder: Path, name: str, *, islands: int, updates: int, result: Path) -> None:
    """An island that starts with the others."""
    torch.set_num_threads(1)
    steps, batch = updates * islands, BATCH // islands
    trainer = trainer_of(ShardReader.open(shards), steps=steps, batch=batch, peak=ISLANDS_PEAK)
    shared = Shared(folder, own=name)
    island = Island(trainer, shared, plan=plan_of(trainer, fragments=FRAGMENTS[islands]))
    while len(island.members.live()) < islands:
        time.sleep(0.1)
        island.members.beat()
    island.to_end()
    result.write_text(json.dumps({"loss": held_out_loss(trainer), "traffic": shared.traffic}))


def losses(shards: Path, updates: int, folder: Path) -> dict[str, float]:
    alone = folder / "alone.json"
    _to_end([FORK.Process(target=synchronous, args=(shards, updates, alone))])
    base = json.loads(alone.read_text())
    print(f"{'':>12} {'loss':>8} {'ratio':>7} {'bytes each':>12} {'less by':>8}  ledger")
    print(f"{'synchronous':>12} {base['loss']:8.4f}")
    found: dict[str, float] = {}
    for islands in (2, 4):
        shared = folder / f"{islands}-islands"
        results = [folder / f"{islands}-{number}.json" for number in range(islands)]
        given = {"islands": islands, "updates": updates}
        _to_end(
            [
                FORK.Process(target=one_of, args=(shards, shared, each.stem), kwargs=given | {"result": each})
                for each in results
            ]
        )
        told = [json.loads(each.read_text()) for each in results]
        ratio = told[0]["loss"] / base["loss"]
        each = sum(one["traffic"] for one in told) / islands
        ring = updates * 2 * 2 * (islands - 1) / islands * 4 * base["numbers"]
        balances = ledger.read(shared, ShardReader.open(shards)).balances
        print(f"{islands:>4} islands {told[0]['loss']:9.4f} {ratio:7.4f} {each:12,.0f} {ring / each:8.1f}  {balances}")
        found[f"bar4_{islands}_islands_loss_ratio"] = round(ratio, 4)
        found["bar4_traffic_ratio"] = round(min(found.get("bar4_traffic_ratio", 1e9), ring / each), 1)
    return found


def _to_end(processes: list[Any]) -> None:
    for each in processes:
        each.start()
    for each in processes:
        each.join()
        assert each.exitcode == 0, "a process failed"


OWN_BATCH = 32
"""Sequences of a step of one that may be killed: 0.27 s of a processor, of which a kill costs half."""
PATIENCE = 10.0
SMALL = {"fragments": 2, "grace": 2.0, "snapshot_every": 16}
"""A life is some twenty steps: of many fragments the last would often not be told."""


def alone(shards: Path, log: Path) -> None:
    """Train without others, until it is killed."""
    torch.set_num_threads(1)
    trainer = trainer_of(ShardReader.open(shards), steps=10**6, batch=OWN_BATCH, log=log)
    while True:
        trainer.step()


def joining(shards: Path, log: Path, *, folder: Path, steps: int, patience: float) -> None:
    """Train as an island, until it is killed or all is done."""
    torch.set_num_threads(1)
    trainer = trainer_of(ShardReader.open(shards), steps=steps, batch=OWN_BATCH, log=log)
    for life in range(1000):
        plan = plan_of(trainer, patience=patience, **SMALL)
        island = Island(trainer, Shared(folder, own=f"{log.name}-{life}"), plan=plan)
        try:
            island.to_end()
        except LostError:
            print(f"  {log.name} was taken for dead", flush=True)
        else:
            break


def measured(logs: Path, *, ends: dict[str, float]) -> list[float]:
    """Tokens, sequences, processor seconds in steps, and all since they began, of all processes; `ends` are the
    processor seconds of those that were killed."""
    found = []
    for each in logs.iterdir():
        *sums, last, began = map(float, each.read_text().split())
        found.append([*sums, ends.get(each.name, last) - began])
    total: list[float] = np.array(found).sum(0).tolist()
    return total


def kill(process: Any) -> float:
    """End a process; returns the processor seconds that it had."""
    os.kill(process.pid, signal.SIGSTOP)
    used = Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    return int(used) / 1e9


def to_all(processes: list[Any], number: signal.Signals) -> None:
    for each in processes:
        if each.exitcode is None:
            os.kill(each.pid, number)


class Undisturbed:
    """Processes that are not killed, and run in turns with others."""

    def __init__(self, shards: Path, logs: Path, *, target: Callable[..., None], **given: Any) -> None:
        self._logs = logs
        logs.mkdir()
        self._processes = [
            FORK.Process(target=target, args=(shards, logs / str(each)), kwargs=given) for each in range(PROCESSES)
        ]
        for each in self._processes:
            each.start()

    def turn(self, seconds: float) -> None:
        """Let them train for so long."""
        to_all(self._processes, signal.SIGCONT)
        time.sleep(seconds)
        to_all(self._processes, signal.SIGSTOP)

    def end(self) -> tuple[float, float]:
        """Tokens a processor second; sequences."""
        for each in self._processes:
            kill(each)
        tokens, sequences, _, total = measured(self._logs, ends={})
        return tokens / total, sequences


@dataclass
class Islands:
    """Islands that are killed and join."""

    shards: Path
    folder: Path
    steps: int
    live: dict[str, Any] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    joins: int = 0

    @property
    def logs(self) -> Path:
        return self.folder / "islands"

    @property
    def is_over(self) -> bool:
        """Whether one came to the end: all data was used."""
        return any(each.exitcode is not None for each in self.live.values())

    def join(self) -> None:
        name = str(self.joins)
        given = {"folder": self.folder / "shared", "steps": self.steps, "patience": PATIENCE}
        self.live[name] = FORK.Process(target=joining, args=(self.shards, self.logs / name), kwargs=given)
        self.live[name].start()
        self.joins += 1

    def kill(self, name: str) -> None:
        self.ends[name] = kill(self.live.pop(name))

    def churn(self, others: Iterable[Undisturbed]) -> None:
        """Kills and joins until all data is used; the others have their turns."""
        turns = cycle(others)
        self.logs.mkdir()
        chance, turned = random.Random(0), time.monotonic()
        for _ in range(PROCESSES):
            self.join()
        while True:
            time.sleep(chance.uniform(*BETWEEN_KILLS))
            if self.is_over:
                break
            self.kill(chance.choice(list(self.live)))
            self.join()
            if time.monotonic() - turned > TURNS[0]:
                to_all(list(self.live.values()), signal.SIGSTOP)
                next(turns).turn(TURNS[1])
                to_all(list(self.live.values()), signal.SIGCONT)
                turned = time.monotonic()
        for each in self.live.values():
            each.join()
            assert each.exitcode == 0, "an island failed"


def kills(shards: Path, seconds: float, folder: Path) -> dict[str, float | bool]:
    first = Undisturbed(shards, folder / "first", target=alone)
    trial = max(seconds / 20, TURNS[1])
    first.turn(trial)
    base, sequences = first.end()
    islands = Islands(shards, folder, steps=int(sequences / OWN_BATCH * seconds / trial))
    print(f"{PROCESSES} processes alone: {base:,.0f} tokens a processor second; {islands.steps} steps", flush=True)
    given = {"folder": folder / "unkilled", "steps": islands.steps, "patience": 1e6}
    others = (
        Undisturbed(shards, folder / "alone", target=alone),
        Undisturbed(shards, folder / "unkilled-logs", target=joining, **given),
    )
    for each in others:
        each.turn(TURNS[1])
    began = time.monotonic()
    try:
        islands.churn(others)
    finally:  # one that is stopped would be waited for for ever
        base, unkilled = (each.end()[0] for each in others)
        to_all(list(islands.live.values()), signal.SIGKILL)
    took = time.monotonic() - began

    tokens, learnt, inside, total = measured(islands.logs, ends=islands.ends)
    whole = measured(islands.logs, ends={})[-1]
    reader = ShardReader.open(shards)
    found = ledger.read(folder / "shared", reader)
    used, planned = (sum(each.values()) for each in (found.used, found.planned))
    print(f"{took:.0f} s, {len(islands.ends)} kills, {islands.joins} joins")
    print(f"{PROCESSES} islands: {tokens / total:,.0f} tokens a processor second, cut-off steps included")
    print(f"{PROCESSES} islands that nobody kills: {unkilled:,.0f}; {PROCESSES} processes alone: {base:,.0f}")
    print(f"{tokens / total / unkilled:.1%} of islands that nobody kills")
    print(f"{tokens / total / base:.1%} of those alone; {tokens / whole / base:.1%} without steps that kills cut off")
    print(f"{inside / total:.1%} of the processor time in whole steps; {used / learnt:.1%} of what was learnt was used")
    print(f"{used} sequences used of {planned} planned; {found.told:.1%} of ranges by fragments were told of")
    return {
        "kills": len(islands.ends),
        "kills_seconds": round(took),
        "kills_used_of_learnt": round(used / learnt, 3),
        "kills_told": round(found.told, 3),
        "kills_share_of_time_in_steps": round(inside / total, 4),
        "bar4_kills_throughput_kept": round(tokens / total / unkilled, 4),
        "kills_throughput_share_of_alone": round(tokens / total / base, 4),
        "kills_throughput_share_of_alone_in_whole_steps": round(tokens / whole / base, 4),
        "bar4_ledger_balances": found.balances,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--updates", type=int, default=2400)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--only", choices=("loss", "kills"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    open_device("cpu", dtype="float32")  # timed once, for all that are forked
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = {"eng": by_language(given.data)["eng"]}
        Shards.of(folder / "out", rows, tokenizer={"vocabulary_size": 1024}, packing=PACKING)
        result: dict[str, Any] = {}
        if given.only != "kills":
            result |= losses(folder / "out", given.updates, folder)
        if given.only != "loss":
            result |= kills(folder / "out", given.seconds, folder)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
