"""Dedup: which kept documents are copies of each other, and which one of each cluster stays.

Every phase reads and writes files, sorted by what the next one asks for (`exchange`): no runner has to hold a shuffle
in memory, and no phase reaches for documents all over the corpus. In order:

1. `dedup_plan`: a number for each document, those of earlier runs behind all others (`corpus`, `earlier`).
2. `dedup_captures`, `dedup_superseded`, `dedup_old`: pages of which there is a newer capture (`urls`).
3. `dedup_keys`: the hashes a document can be found by (`keys`).
4. `dedup_candidates`: documents that share a hash; equal texts are linked at once (`candidates`).
5. `dedup_beside`, `dedup_verify`: the others compared; pairs that are alike enough become edges (`compare`).
6. `dedup_components`: connected components of all edges (`components`, `forest`).
7. `dedup_members`, `dedup_survivors`: the best document of each (`members`, `survivors`).
8. `dedup_clusters`: the table of clusters, a file for each group of parts (`clusters`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gristmill.pipelines import annotate, exchange
from gristmill.pipelines.checkpoints import JSON, FileEntry, Receipt, Store
from gristmill.pipelines.dedup import components
from gristmill.pipelines.dedup.candidates import COPIES, KEYS_PER_RANGE, PAIRS, candidates_of_range
from gristmill.pipelines.dedup.clusters import clusters_of_group
from gristmill.pipelines.dedup.compare import BY_SIGNATURE, EDGES, compare, put_beside
from gristmill.pipelines.dedup.components import COMPONENTS
from gristmill.pipelines.dedup.corpus import PLAN, corpus_of, plan_of, write_plan
from gristmill.pipelines.dedup.earlier import earlier_runs
from gristmill.pipelines.dedup.keys import KEYS, keys_of_group
from gristmill.pipelines.dedup.members import FATES, MEMBERS, MEMBERS_PER_RANGE, members_of_slice
from gristmill.pipelines.dedup.phase import VERSION, phase
from gristmill.pipelines.dedup.survivors import survivors_of_range
from gristmill.pipelines.dedup.urls import (
    CAPTURES,
    CAPTURES_PER_RANGE,
    OLD,
    SUPERSEDED,
    captures_of_group,
    old_of_group,
    superseded_of_range,
)
from gristmill.pipelines.engine import Stage, Work
from gristmill.pipelines.parts import Part, group
from gristmill.schemas import CLUSTERS, QUALITY, Recipe, Table, key_of

_READ = ("documents", "signals", "verdicts")
_BYTES_OF_KEYS = 512
"""What is read of a document for its keys, about."""


def stage(recipe: Recipe, *, folder: str, parts: Sequence[Part], in_memory: int = components.IN_MEMORY) -> Stage:
    """Plan the phases over all parts of the corpus.

    Args:
        folder: the recipe's folder, where the paths of earlier runs start.
        in_memory: edges up to which components are made in memory.
    """
    dedup = recipe.dedup
    if not (dedup.urls or dedup.exact or dedup.fuzzy):
        return []
    frame = _Frame.of_parts(recipe, parts, earlier=earlier_runs(recipe, folder=folder, made_with=made_with(recipe)))
    plan = frame.plan
    work = [Work(descriptor={"plan": key_of(plan)}, local={"plan": plan})]
    yield phase("dedup_plan", write_plan, tables=[PLAN], work=work)
    superseded = (yield from _superseded(frame)) if dedup.urls else []
    alike = (yield from _alike(frame, recipe, superseded)) if dedup.exact or dedup.fuzzy else []
    edges = [entry for table in (EDGES, COPIES, SUPERSEDED) for entry in _files(table, superseded, alike)]
    found = yield from components.stage(
        edges=sum(entry.rows for entry in edges), of=frame.key(edges), slices=frame.slices, in_memory=in_memory
    )
    return (yield from _clusters(frame, _files(COMPONENTS, found), edges))


def check(recipe: Recipe, folder: str) -> None:
    """See that earlier runs that the recipe names can be compared with.

    Raises:
        RecipeError: one cannot; the message names it and what to change.
    """
    earlier_runs(recipe, folder=folder, made_with=made_with(recipe))


def made_with(recipe: Recipe) -> JSON:
    """What keys depend on besides the text."""
    bands, rows = _bands(recipe)
    return {"bands": bands, "rows": rows, "code": [annotate.VERSION, VERSION]}


def _bands(recipe: Recipe) -> tuple[int, int]:
    dedup = recipe.dedup
    if not dedup.fuzzy:
        return 0, 0
    if dedup.threshold is None:
        return dedup.bands, dedup.rows
    from gristmill.filters.minhash import choose_bands  # noqa: PLC0415  (slow to import, and seldom asked for)

    return choose_bands(dedup.threshold)


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """What the phases have in common: the documents, by groups and slices.

    Attributes:
        of: names the documents, how they are numbered, and what earlier runs left.
        quality: the files of quality scores, where there are any.
        rows: documents of this run.
        slices: ranges of nodes.
    """

    groups: Mapping[str, Sequence[Part]]
    plan: JSON
    of: str
    quality: Sequence[FileEntry]
    rows: int
    slices: int

    @classmethod
    def of_parts(cls, recipe: Recipe, parts: Sequence[Part], *, earlier: Sequence[JSON]) -> "_Frame":
        plan = plan_of(parts, earlier=earlier, made_with=made_with(recipe))
        measured = [[part.documents.checksum, part.signals.checksum] for part in parts]
        return cls(
            groups=group(parts),
            plan=plan,
            of=key_of([measured, [each["key"] for each in earlier]]),
            quality=[part.measures[QUALITY.name] for part in parts if QUALITY.name in part.measures],
            rows=sum(part.signals.rows for part in parts),
            slices=len(corpus_of(plan, Store("")).slices()),
        )

    def key(self, files: Sequence[FileEntry]) -> str:
        """Names the documents and what is known of them from some files."""
        return key_of([self.of, sorted(entry.checksum for entry in files)])

    def by_group(self, old: Mapping[str, FileEntry]) -> list[Work]:
        """A unit for each group, that reads its documents."""
        return [
            Work(
                descriptor={
                    "parts": [part.checksums() for part in members],
                    "old": old[name].checksum if name in old else None,
                },
                local={
                    "name": name,
                    "parts": [dict(zip(_READ, part.paths(), strict=True)) for part in members],
                    "old": old[name].path if name in old else None,
                },
                size=sum(part.signals.rows for part in members) * _BYTES_OF_KEYS,
            )
            for name, members in self.groups.items()
        ]

    def shares(self, name: str, number: int, *, of: Sequence[FileEntry]) -> list[Work]:
        """A unit for each share of the rows of some files: a range, slice or group."""
        key, size = self.key(of), sum(entry.text_bytes for entry in of)
        return [Work(descriptor={"of": key, name: each}, size=size // number) for each in range(number)]


def _files(table: Table, *receipts: Sequence[Receipt]) -> list[FileEntry]:
    return [entry for some in receipts for receipt in some for entry in receipt.of(table)]


def _rows(files: Sequence[FileEntry]) -> int:
    return sum(entry.rows for entry in files)


def _superseded(frame: _Frame) -> Stage:
    """Phases that find documents of which there is a newer capture."""
    ranges = {"ranges": exchange.ranges_for(frame.rows, rows_per_range=CAPTURES_PER_RANGE)}
    done = yield phase(
        "dedup_captures",
        captures_of_group,
        tables=[CAPTURES.name],
        settings=ranges,
        libraries=("idna", "publicsuffixlist"),
        work=frame.by_group({}),
    )
    captures = _files(CAPTURES, done)
    if not _rows(captures):
        return []
    return (
        yield phase(
            "dedup_superseded",
            superseded_of_range,
            tables=[SUPERSEDED.name],
            settings=ranges,
            work=frame.shares("range", ranges["ranges"], of=captures),
        )
    )


def _alike(frame: _Frame, recipe: Recipe, superseded: Sequence[Receipt]) -> Stage:
    """Phases that find documents with the same text, or nearly so; returns the receipts of all edges."""
    old = _files(SUPERSEDED, superseded)
    if _rows(old):
        done = yield phase(
            "dedup_old", old_of_group, tables=[OLD.name], work=frame.shares("group", len(frame.groups), of=old)
        )
    by_name = {_name(entry): entry for entry in _files(OLD, done)} if _rows(old) else {}
    bands, rows = _bands(recipe)
    ranges = exchange.ranges_for(frame.rows * (bands + 1), rows_per_range=KEYS_PER_RANGE)
    settings = {"bands": bands, "rows": rows, "ranges": ranges}
    done = yield phase("dedup_keys", keys_of_group, tables=[KEYS.name], settings=settings, work=frame.by_group(by_name))
    copies = yield phase(
        "dedup_candidates",
        candidates_of_range,
        tables=[PAIRS.name, COPIES.name],
        settings={"ranges": ranges},
        work=frame.shares("range", ranges, of=_files(KEYS, done)),
    )
    if not recipe.dedup.fuzzy:
        return copies
    exact = {"exact": recipe.dedup.similarity == "exact"}
    beside = yield phase(
        "dedup_beside",
        put_beside,
        tables=[BY_SIGNATURE.name],
        settings=exact,
        work=frame.shares("slice", frame.slices, of=_files(PAIRS, copies)),
    )
    edges = yield phase(
        "dedup_verify",
        compare,
        tables=[EDGES.name],
        settings={"min_similarity": recipe.dedup.min_similarity, **exact},
        work=frame.shares("slice", frame.slices, of=_files(BY_SIGNATURE, beside)),
    )
    return [*copies, *edges]


def _clusters(frame: _Frame, found: Sequence[FileEntry], edges: Sequence[FileEntry]) -> Stage:
    """Phases that choose survivors and write the table of clusters."""
    ranges = {"ranges": exchange.ranges_for(_rows(found), rows_per_range=MEMBERS_PER_RANGE)}
    done = yield phase(
        "dedup_members",
        members_of_slice,
        tables=[MEMBERS.name],
        settings=ranges,
        work=frame.shares("slice", frame.slices, of=[*found, *edges, *frame.quality]),
    )
    done = yield phase(
        "dedup_survivors",
        survivors_of_range,
        tables=[FATES.name],
        settings=ranges,
        work=frame.shares("range", ranges["ranges"], of=_files(MEMBERS, done)),
    )
    return (
        yield phase(
            "dedup_clusters",
            clusters_of_group,
            tables=[CLUSTERS.name],
            work=frame.shares("group", len(frame.groups), of=_files(FATES, done)),
        )
    )


def _name(entry: FileEntry) -> str:
    return entry.path.rsplit("/", 1)[-1].removesuffix(".parquet")
