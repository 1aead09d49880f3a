"""What each language pays: a table, JSON and a chart of one tokenizer, or of two side by side."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from gristmill.schemas import SAMPLE
from gristmill.tokenizer.encode import Encoder
from gristmill.tokenizer.evaluate import Tally, costs, parallel_costs, parities, tally
from gristmill.tokenizer.report_chart import Bar, draw

MODELS = ("tokenizer.model", "tokenizer.json")
_LANGUAGES = ("language", "lang")
_LINES = 4096


@dataclass(frozen=True, kw_only=True)
class Row:
    """One language and one tokenizer.

    Attributes:
        parity: tokens per character beside the mean of all languages.
        cost: tokens beside English: of the same texts if they are parallel, else per character. None without English.
    """

    language: str
    tally: Tally
    parity: float
    cost: float | None

    def to_dict(self) -> dict[str, Any]:
        ratios = ("fertility", "bytes_per_token", "characters_per_token", "coverage", "byte_ratio")
        found = {name: round(getattr(self.tally, name), 6) for name in ratios}
        cost = None if self.cost is None else round(self.cost, 6)
        return {"language": self.language, **vars(self.tally), **found, "parity": round(self.parity, 6), "cost": cost}


@dataclass(frozen=True, kw_only=True)
class Report:
    """Rows of each tokenizer, by its name, the languages in one order: those that pay most come first.

    Attributes:
        parallel: whether the texts are translations of each other, so that `cost` is exact.
        vocabularies: size of each tokenizer's vocabulary.
    """

    rows: Mapping[str, Sequence[Row]]
    parallel: bool
    vocabularies: Mapping[str, int]

    def to_text(self) -> Iterator[str]:
        """A table for a terminal, line by line."""
        measure = "tokens of the same text beside English" if self.parallel else "tokens per character beside English"
        for name, rows in self.rows.items():
            yield f"{name}: {self.vocabularies[name]:,} tokens"
            yield f"cost: {measure}; parity: tokens per character beside the mean"
            yield (
                f"{'language':<12} {'bytes':>12} {'tokens':>11} {'fertility':>9} {'B/token':>8} {'chars/token':>11} "
                f"{'coverage':>9} {'byte share':>10} {'parity':>7} {'cost':>6}"
            )
            for row in rows:
                each = row.tally
                yield (
                    f"{row.language:<12} {each.n_bytes:>12,} {each.tokens:>11,} {each.fertility:>9.2f} "
                    f"{each.bytes_per_token:>8.2f} {each.characters_per_token:>11.2f} {100 * each.coverage:>8.2f}% "
                    f"{100 * each.byte_ratio:>9.2f}% {row.parity:>7.2f} {_shown(row.cost):>6}"
                )
            yield ""

    def to_json(self) -> str:
        """One object: the tokenizers' names, vocabularies and rows."""
        tokenizers = [
            {"name": name, "vocabulary_size": self.vocabularies[name], "languages": [row.to_dict() for row in rows]}
            for name, rows in self.rows.items()
        ]
        return json.dumps({"parallel": self.parallel, "tokenizers": tokenizers})

    def to_svg(self) -> str:
        """A chart of the costs, or, where there is no English, of parity."""
        by_cost = all(row.cost is not None for rows in self.rows.values() for row in rows)
        bars = [
            Bar(
                name=first.language,
                values=tuple((row.cost if by_cost else row.parity) or 0.0 for row in (first, *rest)),
            )
            for first, *rest in zip(*self.rows.values(), strict=True)
        ]
        beside = "English" if by_cost else "the mean of all languages"
        what = "the same text" if by_cost and self.parallel else "as many characters"
        return draw(bars, names=list(self.rows), title=f"Tokens for {what}, beside {beside}")


