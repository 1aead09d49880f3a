"""`gristmill calibrate`: limits per language from an output folder or from files of good text, and what they change."""

import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.filters.calibrate import BASE, MIN_DOCUMENTS, Calibration, calibrate
from gristmill.filters.rules import Limits, decide
from gristmill.reports import safe
from gristmill.reports.limits_file import to_toml
from gristmill.reports.views import connect
from gristmill.reports.what_if import Change, changes, known_rule, limits_of
from gristmill.schemas import SIGNAL_FIELDS, SIGNALS
from gristmill.schemas.recipe import Language, Rules

BATCH = 512
"""Texts that are measured at a time."""

_CODE = re.compile("[a-z]{3}_[A-Z][a-z]{3}")

Measure = Callable[[pa.StringArray, pa.StringArray], pa.RecordBatch]
"""Ids and texts to rows of signals: `Annotator.annotate`."""


class _Reference(NamedTuple):
    text: str
    language: str | None


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What was fitted, from what, and what each limit changes in the output folder, where there is one."""

    source: str
    calibration: Calibration
    changes: tuple[tuple[str, Change], ...] = ()

    def to_toml(self) -> str:
        """The limits as `[rules.limits]` of a recipe."""
        return to_toml(self.calibration, about=f"From {self.source}.")

    def to_text(self) -> Iterator[str]:
        """For people: a line for each limit, with documents and bytes where they are known."""
        fitted = self.calibration
        yield f"{self.source}: {sum(fitted.documents.values()):,} documents, {len(fitted.fits)} languages fitted"
        found = {(rule, change.language): change for rule, change in self.changes}
        for code, fits in fitted.fits.items():
            yield f"{code:<12}{fitted.documents[code]:>8,} documents{'' if fits else ', no change needed'}"
            for fit in fits:
                limit = "off" if fit.limit is None else safe.number(fit.limit)
                yield (
                    f"    {fit.rule:<42}{safe.number(fit.before):>10} -> {limit:<10}"
                    f" reference dropped {fit.dropped_before:.1%} -> {fit.dropped:.1%}"
                    + _changed(found.get((fit.rule, code)))
                )
        for code, n in fitted.few.items():
            yield f"{code:<12}{n:>8,} documents: too few to fit"


def _changed(change: Change | None) -> str:
    if change is None:
        return ""
    return (
        f"; keeps {change.gained:,} more ({safe.size(change.gained_bytes)}),"
        f" drops {change.lost:,} more ({safe.size(change.lost_bytes)})"
    )


def from_output(out: str, *, base: str = BASE, min_documents: int = MIN_DOCUMENTS) -> Calibrated:
    """Fit limits from an output's reference documents; from the documents that it keeps, where it has none.

    Raises:
        ValueError: there are no verdicts, or too few documents of the base language.
    """
    with connect(out) as connection:
        limits = limits_of(connection)
        reference = _documents(connection, "documents.role = 'reference'")
        source = f"the reference documents of {out}"
        if not reference.num_rows:
            reference = _documents(connection, "verdicts.keep")
            source = f"the documents that {out} keeps, since it has no reference documents"
        fitted = calibrate(reference, limits, base=base, min_documents=min_documents)
        return Calibrated(source=source, calibration=fitted, changes=tuple(_effects(connection, fitted, limits)))


def from_text(
    path: str, measure: Measure, *, limits: Limits | None = None, base: str = BASE, min_documents: int = MIN_DOCUMENTS
) -> Calibrated:
    """Fit limits from good text: a Parquet or JSON lines file, or a folder of such files, with a column `text`.

    A column `language` (codes such as deu_Latn) goes over what is identified; without it, texts whose language is
    unsure (below the limits' `min_score`) are left out.

    Raises:
        ValueError: there is no such file, or no text in it, or too few documents of the base language.
    """
    holding = limits or Limits.load(Rules().sets, min_score=Language().min_score)
    batches = [_measured(batch, measure, holding) for batch in _batches(path)]
    if not batches:
        raise ValueError(f"{path}: no text in it")
    fitted = calibrate(pa.Table.from_batches(batches), holding, base=base, min_documents=min_documents)
    return Calibrated(source=Path(path).name, calibration=fitted)


def _measured(batch: Sequence[_Reference], measure: Measure, limits: Limits) -> pa.RecordBatch:
    ids = pa.array([str(number) for number in range(len(batch))])
    signals = measure(ids, pa.array([each.text for each in batch], pa.string()))
    identified = decide(signals, limits)["language"]
    languages = pc.coalesce(pa.array([each.language for each in batch], pa.string()), identified)
    columns = [languages, *(signals[field.name] for field in SIGNAL_FIELDS)]
    return pa.record_batch(columns, names=["language", *(field.name for field in SIGNAL_FIELDS)])


def is_output(path: str) -> bool:
    """Whether a folder is a run's output, not a folder of text."""
    return (Path(path) / SIGNALS.name).is_dir() or (Path(path) / "receipts").is_dir()


def _documents(connection: duckdb.DuckDBPyConnection, condition: str) -> pa.Table:
    names = ", ".join(f'signals."{field.name}"' for field in SIGNAL_FIELDS)
    found: pa.Table = connection.sql(
        f"SELECT verdicts.language, {names} FROM signals JOIN verdicts USING (doc_id) JOIN documents USING (doc_id)"
        f" WHERE {condition} ORDER BY signals.doc_id"
    ).to_arrow_table()
    return found


def _effects(
    connection: duckdb.DuckDBPyConnection, fitted: Calibration, limits: Limits
) -> Iterator[tuple[str, Change]]:
    """What each fitted limit alone changes in the output."""
    asked: dict[str, dict[str, Sequence[float | None]]] = {}
    for code, fits in fitted.fits.items():
        for fit in fits:
            asked.setdefault(fit.rule, {})[code] = [fit.limit]
    for name, limit_of in asked.items():
        for change in changes(connection, known_rule(name, limits), limit_of, limits=limits):
            yield name, change


def _batches(path: str) -> Iterator[list[_Reference]]:
    """Texts of a file or folder, `BATCH` at a time; empty ones left out."""
    root = Path(path)
    if not root.exists():
        raise ValueError(f"{path}: no such file or folder")
    if not root.is_dir() and not root.is_file():
        raise ValueError(f"{path}: is a pipe or a device; name a file or a folder")
    files = sorted(each for each in root.rglob("*") if each.is_file()) if root.is_dir() else [root]
    texts = (each for file in files for each in _read(file) if each.text)
    while batch := list(itertools.islice(texts, BATCH)):
        yield batch


def _read(file: Path) -> Iterator[_Reference]:
    if file.suffix == ".parquet":
        yield from _read_parquet(file)
    elif {".jsonl", ".ndjson"} & set(file.suffixes):
        kind = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}.get(file.suffix)
        with pa.input_stream(str(file), compression=kind) as stream:
            yield from (_parsed(line, file) for line in io.BufferedReader(stream) if line.strip())
    else:
        raise ValueError(f"{file}: reference text is read from .parquet and .jsonl files (gz, zst, bz2 too)")


