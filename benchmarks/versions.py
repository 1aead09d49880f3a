"""Versions of German laws: are those that are nearly alike found, and only those? Beside datatrove's four stages.

Run: python benchmarks/versions.py [--data ../shared/data] [--quick] [--workers 2] [--peer-python PATH]
                                   [--peer-folder FOLDER]

1,422 texts, two or more versions of each law, and of 744 pairs of versions the true Jaccard similarity: by sets of runs
of five words in lower case. It is computed here again, for every two of all texts.

Recall: pairs of .85 or more that are in one cluster; of the 744, and of all. Precision: pairs in one cluster whose true
similarity is less than .6. Gristmill estimates the similarity of candidates, or computes it (`similarity = "exact"`);
datatrove takes what shares a bucket as it is. All have 14 bands of 8 rows. --quick takes a third of the laws. Without
--peer-python datatrove is installed first, see peers.py. The last line is one JSON object.
"""

import argparse
import itertools
import json
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
from dedup_runs import deduplicate, write_recipe
from peers import ROOT, install, lines, measure
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

WORDS = re.compile(r"\w+")
ALIKE, WEAK = 0.85, 0.6
QUICK = 3
"""One law in so many, in a quick run."""

Pair = tuple[str, str]
Matrix = npt.NDArray[np.float64]


def read(folder: Path, *, one_in: int) -> tuple[dict[str, str], list[Pair]]:
    """Texts by id, and the pairs of versions whose similarity was published. Versions of a law stay together."""
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines(folder / "docs.jsonl.zst")]
    laws = sorted({row["law"] for row in rows})[::one_in]
    chosen = set(laws)
    texts = {row["id"]: row["text"] for row in rows if row["law"] in chosen}
    pairs = [line.split("\t")[:2] for line in (folder / "pairs.tsv").read_text("utf-8").splitlines()]
    return texts, [(one, other) for one, other in pairs if one in texts and other in texts]


def similarities(texts: dict[str, str]) -> Matrix:
    """The Jaccard similarity of every two texts, in their order."""
    number_of: dict[tuple[str, ...], int] = {}
    rows, columns = [], []
    for row, text in enumerate(texts.values()):
        words = WORDS.findall(text.lower())
        shingles = set(zip(*(words[k:] for k in range(5)), strict=False))
        columns += [number_of.setdefault(shingle, len(number_of)) for shingle in shingles]
        rows += [row] * len(shingles)
    has = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(texts), len(number_of)))
    common: Matrix = (has @ has.T).toarray()
    size = common.diagonal()
    return common / np.maximum(size[:, None] + size[None, :] - common, 1)


def judge(what: str, cluster_of: dict[str, object], pairs: list[Pair], similarity: Matrix, ids: list[str]) -> Any:
    """Recall and precision of clusters, given by document; documents of none are left out."""
    place = {name: row for row, name in enumerate(ids)}
    published = [(one, other) for one, other in pairs if similarity[place[one], place[other]] >= ALIKE]
    found = sum(_together(cluster_of, one, other) for one, other in published)
    alike = [(ids[i], ids[j]) for i, j in np.argwhere(np.triu(similarity, 1) >= ALIKE)]
    found_of_all = sum(_together(cluster_of, one, other) for one, other in alike)
    members = defaultdict(list)
    for name, cluster in cluster_of.items():
        members[cluster].append(place[name])
    within = [similarity[i, j] for group in members.values() for i, j in itertools.combinations(group, 2)]
    weak = int(sum(value < WEAK for value in within))
    share = weak / max(len(within), 1)
    print(
        f"{what:<20} {found} of {len(published)} pairs at {ALIKE} or more together ({found / len(published):.4f}), of "
        f"all texts {found_of_all} of {len(alike)} ({found_of_all / len(alike):.4f}); {len(members)} clusters, "
        f"{weak} of {len(within)} pairs in them below {WEAK} ({share:.4f}), least {min(within, default=1):.3f}",
        flush=True,
    )
    return {
        "recall": round(found / len(published), 4),
        "recall_of_all": round(found_of_all / len(alike), 4),
        "weak_share": round(share, 5),
    }


def _together(cluster_of: dict[str, object], one: str, other: str) -> bool:
    return one in cluster_of and cluster_of[one] == cluster_of.get(other)


def gristmill(folder: Path, similarity: str, *, workers: int) -> dict[str, object]:
    """Cluster of each document that is in one."""
    options = f'similarity = "{similarity}"\nurls = false'
    recipe = write_recipe(folder, similarity, inputs={"laws": ["sample/*.jsonl"]}, dedup=options)
    output = folder / f"{similarity}-out"
    print(f"{similarity}: {deduplicate(recipe, output, workers=workers).describe()}")
    query = (
        f"SELECT uri, cluster FROM '{output}/documents/*.parquet' JOIN '{output}/clusters/*.parquet' USING (doc_id) "
        "ORDER BY ALL"
    )
    return dict(duckdb.connect().execute(query).fetchall())


def datatrove(folder: Path, python: Path) -> dict[str, object]:
    script = Path(__file__).with_name("datatrove_minhash.py")
    _, printed = measure([python, script, folder / "sample", folder / "peer-out"])
    print(f"datatrove, processor seconds: {printed.splitlines()[-1]}")
    found = (folder / "peer-out" / "found.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row["cluster"] for row in map(json.loads, found)}


def benchmark(given: argparse.Namespace, folder: Path) -> dict[str, float]:
    python = given.peer_python or install(given.peer_folder or folder)
    source = given.data.resolve() / "neardup" / "gesetze-versions"
    texts, pairs = read(source, one_in=QUICK if given.quick else 1)
    similarity = similarities(texts)
    print(f"{len(texts)} texts, {sum(map(len, texts.values())) / 1e6:.1f} M characters, {len(pairs)} pairs of versions")
    (folder / "sample").mkdir()
    rows = (json.dumps({"id": name, "text": text}, ensure_ascii=False) for name, text in texts.items())
    (folder / "sample" / "deu.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = {
        "": gristmill(folder, "estimated", workers=given.workers),
        "exact_": gristmill(folder, "exact", workers=given.workers),
        "peer_": datatrove(folder, python.absolute()),
    }
    names = {"": "Gristmill, estimated", "exact_": "Gristmill, exact", "peer_": "datatrove"}
    result: dict[str, float] = {}
    for key, clusters in found.items():
        judged = judge(names[key], clusters, pairs, similarity, list(texts))
        result |= {f"bar2_{key}{name}": value for name, value in judged.items()}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--peer-folder", type=Path)
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"no data at {given.data}; see --data")
    with tempfile.TemporaryDirectory() as name:
        result = benchmark(given, Path(name))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
