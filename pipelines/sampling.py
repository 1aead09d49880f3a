"""Sample: which pieces of the curated text the tokenizer is trained on, by language, domain and source.

The weights give each group its quota, and the quota a threshold on hashes. Each curated file is sampled by that, in one
unit, in bounded memory; whoever reads the sample back cuts each group at its quota, so that what is taken is what was
asked, to a character.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Work
from gristmill.pipelines.weigh import Group, Weight, language_key, language_of
from gristmill.schemas import CURATED, SAMPLE, SAMPLE_REPORT, Recipe
from gristmill.schemas.recipe import Tokenizer
from gristmill.tokenizer.quotas import quotas
from gristmill.tokenizer.sample import choose_pieces, sampling_fraction, until_quota, up_to

VERSION = 2
PHASE = "sample"


@dataclass(frozen=True, kw_only=True)
class Quota:
    """What is asked of a group, and what it has, in bytes of text."""

    asked: int
    available: int


def plan(found: Mapping[Group, Weight], tokenizer: Tokenizer) -> dict[Group, Quota]:
    """Quotas of all groups that have text."""
    sizes = {group: weight.n_bytes for group, weight in found.items()}
    languages = {group.language for group in found}
    asked = quotas(
        sizes,
        sample_bytes=tokenizer.sample_bytes,
        temperature=tokenizer.temperature,
        domain_temperature=tokenizer.domain_temperature,
        floors=_bounds(tokenizer, tokenizer.floors, languages),
        caps=_bounds(tokenizer, tokenizer.caps, languages),
    )
    return {group: Quota(asked=asked[group], available=size) for group, size in sorted(sizes.items()) if size}


def _bounds(tokenizer: Tokenizer, given: Mapping[str, float], languages: Iterable[str]) -> dict[str, float]:
    """Bytes that the recipe sets for each language, by the most particular key that means it."""
    keys = {language: language_key(language, given) for language in languages}
    return {language: tokenizer.bytes_of(given[key]) for language, key in keys.items() if key is not None}


def phase(recipe: Recipe, *, curated: Iterable[Receipt], quotas: Mapping[Group, Quota]) -> Phase:
    """One unit for each curated file of a language that anything is asked of."""
    fractions: dict[str, dict[str, float]] = {}
    for group, quota in quotas.items():
        fraction = sampling_fraction(quota=quota.asked, available=quota.available)
        fractions.setdefault(group.language, {})[f"{group.domain}:{group.source}"] = fraction
    return Phase(
        name=PHASE,
        stage="tokenizer",
        function=sample_file,
        version=VERSION,
        settings={"seed": recipe.seed},
        tables=(SAMPLE.name,),
        work=tuple(
            Work(
                descriptor={"curated": entry.checksum, "language": language, "fractions": fractions[language]},
                local={"curated": entry.path},
                size=entry.text_bytes,
            )
            for receipt in curated
            for entry in receipt.of(CURATED)
            if any(fractions.get(language := language_of(entry), {}).values())
        ),
    )


def sample_file(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Write the pieces of a file whose hash is below their group's threshold. Memory: one batch."""
    fractions: Mapping[str, float] = unit.descriptor["fractions"]
    columns = ["doc_id", "domain", "source", "text"]
    with output.table(SAMPLE) as writer:
        for batch in tables.batches(store, unit.local["curated"], columns=columns):
            groups = zip(batch["domain"].to_pylist(), batch["source"].to_pylist(), strict=True)
            wanted = np.array([fractions.get(f"{domain}:{source}", 0.0) for domain, source in groups], np.float64)
            texts = pc.cast(batch["text"], pa.binary()).to_pylist()
            chosen = list(choose_pieces(batch["doc_id"].to_pylist(), texts, seed=settings["seed"], fractions=wanted))
            documents = pa.array([document for document, _, _ in chosen], pa.int64())
            found = {
                "hash": pa.array([hashed for _, hashed, _ in chosen], pa.uint64()),
                "language": pa.repeat(pa.scalar(unit.descriptor["language"]), len(chosen)),
                "domain": batch["domain"].take(documents),
                "source": batch["source"].take(documents),
                "text": pa.array([piece.decode() for _, _, piece in chosen], pa.string()),
            }
            writer.write(pa.record_batch([found[name] for name in SAMPLE.schema.names], schema=SAMPLE.schema))
            output.count("pieces", len(chosen))


