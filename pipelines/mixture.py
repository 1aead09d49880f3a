"""The mixture: the copies of documents that the shards hold, by the rates of `mixture_plan`, and a table of them.

A document of rate r is there floor(r) times, and once more if a hash of its id says so, with chance r - floor(r). Who
is in at rate r is also in at any higher rate.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Work
from gristmill.pipelines.mixture_plan import Plan, sizes, weight_of
from gristmill.pipelines.weigh import Group, Weight
from gristmill.schemas import MIXTURE
from gristmill.schemas.recipe import Mixture
from gristmill.tokenizer.quotas import Doubles

VERSION = 2
PHASE = "mixture"

REMOVED = "removed_"
"""Begins the names of counts of what was taken out after a unit was done: see `removal`."""


def by_language(plans: Mapping[Group, Plan], mixture: Mixture) -> dict[str, JSON]:
    """What a unit that works on one language has to know of the plans, for `document_rates`."""
    rates: dict[str, dict[str, list[float]]] = {}
    for group, each in plans.items():
        rates.setdefault(group.language, {})[f"{group.domain}:{group.source}"] = list(each.rates)
    return {language: {"sizes": list(sizes(mixture)), "rates": here} for language, here in rates.items()}


def is_used(rates: JSON) -> bool:
    """Whether any document of the language is."""
    return any(rate > 0 for each in rates["rates"].values() for rate in each)


def document_rates(batch: pa.RecordBatch, rates: JSON) -> Doubles:
    """Rate of each document.

    Args:
        batch: with columns domain, source and cluster_size.
        rates: of the batch's language, as `by_language` gives them.
    """
    copies = pc.fill_null(batch["cluster_size"], 1).to_numpy(zero_copy_only=False)
    step = np.searchsorted(rates["sizes"], copies, side="right") - 1
    groups = pc.binary_join_element_wise(batch["domain"], batch["source"], ":").dictionary_encode()
    table = np.array([rates["rates"][name] for name in groups.dictionary.to_pylist()], np.float64)
    found: Doubles = table.reshape(-1, len(rates["sizes"]))[groups.indices.to_numpy(), step]
    return found


def copies(doc_ids: list[str], rate: Doubles, *, seed: int) -> npt.NDArray[np.int64]:
    """Number of copies of each document."""
    whole = np.floor(rate)
    chance = np.array([xxhash.xxh3_64_intdigest(f"copies:{each}".encode(), seed=seed) for each in doc_ids], np.uint64)
    return (whole + (chance.astype(np.float64) / 2.0**64 < rate - whole)).astype(np.int64)


def order_of(doc_id: str, copy: int, *, seed: int) -> int:
    """Place of a copy in the shuffle: 64 bits."""
    return xxhash.xxh3_64_intdigest(f"order:{copy}:{doc_id}".encode(), seed=seed)


def count(
    output: Output,
    documents: pa.Table,
    *,
    tokens: npt.NDArray[np.int64],
    n_bytes: npt.NDArray[np.int64],
) -> None:
    """Count what a unit gives to the mixture, in all and by group, for `phase`.

    Args:
        documents: domain and source of each copy.
        tokens: of each copy.
        n_bytes: of text of each copy.
    """
    columns = [documents["domain"], documents["source"], pa.array(tokens), pa.array(n_bytes)]
    table = pa.table(columns, names=["domain", "source", "tokens", "bytes"])
    sums = table.group_by(["domain", "source"]).aggregate([("tokens", "sum"), ("bytes", "sum"), ("bytes", "count")])
    for name in ("documents", "tokens", "bytes"):
        output.count(name, 0)
    for row in sums.to_pylist():
        group = f"{row['domain']}:{row['source']}"
        for name, column in (("documents", "bytes_count"), ("tokens", "tokens_sum"), ("bytes", "bytes_sum")):
            output.count(name, row[column])
            output.count(f"{name}:{group}", row[column])


def phase(
    mixture: Mixture, *, weights: Mapping[Group, Weight], plans: Mapping[Group, Plan], encoded: Iterable[Receipt]
) -> Phase:
    """The table of what was asked, what is allowed and what came out.

    Args:
        encoded: receipts of units that called `count`.
    """
    planned = [
        {
            **group._asdict(),
            "documents": weight.documents,
            "bytes": weight.n_bytes,
            "weight": weight_of(group, mixture),
            "asked": plans[group].asked,
            "share": plans[group].share,
            "rate": plans[group].rate,
        }
        for group, weight in weights.items()
    ]
    return Phase(
        name=PHASE,
        stage="pack",
        function=write_table,
        version=VERSION,
        tables=(MIXTURE.name,),
        work=(Work(descriptor={"rows": mixed(planned, encoded)}),),
    )


def mixed(rows: Iterable[JSON], encoded: Iterable[Receipt]) -> list[dict[str, Any]]:
    """Rows of the table with what came out of their groups, by receipts of units that called `count`."""
    came_out = _came_out(encoded)
    found = []
    for row in rows:
        group = Group(language=row["language"], domain=row["domain"], source=row["source"])
        amounts = {f"mixed_{name}": came_out.get((group, name), 0) for name in ("documents", "bytes", "tokens")}
        found.append({**row, **amounts})
    return found


def _came_out(encoded: Iterable[Receipt]) -> dict[tuple[Group, str], int]:
    """Documents, bytes and tokens of each group in the shards."""
    found: dict[tuple[Group, str], int] = {}
    for receipt in encoded:
        for name in receipt.counts:
            what, *place = name.split(":")
            if place and not what.startswith(REMOVED):
                domain, source = place
                group = Group(language=receipt.descriptor["language"], domain=domain, source=source)
                found[group, what] = found.get((group, what), 0) + left(receipt, name)
    return found


def left(receipt: Receipt, name: str) -> int:
    """A count of a unit that called `count`, less what was removed since."""
    return receipt.counts[name] - receipt.counts.get(f"{REMOVED}{name}", 0)


def write_table(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the rows, which the unit's descriptor holds."""
    del settings, store
    with output.table(MIXTURE) as writer:
        writer.write(pa.RecordBatch.from_pylist(unit.descriptor["rows"], schema=MIXTURE.schema))
