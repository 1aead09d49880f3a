"""Shards of the text in the data folder, made by the pipeline's own stages in this process.

Every line is a curated document of its own: nothing is dropped, so that what comes out is all that lies there.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard

from gristmill.pipelines import pack, train_tokenizer
from gristmill.pipelines.checkpoints import Output, Receipt, Store, Unit, unit
from gristmill.pipelines.engine import Observer, Stage, Task, run
from gristmill.schemas import CURATED, Recipe, digest

Row = dict[str, Any]


@dataclass
class Runner:
    """Runs stages one unit after another, and measures the processor time of each phase."""

    store: Store
    seconds: dict[str, float] = field(default_factory=dict)

    def __call__(self, stage: Stage) -> list[Receipt]:
        found: list[Receipt] = []

        def listening() -> Stage:
            found.extend((yield from stage))
            return found

        quiet = Observer(watch=lambda _state, work: work(), done=lambda *_: None)
        run(listening(), store=self.store, execute=self._execute, observer=quiet)
        return found

    def _execute(self, task: Task, units: list[Unit]) -> None:
        started = time.process_time()
        for each in units:
            task(each)
        self.seconds[task.phase] = time.process_time() - started


@dataclass(frozen=True)
class Shards:
    """An output folder with curated text, tokenizer, tokens and shards."""

    folder: Path
    runner: Runner
    recipe: Recipe
    curated: list[Receipt]

    @classmethod
    def make(cls, folder: Path, data: Path, **sections: Any) -> "Shards":
        """Write the text of a data folder as curated, then do the stages after that."""
        return cls.of(folder, by_language(data), **sections)

    @classmethod
    def of(cls, folder: Path, rows: dict[str, list[Row]], **sections: Any) -> "Shards":
        """The same of rows of curated text by language."""
        runner = Runner(Store(str(folder)))
        inputs = [
            {"name": source, "domain": domain, "paths": ["*"]}
            for source, domain in sorted({(row["source"], row["domain"]) for each in rows.values() for row in each})
        ]
        recipe = Recipe.model_validate({"inputs": inputs, **sections})
        made = cls(folder, runner, recipe, _curate(rows, runner.store))
        made.stages()
        return made

    def stages(self) -> None:
        """Tokenizer and pack; what is there already is not done again."""
        tokenizer = self.runner(train_tokenizer.stage(self.recipe, folder="", curated=self.curated))
        self.runner(pack.stage(self.recipe, curated=self.curated, tokenizer=tokenizer))

    def again(self, phase: str) -> float:
        """Do a phase once more; its processor seconds."""
        self.runner.store.forget(phase)
        self.stages()
        return self.runner.seconds[phase]

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer" / train_tokenizer.MODEL


def by_language(data: Path) -> dict[str, list[Row]]:
    """The documents, as rows of curated text."""
    found: dict[str, list[Row]] = {}
    for path in sorted((data / "text").glob("*.jsonl.zst")):
        for number, line in enumerate(_lines(path)):
            given = json.loads(line)
            row = dict.fromkeys(CURATED.schema.names) | {
                "doc_id": digest(f"{path.name}:{number}".encode()),
                "source": path.name.removesuffix(".jsonl.zst"),
                "domain": given["domain"],
                "licence": "unknown",
                "uri": path.name,
                "cluster_size": 1,
                "text": given["text"],
            }
            found.setdefault(given["lang"], []).append(row)
    return found


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as packed:
        yield from zstandard.ZstdDecompressor().stream_reader(packed).read().decode("utf-8").splitlines()


def _curate(rows: dict[str, list[Row]], store: Store) -> list[Receipt]:
    work = unit(phase="curate", version=1, settings={}, descriptor={})
    with Output(store, phase="curate", version=1, settings={}, unit=work) as output:
        for language, members in sorted(rows.items()):
            with output.table(CURATED, partition=f"language={language}") as writer:
                writer.write(pa.RecordBatch.from_pylist(members, schema=CURATED.schema))
    return list(store.receipts("curate").values())
