"""Quality: how much a text is like the reference text, which domain it is most like, and its perplexity.

The score comes from classifiers that the run trains (`quality_sample`, `quality_model`), or from a fastText model that
the recipe names. `quality` writes a table beside the signals, one unit for each piece.
"""

import functools
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.pipelines import files, quality_model, quality_plan, quality_sample
from gristmill.pipelines.aligned import rows, work
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.pipelines.given_models import local_file
from gristmill.pipelines.parts import Piece
from gristmill.schemas import QUALITY, Recipe, nearest
from gristmill.schemas.recipe import resolve

if TYPE_CHECKING:
    from gristmill.filters.language.fasttext_model import FastText
    from gristmill.filters.quality.classifier import Classifier
    from gristmill.filters.quality.perplexity import LanguageModel

VERSION = 2

MODELS_IN_MEMORY = 32
"""Classifiers that a worker keeps: 4 MB each, and as much again for each domain beyond two."""

LANGUAGE_MODELS_IN_MEMORY = 8
"""KenLM models that a worker keeps, some GB each; those in KenLM's binary format are mapped, and shared by workers."""

Floats = npt.NDArray[np.float64]


def stage(recipe: Recipe, *, folder: str, pieces: Sequence[Piece]) -> Stage:
    """One unit for each piece; nothing where the recipe asks for neither score nor domains nor perplexity."""
    quality = recipe.quality
    if not (quality_plan.kinds(recipe) or quality.model or quality.perplexity):
        return []
    found: dict[tuple[str, str], FileEntry] = {}
    languages: dict[str, list[str]] = {}
    if quality_plan.kinds(recipe):
        weighed = yield quality_sample.weigh_phase(pieces)
        languages = {each.descriptor["documents"]: quality_plan.languages_of(each) for each in weighed}
        plan = quality_plan.plan(recipe, quality_plan.amounts(weighed))
        sampled = yield quality_sample.sample_phase(recipe, pieces=pieces, weighed=weighed, plan=plan)
        found = quality_model.files_of((yield quality_model.model_phase(sampled, plan=plan)))
    given = quality.model and resolve(quality.model, folder=folder)
    perplexity = {key: resolve(path, folder=folder) for key, path in sorted(quality.perplexity.items())}
    return (
        yield Phase(
            name="quality",
            stage="annotate",
            function=score_file,
            version=VERSION,
            settings={
                "model": given and files.fingerprint(given),
                "good_label": quality.good_label if given else None,
                "perplexity": [[key, _fingerprints(path)] for key, path in perplexity.items()],
            },
            tables=(QUALITY.name,),
            work=tuple(
                _with_models(each, found, languages, local={"model": given, "perplexity": perplexity})
                for each in work(pieces, signals=True)
            ),
        )
    )


def _with_models(
    piece: Work, found: Mapping[tuple[str, str], FileEntry], languages: Mapping[str, Sequence[str]], *, local: JSON
) -> Work:
    """A piece with the classifiers of its own languages: others do not matter to it."""
    here = set(languages.get(piece.descriptor["documents"], ()))
    mine = [(kind, language, entry) for (kind, language), entry in sorted(found.items()) if language in here]
    return replace(
        piece,
        descriptor={**piece.descriptor, "models": [[kind, language, entry.checksum] for kind, language, entry in mine]},
        local={**piece.local, **local, "models": [[kind, language, entry.path] for kind, language, entry in mine]},
    )


def _fingerprints(path: str) -> list[str]:
    """Of a KenLM model, and of the SentencePiece model beside it."""
    from gristmill.filters.quality.perplexity import sentence_pieces  # noqa: PLC0415

    beside = sentence_pieces(path)
    return [files.fingerprint(path), *([files.fingerprint(str(beside))] if beside else [])]


def check(recipe: Recipe, folder: str) -> None:
    """Whether the models that a recipe names can be used, before any work is done.

    Raises:
        ValueError: a file is missing or no model, its label is not there, or kenlm is not installed.
    """
    from gristmill.filters.language.fasttext_model import FastText  # noqa: PLC0415

    quality = recipe.quality
    if quality.model is not None:
        path = local_file(quality.model, folder, field="quality.model")
        try:
            labels = FastText.load(path).labels
        except (OSError, ValueError) as error:
            raise ValueError(f"quality.model: {error}") from error
        if quality.good_label not in labels:
            shown = ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")
            hint = nearest(quality.good_label, labels)
            raise ValueError(f"quality.good_label: {path} has no label {quality.good_label!r}{hint}; it has {shown}")
    for key, given in quality.perplexity.items():
        local_file(given, folder, field=f"quality.perplexity.{key}")
    if quality.perplexity and importlib.util.find_spec("kenlm") is None:
        from gristmill.filters.quality.perplexity import INSTALL  # noqa: PLC0415

        raise ValueError(f"quality.perplexity: {INSTALL}")


