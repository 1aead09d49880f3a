"""Weigh: how much curated text there is of each language, domain and source. What sample and mixture are planned by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.schemas import CURATED

VERSION = 1
PHASE = "weigh"

_PARTITION = "language="


@dataclass(frozen=True, kw_only=True, order=True)
class Group:
    """Documents that the mixture treats alike."""

    language: str
    domain: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Weight:
    """What a group holds."""

    documents: int
    n_bytes: int


def language_of(entry: FileEntry) -> str:
    """The language that a curated file's Hive partition names."""
    for part in entry.path.split("/"):
        if part.startswith(_PARTITION):
            return part.removeprefix(_PARTITION)
    raise ValueError(f"{entry.path}: no language in the path of a curated file")


def stage(*, curated: Iterable[Receipt]) -> Stage:
    """One unit for each curated file. It writes nothing but its receipt's counts."""
    return (
        yield Phase(
            name=PHASE,
            stage="tokenizer",
            function=weigh_file,
            version=VERSION,
            tables=(),
            work=tuple(
                Work(
                    descriptor={"curated": entry.checksum, "language": language_of(entry)},
                    local={"curated": entry.path},
                    size=entry.text_bytes,
                )
                for receipt in curated
                for entry in receipt.of(CURATED)
            ),
        )
    )


def weigh_file(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Count documents and bytes of text by domain and source. Memory: one batch."""
    del settings
    for batch in tables.batches(store, unit.local["curated"], columns=["domain", "source", "text"]):
        sizes = pc.cast(pc.fill_null(pc.binary_length(batch["text"]), 0), pa.int64())
        table = pa.table({"domain": batch["domain"], "source": batch["source"], "bytes": sizes})
        totals = table.group_by(["domain", "source"]).aggregate([("bytes", "sum"), ("bytes", "count")])
        for row in totals.to_pylist():
            output.count(f"bytes:{row['domain']}:{row['source']}", row["bytes_sum"])
            output.count(f"documents:{row['domain']}:{row['source']}", row["bytes_count"])


def weights(receipts: Iterable[Receipt]) -> dict[Group, Weight]:
    """What all the curated files hold, by group in sorted order; receipts of other phases are passed over."""
    documents: dict[Group, int] = {}
    sizes: dict[Group, int] = {}
    for receipt in receipts:
        if receipt.phase != PHASE:
            continue
        for name, amount in receipt.counts.items():
            what, domain, source = name.split(":")
            group = Group(language=receipt.descriptor["language"], domain=domain, source=source)
            into = documents if what == "documents" else sizes
            into[group] = into.get(group, 0) + amount
    return {group: Weight(documents=documents[group], n_bytes=sizes[group]) for group in sorted(documents)}


def by_language(found: Mapping[Group, Weight]) -> dict[str, int]:
    """Bytes of text of each language."""
    sizes: dict[str, int] = {}
    for group, weight in found.items():
        sizes[group.language] = sizes.get(group.language, 0) + weight.n_bytes
    return sizes
