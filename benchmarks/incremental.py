"""A new crawl against earlier outputs: A and then B beside A + B at once, and what B costs by its size and by A's.

Run: python benchmarks/incremental.py [relation|cost] [--data ../shared/data] [--documents 100000] [--quick]
                                      [--workers 1]

relation: everything in text/, and laws of many versions, split into A and B by a hash of each line. Of B after A, just
those documents have to be kept that A + B at once keeps in clusters without any document of A, or that are in no
cluster. Each of B whose cluster in A + B has one of A has to name one that A kept as its survivor (else: unnamed), each
other that is dropped one of B (else: misnamed).

cost: generated documents (generated.py), a third of them in clusters that go across A and B. So many in B against as
many, twice and four times as many in A; and twice and four times as many in B against one A. Seconds are processor time
of dedup alone, by the median of three runs that find the rest done, and of everything from files to dedup; less what
the same runs take for 200 documents.

--quick is a small trial, too small for its ratios to mean much. The last line is one JSON object; the exit status says
whether the relation holds.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
from dedup_runs import RUNS, deduplicate, start_up, write_recipe
from generated import generate
from peers import ROOT, lines

QUICK_DOCUMENTS = 5_000
QUICK_SHARE = 8
"""One line in so many, in a quick run."""
EARLIER = "a-out"
MULTIPLES = (1, 2, 4)


def lines_of(data: Path) -> Iterator[tuple[str, bytes]]:
    """Name of the file and line, of all real text."""
    every = [*sorted((data / "text").glob("*.jsonl.zst")), data / "neardup" / "gesetze-versions" / "docs.jsonl.zst"]
    for path in every:
        for line in lines(path):
            yield path.name.removesuffix(".zst"), line


def split(data: Path, folder: Path, *, one_in: int) -> None:
    """Each line to A or to B, by its hash."""
    for number, (name, line) in enumerate(lines_of(data)):
        if number % one_in == 0:
            side = "ab"[hashlib.blake2b(line).digest()[0] % 2]
            (folder / side).mkdir(exist_ok=True)
            with (folder / side / name).open("ab") as target:
                target.write(line)


def relation(data: Path, folder: Path, *, workers: int, quick: bool) -> dict[str, float]:
    """Differences between B after A and A + B at once."""
    split(data, folder, one_in=QUICK_SHARE if quick else 1)
    a, b = {"a": ["a/*.jsonl"]}, {"b": ["b/*.jsonl"]}
    recipes = {
        EARLIER: write_recipe(folder, "a", inputs=a, url="url"),
        "b-out": write_recipe(folder, "b", inputs=b, url="url", dedup=f'previous = ["{EARLIER}"]'),
        "both-out": write_recipe(folder, "both", inputs={**a, **b}, url="url"),
    }
    for output, recipe in recipes.items():
        print(f"{output}: {deduplicate(recipe, folder / output, workers=workers).describe()}", flush=True)
    found = compare(folder)
    print(", ".join(f"{name} {value:,}" for name, value in found.items()))
    return {f"relation_{name}": value for name, value in found.items()}


def compare(folder: Path) -> dict[str, int]:
    """Counts of documents of B, and of what should not be."""
    connection = duckdb.connect()
    for name in ("a", "b", "both"):
        for table in ("documents", "clusters"):
            files = f"{folder}/{name}-out/{table}/*.parquet"
            connection.execute(f"CREATE VIEW {name}_{table} AS SELECT * FROM '{files}'")
    rows = connection.execute(
        """
        WITH with_a AS (SELECT DISTINCT cluster, true AS has_a FROM both_clusters JOIN a_documents USING (doc_id)),
        kept_of_a AS (
            SELECT doc_id AS survivor_id, true AS is_kept_of_a FROM a_documents LEFT JOIN a_clusters USING (doc_id)
            WHERE status = 'ok' AND coalesce(survivor_id, doc_id) = doc_id
        ),
        of_b AS (SELECT doc_id AS survivor_id, true AS is_of_b FROM b_documents),
        at_once AS (
            SELECT d.doc_id, coalesce(has_a, false) AS has_a,
                NOT coalesce(has_a, false) AND coalesce(survivor_id, doc_id) = doc_id AS expected
            FROM b_documents d LEFT JOIN both_clusters USING (doc_id) LEFT JOIN with_a USING (cluster)
            WHERE d.status = 'ok'
        ),
        later AS (
            SELECT d.doc_id, coalesce(survivor_id, doc_id) = doc_id AS kept, earlier,
                coalesce(is_kept_of_a, false) AS names_kept_of_a, coalesce(is_of_b, false) AS names_one_of_b
            FROM b_documents d LEFT JOIN b_clusters USING (doc_id) LEFT JOIN kept_of_a USING (survivor_id)
                LEFT JOIN of_b USING (survivor_id)
            WHERE d.status = 'ok'
        )
        SELECT count(*) AS documents,
            count(*) FILTER (kept) AS kept,
            count(*) FILTER (has_a) AS like_a,
            count(*) FILTER (kept AND NOT expected) AS wrongly_kept,
            count(*) FILTER (expected AND NOT kept) AS wrongly_dropped,
            count(*) FILTER (has_a AND (earlier IS DISTINCT FROM $earlier OR NOT names_kept_of_a)) AS unnamed,
            count(*) FILTER (NOT kept AND NOT has_a AND (earlier IS NOT NULL OR NOT names_one_of_b)) AS misnamed
        FROM at_once JOIN later USING (doc_id)
        """,
        {"earlier": EARLIER},
    )
    names = [column[0] for column in rows.description]
    (values,) = rows.fetchall()
    return dict(zip(names, values, strict=True))


@dataclass(frozen=True, kw_only=True)
class Seconds:
    """Processor seconds of a run, start-up taken off."""

    dedup: float
    whole: float


def cost(folder: Path, *, workers: int, documents: int) -> dict[str, float]:
    """Seconds for B, by its size and by A's."""
    paths = generate(2 * MULTIPLES[-1] * documents).write(folder / "in", per_file=documents)
    files = [f"in/{path.name}" for path in paths]
    a, b = files[: MULTIPLES[-1]], files[MULTIPLES[-1] :]
    fixed = start_up(folder / "start-up")
    print(f"start-up: {fixed.describe()}")

    def measure(name: str, paths: list[str], *, previous: str, runs: int) -> Seconds:
        recipe = write_recipe(folder, name, inputs={name[0]: paths}, dedup=previous)
        found = deduplicate(recipe, folder / f"{name}-out", workers=workers, runs=runs)
        dedup = found.dedup.processor - fixed.dedup.processor
        whole = found.whole.processor - fixed.whole.processor
        print(
            f"{name}: {len(paths) * documents:,} documents, dedup {dedup:.2f} s, all {whole:.2f} s (dedup's phases "
            f"{found.dedup_seconds:.1f} s wall, {found.dedup.peak_mb:.0f} MB)",
            flush=True,
        )
        return Seconds(dedup=dedup, whole=whole)

    def later(of_b: int, of_a: int) -> Seconds:
        return measure(f"b{of_b}-a{of_a}", b[:of_b], previous=f'previous = ["a{of_a}-out"]', runs=RUNS)

    for times in MULTIPLES:
        measure(f"a{times}", a[:times], previous="", runs=1)
    alone = measure("b1", b[:1], previous="", runs=RUNS)
    by_a = [later(1, times) for times in MULTIPLES]
    by_b = [by_a[0], *(later(times, 1) for times in MULTIPLES[1:])]
    print(f"B alone to B after A of the same size: dedup x{by_a[0].dedup / alone.dedup:.2f}")
    result: dict[str, float] = {"documents": documents}
    for what, found in (("a", by_a), ("b", by_b)):
        for times, seconds in zip(MULTIPLES[1:], found[1:], strict=True):
            dedup, whole = seconds.dedup / found[0].dedup, seconds.whole / found[0].whole
            print(f"{what.upper()} {times} times as large, the other the same: dedup x{dedup:.2f}, all x{whole:.2f}")
            result[f"dedup_{what}_times_{times}"] = round(dedup, 2)
            result[f"whole_{what}_times_{times}"] = round(whole, 2)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=["relation", "cost"])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    data, workers = given.data.resolve(), given.workers
    documents = QUICK_DOCUMENTS if given.quick else given.documents
    parts: dict[str, Callable[[Path], dict[str, float]]] = {
        "relation": lambda folder: relation(data, folder, workers=workers, quick=given.quick),
        "cost": lambda folder: cost(folder, workers=workers, documents=documents),
    }
    result: dict[str, float] = {}
    for name, part in parts.items():
        if given.part in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                result |= part(Path(folder))
    print(json.dumps({f"bar7_{name}": value for name, value in result.items()}))
    sys.exit(any(result.get(f"relation_{name}") for name in ("wrongly_kept", "wrongly_dropped", "unnamed", "misnamed")))


if __name__ == "__main__":
    main()
