"""What the labels of language models mean: `languages.toml`."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

UNKNOWN = "und"
"""ISO 639-3 for undetermined."""

NO_LANGUAGE = "zxx"
"""ISO 639-3 for text that is in no language, which py3langid gives tables and codes."""

PREFIX = "__label__"


@dataclass(frozen=True, kw_only=True)
class Label:
    """What a model's label means: an ISO 639-3 language, and its possible scripts (None: any)."""

    language: str
    scripts: frozenset[str] | None


@functools.cache
def parse_label(label: str) -> Label:
    """The meaning of a model's label: `__label__de` or `de` as well as `__label__deu_Latn`."""
    language, _, script = label.removeprefix(PREFIX).partition("_")
    tables = _tables()
    if script:
        names = tables.script_names.get(script, (script,))
        return Label(language=tables.members.get(language, language), scripts=frozenset(names))
    language = tables.labels.get(language) or tables.members.get(language, language)
    return Label(language=language, scripts=tables.scripts.get(language))


def sole_language(script: str) -> str | None:
    """The language that alone is written in a script, if there is one."""
    return _tables().sole.get(script)


@dataclass(frozen=True, kw_only=True)
class _Tables:
    """`languages.toml`, with scripts by language and the languages that have a script for themselves."""

    labels: Mapping[str, str]
    members: Mapping[str, str]
    script_names: Mapping[str, tuple[str, ...]]
    scripts: Mapping[str, frozenset[str]]
    sole: Mapping[str, str]


@functools.cache
def _tables() -> _Tables:
    read = tomllib.loads(resources.files(__package__).joinpath("languages.toml").read_text("utf-8"))
    writers: dict[str, list[str]] = read["scripts"]
    languages = {language for some in writers.values() for language in some}
    return _Tables(
        labels=read["labels"],
        members=read["members"],
        script_names={name: tuple(scripts) for name, scripts in read["script_names"].items()},
        scripts={each: frozenset(script for script, some in writers.items() if each in some) for each in languages},
        sole={script: some[0] for script, some in writers.items() if len(some) == 1},
    )
