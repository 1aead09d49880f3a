"""Speed of MinHash signatures beside datasketch and rensa: shingles of NTREX-128, one core, 112 permutations.

Run from the repository's root: `python benchmarks/signature.py [--data ../shared/data] [--runs 9]`

All sign the same shingle hashes, about 340 a document, and take turns, so that a noisy machine meets all of them.
Figures are million shingles per processor second: the median of the runs, and in brackets the best. The kernel's
signatures must equal datasketch's. rensa 0.5.0 is installed into a temporary folder if it is not at hand; without it
the others are measured alone. The last line is one JSON object.

- datasketch: `MinHash.update_batch`, scheme affine32, given the hashes as Python integers, on SKETCHED documents, as it
  is too slow for all.
- rensa, R-MinHash: `digest_matrix_from_flat_token_hashes`, all hashes at one call. It is Fast Similarity Sketching
  (arXiv:1704.04370), which needs few evaluations for each shingle, where MinHash needs one for each permutation.
- rensa, C-MinHash: `digests64_from_token_hash_sets`, with an array for each document.
- rensa, rho: a sketch that looks at some of a document's shingles only.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import datasketch
import numpy as np
import pyarrow.parquet as pq
from peers import ROOT

from gristmill.filters import minhash, shingles
from gristmill.schemas.measures import PERMUTATIONS

PEER = "rensa==0.5.0"
SEED = 1
SKETCHED = 300
"""Documents that datasketch signs, spread evenly."""


class Work:
    """The shingles to sign, and what signs them."""

    def __init__(self, data: Path) -> None:
        texts = pq.read_table(data / "lid/ntrex_documents.parquet", columns=["text"])["text"]
        found = shingles.hashes(texts)
        self.offsets, self.hashes = found.offsets, found.hashes
        self.chosen = range(0, len(texts), len(texts) // SKETCHED)
        self.lists = [self.of(d).tolist() for d in self.chosen]
        self.wide = self.hashes.astype(np.uint64)
        self.rows = self.offsets.astype(np.uint64)
        self.sets = [self.wide[start:end] for start, end in zip(self.offsets[:-1], self.offsets[1:], strict=True)]

    def of(self, d: int) -> Any:
        return self.hashes[self.offsets[d] : self.offsets[d + 1]]

    def ours(self) -> Any:
        return minhash.sign(self.offsets, self.hashes)

    def by_datasketch(self) -> list[Any]:
        found = []
        for hashes in self.lists:
            sketch = datasketch.MinHash(num_perm=PERMUTATIONS, seed=SEED, scheme="affine32", hashfunc=int)
            sketch.update_batch(hashes)
            found.append(sketch.hashvalues)
        return found

    def check(self) -> None:
        """Exit unless the kernel's signatures are datasketch's."""
        ours = self.ours()
        if not all(np.array_equal(ours[d], row) for d, row in zip(self.chosen, self.by_datasketch(), strict=True)):
            sys.exit("the kernel's signatures are not datasketch's")


def rensa(folder: Path) -> Any:
    """The package, installed into the folder where it is not at hand; None, with a message, where that fails."""
    os.environ["RAYON_NUM_THREADS"] = "1"
    sys.path.append(str(folder))
    try:
        return importlib.import_module("rensa")
    except ImportError:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PEER]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"{PEER} is not installed and could not be:\n{done.stderr[-500:]}")
        return None
    importlib.invalidate_caches()
    return importlib.import_module("rensa")


def by_rensa(package: Any, work: Work) -> dict[str, Callable[[], object]]:
    r_minhash, c_minhash = package.RMinHash, package.CMinHash
    return {
        "rensa, R-MinHash": lambda: r_minhash.digest_matrix_from_flat_token_hashes(
            work.wide, work.rows, PERMUTATIONS, SEED
        ),
        "rensa, C-MinHash": lambda: c_minhash.digests64_from_token_hash_sets(work.sets, PERMUTATIONS, SEED),
        "rensa, rho": lambda: r_minhash.digest_matrix_from_flat_token_hashes_rho(
            work.wide, work.rows, PERMUTATIONS, SEED
        ),
    }


def compare(work: Work, package: Any, runs: int) -> dict[str, float]:
    """Medians in million shingles per processor second, of all in turns."""
    works: dict[str, Callable[[], object]] = {"gristmill": work.ours, "datasketch": work.by_datasketch}
    works |= by_rensa(package, work) if package else {}
    times: dict[str, list[float]] = {name: [] for name in works}
    for run in range(runs + 1):
        for name, sign in works.items():
            start = time.process_time()
            sign()
            if run:  # the first one warms up
                times[name].append(time.process_time() - start)
    sketched = sum(map(len, work.lists))
    rates = {}
    for name, seconds in times.items():
        amount = (sketched if name == "datasketch" else len(work.hashes)) / 1e6
        rates[name] = amount / median(seconds)
        print(f"{name:<20}{rates[name]:>9.2f} M shingles/s ({amount / min(seconds):.2f})", flush=True)
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--runs", type=int, default=9)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    work = Work(given.data)
    work.check()
    print(f"{len(work.hashes) / 1e6:.1f} M shingles of {len(work.offsets) - 1:,} documents; equal to datasketch's")
    with tempfile.TemporaryDirectory() as folder:
        rates = compare(work, rensa(Path(folder)), given.runs)
    names = {
        "bar1_signature_m_shingles_s": "gristmill",
        "datasketch_m_shingles_s": "datasketch",
        "rensa_r_minhash_m_shingles_s": "rensa, R-MinHash",
        "rensa_c_minhash_m_shingles_s": "rensa, C-MinHash",
        "rensa_rho_m_shingles_s": "rensa, rho",
    }
    print(json.dumps({key: round(rates[name], 2) if name in rates else None for key, name in names.items()}))


if __name__ == "__main__":
    main()
