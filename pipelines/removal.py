"""Removal: takes documents out of a finished output, and keeps them out of it.

Written anew is what holds them, and nothing else: files of `curated`, `ledger`, `sample`, `tokens` and `shards`, the
mixture and the manifest. Sequences that lose a piece keep their place; what was behind it moves up, and padding fills
the end. The receipts of those files are changed with them, but a file keeps the checksum that later phases are keyed
by: it names what the unit wrote. So to `gristmill run` nothing has changed, and it does nothing.

First all new files are made in a folder aside, and a list of them; that list is the point of no return. Then they take
their places, and that can be begun again from anywhere: a run, or the next removal, does so before anything else.
`curate` leaves out what `removed_ids` names, whenever it works again.
"""

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.pipelines import encode, files, mixture, pack, sampling, tables
from gristmill.pipelines.checkpoints import FileEntry, Output, Receipt, Store, unit
from gristmill.pipelines.cut_pieces import NARROW, Cut, cut_pieces, look
from gristmill.pipelines.engine import UnitFunction
from gristmill.pipelines.lock import locked
from gristmill.pipelines.removed import RULE, removed_ids
from gristmill.schemas import CURATED, LEDGER, REMOVED, SAMPLE, TOKENS, Table, key_of, shards
from gristmill.schemas.recipe import is_remote
from gristmill.tokenizer.sample import choose_pieces

