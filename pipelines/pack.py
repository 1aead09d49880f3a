"""Pack: `tokens` -> shards of training sequences, and the manifest that a trainer opens them by.

Phases: `encode`, `mixture` (a table of how often what is used), `pack`, `manifest`. A shard is a range of the shuffled
order, so each is made by itself, and no shuffle ever moves text or tokens between workers.

Output folder::

    OUT/shards/data/shard-00000.parquet
    OUT/shards/manifest.json
"""

import json
from collections.abc import Mapping
from typing import Any

from gristmill.pipelines import encode, files, mixture, mixture_plan, train_tokenizer, weigh
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Stage, Work
from gristmill.pipelines.layout import Documents, Layout
from gristmill.schemas import TOKENS, Recipe, Table, key_of, shards

VERSION = 3
FORMAT = 2
"""Version of the shards' schema and of the manifest."""

PHASE = "pack"
DATA = "data"
MANIFEST = "shards/manifest.json"
MANIFEST_PHASE = "manifest"

ROW_GROUP_TOKENS = 1 << 18
"""Tokens per row group of a shard: what a trainer reads to get at one sequence, in little more than a millisecond."""

PLAIN = ("tokens", "doc_lens")
"""Columns that are no dictionaries, but values one after another, which a trainer reads fastest."""

_GROUPS_AT_ONCE = 8


def stage(recipe: Recipe, *, curated: list[Receipt], tokenizer: list[Receipt]) -> Stage:
    """Everything from the curated text to the manifest.

    Args:
        tokenizer: what `train_tokenizer.stage` returned: the weights and the tokenizer.
    """
    weights = weigh.weights(tokenizer)
    plans = mixture_plan.plan(weights, recipe.mixture)
    trained = next(each for each in tokenizer if each.phase == train_tokenizer.PHASE)
    # The export, where there is one, is of the same tokenizer; the model itself names the shards.
    models = [each for each in trained.files if each.table == train_tokenizer.TABLE]
    model = next((each for each in models if each.path.endswith(train_tokenizer.MODEL)), models[0])
    encoded: list[Receipt] = yield encode.phase(recipe, curated=curated, model=model, plans=plans)
    yield mixture.phase(recipe.mixture, weights=weights, plans=plans, encoded=encoded)
    packed: list[Receipt] = yield _pack_phase(recipe, encoded=encoded, model=model, special=trained.counts)
    return (yield _manifest_phase(recipe, encoded=encoded, packed=packed, model=model, special=trained.counts))


