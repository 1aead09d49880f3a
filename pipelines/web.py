"""Web: where documents come from. URL -> host and site, blocklists that name them, reservations, stated licence.

Three phases: `blocklists` and `site_rules` prepare what is the same for all documents, and `web` writes a table beside
the signals, one unit for each piece. It reads no text, so it is cheap; every run has it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.pipelines import blocklist_files, blocklists, site_rules
from gristmill.pipelines.aligned import rows, work
from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Stage
from gristmill.pipelines.parts import Piece
from gristmill.schemas import WEB, Recipe, RecipeError, nearest

if TYPE_CHECKING:
    from gristmill.filters.web.hosts import Hosts

VERSION = 1
LIBRARIES = ("idna", "protego", "publicsuffixlist")

_COLUMNS = ("doc_id", "uri", "canonical", "opt_outs", "page_licence")

Int64s = npt.NDArray[np.int64]


def check(recipe: Recipe, folder: str) -> None:
    """See that every blocklist can be read, and that a page can state every licence that the recipe names.

    Raises:
        RecipeError: one is not so; the message names the field and what to change.
    """
    from gristmill.filters.web import licences  # noqa: PLC0415

    for place, licence in enumerate(recipe.web.licences or ()):
        if not licences.is_name(licence):
            hint = nearest(licences.of_statement(licence) or licence, licences.names())
            raise RecipeError(f"web.licences[{place}]: {licence!r} is no name of a licence that pages state{hint}")
    blocklist_files.check(recipe, folder=folder)


def stage(recipe: Recipe, *, folder: str, pieces: Sequence[Piece], documents: Sequence[Receipt]) -> Stage:
    """One unit for each piece, after the lists and site files have been read. `documents` are ingest's receipts."""
    web = recipe.web
    lists = (yield blocklists.phase(recipe, folder=folder)) if web.blocklists else []
    by_name = sorted((receipt.descriptor["name"], blocklists.entry_of(receipt)) for receipt in lists)
    merging = site_rules.phase(recipe, documents=documents)
    said = site_rules.entry_of((yield merging)) if merging else None
    determined_by = {
        "blocklists": [[name, entry.checksum] for name, entry in by_name],
        "site_rules": said and said.checksum,
    }
    local = {
        "blocklists": [[entry.path, entry.checksum] for _, entry in by_name],
        "site_rules": said and said.path,
    }
    return (
        yield Phase(
            name="web",
            stage="annotate",
            function=measure_web,
            version=VERSION,
            libraries=LIBRARIES,
            settings={
                "agents": sorted({agent.lower() for agent in web.agents}),
                "directives": sorted(set(web.directives)),
            },
            tables=(WEB.name,),
            work=tuple(
                replace(each, descriptor={**each.descriptor, **determined_by}, local={**each.local, **local})
                for each in work(pieces, signals=False)
            ),
        )
    )


def measure_web(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Say of every document where it comes from. Memory: a batch of URLs, and what its hosts say to robots."""
    loaded = blocklists.load(store.root, tuple((path, checksum) for path, checksum in unit.local["blocklists"]))
    lists, said = _Lists(loaded), _said(unit, store)
    with output.table(WEB) as writer:
        for batch in rows(store, unit, documents=_COLUMNS):
            writer.write(_measured(batch, lists, said, settings))
            output.count("documents", batch.num_rows)


def _said(unit: Unit, store: Store) -> dict[str, site_rules.Said]:
    """What the unit's hosts say to robots."""
    from gristmill.filters.web.hosts import hosts_of  # noqa: PLC0415  (compiled kernels: only workers need them)

    if unit.local["site_rules"] is None:
        return {}
    found = [hosts_of(batch["uri"]).names.unique() for batch in rows(store, unit, documents=["uri"])]
    hosts = pa.chunked_array([pa.array([], pa.string()), *found]).unique()
    return site_rules.of_hosts(store, unit.local["site_rules"], hosts)


class _Lists:
    """All lists of the recipe: which of their names stand for a URL."""

    def __init__(self, lists: Sequence[blocklists.Loaded]) -> None:
        self._names = sorted({name for each in lists for name in each.names})
        number = {name: place for place, name in enumerate(self._names)}
        self._lists = [(each.index, np.array([number[name] for name in each.names])) for each in lists]

    def hits(self, columns: Sequence["Hosts"], *, n: int) -> pa.ListArray:
        """The names that stand for any of the URLs of each of n rows, sorted."""
        from gristmill.filters.web.blocklist import look_up  # noqa: PLC0415

        pairs: list[Int64s] = [np.empty(0, np.int64)]
        for hosts in columns:
            for index, numbers in self._lists:
                found = look_up(index, hosts)
                pairs.append(found.rows << 32 | numbers[found.categories])
        every = np.unique(np.concatenate(pairs))
        offsets = np.searchsorted(every >> 32, np.arange(n + 1)).astype(np.int32)
        names = pa.array(self._names, pa.string()).take(pa.array(every & 0xFFFFFFFF))
        return pa.ListArray.from_arrays(pa.array(offsets), names)


def _measured(
    batch: pa.RecordBatch, lists: _Lists, said: Mapping[str, site_rules.Said], settings: JSON
) -> pa.RecordBatch:
    from gristmill.filters.web.hosts import hosts_of  # noqa: PLC0415
    from gristmill.filters.web.opt_outs import against_training  # noqa: PLC0415
    from gristmill.filters.web.sites import sites_of  # noqa: PLC0415

    hosts = hosts_of(batch["uri"])
    columns = [hosts] if batch["canonical"].null_count == len(batch) else [hosts, hosts_of(batch["canonical"])]
    hits = lists.hits(columns, n=batch.num_rows)
    tags = list(_tags(batch, hosts.names, said))
    count = [
        len(against_training(each, directives=settings["directives"], agents=settings["agents"])) if each else 0
        for each in tags
    ]
    return pa.record_batch(
        {
            "doc_id": batch["doc_id"],
            "blocklists": hits.value_lengths(),
            "opt_outs": pa.array(count, pa.int32()),
            "host": hosts.names,
            "site": sites_of(hosts.names),
            "blocklists_hit": hits,
            "opt_outs_found": pa.array(tags, pa.list_(pa.string())),
            "page_licence": batch["page_licence"],
        },
        schema=WEB.schema,
    )


def _tags(batch: pa.RecordBatch, hosts: pa.Array, said: Mapping[str, site_rules.Said]) -> Iterator[list[str]]:
    """The tags of each document: its own, and its site's."""
    own = batch["opt_outs"].to_pylist()
    if not said:
        yield from (each or [] for each in own)
        return
    for tags, host, url in zip(own, hosts.to_pylist(), batch["uri"].to_pylist(), strict=True):
        site = said.get(host)
        yield (tags or []) + (site.tags(url) if site else [])
