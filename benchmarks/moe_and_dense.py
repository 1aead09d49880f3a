"""Whether experts pay: a mixture of experts beside its dense twin, of as many active parameters, on as many tokens.

Run: python benchmarks/moe_and_dense.py [--data ../shared/data] [--corpus OUT] [--steps N] [--seeds 3] [--plot FILE.svg]

The corpus is text/ and NTREX of the data, made by a whole run with a tokenizer of 2,048 tokens and 2 % held out. Each
seed trains both models at the same time, on a core each; both see the same sequences in the same order. Bits per byte
of held-out text are measured on the way. Wall-clock is told beside: the mixture is slower for each token. "load" is how
often the most used expert of a layer was used since the measurement before, by the mean; the worst layer's. Beside it,
the median of single batches, of a few documents in a few languages each, which have favourite experts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

KINDS = ("moe", "dense")
SIZES = {"width": 64, "experts": 32}
DEPTH = 4
MEASURED = 5
HELD_OUT = 4
"""Documents of each language."""


def corpus(data: Path, folder: Path) -> Path:
    """Make the corpus; what is there already is not made again."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {"text": data / "text" / "*.jsonl.zst", "ntrex": data / "lid" / "ntrex_documents.parquet"}
    inputs = "".join(f'[[inputs]]\nname = "{name}"\npaths = [{json.dumps(str(at))}]\n' for name, at in paths.items())
    settings = "[tokenizer]\nvocabulary_size = 2048\n[packing]\nsequence_length = 1024\n[held_out]\nshare = 0.02\n"
    recipe = folder / "recipe.toml"
    recipe.write_text(f'name = "text-and-ntrex"\n{inputs}{settings}')
    command = [sys.executable, "-m", "gristmill.cli", "run", recipe, "--output", folder / "out"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "out"


def train(output: Path, *, kind: str, seed: int, steps: int, batch: int, peak: float) -> None:
    """Train one model, and print a line of JSON for each measurement."""
    import torch  # noqa: PLC0415

    from gristmill.trainer import evaluate, held_out  # noqa: PLC0415
    from gristmill.trainer.config import ModelConfig, TrainConfig  # noqa: PLC0415
    from gristmill.trainer.devices import open_device  # noqa: PLC0415
    from gristmill.trainer.feed import Feed, Micro  # noqa: PLC0415
    from gristmill.trainer.model import Hidden  # noqa: PLC0415
    from gristmill.trainer.shards import ShardReader  # noqa: PLC0415
    from gristmill.trainer.trainer import Trainer  # noqa: PLC0415

    torch.set_num_threads(1)
    reader = ShardReader.open(output)
    documents = held_out.encode(held_out.documents(output, most=HELD_OUT), held_out.encoder_of(output, reader.manifest))
    model = ModelConfig.of_depth(DEPTH, vocabulary_size=reader.manifest.vocabulary_size, **SIZES)
    config = TrainConfig(steps=steps, batch_sequences=batch, micro_sequences=4, seed=seed, peak=peak, peak_adam=peak)
    counts = torch.zeros(model.moe_layers, model.experts)

    def watch(_step: int, _micro: Micro, hidden: Hidden, _loss: torch.Tensor) -> None:
        if hidden.routed:
            counts.add_(hidden.counts())

    trainer = Trainer(
        reader=reader,
        batches=Feed.begin(reader, seed=seed),
        model=model if kind == "moe" else model.dense_twin(),
        config=config,
        device=open_device("cpu", dtype="float32"),
        watch=watch,
    )
    used, seconds, loads = 0.0, 0.0, []
    every = max(1, steps // MEASURED)
    for _ in range(steps):
        before = time.process_time()
        step = trainer.step()
        used += time.process_time() - before
        seconds += step.seconds
        loads.append(step.load)
        if step.number % every == 0 or step.number == steps:
            table = evaluate.evaluate(trainer.model, documents, context=config.context or 2048)
            total = evaluate.summed(table, by=()).to_pylist()[0]
            line = {
                "kind": kind,
                "seed": seed,
                "step": step.number,
                "tokens": trainer.tokens,
                "loss": step.loss,
                "bits_per_byte": total["bits_per_byte"],
                "seconds": seconds,
                "processor": used,
                "load": float((counts.amax(1) / counts.mean(1).clamp(min=1)).max()),
                "batch_load": statistics.median(loads[-every:]),
                "parameters": trainer.model.count(),
            }
            print(json.dumps(line), flush=True)
            counts.zero_()


def both(output: Path, *, seed: int, steps: int, batch: int, peak: float) -> list[dict[str, Any]]:
    """Train both models at the same time, one thread each."""
    here = [f"--one={kind}" for kind in KINDS]
    rest = ["--corpus", output, "--seed", seed, "--steps", steps, "--batch", batch, "--peak", peak]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen([sys.executable, __file__, each, *map(str, rest)], stdout=subprocess.PIPE, env=environment)
        for each in here
    ]
    found = []
    for process in running:
        out, _ = process.communicate()
        if process.returncode:
            sys.exit("a run failed")
        found += [json.loads(line) for line in out.splitlines()]
    return found


def plot(rows: list[dict[str, Any]]) -> str:
    """Both curves of every seed, bits per byte by tokens, as SVG."""
    width, height, margin = 640, 400, 50
    most = max(row["tokens"] for row in rows)
    low, high = (pick(row["bits_per_byte"] for row in rows) for pick in (min, max))
    colours = dict(zip(KINDS, ("#c2571a", "#2b5f8a"), strict=True))

    def place(row: dict[str, Any]) -> str:
        x = margin + (width - 2 * margin) * row["tokens"] / most
        y = margin + (height - 2 * margin) * (high - row["bits_per_byte"]) / max(high - low, 1e-9)
        return f"{x:.1f},{y:.1f}"

    lines = []
    for kind, seed in sorted({(row["kind"], row["seed"]) for row in rows}):
        points = " ".join(place(row) for row in rows if (row["kind"], row["seed"]) == (kind, seed))
        lines.append(f'<polyline fill="none" stroke="{colours[kind]}" stroke-width="2" points="{points}"/>')
    words = [
        f'<text x="{margin}" y="30">held-out bits per byte, {high:.3f} to {low:.3f}, by tokens, 0 to {most:,}</text>',
        *(
            f'<text x="{width - 120}" y="{60 + 20 * n}" fill="{colours[kind]}">{kind}</text>'
            for n, kind in enumerate(KINDS)
        ),
    ]
    box = f'<rect x="{margin}" y="{margin}" width="{width - 2 * margin}" height="{height - 2 * margin}" '
    inside = "\n".join([box + 'fill="none" stroke="#999"/>', *lines, *words])
    size = f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{inside}\n</svg>\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--corpus", type=Path, help="an output that was made before")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--peak", type=float, default=0.01)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", choices=KINDS)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    how = {"steps": given.steps, "batch": given.batch, "peak": given.peak}
    if given.one:
        train(given.corpus, kind=given.one, seed=given.seed, **how)
        return
    with tempfile.TemporaryDirectory() as temporary:
        output = given.corpus or corpus(given.data, Path(temporary))
        rows = []
        for seed in range(given.seeds):
            found = both(output, seed=seed, **how)
            print(*map(told, found), sep="\n", flush=True)
            rows += found
    if given.plot:
        given.plot.write_text(plot(rows), "utf-8")
    report(rows)


