"""Removal: takes documents out of a finished output, and keeps them out of it.

Written anew is what holds them, and nothing else: files of `curated`, `held_out`, `ledger`, `sample`, `tokens` and
`shards`, the mixture and the manifest. Sequences that lose a piece keep their place; what was behind it moves up, and
padding fills the end. The receipts of those files are changed with them, but a file keeps the checksum that later
phases are keyed by: it names what the unit wrote. So to `gristmill run` nothing has changed, and it does nothing.

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
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import encode, files, mixture, pack, sampling, tables
from gristmill.pipelines.checkpoints import FileEntry, Output, Receipt, Store, unit
from gristmill.pipelines.cut_pieces import NARROW, Cut, cut_pieces, look
from gristmill.pipelines.engine import UnitFunction
from gristmill.pipelines.lock import locked
from gristmill.pipelines.removed import RULE, removed_ids
from gristmill.schemas import CURATED, HELD_OUT, LEDGER, REMOVED, SAMPLE, TOKENS, Table, key_of, shards
from gristmill.schemas.recipe import is_remote
from gristmill.tokenizer.sample import choose_pieces

_STAGED = ".removal"
_LIST = "list.json"
_DOC_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class Removal:
    """What a removal did.

    Attributes:
        documents: documents that were taken out of curated text, or of what is held out.
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

    Cost: the ids of all kept documents, tokens and shards are read once; what holds a document is read and written.
    Memory: a row group. Disk: the new files beside the old ones, until all are made.

    Raises:
        ValueError: an id is none, the output is remote, or a run that changes it was stopped.
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
        _check_finished(store)
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


def _check_finished(store: Store) -> None:
    """Raises ValueError where the manifest is of other tokens or shards than there are now."""
    encoded, packed = (list(store.receipts(phase).values()) for phase in (encode.PHASE, pack.PHASE))
    for receipt in store.receipts(pack.MANIFEST_PHASE).values():
        if receipt.version != pack.VERSION or receipt.descriptor != pack.described(encoded=encoded, packed=packed):
            raise ValueError(f"{store.root}: a run that changes it was stopped; end it with `gristmill run` first")


def _stage(staging: "_Staging", ids: pa.Array) -> Removal:
    """Make all new files, and the list of them, if there are any."""
    known, copies = _known(staging.store, ids)
    sizes, pieces = _stage_kept(staging, ids)
    _stage_sample(staging, pieces)
    _stage_tokens(staging, ids, sizes)
    cut = _stage_shards(staging, ids)
    _stage_tables(staging)
    known |= staging.holders.keys()
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


def _known(store: Store, ids: pa.Array) -> tuple[set[str], dict[str, str]]:
    """Which ids the ledger has; and their copies, with what each is a copy of."""
    known: set[str] = set()
    copies: dict[str, str] = {}
    paths = [entry.path for receipt in store.receipts("curate").values() for entry in receipt.of(LEDGER)]
    for path in paths:
        for batch in tables.batches(store, path, columns=["doc_id", "survivor_id"]):
            known.update(batch["doc_id"].filter(pc.is_in(batch["doc_id"], value_set=ids)).to_pylist())
            of_one = batch.filter(pc.is_in(batch["survivor_id"], value_set=ids))
            copies |= dict(zip(of_one["doc_id"].to_pylist(), of_one["survivor_id"].to_pylist(), strict=True))
    return known, {copy: original for copy, original in copies.items() if copy not in known}


def _stage_kept(staging: "_Staging", ids: pa.Array) -> tuple[dict[str, int], pa.Array]:
    """Kept text and ledger. Returns the bytes of each document, and the hashes of its pieces in a sample."""
    seeds = {receipt.settings["seed"] for receipt in staging.store.receipts(sampling.PHASE).values()}
    sizes: dict[str, int] = {}
    hashes: list[int] = []

    def see(gone: pa.Table) -> None:
        names, texts = gone["doc_id"].to_pylist(), pc.cast(gone["text"], pa.binary()).to_pylist()
        sizes.update((name, len(text)) for name, text in zip(names, texts, strict=True))
        for seed in seeds:
            all_of_it = np.ones(len(names))
            hashes.extend(hashed for _, hashed, _ in choose_pieces(names, texts, seed=seed, fractions=all_of_it))

    for receipt in staging.store.receipts("curate").values():
        changed = {
            entry.path: staging.without(entry, ids, table=table, see=see)
            for table in (CURATED, HELD_OUT)
            for entry in receipt.of(table)
            if staging.holds(entry, ids)
        }
        taken: Counter[str] = Counter()
        for entry in receipt.of(LEDGER) if changed else ():
            changed[entry.path] = staging.rewrite(entry, table=LEDGER, change=partial(_dropped, ids=ids, taken=taken))
        if changed:
            staging.put(_changed(receipt, changed, counts=taken))
    return sizes, pa.array(hashes, pa.uint64())


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
                changed[entry.path] = staging.without(entry, hashes, table=SAMPLE, column="hash")
        if changed:
            staging.put(_changed(receipt, changed))


def _stage_tokens(staging: "_Staging", ids: pa.Array, sizes: Mapping[str, int]) -> None:
    """Encoded documents. What a receipt counted stays, since the number of shards follows from it; what was taken out
    is counted beside it."""
    for receipt in staging.store.receipts(encode.PHASE).values():
        gone = staging.output()
        changed = {
            entry.path: staging.without(entry, ids, table=TOKENS, see=partial(_count, gone, sizes))
            for entry in receipt.of(TOKENS)
            if staging.holds(entry, ids)
        }
        if changed:
            counts = {f"{mixture.REMOVED}{name}": amount for name, amount in gone.counts.items()}
            staging.put(_changed(receipt, changed, counts=counts))