_STAGED = ".removal"
_LIST = "list.json"
_COUNTED = ("documents", "bytes", "tokens")
_DOC_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What a removal did.

    Attributes:
        documents: documents that were taken out of curated text.
        tokens: tokens that were taken out of shards, copies counted.
        sequences: sequences that lost a piece.
        files: files that were written anew, below the output folder.
        unknown: ids that the output knows nothing of; they are not kept out of it.
    """

    documents: int
    tokens: int
    sequences: int
    files: tuple[str, ...]
    unknown: tuple[str, ...]


def remove(output: str, ids: Collection[str]) -> Removal:
    """Take documents out of a local output. Their copies, which they stand for, are kept out too.

    Not taken out of `documents`, which is what was read, nor of what was measured there. The tokenizer stays as it is.

    Cost: the ids of all curated documents, tokens and shards are read once; what holds a document is read and written.
    Memory: a row group. Disk: the new files beside the old ones, until all are made.

    Raises:
        ValueError: an id is none, or the output is remote.
        RunError: a run is at work in the output.
    """
    if bad := [each for each in ids if not _DOC_ID.fullmatch(each)]:
        raise ValueError(f"{bad[0]!r} is no id of a document: 32 hexadecimal digits, as in every table")
    if is_remote(output):
        raise ValueError(f"{output}: documents are removed from local outputs only; copy it to this machine first")
    if not Path(output).is_dir():
        raise ValueError(f"{output}: no such output folder")
    store = Store(str(Path(output).absolute()))
    with locked(store):
        finish(store)
        found = _stage(_Staging(store), pa.array(sorted(set(ids)), pa.string()))
        finish(store)
    return found


def finish(store: Store) -> None:
    """Bring a removal to its end that was stopped, or drop what it had made if it had not got so far."""
    if is_remote(store.root):
        return
    staged = Path(store.path(_STAGED))
    listed = staged / _LIST
    if listed.is_file():
        steps = json.loads(listed.read_bytes())
        for relative in steps["new"]:
            if (staged / relative).exists():
                Path(store.path(relative)).parent.mkdir(parents=True, exist_ok=True)
                (staged / relative).replace(store.path(relative))
        for relative in steps["old"]:
            files.remove(store.path(relative))
        listed.unlink()
    shutil.rmtree(staged, ignore_errors=True)


def _stage(staging: "_Staging", ids: pa.Array) -> Removal:
    """Make all new files, and the list of them, if there are any."""
    known, copies = _known(staging.store, ids)
    sizes, pieces = _stage_curated(staging, ids)
    _stage_sample(staging, pieces)
    copied = _stage_tokens(staging, ids, sizes)
    cut = _stage_shards(staging, ids)
    _stage_tables(staging, copied)
    if known is None:
        known = {*sizes, *copied.documents, *cut.tokens}
    rows = [
        {"doc_id": each, "copy_of": copies.get(each), "bytes": sizes.get(each, 0), "tokens": cut.tokens[each]}
        | {"files": sorted(staging.holders.get(each, ()))}
        for each in sorted({*known, *copies})
    ]
    before = set(removed_ids(staging.store).to_pylist())
    rows = [row for row in rows if row["files"] or row["doc_id"] not in before]
    new = tuple(sorted(staging.new))
    if rows:
        staging.record(rows)
        staging.commit()
    return Removal(
        documents=len(sizes),
        tokens=cut.tokens.total(),
        sequences=cut.sequences,
        files=new,
        unknown=tuple(each for each in ids.to_pylist() if each not in known),
    )


def _known(store: Store, ids: pa.Array) -> tuple[set[str] | None, dict[str, str]]:
    """Which ids are of records here, None where there is no ledger; and their copies, with what each is a copy of."""
    known: set[str] = set()
    copies: dict[str, str] = {}
    paths = [entry.path for receipt in store.receipts("curate").values() for entry in receipt.of(LEDGER)]
    for path in paths:
        for batch in tables.batches(store, path, columns=["doc_id", "survivor_id"]):
            known.update(batch["doc_id"].filter(pc.is_in(batch["doc_id"], value_set=ids)).to_pylist())
            of_one = batch.filter(pc.is_in(batch["survivor_id"], value_set=ids))
            copies |= dict(zip(of_one["doc_id"].to_pylist(), of_one["survivor_id"].to_pylist(), strict=True))
    return (known if paths else None), {copy: original for copy, original in copies.items() if copy not in known}


def _stage_curated(staging: "_Staging", ids: pa.Array) -> tuple[dict[str, int], pa.Array]:
    """Curated text and ledger. Returns the bytes of each document, and the hashes of its pieces in a sample."""
    seeds = {receipt.settings["seed"] for receipt in staging.store.receipts(sampling.PHASE).values()}
    sizes: dict[str, int] = {}
    hashes: list[int] = []
    for receipt in staging.store.receipts("curate").values():
        changed: dict[str, FileEntry] = {}
        taken: Counter[str] = Counter()
        for entry in receipt.of(CURATED):
            if not (here := staging.holding(entry, ids)):
                continue
            for batch in tables.batches(staging.store, entry.path, columns=["doc_id", "text"]):
                rows = batch.filter(pc.is_in(batch["doc_id"], value_set=pa.array(sorted(here))))
                names, texts = rows["doc_id"].to_pylist(), pc.cast(rows["text"], pa.binary()).to_pylist()
                sizes |= {name: len(text) for name, text in zip(names, texts, strict=True)}
                for seed in seeds:
                    all_of_it = np.ones(len(names))
                    hashes += [hashed for _, hashed, _ in choose_pieces(names, texts, seed=seed, fractions=all_of_it)]
            changed[entry.path] = staging.rewrite(entry, table=CURATED, change=lambda rows: _without(rows, ids))
        for entry in receipt.of(LEDGER) if changed else ():
            changed[entry.path] = staging.rewrite(
                entry,
                table=LEDGER,
                change=lambda rows: _dropped(rows, ids, taken),  # noqa: B023  (called at once)
            )
        if changed:
            staging.put(_changed(receipt, changed, counts=taken))
    return sizes, pa.array(hashes, pa.uint64())


def _without(rows: pa.Table, ids: pa.Array) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(rows["doc_id"], value_set=ids)))


def _dropped(rows: pa.Table, ids: pa.Array, taken: Counter[str]) -> pa.Table:
    """Rows of the ledger in which kept documents are dropped, which is added to the counts."""
    gone = pc.and_(pc.is_in(rows["doc_id"], value_set=ids), pc.equal(rows["disposition"], "kept"))
    for name, amount in (("", pc.sum(gone).as_py()), ("_bytes", pc.sum(rows["bytes"].filter(gone)).as_py())):
        taken[f"kept{name}"] -= amount or 0
        taken[f"dropped{name}"] += amount or 0
    new = {"disposition": "dropped", "rule": RULE}
    columns = {name: pc.if_else(gone, pa.scalar(value), rows[name]) for name, value in new.items()}
    return pa.table([columns.get(name, rows[name]) for name in rows.schema.names], schema=rows.schema)


def _stage_sample(staging: "_Staging", hashes: pa.Array) -> None:
    """The pieces that the tokenizer was trained on; the tokenizer stays."""
    for receipt in staging.store.receipts(sampling.PHASE).values():
        changed = {}
        for entry in receipt.of(SAMPLE):
            found = tables.read(staging.store, entry.path, columns=["hash"])["hash"]
            if pc.any(pc.is_in(found, value_set=hashes)).as_py():
                changed[entry.path] = staging.rewrite(
                    entry,
                    table=SAMPLE,
                    change=lambda rows: rows.filter(pc.invert(pc.is_in(rows["hash"], value_set=hashes))),
                )
        if changed:
            staging.put(_changed(receipt, changed))


@dataclass(frozen=True, kw_only=True)
class _Copies:
    """Copies of documents that were taken out of the tokens.

    Attributes:
        documents: ids of the documents.
        counts: documents, bytes and tokens, by language, domain and source.
    """

    documents: frozenset[str]
    counts: Mapping[tuple[str, str, str, str], int]


def _stage_tokens(staging: "_Staging", ids: pa.Array, sizes: Mapping[str, int]) -> _Copies:
    """Encoded documents. What a receipt counted stays, since the number of shards follows from it; what was taken out
    is counted beside it."""
    documents: set[str] = set()
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for receipt in staging.store.receipts(encode.PHASE).values():
        changed, here = {}, Counter[tuple[str, str, str, str]]()
        for entry in receipt.of(TOKENS):
            if not staging.holding(entry, ids):
                continue
            for batch in tables.batches(staging.store, entry.path):
                rows = batch.filter(pc.is_in(batch["doc_id"], value_set=ids))
                lengths = pc.list_value_length(rows["tokens"]).to_pylist()
                names = zip(*(rows[name].to_pylist() for name in ("language", "domain", "source")), strict=True)
                for group, doc_id, length in zip(names, rows["doc_id"].to_pylist(), lengths, strict=True):
                    documents.add(doc_id)
                    for what, amount in (("documents", 1), ("bytes", sizes.get(doc_id, 0)), ("tokens", length)):
                        here[what, *group] += amount
            changed[entry.path] = staging.rewrite(entry, table=TOKENS, change=lambda rows: _without(rows, ids))
        if changed:
            more = Counter[str]()
            for (what, _, domain, source), amount in here.items():
                more[f"{mixture.REMOVED}{what}"] += amount
                more[f"{mixture.REMOVED}{what}:{domain}:{source}"] += amount
            staging.put(_changed(receipt, changed, counts=more))
            counts += here
    return _Copies(documents=frozenset(documents), counts=counts)


def _stage_shards(staging: "_Staging", ids: pa.Array) -> Cut:
    """Shards: what the trainer reads, so that their receipts have the new checksum and counts."""
    everything = Cut()
    for receipt in staging.store.receipts(pack.PHASE).values():
        settings = receipt.settings
        table = shards(sequence_length=settings["sequence_length"], vocabulary_size=settings["vocabulary_size"])
        for entry in receipt.files:
            cut = Cut()
            for batch in tables.batches(staging.store, entry.path, columns=list(NARROW)):
                cut += look(batch, ids)
            if not cut.pieces:
                continue
            less = {"tokens": -cut.tokens.total(), "documents": -cut.documents, "pieces": -cut.pieces}
            counts = {name: receipt.counts[name] + amount for name, amount in less.items()}
            new = staging.rewrite(
                entry,
                table=table,
                change=lambda rows: cut_pieces(rows, ids, pad_id=settings["pad_id"]),  # noqa: B023  (called at once)
                metadata={name: str(amount) for name, amount in counts.items()},
                row_group_rows=settings["row_group_sequences"],
            )
            for doc_id in cut.tokens:
                staging.holders.setdefault(doc_id, set()).add(entry.path)
            staging.put(replace(receipt, files=(new,), counts={**receipt.counts, **counts}))
            everything += cut
    return everything


def _stage_tables(staging: "_Staging", copied: _Copies) -> None:
    """The mixture and the manifest, as their phases make them from the changed receipts."""
    if not copied.documents:
        return
    for receipt in staging.store.receipts(mixture.PHASE).values():
        rows = [
            {
                **row,
                **{f"mixed_{what}": row[f"mixed_{what}"] - copied.counts.get((what, *group), 0) for what in _COUNTED},
            }
            for row in receipt.descriptor["rows"]
            for group in [(row["language"], row["domain"], row["source"])]
        ]
        staging.redo(receipt, {"rows": rows}, mixture.write_table)
    packed = {entry.path: receipt for receipt in staging.receipts(pack.PHASE) for entry in receipt.files}
    folder = pack.MANIFEST.rpartition("/")[0]
    taken = Counter[str]()
    for (what, *_), amount in copied.counts.items():
        taken["text_bytes" if what == "bytes" else what] += amount
    for receipt in staging.store.receipts(pack.MANIFEST_PHASE).values():
        listed = []
        for shard in receipt.descriptor["shards"]:
            of_shard = packed[f"{folder}/{shard['path']}"]
            (entry,) = of_shard.files
            counts = {name: of_shard.counts[name] for name in ("tokens", "documents")}
            listed.append({**shard, **counts, "bytes": entry.bytes, "checksum": entry.checksum})
        totals = {name: amount - taken[name] for name, amount in receipt.descriptor["totals"].items()}
        staging.redo(receipt, {**receipt.descriptor, "shards": listed, "totals": totals}, pack.write_manifest)


def _changed(receipt: Receipt, entries: Mapping[str, FileEntry], *, counts: Mapping[str, int] | None = None) -> Receipt:
    """A receipt of changed files. Checksums stay: they name what the unit wrote, and later phases' keys hold them."""
    changed = [
        replace(entries[old.path], checksum=old.checksum) if old.path in entries else old for old in receipt.files
    ]
    more = {name: receipt.counts.get(name, 0) + amount for name, amount in (counts or {}).items()}
    return replace(receipt, files=tuple(changed), counts=dict(sorted({**receipt.counts, **more}.items())))


