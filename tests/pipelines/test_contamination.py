"""The stage: an index of all sets, then a table beside each documents file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stages import Runner, recipe

from gristmill.pipelines import contamination
from gristmill.pipelines.checkpoints import FileEntry, Output, Receipt, unit
from gristmill.pipelines.parts import Piece
from gristmill.schemas import CONTAMINATION, DOCUMENTS, EVALUATION_ITEMS, Recipe, RecipeError

QUESTION = "How many lanterns hang along the wooden bridge behind the chapel"
TEXTS = ["Nothing of interest stands here.", None, f"Riddle of the day.\n{QUESTION}?\nNobody knows.", ""]


def documents(runner: Runner, texts: Sequence[str | None]) -> list[Piece]:
    """One piece; None stands for a record that is no document."""
    work = unit(phase="ingest", version=1, settings={}, descriptor={"texts": list(texts)})
    rows = [
        {"doc_id": f"{number:032}", "text": text or "", "status": "skipped" if text is None else "ok"}
        for number, text in enumerate(texts)
    ]
    with (
        Output(runner.store, phase="ingest", version=1, settings={}, unit=work) as output,
        output.table(DOCUMENTS) as writer,
    ):
        writer.write(pa.RecordBatch.from_pylist(rows, schema=DOCUMENTS.schema))
    receipt = runner.store.receipt("ingest", work.key)
    assert receipt is not None
    (entry,) = receipt.of(DOCUMENTS)
    nothing = FileEntry(path="", rows=0, bytes=0, checksum="", table="signals", text_bytes=0)
    return [Piece(documents=entry, signals=nothing)]


def given(tmp_path: Path, **more: Any) -> Recipe:
    """A recipe with one set, of two questions."""
    lines = [{"id": "r1", "question": f"Question: {QUESTION}?"}, {"id": "r2", "question": "Who?"}]
    if not (tmp_path / "riddles.jsonl").exists():
        (tmp_path / "riddles.jsonl").write_text("\n".join(map(json.dumps, lines)))
    sets = [{"name": "riddles", "paths": ["riddles.jsonl"], "fields": ["question"]}]
    return recipe(contamination={"sets": sets, **more})


def run(runner: Runner, which: Recipe, folder: Path, texts: Sequence[str | None] = TEXTS) -> list[Receipt]:
    return runner(contamination.stage(which, folder=str(folder), pieces=documents(runner, texts)))


def test_the_table_is_aligned_with_the_documents(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "out")
    (receipt,) = run(runner, given(tmp_path), tmp_path)
    (entry,) = receipt.of(CONTAMINATION)
    rows = pq.read_table(runner.store.path(entry.path)).to_pylist()
    assert [row["doc_id"][-1] for row in rows] == ["0", "2", "3"]
    assert [row["contaminated_items"] for row in rows] == [0, 1, 0]
    (evidence,) = rows[1]["evidence"]
    assert (evidence["set"], evidence["item"]) == ("riddles", "r1")
    assert (TEXTS[2] or "")[evidence["start"] : evidence["end"]] == QUESTION == evidence["text"]
    assert evidence["share"] == pytest.approx(11 / 12)  # "Question:" is no frame where there are two items
    assert receipt.counts == {"contaminated": 1, "documents": 3}
    assert receipt.descriptor["documents"]


def test_items_that_cannot_be_told_are_counted_and_listed(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "out")
    run(runner, given(tmp_path), tmp_path)
    (receipt,) = runner.store.receipts("contamination_index").values()
    assert receipt.counts == {"texts.aligned": 1, "texts.none": 1}
    (entry,) = receipt.of(EVALUATION_ITEMS)
    rows = pq.read_table(runner.store.path(entry.path)).to_pylist()
    assert [(row["item"], row["match"], row["text"]) for row in rows] == [
        ("r1", "aligned", f"Question: {QUESTION}?"),
        ("r2", "none", "Who?"),
    ]


def test_a_set_of_which_nothing_can_be_told_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "riddles.jsonl").write_text('{"question": "Paris"}\n{"question": "Who?"}')
    with pytest.raises(ValueError, match=r"contamination.sets 'riddles': every text is too short .* a longer field"):
        run(Runner(tmp_path / "out"), given(tmp_path), tmp_path)


def test_a_second_run_does_nothing_and_a_changed_set_or_share_does_what_follows(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "out")
    run(runner, given(tmp_path), tmp_path)
    assert runner.done == {"contamination_index": 1, "contamination": 1}
    run(runner, given(tmp_path), tmp_path)
    assert runner.done == {}
    run(runner, given(tmp_path, policy="cut"), tmp_path)
    assert runner.done == {}
    run(runner, given(tmp_path, min_share=0.95), tmp_path)
    assert runner.done == {"contamination": 1}
    (tmp_path / "riddles.jsonl").write_text(json.dumps({"question": QUESTION}))
    (receipt,) = run(runner, given(tmp_path, min_share=0.95), tmp_path)
    assert runner.done == {"contamination_index": 1, "contamination": 1}
    (row,) = [
        row
        for row in pq.read_table(runner.store.path(receipt.of(CONTAMINATION)[0].path)).to_pylist()
        if row["evidence"]
    ]
    assert (row["evidence"][0]["item"], row["evidence"][0]["share"]) == ("0", 1.0)


def test_the_same_sets_give_the_same_bytes_wherever_they_lie(tmp_path: Path) -> None:
    checksums = []
    for name in ("here", "there"):
        folder = tmp_path / name
        folder.mkdir()
        runner = Runner(folder / "out")
        (receipt,) = run(runner, given(folder), folder)
        checksums.append([receipt.key, *(entry.checksum for entry in receipt.files)])
    assert checksums[0] == checksums[1]


def test_without_sets_there_are_no_phases(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "out")
    assert run(runner, recipe(), tmp_path) == []
    assert runner.done == {}


def test_a_set_that_changes_while_the_run_goes_on_is_an_error(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "out")
    stage = contamination.stage(given(tmp_path), folder=str(tmp_path), pieces=[])
    (index,) = next(stage).units().values()
    (tmp_path / "riddles.jsonl").write_text(json.dumps({"question": "Another one"}))
    with pytest.raises(ValueError, match="its files changed while the run went on"):
        contamination.index_sets(
            index, {}, runner.store, Output(runner.store, phase="x", version=1, settings={}, unit=index)
        )


def test_check_reads_the_sets(tmp_path: Path) -> None:
    contamination.check(given(tmp_path), str(tmp_path))
    (tmp_path / "riddles.jsonl").write_text('{"query": "Who?"}')
    with pytest.raises(RecipeError, match=r"contamination\.sets 'riddles': fields: no record"):
        contamination.check(given(tmp_path), str(tmp_path))
