"""What labels mean."""

import tomllib
from importlib import resources

import pytest

from gristmill.filters.language.bundled import lid_176
from gristmill.filters.language.fasttext_model import FastText
from gristmill.filters.language.labels import NO_LANGUAGE, parse_label, sole_language
from gristmill.filters.language.langid_model import LangId


@pytest.mark.parametrize(
    ("label", "language", "scripts"),
    [
        ("__label__de", "deu", {"Latn"}),
        ("de", "deu", {"Latn"}),
        ("__label__no", "nob", {"Latn"}),
        ("__label__sh", "hbs", {"Latn", "Cyrl"}),
        ("__label__als", "gsw", {"Latn"}),
        ("__label__als_Latn", "sqi", {"Latn"}),
        ("__label__cmn_Hani", "zho", {"Hans", "Hant"}),
        ("__label__kor_Kore", "kor", {"Hang"}),
        ("__label__tts_Thai", "tts", {"Thai"}),
        ("__label__xyz", "xyz", None),
        ("uzs", "uzb", {"Latn", "Cyrl", "Arab"}),
        ("ha", "hau", {"Latn"}),
    ],
)
def test_labels(label: str, language: str, scripts: set[str] | None) -> None:
    meaning = parse_label(label)
    assert (meaning.language, meaning.scripts) == (language, scripts if scripts is None else frozenset(scripts))


def test_every_label_of_the_bundled_models_is_explained() -> None:
    for label in (*FastText.load(lid_176()).labels, *LangId.load().labels):
        meaning = parse_label(label)
        assert len(meaning.language) == 3, label
        assert meaning.scripts or meaning.language == NO_LANGUAGE, label


def test_scripts_of_one_language() -> None:
    assert [sole_language(script) for script in ("Thai", "Hang", "Jpan", "Latn", "Hans", "Ahom")] == [
        *("tha", "kor", "jpn"),
        *(None, None, None),
    ]


def test_tables_are_well_formed() -> None:
    text = resources.files("gristmill.filters.language").joinpath("languages.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    assert all(len(code) == 3 for code in [*tables["labels"].values(), *tables["members"].values()])
    assert all(len(set(some)) == len(some) for some in tables["scripts"].values())
    assert all(sorted(some) == some for some in tables["scripts"].values())
