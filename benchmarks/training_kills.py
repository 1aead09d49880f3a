"""A training run killed at random moments, and taken up each time: the same weights and losses, bit by bit.

Run: python benchmarks/training_kills.py [--kills 20] [--steps 60]

Trains on shards made of sample_data in a process that is killed (SIGKILL) after a random time, again and again until it
ends; and once without a kill. Every checkpoint's bytes and every row of the log but its seconds are compared.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EVERY = 5


def train(output: Path, folder: Path, *, steps: int) -> None:
    """Train; in a process of its own."""
    import torch  # noqa: PLC0415

    from gristmill.trainer import train as trainer  # noqa: PLC0415
    from gristmill.trainer.config import ModelConfig, TrainConfig  # noqa: PLC0415
    from gristmill.trainer.shards import ShardReader  # noqa: PLC0415

    torch.set_num_threads(1)
    vocabulary = ShardReader.open(output).manifest.vocabulary_size
    job = trainer.Job(
        shards=str(output),
        folder=folder,
        model=ModelConfig.of_depth(2, vocabulary_size=vocabulary, width=64, experts=8),
        train=TrainConfig(steps=steps, batch_sequences=4, checkpoint_every=EVERY, dtype="float32"),
        device="cpu",
    )
    trainer.run(job)


def start(output: Path, folder: Path, *, steps: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "--output", output, "--folder", folder, "--steps", steps]
    return subprocess.Popen([str(each) for each in command], env={**os.environ, "OMP_NUM_THREADS": "1"})


def disturbed(output: Path, folder: Path, *, steps: int, moments: random.Random, longest: float) -> int:
    """Train to the end, killed again and again; returns how often."""
    kills = 0
    while True:
        process = start(output, folder, steps=steps)
        try:
            if process.wait(moments.uniform(0.1, longest)):
                sys.exit("the run could not be taken up")
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        else:
            return kills


def contents(folder: Path) -> tuple[dict[str, bytes], list[dict[str, object]]]:
    """Checkpoints by name, and the rows of the log."""
    from gristmill.schemas.training import TRAINING  # noqa: PLC0415
    from gristmill.trainer import parts  # noqa: PLC0415

    checkpoints = {path.name: path.read_bytes() for path in sorted(folder.glob("checkpoints/*.safetensors"))}
    return checkpoints, parts.read(folder, TRAINING).drop_columns("seconds").to_pylist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="an output that was made before")
    parser.add_argument("--folder", type=Path, help="train into this folder, once")
    given = parser.parse_args()
    if given.folder:
        train(given.output, given.folder, steps=given.steps)
        return
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        output = given.output or here / "out"
        if given.output is None:
            recipe = ROOT / "sample_data" / "recipe.toml"
            subprocess.run([sys.executable, "-m", "gristmill.cli", "run", recipe, "-o", output], check=True)
        started = time.perf_counter()
        if start(output, here / "whole", steps=given.steps).wait():
            sys.exit("the run failed")
        took = time.perf_counter() - started
        whole = contents(here / "whole")
        moments = random.Random(given.seed)
        kills = runs = differ = rows = 0
        while kills < given.kills:
            runs += 1
            kills += disturbed(output, here / f"killed-{runs}", steps=given.steps, moments=moments, longest=took / 2)
            killed = contents(here / f"killed-{runs}")
            differ += sum(whole[0].get(name) != killed[0].get(name) for name in whole[0].keys() | killed[0].keys())
            rows += sum(a != b for a, b in zip(whole[1], killed[1], strict=False)) + abs(len(whole[1]) - len(killed[1]))
    print(f"{kills} kills in {runs} runs; an undisturbed run takes {took:.1f} s")
    print(f"{len(whole[0])} checkpoints and {len(whole[1])} steps each; {differ} and {rows} differ in any bit")
    print(json.dumps({"bar5_kills": kills, "bar5_checkpoints_differ": differ, "bar5_steps_differ": rows}))


if __name__ == "__main__":
    main()
