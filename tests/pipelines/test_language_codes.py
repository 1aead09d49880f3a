from typing import Any

import pytest
from stages import recipe

from gristmill.filters.language import bundled
from gristmill.filters.language.fasttext_format import read
from gristmill.filters.language.labels import parse_label
from gristmill.pipelines import language_codes


def test_all_languages_of_the_bundled_model_are_known() -> None:
    languages, scripts = language_codes.known()
    labels = [parse_label(label) for label in read(bundled.lid_176()).labels]
    assert len(labels) == 176
    assert {label.language for label in labels} <= languages
    assert {script for label in labels for script in label.scripts or ()} <= scripts
    assert "" not in scripts
    assert {"Cher", "Hans", "Hant", "Jpan"} <= scripts


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (
            {"mixture": {"language_shares": {"dei": 0.1}}},
            "mixture.language_shares.dei: no document can be in 'dei'; did you mean '[a-z]{3}'",
        ),
        (
            {"mixture": {"language_weights": {"eng_Latm": 1.0}}},
            "mixture.language_weights.eng_Latm: no document can be in the script 'Latm'; did you mean 'Latn'",
        ),
        (
            {"tokenizer": {"floors": {"Tahi": 0.1}}},
            "tokenizer.floors.Tahi: no document can be in the script 'Tahi'; did you mean 'Thai'",
        ),
        ({"tokenizer": {"caps": {"qqq": 0.1}}}, "tokenizer.caps.qqq: no document can be in 'qqq'"),
    ],
)
def test_codes_that_no_document_has_are_refused(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        language_codes.check(recipe(**sections), folder="")
    language_codes.check(recipe(language={"model": "own.bin"}, **sections), folder="")


def test_codes_that_a_document_can_have() -> None:
    codes = {"eng_Latn": 0.1, "zho": 0.1, "Hant": 0.1, "und": 0.1, "und_Cyrl": 0.0}
    asked = recipe(mixture={"language_shares": codes}, tokenizer={"floors": {"default": 1000.0}, "caps": {"msa": 0.5}})
    language_codes.check(asked, folder="")
