"""Speed of the compiled kernels on NTREX-128: 15,867 documents in 128 languages, one thread.

Run from the repository's root: `python benchmarks/kernel.py`. Prints medians; the last line is one JSON object.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import datasketch
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.filters import kernel, minhash, shingles, signals, stop_words
from gristmill.schemas.tables import PERMUTATIONS

DOCUMENTS = Path(__file__).parents[2] / "shared/data/lid/ntrex_documents.parquet"
RUNS = 7
SKETCHED = 300
"""Documents that datasketch signs, which is too slow for all."""


def seconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """Median time of a call, after one that does not count."""
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return median(times)


def sign_with_datasketch(found: shingles.Shingles, n_documents: int) -> None:
    for d in range(n_documents):
        sketch = datasketch.MinHash(num_perm=PERMUTATIONS, scheme="affine32", hashfunc=int)
        sketch.update_batch(found.hashes[found.offsets[d] : found.offsets[d + 1]].tolist())


def show(what: str, figure: float, unit: str) -> float:
    print(f"{what:<32}{figure:>10,.1f} {unit}")
    return round(figure, 1)


def main() -> None:
    """Measure, print, and end with the figures as JSON."""
    if not DOCUMENTS.exists():
        print(f"skipped: {DOCUMENTS.name} is not there")
        return
    table = pq.read_table(DOCUMENTS)
    texts, languages = table["text"], table["lang"]
    megabytes = pa.compute.sum(pa.compute.binary_length(texts)).as_py() / 1e6
    lists = signals.StopWords.compile(stop_words.load())
    start = time.perf_counter()
    kernel.warm_up()
    show("compiling or loading", time.perf_counter() - start, "s")
    found = shingles.hashes(texts)
    millions, few = len(found.hashes) / 1e6, found.offsets[SKETCHED] / 1e6

    measured = seconds(lambda: signals.measure(texts, languages=languages, stop_words=lists))
    show("signals", megabytes / measured, "MB/s")
    show("shingles and text hash", megabytes / seconds(lambda: shingles.hashes(texts)), "MB/s")
    signed = seconds(lambda: minhash.sign(found.offsets, found.hashes))
    m_shingles = show("signatures", millions / signed, "M shingles/s")
    sketched = seconds(lambda: sign_with_datasketch(found, SKETCHED), runs=3)
    show("signatures, datasketch", few / sketched, "M shingles/s")
    whole = seconds(lambda: kernel.annotate_kernel(texts, languages, lists))
    show("whole kernel", len(texts) / whole, "documents/s")
    mb_s = show("whole kernel", megabytes / whole, "MB/s")
    print(json.dumps({"kernel_mb_s": mb_s, "signature_m_shingles_s": m_shingles}))


if __name__ == "__main__":
    main()
