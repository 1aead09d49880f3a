"""Runs that stop go on with the same batches; shards that are not what they should be are refused by name.

Run: python benchmarks/resume.py [--data ../shared/data] [--stops 200] [--faults 300]

stops: at so many random places of two epochs, a run of some ranks and workers stops and goes on with other numbers of
both. Every whole batch before and after is compared with that of one unbroken run: tokens, lengths of documents,
indices and state. Some of the runs go through torch's DataLoader, with processes as workers.
faults: a shard is damaged in one bit, cut short, removed, filled with zeros, swapped with another or replaced by one of
another seed. With `verify` every one has to be refused by name when the shards are opened. Without, a fault is refused
by name then or when the shard is read, or every token and length read is right all the same.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import xxhash
from shards_of_text import Shards
from whole import ROOT

from gristmill.trainer.shards import Batch, ManifestError, ShardReader, State
from gristmill.trainer.shards.datasets import ShardStream

SIZE = 24
RANKS = (1, 2, 3, 4, 6, 8, 12, 24)
WORKERS = (1, 2, 3, 5)
EPOCHS = 2
AROUND = 3  # batches before a stop, and after it
WITH_PROCESSES = 25  # one stop in so many
PACKING = {"sequence_length": 2048, "shard_tokens": 1 << 20}


@dataclass(frozen=True)
class Part:
    """One rank's part of a batch, as workers hand it over."""

    tokens: np.ndarray
    lengths: np.ndarray
    counts: np.ndarray
    indices: np.ndarray
    state: State


def part_of(batch: Batch) -> Part:
    assert batch.state is not None
    return Part(batch.tokens, batch.lengths, np.diff(batch.bounds), batch.indices, batch.state)


def digest(parts: list[Part]) -> tuple[str, State]:
    """Names a whole batch; all of its parts have one state."""
    found = xxhash.xxh3_128()
    for name in ("tokens", "lengths", "counts", "indices"):
        found.update(np.concatenate([getattr(part, name) for part in parts]).tobytes())
    (state,) = {part.state for part in parts}
    return found.hexdigest(), state


def run(
    reader: ShardReader, state: State, *, ranks: int, workers: int, count: int, processes: bool
) -> list[tuple[str, State]]:
    """So many batches from a state on, of all ranks, whose workers take turns."""
    found = []
    for rank in range(ranks):
        if processes:
            stream = ShardStream(reader, size=SIZE, state=state, rank=rank, ranks=ranks, make=part_of)
            loader = torch.utils.data.DataLoader(
                stream, batch_size=None, num_workers=workers, multiprocessing_context="forkserver"
            )
            found.append(list(islice(loader, count)))
        else:
            found.append(list(_in_turns(reader, state, rank=rank, ranks=ranks, workers=workers, count=count)))
    return [digest(list(parts)) for parts in zip(*found, strict=True)]


def _in_turns(reader: ShardReader, state: State, *, rank: int, ranks: int, workers: int, count: int) -> Iterator[Part]:
    streams = [
        reader.batches(SIZE, state=state, rank=rank, ranks=ranks, worker=worker, workers=workers)
        for worker in range(min(workers, count))
    ]
    for turn in range(count):
        yield part_of(next(streams[turn % workers]))


def stops(reader: ShardReader, count: int) -> dict[str, int]:
    """Stop and go on, at random."""
    total = EPOCHS * len(reader) // SIZE
    unbroken = [digest([part_of(each)]) for each in islice(reader.batches(SIZE, seed=7), total)]
    rng = np.random.default_rng(0)
    same = 0
    for number in range(count):
        stop = int(rng.integers(AROUND + 1, total - AROUND))
        state = unbroken[stop - AROUND - 1][1]
        okay = True
        for first in (stop - AROUND, stop):
            ranks, workers = int(rng.choice(RANKS)), int(rng.choice(WORKERS))
            processes = number % WITH_PROCESSES == 0
            if processes:
                ranks = min(ranks, 3)
            found = run(reader, state, ranks=ranks, workers=workers, count=AROUND, processes=processes)
            okay &= found == unbroken[first : first + AROUND]
            state = State.from_json(found[-1][1].to_json())
        same += okay
    return {"bar4_stops": count, "bar4_stops_with_the_same_batches": same}


def faults(folder: Path, another: Path, count: int) -> dict[str, int]:
    """Do something to a shard, and see whether it is refused."""
    right = ShardReader.open(folder)
    paths = [folder / each.path for each in right.manifest.shards]
    ends = np.cumsum([0, *(each.sequences for each in right.manifest.shards)])
    rng = np.random.default_rng(0)
    verified, unverified = Counter[str](), Counter[str]()
    kinds = ("bit", "cut", "missing", "zeros", "swapped", "another seed")
    for number in range(count):
        kind, place = kinds[number % len(kinds)], int(rng.integers(len(paths)))
        other = (place + 1 + int(rng.integers(len(paths) - 1))) % len(paths)
        wanted = right.read(range(ends[place], ends[place + 1]))
        kept = {each: each.read_bytes() for each in (paths[place], paths[other])}
        _harm(kind, paths[place], paths[other], foreign=another / paths[place].relative_to(folder), rng=rng)
        named = {str(paths[place]), str(paths[other])} if kind == "swapped" else {str(paths[place])}
        verified[f"{kind}: {_outcome(folder, named, verify=True)}"] += 1
        unverified[f"{kind}: {_outcome(folder, named, rows=range(ends[place], ends[place + 1]), wanted=wanted)}"] += 1
        for path, data in kept.items():
            path.write_bytes(data)
    for title, found in (("verify=True", verified), ("verify=False", unverified)):
        print(title)
        for what, amount in sorted(found.items()):
            print(f"  {what:<40} {amount}")
    return {
        "bar4_faults": count,
        "bar4_faults_refused_by_name": sum(amount for what, amount in verified.items() if "refused" in what),
        "bar4_wrong_batches_without_verify": sum(amount for what, amount in unverified.items() if "WRONG" in what),
    }


def _harm(kind: str, path: Path, other: Path, *, foreign: Path, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    at = int(rng.integers(len(data)))
    if kind == "bit":
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == "cut":
        del data[at:]
    elif kind == "zeros":
        data[at : at + 4096] = bytes(len(data[at : at + 4096]))
    elif kind == "swapped":
        swapped = other.read_bytes()
        other.write_bytes(data)
        data = bytearray(swapped)
    elif kind == "another seed":
        data = bytearray(foreign.read_bytes())
    path.write_bytes(data)
    if kind == "missing":
        path.unlink()


def _outcome(
    folder: Path, named: set[str], *, verify: bool = False, rows: range = range(0), wanted: Batch | None = None
) -> str:
    when = "opened"
    try:
        reader = ShardReader.open(folder, verify=verify)
        when = "read"
        found = reader.read(rows)
    except ManifestError as error:
        name = str(error).split(": ")[0]
        return f"refused when {when}" if name in named else f"WRONG: {name} refused when {when}"
    names = ("tokens", "lengths", "bounds")
    same = wanted is not None and all(np.array_equal(getattr(found, each), getattr(wanted, each)) for each in names)
    return "read, and right" if same else "read, WRONG"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--stops", type=int, default=200)
    parser.add_argument("--faults", type=int, default=300)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = Shards.make(folder / "out", given.data, packing=PACKING)
        shutil.copytree(made.folder / "shards", folder / "shards")
        result = stops(ShardReader.open(folder / "shards"), given.stops)
        Shards.make(folder / "another", given.data, packing=PACKING, seed=1)
        result |= faults(folder / "shards", folder / "another" / "shards", given.faults)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
