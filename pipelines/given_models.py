"""Given models: what a recipe brings along is compared with the fastText library, once for each file.

Our kernel reads fastText models itself, several times as fast as the library. That it gives the same answers is tested
with the models that we have; a model that somebody else trained is tried here, before any document meets it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from gristmill.pipelines import files
from gristmill.pipelines.checkpoints import JSON, Output, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.schemas import Recipe, nearest
from gristmill.schemas.recipe import is_remote, resolve

VERSION = 1
LIBRARIES = ("fasttext-numpy2",)

TOLERANCE = 1e-3
"""Difference of probabilities that is taken for rounding; what has been seen is 2e-6."""


def stage(recipe: Recipe, *, folder: str) -> Stage:
    """One unit for each model that the recipe names; no phase where it names none."""
    given = [resolve(model, folder=folder) for model in (recipe.language.model, recipe.quality.model) if model]
    if not given:
        return []
    return (
        yield Phase(
            name="given_models",
            stage="annotate",
            function=compare,
            version=VERSION,
            libraries=LIBRARIES,
            tables=(),
            work=tuple(
                Work(descriptor={"model": fingerprint}, local={"path": path})
                for fingerprint, path in sorted({files.fingerprint(path): path for path in given}.items())
            ),
        )
    )


def check(recipe: Recipe, folder: str) -> None:
    """Whether the language model that a recipe names can be used, before any work is done.

    Raises:
        ValueError: it is missing, lies elsewhere than on a local disk, or is no fastText model of languages.
    """
    if recipe.language.model is None:
        return
    from gristmill.filters.language.model import LanguageModel  # noqa: PLC0415  (compiled kernels)

    path = local_file(recipe.language.model, folder, field="language.model")
    try:
        LanguageModel.load(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"language.model: {error}") from error


def local_file(given: str, folder: str, *, field: str) -> str:
    """Where a model lies that a field of the recipe names.

    Raises:
        ValueError: there is none, or it does not lie on a local disk.
    """
    path = resolve(given, folder=folder)
    if is_remote(path):
        raise ValueError(f"{field}: {path}: models must lie on a local disk; copy it there")
    if not files.is_file(path):
        hint = nearest(path, files.list_files(path.rpartition("/")[0]))
        raise ValueError(f"{field}: no file {given!r} (looked for {path}){hint}")
    return path


def compare(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Ask both for the labels of texts in many languages.

    Raises:
        ValueError: the answers differ, or the file is no fastText classifier, or a damaged one.
    """
    del settings, store
    import fasttext  # noqa: PLC0415  (takes its time, and few recipes bring a model)

    from gristmill.filters.language.fasttext_model import FastText  # noqa: PLC0415  (compiled kernels)

    path, texts = unit.local["path"], list(_probes())
    ours = FastText.load(path)
    found = ours.predict(pa.array(texts), k=1)
    try:
        labels, probabilities = fasttext.load_model(path).predict(texts, k=1)
    except RuntimeError as error:
        raise ValueError(f"{path}: fastText cannot use the model: {error}; get it again") from error
    for text, label, probability, theirs, expected in zip(
        texts, found.labels[:, 0], found.probabilities[:, 0], labels, probabilities, strict=True
    ):
        if not _alike(ours.labels[label], float(probability), theirs, expected):
            raise ValueError(
                f"{path}: our kernel says {ours.labels[label]} ({probability:.4f}) where fastText says "
                f"{', '.join(theirs)} of {text[:60]!r}; this is a fault of Gristmill, please report it with the model"
            )
    output.count("texts", len(texts))


def _alike(label: str, probability: float, theirs: Sequence[str], expected: Sequence[float]) -> bool:
    """Whether the probabilities are the same, and the labels too unless others are as probable."""
    if not theirs:  # the library answers nothing where it knows nothing of a text
        return probability == 0.0
    near = abs(min(float(expected[0]), 1.0) - probability) <= TOLERANCE
    return near and (label == theirs[0] or probability < 1 / 2)


def _probes() -> Iterator[str]:
    """Texts in many languages and scripts: the stop words of each, all of them and the first few."""
    from gristmill.filters import stop_words  # noqa: PLC0415

    for _, words in sorted(stop_words.load().items()):
        ordered = sorted(words)
        yield " ".join(ordered)
        yield " ".join(ordered[:3])
    yield " ".join(map(str, np.arange(100)))
