"""Deduplication of a million generated documents: recall, precision, time and memory; and datatrove's four stages.

Run: python benchmarks/dedup_scale.py [--documents 1000000] [--quick] [--workers 2] [--folder FOLDER]
                                      [--peer-documents 20000] [--peer-python PATH] [--peer-folder FOLDER]

generated.py says what the documents are, and what is known of them. A quarter of them runs first, so that growth shows.
--quick is a small trial. FOLDER, or a temporary one, needs 5 GB for a million documents.

Recall: pairs of documents of one planted cluster, by their true similarity, that one found cluster holds. Beside it,
the share that bands and rows alone would find, if each pair were looked at by itself.
Precision: documents dropped whose true similarity to the document kept in their place is .6 or more. Others were joined
through documents between the two; unlinked are those whose found cluster has none at all that they are so alike.

Processor time is that of all processes of `gristmill run --until dedup`, start-up included: ingest, annotation with
language identification and all signals, decide, dedup. datatrove's is that of its signatures, buckets, clusters and
filter, imports not included, with the same bands and rows, on other documents of the same kind. Its cost for a document
does not fall with their number, so that some thousands tell it. Without --peer-python it is installed first, see
peers.py. The last line is one JSON object.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from dedup_runs import Deduplicated, Ints, deduplicate, numbered_clusters, start_up, write_recipe
from generated import LEVELS, TRAPS, Corpus, Truth, generate
from peers import install, measure

from gristmill.filters import minhash, shingles

BANDS, ROWS = 14, 8
WEAK = 0.6
QUICK = {"documents": 20_000, "peer_documents": 1_500}
CHECKED = 3_000
"""Pairs whose similarity is computed from their texts by Gristmill's shingles too."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One run over generated documents."""

    documents: int
    cost: Deduplicated
    quality: dict[str, float]


def deduplicated(documents: int, folder: Path, *, workers: int) -> Outcome:
    """Generate so many documents, deduplicate them and compare with the truth."""
    folder.mkdir(parents=True)
    started = time.process_time()
    corpus = generate(documents)
    corpus.write(folder / "in")
    print(f"{documents:,} documents, generated in {time.process_time() - started:.0f} s of processor time")
    check(corpus)
    recipe = write_recipe(folder, "generated", inputs={"generated": ["in/*.jsonl"]})
    cost = deduplicate(recipe, folder / "out", workers=workers)
    print(f"  {cost.describe()}", flush=True)
    print("  " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in cost.phases.items()))
    cluster, survivor = numbered_clusters(folder / "out", documents=documents)
    return Outcome(documents=documents, cost=cost, quality=judge(corpus.truth, cluster, survivor))


def check(corpus: Corpus) -> None:
    """The similarities known beforehand are those of the shingles that deduplication compares."""
    truth = corpus.truth
    some = np.random.default_rng(0).permutation(len(truth.left))[:CHECKED]
    documents, places = np.unique(np.concatenate([truth.left[some], truth.right[some]]), return_inverse=True)
    found = shingles.hashes(corpus.texts(documents))
    sets = [set(found.hashes[found.offsets[d] : found.offsets[d + 1]].tolist()) for d in range(len(documents))]
    differ = 0
    for pair, one, other in zip(some, places[: len(some)], places[len(some) :], strict=True):
        alike = len(sets[one] & sets[other]) / len(sets[one] | sets[other])
        differ += abs(alike - float(truth.similarity[pair])) > 1e-6
    print(f"  {len(some) - differ} of {len(some)} true similarities equal those of the texts' shingles")


def judge(truth: Truth, cluster: Ints, survivor: Ints) -> dict[str, float]:
    """Recall by similarity and precision."""
    together = cluster[truth.left] == cluster[truth.right]
    result: dict[str, float] = {}
    edges = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)
    for low, high in zip(edges, (*edges[1:], 1.1), strict=True):
        of_level = (truth.similarity >= low) & (truth.similarity < high)
        expected = (1 - (1 - truth.similarity[of_level].astype(float) ** ROWS) ** BANDS).mean()
        print(f"  similarity {low:.2f}: {together[of_level].mean():.4f} of {of_level.sum():,} pairs found")
        print(f"                   {expected:.4f} by bands and rows alone")
    for low in (0.7, 0.8):
        result[f"recall_at_{round(low * 10):02d}"] = round(float(together[truth.similarity >= low].mean()), 5)
    originals = np.arange(len(truth.cluster)) == truth.cluster
    for level in LEVELS:
        copies = np.flatnonzero((truth.level == np.float32(level)) & ~originals)
        joined = cluster[copies] == cluster[truth.cluster[copies]]
        name = "trap" if level in TRAPS else "copy"
        print(f"  {name} made for {level:.2f}: {joined.mean():.4f} of {len(copies):,} in one cluster with its original")
    return result | _precision(truth, together, survivor)


