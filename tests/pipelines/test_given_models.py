"""Given models: tried against the fastText library once for each file, before documents meet them."""

from pathlib import Path
from typing import Any

import fasttext
import pytest
from stages import Runner, recipe

from gristmill.filters.language.bundled import lid_176
from gristmill.pipelines import given_models


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path / "out")


def test_a_recipe_without_models_has_no_phase(run: Runner) -> None:
    run(given_models.stage(recipe(), folder="."))
    assert run.done == {}


def test_each_file_is_tried_once(run: Runner) -> None:
    model = str(lid_176())
    both = recipe(language={"model": model}, quality={"model": model, "good_label": "__label__en"})
    (receipt,) = run(given_models.stage(both, folder="."))
    assert run.done == {"given_models": 1}
    assert receipt.counts["texts"] > 100
    run(given_models.stage(both, folder="."))
    assert run.done == {}


def test_other_answers_than_the_librarys_end_the_run(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    load = fasttext.load_model

    class Turned:
        """The library's model, which takes English for German."""

        def __init__(self, path: str) -> None:
            self._model = load(path)

        def predict(self, texts: list[str], k: int) -> Any:
            labels, probabilities = self._model.predict(texts, k=k)
            return [
                ["__label__de" if each == "__label__en" else each for each in some] for some in labels
            ], probabilities

    monkeypatch.setattr(fasttext, "load_model", Turned)
    with pytest.raises(ValueError, match=r"our kernel says __label__en .* where fastText says __label__de of"):
        run(given_models.stage(recipe(language={"model": str(lid_176())}), folder="."))


def test_what_is_no_model_is_told_by_name(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"model\.bin"):
        run(given_models.stage(recipe(language={"model": "model.bin"}), folder=str(tmp_path)))


def test_a_language_model_is_looked_at_before_work_starts(tmp_path: Path) -> None:
    sound = lid_176().read_bytes()
    (tmp_path / "cut.ftz").write_bytes(sound[:5000])
    for model, message in (
        ("none.ftz", "language.model: no file 'none.ftz'.*did you mean .*cut.ftz"),
        ("cut.ftz/x", "language.model: no file 'cut.ftz/x'"),
        ("cut.ftz", "language.model: .*cut.ftz' is not a fastText classifier"),
        ("gs://bucket/lid.ftz", "language.model: gs://bucket/lid.ftz: models must lie on a local disk"),
    ):
        with pytest.raises(ValueError, match=message):
            given_models.check(recipe(language={"model": model}), str(tmp_path))
    given_models.check(recipe(language={"model": str(lid_176())}), str(tmp_path))
    given_models.check(recipe(), str(tmp_path))


def test_a_model_without_numbers_is_damaged(run: Runner, tmp_path: Path) -> None:
    damaged = bytearray(lid_176().read_bytes())
    damaged[-4 * 176 * 16 :] = b"\xff" * (4 * 176 * 16)  # the output matrix: NaN, every one
    (tmp_path / "model.ftz").write_bytes(damaged)
    with pytest.raises(ValueError, match=r"model.ftz: fastText cannot use the model: Encountered NaN.; get it again"):
        run(given_models.stage(recipe(quality={"model": "model.ftz"}), folder=str(tmp_path)))
