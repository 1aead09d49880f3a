"""The whole way on the sample corpus: what was planted comes out as expected, and nothing is lost on the way."""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from click.testing import Result

SAMPLE = Path(__file__).parents[1] / "sample_data"
Gristmill = Callable[..., Result]
Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows(sample_output: Path) -> list[Row]:
    """Every ledger row with its document's text and place."""
    query = f"""
        SELECT ledger.*, path, "offset", captured, text FROM '{sample_output}/ledger/*.parquet' AS ledger
        JOIN '{sample_output}/documents/*.parquet' USING (doc_id) ORDER BY path, "offset"
    """
    return duckdb.sql(query).arrow().read_all().to_pylist()


def planted() -> list[Row]:
    return [json.loads(line) for line in (SAMPLE / "planted.jsonl").read_text("utf-8").splitlines()]


def find(case: Row, rows: list[Row]) -> list[Row]:
    """Ledger rows of a planted case: by URL, by URL and date of capture, by number in its file, or by file."""
    if "row" in case:
        of_file = [row for row in rows if row["path"].endswith(case["uri"])]
        return [of_file[case["row"] - 1]]
    name = case.get("url") or case["uri"]
    found = [row for row in rows if row["uri"] == name] or [row for row in rows if row["path"].endswith(name)]
    found = [row for row in found if row["captured"] == case.get("captured", row["captured"])]
    # A page comes with its request and its metadata record.
    return [row for row in found if row["rule"] not in ("warc.request", "warc.metadata")] or found


def test_every_planted_case_has_its_outcome(rows: list[Row]) -> None:
    wrong = []
    by_id = {row["doc_id"]: row for row in rows}
    for case in planted():
        found = find(case, rows)
        if case["expect"] == "duplicate":
            if not clustered(case, found, rows, by_id):
                wrong.append((case["kind"], case["uri"], "not in one cluster with", case["of"]))
        elif case["expect"] not in {row["disposition"] for row in found}:
            wrong.append((case["kind"], case["uri"], case["expect"], [(r["disposition"], r["rule"]) for r in found]))
        elif "contains" in case and not any(case["contains"] in row["text"] for row in found):
            wrong.append((case["kind"], case["uri"], "lacks", case["contains"]))
    assert wrong == []


def clustered(case: Row, found: list[Row], rows: list[Row], by_id: dict[str, Row]) -> bool:
    """Whether a case and its original name the same survivor, and that one is kept."""
    known = {"uri": "of", "url": "of_url", "captured": "of_captured"}
    original = find({key: case[of] for key, of in known.items() if of in case}, rows)
    one = {row["survivor_id"] or row["doc_id"] for row in found if row["disposition"] in ("kept", "duplicate")}
    other = {row["survivor_id"] or row["doc_id"] for row in original if row["disposition"] in ("kept", "duplicate")}
    return any(by_id[each]["disposition"] == "kept" for each in one & other)


def test_no_article_is_lost_but_to_the_plants(rows: list[Row]) -> None:
    """Good articles are kept, or are duplicates of ones that are."""
    lost = defaultdict(list)
    cases = {case.get("url") or case["uri"] for case in planted()}
    for line in (SAMPLE / "inventory.jsonl").read_text("utf-8").splitlines():
        document = json.loads(line)
        for row in find(document, rows) if "slug" in document else []:  # those without are index pages, spam and junk
            if row["disposition"] == "dropped" and (document.get("url") or document["uri"]) not in cases:
                lost[row["rule"]].append(row["uri"])
    assert dict(lost) == {}


def test_the_ledger_reconciles(sample_output: Path) -> None:
    from gristmill.reports.reconcile import reconcile

    books = reconcile(str(sample_output))
    assert books.violations == ()
    assert books.records == duckdb.sql(f"SELECT count(*) FROM '{sample_output}/documents/*.parquet'").fetchall()[0][0]


def test_languages_and_scripts(rows: list[Row]) -> None:
    kept = {row["language"] for row in rows if row["disposition"] == "kept"}
    assert len(kept) >= 32
    assert len({each.partition("_")[2] for each in kept}) >= 18


def test_rejected_text_stays_readable(gristmill: Gristmill, sample_output: Path) -> None:
    result = gristmill(
        "sql",
        sample_output,
        "SELECT count(*) AS n, min(length(text)) > 0 AS readable FROM rejected WHERE disposition = 'dropped'",
        "--json",
    )
    found = json.loads(result.stdout)
    assert found["n"] >= 80
    assert found["readable"]


def test_shards_hold_every_kept_document_whole_but_those_held_out(sample_output: Path, rows: list[Row]) -> None:
    shards = [pq.read_table(path) for path in sorted(sample_output.glob("shards/**/*.parquet"))]
    tokens: dict[str, int] = defaultdict(int)
    for shard in shards:
        for ids, lengths in zip(shard["doc_ids"].to_pylist(), shard["doc_lens"].to_pylist(), strict=True):
            assert sum(lengths) <= 512
            for doc_id, length in zip(ids, lengths, strict=True):
                tokens[doc_id] += length
    kept = {row["doc_id"] for row in rows if row["disposition"] == "kept"}
    apart = held_out(sample_output).keys()
    assert set(tokens) == kept - apart
    assert apart < kept
    assert all(count > 0 for count in tokens.values())


def held_out(output: Path) -> dict[str, Row]:
    """What is held out, by id."""
    found = duckdb.sql(f"FROM '{output}/held_out/*.parquet'").arrow().read_all().to_pylist()
    return {row["doc_id"]: row for row in found}


