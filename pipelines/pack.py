"""Pack: `tokens` -> shards of training sequences, and the manifest that a trainer opens them by.

Phases: `mixture` (a table of how often what is used), `encode`, `pack`, `manifest`. A shard is a range of the shuffled
order, so each is made by itself, and no shuffle ever moves text or tokens between workers.

Output folder::

    OUT/shards/data/shard-00000.parquet
    OUT/shards/manifest.json
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import encode, files, mixture, tables, weigh
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.pipelines.packing import Pieces, pack
from gristmill.pipelines.train_tokenizer import PHASE as TOKENIZER_PHASE
from gristmill.pipelines.train_tokenizer import TABLE as TOKENIZER_TABLE
from gristmill.schemas import MIXTURE, TOKENS, Recipe, key_of, mix, shards

VERSION = 1
FORMAT = 1
"""Version of the shards' schema and of the manifest."""

PHASE = "pack"
DATA = "data"
MANIFEST = "shards/manifest.json"

ROW_GROUP_TOKENS = 1 << 18
"""Tokens per row group of a shard: what a trainer reads to get at one sequence."""

_ORDERS = 1 << 64


def stage(recipe: Recipe, *, curated: list[Receipt], tokenizer: list[Receipt]) -> Stage:
    """Everything from the curated text to the manifest.

    Args:
        tokenizer: what `train_tokenizer.stage` returned: the weights and the tokenizer.
    """
    weights = weigh.weights(tokenizer)
    rates = mixture.rates(weights, recipe.mixture)
    trained = next(each for each in tokenizer if each.phase == TOKENIZER_PHASE)
    model = next(each for each in trained.files if each.table == TOKENIZER_TABLE)
    yield _mixture_phase(recipe, weights=weights, rates=rates)
    encoded: list[Receipt] = yield encode.phase(recipe, curated=curated, model=model, rates=rates)
    packed: list[Receipt] = yield _pack_phase(recipe, encoded=encoded, model=model, special=trained.counts)
    return (yield _manifest_phase(recipe, encoded=encoded, packed=packed, model=model, special=trained.counts))


def _mixture_phase(
    recipe: Recipe, *, weights: Mapping[weigh.Group, weigh.Weight], rates: Mapping[weigh.Group, float]
) -> Phase:
    total = sum(rates[group] * weight.n_bytes for group, weight in weights.items())
    rows = [
        {
            **vars(group),
            "documents": weight.documents,
            "bytes": weight.n_bytes,
            "weight": mixture.weight_of(group, recipe.mixture),
            "rate": rates[group],
            "share": round(rates[group] * weight.n_bytes / total, 9) if total else 0.0,
        }
        for group, weight in weights.items()
    ]
    return Phase(
        name="mixture",
        stage="pack",
        function=write_mixture,
        version=VERSION,
        tables=(MIXTURE.name,),
        work=(Work(descriptor={"rows": rows}),),
    )


