"""Any input file as records: `detect` what it is, `plan` its splits, `read` each of them."""

from collections.abc import Iterator

from gristmill.pipelines.readers import delimited, jsonl, parquet, warc, whole
from gristmill.pipelines.readers.detect import Kind, detect
from gristmill.pipelines.readers.records import InputError, Record, Split
from gristmill.pipelines.readers.splits import plan
from gristmill.schemas.recipe import Columns

__all__ = ["InputError", "Kind", "Record", "Split", "detect", "plan", "read"]


def read(split: Split, *, columns: Columns, max_record_bytes: int) -> Iterator[Record]:
    """Every record that begins in a split, in the file's order; damaged ones too, as unreadable.

    Args:
        split: from `plan`.
        columns: names of columns (Parquet, CSV) or keys (JSONL).
        max_record_bytes: larger records, also once decompressed, are unreadable: too_large.

    Raises:
        InputError: a Parquet or CSV file lacks a column that the recipe names.
        OSError: the file is missing or cannot be read.
    """
    match split.format:
        case "warc":
            return warc.read(split, max_record_bytes=max_record_bytes)
        case "jsonl":
            return jsonl.read(split, columns=columns, max_record_bytes=max_record_bytes)
        case "parquet":
            return parquet.read(split, columns=columns, max_record_bytes=max_record_bytes)
        case "csv" | "tsv":
            return delimited.read(split, columns=columns, max_record_bytes=max_record_bytes)
        case "html" | "text" | "markdown" | "pdf":
            return whole.read(split, max_record_bytes=max_record_bytes)
        case "unknown":
            detail = "neither its content nor its name says what the file is; the recipe's `format` can"
            return iter([Record.unreadable(rule="format.unknown", detail=detail, offset=0, n_bytes=split.size)])
