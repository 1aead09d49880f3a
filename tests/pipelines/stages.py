"""Running stages in this process, and making curated tables without the stages before them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.pipelines.checkpoints import Output, Receipt, Store, unit
from gristmill.pipelines.engine import Observer, Stage, Task, Unit, run
from gristmill.schemas import CURATED, Recipe, digest

Document = Mapping[str, Any]


def recipe(**sections: Any) -> Recipe:
    """A recipe with one input and the sections given."""
    inputs = [{"name": name, "paths": ["*"], "domain": domain} for name, domain in SOURCES.items()]
    return Recipe.model_validate({"inputs": inputs, **sections})


SOURCES = {"web": "general", "bank": "finance"}


def document(
    name: str,
    text: str,
    *,
    language: str = "eng_Latn",
    source: str = "web",
    cluster_size: int = 1,
    quality: float | None = None,
) -> Document:
    given = {"text": text, "language": language, "source": source, "cluster_size": cluster_size, "quality": quality}
    return {"doc_id": digest(name.encode()), **given}


def curated(store: Store, files: Iterable[Iterable[Document]]) -> list[Receipt]:
    """Curated files as `curate` would have written them: one per language and group of documents."""
    receipts = []
    for number, documents in enumerate(files):
        by_language: dict[str, list[Document]] = {}
        for each in documents:
            by_language.setdefault(each["language"], []).append(each)
        work = unit(phase="curate", version=1, settings={}, descriptor={"number": number})
        with Output(store, phase="curate", version=1, settings={}, unit=work) as output:
            for language, members in by_language.items():
                rows = [
                    {
                        "doc_id": each["doc_id"],
                        "source": each["source"],
                        "domain": SOURCES[each["source"]],
                        "licence": "unknown",
                        "uri": "test",
                        "title": None,
                        "date": None,
                        "quality": each["quality"],
                        "cluster_size": each["cluster_size"],
                        "text": each["text"],
                    }
                    for each in members
                ]
                with output.table(CURATED, partition=f"language={language}") as writer:
                    writer.write(pa.RecordBatch.from_pylist(rows, schema=CURATED.schema))
        receipts += [each for key, each in store.receipts("curate").items() if key == work.key]
    return receipts


class Runner:
    """Runs stages, and remembers how many units of each phase were done."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder))
        self.done: dict[str, int] = {}

    def __call__(self, stage: Stage) -> list[Receipt]:
        self.done = {}
        returned: list[Receipt] = []

        def listening() -> Stage:
            returned.extend((yield from stage))
            return returned

        observer = Observer(watch=lambda _, work: work(), done=lambda *_: None)
        run(listening(), store=self.store, execute=self._execute, observer=observer)
        return returned

    def _execute(self, task: Task, units: list[Unit]) -> None:
        for each in units:
            task(each)
        self.done[task.phase] = self.done.get(task.phase, 0) + len(units)
