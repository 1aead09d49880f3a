"""What sites say to robots, from all archives of the corpus: one robots.txt and one TDM file for each host.

Phase `site_rules`: one unit. It reads the table `site_files` of every archive and keeps, for each host and file, the
one of the latest date; of files of the same date the one whose text has the greatest hash. So the order in which
archives are read does not matter. Written is what is left of it for the agents that the recipe names, sorted by host.
Memory: some 300 bytes for each host with such a file.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Work
from gristmill.schemas import SITE_FILES, Recipe, Table, digest, key_of

if TYPE_CHECKING:
    from gristmill.filters.web.robots import Reserved, Shut

VERSION = 1
LIBRARIES = ("idna",)

SITE_RULES = Table(
    name="site_rules",
    row="what a host says to one agent, or of text and data mining",
    schema=pa.schema([pa.field("host", pa.string()), pa.field("agent", pa.string()), pa.field("rules", pa.string())]),
)

_ROWS = 1 << 12


class Said(NamedTuple):
    """What a host says: the rules of a robots.txt by agent, and those of its TDM file."""

    robots: Sequence[tuple[str, "Shut"]]
    tdm: "Reserved | None"

    def tags(self, url: str) -> list[str]:
        """What holds for one URL, as `filters.opt_outs` writes it."""
        found = [f"robots:{agent}" for agent, shuts_out in self.robots if shuts_out(url)]
        reserved = self.tdm(url) if self.tdm else None
        return found if reserved is None else [*found, "site:tdm" if reserved else "site:tdm:0"]


def phase(recipe: Recipe, *, documents: Sequence[Receipt]) -> Phase | None:
    """The unit that reads all site files; None where no archive holds one."""
    found = sorted((entry.checksum, entry.path) for receipt in documents for entry in receipt.of(SITE_FILES))
    if not found:
        return None
    return Phase(
        name="site_rules",
        stage="annotate",
        function=merge,
        version=VERSION,
        libraries=LIBRARIES,
        settings={"agents": sorted(set(recipe.web.agents))},
        tables=(SITE_RULES.name,),
        work=(
            Work(
                descriptor={"site_files": key_of([checksum for checksum, _ in found])},
                local={"paths": [path for _, path in found]},
                size=sum(entry.text_bytes for receipt in documents for entry in receipt.of(SITE_FILES)),
            ),
        ),
    )


def merge(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Keep of every host the latest of each file, and of that what concerns the agents."""
    latest: dict[tuple[str, str], tuple[str, str, list[tuple[str | None, str]]]] = {}
    for host, file, date, text in _site_files(unit, store):
        age, before = (date or "", digest(text.encode())), latest.get((host, file))
        if before is None or age > before[:2]:
            latest[host, file] = (*age, _rules(file, text, agents=settings["agents"]))
    output.count("site_files", len(latest))
    rows = [
        {"host": host, "agent": agent, "rules": rules}
        for host, file in sorted(latest)
        for agent, rules in latest[host, file][2]
    ]
    with output.table(SITE_RULES) as writer:
        for start in range(0, len(rows), _ROWS):
            writer.write(pa.RecordBatch.from_pylist(rows[start : start + _ROWS], schema=SITE_RULES.schema))


def _site_files(unit: Unit, store: Store) -> Iterator[tuple[str, str, str | None, str]]:
    from gristmill.filters.web.hosts import hosts_of  # noqa: PLC0415  (compiled kernels)

    for path in unit.local["paths"]:
        for batch in tables.batches(store, path):
            names = hosts_of(batch["uri"]).names
            for host, row in zip(names.to_pylist(), batch.to_pylist(), strict=True):
                if host:
                    yield host, row["file"], row["date"], row["text"]


def _rules(file: str, text: str, *, agents: Collection[str]) -> list[tuple[str | None, str]]:
    from gristmill.filters.web import robots  # noqa: PLC0415  (needs protego)

    if file == "robots.txt":
        return [(rules.agent, "\n".join(rules.lines)) for rules in robots.groups(text, agents)]
    locations = robots.tdm_locations(text)
    return [(None, json.dumps(locations))] if locations else []


def of_hosts(store: Store, entry: str, hosts: pa.Array) -> dict[str, Said]:
    """What some hosts say, of those that say anything. Cost: one pass over the names of all."""
    from gristmill.filters.web.robots import Location, Reserved, Shut  # noqa: PLC0415

    robots: dict[str, list[tuple[str, Shut]]] = {}
    parsed: dict[str, Shut] = {}
    tdm: dict[str, Reserved] = {}
    for batch in tables.batches(store, entry):
        wanted = batch.filter(pc.is_in(batch["host"], hosts))
        for host, agent, rules in zip(*(column.to_pylist() for column in wanted.columns), strict=True):
            if agent is None:
                tdm[host] = Reserved(Location(*each) for each in json.loads(rules))
            else:
                shut = parsed.get(rules) or parsed.setdefault(rules, Shut(rules.split("\n")))
                robots.setdefault(host, []).append((agent, shut))
    return {host: Said(robots.get(host, ()), tdm.get(host)) for host in robots.keys() | tdm.keys()}


def entry_of(receipts: Sequence[Receipt]) -> FileEntry | None:
    """The file that `merge` wrote; None where no site says anything to the agents."""
    ((entry,),) = (receipt.of(SITE_RULES) for receipt in receipts)
    return entry if entry.rows else None
