"""Weigh: how much curated text there is of each language, domain and source. What sample and mixture are planned by.

Counted apart by how many documents each stands for, since the mixture may use those more often of which there were
copies. Sizes of clusters are rounded down to one digit, so that there are nine in a decade.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters.rules import lookup_keys
from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.schemas import CURATED

VERSION = 2
PHASE = "weigh"

_PARTITION = "language="


class Group(NamedTuple):
    """Documents that sample and mixture treat alike."""

    language: str
    domain: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Weight:
    """What a group holds.

    Attributes:
        n_bytes: of text.
        by_size: bytes of text by how many documents each stands for, rounded down to one digit; smallest first.
    """

    documents: int
    n_bytes: int
    by_size: tuple[tuple[int, int], ...]


def language_of(entry: FileEntry) -> str:
    """The language that a curated file's Hive partition names."""
    for part in entry.path.split("/"):
        if part.startswith(_PARTITION):
            return part.removeprefix(_PARTITION)
    raise ValueError(f"{entry.path}: no language in the path of a curated file")


def language_key(language: str, keys: Container[str]) -> str | None:
    """The most particular of a recipe's keys that means a language: deu_Latn, deu, Latn or default."""
    return next((key for key in lookup_keys(language) if key in keys), None)


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
    """Count documents and bytes of text by domain, source and size of cluster. Memory: one batch."""
    del settings
    names = ["domain", "source", "size"]
    for batch in tables.batches(store, unit.local["curated"], columns=["domain", "source", "cluster_size", "text"]):
        n_bytes = pc.cast(pc.fill_null(pc.binary_length(batch["text"]), 0), pa.int64())
        copies = pc.fill_null(batch["cluster_size"], 1).to_numpy(zero_copy_only=False).astype(np.int64)
        columns = [batch["domain"], batch["source"], pa.array(one_digit(copies)), n_bytes]
        groups = pa.table(columns, names=[*names, "bytes"]).group_by(names)
        for row in groups.aggregate([("bytes", "sum"), ("bytes", "count")]).to_pylist():
            group = ":".join(str(row[name]) for name in names)
            output.count(f"bytes:{group}", row["bytes_sum"])
            output.count(f"documents:{group}", row["bytes_count"])


def one_digit(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Positive numbers rounded down to one significant digit: 1, 9, 10, 20, 300."""
    decades = 10 ** np.arange(19)
    decade = decades[np.searchsorted(decades, sizes, side="right") - 1]
    return sizes // decade * decade


def weights(receipts: Iterable[Receipt]) -> dict[Group, Weight]:
    """What all the curated files hold, by group in sorted order; receipts of other phases are passed over."""
    documents: dict[Group, int] = {}
    sizes: dict[Group, dict[int, int]] = {}
    for receipt in receipts:
        if receipt.phase != PHASE:
            continue
        for name, amount in receipt.counts.items():
            what, domain, source, size = name.split(":")
            group = Group(language=receipt.descriptor["language"], domain=domain, source=source)
            if what == "documents":
                documents[group] = documents.get(group, 0) + amount
            else:
                here = sizes.setdefault(group, {})
                here[int(size)] = here.get(int(size), 0) + amount
    return {
        group: Weight(
            documents=documents[group],
            n_bytes=sum(sizes[group].values()),
            by_size=tuple(sorted(sizes[group].items())),
        )
        for group in sorted(documents)
    }
