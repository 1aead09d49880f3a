"""Tables and their columns: what a table is, and the columns that many tables have."""

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of an output folder: its name, what one row is, and its Arrow schema."""

    name: str
    row: str
    schema: pa.Schema


def column(name: str, kind: pa.DataType, meaning: str) -> pa.Field:
    return pa.field(name, kind, metadata={"meaning": meaning})


STRING, INT32, INT64, FLOAT, DOUBLE, BOOL = (
    pa.string(),
    pa.int32(),
    pa.int64(),
    pa.float32(),
    pa.float64(),
    pa.bool_(),
)

DOC_ID = column("doc_id", STRING, "Document id: 32 hexadecimal digits from origin and content.")
SOURCE = column("source", STRING, "Name of the recipe's input that the record came from.")
DOMAIN = column("domain", STRING, "Domain that the recipe gives the input, such as finance or medicine.")
LICENCE = column("licence", STRING, "Licence that the recipe gives the input; in curated text, else the page's own.")
URI = column("uri", STRING, "Where the record came from: its URL, or the file and the place in it.")
LANGUAGE = column(
    "language",
    STRING,
    "ISO 639-3 language and ISO 15924 script, such as zho_Hans; und_Hans if unsure, und without letters.",
)
TITLE = column("title", STRING, "Title, where the record has one.")
DATE = column("date", STRING, "Date of publication or capture as the record states it (ISO 8601), if it does.")
