"""A bucket that 300,000 documents share must cost no more for each of them than a smaller one does.

Run: python benchmarks/hot_bucket.py [--documents 300000] [--quick] [--workers 1] [--folder FOLDER]

All documents begin with the same boilerplate and end with words of their own, and all are different texts. They are
chosen so that their signatures agree in all of the first band: its bucket has every one of them. Two kinds:

alike: two words of their own, true similarity .97 to each other. All of them are one cluster.
unlike: nearly a third is their own, similarity .53. Nearly every pair of the bucket has to be refused.

Beside them, as many unrelated documents of the same length. An eighth, a quarter, half and all of each run to dedup, so
that doubling shows. Seconds are processor time of dedup alone: the median of three runs that find the rest done, less
what such a run takes for 200 documents. --quick is a small trial, too small for its ratios to mean much. The last line
is one JSON object.
"""

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from dedup_runs import RUNS, deduplicate, numbered_clusters, start_up, write_recipe

from gristmill.filters import minhash, shingles

ROWS = 8
WORDS = 160
OWN = {"alike": 2, "unlike": 48}
"""Words of its own, of each document of a kind."""
LEXICON = ["".join(letters) for letters in itertools.product("abcdefghijklmnop", repeat=4)]
AT_ONCE = 20_000
QUICK = 16_000

UInt32s = npt.NDArray[np.uint32]


def spell(numbers: npt.NDArray[np.int64]) -> str:
    return " ".join([LEXICON[number] for number in numbers.tolist()])


def signatures(texts: list[str]) -> UInt32s:
    found = shingles.hashes(pa.array(texts, pa.large_string()))
    return minhash.sign(found.offsets, found.hashes)


def hot(kind: str, rng: np.random.Generator) -> Iterator[str]:
    """Texts that share the first band with the boilerplate. Only their ends make a difference to their signatures.

    These ends are signed, with the four words before.
    """
    boilerplate = rng.permutation(len(LEXICON))[: WORDS - OWN[kind]]
    start, seam = spell(boilerplate), spell(boilerplate[-4:])
    lowest = signatures([start])[0, :ROWS]
    while True:
        ends = [spell(row) for row in rng.integers(len(LEXICON), size=(AT_ONCE, OWN[kind]))]
        shared = (signatures([f"{seam} {end}" for end in ends])[:, :ROWS] >= lowest).all(axis=1)
        yield from (f"{start} {ends[place]}" for place in np.flatnonzero(shared))


def unrelated(rng: np.random.Generator) -> Iterator[str]:
    """Texts of words drawn alike."""
    while True:
        yield from (spell(row) for row in rng.integers(len(LEXICON), size=(AT_ONCE, WORDS)))


def write(texts: Iterator[str], folder: Path, *, documents: int) -> list[Path]:
    """JSON lines: eight files of as many different texts each."""
    folder.mkdir(parents=True)
    seen: set[str] = set()
    paths = [folder / f"part-{number}.jsonl" for number in range(8)]
    for path in paths:
        with path.open("w", encoding="utf-8") as file:
            here = 0
            while here < documents // 8:
                text = next(texts)
                if text not in seen:
                    file.write(f'{{"id": "{len(seen)}", "text": "{text}"}}\n')
                    seen.add(text)
                    here += 1
    return paths


def check(kind: str, paths: list[Path]) -> None:
    """The bucket is as large as it is said to be."""
    texts = [json.loads(line)["text"] for path in paths for line in path.read_text("utf-8").splitlines()[:500]]
    found = signatures(texts)
    same = (found[:, :ROWS] == found[0, :ROWS]).all(axis=1)
    alike = (found[1:] == found[0]).mean(axis=1)
    shared = f"{same.sum()} of {len(texts)} looked at share the first band"
    print(f"{kind}: {shared}; estimated similarity {alike.mean():.2f}")


def measure(kind: str, folder: Path, *, documents: int, workers: int, fixed: float) -> list[float]:
    """Processor seconds of an eighth, a quarter, half and all of the documents, start-up taken off."""
    rng = np.random.default_rng(0)
    paths = write(unrelated(rng) if kind == "unrelated" else hot(kind, rng), folder / "in", documents=documents)
    check(kind, paths)
    found = []
    for files in (1, 2, 4, 8):
        size = documents * files // 8
        listed = [str(path.relative_to(folder)) for path in paths[:files]]
        recipe = write_recipe(folder, f"{kind}-{files}", inputs={"hot": listed})
        cost = deduplicate(recipe, folder / f"out-{files}", workers=workers, runs=RUNS)
        found.append(cost.dedup.processor - fixed)
        cluster, survivor = numbered_clusters(folder / f"out-{files}", documents=size)
        print(
            f"  {size:>9,} documents: {found[-1]:6.1f} s, {found[-1] / size * 1e6:6.1f} us each (phases "
            f"{cost.dedup_seconds:.1f} s wall, {cost.dedup.peak_mb:.0f} MB); "
            f"{(survivor != np.arange(size)).sum():,} dropped, largest cluster {np.bincount(cluster).max():,}",
            flush=True,
        )
    return found


def benchmark(folder: Path, *, documents: int, workers: int) -> dict[str, float]:
    fixed = start_up(folder / "start-up").dedup.processor
    print(f"start-up: {fixed:.1f} s of processor time")
    found = {
        kind: measure(kind, folder / kind, documents=documents, workers=workers, fixed=fixed)
        for kind in ("unrelated", *OWN)
    }
    result: dict[str, float] = {"documents": documents}
    for kind, seconds in found.items():
        result[f"{kind}_us_each"] = round(seconds[-1] / documents * 1e6, 1)
        result[f"{kind}_last_doubling"] = round(seconds[-1] / seconds[-2], 2)
        print(f"{kind}: doublings " + ", ".join(f"x{more / less:.2f}" for less, more in itertools.pairwise(seconds)))
    for kind in OWN:
        result[f"{kind}_by_unrelated"] = round(found[kind][-1] / found["unrelated"][-1], 2)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=300_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.folder and given.folder.exists():
        sys.exit(f"{given.folder} exists; name a new folder")
    documents = QUICK if given.quick else given.documents // 8 * 8
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        folder.mkdir(exist_ok=True)
        result = benchmark(folder, documents=documents, workers=given.workers)
    print(json.dumps({f"bar5_{name}": value for name, value in result.items()}))


if __name__ == "__main__":
    main()
