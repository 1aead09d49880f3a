"""How fast shards are read, on one core, beside a memory map, litdata and MosaicML streaming on the same tokens.

Run: python benchmarks/loader.py [--data ../shared/data] [--peer-python VENV/bin/python]

Million tokens per second of processor time, all threads together, of the data folder's text in sequences of 2,048 that
come in a shuffled order; files are in the page cache. What each line is:

raw memory map: sequences taken out of a file of uint16, as a batch. No more than that can be had.
pyarrow: row groups of the shards by pyarrow alone, in order, nothing else done.
Gristmill: batches of `ShardReader.batches`: seeded order, page checksums compared, lengths of documents.
Gristmill, DataLoader: the tokens of these as a tensor, through torch's DataLoader without workers.
the peers: samples as they come, or through DataLoader, which puts a batch together. Theirs are not compressed, and
have no checksums; litdata's samples are views of a memory map.

Without --peer-python the peers are installed into a temporary environment.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from shards_of_text import Shards
from whole import ROOT

from gristmill.trainer.shards import Batch, ShardReader
from gristmill.trainer.shards.datasets import ShardStream

PEERS = ("litdata==0.2.76", "mosaicml-streaming==0.13.0")
TORCH = "torch==2.13.0"
LENGTH = 2048
SIZE = 64
SECONDS = 5.0
READS = 300


def measure(batches: Iterable[Any]) -> float:
    """Million tokens per processor second; the first batch is not counted."""
    batches = iter(batches)
    next(batches)
    tokens, started = 0, time.process_time()
    for batch in batches:
        tokens += batch.size if isinstance(batch, np.ndarray) else batch.numel()
        if time.process_time() - started >= SECONDS:
            break
    return tokens / (time.process_time() - started) / 1e6


def raw(rows: np.ndarray) -> Iterator[np.ndarray]:
    while True:
        order = np.random.default_rng(0).permutation(len(rows))
        for start in range(0, len(rows) - SIZE, SIZE):
            yield rows[order[start : start + SIZE]]


def by_pyarrow(paths: list[Path]) -> Iterator[np.ndarray]:
    while True:
        for path in paths:
            with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
                for group in range(parquet.num_row_groups):
                    table = parquet.read_row_group(group, columns=["tokens", "doc_lens"], use_threads=False)
                    yield table["tokens"].chunk(0).flatten().to_numpy()


def tokens_of(batch: Batch) -> torch.Tensor:
    return torch.from_numpy(batch.tokens)


def ours(reader: ShardReader, paths: list[Path], file: Path) -> dict[str, float]:
    whole = reader.read(range(len(reader)))
    whole.tokens.tofile(file)
    rows = np.memmap(file, whole.tokens.dtype, "r").reshape(whole.tokens.shape)
    del whole
    stream = ShardStream(reader, size=SIZE, make=tokens_of)
    found = {
        "raw memory map": measure(raw(rows)),
        "pyarrow": measure(by_pyarrow(paths)),
        "Gristmill": measure(each.tokens for each in reader.batches(SIZE)),
        "Gristmill, DataLoader": measure(torch.utils.data.DataLoader(stream, batch_size=None)),
        "Gristmill, bytes per token": sum(path.stat().st_size for path in paths) / rows.size,
    }
    places = np.random.default_rng(1).integers(0, len(reader), READS)
    started = time.process_time()
    for place in places:
        reader.read([place])
    print(f"a sequence at random: {(time.process_time() - started) / READS * 1e3:.2f} ms")
    print(f"M tokens/s of one of ranks x workers, batches of {SIZE} sequences for all ranks: {_workers(reader)}")
    return found


def _workers(reader: ShardReader) -> str:
    """What it costs that each worker of each rank reads the row groups that it has a part in."""
    found = []
    for ranks, workers in ((1, 1), (1, 8), (8, 1), (8, 8)):
        stream = reader.batches(SIZE, ranks=ranks, workers=workers)
        next(stream)
        started = time.process_time()
        tokens = sum(each.tokens.size for each in islice(stream, 20))
        found.append(f"{ranks}x{workers} {tokens / (time.process_time() - started) / 1e6:.0f}")
    return ", ".join(found)


def peers(file: Path, folder: Path, python: Path) -> dict[str, float]:
    script = Path(__file__).with_name("loader_peers.py")
    command = [python, script, file, LENGTH, SIZE, SECONDS, folder]
    done = subprocess.run([str(each) for each in command], check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the peers failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def install(folder: Path) -> Path:
    """A virtual environment with the peers; its Python. torch first, and bound: theirs would be another, and large."""
    python, bound = folder / "peers" / "bin" / "python", folder / "bound.txt"
    bound.write_text(TORCH + "\n")
    subprocess.run([sys.executable, "-m", "venv", folder / "peers"], check=True)
    for what in ([TORCH], ["-c", str(bound), *PEERS]):
        subprocess.run([python, "-m", "pip", "install", "--quiet", *what], check=True, stderr=subprocess.DEVNULL)
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--peer-python", type=Path)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = Shards.make(folder / "out", given.data, packing={"sequence_length": LENGTH})
        reader = ShardReader.open(shards.folder, tokenizer=shards.tokenizer, verify=True)
        paths = [shards.folder / "shards" / each.path for each in reader.manifest.shards]
        found = ours(reader, paths, folder / "raw")
        python = given.peer_python.absolute() if given.peer_python else install(folder)
        (folder / "peer").mkdir()
        found |= peers(folder / "raw", folder / "peer", python)
    for what, rate in found.items():
        print(f"{what:<36} {rate:8.3f}" if "bytes" in what else f"{what:<36} {rate:8.1f} M tokens/s")
    print(json.dumps({"bar3_million_tokens_per_second": round(found["Gristmill"], 1)}))


if __name__ == "__main__":
    main()
