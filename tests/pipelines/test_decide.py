"""Decide: rules over signals and measures, policies of the recipe as rules."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pieces import Row, part, piece
from stages import Runner, recipe

from gristmill.pipelines import decide
from gristmill.schemas import PERSONAL, VERDICTS, WEB


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_policies_name_what_a_recipe_drops_documents_for() -> None:
    assert decide.policies(recipe()) == {"web.blocklists.max": 0, "contamination.contaminated_items.max": 0}
    strict = recipe(
        personal={"email": "drop", "national_id": "drop"},
        web={"blocked": "flag", "opt_outs": "drop"},
        contamination={"policy": "cut"},
    )
    assert decide.policies(strict) == {
        "personal.emails.max": 0,
        "personal.national_ids.max": 0,
        "web.opt_outs.max": 0,
    }


def test_every_measure_stands_beside_its_own_signals(run: Runner) -> None:
    texts = [{"text": "one"}, {"text": "", "status": "skipped"}, {"text": "two"}, {"text": "three"}]
    made = piece(run.store, texts, [{}, {"language": "tha_Thai", "language_score": 0.1}, {}])
    web: list[Row] = [{"blocklists": 0}, {"blocklists": 2}, {"blocklists": 0, "page_licence": "MIT"}]
    measured = part(run.store, made, measures={WEB: web, PERSONAL: [{"emails": n} for n in (0, 0, 3)]})
    asked = recipe(rules={"sets": []}, personal={"email": "drop"}, language={"min_score": 0.3})
    (receipt,) = run(decide.stage(asked, pieces=[measured]))
    verdicts = pq.ParquetFile(run.store.path(receipt.of(VERDICTS)[0].path)).read().to_pylist()
    assert [(row["language"], row["keep"], row["failures"]) for row in verdicts] == [
        ("eng_Latn", True, []),
        ("und_Thai", False, [{"rule": "web.blocklists.max", "value": 2.0, "limit": 0.0}]),
        ("eng_Latn", False, [{"rule": "personal.emails.max", "value": 3.0, "limit": 0.0}]),
    ]
    assert receipt.counts == {"documents": 3, "kept": 1}


def test_a_lower_score_for_languages_measures_nothing_again(run: Runner) -> None:
    made = piece(run.store, [{"text": "one"}], [{"language_score": 0.5}])
    run(decide.stage(recipe(rules={"sets": []}), pieces=[made]))
    (receipt,) = run(decide.stage(recipe(rules={"sets": []}, language={"min_score": 0.6}), pieces=[made]))
    assert run.done == {"decide": 1}
    table = pq.ParquetFile(run.store.path(receipt.of(VERDICTS)[0].path)).read()
    assert table["language"].to_pylist() == ["und_Latn"]