def to_json(quotas: Mapping[Group, Quota]) -> list[list[str | int]]:
    """Quotas for a unit's descriptor."""
    return [[*group, quota.asked, quota.available] for group, quota in sorted(quotas.items())]


def from_json(rows: Iterable[tuple[str, str, str, int, int]]) -> dict[Group, Quota]:
    """Quotas back from a descriptor."""
    return {
        Group(language, domain, source): Quota(asked=asked, available=available)
        for language, domain, source, asked, available in rows
    }


def by_language(quotas: Mapping[Group, Quota]) -> dict[str, Quota]:
    """Quotas of whole languages, in their order."""
    found: dict[str, Quota] = {}
    for group, quota in sorted(quotas.items()):
        so_far = found.get(group.language, Quota(asked=0, available=0))
        found[group.language] = Quota(asked=so_far.asked + quota.asked, available=so_far.available + quota.available)
    return found


def entries(sampled: Iterable[Receipt]) -> list[FileEntry]:
    """The files of the sample, in the order of their checksums."""
    return sorted((entry for receipt in sampled for entry in receipt.of(SAMPLE)), key=lambda entry: entry.checksum)


def read(store: Store, paths: Iterable[str], *, quotas: Mapping[Group, Quota]) -> pa.Table:
    """The sample in the order of its hashes, each group cut at its quota. Memory: twice the sample."""
    everything = pa.concat_tables([SAMPLE.schema.empty_table(), *(tables.read(store, path) for path in paths)])
    # By text too, so that not even equal hashes leave the order to that of the files.
    order = pc.sort_indices(everything, sort_keys=[("hash", "ascending"), ("text", "ascending")])
    everything = everything.take(order).combine_chunks()
    sizes = pc.binary_length(everything["text"]).to_numpy().astype(np.int64)
    take = _taken(everything, sizes, quotas=quotas)
    cut = (take > 0) & (take < sizes)
    texts = everything["text"].filter(pa.array(cut)).to_pylist()
    shorter = pa.array([up_to(text, size) for text, size in zip(texts, take[cut].tolist(), strict=True)], pa.string())
    column = everything.schema.get_field_index("text")
    found = pc.replace_with_mask(everything["text"], pa.array(cut), shorter)
    return everything.set_column(column, SAMPLE.schema.field("text"), found).filter(pa.array(take > 0))


def _taken(sample: pa.Table, sizes: npt.NDArray[np.int64], *, quotas: Mapping[Group, Quota]) -> npt.NDArray[np.int64]:
    """Bytes that are taken of each piece."""
    keys = pc.binary_join_element_wise(sample["language"], sample["domain"], sample["source"], "\n")
    encoded = keys.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    wanted = {"\n".join(group): quota.asked for group, quota in quotas.items()}
    take = np.zeros(len(sizes), np.int64)
    for code, key in enumerate(encoded.dictionary.to_pylist()):
        places = np.flatnonzero(codes == code)
        take[places] = until_quota(sizes[places], quota=wanted[key])
    return take


def write_report(sample: pa.Table, *, quotas: Mapping[Group, Quota], output: Output) -> None:
    """One row for each group: what there is, what was asked and what was taken."""
    sized = sample.append_column("bytes", pc.cast(pc.binary_length(sample["text"]), pa.int64()))
    names = ["language", "domain", "source"]
    totals = sized.group_by(names).aggregate([("bytes", "sum"), ("bytes", "count")])
    taken = {tuple(row[name] for name in names): row for row in totals.to_pylist()}
    rows = [
        {
            **group._asdict(),
            "bytes": quota.available,
            "quota": quota.asked,
            "sample_bytes": found["bytes_sum"],
            "pieces": found["bytes_count"],
        }
        for group, quota in sorted(quotas.items())
        for found in [taken.get(group, {"bytes_sum": 0, "bytes_count": 0})]
    ]
    with output.table(SAMPLE_REPORT) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=SAMPLE_REPORT.schema))
