"""The same bytes everywhere: outputs compared file by file after runs that differ in everything but the recipe.

Run: python benchmarks/same_bytes.py [--kills 10] [--recipe sample_data/recipe.toml]

A run with one worker is compared with: two workers; input files listed in reverse; in one process and in several; and a
run whose whole process group is killed (SIGKILL) at random moments and started again each time.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPARED = (".parquet", ".model", ".vocab", "manifest.json")


def command(recipe: Path, output: Path, *, workers: int) -> list[str]:
    return [sys.executable, "-m", "gristmill.cli", "run", str(recipe), "-o", str(output), "--workers", str(workers)]


def finish(recipe: Path, output: Path, *, workers: int) -> float:
    started = time.perf_counter()
    subprocess.run(command(recipe, output, workers=workers), check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def kill_after(recipe: Path, output: Path, *, workers: int, seconds: float) -> bool:
    """Start a run, kill its process group; whether it was still alive then."""
    process = subprocess.Popen(
        command(recipe, output, workers=workers),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def tree(output: Path) -> dict[str, str]:
    """Checksum of every file that has to be the same."""
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name.endswith(COMPARED)
    }


def reversed_recipe(recipe: Path) -> Path:
    """The recipe with its inputs in reverse order, and so with all files in another order."""
    head, *inputs = recipe.read_text("utf-8").split("[[inputs]]")
    last, _, rest = inputs[-1].partition("\n[")
    inputs[-1] = last + "\n"
    text = head + "".join(f"[[inputs]]{each}" for each in reversed(inputs)) + (f"[{rest}" if rest else "")
    other = recipe.with_name(f"reversed-{os.getpid()}.toml")
    other.write_text(text, "utf-8")
    return other


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", type=Path, default=ROOT / "sample_data" / "recipe.toml")
    given = parser.parse_args()
    random.seed(given.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = finish(given.recipe, folder / "one", workers=1)
        expected = tree(folder / "one")
        print(f"one worker, one process: {len(expected)} files in {seconds:.1f} s")
        result: dict[str, float] = {"files": len(expected)}

        result["two_workers"] = differences(expected, given.recipe, folder / "two", workers=2)
        other = reversed_recipe(given.recipe)
        try:
            result["reversed_inputs"] = differences(expected, other, folder / "reversed", workers=1)
        finally:
            other.unlink()
        killed = 0
        while killed < given.kills:
            workers = 1 + killed % 2
            killed += kill_after(
                given.recipe, folder / "killed", workers=workers, seconds=random.uniform(0.5, seconds / 2)
            )
            print(f"kill {killed}: {len(tree(folder / 'killed'))} files stand", flush=True)
            if (folder / "killed" / "report.html").exists():
                subprocess.run(["rm", "-rf", str(folder / "killed")], check=True)
        result["after_kills"] = differences(expected, given.recipe, folder / "killed", workers=2)
        result["kills"] = killed
    print(json.dumps({f"bar3_{name}": value for name, value in result.items()}))
    sys.exit(any(result[name] for name in ("two_workers", "reversed_inputs", "after_kills")))


def differences(expected: dict[str, str], recipe: Path, output: Path, *, workers: int) -> int:
    """Files that differ, are missing or are too many after a finished run."""
    finish(recipe, output, workers=workers)
    found = tree(output)
    wrong = sorted(path for path in {*expected, *found} if expected.get(path) != found.get(path))
    print(f"{output.name}: {len(wrong)} of {len(expected)} files differ {wrong[:5] if wrong else ''}", flush=True)
    return len(wrong)


if __name__ == "__main__":
    main()
