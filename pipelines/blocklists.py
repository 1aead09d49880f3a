"""Blocklists, read once and mapped by every worker.

Phase `blocklists`: one unit for each list. It writes an Arrow file with the hashes of the list's entries, sorted, and
the numbers of their categories, whose names stand in the schema. A worker maps that file: it is in memory once, however
many workers there are.
"""

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gristmill.pipelines import blocklist_files, files
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Work
from gristmill.schemas import Recipe
from gristmill.schemas.recipe import is_remote
from gristmill.schemas.recipe_measures import Blocklist

if TYPE_CHECKING:
    from gristmill.filters.web.blocklist import Entries, Index

VERSION = 1
LIBRARIES = ("idna",)
TABLE = "blocklists"


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A list ready to look URLs up in.

    Attributes:
        names: by number of category: `ut1:adult`, or the list's name where it has no categories. Not all differ.
        index: its entries.
    """

    names: tuple[str, ...]
    index: "Index"


def phase(recipe: Recipe, *, folder: str) -> Phase:
    """One unit for each list of the recipe.

    Raises:
        ValueError: a list is not there.
    """
    return Phase(
        name="blocklists",
        stage="annotate",
        function=read_list,
        version=VERSION,
        libraries=LIBRARIES,
        tables=(TABLE,),
        work=tuple(_work(given, folder=folder) for given in recipe.web.blocklists),
    )


def _work(given: Blocklist, *, folder: str) -> Work:
    found = blocklist_files.find(given, folder=folder)
    wanted = [each for each in found if _wanted(each.category, given.categories) or each.category is None]
    return Work(
        descriptor={
            "name": given.name,
            "categories": given.categories and sorted(given.categories),
            "files": [[each.category, files.fingerprint(each.location)] for each in wanted],
        },
        local={"files": [[each.location, files.stamp(each.location)] for each in wanted]},
        size=sum(files.size(each.location) for each in wanted),
    )


def _wanted(category: str | None, categories: Sequence[str] | None) -> bool:
    return categories is None or category in categories


def read_list(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Read a list's files and write what is looked up later.

    Raises:
        ValueError: a file is damaged, or changed since the run was planned, or there is no entry in any.
    """
    del settings, store
    from gristmill.filters.web import blocklist  # noqa: PLC0415  (compiled kernels)

    given = [
        blocklist_files.File(location, category)
        for (location, _), (category, _) in zip(unit.local["files"], unit.descriptor["files"], strict=True)
    ]
    categories: list[str | None] = []

    def chunks() -> Iterator[Iterator[bytes]]:
        for text in blocklist_files.texts(given):
            if _wanted(text.category, unit.descriptor["categories"]):
                categories.append(text.category)
                yield text.chunks

    found = blocklist.read(chunks())
    if any(files.stamp(location) != stamp for location, stamp in unit.local["files"]):
        raise ValueError("the blocklist changed while the run went on; run again")
    if not len(found.entries.keys):
        raise ValueError(f"web.blocklists: {unit.descriptor['name']}: no line names a domain or URL")
    name = unit.descriptor["name"]
    names = [name if category is None else f"{name}:{category}" for category in categories]
    output.file(f"{TABLE}/{unit.key}.arrow", _stored(found.entries, names))
    output.count("entries", sum(found.counts))
    output.count("ignored", found.ignored)


def _stored(entries: "Entries", names: Sequence[str]) -> bytes:
    columns = {"key": pa.array(entries.keys), "category": pa.array(entries.categories)}
    columns = {name: column for name, column in columns.items() if len(column) == len(entries.keys)}
    about = {"names": json.dumps(names), "paths": json.dumps(entries.paths)}
    batch = pa.record_batch(list(columns.values()), names=list(columns)).replace_schema_metadata(about)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    stored: bytes = sink.getvalue().to_pybytes()
    return stored


def entry_of(receipt: Receipt) -> FileEntry:
    """The file of one list."""
    (entry,) = receipt.files
    return entry


@functools.lru_cache(maxsize=1)
def load(root: str, lists: tuple[tuple[str, str], ...]) -> tuple[Loaded, ...]:
    """The lists of a store, by path and checksum. A worker does many units: it maps them once."""
    return tuple(_loaded(Store(root).path(path)) for path, _ in lists)


def _loaded(path: str) -> Loaded:
    from gristmill.filters.web.blocklist import Entries, index_of  # noqa: PLC0415

    try:
        source = pa.BufferReader(files.read(path)) if is_remote(path) else pa.memory_map(path, "r")
        batch = pa.ipc.open_file(source).get_batch(0)
        about = batch.schema.metadata
        columns = [column.to_numpy() for column in batch.columns]  # no copies: the keys stay in the mapped file
        keys, categories = columns if len(columns) > 1 else (*columns, np.empty(0, np.uint16))
        index = index_of(Entries(keys, categories, json.loads(about[b"paths"])))
    except ValueError as error:  # Arrow's errors are of that kind
        raise ValueError(f"{path} is damaged ({error}); remove this file and run again") from error
    return Loaded(names=tuple(json.loads(about[b"names"])), index=index)