def test_held_out_text_is_of_several_languages_and_nowhere_else(sample_output: Path) -> None:
    apart = held_out(sample_output)
    assert len(apart) >= 20
    assert len({row["language"] for row in apart.values()}) >= 10
    clusters = ", ".join(f"'{row['cluster']}'" for row in apart.values())
    for table in ("curated/*", "tokens"):
        near = f"""
            SELECT doc_id FROM '{sample_output}/{table}/*.parquet'
            LEFT JOIN '{sample_output}/clusters/*.parquet' AS clusters USING (doc_id)
            WHERE coalesce(clusters.cluster, doc_id) IN ({clusters})
        """
        assert duckdb.sql(near).fetchall() == [], table
    sample = [text for (text,) in duckdb.sql(f"SELECT text FROM '{sample_output}/sample/*.parquet'").fetchall()]
    learnt = "\n".join(sample)
    assert not [doc_id for doc_id, row in apart.items() if row["text"][:200] in learnt]


def phases(result: Result) -> dict[str, int]:
    """Units worked on, by phase, of a run with --json."""
    lines = [json.loads(line) for line in (result.stderr + result.stdout).splitlines() if line.startswith("{")]
    return {line["phase"]: line["worked_on"] for line in lines if line["event"] == "phase"}


@pytest.fixture(scope="module")
def output(sample_output: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the output, to run again on a copy of the corpus."""
    copy = tmp_path_factory.mktemp("again") / "out"
    shutil.copytree(sample_output, copy)
    return copy


class TestRunAgain:
    def run(self, gristmill: Gristmill, recipe: Path, output: Path) -> dict[str, int]:
        result = gristmill("run", recipe, "-o", output, "--workers", "1", "--json")
        assert result.exit_code == 0, result.output
        return phases(result)

    def test_unchanged_does_nothing(self, gristmill: Gristmill, sample: Path, output: Path) -> None:
        assert set(self.run(gristmill, sample / "recipe.toml", output).values()) == {0}

    def test_a_changed_limit_redoes_nothing_before_decide(
        self, gristmill: Gristmill, sample: Path, output: Path
    ) -> None:
        changed = sample / "changed.toml"
        limit = '\n[rules.limits.default]\n"gopher.n_words.min" = 60\n'
        changed.write_text((sample / "recipe.toml").read_text("utf-8") + limit, "utf-8")
        worked = self.run(gristmill, changed, output)
        assert (worked["ingest"], worked["annotate"]) == (0, 0)
        assert worked["decide"] > 0
        changed.unlink()

    def test_an_added_file_is_the_only_one_read(self, gristmill: Gristmill, sample: Path, output: Path) -> None:
        self.run(gristmill, sample / "recipe.toml", output)
        added = sample / "corpus/domain/electric_vehicles/added.txt"
        shutil.copy(sample / "corpus/domain/electric_vehicles/range-figures-compared.txt", added)
        worked = self.run(gristmill, sample / "recipe.toml", output)
        assert (worked["ingest"], worked["annotate"], worked["decide"]) == (1, 1, 1)
        added.unlink()

    def test_back_to_the_first_recipe_gives_the_first_bytes(
        self, gristmill: Gristmill, sample: Path, sample_output: Path, output: Path
    ) -> None:
        self.run(gristmill, sample / "recipe.toml", output)
        assert tables(output) == tables(sample_output)


def tables(output: Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*.parquet")}


@pytest.fixture(scope="module")
def stricter(gristmill: Gristmill, sample: Path, sample_output: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the output, begun again with another seed, a stricter rule and a larger share, until curate."""
    out = tmp_path_factory.mktemp("stricter") / "out"
    shutil.copytree(sample_output, out)
    changed = sample / "stricter.toml"
    recipe = (sample / "recipe.toml").read_text("utf-8")
    recipe = recipe.replace("seed = 7", "seed = 8").replace("share = 0.05", "share = 0.1")
    changed.write_text(recipe + '\n[rules.limits.default]\n"gopher.n_words.min" = 80\n', "utf-8")
    result = gristmill("run", changed, "-o", out, "--workers", "1", "--until", "curate")
    assert result.exit_code == 0, result.output
    changed.unlink()
    return out


def test_stopping_early_leaves_no_table_that_contradicts_another(stricter: Path) -> None:
    assert not list(stricter.glob("shards/**/*.parquet"))


def test_another_recipe_holds_out_the_same(sample_output: Path, stricter: Path) -> None:
    apart = {row["cluster"] for row in held_out(sample_output).values()}
    (learnt,) = duckdb.sql(f"""
        SELECT list(coalesce(cluster, doc_id)) FROM '{stricter}/curated/*/*.parquet'
        LEFT JOIN '{stricter}/clusters/*.parquet' USING (doc_id)
    """).fetchall()[0]
    assert not apart & set(learnt)
    assert len(apart & {row["cluster"] for row in held_out(stricter).values()}) >= 15


def test_when_nothing_is_kept_the_run_says_so(gristmill: Gristmill, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("Too short to keep.")
    (tmp_path / "recipe.toml").write_text('[[inputs]]\nname = "a"\npaths = ["short.txt"]\n')
    for _ in range(2):
        result = gristmill("run", tmp_path / "recipe.toml", "-o", tmp_path / "out", "--workers", "1")
        assert result.exit_code == 1
        assert "nothing was kept" in result.stderr
    assert (tmp_path / "out/report.html").exists()