class _Staging:
    """New files, made aside, and the list of what is to take whose place.

    Attributes:
        new: files that take a place.
        holders: by document, the files that held it.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.new: list[str] = []
        self.holders: dict[str, set[str]] = {}
        self._staged = Store(store.path(_STAGED))
        self._receipts: dict[tuple[str, str], Receipt] = {}
        self._old: list[str] = []

    def holding(self, entry: FileEntry, ids: pa.Array) -> set[str]:
        """Which of the documents a file with a column `doc_id` holds."""
        found: set[str] = set()
        for batch in tables.batches(self.store, entry.path, columns=["doc_id"]):
            found.update(batch["doc_id"].filter(pc.is_in(batch["doc_id"], value_set=ids)).to_pylist())
        for doc_id in found:
            self.holders.setdefault(doc_id, set()).add(entry.path)
        return found

    def rewrite(
        self,
        entry: FileEntry,
        *,
        table: Table,
        change: Callable[[pa.Table], pa.Table],
        metadata: Mapping[str, str] | None = None,
        row_group_rows: int | None = None,
    ) -> FileEntry:
        """Make a Parquet file anew with its row groups changed one by one. Memory: one row group."""
        folder, _, name = entry.path.rpartition("/")
        with tables.opened(self.store.path(entry.path)) as parquet:
            said = {key.decode(): value.decode() for key, value in (parquet.schema_arrow.metadata or {}).items()}
            writer = self._output().table(
                table,
                name=name.removesuffix(".parquet"),
                partition=folder.removeprefix(table.name).removeprefix("/") or None,
                metadata=said | dict(metadata or {}),
                row_group_rows=row_group_rows,
                packed=parquet.metadata.num_row_groups == 0 or _is_packed(parquet.metadata),
                dictionary=_dictionaries(parquet.metadata),
            )
            try:
                for group in range(parquet.num_row_groups):
                    writer.write(change(parquet.read_row_group(group).combine_chunks()))
                    writer.end_row_group()
            except BaseException:
                writer.discard()
                raise
            self.new.append(entry.path)
            return writer.close()

    def put(self, receipt: Receipt) -> None:
        """Change a receipt."""
        self._receipts[receipt.phase, receipt.key] = receipt

    def receipts(self, phase: str) -> Iterable[Receipt]:
        """The receipts of a phase as they will be."""
        for key, receipt in self.store.receipts(phase).items():
            yield self._receipts.get((phase, key), receipt)

    def redo(self, receipt: Receipt, descriptor: Mapping[str, Any], function: UnitFunction) -> None:
        """Do a unit again that reads nothing but its descriptor, with another one."""
        phase, version, settings = receipt.phase, receipt.version, receipt.settings
        work = unit(phase=phase, version=version, settings=settings, descriptor=descriptor)
        with Output(self._staged, phase=phase, version=version, settings=settings, unit=work) as output:
            function(work, settings, self._staged, output)
        made = self._staged.receipt(receipt.phase, work.key)
        assert made is not None
        self.new += [entry.path for entry in made.files]
        self._receipts[receipt.phase, work.key] = made
        kept = {entry.path for entry in made.files}
        self._old += [entry.path for entry in receipt.files if entry.path not in kept]
        if work.key != receipt.key:
            self._old.append(_receipt_path(receipt))

    def record(self, rows: list[dict[str, Any]]) -> None:
        """Write what was taken out."""
        with self._output().table(REMOVED, name=key_of(rows)) as writer:
            writer.write(pa.RecordBatch.from_pylist(rows, schema=REMOVED.schema))
        self.new.append(f"{REMOVED.name}/{key_of(rows)}.parquet")

    def commit(self) -> None:
        """Write the receipts, and then the list."""
        for receipt in self._receipts.values():
            files.write_atomically(self._staged.path(_receipt_path(receipt)), receipt.to_json())
        steps = {"new": sorted([*self.new, *map(_receipt_path, self._receipts.values())]), "old": sorted(self._old)}
        files.write_atomically(self._staged.path(_LIST), json.dumps(steps).encode())

    def _output(self) -> Output:
        """Where tables are written to that need no receipt."""
        nothing = unit(phase=_STAGED, version=1, settings={}, descriptor={})
        return Output(self._staged, phase=_STAGED, version=1, settings={}, unit=nothing)


def _receipt_path(receipt: Receipt) -> str:
    return f"receipts/{receipt.phase}/{receipt.key}.json"


def _is_packed(metadata: pq.FileMetaData) -> bool:
    return bool(metadata.row_group(0).column(0).compression != "UNCOMPRESSED")


def _dictionaries(metadata: pq.FileMetaData) -> list[str]:
    """Columns that are written as dictionaries."""
    found = set()
    for group in range(metadata.num_row_groups):
        for number in range(metadata.num_columns):
            column = metadata.row_group(group).column(number)
            if column.has_dictionary_page:
                found.add(column.path_in_schema)
    return sorted(found)