def told(row: dict[str, Any]) -> str:
    """A measurement as a line."""
    return (
        f"{row['kind']:<6} seed {row['seed']}  step {row['step']:>5}  {row['tokens']:>10,} tokens  "
        f"{row['bits_per_byte']:.4f} bits/byte  loss {row['loss']:.3f}  {row['seconds']:6.0f} s wall  "
        f"{row['processor']:6.0f} s processor  load {row['load']:.2f} (a batch's {row['batch_load']:.2f})"
    )


def report(rows: list[dict[str, Any]]) -> None:
    """What the last measurements come to, and the bars."""
    last = {(row["kind"], row["seed"]): row for row in rows}
    seeds = sorted({seed for _, seed in last})
    gains = [last["dense", each]["bits_per_byte"] - last["moe", each]["bits_per_byte"] for each in seeds]
    slower = [last["moe", each]["processor"] / last["dense", each]["processor"] for each in seeds]
    for kind in KINDS:
        total, active = last[kind, seeds[0]]["parameters"]
        print(f"{kind}: {total:,} parameters, {active:,} active")
    print(f"bits per byte less with experts, by seed: {', '.join(f'{each:.4f}' for each in gains)}")
    print(f"processor time of the mixture beside the dense twin: {statistics.median(slower):.2f}")
    found = {
        "bar1_seeds_won": sum(each > 0 for each in gains),
        "bar1_seeds": len(seeds),
        "bar1_bits_per_byte_less": round(statistics.median(gains), 4),
        "bar1_processor_ratio": round(statistics.median(slower), 2),
        "bar2_load_after_warm_up": round(max(last["moe", each]["load"] for each in seeds), 3),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
