"""Documents to measure models on: those that an output holds out, or a file of one's own; encoded once for any model.

Document ids are hashes, so the first ones in their order are a random choice, the same in every output that has them.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.json

from gristmill.schemas import HELD_OUT, digest
from gristmill.tokenizer import Encoder
from gristmill.trainer.shards import ManifestError

_SCHEMA = pa.schema([HELD_OUT.schema.field(each) for each in ("doc_id", "language", "domain", "text")])
_TOKENIZERS = ("tokenizer.model", "tokenizer.json")


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Documents as token ids, each with its end token.

    Attributes:
        about: doc_id, language, domain, bytes and tokens of each.
        ids: of all of them, one after another.
        vocabulary_size: ids are below it.
    """

    about: pa.Table
    ids: npt.NDArray[np.int64]
    vocabulary_size: int


def documents(output: Path, *, most: int | None = None) -> pa.Table:
    """What an output holds out: doc_id, language, domain, text, by doc_id; of each language at most so many.

    Memory: the ids of all of them, and the text of the chosen ones.

    Raises:
        ValueError: it holds out nothing.
    """
    return _chosen(_held_out(output), most=most)


def shared(a: Path, b: Path, *, most: int | None = None) -> tuple[pa.Table, int]:
    """The same of what two outputs both hold out, and how many more are left out, whose texts differ in the two.

    Languages and domains are those of the first. A text that only one of them has edited would favour its own model.

    Raises:
        ValueError: they hold out nothing, or no text in common.
    """
    here, there = _held_out(a), _held_out(b)
    of_a, of_b = (each.to_table(["doc_id"])["doc_id"].combine_chunks() for each in (here, there))
    both = of_a.filter(pc.is_in(of_a, of_b))
    found = _chosen(here, most=most, among=both)
    other = there.to_table(filter=pc.field("doc_id").isin(found["doc_id"].combine_chunks())).sort_by("doc_id")
    same = found.filter(pc.equal(found["text"], other["text"]))
    if same.num_rows == 0:
        raise ValueError(
            f"{a} and {b} hold out no text in common: {len(of_a):,} documents and {len(of_b):,}, {len(both):,} of them"
            " in both; outputs of the same input can be compared"
        )
    return same, found.num_rows - same.num_rows


def _held_out(output: Path) -> pyarrow.dataset.Dataset:
    folder = output / HELD_OUT.name
    if not any(folder.glob("*.parquet")):
        raise ValueError(
            f"{output}: no documents are held out; run it again with held_out.share above 0 in the recipe, or measure"
            " on a file of your own"
        )
    return pyarrow.dataset.dataset(folder, schema=_SCHEMA)


def documents_of(path: Path, *, most: int | None = None) -> pa.Table:
    """The same of a file: Parquet, or JSON lines, also compressed, with `text`; without a language they are `und`.

    Raises:
        ValueError: it cannot be read, or has no text.
    """
    try:
        table = _parquet(path) if path.suffix == ".parquet" else _json_lines(path)
    except pa.ArrowException as error:
        raise ValueError(f"{path}: neither Parquet nor JSON lines with a text in each: {error}") from error
    table = table.filter(pc.greater(pc.binary_length(table["text"]), 0))
    if table.num_rows == 0:
        raise ValueError(f"{path}: no record has a 'text'")
    # Whatever ids the file has, those made of the text are hashes.
    filled = {"doc_id": pa.array(digest(each.encode()) for each in table["text"].to_pylist())}
    filled |= {name: pc.fill_null(table[name], value) for name, value in (("language", "und"), ("domain", ""))}
    table = pa.table(filled | {"text": table["text"]}, schema=_SCHEMA)
    return _chosen(pyarrow.dataset.dataset(table), most=most)


def encode(table: pa.Table, encoder: Encoder) -> Encoded:
    """Encode documents. Time: 40 MB/s, see `Encoder`. Memory: eight bytes a token."""
    found = encoder.encode(table["text"], end=True)
    about = table.drop_columns("text").append_column("bytes", pc.binary_length(table["text"]).cast(pa.int64()))
    about = about.append_column("tokens", pa.array(np.diff(found.offsets)))
    return Encoded(about=about, ids=found.ids.astype(np.int64), vocabulary_size=encoder.vocabulary_size)


class Tokenized(Protocol):
    """Whatever was made with a tokenizer: shards' manifests, trained models."""

    @property
    def tokenizer(self) -> str:
        """Checksum of the tokenizer's file."""

    @property
    def end_id(self) -> int: ...

    @property
    def pad_id(self) -> int: ...


def encoder_of(output: Path, made: Tokenized) -> Encoder:
    """The tokenizer of an output that its shards, or models of them, were made with.

    Raises:
        ManifestError: it is not there.
    """
    files = (output / "tokenizer" / each for each in _TOKENIZERS)
    for model in (each.read_bytes() for each in files if each.is_file()):
        if digest(model) == made.tokenizer:
            return replace(Encoder.load(model, ends=False), end_id=made.end_id, pad_id=made.pad_id)
    raise ManifestError(f"{output}/tokenizer: the tokenizer that shards or model were made with is not there")


def _chosen(dataset: pyarrow.dataset.Dataset, *, most: int | None, among: pa.Array | None = None) -> pa.Table:
    """The first documents of each language, in the order of their ids."""
    order = [("language", "ascending"), ("doc_id", "ascending")]
    allowed = None if among is None else pc.field("doc_id").isin(among)
    ids = dataset.to_table(["doc_id", "language"], filter=allowed).sort_by(order)
    languages = ids["language"].to_numpy()
    place = np.arange(len(languages)) - np.searchsorted(languages, languages)
    first = ids["doc_id"].filter(pa.array(place < (len(ids) if most is None else most)))
    return dataset.to_table(filter=pc.field("doc_id").isin(first.combine_chunks())).sort_by("doc_id")


def _parquet(path: Path) -> pa.Table:
    return pyarrow.dataset.dataset(path, schema=_SCHEMA).to_table()


def _json_lines(path: Path) -> pa.Table:
    options = pyarrow.json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")
    return pyarrow.json.read_json(path, parse_options=options)
