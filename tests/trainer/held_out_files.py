"""Makes documents that are held out."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.schemas import HELD_OUT, digest

TEXTS = {
    "eng_Latn": ["the bank pays", "all people work in a factory", "the work of the bank " * 20],
    "deu_Latn": ["die Bank", "Bärenfüße in der Fabrik"],
}


def write(output: Path, texts: Mapping[str, Iterable[str]] | None = None) -> Path:
    """Texts of languages as an output's held-out documents, in two files, of two domains in turns."""
    rows = [
        {"doc_id": digest(text.encode()), "language": language, "text": text, "domain": ("bank", "web")[number % 2]}
        for language, of_language in (texts or TEXTS).items()
        for number, text in enumerate(of_language)
    ]
    folder = output / HELD_OUT.name
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(2):
        pq.write_table(pa.Table.from_pylist(rows[number::2], schema=HELD_OUT.schema), folder / f"{number}.parquet")
    return output
