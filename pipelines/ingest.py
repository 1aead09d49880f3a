"""Ingest: input files -> `documents`, one row for every record, whatever became of it.

What an archive holds of files that speak for a whole site (robots.txt) is written beside them, to `site_files`.

One unit is a split: a file, or a byte range of one. What determines its output is the file's content and its place
relative to the recipe, never where the recipe lies on this machine or when the file was written.
"""

import json
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from gristmill.pipelines import extraction, files, readers
from gristmill.pipelines.checkpoints import JSON, Output, Store, TableWriter, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.pipelines.readers.warc_record import SITE_FILES as SITE_FILE_RULES
from gristmill.schemas import (
    DOCUMENTS,
    SITE_FILES,
    Input,
    Recipe,
    RecipeError,
    canonical_json,
    document_id,
)
from gristmill.schemas.recipe import is_remote

VERSION = 3
LIBRARIES = ("ftfy", "pypdfium2", "resiliparse")
EXTRACTOR_LIBRARIES = {"resiliparse": (), "trafilatura": ("lxml", "trafilatura")}

PART_BYTES = 64 << 20
"""Arrow bytes after which a split goes on in a next file, so that later stages have even pieces of work."""

BATCH_BYTES = 4 << 20
BATCH_ROWS = 4096

SITE_FILE_BYTES = 500 << 10
"""Of a robots.txt, as RFC 9309 asks parsers to read at least."""

_SITE_FILE_NAMES = {rule: path.rpartition("/")[2] for path, rule in SITE_FILE_RULES.items()}


def stage(recipe: Recipe, *, folder: str, store: Store) -> Stage:
    """Plan the splits of every input file; `folder` is the recipe's."""
    return (
        yield Phase(
            name="ingest",
            stage="ingest",
            function=ingest_split,
            version=VERSION,
            libraries=(*LIBRARIES, *EXTRACTOR_LIBRARIES[recipe.ingest.extractor]),
            settings={
                "ingest": recipe.ingest.model_dump(mode="json", exclude={"split_bytes"}),
                "unicode": unicodedata.unidata_version,
            },
            tables=(DOCUMENTS.name, SITE_FILES.name),
            work=tuple(_plan(recipe, folder=folder, store=store)),
        )
    )


def find_files(given: Input, *, folder: str, output: str | None = None) -> list[str]:
    """The files of an input, sorted, each once; those in the output folder are not, whatever the patterns say.

    Raises:
        RecipeError: a path or pattern matches nothing; the message names the nearest file there is.
    """
    found: set[str] = set()
    for pattern in given.paths:
        try:
            matches = files.find(pattern, folder=folder)
        except ValueError as error:
            raise RecipeError(f"input {given.name!r}: {error}") from error
        others = [each for each in matches if output is None or not files.is_below(each, output)]
        if not others:
            raise RecipeError(f"input {given.name!r}: {pattern!r} matches nothing but files of the output, {output}")
        found.update(others)
    return sorted(found)


def _plan(recipe: Recipe, *, folder: str, store: Store) -> Iterator[Work]:
    known = _Known.load(store)
    for given in recipe.inputs:
        settings = given.model_dump(mode="json", exclude={"paths"})
        for location in find_files(given, folder=folder, output=store.root):
            try:
                facts = known.facts(location, given=given, split_bytes=recipe.ingest.split_bytes)
            except OSError as error:
                reason = error.strerror or error
                raise RecipeError(f"input {given.name!r}: cannot read {location}: {reason}") from error
            path = _shown(location, folder=folder)
            for split in facts["splits"]:
                yield Work(
                    descriptor={"input": settings, "path": path, "content": facts["fingerprint"], "split": split},
                    local={"location": location, "stamp": files.stamp(location)},
                    size=split["size"],
                )
    known.save()


def _shown(location: str, *, folder: str) -> str:
    """The path as tables show it: relative to the recipe where that is possible, and valid Unicode."""
    if is_remote(location):
        return location
    return os.fsencode(files.relative(location, folder=folder)).decode("utf-8", "backslashreplace")


class _Known:
    """Fingerprints and splits of local files seen before, by path, size and time of change: a second run reads none."""

    _NAME = "inputs.json"

    def __init__(self, store: Store, facts: dict[str, dict[str, Any]]) -> None:
        self._store = store
        self._before = facts
        self._now: dict[str, dict[str, Any]] = {}

    @classmethod
    def load(cls, store: Store) -> "_Known":
        path = store.path(cls._NAME)
        try:
            facts = json.loads(files.read(path).decode("utf-8", "surrogateescape")) if files.exists(path) else {}
        except ValueError:
            facts = {}
        return cls(store, facts if isinstance(facts, dict) else {})

    def facts(self, location: str, *, given: Input, split_bytes: int) -> dict[str, Any]:
        stamp = [*files.stamp(location), given.format, split_bytes]
        name = f"{given.name}:{location}"
        known = self._before.get(name)
        if not isinstance(known, dict) or known.get("stamp") != stamp:
            splits = readers.plan(location, location=location, format=given.format, split_bytes=split_bytes)
            known = {
                "stamp": stamp,
                "fingerprint": files.fingerprint(location),
                "splits": [_without(asdict(each), "path", "location") for each in splits],
            }
        self._now[name] = known
        return known

    def save(self) -> None:
        if self._now != self._before:
            files.write_atomically(self._store.path(self._NAME), canonical_json(self._now))


