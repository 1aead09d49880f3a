"""Speed of annotation on NTREX-128, one thread, beside datatrove: 15,867 documents in 128 languages, 50 MB.

Run: python benchmarks/annotate.py [--data ../shared/data] [--peer-python PATH] [--peer-folder FOLDER] [--runs 7]

Measured are the compiled kernel (all signals, text hash, shingle hashes, signature), its parts, all of annotation with
language identification, and datatrove's filters and signatures. All figures are MB of UTF-8 text per processor second:
the median of the runs, and in brackets the best. Runs of the kernel, of annotation and of datatrove take turns, so that
a noisy machine meets all of them. Without --peer-python, datatrove is installed into a virtual environment of its own,
in FOLDER or a temporary folder: several GB and minutes. The last line is one JSON object.

datatrove: Gopher's repetition and quality rules, FineWeb's, and the MinHash signature, for an equal number of
documents of each of PEER_LANGUAGES, as its tokenizers for others load models from the web. Its filters stop at the
first rule that fails, and share their words; no executor, no files. The ratio compares with the kernel on the same
documents.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import datasketch
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from peers import ROOT, install

from gristmill.filters import kernel, minhash, shingles, signals, stop_words
from gristmill.filters.annotate import Annotator
from gristmill.schemas.measures import PERMUTATIONS

PEER_LANGUAGES = ["arb", "deu", "eng", "fra", "hin", "ita", "jpn", "pol", "por", "rus", "spa", "swe", "tur", "zho"]
PEER_DOCUMENTS = 25
"""Documents of each language."""
SKETCHED = 300
"""Documents that datasketch signs, which is too slow for all."""
BATCH = 1024
"""Documents that annotation takes at a time, about as the pipeline does."""

Texts = pa.ChunkedArray


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of a call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def megabytes(texts: Texts) -> float:
    return float(pc.sum(pc.binary_length(texts)).as_py() / 1e6)


def show(what: str, amount: float, times: list[float], unit: str = "MB/s") -> float:
    """Print the median rate and the best; return the median."""
    rate = amount / median(times)
    print(f"{what:<34}{rate:>10,.2f} {unit} ({amount / min(times):,.2f})", flush=True)
    return rate


def read(path: Path) -> pa.Table:
    """The documents in the file's order, language by language, with bare ISO 639-3 codes."""
    table = pq.read_table(path)
    return table.set_column(0, "language", pc.utf8_slice_codeunits(table["lang"], 0, 3))


def mix(table: pa.Table) -> pa.Table:
    """The documents in an order in which hardly any is in the language of the one before, as in a crawl."""
    return table.take(pa.array([row for start in range(123) for row in range(start, len(table), 123)]))


def peer_sample(table: pa.Table) -> pa.Table:
    parts = [table.filter(pc.equal(table["language"], code)).slice(0, PEER_DOCUMENTS) for code in PEER_LANGUAGES]
    return pa.concat_tables(parts)


def annotate_all(annotator: Annotator, table: pa.Table) -> None:
    for batch in table.to_batches(max_chunksize=BATCH):
        ids = pa.array([f"{row:032x}" for row in range(len(batch))])
        annotator.annotate(ids, batch["text"])


class Peer:
    """datatrove on a sample of documents."""

    def __init__(self, python: Path, folder: Path, table: pa.Table) -> None:
        self.table = table
        self._python = python
        self._sample = folder / "sample.jsonl"
        rows = table.select(["language", "text"]).to_pylist()
        self._sample.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def seconds(self, runs: int) -> list[float]:
        script = Path(__file__).with_name("datatrove_rules.py")
        command = [str(each) for each in (self._python, script, "time", self._sample, runs)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"datatrove failed:\n{done.stderr[-3000:]}")
        times: list[float] = json.loads(done.stdout.splitlines()[-1])
        return times


