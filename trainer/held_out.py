"""Documents to measure models on: those that an output holds out, or a file of one's own; encoded once for any model.

Document ids are hashes, so the first ones in their order are a random choice, the same in every output that has them.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.json

from gristmill.schemas import HELD_OUT, digest
from gristmill.tokenizer import Encoder
from gristmill.trainer.shards import Manifest, ManifestError

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
    folder = output / HELD_OUT.name
    if not any(folder.glob("*.parquet")):
        raise ValueError(
            f"{output}: no documents are held out; run it again with held_out.share above 0 in the recipe, or measure"
            " on a file of your own"
        )
    return _chosen(pyarrow.dataset.dataset(folder, schema=_SCHEMA), most=most)


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


def encoder_of(output: Path, manifest: Manifest) -> Encoder:
    """The tokenizer that an output's shards were made with.

    Raises:
        ManifestError: it is not there.
    """
    files = (output / "tokenizer" / each for each in _TOKENIZERS)
    for model in (each.read_bytes() for each in files if each.is_file()):
        if digest(model) == manifest.tokenizer:
            return replace(Encoder.load(model, ends=False), end_id=manifest.end_id, pad_id=manifest.pad_id)
    raise ManifestError(f"{output}/tokenizer: the tokenizer that the shards were made with is not there")


def _chosen(dataset: pyarrow.dataset.Dataset, *, most: int | None) -> pa.Table:
    """The first documents of each language, in the order of their ids."""
    order = [("language", "ascending"), ("doc_id", "ascending")]
    ids = dataset.to_table(["doc_id", "language"]).sort_by(order)
    languages = ids["language"].to_numpy()
    place = np.arange(len(languages)) - np.searchsorted(languages, languages)
    first = ids["doc_id"].filter(pa.array(place < (len(ids) if most is None else most)))
    return dataset.to_table(filter=pc.field("doc_id").isin(first.combine_chunks())).sort_by("doc_id")


def _parquet(path: Path) -> pa.Table:
    return pyarrow.dataset.dataset(path, schema=_SCHEMA).to_table()


def _json_lines(path: Path) -> pa.Table:
    options = pyarrow.json.ParseOptions(explicit_schema=_SCHEMA, unexpected_field_behavior="ignore")
    return pyarrow.json.read_json(path, parse_options=options)
