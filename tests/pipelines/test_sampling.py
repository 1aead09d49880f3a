from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stages import Document, Runner, curated, document, recipe

from gristmill.pipelines import sampling, weigh
from gristmill.pipelines.checkpoints import Output, unit
from gristmill.pipelines.weigh import Group, Weight
from gristmill.schemas import SAMPLE_REPORT
from gristmill.schemas.recipe import Tokenizer

DOCUMENTS = [
    document(f"{number}", f"{number:06} words of a text\n" * (3 + number % 400), language=language, source=source)
    for number in range(900)
    for language in [("eng_Latn", "eng_Latn", "deu_Latn", "zho_Hans")[number % 4]]
    for source in [("web", "bank")[number % 20 == 0]]
]


def _sample(
    folder: Path, files: Iterable[Iterable[Document]], **tokenizer: Any
) -> tuple[pa.Table, list[dict[str, Any]]]:
    """The sample of some curated files, and the report on it."""
    runner = Runner(folder)
    given = curated(runner.store, files)
    settings = recipe(tokenizer=tokenizer)
    quotas = sampling.plan(weigh.weights(runner(weigh.stage(curated=given))), settings.tokenizer)

    def stage() -> Any:
        return (yield sampling.phase(settings, curated=given, quotas=quotas))

    paths = [entry.path for entry in sampling.entries(runner(stage()))]
    assert sampling.from_json(sampling.to_json(quotas)) == quotas
    found = sampling.read(runner.store, paths, quotas=quotas)
    work = unit(phase="report", version=1, settings={}, descriptor={})
    with Output(runner.store, phase="report", version=1, settings={}, unit=work) as output:
        sampling.write_report(found, quotas=quotas, output=output)
    return found, pq.read_table(folder / SAMPLE_REPORT.name).to_pylist()


def test_what_is_taken_is_what_was_asked(tmp_path: Path) -> None:
    found, report = _sample(tmp_path, [DOCUMENTS], sample_bytes=200_000, temperature=0.5, domain_temperature=0)
    assert [(row["language"], row["source"]) for row in report] == [
        ("deu_Latn", "web"),
        ("eng_Latn", "bank"),
        ("eng_Latn", "web"),
        ("zho_Hans", "web"),
    ]
    assert sum(row["quota"] for row in report) == pytest.approx(200_000, abs=2)
    for row in report:
        assert row["sample_bytes"] == row["quota"] < row["bytes"]
    assert sum(row["pieces"] for row in report) == found.num_rows
    by_source = {row["source"]: row["quota"] for row in report if row["language"] == "eng_Latn"}
    assert by_source["bank"] == pytest.approx(by_source["web"], abs=1)
    hashes = found["hash"].to_pylist()
    assert hashes == sorted(hashes)


def test_neither_order_nor_partition_of_the_input_matters(tmp_path: Path) -> None:
    one = _sample(tmp_path / "a", [DOCUMENTS], sample_bytes=150_000)
    two = _sample(tmp_path / "b", [DOCUMENTS[::-1][start::7] for start in range(7)], sample_bytes=150_000)
    assert one[0].equals(two[0])
    assert one[1] == two[1]


def test_a_larger_sample_holds_the_smaller_one(tmp_path: Path) -> None:
    small, _ = _sample(tmp_path / "a", [DOCUMENTS], sample_bytes=60_000)
    large, _ = _sample(tmp_path / "b", [DOCUMENTS], sample_bytes=120_000)
    held = dict(zip(large["hash"].to_pylist(), large["text"].to_pylist(), strict=True))
    for hashed, text in zip(small["hash"].to_pylist(), small["text"].to_pylist(), strict=True):
        assert held[hashed].startswith(text)


def test_a_sample_as_large_as_the_corpus_is_the_corpus(tmp_path: Path) -> None:
    found, report = _sample(tmp_path, [DOCUMENTS], sample_bytes=10**9)
    assert sum(map(len, found["text"].to_pylist())) == sum(len(each["text"]) for each in DOCUMENTS)
    assert all(row["sample_bytes"] == row["quota"] == row["bytes"] for row in report)


def test_floors_and_caps_by_the_most_particular_key() -> None:
    sizes = {"eng_Latn": 10**9, "deu_Latn": 10**8, "tha_Thai": 10**6, "zho_Hans": 10**6}
    found = {
        Group(language=language, domain="general", source="web"): Weight(
            documents=1, n_bytes=size, by_size=((1, size),)
        )
        for language, size in sizes.items()
    }
    settings = Tokenizer(
        sample_bytes=1_000_000,
        temperature=1,
        floors={"default": 0.1, "Thai": 150_000},
        caps={"Latn": 0.4, "eng": 500_000},
    )
    quotas = {group.language: quota.asked for group, quota in sampling.plan(found, settings).items()}
    # English would have 0.9: its cap leaves 350,000 to the others, whose floors are their part where they are smaller.
    assert quotas == {"eng_Latn": 500_000, "deu_Latn": 250_000, "tha_Thai": 150_000, "zho_Hans": 100_000}


def test_a_language_without_a_quota_is_not_read(tmp_path: Path) -> None:
    found, report = _sample(tmp_path, [DOCUMENTS], sample_bytes=100_000, caps={"deu": 0.0})
    assert "deu_Latn" not in found["language"].to_pylist()
    assert [row["sample_bytes"] for row in report if row["language"] == "deu_Latn"] == [0]
    assert len(list((tmp_path / "sample").iterdir())) == 2


def test_nothing_to_sample(tmp_path: Path) -> None:
    found, report = _sample(tmp_path, [])
    assert (found.num_rows, report) == (0, [])
