"""Recipes: what is accepted, and what a person is told about what is not."""

import json
import tomllib
from pathlib import Path

import pytest

from gristmill.schemas import Recipe, RecipeError, load, parse
from gristmill.schemas.recipe_example import example

INPUT = '[[inputs]]\nname = "web"\npaths = ["*.jsonl"]\n'


def refused(toml: str) -> str:
    with pytest.raises(RecipeError) as caught:
        parse(toml.encode(), name="r.toml")
    return str(caught.value)


def test_smallest_recipe_has_all_defaults() -> None:
    recipe = parse(INPUT.encode(), name="r.toml")
    assert recipe.inputs[0].paths == ("*.jsonl",)
    assert recipe.rules.sets == ("gopher", "c4", "fineweb", "gristmill", "quality")
    assert recipe.dedup.bands * recipe.dedup.rows == 112


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("seeds = 3\n" + INPUT, "r.toml: seeds: no such field; did you mean 'seed'?"),
        (INPUT + 'formt = "csv"', "r.toml: inputs[0].formt: no such field; did you mean 'format'?"),
        (
            INPUT + 'format = "jsnl"',
            "r.toml: inputs[0].format: 'jsnl' is not one of auto, warc, html, jsonl, parquet, csv, tsv, text, "
            "markdown, pdf; did you mean 'jsonl'?",
        ),
        ("", "r.toml: inputs: required, but missing"),
        ('[[inputs]]\nname = "web"', "r.toml: inputs[0].paths: required, but missing"),
        (INPUT + "[packing]\nsequence_length = '2048'", "r.toml: packing.sequence_length: '2048': input should be a"),
        (INPUT + "[dedup]\nbands = 20", "bands x rows = 20 x 8 = 160, but a signature has 112 values; with 8 rows use"),
        (INPUT + 'role = "reference"', "r.toml: every input has role 'reference': at least one must be 'raw'"),
        (INPUT + INPUT, "r.toml: two inputs are named 'web': every input needs a name of its own"),
        (
            INPUT + "[mixture.source_weights]\nweeb = 2",
            "mixture.source_weights names 'weeb', which no input has; known: web",
        ),
        (INPUT + "[mixture.domain_shares]\nfinance = 0.2", "mixture.domain_shares names 'finance', which no input has"),
        (
            INPUT + "[mixture.language_shares]\neng = 0.7\ndeu = 0.5",
            "r.toml: mixture: language_shares sum to 1.2, but are shares of the whole: 1 at most; what is to",
        ),
        (
            INPUT + "[mixture]\nlanguage_shares = { eng = 0.7 }\nlanguage_weights = { eng = 2.0, deu = 2.0 }",
            "r.toml: mixture: language_shares.eng says what it comes to, so language_weights.eng has no effect",
        ),
        (INPUT + "[mixture.language_shares]\ndefault = 0.5", "language_shares.default: what no share names"),
        (INPUT + "[mixture.language_weights]\neng = 1e-9", "language_weights.eng: 1e-09 is less than one in a million"),
        (INPUT + "[mixture]\nlanguages = { eng = 2.0 }", "r.toml: mixture.languages: no such field; did you"),
        (INPUT + "[mixture.duplicate_weights]\n150 = 2.0", "clusters are counted to one digit; use 100"),
        (INPUT + "[mixture.duplicate_weights]\nmany = 2.0", "duplicate_weights.many: not a number of documents"),
        (INPUT + "[held_out]\nshare = 0.6", "r.toml: held_out.share: 0.6: input should be less than or equal to 0.5"),
        (INPUT + "[held_out]\nshare = -0.1", "held_out.share: -0.1: input should be greater than or equal to 0"),
        (INPUT + "[held_out]\nshare = 1e-9", "held_out.share: 1e-09 is less than one in a million; use 0 for nothing"),
        (INPUT + "[held_out]\nshares = 0.1", "r.toml: held_out.shares: no such field; did you mean 'share'?"),
        (INPUT + "[tokenizer.floors]\ndeu = 50.0", "tokenizer.floors.deu: 50 is neither a share (0 to 1) nor bytes"),
        (
            INPUT + "[tokenizer]\nfloors = { deu = 0.2 }\ncaps = { deu = 1_000.0 }",
            "r.toml: tokenizer: floors.deu = 0.2 is above caps.deu = 1000",
        ),
        (INPUT + "[tokenizer]\nfloors = { deu = 0.7, eng = 0.5 }", "floors sum to 40,265,318 bytes, but"),
        (INPUT + "[rules.limits.german]\nx = 1", "r.toml: rules.limits.german: 'german': string should match"),
        (INPUT + "[rules]\nlanguages = []", "r.toml: rules.languages: []: tuple should have at least 1 item"),
        ("seed = ", "r.toml: not valid TOML: "),
    ],
)
def test_wrong_recipes_name_field_value_and_fix(toml: str, message: str) -> None:
    found = refused(toml)
    assert found.startswith(message) or message in found
    assert len(found.splitlines()) == 1


def test_every_problem_is_told_at_once() -> None:
    assert len(refused(INPUT + "[dedup]\nband = 3\nrow = 2\n[packing]\nsequence_length = 1").splitlines()) == 3


def test_false_switches_a_limit_off() -> None:
    recipe = parse((INPUT + '[rules.limits.default]\n"gopher.n_words.min" = false').encode(), name="r.toml")
    assert recipe.rules.limits == {"default": {"gopher.n_words.min": None}}


def test_not_utf8_and_deep_nesting_are_refused() -> None:
    with pytest.raises(RecipeError, match="byte 0 is not UTF-8"):
        parse(b"\xff\xfe", name="r.toml")
    with pytest.raises(RecipeError, match="not valid TOML"):
        parse(b"a = " + b"[" * 100_000, name="r.toml")


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(INPUT)
    with pytest.raises(RecipeError, match=r"cannot read the recipe: No such file or directory; did you mean 'recipe.t"):
        load(tmp_path / "recpie.toml")


def test_example_is_valid_and_shows_the_defaults() -> None:
    recipe = parse(example().encode(), name="example")
    smallest = parse(b'[[inputs]]\nname = "web"\npaths = ["data/*.warc.gz"]', name="r")
    assert recipe == smallest


def test_example_names_every_field() -> None:
    text = example()
    for section, fields in json.loads(json.dumps(Recipe.model_json_schema()))["$defs"].items():
        for field in fields["properties"]:
            shown = (f"{field} = ", f"[inputs.{field}]", f".{field}]]")
            assert any(each in text for each in shown), (section, field)


def test_schema_describes_every_field() -> None:
    for section, fields in Recipe.model_json_schema()["$defs"].items():
        for name, field in fields["properties"].items():
            assert field.get("description"), f"{section}.{name} has no description"


def test_example_shows_what_kind_of_value_is_left_out() -> None:
    assert {"# budget_bytes = 0", '# end_token = "..."', '# licences = ["..."]'} <= set(example().splitlines())


def test_example_is_stable_toml() -> None:
    assert tomllib.loads(example())["inputs"][0]["name"] == "web"
