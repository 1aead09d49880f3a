"""Dedup: which kept documents are copies of each other, and which one of each cluster stays.

Four phases, each reading and writing files, so that no runner has to hold a shuffle in memory:

1. `dedup_keys`, one unit a part: the hashes a document can be found by, sorted (`keys`).
2. `dedup_plan`, one unit: the list of all files, written once rather than sent to every unit (`plan`).
3. `dedup_pairs`, one unit a range of hashes: documents that share a hash, compared by their signatures (`pairs`).
4. `dedup_clusters`, one unit: connected components and their survivors (`clusters`).
"""

from gristmill.pipelines.dedup.clusters import find_clusters
from gristmill.pipelines.dedup.keys import KEYS, keys_of_part
from gristmill.pipelines.dedup.pairs import PAIRS, pairs_of_range
from gristmill.pipelines.dedup.plan import PLAN, write_plan
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.pipelines.parts import Part, group
from gristmill.schemas import CLUSTERS, Recipe, key_of

VERSION = 1

KEYS_PER_RANGE = 1_000_000
"""Keys that one unit of the third phase sorts at once: 50 MB, and 460 bytes for each document that has a candidate."""


def stage(recipe: Recipe, *, parts: list[Part]) -> Stage:
    """Plan the phases over all parts of the corpus."""
    dedup = recipe.dedup
    if not (dedup.exact or dedup.fuzzy):
        return []
    bands = {"bands": dedup.bands, "rows": dedup.rows} if dedup.fuzzy else {"bands": 0, "rows": 0}
    keys = yield Phase(
        name="dedup_keys",
        stage="dedup",
        function=keys_of_part,
        version=VERSION,
        settings={"exact": dedup.exact, **bands},
        tables=(KEYS.name,),
        work=tuple(
            Work(descriptor={"part": part.checksums()}, local={"part": part.paths()}, size=part.signals.bytes)
            for part in parts
        ),
    )
    by_part = {tuple(each.descriptor["part"]): each.of(KEYS)[0] for each in keys}
    key_files = [by_part[tuple(part.checksums())] for part in parts]
    # Signatures too: pairs are compared by all of a signature, keys are made from the bands alone.
    determined_by = key_of(
        [[each.checksum, part.signals.checksum] for each, part in zip(key_files, parts, strict=True)]
    )
    plan = {
        "keys": [each.path for each in key_files],
        "signals": [part.signals.path for part in parts],
        "documents": [part.documents.path for part in parts],
        "parts": [part.key for part in parts],
        "groups": {name: [part.key for part in members] for name, members in group(parts).items()},
    }
    planned = yield Phase(
        name="dedup_plan",
        stage="dedup",
        function=write_plan,
        version=VERSION,
        tables=(PLAN,),
        work=(Work(descriptor={"plan": key_of(plan)}, local={"plan": plan}),),
    )
    local = {"plan": planned[0].files[0].path}
    total = sum(each.rows for each in key_files)
    ranges = max(1, -(-total // KEYS_PER_RANGE))
    pairs = yield Phase(
        name="dedup_pairs",
        stage="dedup",
        function=pairs_of_range,
        version=VERSION,
        settings=dedup.model_dump(include={"min_similarity"}),
        tables=(PAIRS.name,),
        work=tuple(
            Work(descriptor={"of": determined_by, "range": [number, ranges]}, local=local, size=16 * total // ranges)
            for number in range(ranges)
        ),
    )
    pair_files = [each.of(PAIRS)[0] for each in pairs]
    return (
        yield Phase(
            name="dedup_clusters",
            stage="dedup",
            function=find_clusters,
            version=VERSION,
            tables=(CLUSTERS.name,),
            work=(
                Work(
                    descriptor={
                        "pairs": key_of(sorted(each.checksum for each in pair_files)),
                        "parts": key_of([part.checksums() for part in parts]),
                    },
                    local={**local, "pairs": sorted(each.path for each in pair_files)},
                    size=sum(each.bytes for each in pair_files),
                ),
            ),
        )
    )
