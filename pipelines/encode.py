"""Encode: curated text -> `tokens`, one row for each copy of a document that the mixture asks for, in shuffled order.

Each file is sorted by `order`, a hash. So what falls into a range of `order`, over all files, is a random sample of the
whole mixture, and can be read without the rest: the row groups are small, and their statistics tell what they hold.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters._jit import jit
from gristmill.pipelines import files, mixture, tables, weigh
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Work
from gristmill.pipelines.mixture_plan import Plan
from gristmill.schemas import CURATED, TOKENS, Recipe
from gristmill.tokenizer import Encoder, libraries_of

VERSION = 2
PHASE = "encode"

ROW_GROUP_TOKENS = 1 << 17
"""Tokens per row group, about: a shard reads one or a few of each file, so they must be small beside a shard."""

MAX_ROW_GROUP_ROWS = 1 << 14

_KEPT = ["doc_id", "source", "domain", "quality"]


def phase(recipe: Recipe, *, curated: list[Receipt], model: FileEntry, plans: Mapping[weigh.Group, Plan]) -> Phase:
    """One unit for each curated file that any of is used."""
    work = []
    rates = mixture.by_language(plans, recipe.mixture)
    for receipt in curated:
        for entry in receipt.of(CURATED):
            language = weigh.language_of(entry)
            if mixture.is_used(here := rates[language]):
                work.append(
                    Work(
                        descriptor={
                            "curated": entry.checksum,
                            "language": language,
                            "rates": here,
                            "tokenizer": model.checksum,
                        },
                        local={"curated": entry.path, "tokenizer": model.path},
                        size=entry.text_bytes,
                    )
                )
    return Phase(
        name=PHASE,
        stage="pack",
        function=encode_file,
        version=VERSION,
        libraries=libraries_of(model.path),
        settings={"seed": recipe.seed, "end_token": recipe.tokenizer.end_token},
        tables=(TOKENS.name,),
        work=tuple(work),
    )


def encode_file(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Encode a file's documents, and write their copies in the order of the shuffle.

    Memory: four bytes for each token of the file, about as much as its text.
    """
    model = files.read(store.path(unit.local["tokenizer"]))
    encoder = Encoder.load(model, end=settings["end_token"])
    found = _Encoded.of(unit, seed=settings["seed"], encoder=encoder, store=store)
    lengths = np.diff(found.starts)
    copies = found.copy_table(seed=settings["seed"], language=unit.descriptor["language"])
    documents = copies["document"].to_numpy()
    rows = _rows_per_group(int(lengths[documents].sum()), len(documents))
    with output.table(TOKENS, row_group_rows=rows) as writer:
        for start in range(0, len(documents), rows):
            chosen = documents[start : start + rows]
            offsets = np.concatenate([[0], np.cumsum(lengths[chosen])])
            tokens = gather(found.tokens, starts=found.starts[chosen], offsets=offsets)
            lists = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(tokens))
            narrow = copies.slice(start, rows).drop_columns("document")
            writer.write(narrow.append_column("tokens", lists).select(TOKENS.schema.names))
    mixture.count(output, copies, tokens=lengths[documents], n_bytes=found.n_bytes[documents])


@dataclass(frozen=True, kw_only=True)
class _Encoded:
    """The documents of a file that are used at least once.

    Attributes:
        documents: doc_id, source, domain and quality of each.
        copies: how often each is used, at least once.
        tokens: ids of all of them, one after another, each with the end token.
        starts: where each begins, and the end of the last.
        n_bytes: bytes of text of each.
    """

    documents: pa.Table
    copies: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    n_bytes: npt.NDArray[np.int64]

    @classmethod
    def of(cls, unit: Unit, *, seed: int, encoder: Encoder, store: Store) -> Self:
        documents = [CURATED.schema.empty_table().select(_KEPT)]
        copies, sizes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        tokens: list[npt.NDArray[np.uint32]] = [np.empty(0, np.uint32)]
        lengths = [np.zeros(1, np.int64)]
        for batch, times in _used(unit, seed=seed, store=store):
            documents.append(pa.table(batch.select(_KEPT)))
            copies.append(times)
            sizes.append(pc.binary_length(batch["text"]).to_numpy(zero_copy_only=False).astype(np.int64))
            found = encoder.encode(batch["text"], end=True)
            tokens.append(found.ids)
            lengths.append(np.diff(found.offsets))
        return cls(
            documents=pa.concat_tables(documents).combine_chunks(),
            copies=np.concatenate(copies),
            tokens=np.concatenate(tokens),
            starts=np.cumsum(np.concatenate(lengths)),
            n_bytes=np.concatenate(sizes),
        )

    def copy_table(self, *, seed: int, language: str) -> pa.Table:
        """One row per copy, in the order of the shuffle; `document` is the place among the documents."""
        which = np.repeat(np.arange(len(self.copies)), self.copies)
        number = np.arange(len(which)) - np.repeat(np.cumsum(self.copies) - self.copies, self.copies)
        doc_ids = self.documents["doc_id"].to_pylist()
        order = [
            mixture.order_of(doc_ids[document], copy, seed=seed)
            for document, copy in zip(which.tolist(), number.tolist(), strict=True)
        ]
        table: pa.Table = self.documents.take(pa.array(which))
        columns: dict[str, Any] = {
            "language": pa.repeat(pa.scalar(language), len(which)),
            "copy": pa.array(number, pa.int32()),
            "order": pa.array(order, pa.uint64()),
            "document": pa.array(which),
        }
        for name, column in columns.items():
            table = table.append_column(name, column)
        return table.take(in_order(table))


def in_order(table: pa.Table) -> pa.Array:
    """Rows by place in the shuffle; equal hashes, a matter of chance, by document and copy."""
    return pc.sort_indices(table, sort_keys=[(name, "ascending") for name in ("order", "doc_id", "copy")])


def _used(unit: Unit, *, seed: int, store: Store) -> Iterator[tuple[pa.RecordBatch, npt.NDArray[np.int64]]]:
    """The documents that are used, with their number of copies."""
    for batch in tables.batches(store, unit.local["curated"], columns=[*_KEPT, "cluster_size", "text"]):
        rates = mixture.document_rates(batch, unit.descriptor["rates"])
        times = mixture.copies(batch["doc_id"].to_pylist(), rates, seed=seed)
        if (times > 0).any():
            yield batch.filter(pa.array(times > 0)), times[times > 0]


def _rows_per_group(tokens: int, rows: int) -> int:
    mean = tokens / max(rows, 1)
    return int(min(MAX_ROW_GROUP_ROWS, max(1, ROW_GROUP_TOKENS // max(mean, 1))))


@jit
def gather(tokens: Any, starts: Any, offsets: Any) -> Any:
    """Copy slices of an array to one after another: slice i begins at starts[i] and goes to offsets[i:i+2]."""
    out = np.empty(offsets[-1], tokens.dtype)
    for place in range(len(starts)):
        length = offsets[place + 1] - offsets[place]
        out[offsets[place] : offsets[place + 1]] = tokens[starts[place] : starts[place] + length]
    return out
