"""Commands on a trained model: evaluate, sample, compare, and export for transformers."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from held_out_files import TEXTS, write
from shard_files import build

torch = pytest.importorskip("torch")

Gristmill = Callable[..., Result]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def output(gristmill: Gristmill, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output with held-out documents and a model."""
    torch.set_num_threads(1)
    folder = write(build(tmp_path_factory.mktemp("models") / "out"))
    trained = gristmill("train", folder, "--depth", 2, "--steps", 4, "--batch", 2, "--device", "cpu")
    assert trained.exit_code == 0, trained.output
    return folder


def _asked(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def test_evaluate_shows_all_languages_and_domains(gristmill: Gristmill, output: Path) -> None:
    lines = _asked(gristmill("evaluate", output)).splitlines()
    assert [line.split()[0] for line in lines] == ["documents", "all", "deu_Latn", "eng_Latn", "bank", "web"]
    found = json.loads(_asked(gristmill("evaluate", output, "--json")))
    assert found["steps"] == 4
    texts = [each.encode() for of_language in TEXTS.values() for each in of_language]
    assert (found["all"][0]["documents"], found["all"][0]["bytes"]) == (len(texts), sum(map(len, texts)))
    assert [each["language"] for each in found["languages"]] == ["deu_Latn", "eng_Latn"]
    assert [each["domain"] for each in found["domains"]] == ["bank", "web"]
    assert f"{found['all'][0]['bits_per_byte']:.4f}" == lines[1].split()[-1]
    few = json.loads(_asked(gristmill("evaluate", output, "--documents", 1, "--json")))
    assert few["all"][0]["documents"] == 2


def test_evaluate_measures_on_a_file_of_ones_own(gristmill: Gristmill, output: Path, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps({"text": "the bank", "language": "eng_Latn"}) + "\n", "utf-8")
    found = json.loads(_asked(gristmill("evaluate", output, "--on", path, "--json")))
    assert (found["all"][0]["documents"], found["all"][0]["bytes"]) == (1, 8)


def test_evaluate_without_a_model_says_what_to_do(gristmill: Gristmill, output: Path, tmp_path: Path) -> None:
    failed = gristmill("evaluate", output, "--model", tmp_path)
    assert failed.exit_code == 1
    assert "no checkpoint; make one with `gristmill train`" in failed.stderr


def test_sample_goes_on_from_a_prompt(gristmill: Gristmill, output: Path) -> None:
    arguments = ("sample", output, "the bank", "--number", 2, "--tokens", 12)
    texts = _asked(gristmill(*arguments)).split("---\n")
    assert len(texts) == 3
    assert all(each.startswith("the bank") for each in texts[:2])
    assert texts == _asked(gristmill(*arguments)).split("---\n")
    assert texts[0] != texts[1] != _asked(gristmill(*arguments, "--seed", 7)).split("---\n")[1]


def test_sample_without_a_prompt_begins_as_held_out_documents_do(gristmill: Gristmill, output: Path) -> None:
    german, english, rest = _asked(gristmill("sample", output, "--tokens", 3)).split("---\n")
    assert any(german.startswith(each[:5]) for each in TEXTS["deu_Latn"])
    assert any(english.startswith(each[:5]) for each in TEXTS["eng_Latn"])
    assert rest == ""


def test_sample_refuses_what_has_no_meaning(gristmill: Gristmill, output: Path) -> None:
    failed = gristmill("sample", output, "the bank", "--top-p", 2)
    assert (failed.exit_code, failed.stderr) == (1, "error: sampling.top_p: 2.0; above 0, to 1\n")


def test_export_writes_the_model_for_transformers(gristmill: Gristmill, output: Path, tmp_path: Path) -> None:
    said = _asked(gristmill("export", output, tmp_path / "model", "--format", "transformers", "--dtype", "bfloat16"))
    assert said.startswith("a model of ")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (config["architectures"], config["dtype"]) == (["Glm4MoeForCausalLM"], "bfloat16")
    tokenizer = (tmp_path / "model" / "tokenizer.json").read_bytes()
    assert tokenizer == (output / "tokenizer" / "tokenizer.json").read_bytes()
    again = gristmill("export", output, tmp_path / "model", "--format", "transformers")
    assert again.exit_code == 1
    assert "an export overwrites nothing" in again.stderr


def test_compare_shows_each_language(gristmill: Gristmill, output: Path, tmp_path: Path) -> None:
    arguments = ("compare", output, output, "--to", tmp_path, "--seeds", 2, "--depth", 1, "--steps", 1, "--batch", 2)
    lines = _asked(gristmill(*arguments, "--device", "cpu")).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["documents", "all", "deu_Latn", "eng_Latn"]
    assert [line.split()[-3:] for line in lines[2:]] == [["+0.0000", "0.0000", "-"]] * 3
    found = json.loads(_asked(gristmill(*arguments, "--device", "cpu", "--json")))
    assert [each["better"] for each in found["differences"]] == [None, None, None]
    assert (found["left_out"], found["epochs"][0]) == (0, found["epochs"][1])
    other = gristmill(*arguments, "--set", "width=32")
    assert other.exit_code == 1
    assert "holds a run with other settings (width 64, not 32" in other.stderr


def test_compare_refuses_outputs_of_other_inputs(gristmill: Gristmill, output: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"eng_Latn": ["something else"]})
    failed = gristmill("compare", output, other, "--to", tmp_path / "runs")
    assert failed.exit_code == 1
    assert "hold out no text in common" in failed.stderr
    assert not (tmp_path / "runs").exists()
