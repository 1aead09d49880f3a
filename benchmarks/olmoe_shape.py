"""A model of OLMoE's shape on an accelerator: tokens per second, share of the device's peak, and where the rest goes.

Run: python benchmarks/olmoe_shape.py [--shards OUT] [--data ../shared/data] [--steps 6] [--batch 64] [--micro 2]

1.2 billion active parameters and 6.9 in all (arXiv:2409.02060): 16 layers of width 2,048, 64 experts of width 1,024, of
which a token uses 8, 50,304 tokens of vocabulary. Sequences of 4,096 tokens, of documents packed one after another,
which do not see each other. Products in bfloat16; weights, gradients and momentum in float32: 97 GB, and more with
activations. --set recompute=true and such change that, as in `gristmill train`.

Steps are whole ones: reading shards, all micro-batches, clipping, and the update of all weights by Muon. The first two
are not counted: functions are compiled. Operations are six for each active parameter and token, and those of attention
over the tokens that each really sees; what is computed twice counts once. The peak is that of the best of several large
products, as measured on the device at the start, with random numbers.

Then the gradient of two micro-batches is profiled: the device's time by kind of kernel, and that in which it did
nothing. Without --shards they are made of the data folder's text.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from gristmill.trainer import overrides
from gristmill.trainer.config import ModelConfig, TrainConfig
from gristmill.trainer.devices import open_device
from gristmill.trainer.feed import Feed, Micro
from gristmill.trainer.shards import ShardReader
from gristmill.trainer.trainer import Trainer

SIZES: dict[str, Any] = {
    "depth": 16,
    "vocabulary_size": 50_304,
    "width": 2048,
    "heads": 16,
    "kv_heads": 16,
    "head_width": 128,
    "dense_width": 1024,
    "dense_layers": 0,
    "experts": 64,
    "experts_per_token": 8,
    "shared_experts": 0,
    "expert_width": 1024,
    "tied": False,
}
UNCOUNTED = 2
KINDS = {
    "grouped products": ("GroupProblem", "grouped", "Grouped"),
    "attention": ("flash", "fmha"),
    "other products": ("gemm", "nvjet", "cutlass", "cublas"),
    "compiled": ("triton",),
    "copies": ("Memcpy", "Memset", "copy"),
    "sorting and choosing": ("sort", "Sort", "topk", "radix", "scan", "scatter"),
    "reading rows": ("index", "gather", "embedding"),
    "norms and sums": ("norm", "Norm", "reduce"),
    "element by element": ("elementwise", "foreach", "multi_tensor"),
}


class Seen:
    """Counts the tokens that each token sees."""

    def __init__(self) -> None:
        self.tokens, self.pairs = 0, 0

    def __call__(self, _step: int, micro: Micro, *_: Any) -> None:
        lengths = micro.spans.bounds_N1.diff().long()
        self.tokens += int(lengths.sum())
        self.pairs += int((lengths * (lengths + 1) // 2).sum())


def steps_of(trainer: Trainer, steps: int) -> tuple[float, float]:
    """Tokens per second of a step, by the median; and seconds of the update of the weights."""
    update, updates = trainer._update, []

    def timed(*given: Any) -> None:
        trainer.device.synchronize()
        started = time.perf_counter()
        update(*given)
        trainer.device.synchronize()
        updates.append(time.perf_counter() - started)

    trainer._update = timed  # type: ignore[method-assign]
    rates = []
    for _ in range(steps):
        step = trainer.step()
        trainer.device.synchronize()
        rates.append(step.tokens / step.seconds)
        print(f"step {step.number}: loss {step.loss:.3f}, {step.seconds:.2f} s, {rates[-1]:,.0f} tokens/s", flush=True)
    trainer._update = update  # type: ignore[method-assign]
    counted = min(UNCOUNTED, steps - 1)
    return median(rates[counted:]), median(updates[counted:])


def kind_of(kernel: str) -> str:
    return next((kind for kind, marks in KINDS.items() if any(each in kernel for each in marks)), "other")


def profiled(trainer: Trainer, *, most: int) -> list[tuple[str, float]]:
    """Milliseconds of the device by kind of kernel, and those of the kernels that take longest."""
    activity = getattr(ProfilerActivity, trainer.device.place.type.upper())
    with profile(activities=[ProfilerActivity.CPU, activity]) as found:
        started = time.perf_counter()
        trainer._gradients(trainer.batches.take(trainer.config.batch_sequences))
        elapsed = (time.perf_counter() - started) * 1e3
    kernels: dict[str, float] = defaultdict(float)
    for each in found.events():
        if each.device_type.name != "CPU":
            kernels[each.name] += each.self_device_time_total / 1e3
    kinds: dict[str, float] = defaultdict(float)
    for name, spent in kernels.items():
        kinds[kind_of(name)] += spent
    kinds["nothing"] = elapsed - sum(kernels.values())
    longest = sorted(kernels.items(), key=lambda each: -each[1])[:most]
    return [*sorted(kinds.items(), key=lambda each: -each[1]), *((name[:110], spent) for name, spent in longest)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", help="Output folder with shards of sequences of 4,096 tokens.")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--device")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--micro", type=int, default=2)
    parser.add_argument("--kernels", type=int, default=12, help="Kernels to name, of those that take longest.")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="As in `gristmill train`.")
    given = parser.parse_args()
    if not given.shards and not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    with tempfile.TemporaryDirectory() as name:
        measure(given, given.shards or made(Path(name), given.data))


def made(folder: Path, data: Path) -> str:
    from shards_of_text import Shards  # noqa: PLC0415  (needs the pipeline, which a trainer's machine may lack)

    tokenizer, packing = {"vocabulary_size": SIZES["vocabulary_size"]}, {"sequence_length": 4096}
    return str(Shards.make(folder, data, tokenizer=tokenizer, packing=packing).folder)


def measure(given: argparse.Namespace, shards: str) -> None:
    of_model, of_training = overrides.parsed(given.set)
    settings = {"steps": 1000, "batch_sequences": given.batch, "micro_sequences": given.micro, "context": None}
    device, reader, seen = open_device(given.device), ShardReader.open(shards), Seen()
    started = time.perf_counter()
    trainer = Trainer(
        reader=reader,
        batches=Feed.begin(reader, seed=0),
        model=ModelConfig(**SIZES | of_model),
        config=TrainConfig(**settings | of_training),
        device=device,
        watch=seen,
    )
    total, active = trainer.model.count()
    print(f"{device.name}, {device.dtype}: peak {device.peak / 1e12:,.0f} TFLOP/s; PyTorch {torch.__version__}")
    print(f"{total / 1e9:.2f} billion parameters, {active / 1e9:.2f} active; {time.perf_counter() - started:.1f} s")
    rate, update = steps_of(trainer, given.steps)
    memory = torch.accelerator.max_memory_allocated() / 1e9 if device.memory else 0.0
    operations = trainer.model.flops(1, context=seen.pairs / seen.tokens)
    share = rate * operations / device.peak
    print(f"median {rate:,.0f} tokens/s, {share:.1%} of peak; {operations / 1e9:.2f} GFLOP a token")
    print(f"each sees {seen.pairs / seen.tokens:,.0f} tokens; {update:.2f} s of a step is Muon; {memory:.0f} GB")
    trainer.config = replace(trainer.config, batch_sequences=2 * given.micro)
    if device.memory:
        for what, spent in profiled(trainer, most=given.kernels):
            print(f"{spent:9.2f} ms  {what}")
    print(json.dumps({"bar6_tokens_s": round(rate), "bar6_mfu": round(share, 3)}))


if __name__ == "__main__":
    main()