def _precision(truth: Truth, together: npt.NDArray[np.bool_], survivor: Ints) -> dict[str, float]:
    dropped = np.flatnonzero(survivor != np.arange(len(survivor)))
    alike = truth.between(dropped, survivor[dropped])
    nearest = np.zeros(len(survivor), np.float32)
    for members in (truth.left, truth.right):
        np.maximum.at(nearest, members[together], truth.similarity[together])
    strangers = int((truth.cluster[dropped] != truth.cluster[survivor[dropped]]).sum())
    unlinked = int((nearest[dropped] < WEAK).sum())
    print(
        f"  {len(dropped):,} dropped: {(alike >= WEAK).mean():.5f} at {WEAK} or more to the kept one, "
        f"{(alike >= 0.7).mean():.5f} at .7; least {alike.min():.3f}\n"
        f"  of the dropped {unlinked} unlinked; {strangers} of no planted cluster, or of another than the kept one"
    )
    return {
        "precision": round(float((alike >= WEAK).mean()), 5),
        "unlinked_dropped": unlinked,
        "strangers_dropped": strangers,
    }


def growth(quarter: Deduplicated, whole: Deduplicated) -> dict[str, float]:
    """By how much four times the documents cost more."""
    pairs = {
        "growth_dedup_phases": (quarter.dedup_seconds, whole.dedup_seconds),
        "growth_dedup_processor": (quarter.dedup.processor, whole.dedup.processor),
        "growth_wall": (quarter.whole.wall, whole.whole.wall),
        "growth_processor": (quarter.whole.processor, whole.whole.processor),
    }
    found = {name: round(much / little, 2) for name, (little, much) in pairs.items()}
    print("four times the documents: " + ", ".join(f"{name} x{value}" for name, value in found.items()))
    return found


def signature_seconds(corpus: Corpus) -> float:
    """Processor seconds of shingles and signatures for a document, by the kernel's parts alone."""
    texts = corpus.texts(corpus.order)
    found = shingles.hashes(texts)
    minhash.sign(found.offsets, found.hashes)
    started = time.process_time()
    found = shingles.hashes(texts)
    minhash.sign(found.offsets, found.hashes)
    return (time.process_time() - started) / len(texts)


def compare(ours: Outcome, folder: Path, *, documents: int, python: Path) -> dict[str, float]:
    """Processor milliseconds for a document, beside datatrove's."""
    corpus = generate(documents, seed=1)
    corpus.write_by_language(folder / "sample")
    script = Path(__file__).with_name("datatrove_minhash.py")
    _, printed = measure([python, script, folder / "sample", folder / "peer-out"])
    stages: dict[str, float] = json.loads(printed.splitlines()[-1])
    theirs = sum(stages.values()) / documents * 1e3
    parts = ", ".join(f"{name} {seconds / documents * 1e3:.3f}" for name, seconds in stages.items())
    print(f"datatrove, {documents:,} documents: {theirs:.3f} ms each of processor time ({parts})")
    whole = ours.cost.whole.processor / ours.documents * 1e3
    dedup = ours.cost.dedup.processor / ours.documents * 1e3
    signatures = signature_seconds(corpus) * 1e3
    parts = f"dedup {dedup:.3f}, signatures {signatures:.3f}"
    print(f"Gristmill, {ours.documents:,} documents: {whole:.3f} ms each ({parts})")
    print(f"datatrove / Gristmill: all {theirs / whole:.1f}, signatures and dedup {theirs / (signatures + dedup):.1f}")
    found = (np.zeros(documents, np.int64) - np.arange(documents)) - 1
    for line in (folder / "peer-out" / "found.jsonl").read_text().splitlines():
        row = json.loads(line)
        found[int(row["id"])] = row["cluster"]
    truth = corpus.truth
    together = found[truth.left] == found[truth.right]
    for low in (0.7, 0.8):
        print(f"  datatrove: {together[truth.similarity >= low].mean():.4f} of pairs at {low} or more found")
    return {
        "peer_ms": round(theirs, 3),
        "whole_ms": round(whole, 3),
        "ratio_whole": round(theirs / whole, 1),
        "ratio_dedup": round(theirs / (signatures + dedup), 1),
    }


def benchmark(given: argparse.Namespace, folder: Path) -> dict[str, float]:
    documents = QUICK["documents"] if given.quick else given.documents
    peer_documents = QUICK["peer_documents"] if given.quick else given.peer_documents
    python = given.peer_python or install(given.peer_folder or folder)
    folder.mkdir(exist_ok=True)
    print(f"200 documents: {start_up(folder / 'start-up').describe()}")
    quarter = deduplicated(documents // 4, folder / "quarter", workers=given.workers)
    whole = deduplicated(documents, folder / "whole", workers=given.workers)
    result = dict(whole.quality)
    result |= {
        "documents": documents,
        "wall_s": round(whole.cost.whole.wall, 1),
        "processor_s": round(whole.cost.whole.processor, 1),
        "dedup_s": round(whole.cost.dedup_seconds, 1),
        "peak_mb": round(whole.cost.whole.peak_mb),
    }
    result |= growth(quarter.cost, whole.cost)
    return result | compare(whole, folder, documents=peer_documents, python=python.absolute())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--peer-documents", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--peer-folder", type=Path)
    given = parser.parse_args()
    if given.folder and given.folder.exists():
        sys.exit(f"{given.folder} exists; name a new folder")
    with tempfile.TemporaryDirectory() as name:
        result = benchmark(given, given.folder or Path(name))
    print(json.dumps({f"bar4_{name}": value for name, value in result.items()}))


if __name__ == "__main__":
    main()