def _read_parquet(file: Path) -> Iterator[_Reference]:
    with pq.ParquetFile(file) as parquet:
        names = parquet.schema_arrow.names
        if "text" not in names:
            raise ValueError(f"{file}: no column 'text' (columns: {', '.join(names)})")
        columns = [name for name in _Reference._fields if name in names]
        for batch in parquet.iter_batches(batch_size=BATCH, columns=columns):
            texts = batch["text"].cast(pa.string()).to_pylist()
            languages = batch["language"].to_pylist() if "language" in columns else [None] * len(texts)
            for text, language in zip(texts, languages, strict=True):
                yield _reference(text or "", language, file)


def _parsed(line: bytes, file: Path) -> _Reference:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: a line is not JSON ({error})") from error
    text = value.get("text") if isinstance(value, dict) else None
    if not isinstance(text, str):
        raise ValueError(f"{file}: a line has no string 'text'")  # noqa: TRY004 - the file is wrong, not the code
    return _reference(text.encode("utf-8", "replace").decode(), value.get("language"), file)


def _reference(text: str, language: object, file: Path) -> _Reference:
    if language is not None and not (isinstance(language, str) and _CODE.fullmatch(language)):
        raise ValueError(f"{file}: language {language!r} is no code such as deu_Latn; give codes, or leave it out")
    return _Reference(text, language)
