"""Commands on a finished output: verify, tokenizer, remove; and a second run against it as an earlier one."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import duckdb
import pytest
from click.testing import Result

SAMPLE = Path(__file__).parents[1] / "sample_data"
Gristmill = Callable[..., Result]


@pytest.fixture
def output(sample_output: Path, tmp_path: Path) -> Path:
    """A copy of the sample's output, free to be changed."""
    return Path(shutil.copytree(sample_output, tmp_path / "out"))


def ask(output: Path, table: str, what: str) -> list[tuple[object, ...]]:
    return duckdb.sql(f"SELECT {what} FROM '{output}/{table}/**/*.parquet' ORDER BY ALL").fetchall()


def test_verify_names_a_shard_that_is_not_what_it_was(gristmill: Gristmill, output: Path) -> None:
    sound = gristmill("verify", output)
    assert (sound.exit_code, sound.output) == (
        0,
        f"4 shards with {len(ask(output, 'shards', 'doc_lens'))} sequences are sound\n",
    )
    shard = output / "shards/data/shard-00002.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    damaged = gristmill("verify", output)
    assert damaged.exit_code == 1
    assert "shard-00002.parquet" in damaged.output


def test_tokenizer_shows_what_each_language_pays(gristmill: Gristmill, output: Path) -> None:
    plot = output / "cost.svg"
    found = json.loads(gristmill("tokenizer", output, "--json", "--plot", plot).output)
    costs = {each["language"]: each["cost"] for each in found["tokenizers"][0]["languages"]}
    assert costs["eng_Latn"] == 1
    assert set(costs) == {str(language) for (language,) in ask(output, "tokenizer_report", "language")}
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")
    assert "fertility" in gristmill("tokenizer", output, "--with", output / "tokenizer/tokenizer.json").output


def test_remove_and_run_again(gristmill: Gristmill, output: Path) -> None:
    kept = [str(doc_id) for (doc_id,) in ask(output, "curated", "doc_id")]
    apart = [str(doc_id) for (doc_id,) in ask(output, "held_out", "doc_id")]
    gone = {kept[0], kept[-1], apart[0]}
    ids = output.parent / "ids.txt"
    ids.write_text("\n".join([*sorted(gone), "0" * 32, ""]))
    done = gristmill("remove", output, "--ids", ids, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.output)
    assert (said["documents"], said["unknown"]) == (3, ["0" * 32])
    again = gristmill("run", SAMPLE / "recipe.toml", "-o", output, "--workers", "1")
    assert again.exit_code == 0, again.output
    assert {str(doc_id) for (doc_id,) in ask(output, "curated", "doc_id")} == set(kept) - gone
    assert [str(doc_id) for (doc_id,) in ask(output, "held_out", "doc_id")] == apart[1:]
    assert not gone & {str(doc_id) for (doc_id,) in ask(output, "shards", "unnest(doc_ids)")}
    assert gristmill("verify", output).exit_code == 0
    assert "is no id of a document" in gristmill("remove", output, "--ids", SAMPLE / "recipe.toml").output


def test_a_run_against_an_earlier_one(gristmill: Gristmill, output: Path) -> None:
    """What the earlier run has is a duplicate, and `explain` sets the two side by side."""
    recipe = output.parent / "second.toml"
    finance = SAMPLE / "corpus/domain/finance.jsonl"
    recipe.write_text(f'[[inputs]]\nname = "again"\npaths = ["{finance}"]\n[dedup]\nprevious = ["out"]\n')
    second = output.parent / "second"
    done = gristmill("run", recipe, "-o", second, "--workers", "1", "--until", "curate")
    assert done.exit_code == 0, done.output
    fates = ask(second, "ledger", "disposition, rule, earlier, survivor_id, doc_id")
    before = {str(doc_id) for table in ("curated", "held_out") for (doc_id,) in ask(output, table, "doc_id")}
    copies = [row for row in fates if row[0] == "duplicate" and row[2] == "out"]
    assert len(copies) >= 20
    assert {str(survivor) for *_, survivor, _ in copies} <= before
    shown = gristmill("explain", second, str(copies[0][4]))
    assert shown.exit_code == 0, shown.output
    assert str(copies[0][3]) in shown.output