def report(output: Path, *, beside: Path | None = None, text: Path | None = None) -> Report:
    """Measure the tokenizer of an output folder, or of a file.

    Args:
        output: the output folder of a run; or a SentencePiece model or tokenizer.json, which needs `text`.
        beside: another tokenizer, to put side by side: the same three.
        text: what to measure on: Parquet or JSON lines (also .gz, .zst) with columns `text` and `language` (or `lang`).
            By default the sample of the output folder. If each language has as many texts as English, or several times
            as many, they are taken for translations of each other, in the same order.

    Time: that of encoding the text with each tokenizer. Memory: some MB of text, as it streams.

    Raises:
        ImportError: one is a tokenizer.json, and its library is not installed.
        ValueError: there is no tokenizer, no text, or not of the form above.
    """
    names = _names([output] if beside is None else [output, beside])
    encoders = {name: _load(path) for name, path in names.items()}
    tallies: dict[str, dict[str, Tally]] = {name: {} for name in names}
    for language, texts in _texts(text or _sample(output)):
        for name, encoder in encoders.items():
            tallies[name][language] = tallies[name].get(language, Tally()) + tally(encoder, texts)
    first = next(iter(tallies.values()))
    if not first:
        raise ValueError(f"{text or output}: no text to measure on")
    leading = next(iter(names))
    exact = {name: parallel_costs(each) for name, each in tallies.items()}
    parallel = text is not None and len(first) > 1 and None not in exact[leading].values()
    found = exact if parallel else {name: costs(each) for name, each in tallies.items()}
    means = {name: parities(each) for name, each in tallies.items()}
    order = sorted(first, key=lambda language: (-(found[leading][language] or means[leading][language]), language))
    return Report(
        rows={
            name: [
                Row(language=each, tally=tallies[name][each], parity=means[name][each], cost=found[name][each])
                for each in order
            ]
            for name in names
        },
        parallel=parallel,
        vocabularies={name: encoder.vocabulary_size for name, encoder in encoders.items()},
    )


def _names(paths: Sequence[Path]) -> dict[str, Path]:
    """A short name for each tokenizer; the whole path where two would have the same."""
    short = [path.name if path.name not in MODELS else path.absolute().parent.name for path in paths]
    return dict(zip(short if len(set(short)) == len(paths) else map(str, paths), paths, strict=True))


def _load(path: Path) -> Encoder:
    candidates = [path / "tokenizer" / name for name in MODELS] + [path / name for name in MODELS]
    file = next((each for each in candidates if each.is_file()), path) if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"{path}: no tokenizer, nor an output folder that has one")
    try:
        return Encoder.load(file.read_bytes(), ends=False)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error


def _sample(output: Path) -> Path:
    folder = output / SAMPLE.name
    if not folder.is_dir():
        raise ValueError(f"{output}: no sample to measure on; name a file of text")
    return folder


def _texts(source: Path) -> Iterator[tuple[str, pa.Array]]:
    """Language and texts, some at a time."""
    if source.is_dir():
        for path in sorted(source.rglob("*.parquet")):
            yield from _texts(path)
        return
    if not source.is_file():
        raise ValueError(f"{source}: no such file")
    for batch in _parquet(source) if source.suffix == ".parquet" else _json_lines(source):
        languages = pc.fill_null(batch["language"], "und")
        for language in pc.unique(languages).to_pylist():
            yield language, batch["text"].filter(pc.equal(languages, language))


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path) as file:
            column = next((name for name in _LANGUAGES if name in file.schema_arrow.names), None)
            if column is None or "text" not in file.schema_arrow.names:
                raise ValueError(f"{path}: needs columns 'text' and 'language'")
            for batch in file.iter_batches(_LINES, columns=[column, "text"]):
                columns = [batch[name].cast(pa.large_string()) for name in (column, "text")]
                yield pa.record_batch(columns, names=["language", "text"])
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error


def _json_lines(path: Path) -> Iterator[pa.RecordBatch]:
    packing = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}.get(path.suffix)
    schema = pa.schema({"language": pa.large_string(), "text": pa.large_string()})
    try:
        with pa.input_stream(str(path), compression=packing) as raw:
            lines = io.TextIOWrapper(raw, "utf-8")
            while some := list(islice(lines, _LINES)):
                yield pa.RecordBatch.from_pylist([_row(path, line) for line in some], schema=schema)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from error


def _row(path: Path, line: str) -> dict[str, str | None]:
    try:
        value = json.loads(line)
        return {"language": next(value[name] for name in _LANGUAGES if name in value), "text": value["text"]}
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise ValueError(f"{path}: a line without 'text' and 'language': {line[:60]!r}") from error


def _shown(cost: float | None) -> str:
    return "–" if cost is None else f"{cost:.2f}"
