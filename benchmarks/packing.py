"""How full sequences are, and how fast they are packed, by size of shard and by length of documents.

Run: python benchmarks/packing.py [tokens]. Writes a table to stdout; one core, some ten seconds.
"""

import sys
import time

import numpy as np

from gristmill.pipelines.packing import Pieces, pack

SEQUENCE_LENGTH = 2048
SHARD_TOKENS = (1 << 17, 1 << 19, 1 << 20, 1 << 22, 1 << 24, 1 << 26)
MEDIANS = (100, 400, 1200)
SPREAD = 1.2  # of the logarithm of lengths: web text has about 1 to 1.3


def main(tokens: int) -> None:
    print("| median tokens | shard tokens | fill | pieces/s | tokens/s |")
    print("|---|---|---|---|---|")
    pack(np.array([1, 2]), sequence_length=SEQUENCE_LENGTH)  # compiles
    for median in MEDIANS:
        draw = np.random.default_rng(0).lognormal(np.log(median), SPREAD, 1 + tokens // median).astype(np.int64) + 1
        lengths = draw[np.cumsum(draw) <= tokens]
        total = int(lengths.sum())
        for shard_tokens in SHARD_TOKENS:
            cuts = np.flatnonzero(np.diff(np.cumsum(lengths) // shard_tokens)) + 1
            shards = [Pieces.of(each, sequence_length=SEQUENCE_LENGTH).length for each in np.split(lengths, cuts)]
            started = time.perf_counter()
            used = sum(int(pack(each, sequence_length=SEQUENCE_LENGTH).max()) + 1 for each in shards)
            took = time.perf_counter() - started
            pieces = sum(map(len, shards))
            print(
                f"| {median} | {shard_tokens:,} | {total / (used * SEQUENCE_LENGTH):.4%} "
                f"| {pieces / took:,.0f} | {total / took:,.0f} |"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 26)
