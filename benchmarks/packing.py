"""How full sequences are, how fast they are packed, and that nothing is lost: on the data folder's text, and by size.

Run: python benchmarks/packing.py [--data ../shared/data] [--tokens N]

text: the whole phase `pack` on real text, by processor time, and the kernel alone. Documents that fit must be whole,
and every document's tokens the same before and after: their number, and the hash of the multiset.
cuts: what it would cost to cut long documents at the end of a line where one is near.
sizes: generated lengths, by tokens of a shard; best fit beside first fit.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from shards_of_text import Shards
from whole import ROOT

from gristmill.filters._jit import jit
from gristmill.pipelines.packing import Pieces, pack
from gristmill.schemas import mix

IntArray = npt.NDArray[np.int64]

SEQUENCE_LENGTH = 2048
SHARD_TOKENS = (1 << 17, 1 << 19, 1 << 20, 1 << 22, 1 << 24, 1 << 26)
MEDIANS = (100, 400, 1200)
SPREAD = 1.2  # of the logarithm of lengths: web text has about 1 to 1.3
WINDOWS = (0, 32, 64, 128, 256)


def text(shards: Shards) -> dict[str, float]:
    """What is packed, and how fast: the first part above."""
    tokens = pq.read_table(shards.folder / "tokens", columns=["doc_id", "tokens"])
    rows = pq.read_table(shards.folder / "shards" / "data", partitioning=None)
    before = _sums(tokens["doc_id"].to_pylist(), _lists(tokens["tokens"]))
    after = _sums(*_pieces(rows))
    lengths = np.array([count for count, _ in before.values()])
    pieces = np.array(rows["doc_ids"].combine_chunks().flatten().to_pylist())
    names, counts = np.unique(pieces, return_counts=True)
    split = sum(
        1 for name, count in zip(names, counts, strict=True) if count > 1 and before[name][0] <= SEQUENCE_LENGTH
    )
    total, slots = int(lengths.sum()), len(rows) * SEQUENCE_LENGTH
    seconds = min(shards.again("pack") for _ in range(3))
    cut = Pieces.of(lengths, sequence_length=SEQUENCE_LENGTH).length
    kernel = _seconds(lambda: pack(cut, sequence_length=SEQUENCE_LENGTH))
    print(
        f"{len(before):,} documents, {total:,} tokens, {int((lengths > SEQUENCE_LENGTH).sum()):,} longer than a "
        f"sequence; {len(rows):,} sequences, {total / slots:.4%} of slots filled, {slots - total:,} free\n"
        f"documents that fit and were split: {split}; documents whose tokens differ: "
        f"{sum(before[name] != after.get(name) for name in before) + len(after.keys() - before.keys())}\n"
        f"phase pack: {seconds:.2f} s processor time, {total / seconds / 1e6:.1f} M tokens/s; "
        f"kernel alone: {kernel * 1e3:.1f} ms, {len(cut) / kernel / 1e6:.1f} M pieces/s, {total / kernel / 1e6:,.0f} "
        f"M tokens/s"
    )
    return {
        "bar2_filled": round(total / slots, 6),
        "bar2_split_though_they_fit": split,
        "bar2_documents_that_differ": sum(before[name] != after.get(name) for name in before),
        "bar2_million_tokens_per_second": round(total / seconds / 1e6, 1),
    }


def _lists(column: Any) -> list[npt.NDArray[Any]]:
    found: list[npt.NDArray[Any]] = []
    for chunk in column.chunks:
        values = chunk.values.to_numpy()
        found += [values[start:end] for start, end in pairwise(chunk.offsets.to_numpy())]
    return found


def _pieces(rows: Any) -> tuple[list[str], list[npt.NDArray[Any]]]:
    """Every piece of a document in the shards, with its name."""
    names: list[str] = []
    tokens: list[npt.NDArray[Any]] = []
    for chunk, lengths, ids in zip(rows["tokens"].chunks, rows["doc_lens"].chunks, rows["doc_ids"].chunks, strict=True):
        table = chunk.flatten().to_numpy().reshape(len(chunk), -1)
        for row, sizes, who in zip(table, lengths.to_pylist(), ids.to_pylist(), strict=True):
            ends = np.cumsum(sizes)
            tokens += [row[end - size : end] for size, end in zip(sizes, ends, strict=True)]
            names += who
    return names, tokens


def _sums(names: list[str], tokens: list[npt.NDArray[Any]]) -> dict[str, tuple[int, int]]:
    """Of each document the number of its tokens, and a hash of them that their order does not change."""
    found: dict[str, tuple[int, int]] = {}
    for name, each in zip(names, tokens, strict=True):
        count, total = found.get(name, (0, 0))
        here = int(mix(each.astype(np.uint64) + np.uint64(1)).sum(dtype=np.uint64))
        found[name] = (count + len(each), (total + here) % (1 << 64))
    return found


def cuts(shards: Shards) -> None:
    """What it would cost to cut long documents behind the last line break of a window before the full length."""
    breaks = _line_breaks(shards)
    tokens = _lists(pq.read_table(shards.folder / "tokens", columns=["tokens"])["tokens"])
    print("| cut within the last | cuts at a line's end | filled, all | filled, long documents only |")
    print("|---|---|---|---|")
    for window in WINDOWS:
        found = [list(_cut(each, breaks, window)) for each in tokens]
        inner = [size for sizes in found for size in sizes[:-1]]
        at_line = sum(size < SEQUENCE_LENGTH for size in inner)
        long = [sizes for sizes in found if len(sizes) > 1]
        print(f"| {window} | {at_line / len(inner):.0%} | {_fill(found):.3%} | {_fill(long):.3%} |")


def _line_breaks(shards: Shards) -> IntArray:
    """Ids of tokens that end with a line break."""
    from gristmill.tokenizer import Encoder  # noqa: PLC0415

    encoder = Encoder.load(shards.tokenizer.read_bytes())
    ends = [number for number in range(encoder.vocabulary_size) if encoder.decode([number]).endswith("\n")]
    return np.array(ends, np.int64)


def _cut(tokens: npt.NDArray[Any], breaks: IntArray, window: int) -> Iterator[int]:
    start = 0
    while len(tokens) - start > SEQUENCE_LENGTH:
        end = start + SEQUENCE_LENGTH
        lines = np.flatnonzero(np.isin(tokens[end - window : end], breaks))
        size = SEQUENCE_LENGTH - window + int(lines[-1]) + 1 if len(lines) else SEQUENCE_LENGTH
        yield size
        start += size
    yield len(tokens) - start


def _fill(sizes: list[list[int]]) -> float:
    flat = np.array([size for each in sizes for size in each], np.int64)
    return float(flat.sum() / ((pack(flat, sequence_length=SEQUENCE_LENGTH).max() + 1) * SEQUENCE_LENGTH))


def sizes(tokens: int) -> None:
    """Generated lengths: fill and speed by size of shard, best fit beside first fit."""
    print("| median tokens | shard tokens | best fit | M pieces/s | M tokens/s | first fit | M pieces/s |")
    print("|---|---|---|---|---|---|---|")
    for median in MEDIANS:
        draw = np.random.default_rng(0).lognormal(np.log(median), SPREAD, 1 + tokens // median).astype(np.int64) + 1
        lengths = draw[np.cumsum(draw) <= tokens]
        for shard_tokens in SHARD_TOKENS:
            places = np.flatnonzero(np.diff(np.cumsum(lengths) // shard_tokens)) + 1
            parts = [Pieces.of(each, sequence_length=SEQUENCE_LENGTH).length for each in np.split(lengths, places)]
            pieces, total = sum(map(len, parts)), int(lengths.sum())
            row = [f"{median} | {shard_tokens:,}"]
            for fit in (_best, first_fit):
                used = sum(int(fit(each).max()) + 1 for each in parts)
                took = _seconds(lambda fit=fit, parts=parts: [fit(each) for each in parts])
                row.append(f"{total / (used * SEQUENCE_LENGTH):.4%} | {pieces / took / 1e6:.1f}")
                if fit is _best:
                    row.append(f"{total / took / 1e6:,.0f}")
            print(f"| {' | '.join(row)} |")


def _best(lengths: IntArray) -> IntArray:
    return pack(lengths, sequence_length=SEQUENCE_LENGTH)


def first_fit(lengths: IntArray) -> IntArray:
    """First-fit decreasing: the longest piece first, each into the first sequence that has room."""
    found: IntArray = _first_fit(lengths, np.argsort(-lengths, kind="stable"), SEQUENCE_LENGTH)
    return found


@jit
def _first_fit(lengths: Any, longest_first: Any, sequence_length: int) -> Any:
    leaves = 1
    while leaves < len(lengths):
        leaves *= 2
    room = np.full(2 * leaves, sequence_length, np.int64)  # a tree: of each node the most that any leaf below has
    sequence = np.empty(len(lengths), np.int64)
    for place in longest_first:
        node = 1
        while node < leaves:
            node *= 2
            if room[node] < lengths[place]:
                node += 1
        sequence[place] = node - leaves
        room[node] -= lengths[place]
        while node > 1:
            node //= 2
            room[node] = max(room[2 * node], room[2 * node + 1])
    return sequence


def _seconds(work: Callable[[], object]) -> float:
    """The least processor time of three runs, after one that compiles."""
    work()
    found = []
    for _ in range(3):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--tokens", type=int, default=1 << 26, help="of the generated lengths")
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    with tempfile.TemporaryDirectory() as name:
        shards = Shards.make(Path(name), given.data)
        result = text(shards)
        cuts(shards)
    sizes(given.tokens)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
