"""The whole pipeline beside datatrove's: JSON lines to tokens on the same files, one worker each.

Run: python benchmarks/peers.py [--data ../shared/data] [--megabytes 12] [--peer-python PATH] [--peer-folder FOLDER]

Without --peer-python, datatrove is installed into a virtual environment of its own, in FOLDER or a temporary folder:
several GB and minutes. Each side runs once untimed on little text, then three times, or once if that took a minute.
Rates are per processor second of all of a side's processes, start-up and imports included, which weigh most on small
inputs. The last line is one JSON object.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

import duckdb
import zstandard

Result = TypeVar("Result")

ROOT = Path(__file__).parents[1]
PEER = "datatrove[processing,io,multilingual]==0.10.1"
RUNS = 3
LONG = 60.0
"""Seconds above which one run has to do."""
WARM_UP_MEGABYTES = 0.3

STEPS = """
Both:       JSON lines; Gopher repetition and quality, FineWeb; MinHash 14 x 8 over all languages; tokens.
Gristmill:  also language identification, encoding repair, C4 and its own rules, the rules' limits for each language,
            all signals of dropped documents too, exact duplicates, estimated similarity before clustering, the training
            of its tokenizer, packed sequences of 2,048, the curated text, ledger, report and resumable checkpoints.
            Counts characters, not words, where a script has no spaces: no dictionary.
Gristmill*: the same with a tokenizer brought along, as the peer's is.
datatrove:  splits words with spaCy, by dictionary in Chinese (jieba) and Japanese (Sudachi). Is told the languages: its
            identification needs a model from a hub. Drops a document at the first rule that fails and computes nothing
            more for it. English limits, but no stop words elsewhere, and one character a word in Chinese and Japanese.
            Its BPE is trained beforehand, which is not counted.
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Wall and processor seconds of one command with all its processes."""

    wall: float
    processor: float


def measure(command: list[str | Path]) -> tuple[Measured, str]:
    """Run it; its standard output comes along."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run([str(each) for each in command], check=False, capture_output=True, text=True, env=environment)
    wall = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{command[1]} failed:\n{done.stderr[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(wall=wall, processor=processor), done.stdout


def sample(data: Path, target: Path, megabytes: float) -> float:
    """Lines taken evenly from every file, about so many MB, into one file per language; returns the MB taken."""
    files = sorted((data / "text").glob("*.jsonl.zst"))
    share = min(1.0, megabytes * 1e6 / sum(len(line) for path in files for line in lines(path)))
    target.mkdir()
    taken = 0
    for path in files:
        for number, line in enumerate(lines(path)):
            if int((number + 1) * share) > int(number * share):
                with (target / f"{json.loads(line)['lang']}.jsonl").open("ab") as out:
                    taken += out.write(line)
    return taken / 1e6


def lines(packed: Path) -> io.BufferedReader:
    return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(packed.open("rb"), closefd=True))


def gristmill(folder: Path, text: Path, *, model: Path | None = None) -> tuple[Measured, Path]:
    """`gristmill run` with the default recipe, or one that names a tokenizer."""
    output = Path(tempfile.mkdtemp(dir=folder)) / "out"
    recipe = output.parent / "recipe.toml"
    tokenizer = f"[tokenizer]\nmodel = {json.dumps(str(model))}\n" if model else ""
    recipe.write_text(f'[[inputs]]\nname = "text"\npaths = [{json.dumps(str(text / "*.jsonl"))}]\n{tokenizer}')
    run: list[str | Path] = [sys.executable, "-m", "gristmill.cli", "run", recipe, "--output", output, "--workers", "1"]
    return measure(run)[0], output


def datatrove(folder: Path, text: Path, python: Path, tokenizer: Path) -> tuple[Measured, str]:
    output = Path(tempfile.mkdtemp(dir=folder)) / "out"
    script = Path(__file__).with_name("datatrove_pipeline.py")
    found, printed = measure([python, script, "run", text, tokenizer, output])
    return found, printed.strip().splitlines()[-1]


def several(work: Callable[[], tuple[Measured, Result]]) -> tuple[Measured, Result]:
    """Medians of RUNS runs, or one long one; and the first one's result."""
    first, result = work()
    found = [first]
    while len(found) < RUNS and first.wall < LONG:
        found.append(work()[0])
    medians = Measured(wall=median(each.wall for each in found), processor=median(each.processor for each in found))
    return medians, result


def install(folder: Path) -> Path:
    """A virtual environment with datatrove; its Python."""
    python = folder / "peer" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "peer"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", PEER], check=True, stderr=subprocess.DEVNULL)
    return python


def outcome(output: Path) -> str:
    """What became of the documents, from the ledger."""
    query = f"SELECT disposition, count(*) FROM '{output}/ledger/*.parquet' GROUP BY 1 ORDER BY 2 DESC"
    return json.dumps(dict(duckdb.connect().execute(query).fetchall()))


def compare(data: Path, folder: Path, *, megabytes: float, python: Path) -> dict[str, float]:
    """Both sides on the same text, after a short run of each that does not count."""
    little, text, tokenizer = folder / "little", folder / "text", folder / "tokenizer.json"
    sample(data, little, WARM_UP_MEGABYTES)
    taken = sample(data, text, megabytes)
    measure([python, Path(__file__).with_name("datatrove_pipeline.py"), "train", text, tokenizer])
    gristmill(folder, little)
    datatrove(folder, little, python, tokenizer)
    print(f"{taken:.1f} MB of JSON lines in {len(list(text.iterdir()))} languages\n{STEPS}")
    ours, output = several(lambda: gristmill(folder, text))
    model = next((output / "tokenizer").rglob("*.model"))
    brought, _ = several(lambda: gristmill(folder, text, model=model))
    theirs, printed = several(lambda: datatrove(folder, text, python, tokenizer))
    print(f"Gristmill: {outcome(output)}\ndatatrove: {printed}")
    sides = {"Gristmill": ours, "Gristmill*": brought, "datatrove": theirs}
    rates = {name: show(name, found, taken) for name, found in sides.items()}
    for name in ("Gristmill", "Gristmill*"):
        print(f"{name} / datatrove, per processor second: {rates[name] / rates['datatrove']:.1f}")
    return {
        "gristmill_mb_s_core": round(rates["Gristmill"], 3),
        "datatrove_mb_s_core": round(rates["datatrove"], 3),
        "ratio": round(rates["Gristmill"] / rates["datatrove"], 2),
    }


def show(name: str, found: Measured, megabytes: float) -> float:
    """One side's line; returns MB per processor second."""
    rate = megabytes / found.processor
    print(
        f"{name:<11} {found.wall:6.1f} s wall, {found.processor:6.1f} s processor: "
        f"{rate:.3f} MB/s per core, {megabytes / found.wall:.3f} MB/s by wall",
        flush=True,
    )
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--megabytes", type=float, default=12)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--peer-folder", type=Path)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    with tempfile.TemporaryDirectory() as name:
        python = given.peer_python or install(given.peer_folder or Path(name))
        result = compare(given.data.resolve(), Path(name), megabytes=given.megabytes, python=python.absolute())
    print(json.dumps(result))


if __name__ == "__main__":
    main()