def measure_parts(table: pa.Table, lists: signals.StopWords, runs: int) -> None:
    """The parts of the kernel, each by itself with its own segmentation; datasketch for the signatures."""
    texts, amount = table["text"], megabytes(table["text"])
    found = shingles.hashes(texts)
    signed, sketched = len(found.hashes) / 1e6, float(found.offsets[SKETCHED]) / 1e6
    work = lambda: signals.measure(texts, languages=table["language"], stop_words=lists)  # noqa: E731
    work()
    show("signals", amount, [seconds(work) for _ in range(runs)])
    show("shingles and text hash", amount, [seconds(lambda: shingles.hashes(texts)) for _ in range(runs)])
    minhash.sign(found.offsets, found.hashes)
    times = [seconds(lambda: minhash.sign(found.offsets, found.hashes)) for _ in range(runs)]
    show("signatures", signed, times, "M shingles/s")
    show("signatures, datasketch", sketched, [seconds(lambda: _sketch(found))], "M shingles/s")


def _sketch(found: shingles.Shingles) -> None:
    for d in range(SKETCHED):
        sketch = datasketch.MinHash(num_perm=PERMUTATIONS, scheme="affine32", hashfunc=int)
        sketch.update_batch(found.hashes[found.offsets[d] : found.offsets[d + 1]].tolist())


def compare(table: pa.Table, peer: Peer, lists: signals.StopWords, runs: int) -> dict[str, float]:
    """The kernel, annotation and datatrove, in turns."""
    annotator = Annotator.load(model=None)
    sample, mixed = peer.table, mix(table)
    works = {
        "kernel": lambda: kernel.annotate_kernel(table["text"], table["language"], lists),
        "mixed": lambda: kernel.annotate_kernel(mixed["text"], mixed["language"], lists),
        "annotation": lambda: annotate_all(annotator, table),
        "sample": lambda: kernel.annotate_kernel(sample["text"], sample["language"], lists),
    }
    for work in works.values():
        work()
    times: dict[str, list[float]] = {name: [] for name in (*works, "peer")}
    for _ in range(runs):
        for name, work in works.items():
            times[name].append(seconds(work))
        times["peer"] += peer.seconds(1)
    amount, amount_of_sample = megabytes(table["text"]), megabytes(sample["text"])
    show("kernel", len(table) / 1e3, times["kernel"], "thousand documents/s")
    mb_s = show("kernel", amount, times["kernel"])
    show("kernel, languages mixed", amount, times["mixed"])
    annotate_mb_s = show("annotation, with language", amount, times["annotation"])
    print(f"{len(sample)} documents in {len(PEER_LANGUAGES)} languages, {amount_of_sample:.2f} MB:")
    ours = show("  kernel", amount_of_sample, times["sample"])
    theirs = show("  datatrove", amount_of_sample, times["peer"])
    ratios = sorted(one / other for one, other in zip(times["peer"], times["sample"], strict=True))
    print(f"  kernel / datatrove: {ours / theirs:.0f} by medians; run by run {ratios[0]:.0f} to {ratios[-1]:.0f}")
    return {
        "bar1_kernel_mb_s": round(mb_s, 1),
        "bar1_annotate_mb_s": round(annotate_mb_s, 1),
        "bar1_ratio": round(ours / theirs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--peer-folder", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    given = parser.parse_args()
    documents = given.data / "lid" / "ntrex_documents.parquet"
    if not documents.exists():
        sys.exit(f"no data at {documents}; see --data")
    pa.set_cpu_count(1)
    table = read(documents)
    lists = signals.StopWords.compile(stop_words.load())
    start = time.process_time()
    kernel.warm_up()
    print(f"compiling the kernel, or loading it: {time.process_time() - start:.1f} s")
    measure_parts(table, lists, given.runs)
    with tempfile.TemporaryDirectory() as name:
        python = given.peer_python or install(given.peer_folder or Path(name))
        result = compare(table, Peer(python.absolute(), Path(name), peer_sample(table)), lists, given.runs)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