def write_mixture(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the table of rates, which the unit's descriptor holds."""
    del settings, store
    with output.table(MIXTURE) as writer:
        writer.write(pa.RecordBatch.from_pylist(unit.descriptor["rows"], schema=MIXTURE.schema))


def _settings(recipe: Recipe, *, model: FileEntry, special: Mapping[str, int]) -> dict[str, Any]:
    """What shards and manifest say of how they were made."""
    return {
        "format": FORMAT,
        "sequence_length": recipe.packing.sequence_length,
        "vocabulary_size": special["vocabulary_size"],
        "end_id": special["end_id"],
        "pad_id": special["pad_id"],
        "tokenizer": model.checksum,
        "seed": recipe.seed,
        "row_group_sequences": max(1, ROW_GROUP_TOKENS // recipe.packing.sequence_length),
    }


def _pack_phase(recipe: Recipe, *, encoded: list[Receipt], model: FileEntry, special: Mapping[str, int]) -> Phase:
    tokens = sum(each.counts["tokens"] for each in encoded)
    documents = sum(each.counts["documents"] for each in encoded)
    # No more shards than documents: each is the documents of a range, and a document is in one shard.
    count = min(documents, -(-tokens // recipe.packing.shard_tokens))
    entries = [entry for receipt in encoded for entry in receipt.of(TOKENS)]
    content = key_of(sorted(entry.checksum for entry in entries))
    return Phase(
        name=PHASE,
        stage="pack",
        function=pack_shard,
        version=VERSION,
        settings=_settings(recipe, model=model, special=special),
        tables=(f"shards/{DATA}",),
        work=tuple(
            Work(
                descriptor={"tokens": content, "shard": number, "shards": count},
                # Not the paths: every shard reads all files, and the units must stay small.
                local={"files": len(entries)},
                size=tokens // count * 4,
            )
            for number in range(count)
        ),
    )


def pack_shard(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the shard of a range of the shuffled order; nothing, if no document falls into it.

    Memory: six to eight bytes for each token of the shard, whatever the size of the corpus.
    """
    number, count = unit.descriptor["shard"], unit.descriptor["shards"]
    table = shards(sequence_length=settings["sequence_length"], vocabulary_size=settings["vocabulary_size"])
    paths = [each for each in files.list_files(store.path(TOKENS.name)) if each.endswith(".parquet")]
    if len(paths) != unit.local["files"]:
        raise ValueError(f"{store.path(TOKENS.name)}: {len(paths)} files where {unit.local['files']} were written")
    rows = _Rows.read(
        paths,
        low=-(-number * _ORDERS // count),
        high=-(-(number + 1) * _ORDERS // count),
        kind=table.schema.field("tokens").type.value_type,
    )
    if len(rows.lengths) == 0:
        return
    layout = _Layout.of(rows, sequence_length=settings["sequence_length"], seed=settings["seed"])
    total = int(rows.lengths.sum())
    metadata = {name: str(settings[name]) for name in sorted(settings) if name != "libraries"} | {
        "packing": key_of(settings),
        "sequences": str(layout.sequences),
        "tokens": str(total),
        "documents": str(len(rows.lengths)),
    }
    group = settings["row_group_sequences"]
    with output.table(
        table, partition=DATA, name=f"shard-{number:05d}", metadata=metadata, row_group_rows=group
    ) as writer:
        for batch in layout.batches(rows, schema=table.schema, pad_id=settings["pad_id"], size=group):
            writer.write(batch)
    output.count("sequences", layout.sequences)
    output.count("tokens", total)
    output.count("documents", len(rows.lengths))
    output.count("pieces", len(layout.pieces.length))


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Documents of a range, in shuffled order.

    Attributes:
        narrow: all columns but the tokens.
        tokens: of all documents, in the order they were read.
        starts: where each document's begin.
        lengths: how many each has.
    """

    narrow: pa.Table
    tokens: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    @classmethod
    def read(cls, paths: list[str], *, low: int, high: int, kind: pa.DataType) -> "_Rows":
        narrow = [TOKENS.schema.empty_table().drop_columns("tokens")]
        token_type = np.dtype(str(kind))
        tokens = [np.empty(0, token_type)]
        lengths = [np.empty(0, np.int64)]
        for path in paths:
            for table in _in_range(path, low=low, high=high):
                lists = table["tokens"].combine_chunks()
                narrow.append(table.drop_columns("tokens"))
                tokens.append(lists.flatten().to_numpy().astype(token_type))
                lengths.append(pc.list_value_length(lists).to_numpy().astype(np.int64))
        read, counts = pa.concat_tables(narrow).combine_chunks(), np.concatenate(lengths)
        order = encode.in_order(read)
        starts = np.cumsum(counts) - counts
        return cls(
            narrow=read.take(order),
            tokens=np.concatenate(tokens),
            starts=starts[order.to_numpy()],
            lengths=counts[order.to_numpy()],
        )


def _in_range(path: str, *, low: int, high: int) -> Iterator[pa.Table]:
    """The rows of a tokens file with low <= order < high. Reads the row groups that may hold any."""
    with tables.opened(path) as parquet:
        column = parquet.schema_arrow.get_field_index("order")
        for group in range(parquet.num_row_groups):
            known = parquet.metadata.row_group(group).column(column).statistics
            if known is not None and known.has_min_max and (known.max < low or known.min >= high):
                continue
            table = parquet.read_row_group(group)
            # As a NumPy comparison, since 2 ** 64 is no Arrow integer.
            order = table["order"].to_numpy()
            yield table.filter(pa.array((order >= np.uint64(low)) & (order <= np.uint64(high - 1))))


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Pieces in the order they are written in.

    Attributes:
        pieces: sorted by sequence, then by shuffled order.
        first: where each sequence's pieces begin, and the end of the last.
    """

    pieces: Pieces
    first: npt.NDArray[np.int64]

    @property
    def sequences(self) -> int:
        return len(self.first) - 1

    @classmethod
    def of(cls, rows: _Rows, *, sequence_length: int, seed: int) -> "_Layout":
        pieces = Pieces.of(rows.lengths, sequence_length=sequence_length)
        sequence = pack(pieces.length, sequence_length=sequence_length)
        # Best fit opens sequences with the longest pieces, so their numbers tell lengths: shuffle them by a hash.
        _, leader = np.unique(sequence, return_index=True)
        order = rows.narrow["order"].to_numpy()[pieces.document[leader]]
        hashes = mix(order ^ mix(pieces.offset[leader].astype(np.uint64) + np.uint64(seed)))
        rank = np.empty(len(leader), np.int64)
        rank[np.lexsort((leader, hashes))] = np.arange(len(leader))
        by_rank = np.argsort(rank[sequence], kind="stable")
        return cls(
            pieces=Pieces(
                document=pieces.document[by_rank], offset=pieces.offset[by_rank], length=pieces.length[by_rank]
            ),
            first=np.searchsorted(rank[sequence][by_rank], np.arange(len(leader) + 1)),
        )

    def batches(self, rows: _Rows, *, schema: pa.Schema, pad_id: int, size: int) -> Iterator[pa.RecordBatch]:
        """Sequences as rows, some at a time."""
        length = schema.field("tokens").type.list_size
        for start in range(0, self.sequences, size):
            first = self.first[start : start + size + 1]
            here = slice(first[0], first[-1])
            document, lengths = self.pieces.document[here], self.pieces.length[here]
            offsets = np.concatenate([[0], np.cumsum(lengths)])
            filled = encode.gather(rows.tokens, rows.starts[document] + self.pieces.offset[here], offsets)
            n_filled = offsets[first[1:] - first[0]] - offsets[first[:-1] - first[0]]
            tokens = np.full((len(first) - 1, length), pad_id, rows.tokens.dtype)
            tokens[np.arange(length) < n_filled[:, None]] = filled
            narrow = rows.narrow.take(pa.array(document))
            columns = {
                "doc_lens": pa.array(lengths, pa.int32()),
                "doc_ids": narrow["doc_id"],
                "doc_offsets": pa.array(self.pieces.offset[here], pa.int32()),
                "languages": narrow["language"],
                "domains": narrow["domain"],
                "sources": narrow["source"],
            }
            bounds = pa.array(first - first[0], pa.int32())
            lists = [pa.ListArray.from_arrays(bounds, _plain(columns[name])) for name in schema.names[1:]]
            fixed = pa.FixedSizeListArray.from_arrays(pa.array(tokens.reshape(-1)), length)
            yield pa.record_batch([fixed, *lists], names=schema.names)


def _plain(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _manifest_phase(
    recipe: Recipe,
    *,
    encoded: list[Receipt],
    packed: list[Receipt],
    model: FileEntry,
    special: Mapping[str, int],
) -> Phase:
    listed = [
        {
            "path": entry.path.removeprefix("shards/"),
            "sequences": entry.rows,
            "tokens": receipt.counts["tokens"],
            "bytes": entry.bytes,
            "checksum": entry.checksum,
        }
        for receipt in packed
        for entry in receipt.files
    ]
    listed.sort(key=lambda each: str(each["path"]))
    totals = {
        "shards": len(listed),
        "sequences": sum(each.counts.get("sequences", 0) for each in packed),
        "tokens": sum(each.counts["tokens"] for each in encoded),
        "documents": sum(each.counts["documents"] for each in encoded),
        "text_bytes": sum(each.counts["bytes"] for each in encoded),
    }
    return Phase(
        name="manifest",
        stage="pack",
        function=write_manifest,
        version=VERSION,
        settings=_settings(recipe, model=model, special=special),
        tables=(MANIFEST,),
        work=(Work(descriptor={"shards": listed, "totals": totals}),),
    )


def write_manifest(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the manifest, which settings and descriptor hold; say so, if packing lost a token."""
    del store
    descriptor = unit.descriptor
    written = sum(each["tokens"] for each in descriptor["shards"])
    if written != descriptor["totals"]["tokens"]:
        raise ValueError(f"shards hold {written:,} tokens of {descriptor['totals']['tokens']:,} encoded")
    token_type = "uint16" if settings["vocabulary_size"] <= 1 << 16 else "uint32"
    manifest = {name: settings[name] for name in settings if name != "libraries"} | {"token_type": token_type}
    text = json.dumps(manifest | dict(descriptor), indent=1, sort_keys=True) + "\n"
    output.file(MANIFEST, text.encode())
    for name, amount in descriptor["totals"].items():
        output.count(name, amount)
