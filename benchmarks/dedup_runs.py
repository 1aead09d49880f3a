"""Runs of deduplication and nothing else, for benchmarks: recipes, what a run costs, and the clusters it found."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
from generated import generate
from whole import Measured, run

Ints = npt.NDArray[np.int64]

RUNS = 3
"""Runs of which the median counts, where small differences matter."""

_NOTHING_ELSE = """
[rules]
sets = []
[quality]
train = false
[personal]
email = "off"
phone = "off"
ip = "off"
iban = "off"
card = "off"
national_id = "off"
[passages]
policy = "off"
"""
"""Signals are measured, and no document is dropped but as a duplicate."""


@dataclass(frozen=True, kw_only=True)
class Deduplicated:
    """What a run cost: up to dedup, and dedup itself, which is a second run that finds the rest done."""

    before: Measured
    dedup: Measured
    phases: dict[str, float]
    """Wall seconds of each phase."""

    @property
    def whole(self) -> Measured:
        """Both runs. Start-up is in it twice."""
        return Measured(
            wall=self.before.wall + self.dedup.wall,
            processor=self.before.processor + self.dedup.processor,
            peak_mb=max(self.before.peak_mb, self.dedup.peak_mb),
        )

    @property
    def dedup_seconds(self) -> float:
        """Wall seconds of dedup's phases, without start-up."""
        return sum(seconds for name, seconds in self.phases.items() if name.startswith("dedup"))

    def describe(self) -> str:
        """One line."""
        return (
            f"to dedup {self.before.wall:.1f} s wall, {self.before.processor:.1f} s processor, "
            f"{self.before.peak_mb:.0f} MB; dedup {self.dedup.wall:.1f} s wall (phases {self.dedup_seconds:.1f} s), "
            f"{self.dedup.processor:.1f} s processor, {self.dedup.peak_mb:.0f} MB"
        )


def write_recipe(
    folder: Path, name: str, *, inputs: Mapping[str, Sequence[str]], url: str = "id", dedup: str = ""
) -> Path:
    """A recipe that deduplicates and does nothing else.

    Args:
        folder: where it is put; paths are relative to it.
        inputs: paths by the input's name.
        url: the field of a line that becomes the `uri` of its document.
        dedup: lines of its section.
    """
    text = f'name = "{name}"\n'
    for source, paths in inputs.items():
        text += f'[[inputs]]\nname = "{source}"\npaths = {json.dumps(list(paths))}\ncolumns = {{url = "{url}"}}\n'
    recipe = folder / f"{name}.toml"
    recipe.write_text(f"{text}{_NOTHING_ELSE}[dedup]\n{dedup}\n", encoding="utf-8")
    return recipe


def deduplicate(recipe: Path, output: Path, *, workers: int, runs: int = 1) -> Deduplicated:
    """Run the recipe to dedup, measured in two parts; dedup itself so many times, of which the median run counts."""
    before, phases = _run(recipe, output, until="decide", workers=workers)
    found = []
    for _ in range(runs):
        for receipts in (output / "receipts").glob("dedup_*"):
            shutil.rmtree(receipts)
        found.append(_run(recipe, output, until="dedup", workers=workers))
    dedup, of_dedup = sorted(found, key=lambda run: run[0].processor)[runs // 2]
    return Deduplicated(before=before, dedup=dedup, phases=phases | of_dedup)


def _run(recipe: Path, output: Path, *, until: str, workers: int) -> tuple[Measured, dict[str, float]]:
    """What a run cost, and the wall seconds of the phases that had anything to do."""
    log = output.with_name(f"{output.name}-{until}.log")
    try:
        with log.open("w", encoding="utf-8") as file:
            found = run(recipe, output, workers=workers, options=["--until", until, "--json"], log=file)
    except SystemExit:
        print(log.read_text("utf-8")[-3000:], file=sys.stderr)
        raise
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")]
    done = [event for event in events if event["event"] == "phase" and event["worked_on"]]
    return found, {event["phase"]: event["seconds"] for event in done}


def start_up(folder: Path) -> Deduplicated:
    """What a run costs that has next to nothing to do: measured after a first, in which kernels are compiled."""
    generate(200).write(folder / "in")
    recipe = write_recipe(folder, "few", inputs={"few": ["in/*.jsonl"]})
    deduplicate(recipe, folder / "first", workers=1)
    return deduplicate(recipe, folder / "second", workers=1, runs=RUNS)


def numbered_clusters(output: Path, *, documents: int) -> tuple[Ints, Ints]:
    """Cluster and survivor of each document, where `uri` is its number below `documents`: as numbers too.

    A document in no cluster is its own cluster and survivor.
    """
    cluster, survivor = np.arange(documents), np.arange(documents)
    if files := sorted(map(str, (output / "clusters").glob("*.parquet"))):
        rows = (
            duckdb.connect()
            .execute(
                f"""
                WITH numbers AS (SELECT doc_id, uri::BIGINT AS number FROM '{output}/documents/*.parquet')
                SELECT d.number AS document, c.number AS cluster, s.number AS survivor FROM read_parquet($files) f
                JOIN numbers d ON d.doc_id = f.doc_id
                JOIN numbers c ON c.doc_id = f.cluster
                JOIN numbers s ON s.doc_id = f.survivor_id
                """,
                {"files": files},
            )
            .fetchnumpy()
        )
        cluster[rows["document"]], survivor[rows["document"]] = rows["cluster"], rows["survivor"]
    return cluster, survivor
