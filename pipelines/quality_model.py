"""Training classifiers of quality and domains on the sample, one unit for each, and reporting on every language."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.pipelines import tables
from gristmill.pipelines.checkpoints import JSON, FileEntry, Output, Receipt, Store, Unit
from gristmill.pipelines.engine import Phase, Work
from gristmill.pipelines.quality_plan import MAX_RATIO, Amount, Kind, Plan, Target, enough, too_little
from gristmill.schemas import DOMAIN_REPORT, QUALITY_REPORT, QUALITY_SAMPLE, Table

if TYPE_CHECKING:
    from gristmill.filters.quality.examples import Examples
    from gristmill.filters.quality.scores import Learnt

VERSION = 2
MODELS = "quality_models"

THRESHOLDS = tuple(tenth / 10 for tenth in range(1, 10))

_NONE = "none"

Row = dict[str, Any]


def model_phase(sampled: Sequence[Receipt], *, plan: Plan) -> Phase:
    """One unit for each classifier, and one that says where there is none."""
    entries = sorted((entry for receipt in sampled for entry in receipt.of(QUALITY_SAMPLE)), key=lambda each: each.path)
    found = [_target_work(target, entries, plan) for target in plan.targets]
    if plan.refusals:
        refused = [
            [each.kind, each.language, each.reason, _amounts(plan, each.kind, each.language)] for each in plan.refusals
        ]
        found.append(Work(descriptor={"kind": _NONE, "languages": [], "refused": refused}))
    return Phase(
        name="quality_model",
        stage="annotate",
        function=train_model,
        version=VERSION,
        tables=(MODELS, QUALITY_REPORT.name, DOMAIN_REPORT.name),
        work=tuple(found),
    )


def _target_work(target: Target, entries: Sequence[FileEntry], plan: Plan) -> Work:
    return Work(
        descriptor={
            "kind": target.kind,
            "name": target.name,
            "languages": list(target.languages),
            "labels": list(target.labels),
            "quotas": {language: plan.quotas[target.kind, language] for language in target.languages},
            "amounts": {language: _amounts(plan, target.kind, language) for language in target.languages},
            "sample": sorted(entry.checksum for entry in entries),
        },
        local={"sample": [entry.path for entry in entries]},
        size=sum(entry.text_bytes for entry in entries),
    )


def _amounts(plan: Plan, kind: Kind, language: str) -> list[list[Any]]:
    return [[label, each.documents, each.words] for label, each in plan.amounts[kind, language].items()]


def train_model(unit: Unit, settings: JSON, store: Store, output: Output) -> None:
    """Train a classifier, or say why there is none, and report on its languages.

    Memory: the classifier's part of the sample, twice, and some 20 bytes for each of its words.
    """
    del settings
    told = unit.descriptor
    if told["kind"] == _NONE:
        rows = [_row(kind, language, amounts, reason=reason) for kind, language, reason, amounts in told["refused"]]
        _write(output, QUALITY_REPORT, rows)
        return
    examples = _examples(_read_sample(unit, store), told)
    reason, learnt = _learn(examples, told)
    if learnt is None:
        rows = [_row(told["kind"], each, told["amounts"][each], reason=reason) for each in told["languages"]]
        _write(output, QUALITY_REPORT, rows)
        return
    output.file(f"{MODELS}/{told['kind']}-{told['name']}.arrow", learnt.classifier.to_bytes())
    _write(output, QUALITY_REPORT, [_report(learnt, examples, told, language) for language in told["languages"]])
    if told["kind"] == "domain":
        _write(output, DOMAIN_REPORT, list(_confusion(learnt, examples, told)))


def _read_sample(unit: Unit, store: Store) -> pa.Table:
    """The sampled documents of the classifier's languages, each text once, in the order of their hashes.

    Of equal texts of two classes, that of the class that is named first counts.
    """
    told = unit.descriptor
    label = "role" if told["kind"] == "quality" else "domain"
    first, last = min(told["languages"]), max(told["languages"])
    found = [QUALITY_SAMPLE.schema.empty_table()]
    for path in unit.local["sample"]:
        with tables.opened(store.path(path)) as parquet:
            for number in range(parquet.num_row_groups):
                known = parquet.metadata.row_group(number).column(0).statistics
                if known is None or (known.max >= first and known.min <= last):
                    group = parquet.read_row_group(number)
                    found.append(group.filter(pc.is_in(group["language"], pa.array(told["languages"], pa.string()))))
    sample = pa.concat_tables(found).combine_chunks()
    numbers = pc.index_in(sample[label], pa.array(told["labels"], pa.string()))
    sample = sample.append_column("class", numbers.cast(pa.int64())).filter(pc.is_valid(numbers))
    sample = sample.sort_by([(name, "ascending") for name in ("hash", "class", "language", "domain", "role")])
    hashes = sample["hash"].to_numpy()
    return sample.filter(pa.array(np.diff(hashes, prepend=~hashes[:1]) != 0))


def _examples(sample: pa.Table, told: JSON) -> "Examples":
    from gristmill.filters.quality.examples import Documents, choose  # noqa: PLC0415  (compiled kernels: only workers need them)

    documents = Documents(
        texts=sample["text"],
        classes=sample["class"].to_numpy(),
        languages=np.array(sample["language"].to_pylist(), object),
        hashes=sample["hash"].to_numpy(),
    )
    ratio = 1 if told["kind"] == "quality" else MAX_RATIO
    return choose(documents, n_classes=len(told["labels"]), quotas=told["quotas"], max_ratio=ratio)


def _learn(examples: "Examples", told: JSON) -> "tuple[str | None, Learnt | None]":
    """A classifier, or why there is none."""
    from gristmill.filters.quality import scores  # noqa: PLC0415

    for label, documents, words in zip(told["labels"], examples.documents_left, examples.words_left, strict=True):
        amount = Amount(documents=documents, words=words)
        if not enough(amount):
            return f"once equal texts are counted once, {too_little(label, amount)}", None
    labels, languages = tuple(told["labels"]), tuple(told["languages"])
    if told["kind"] == "domain":
        return None, scores.learn_domains(examples, labels=labels, languages=languages)
    learnt = scores.learn_quality(examples, labels=labels, languages=languages)
    return (None if learnt else "reference and raw text cannot be told apart"), learnt


def _row(kind: str, language: str, amounts: Iterable[Sequence[Any]], **found: Any) -> Row:
    classes = [{"name": name, "documents": documents, "words": words, "used": 0} for name, documents, words in amounts]
    return {"kind": kind, "language": language, "classes": classes, **found}


def _report(learnt: "Learnt", examples: "Examples", told: JSON, language: str) -> Row:
    """What held-out documents of a language say of a classifier."""
    from gristmill.filters.quality.calibration import auc, calibration_error  # noqa: PLC0415

    here = examples.languages == language
    classes, scores = examples.classes[here], learnt.scores[here]
    row = _row(told["kind"], language, told["amounts"][language], model=told["name"])
    used = dict(zip(told["labels"], np.bincount(classes, minlength=len(told["labels"])).tolist(), strict=True))
    for each in row["classes"]:
        each["used"] = used.get(each["name"], 0)
    if told["kind"] == "domain":
        best, sure = learnt.classifier.likeliest(scores)[0], learnt.probabilities[here]
        right = best == classes
        return row | {
            "accuracy": _rounded(right.mean()),
            "calibration_error": _rounded(abs(sure.mean() - right.mean())),
        }
    good = classes == 0
    found = learnt.probabilities[here]
    return row | {
        "auc": _rounded(auc(scores[:, 0], good)),
        "calibration_error": _rounded(calibration_error(found, good)),
        "thresholds": [
            {
                "score": least,
                "reference": _rounded((found[good] >= least).mean()),
                "raw": _rounded((found[~good] >= least).mean()),
            }
            for least in THRESHOLDS
        ],
    }


def _confusion(learnt: "Learnt", examples: "Examples", told: JSON) -> Iterable[Row]:
    best, _ = learnt.classifier.likeliest(learnt.scores)
    labels = told["labels"]
    pairs = np.bincount(examples.classes * len(labels) + best, minlength=len(labels) ** 2)
    for place, documents in enumerate(pairs.tolist()):
        yield {
            "language": told["name"],
            "domain": labels[place // len(labels)],
            "likely_domain": labels[place % len(labels)],
            "documents": documents,
        }


def _rounded(value: Any) -> float | None:
    return None if value is None else round(float(value), 6)


def _write(output: Output, table: Table, rows: Sequence[Row]) -> None:
    with output.table(table) as writer:
        writer.write(pa.RecordBatch.from_pylist(rows, schema=table.schema))


def files_of(receipts: Sequence[Receipt]) -> dict[tuple[str, str], FileEntry]:
    """The classifiers there are, by kind and language."""
    return {
        (receipt.descriptor["kind"], language): entry
        for receipt in receipts
        for entry in receipt.files
        if entry.table == MODELS
        for language in receipt.descriptor["languages"]
    }
