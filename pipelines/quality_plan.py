"""Which classifiers of quality and domains a corpus has enough text for, and how much of its text to sample for them.

Decided from counts alone: documents and words by language, role and domain.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gristmill.pipelines.checkpoints import Receipt
from gristmill.schemas import Recipe

MIN_DOCUMENTS, MIN_WORDS = 50, 10_000
"""What each class needs in a language, for the language to have a classifier of its own."""

GROUP_DOCUMENTS = 10
"""What each class needs in a language, for the language to share the classifier of its script."""

MAX_RATIO = 4
"""No domain gives more than so many times the text of the smallest."""

QUALITY_LABELS = ("reference", "raw")
GENERAL = "general"

MAX_DOCUMENT_WORDS = 4096
"""Words that a long document counts for: about as many as its excerpt has."""

Kind = Literal["quality", "domain"]


@dataclass(frozen=True, kw_only=True, order=True)
class Group:
    """Documents of one language, role and domain."""

    language: str
    role: str
    domain: str


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Documents that are long enough to learn from, and their words."""

    documents: int = 0
    words: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(documents=self.documents + other.documents, words=self.words + other.words)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A classifier to train.

    Attributes:
        name: a language or a script.
        labels: of a text that belongs to two classes, the first counts.
    """

    kind: Kind
    name: str
    languages: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A language without a classifier, and why."""

    kind: Kind
    language: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to train, and what not.

    Attributes:
        amounts: by kind and language, then by label.
        quotas: words of each class to train on, by kind and language.
        fractions: share of each group's documents to sample; a power of two, so that it changes when a corpus doubles.
    """

    targets: tuple[Target, ...]
    refusals: tuple[Refusal, ...]
    amounts: Mapping[tuple[Kind, str], Mapping[str, Amount]]
    quotas: Mapping[tuple[Kind, str], int]
    fractions: Mapping[Group, float]


def kinds(recipe: Recipe) -> tuple[Kind, ...]:
    """The classifiers that a recipe asks for."""
    if not recipe.quality.train:
        return ()
    found: list[Kind] = []
    if recipe.quality.model is None and any(each.role == "reference" for each in recipe.inputs):
        found.append("quality")
    if len({each.domain for each in recipe.inputs}) > 1:
        found.append("domain")
    return tuple(found)


def amounts(receipts: Iterable[Receipt]) -> dict[Group, Amount]:
    """What the counts of `quality_weigh` add up to, in sorted order."""
    found: dict[Group, Amount] = {}
    for receipt in receipts:
        for name, count in receipt.counts.items():
            what, *parts = name.split(":")
            if what in ("documents", "words"):
                group = Group(language=parts[0], role=parts[1], domain=parts[2])
                found[group] = found.get(group, Amount()) + Amount(**{what: count})
    return dict(sorted(found.items()))


def languages_of(receipt: Receipt) -> list[str]:
    """Languages of the documents of a piece, sorted."""
    return sorted(name.removeprefix("seen:") for name in receipt.counts if name.startswith("seen:"))


def plan(recipe: Recipe, found: Mapping[Group, Amount]) -> Plan:
    """What a recipe can have of what it asks for."""
    targets: list[Target] = []
    refusals: list[Refusal] = []
    by_label: dict[tuple[Kind, str], dict[str, Amount]] = {}
    for kind in kinds(recipe):
        labels = _labels(kind, recipe)
        for language in sorted({group.language for group in found}):
            of_language = {label: Amount() for label in labels}
            for group, amount in found.items():
                if group.language == language:
                    label = group.role if kind == "quality" else group.domain
                    of_language[label] += amount
            by_label[kind, language] = of_language
        some = {language: each for (other, language), each in by_label.items() if other == kind}
        good, bad = _quality(some) if kind == "quality" else _domains(some)
        targets += good
        refusals += bad
    quotas = {
        (target.kind, language): _quota(target, by_label[target.kind, language], recipe.quality.sample_words)
        for target in targets
        for language in target.languages
    }
    return Plan(
        targets=tuple(targets),
        refusals=tuple(refusals),
        amounts=by_label,
        quotas=quotas,
        fractions=_fractions(found, targets, by_label, quotas),
    )


def enough(amount: Amount) -> bool:
    """Whether there is enough text of a class for a classifier."""
    return amount.documents >= MIN_DOCUMENTS and amount.words >= MIN_WORDS


def too_little(label: str, amount: Amount) -> str:
    """Why a class is not enough, in words."""
    documents = "1 document" if amount.documents == 1 else f"{amount.documents:,} documents"
    return (
        f"{label} has {documents} of 50 words or more, {amount.words:,} words in all; "
        f"at least {MIN_DOCUMENTS} and {MIN_WORDS:,} are needed"
    )


def _labels(kind: Kind, recipe: Recipe) -> tuple[str, ...]:
    if kind == "quality":
        return QUALITY_LABELS
    domains = {each.domain for each in recipe.inputs}
    return (*sorted(domains - {GENERAL}), *(domains & {GENERAL}))


def _quality(found: Mapping[str, Mapping[str, Amount]]) -> tuple[list[Target], list[Refusal]]:
    """A classifier for each language that has enough; what the small ones have is put together by script."""
    own = [language for language, some in found.items() if all(map(enough, some.values()))]
    groups: dict[str, list[str]] = {}
    for language, some in found.items():
        script = language.partition("_")[2]
        if language not in own and script and min(each.documents for each in some.values()) >= GROUP_DOCUMENTS:
            groups.setdefault(script, []).append(language)
    for script, members in list(groups.items()):
        least = [min((found[language][label] for label in QUALITY_LABELS), key=_words) for language in members]
        if len(members) < 2 or not enough(sum(least, Amount())):
            del groups[script]
    targets = [
        Target(kind="quality", name=name, languages=tuple(members), labels=QUALITY_LABELS)
        for name, members in (*((language, [language]) for language in own), *sorted(groups.items()))
    ]
    served = {language for target in targets for language in target.languages}
    refusals = [
        Refusal(
            kind="quality",
            language=language,
            reason=next(too_little(label, amount) for label, amount in some.items() if not enough(amount)),
        )
        for language, some in found.items()
        if language not in served
    ]
    return targets, refusals


def _domains(found: Mapping[str, Mapping[str, Amount]]) -> tuple[list[Target], list[Refusal]]:
    """A classifier for each language in which two domains or more have enough, of those.

    Not without general text where the recipe has any: a classifier that may not say general would give it, and be sure
    of it, some other domain.
    """
    targets, refusals = [], []
    for language, some in found.items():
        labels = tuple(label for label, amount in some.items() if enough(amount))
        general = some.get(GENERAL)
        if len(labels) > 1 and (general is None or enough(general)):
            targets.append(Target(kind="domain", name=language, languages=(language,), labels=labels))
            continue
        rest = [label for label in some if label not in labels]
        lacking = GENERAL if len(labels) > 1 else max(rest, key=lambda label: some[label].words)
        who = (
            f"only {labels[0]} has enough text: "
            if len(labels) == 1
            else ""
            if labels
            else "no domain has enough text: "
        )
        refusals.append(Refusal(kind="domain", language=language, reason=who + too_little(lacking, some[lacking])))
    return targets, refusals


def _words(amount: Amount) -> int:
    return amount.words


def _quota(target: Target, some: Mapping[str, Amount], most: int) -> int:
    smallest = min(some[label].words for label in target.labels)
    return min(most, smallest * (1 if target.kind == "quality" else MAX_RATIO))


def _fractions(
    found: Mapping[Group, Amount],
    targets: Sequence[Target],
    by_label: Mapping[tuple[Kind, str], Mapping[str, Amount]],
    quotas: Mapping[tuple[Kind, str], int],
) -> dict[Group, float]:
    fractions: dict[Group, float] = {}
    for target in targets:
        for group in found:
            label = group.role if target.kind == "quality" else group.domain
            if group.language in target.languages and label in target.labels:
                total = by_label[target.kind, group.language][label].words
                wanted = fraction(quotas[target.kind, group.language], total)
                fractions[group] = max(fractions.get(group, 0.0), wanted)
    return fractions


def fraction(quota: int, total: int) -> float:
    """The share of a class's documents that gives its quota with near certainty: a power of two, 1 at most.

    A quarter more than the quota, so that neither chance nor duplicates leave it short.
    """
    share = 1.0
    while share * total >= 2.5 * quota:
        share /= 2
    return share
