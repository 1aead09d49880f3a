"""datatrove's four MinHash stages, for benchmarks/dedup_scale.py and versions.py, run by a Python that has datatrove.

Run: python benchmarks/datatrove_minhash.py SAMPLE OUTPUT

SAMPLE holds JSON lines of `id` and `text`, a file for each language, named by its code, which the signatures are told.
OUTPUT gets `found.jsonl`: `id` and `cluster` of each document of a cluster. The last line is JSON: processor seconds
of each stage, one task after the other in this process, imports and a first run on few documents not counted.

Gristmill is not imported here. datatrove does not verify what shares a bucket: whatever does is a duplicate.
"""

import argparse
import json
import shutil
import struct
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from datatrove.pipeline.dedup import (  # type: ignore[import-not-found]
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import JsonlReader  # type: ignore[import-not-found]
from datatrove.pipeline.writers import JsonlWriter  # type: ignore[import-not-found]
from datatrove_pipeline import execute
from datatrove_rules import NAMES, SIGNATURES
from loguru import logger  # type: ignore[import-not-found]

WARM_UP = 20
"""Documents of each language that every stage runs on first: tokenizers load their dictionaries."""


def run(sample: Path, output: Path) -> dict[str, float]:
    """Processor seconds of each stage."""
    codes = [path.stem for path in sorted(sample.glob("*.jsonl"))]
    signatures, buckets, clusters, kept = (str(output / name) for name in ("signatures", "buckets", "clusters", "kept"))
    tasks = len(codes)

    def sign() -> None:
        for rank, code in enumerate(codes):
            step = MinhashDedupSignature(signatures, config=SIGNATURES, language=NAMES.get(code, code))
            steps = [JsonlReader(str(sample)), step]
            execute(f"signatures-{code}", steps, output, tasks=tasks, local_tasks=1, local_rank_offset=rank)

    def bucket() -> None:
        step = MinhashDedupBuckets(signatures, buckets, config=SIGNATURES)
        execute("buckets", [step], output, tasks=SIGNATURES.num_buckets)

    def cluster() -> None:
        step = MinhashDedupCluster(buckets, clusters, config=SIGNATURES, save_cluster_id=True)
        execute("clusters", [step], output, tasks=1)

    def keep() -> None:
        writer = JsonlWriter(kept, output_filename="${rank}.jsonl", compression=None)
        execute("kept", [JsonlReader(str(sample)), MinhashDedupFilter(clusters), writer], output, tasks=tasks)

    stages = {"signatures": sign, "buckets": bucket, "clusters": cluster, "filter": keep}
    return {name: seconds(work) for name, work in stages.items()}


def seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def write_found(sample: Path, output: Path) -> None:
    """The clusters under the documents' own ids; datatrove names them by file and line."""
    with (output / "found.jsonl").open("w", encoding="utf-8") as target:
        for rank, path in enumerate(sorted(sample.glob("*.jsonl"))):
            clusters = output / "clusters" / f"{rank:06d}.clusters"
            cluster_of = dict(struct.iter_unpack("<2I", clusters.read_bytes())) if clusters.exists() else {}
            with path.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines):
                    if number in cluster_of:
                        found = {"id": json.loads(line)["id"], "cluster": cluster_of[number]}
                        target.write(json.dumps(found) + "\n")


def warm_up(sample: Path, folder: Path) -> None:
    few = folder / "sample"
    few.mkdir()
    for path in sample.glob("*.jsonl"):
        with path.open("rb") as lines, (few / path.name).open("wb") as target:
            target.writelines(islice(lines, WARM_UP))
    run(few, folder / "output")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sample", type=Path)
    parser.add_argument("output", type=Path)
    given = parser.parse_args()
    logger.disable("datatrove")
    with tempfile.TemporaryDirectory() as folder:
        warm_up(given.sample, Path(folder))
    shutil.rmtree(given.output, ignore_errors=True)
    found = run(given.sample, given.output)
    write_found(given.sample, given.output)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
