"""The list of the files that dedup works on. Units name it by its path: sent along with each of them, it would grow
with the square of the corpus."""

import json
from dataclasses import dataclass

from gristmill.pipelines import files
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.schemas import canonical_json

PLAN = "dedup_plan"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Files by part number, the key of each part, and the parts of each group.

    A document is named by a node: its part's number * 2^32 + its row in the part's signals.
    """

    keys: list[str]
    signals: list[str]
    documents: list[str]
    parts: list[str]
    groups: dict[str, list[str]]


def write_plan(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the plan that the driver made."""
    del settings, store
    output.file(f"{PLAN}/plan.json", canonical_json(unit.local["plan"]))


def read_plan(unit: Unit, store: Store) -> Plan:
    """The plan that a unit names."""
    return Plan(**json.loads(files.read(store.path(unit.local["plan"]))))
