"""The same clusters, byte for byte, whatever the workers, the order of input and the kills.

Run: python benchmarks/same_clusters.py [--data ../shared/data] [--documents 150000] [--kills 12] [--seed 0] [--quick]

Input are generated documents (generated.py), laws of many versions, and web text in eleven languages. A run to dedup
with one worker is compared with: two workers; inputs and paths in reverse order; and runs whose whole process group is
killed (SIGKILL) at random moments of dedup and started again. All files of `clusters/` have to be there under the same
names with the same bytes. --quick has fewer documents and kills. The last line is one JSON object; the exit status says
whether all are the same.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import zstandard
from dedup_runs import write_recipe
from generated import generate
from peers import ROOT
from same_bytes import differences, finish, kill_after, tree

FILES = 5
QUICK = {"documents": 4_000, "kills": 4}


def write_input(data: Path, folder: Path, *, documents: int) -> dict[str, list[str]]:
    """Paths by input, relative to the folder."""
    generate(documents).write(folder / "generated", per_file=documents // FILES)
    unpacked = {
        "laws": data / "neardup" / "gesetze-versions" / "docs.jsonl.zst",
        "manual": data / "text" / "php-manual.jsonl.zst",
        "europe": data / "text" / "laws-eu.jsonl.zst",
    }
    for name, packed in unpacked.items():
        with packed.open("rb") as source, (folder / f"{name}.jsonl").open("wb") as target:
            zstandard.ZstdDecompressor().copy_stream(source, target)
    generated = sorted(str(path.relative_to(folder)) for path in (folder / "generated").iterdir())
    return {"generated": generated, "real": [f"{name}.jsonl" for name in unpacked]}


def killed(recipe: Path, measured: Path, expected: dict[str, str], *, kills: int, seconds: float) -> dict[str, int]:
    """Dedup killed again and again until it is done, over and over until there were so many kills.

    Args:
        measured: an output that is done up to dedup.
        seconds: what dedup takes.
    """
    output = measured.with_name("killed")
    wrong = rounds = done = 0
    while done < kills:
        shutil.rmtree(output, ignore_errors=True)
        shutil.copytree(measured, output)
        rounds += 1
        here = 0
        # Each start goes on where the last one was killed; a later moment each time, so that it ends.
        while kill_after(
            recipe,
            output,
            workers=1 + done % 2,
            seconds=random.uniform(seconds / 4, seconds * (1 + here / 8)),
            until="dedup",
        ):
            done, here = done + 1, here + 1
        wrong += differences(f"killed {here} times", expected, output / "clusters")
    return {"after_kills": wrong, "kills": done, "rounds": rounds}


def benchmark(given: argparse.Namespace, folder: Path) -> dict[str, int]:
    documents = QUICK["documents"] if given.quick else given.documents
    inputs = write_input(given.data.resolve(), folder, documents=documents)
    recipe = write_recipe(folder, "forwards", inputs=inputs)
    backwards = {name: paths[::-1] for name, paths in reversed(inputs.items())}
    other = write_recipe(folder, "backwards", inputs=backwards)
    other.write_text(other.read_text("utf-8").replace('name = "backwards"', 'name = "forwards"'), "utf-8")

    measured = folder / "measured"
    finish(recipe, measured, workers=2, until="decide")
    one = folder / "one"
    shutil.copytree(measured, one)
    seconds = finish(recipe, one, workers=1, until="dedup")
    expected = tree(one / "clusters")
    units = len(list((one / "receipts").glob("dedup_*/*.json")))
    print(f"one worker: {len(expected)} files, dedup in {seconds:.1f} s and {units} units")
    result = {"files": len(expected)}
    finish(recipe, folder / "two", workers=2, until="dedup")
    result["two_workers"] = differences("two workers", expected, folder / "two" / "clusters")
    finish(other, folder / "backwards", workers=1, until="dedup")
    result["reversed_inputs"] = differences(
        "inputs in reverse, one worker", expected, folder / "backwards" / "clusters"
    )
    kills = QUICK["kills"] if given.quick else given.kills
    return result | killed(recipe, measured, expected, kills=kills, seconds=seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--documents", type=int, default=150_000)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    random.seed(given.seed)
    with tempfile.TemporaryDirectory() as name:
        result = benchmark(given, Path(name))
    print(json.dumps({f"bar6_{name}": value for name, value in result.items()}))
    sys.exit(any(result[name] for name in ("two_workers", "reversed_inputs", "after_kills")))


if __name__ == "__main__":
    main()
