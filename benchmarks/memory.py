"""Memory stays flat: peak resident memory of the largest process, on 250 MB and on 1 GB of text.

Run: python benchmarks/memory.py [--data ../shared/data] [--megabytes 250 1000] [--workers 2]

The text is what lies in the data folder, written again and again as JSONL with one word in ten replaced, so that the
copies are documents of their own: as many signatures, keys and languages as real text of that size would have.
"""

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import zstandard
from whole import ROOT, run, write_recipe


def write_text(data: Path, target: Path, *, megabytes: int) -> None:
    """JSONL files of 50 MB each."""
    texts = list(_texts(data))
    random.seed(1)
    written, part = 0, 0
    while written < megabytes * 1_000_000:
        with (target / f"part-{part:03d}.jsonl").open("w", encoding="utf-8") as file:
            here = 0
            while here < 50_000_000 and written < megabytes * 1_000_000:
                line = json.dumps({"text": _altered(random.choice(texts))}, ensure_ascii=False) + "\n"
                here += (size := len(line.encode()))
                written += size
                file.write(line)
        part += 1


def _texts(data: Path) -> list[str]:
    texts = []
    for packed in sorted((data / "text").glob("*.jsonl.zst")):
        with packed.open("rb") as source:
            lines = zstandard.ZstdDecompressor().stream_reader(source).read().decode("utf-8").splitlines()
        texts += [json.loads(line)["text"] for line in lines]
    return texts


def _altered(text: str) -> str:
    words = text.split(" ")
    for place in random.sample(range(len(words)), k=len(words) // 10):
        words[place] = f"{words[place]}{random.randrange(1000)}"
    return " ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--megabytes", type=int, nargs="+", default=[250, 1000])
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    peaks = {}
    for megabytes in given.megabytes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "in").mkdir()
            write_text(given.data, folder / "in", megabytes=megabytes)
            # A process of its own for each size: the kernel keeps one peak for all children of a process.
            found = run(write_recipe(folder, "text", folder / "in" / "*.jsonl"), folder / "out", workers=given.workers)
        peaks[megabytes] = max(found.peak_mb, 0)
        print(f"{megabytes} MB: peak {found.peak_mb:.0f} MB, {found.wall:.0f} s, {megabytes / found.wall:.2f} MB/s")
    sizes = sorted(peaks)
    growth = peaks[sizes[-1]] / peaks[sizes[0]] - 1
    result = {f"bar5_peak_mb_at_{size}": round(peaks[size]) for size in sizes}
    print(json.dumps(result | {"bar5_growth": round(growth, 3)}))


if __name__ == "__main__":
    main()