def _without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: each for name, each in value.items() if name not in names}


@dataclass(frozen=True, kw_only=True)
class _Origin:
    """What all records of a split share."""

    source: str
    domain: str
    licence: str
    role: str
    path: str


def ingest_split(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Read a split and write its rows, in parts of bounded size."""
    del store
    given = Input.model_validate(unit.descriptor["input"] | {"paths": ["-"]})
    path = unit.descriptor["path"]
    origin = _Origin(source=given.name, domain=given.domain, licence=given.licence, role=given.role, path=path)
    split = readers.Split(path=path, location=unit.local["location"], **unit.descriptor["split"])
    limits = settings["ingest"]
    records = readers.read(split, columns=given.columns, max_record_bytes=limits["max_record_bytes"])
    site_files = _SiteFiles(output)
    batches = _batches(
        _row(record, origin=origin, extractor=limits["extractor"]) for record in site_files.noting(records)
    )
    part, writer = 0, None
    _check_unchanged(unit)
    for batch in batches:
        if writer is None:
            writer = output.table(DOCUMENTS, name=f"{unit.key}-{part:04d}")
        writer.write(batch)
        output.count("records", batch.num_rows)
        if writer.text_bytes >= PART_BYTES:
            writer.close()
            part, writer = part + 1, None
    if writer is not None:
        writer.close()
    site_files.close()
    _check_unchanged(unit)


class _SiteFiles:
    """The records that speak for their site, written to a table of their own: a file that opens with the first."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._writer: TableWriter | None = None

    def noting(self, records: Iterator[readers.Record]) -> Iterator[readers.Record]:
        """The records as they are."""
        for record in records:
            if record.rule in _SITE_FILE_NAMES:
                self._write(record)
            yield record

    def _write(self, record: readers.Record) -> None:
        self._writer = self._writer or self._output.table(SITE_FILES)
        text = record.payload[:SITE_FILE_BYTES].decode("utf-8", "replace")
        name = _SITE_FILE_NAMES[record.rule or ""]
        row = {"uri": record.uri, "file": name, "date": record.date, "text": text}
        self._writer.write(pa.RecordBatch.from_pylist([row], schema=SITE_FILES.schema))

    def close(self) -> None:
        """Make the file appear, if there is one."""
        if self._writer is not None:
            self._writer.close()


def _check_unchanged(unit: Unit) -> None:
    """What is read must be what the unit's key was made from.

    Raises:
        ValueError: the file was written to since the run was planned.
    """
    if files.stamp(unit.local["location"]) != unit.local["stamp"]:
        raise ValueError("the file changed while the run went on; run again")


def _row(record: readers.Record, *, origin: _Origin, extractor: extraction.Extractor) -> dict[str, Any]:
    row: dict[str, Any] = {
        "doc_id": document_id(
            source=origin.source, path=origin.path, offset=record.offset, payload=_payload_of(record)
        ),
        "source": origin.source,
        "domain": origin.domain,
        "licence": origin.licence,
        "role": origin.role,
        "path": origin.path,
        "offset": record.offset,
        "uri": record.uri or f"{origin.path}#{record.offset}",
        "canonical": None,
        "bytes": record.n_bytes,
        "media_type": record.media_type,
        "encoding": None,
        "title": record.title,
        "date": record.date,
        "captured": record.captured,
        "text": "",
        "opt_outs": None,
        "page_licence": None,
        "status": record.status,
        "rule": record.rule,
        "detail": record.detail,
    }
    if record.status != "ok":
        return row
    found = extraction.extract(record, extractor=extractor)
    row.update(encoding=found.encoding, text=found.text, title=found.title, date=found.date)
    row.update(opt_outs=found.opt_outs, page_licence=found.licence)
    row["canonical"] = found.uri if found.uri != record.uri else None
    if not found.text:
        row.update(status="skipped", rule="empty", detail="no text after extraction")
    return row


def _payload_of(record: readers.Record) -> bytes:
    return record.payload if record.text is None else record.text.encode("utf-8", "surrogatepass")


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[pa.RecordBatch]:
    pending: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        pending.append(row)
        size += len(row["text"])
        if len(pending) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield pa.RecordBatch.from_pylist(pending, schema=DOCUMENTS.schema)
            pending, size = [], 0
    if pending:
        yield pa.RecordBatch.from_pylist(pending, schema=DOCUMENTS.schema)
