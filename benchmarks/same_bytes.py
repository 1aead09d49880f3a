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
COMPARED = (".parquet", ".model", "tokenizer.json", "manifest.json")


def command(recipe: Path, output: Path, *, workers: int, until: str | None = None) -> list[str]:
    arguments = ["run", recipe, "-o", output, "--workers", workers, *(["--until", until] if until else [])]
    return [sys.executable, "-m", "gristmill.cli", *map(str, arguments)]


def finish(recipe: Path, output: Path, *, workers: int, until: str | None = None) -> float:
    """Wall seconds of a run."""
    started = time.perf_counter()
    words = command(recipe, output, workers=workers, until=until)
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"the run failed: {words}\n{done.stderr[-3000:]}")
    return time.perf_counter() - started


def kill_after(recipe: Path, output: Path, *, workers: int, seconds: float, until: str | None = None) -> bool:
    """Start a run, kill its process group; whether it was still alive then."""
    silent = subprocess.DEVNULL
    words = command(recipe, output, workers=workers, until=until)
    process = subprocess.Popen(words, stdout=silent, stderr=silent, start_new_session=True)
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


def differences(what: str, expected: dict[str, str], output: Path) -> int:
    """Files of a finished run that differ, are missing or are too many."""
    found = tree(output)
    wrong = sorted(path for path in {*expected, *found} if expected.get(path) != found.get(path))
    print(f"{what}: {len(wrong)} of {len(expected)} files differ {wrong[:5] if wrong else ''}", flush=True)
    return len(wrong)


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

        finish(given.recipe, folder / "two", workers=2)
        result["two_workers"] = differences("two workers", expected, folder / "two")
        other = reversed_recipe(given.recipe)
        try:
            finish(other, folder / "reversed", workers=1)
        finally:
            other.unlink()
        result["reversed_inputs"] = differences("inputs in reverse", expected, folder / "reversed")
        killed = 0
        while killed < given.kills:
            workers = 1 + killed % 2
            killed += kill_after(
                given.recipe, folder / "killed", workers=workers, seconds=random.uniform(0.5, seconds / 2)
            )
            print(f"kill {killed}: {len(tree(folder / 'killed'))} files stand", flush=True)
            if (folder / "killed" / "report.html").exists():
                subprocess.run(["rm", "-rf", str(folder / "killed")], check=True)
        finish(given.recipe, folder / "killed", workers=2)
        result["after_kills"] = differences(f"killed {killed} times", expected, folder / "killed")
        result["kills"] = killed
    print(json.dumps({f"bar3_{name}": value for name, value in result.items()}))
    sys.exit(any(result[name] for name in ("two_workers", "reversed_inputs", "after_kills")))


if __name__ == "__main__":
    main()