def _count(gone: Output, sizes: Mapping[str, int], rows: pa.Table) -> None:
    """Count rows of tokens as the unit did that wrote them."""
    n_bytes = np.array([sizes.get(each, 0) for each in rows["doc_id"].to_pylist()], np.int64)
    lengths = pc.list_value_length(rows["tokens"]).to_numpy().astype(np.int64)
    mixture.count(gone, rows, tokens=lengths, n_bytes=n_bytes)


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
            less = {"tokens": cut.tokens.total(), "documents": cut.documents, "pieces": cut.pieces}
            counts = {name: receipt.counts[name] - amount for name, amount in less.items()}
            new = staging.rewrite(
                entry,
                table=table,
                change=partial(cut_pieces, ids=ids, pad_id=settings["pad_id"]),
                metadata={name: str(amount) for name, amount in counts.items()},
                **pack.how_written(table, settings),
            )
            staging.note(entry, cut.tokens)
            staging.put(replace(receipt, files=(new,), counts={**receipt.counts, **counts}))
            everything += cut
    return everything


def _stage_tables(staging: "_Staging") -> None:
    """The mixture and the manifest, as their phases make them from the changed receipts."""
    encoded, packed = (staging.receipts(phase) for phase in (encode.PHASE, pack.PHASE))
    for receipt in staging.store.receipts(mixture.PHASE).values():
        staging.redo(receipt, {"rows": mixture.mixed(receipt.descriptor["rows"], encoded)}, mixture.write_table)
    for receipt in staging.store.receipts(pack.MANIFEST_PHASE).values():
        staging.redo(receipt, pack.described(encoded=encoded, packed=packed), pack.write_manifest)


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

    def holds(self, entry: FileEntry, ids: pa.Array) -> bool:
        """Whether a file with a column `doc_id` holds any of the documents, which is noted."""
        found: set[str] = set()
        for batch in tables.batches(self.store, entry.path, columns=["doc_id"]):
            found.update(batch["doc_id"].filter(pc.is_in(batch["doc_id"], value_set=ids)).to_pylist())
        self.note(entry, found)
        return bool(found)

    def note(self, entry: FileEntry, doc_ids: Iterable[str]) -> None:
        """Note that a file held these documents."""
        for doc_id in doc_ids:
            self.holders.setdefault(doc_id, set()).add(entry.path)

    def without(
        self,
        entry: FileEntry,
        values: pa.Array,
        *,
        table: Table,
        column: str = "doc_id",
        see: Callable[[pa.Table], None] = lambda _: None,
    ) -> FileEntry:
        """Make a file anew without the rows that have one of these values; `see` is given those of each row group."""

        def change(rows: pa.Table) -> pa.Table:
            gone = pc.is_in(rows[column], value_set=values)
            see(rows.filter(gone))
            return rows.filter(pc.invert(gone))

        return self.rewrite(entry, table=table, change=change)

    def rewrite(
        self,
        entry: FileEntry,
        *,
        table: Table,
        change: Callable[[pa.Table], pa.Table],
        metadata: Mapping[str, str] | None = None,
        **how: Any,
    ) -> FileEntry:
        """Make a Parquet file anew with its row groups changed one by one. Memory: one row group."""
        folder, _, name = entry.path.rpartition("/")
        output = self.output()
        with tables.opened(self.store.path(entry.path)) as parquet:
            said = {key.decode(): value.decode() for key, value in (parquet.schema_arrow.metadata or {}).items()}
            with output.table(
                table,
                name=name.removesuffix(".parquet"),
                partition=folder.removeprefix(table.name).removeprefix("/") or None,
                metadata=said | dict(metadata or {}),
                **how,
            ) as writer:
                for group in range(parquet.num_row_groups):
                    writer.write(change(parquet.read_row_group(group).combine_chunks()))
                    writer.end_row_group()
        self.new.append(entry.path)
        return output.entries[0]

    def put(self, receipt: Receipt) -> None:
        """Change a receipt."""
        self._receipts[receipt.phase, receipt.key] = receipt

    def receipts(self, phase: str) -> list[Receipt]:
        """The receipts of a phase as they will be."""
        found = self.store.receipts(phase).items()
        return [self._receipts.get((phase, key), receipt) for key, receipt in found]

    def redo(self, receipt: Receipt, descriptor: Mapping[str, Any], function: UnitFunction) -> None:
        """Do a unit again that reads nothing but its descriptor, where that has changed."""
        if descriptor == receipt.descriptor:
            return
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
        self._old.append(_receipt_path(receipt))

    def record(self, rows: list[dict[str, Any]]) -> None:
        """Write what was taken out."""
        with self.output().table(REMOVED, name=key_of(rows)) as writer:
            writer.write(pa.RecordBatch.from_pylist(rows, schema=REMOVED.schema))
        self.new.append(f"{REMOVED.name}/{key_of(rows)}.parquet")

    def commit(self) -> None:
        """Write the receipts, and then the list."""
        for receipt in self._receipts.values():
            files.write_atomically(self._staged.path(_receipt_path(receipt)), receipt.to_json())
        steps = {"new": sorted([*self.new, *map(_receipt_path, self._receipts.values())]), "old": sorted(self._old)}
        files.write_atomically(self._staged.path(_LIST), json.dumps(steps).encode())

    def output(self) -> Output:
        """Where tables are written to that need no receipt."""
        nothing = unit(phase=_STAGED, version=1, settings={}, descriptor={})
        return Output(self._staged, phase=_STAGED, version=1, settings={}, unit=nothing)


def _receipt_path(receipt: Receipt) -> str:
    return f"receipts/{receipt.phase}/{receipt.key}.json"
