"""The whole pipeline, from files to shards: throughput per core, and that every record is in the ledger.

Run: python benchmarks/whole.py [throughput|records] [--data ../shared/data] [--workers N]

throughput: JSONL text in MB/s, WARC in pages/s, whole runs with start-up and reports, by processor time and by wall.
records: everything in warc/ and text/, counted independently by warcio and by lines, file by file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb
import zstandard
from warcio.archiveiterator import ArchiveIterator

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One whole run: wall and processor seconds of all its processes, and the largest process's peak memory."""

    wall: float
    processor: float
    peak_mb: float


def run(
    recipe: Path, output: Path, *, workers: int, options: Sequence[str] = (), log: IO[str] | None = None
) -> Measured:
    """`gristmill run` in a session of its own, whose processes are watched: some are not ours to wait for. `log` gets
    what it reports as it goes on.
    """
    command = [sys.executable, "-m", "gristmill.cli", "run", recipe, "--output", output, "--workers", workers, *options]
    started = time.perf_counter()
    words = [str(each) for each in command]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True)
    peak, used = 0.0, {process.pid: 0.0}
    while process.poll() is None:
        for pid, seconds, megabytes in _session(process.pid):
            peak, used[pid] = max(peak, megabytes), seconds
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"the run failed: {command}")
    return Measured(wall=time.perf_counter() - started, processor=sum(used.values()), peak_mb=peak)


def _session(leader: int) -> Iterator[tuple[int, float, float]]:
    """Process id, processor seconds so far and peak resident megabytes of each process of a session (Linux)."""
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                status = (folder / "status").read_text()
                peak = int(status.partition("VmHWM:")[2].split()[0]) / 1024
                yield int(folder.name), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak
        except (OSError, ValueError, IndexError):  # no process, or one that has just ended
            continue


def write_recipe(folder: Path, name: str, *paths: Path) -> Path:
    """A recipe with all defaults."""
    recipe = folder / f"{name}.toml"
    listed = ", ".join(json.dumps(str(path)) for path in paths)
    recipe.write_text(f'name = "{name}"\n[[inputs]]\nname = "{name}"\npaths = [{listed}]\n')
    return recipe


def throughput(data: Path, folder: Path, *, workers: int) -> dict[str, float]:
    """At least 3 MB/s of JSONL text and 120 WARC pages/s, per core, to shards."""
    jsonl = folder / "jsonl"
    jsonl.mkdir()
    for packed in sorted((data / "text").glob("*.jsonl.zst")):
        with packed.open("rb") as source, (jsonl / packed.stem).open("wb") as target:
            zstandard.ZstdDecompressor().copy_stream(source, target)
    bytes_in = sum(each.stat().st_size for each in jsonl.iterdir())
    found = run(write_recipe(folder, "text", jsonl / "*.jsonl"), folder / "text-out", workers=workers)
    text_rate, text_wall = bytes_in / 1e6 / found.processor, bytes_in / 1e6 / found.wall
    print(
        f"JSONL: {bytes_in / 1e6:.1f} MB in {found.wall:.1f} s wall, {found.processor:.1f} s processor: "
        f"{text_rate:.2f} MB/s per core (wall: {text_wall:.2f} MB/s with {workers} workers)"
    )
    archive = data / "warc" / "lohelp-sw4.warc.gz"
    pages = sum(record.rec_type == "response" for record in _archive(archive))
    found = run(write_recipe(folder, "pages", archive), folder / "pages-out", workers=workers)
    print(
        f"WARC:  {pages} pages in {found.wall:.1f} s wall, {found.processor:.1f} s processor: "
        f"{pages / found.processor:.0f} pages/s per core (wall: {pages / found.wall:.0f} with {workers} workers)"
    )
    return {
        "bar6_jsonl_mb_s_core": round(text_rate, 2),
        "bar6_warc_pages_s_core": round(pages / found.processor, 1),
        "jsonl_wall_mb_s": round(text_wall, 2),
    }


def records(data: Path, folder: Path, *, workers: int) -> dict[str, float]:
    """Bar 2: the ledger has a row for every record of every file."""
    recipe = write_recipe(folder, "everything", data / "warc" / "**", data / "text" / "**")
    output = folder / "everything-out"
    run(recipe, output, workers=workers)
    connection = duckdb.connect()
    counted = connection.execute(
        "SELECT path, count(*), count(*) FILTER (status = 'unreadable'), "
        "any_value(d.rule) FILTER (status = 'unreadable') "
        f"FROM '{output}/documents/*.parquet' d JOIN '{output}/ledger/*.parquet' USING (doc_id) GROUP BY 1"
    ).fetchall()
    ours = {Path(folder, path).resolve(): row for path, *row in counted}
    agree = differ = 0
    every = sorted(each for name in ("warc", "text") for each in (data / name).rglob("*") if each.is_file())
    for path in every:
        rows, unreadable, why = ours.get(path.resolve(), (0, 0, None))
        try:
            expected = _count(path)
        except Exception as error:
            print(f"  {path.relative_to(data)}: {rows} rows; the independent reader fails: {str(error)[:80]}")
            continue
        if expected == rows:
            agree += 1
        else:
            differ += 1
            print(f"  {path.relative_to(data)}: {rows} rows, {expected} expected; unreadable: {unreadable} ({why})")
    print(f"{len(every)} files, {sum(row[0] for row in ours.values())} records: {agree} files agree, {differ} differ")
    return {"bar2_files": len(every), "bar2_files_agree": agree, "bar2_files_differ": differ}


def _count(path: Path) -> int:
    if path.name.endswith(".jsonl.zst"):
        with path.open("rb") as source:
            return sum(1 for line in zstandard.ZstdDecompressor().stream_reader(source).read().splitlines() if line)
    if ".warc" in path.name or ".arc" in path.name:
        return sum(1 for _ in _archive(path))
    return 1


def _archive(path: Path) -> Iterator[ArchiveIterator]:
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream, arc2warc=True):
            record.raw_stream.read()
            yield record


def main() -> None:
    parts: dict[str, Callable[..., dict[str, float]]] = {"throughput": throughput, "records": records}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=parts)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    result: dict[str, float] = {}
    for name, part in parts.items():
        if given.part in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                result |= part(given.data.resolve(), Path(folder), workers=given.workers)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
