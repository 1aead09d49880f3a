"""Tokenizer: curated text -> a SentencePiece model and a report on each language.

Three phases: weigh the text; sample each file by a threshold that the weights give; train on the samples, or take the
model that the recipe names.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill import tokenizer
from gristmill.pipelines import files, tables, weigh
from gristmill.pipelines.checkpoints import JSON, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.schemas import CURATED, SAMPLE, TOKENIZER_REPORT, Recipe, digest, key_of
from gristmill.schemas.recipe import is_remote, resolve

VERSION = 1
LIBRARIES = ("sentencepiece",)
PHASE = "tokenizer"
TABLE = "tokenizer"
MODEL = "tokenizer.model"


def stage(recipe: Recipe, *, folder: str, curated: list[Receipt]) -> Stage:
    """Returns the receipts of the weights and of the tokenizer: `pack` needs both.

    Args:
        folder: the recipe's folder, where the path of a model of one's own starts.
    """
    given = recipe.tokenizer.model and resolve(recipe.tokenizer.model, folder=folder)
    weights: list[Receipt] = yield from weigh.stage(curated=curated)
    sizes = weigh.by_language(weigh.weights(weights))
    quotas = tokenizer.quotas(
        sizes, sample_bytes=recipe.tokenizer.sample_bytes, temperature=recipe.tokenizer.temperature
    )
    fractions = {
        name: tokenizer.sampling_fraction(quota=quota, available=sizes[name]) for name, quota in quotas.items()
    }
    sampled = yield _sample_phase(recipe, curated=curated, fractions=fractions)
    entries = [entry for receipt in sampled for entry in receipt.of(SAMPLE)]
    trained: list[Receipt] = yield Phase(
        name=PHASE,
        stage="tokenizer",
        function=use_model if given else train_model,
        version=VERSION,
        libraries=LIBRARIES,
        settings={
            "model": files.fingerprint(given) if given else None,
            **recipe.tokenizer.model_dump(mode="json", include={"kind", "vocabulary_size", "character_coverage"}),
        },
        tables=(TABLE, TOKENIZER_REPORT.name),
        work=(
            Work(
                descriptor={
                    "sample": key_of(sorted(entry.checksum for entry in entries)),
                    "quotas": {name: [quota, sizes[name]] for name, quota in quotas.items()},
                },
                local={"sample": sorted(entry.path for entry in entries), "model": given},
                size=sum(entry.text_bytes for entry in entries),
            ),
        ),
    )
    return [*weights, *trained]


def _sample_phase(recipe: Recipe, *, curated: list[Receipt], fractions: dict[str, float]) -> Phase:
    return Phase(
        name="sample",
        stage="tokenizer",
        function=sample_file,
        version=VERSION,
        settings={"seed": recipe.seed},
        tables=(SAMPLE.name,),
        work=tuple(
            Work(
                # Rounded up: a last bit that differs between machines' maths libraries must not change the choice.
                descriptor={
                    "curated": entry.checksum,
                    "language": language,
                    "fraction": min(1.0, round(fractions[language] + 5e-7, 6)),
                },
                local={"curated": entry.path},
                size=entry.text_bytes,
            )
            for receipt in curated
            for entry in receipt.of(CURATED)
            if fractions.get(language := weigh.language_of(entry), 0) > 0
        ),
    )


def sample_file(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the pieces of a file whose hash is below the language's threshold. Memory: one batch."""
    language, fraction = unit.descriptor["language"], unit.descriptor["fraction"]
    with output.table(SAMPLE) as writer:
        for batch in tables.batches(store, unit.local["curated"], columns=["doc_id", "text"]):
            texts = pc.cast(batch["text"], pa.binary()).to_pylist()
            chosen = list(
                tokenizer.choose_pieces(batch["doc_id"].to_pylist(), texts, seed=settings["seed"], fraction=fraction)
            )
            columns = [
                pa.array([hashed for hashed, _ in chosen], pa.uint64()),
                pa.repeat(pa.scalar(language), len(chosen)),
                pa.array([piece.decode() for _, piece in chosen], pa.string()),
            ]
            writer.write(pa.record_batch(columns, schema=SAMPLE.schema))
            output.count("pieces", len(chosen))


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
    _write(trained.model, sample=sample, unit=unit, output=output)


def use_model(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Copy the recipe's own model, and report on each language.

    Raises:
        ValueError: it is no SentencePiece model, or was changed since the run began.
    """
    model = files.read(unit.local["model"])
    try:
        tokenizer.Encoder.load(model)
    except ValueError as error:
        raise ValueError(f"{unit.local['model']}: {error}") from error
    if not is_remote(unit.local["model"]) and digest(model) != settings["model"]:
        raise ValueError(f"{unit.local['model']}: changed while the run went on; run again")
    _write(model, sample=_read_sample(unit, store), unit=unit, output=output)


def _read_sample(unit: Unit, store: Store) -> pa.Table:
    """The sample in the order of its hashes, each language cut at its quota. Memory: the sample."""
    found = [tables.read(store, path) for path in unit.local["sample"]]
    everything = pa.concat_tables([SAMPLE.schema.empty_table(), *found])
    # By text too, so that not even equal hashes leave the order to that of the files.
    order = pc.sort_indices(everything, sort_keys=[("hash", "ascending"), ("text", "ascending")])
    everything = everything.take(order)
    hashes = everything["hash"].to_numpy()
    sizes = pc.binary_length(everything["text"]).to_numpy().astype(np.int64)
    languages = everything["language"]
    chosen: list[npt.NDArray[np.int64]] = [np.empty(0, np.int64)]
    for language, (quota, _) in unit.descriptor["quotas"].items():
        places = np.flatnonzero(pc.equal(languages, language).to_numpy(zero_copy_only=False))
        chosen.append(places[tokenizer.until_quota(hashes[places], sizes[places], quota=quota)])
    return everything.take(pa.array(np.sort(np.concatenate(chosen))))


def _write(model: bytes, *, sample: pa.Table, unit: Unit, output: Output) -> None:
    encoder = tokenizer.Encoder.load(model)
    output.file(f"{TABLE}/{MODEL}", model)
    output.count("vocabulary_size", encoder.vocabulary_size)
    output.count("end_id", encoder.end_id)
    output.count("pad_id", encoder.pad_id)
    output.count("sample_bytes", int(pc.sum(pc.binary_length(sample["text"])).as_py() or 0))
    rows = []
    for language, (quota, available) in sorted(unit.descriptor["quotas"].items()):
        texts: Sequence[str] = sample.filter(pc.equal(sample["language"], language))["text"].to_pylist()
        found = tokenizer.tally(encoder, texts)
        rows.append(
            {
                "language": language,
                "bytes": available,
                "quota": quota,
                "sample_bytes": found.n_bytes,
                "pieces": len(texts),
                "tokens": found.tokens,
                "bytes_per_token": found.bytes_per_token,
                "characters_per_token": found.characters_per_token,
                "fertility": found.fertility,
                "byte_ratio": found.byte_ratio,
            }
        )
    with output.table(TOKENIZER_REPORT) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=TOKENIZER_REPORT.schema))