def score_file(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Score every document of a piece. Memory: a batch of documents, and the models of its languages."""
    scorer = _Scorer(unit, settings, store)
    with output.table(QUALITY) as writer:
        for batch in rows(store, unit, documents=["doc_id", "text"], signals=["language"]):
            scored = scorer.score(batch)
            writer.write(scored)
            output.count("documents", batch.num_rows)
            output.count("scored", batch.num_rows - scored["quality_score"].null_count)


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """What is found of a batch; NaN where there is nothing."""

    scores: Floats
    domains: npt.NDArray[np.object_]
    domain_scores: Floats
    perplexities: Floats


class _Scorer:
    """The models of a unit."""

    def __init__(self, unit: Unit, settings: JSON, store: Store) -> None:
        self._classifiers = {
            (kind, language): functools.partial(_classifier, store.path(path), checksum)
            for (kind, language, checksum), (_, _, path) in zip(
                unit.descriptor["models"], unit.local["models"], strict=True
            )
        }
        self._given = _given(unit.local["model"], settings["model"]) if settings["model"] else None
        self._good_label = settings["good_label"]
        self._perplexity = {key: (unit.local["perplexity"][key], *known) for key, known in settings["perplexity"]}

    def score(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """A row of QUALITY for each document."""
        n = batch.num_rows
        found = _Columns(
            scores=np.full(n, np.nan),
            domains=np.full(n, None, object),
            domain_scores=np.full(n, np.nan),
            perplexities=np.full(n, np.nan),
        )
        languages = batch["language"].dictionary_encode()
        for number, language in enumerate(languages.dictionary.to_pylist()):
            places = np.flatnonzero(languages.indices.fill_null(-1).to_numpy() == number)
            self._score_language(batch["text"], language, places, found)
        columns = [
            batch["doc_id"],
            *(pa.array(each, pa.float32(), from_pandas=True) for each in (found.scores, found.perplexities)),
            pa.array(found.domains, pa.string()),
            pa.array(found.domain_scores, pa.float32(), from_pandas=True),
        ]
        return pa.record_batch(columns, schema=QUALITY.schema)

    def _score_language(
        self, texts: pa.StringArray, language: str, places: npt.NDArray[np.int64], found: _Columns
    ) -> None:
        from gristmill.filters.quality import word_ngrams  # noqa: PLC0415  (compiled kernels: only workers need them)
        from gristmill.filters.quality.scores import MIN_SCORED_WORDS  # noqa: PLC0415

        quality, domain = (self._classifier(kind, language) for kind in ("quality", "domain"))
        model = self._model(language)
        if not (quality or domain or self._given or model):
            return
        some = word_ngrams.excerpts(texts.take(pa.array(places)))
        if quality or domain:
            none = word_ngrams.no_weights()
            scores = word_ngrams.score(some, quality.weights if quality else none, domain.weights if domain else none)
            enough = scores.n_words >= MIN_SCORED_WORDS
            if quality:
                found.scores[places[enough]] = quality.probability(scores.first[enough])
            if domain:
                best, sure = domain.likeliest(scores.second[enough])
                found.domains[places[enough]] = np.array(domain.labels, object)[best]
                found.domain_scores[places[enough]] = sure
        if self._given:
            probabilities = self._given.probabilities(some).astype(np.float64)
            good = probabilities[:, self._given.labels.index(self._good_label)]
            found.scores[places] = np.where(probabilities.any(axis=1), np.clip(good, 0, 1), np.nan)
        if model:
            perplexities = (model.perplexity(text.as_py()) for text in some)
            found.perplexities[places] = [np.nan if each is None else each for each in perplexities]

    def _classifier(self, kind: str, language: str) -> "Classifier | None":
        load = self._classifiers.get((kind, language))
        return load() if load else None

    def _model(self, language: str) -> "LanguageModel | None":
        from gristmill.filters.rules import lookup_keys  # noqa: PLC0415

        found = next((self._perplexity[key] for key in lookup_keys(language) if key in self._perplexity), None)
        return _language_model(*found) if found else None


@functools.lru_cache(maxsize=MODELS_IN_MEMORY)
def _classifier(path: str, checksum: str) -> "Classifier":
    from gristmill.filters.quality.classifier import Classifier  # noqa: PLC0415

    del checksum  # part of the key: the file under a name may be another in the next run
    try:
        return Classifier.from_bytes(files.read(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}; remove this file and run again") from error


@functools.lru_cache(maxsize=1)
def _given(path: str, fingerprint: str) -> "FastText":
    from gristmill.filters.language.fasttext_model import FastText  # noqa: PLC0415

    if files.fingerprint(path) != fingerprint:
        raise ValueError(f"{path}: changed while the run went on; run again")
    return FastText.load(path)


@functools.lru_cache(maxsize=LANGUAGE_MODELS_IN_MEMORY)
def _language_model(path: str, *fingerprints: str) -> "LanguageModel":
    from gristmill.filters.quality.perplexity import LanguageModel  # noqa: PLC0415

    if _fingerprints(path) != list(fingerprints):
        raise ValueError(f"{path}: changed while the run went on; run again")
    return LanguageModel.load(path)
