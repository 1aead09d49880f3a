"""litdata and MosaicML streaming on tokens from a raw file; for `loader.py`, in an environment of their own.

Run: python loader_peers.py RAW LENGTH BATCH SECONDS FOLDER. Prints a JSON object: million tokens per processor second,
and bytes on disk per token.
"""

import json
import sys
import time
import warnings
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np

_VISION = ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.transforms.functional")

warnings.simplefilter("ignore")


def measure(batches: Iterable[Any], *, seconds: float) -> float:
    """Million tokens per processor second, all threads; the first batch is not counted."""
    tokens, started, clock = 0, 0.0, time.process_time
    for batch in batches:
        if not started:
            started = clock()
            continue
        tokens += sum(each.size if isinstance(each, np.ndarray) else each.numel() for each in batch)
        if clock() - started >= seconds:
            break
    return round(tokens / (clock() - started) / 1e6, 1)


def grouped(samples: Iterable[Any], size: int) -> Iterable[list[Any]]:
    """Samples as they come, `size` at a time, not put together."""
    held: list[Any] = []
    for each in samples:
        held.append(each)
        if len(held) == size:
            yield held
            held = []


def endless(dataset: Any) -> Iterable[Any]:
    while True:
        yield from dataset


def disk(folder: Path, tokens: int) -> float:
    return round(sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / tokens, 3)


def part(rows: Any, at: int) -> Any:
    return np.array(rows[at])


def litdata(rows: Any, folder: Path, *, size: int, seconds: float) -> dict[str, float]:
    import litdata as peer  # noqa: PLC0415
    from litdata.streaming.cache import Cache  # noqa: PLC0415
    from torch.utils.data import DataLoader  # noqa: PLC0415

    length = rows.shape[1]
    cache = Cache(str(folder), chunk_bytes="64MB", item_loader=peer.TokensLoader(block_size=length))
    for at in range(len(rows)):
        cache[at] = part(rows, at)
    cache.done()
    cache.merge()
    dataset = peer.StreamingDataset(str(folder), item_loader=peer.TokensLoader(block_size=length), shuffle=True)
    return {
        "litdata": measure(grouped(endless(dataset), size), seconds=seconds),
        "litdata, DataLoader": measure(([each] for each in endless(DataLoader(dataset, size))), seconds=seconds),
        "litdata, bytes per token": disk(folder, rows.size),
    }


def mosaicml(rows: Any, folder: Path, *, size: int, seconds: float) -> dict[str, float]:
    # It imports torchvision, of which nothing is used here, and which often is built for another torch.
    for name in _VISION:
        sys.modules[name] = MagicMock(__spec__=ModuleSpec(name, None), __version__="0", VisionDataset=object)
    from streaming import MDSWriter, StreamingDataset  # noqa: PLC0415
    from torch.utils.data import DataLoader  # noqa: PLC0415

    with MDSWriter(out=str(folder), columns={"tokens": f"ndarray:{rows.dtype}:{rows.shape[1]}"}) as writer:
        for at in range(len(rows)):
            writer.write({"tokens": part(rows, at)})
    dataset = StreamingDataset(local=str(folder), shuffle=True, batch_size=size)
    samples = (each["tokens"] for each in endless(dataset))
    batches = ([each["tokens"]] for each in endless(DataLoader(dataset, size)))
    return {
        "MosaicML streaming": measure(grouped(samples, size), seconds=seconds),
        "MosaicML streaming, DataLoader": measure(batches, seconds=seconds),
        "MosaicML streaming, bytes per token": disk(folder, rows.size),
    }


def main() -> None:
    raw, length, size, seconds, folder = sys.argv[1:]
    rows = np.memmap(raw, np.uint16, "r").reshape(-1, int(length))
    found: dict[str, float] = {}
    for name, work in (("litdata", litdata), ("mosaicml", mosaicml)):
        (Path(folder) / name).mkdir()
        found |= work(rows, Path(folder) / name, size=int(size), seconds=float(seconds))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