def _settings(recipe: Recipe, *, model: FileEntry, special: Mapping[str, int]) -> dict[str, Any]:
    """What shards and manifest say of how they were made."""
    return {
        "format": FORMAT,
        "sequence_length": recipe.packing.sequence_length,
        "vocabulary_size": special["vocabulary_size"],
        "end_id": special["end_id"],
        "pad_id": special["pad_id"],
        "tokenizer": model.checksum,
        "seed": recipe.seed,
        "recipe": recipe_key(recipe),
        "row_group_sequences": max(1, ROW_GROUP_TOKENS // recipe.packing.sequence_length),
    }


def recipe_key(recipe: Recipe) -> str:
    """Names what a recipe says of the shards: seed, tokenizer, mixture and packing.

    Not what it says of the text before: that is in the key of the tokens. Nor where a tokenizer lies, which the
    tokenizer's own checksum tells better.
    """
    said = recipe.model_dump(mode="json", include={"seed", "tokenizer", "mixture", "packing"})
    said["tokenizer"].pop("model")
    return key_of(said)


def _pack_phase(recipe: Recipe, *, encoded: list[Receipt], model: FileEntry, special: Mapping[str, int]) -> Phase:
    tokens = sum(each.counts["tokens"] for each in encoded)
    documents = sum(each.counts["documents"] for each in encoded)
    # No more shards than documents: each is the documents of a range, and a document is in one shard.
    count = min(documents, -(-tokens // recipe.packing.shard_tokens))
    entries = [entry for receipt in encoded for entry in receipt.of(TOKENS)]
    content = key_of(sorted(entry.checksum for entry in entries))
    return Phase(
        name=PHASE,
        stage="pack",
        function=pack_shard,
        version=VERSION,
        settings=_settings(recipe, model=model, special=special),
        tables=(f"shards/{DATA}",),
        work=tuple(
            Work(
                descriptor={"tokens": content, "shard": number, "shards": count},
                # Not the paths: every shard reads all files, and the units must stay small.
                local={"files": len(entries)},
                size=tokens // count * 4,
            )
            for number in range(count)
        ),
    )


def pack_shard(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the shard of a range of the shuffled order; nothing, if no document falls into it.

    Memory: six to eight bytes for each token of the shard, whatever the size of the corpus. Time: about 50 ns a token
    on one core, nearly all of it Parquet's.
    """
    table = shards(sequence_length=settings["sequence_length"], vocabulary_size=settings["vocabulary_size"])
    paths = [each for each in files.list_files(store.path(TOKENS.name)) if each.endswith(".parquet")]
    if len(paths) != unit.local["files"]:
        raise ValueError(f"{store.path(TOKENS.name)}: {len(paths)} files where {unit.local['files']} were written")
    number = unit.descriptor["shard"]
    documents = Documents.read(
        paths, shard=number, shards=unit.descriptor["shards"], kind=table.schema.field("tokens").type.value_type
    )
    if len(documents.lengths) == 0:
        return
    layout = Layout.of(documents, sequence_length=settings["sequence_length"], seed=settings["seed"])
    counts = {
        "sequences": layout.sequences,
        "tokens": int(documents.lengths.sum()),
        "documents": len(documents.lengths),
        "pieces": len(layout.pieces.length),
        "packed": layout.fingerprint(documents),
    }
    said = {name: value for name, value in settings.items() if name != "libraries"}
    footer = said | counts | {"shard": number}
    with output.table(
        table,
        partition=DATA,
        name=f"shard-{number:05d}",
        metadata={name: str(footer[name]) for name in sorted(footer)},
        **how_written(table, settings),
    ) as writer:
        size = settings["row_group_sequences"] * _GROUPS_AT_ONCE
        for batch in layout.batches(documents, schema=table.schema, pad_id=settings["pad_id"], size=size):
            writer.write(batch)
    for name, amount in counts.items():
        output.count(name, amount)


def how_written(table: Table, settings: JSON) -> dict[str, Any]:
    """Arguments of `Output.table` that the speed of a trainer depends on."""
    return {
        "row_group_rows": settings["row_group_sequences"],
        # Tokens hardly repeat within a row group: a dictionary makes them larger and slower to read.
        "dictionary": [f"{name}.list.element" for name in table.schema.names if name not in PLAIN],
    }


def _manifest_phase(
    recipe: Recipe,
    *,
    encoded: list[Receipt],
    packed: list[Receipt],
    model: FileEntry,
    special: Mapping[str, int],
) -> Phase:
    return Phase(
        name=MANIFEST_PHASE,
        stage="pack",
        function=write_manifest,
        version=VERSION,
        settings=_settings(recipe, model=model, special=special),
        tables=(MANIFEST,),
        work=(Work(descriptor=described(encoded=encoded, packed=packed)),),
    )


def described(*, encoded: list[Receipt], packed: list[Receipt]) -> dict[str, Any]:
    """What the manifest says of the shards: each by itself, and totals."""
    listed = [
        {
            "path": entry.path.removeprefix("shards/"),
            "shard": receipt.descriptor["shard"],
            **{name: receipt.counts[name] for name in ("sequences", "tokens", "documents", "packed")},
            "bytes": entry.bytes,
            "checksum": entry.checksum,
        }
        for receipt in packed
        for entry in receipt.files
    ]
    listed.sort(key=lambda each: int(each["shard"]))
    totals = {
        "shards": len(listed),
        "sequences": sum(each["sequences"] for each in listed),
        "tokens": sum(mixture.left(each, "tokens") for each in encoded),
        "documents": sum(mixture.left(each, "documents") for each in encoded),
        "text_bytes": sum(mixture.left(each, "bytes") for each in encoded),
    }
    return {"shards": listed, "totals": totals}


def write_manifest(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the manifest, which settings and descriptor hold; say so, if packing lost anything."""
    del store
    descriptor = unit.descriptor
    for what in ("tokens", "documents"):
        written = sum(each[what] for each in descriptor["shards"])
        if written != descriptor["totals"][what]:
            raise ValueError(f"shards hold {written:,} {what} of {descriptor['totals'][what]:,} encoded")
    token_type = "uint16" if settings["vocabulary_size"] <= 1 << 16 else "uint32"
    manifest = {name: settings[name] for name in settings if name != "libraries"} | {"token_type": token_type}
    text = json.dumps(manifest | dict(descriptor), indent=1, sort_keys=True) + "\n"
    output.file(MANIFEST, text.encode())
    for name, amount in descriptor["totals"].items():
        output.count(name, amount)
