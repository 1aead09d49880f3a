"""Tokenizer: curated text -> a tokenizer and a report on each language.

Three phases: weigh the text; sample each file by a threshold that the weights give; train on the samples, or take the
model that the recipe names.
"""

import pyarrow as pa
import pyarrow.compute as pc

from gristmill import tokenizer
from gristmill.pipelines import files, sampling, weigh
from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.schemas import SAMPLE_REPORT, TOKENIZER_REPORT, Recipe, digest, key_of
from gristmill.schemas.recipe import is_remote, resolve

VERSION = 4
PHASE = "tokenizer"
TABLE = "tokenizer"
MODEL = "tokenizer.model"
EXPORT = "tokenizer.json"

_SETTINGS = {"kind", "vocabulary_size", "character_coverage", "end_token", "pad_token"}


def stage(recipe: Recipe, *, folder: str, curated: list[Receipt]) -> Stage:
    """Returns the receipts of the weights and of the tokenizer: `pack` needs both.

    Args:
        folder: the recipe's folder, where the path of a model of one's own starts.
    """
    given = recipe.tokenizer.model and resolve(recipe.tokenizer.model, folder=folder)
    weights: list[Receipt] = yield from weigh.stage(curated=curated)
    quotas = sampling.plan(weigh.weights(weights), recipe.tokenizer)
    sampled = yield sampling.phase(recipe, curated=curated, quotas=quotas)
    entries = sampling.entries(sampled)
    trained: list[Receipt] = yield Phase(
        name=PHASE,
        stage="tokenizer",
        function=use_model if given else train_model,
        version=VERSION,
        libraries=tokenizer.libraries_of(given or MODEL),
        settings={
            "model": files.fingerprint(given) if given else None,
            **recipe.tokenizer.model_dump(mode="json", include=_SETTINGS),
        },
        tables=(TABLE, SAMPLE_REPORT.name, TOKENIZER_REPORT.name),
        work=(
            Work(
                descriptor={
                    "sample": key_of([entry.checksum for entry in entries]),
                    "quotas": sampling.to_json(quotas),
                },
                local={"sample": [entry.path for entry in entries], "model": given},
                size=sum(entry.text_bytes for entry in entries),
            ),
        ),
    )
    return [*weights, *trained]


def train_model(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Train on the sample, and report on each language.

    Raises:
        ValueError: there is no text to train on.
    """
    sample = _read_sample(unit, store)
    if sample.num_rows == 0:
        raise ValueError(
            "the sample is empty, so there is no text to train a tokenizer on; a larger tokenizer.sample_bytes may help"
        )
    trained = tokenizer.train(
        sample["text"].to_pylist(),
        vocabulary_size=settings["vocabulary_size"],
        kind=settings["kind"],
        character_coverage=settings["character_coverage"],
    )
    output.count("vocabulary_asked", settings["vocabulary_size"])
    output.count("characters", trained.characters)
    encoder = tokenizer.Encoder.load(trained.model, end=settings["end_token"], pad=settings["pad_token"])
    _write(trained.model, encoder=encoder, sample=sample, unit=unit, output=output)


def use_model(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Copy the recipe's own model, and report on each language.

    Raises:
        ValueError: it is no tokenizer, has no token that the recipe names, or was changed since the run began.
    """
    model = files.read(unit.local["model"])
    try:
        encoder = tokenizer.Encoder.load(model, end=settings["end_token"], pad=settings["pad_token"])
    except ValueError as error:
        raise ValueError(f"{unit.local['model']}: {error}") from error
    if not is_remote(unit.local["model"]) and digest(model) != settings["model"]:
        raise ValueError(f"{unit.local['model']}: changed while the run went on; run again")
    _write(model, encoder=encoder, sample=_read_sample(unit, store), unit=unit, output=output)


def _read_sample(unit: Unit, store: Store) -> pa.Table:
    return sampling.read(store, unit.local["sample"], quotas=sampling.from_json(unit.descriptor["quotas"]))


def _write(model: bytes, *, encoder: tokenizer.Encoder, sample: pa.Table, unit: Unit, output: Output) -> None:
    output.file(f"{TABLE}/{EXPORT if tokenizer.is_huggingface(model) else MODEL}", model)
    if not tokenizer.is_huggingface(model) and (exported := tokenizer.to_huggingface(model)):
        output.file(f"{TABLE}/{EXPORT}", exported)
    output.count("vocabulary_size", encoder.vocabulary_size)
    output.count("end_id", encoder.end_id)
    output.count("pad_id", encoder.pad_id)
    output.count("sample_bytes", int(pc.sum(pc.binary_length(sample["text"])).as_py() or 0))
    quotas = sampling.from_json(unit.descriptor["quotas"])
    sampling.write_report(sample, quotas=quotas, output=output)
    tallies = {
        language: tokenizer.tally(encoder, sample.filter(pc.equal(sample["language"], language))["text"])
        for language in sampling.by_language(quotas)
    }
    parities, costs = tokenizer.parities(tallies), tokenizer.costs(tallies)
    rows = [
        {
            "language": language,
            "bytes": quota.available,
            "quota": quota.asked,
            "sample_bytes": tallies[language].n_bytes,
            "pieces": tallies[language].texts,
            "tokens": tallies[language].tokens,
            "bytes_per_token": tallies[language].bytes_per_token,
            "characters_per_token": tallies[language].characters_per_token,
            "fertility": tallies[language].fertility,
            "coverage": tallies[language].coverage,
            "byte_ratio": tallies[language].byte_ratio,
            "parity": parities[language],
            "cost": costs[language],
        }
        for language, quota in sampling.by_language(quotas).items()
    ]
    with output.table(TOKENIZER_REPORT) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=TOKENIZER_REPORT.schema))
