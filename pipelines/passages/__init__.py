"""Passages: lines and paragraphs that recur over many documents, and long spans that are copied from one to another.

Every phase reads and writes files, sorted by what the next one asks for (`exchange`). No text moves, only hashes and
numbers of documents:

1. `passage_keys`, a unit for each group of parts: its passages, each with the documents that have it (`keys`).
2. `passage_counts`, a unit for each range of hashes: sums, sent back to the groups that have the passage (`counts`).
3. `copied_seeds`, `copied_seed_counts`, `copied_grams`, `copied_gram_counts`: the same for copied spans, in two rounds:
   a few hashes of each text first, then all where these are repeated (`gristmill.filters.copied`).
4. `passages`, a unit for each group: where its documents have what is repeated by the recipe's rules (`find`).
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gristmill.pipelines import exchange
from gristmill.pipelines.checkpoints import JSON, Receipt
from gristmill.pipelines.engine import Phase, Stage, UnitFunction, Work
from gristmill.pipelines.parts import Part, group, work_of_group
from gristmill.pipelines.passages.counts import count_grams, count_passages, count_seeds, group_bounds
from gristmill.pipelines.passages.documents import READ
from gristmill.pipelines.passages.find import passages_of_group
from gristmill.pipelines.passages.keys import grams_of_group, keys_of_group, seeds_of_group
from gristmill.pipelines.passages.tally import GRAM_COUNTS, GRAMS, PASSAGE_COUNTS, PASSAGE_KEYS, SEED_COUNTS, SEEDS
from gristmill.schemas import CLUSTERS, PASSAGES, Recipe, Table, key_of

VERSION = 1

ROWS_PER_RANGE = 1 << 20
"""Rows of a range of hashes: 24 bytes each, and some 100 while they are counted."""

_BYTES_PER_LINE = 48
_BYTES_PER_WORD = 6
_SEEDS_PER_SPAN = 4
"""Seeds in as many words as a span has at least, about: twice the words by a window."""


def stage(recipe: Recipe, *, parts: Sequence[Part], clusters: Sequence[Receipt]) -> Stage:
    """Plan the phases over all parts of the corpus; none where the recipe asks for no passages.

    Args:
        clusters: what deduplication found, or nothing.
    """
    rules = recipe.passages
    if rules.policy == "off":
        return []
    frame = _Frame.of_parts(parts, clusters)
    ranges = {"ranges": _ranges(frame.size // _BYTES_PER_LINE)}
    keys = yield frame.by_group("passage_keys", keys_of_group, PASSAGE_KEYS, settings=ranges)
    shares = {"groups": frame.shares}
    needed = {**ranges, **shares, "documents": rules.min_documents, "everywhere": rules.corpus_documents}
    counts = yield frame.by_range("passage_counts", count_passages, PASSAGE_COUNTS, of=keys, settings=needed)
    copied = (yield from _copied(frame, rules.copied_words)) if rules.copied_words else []
    return (
        yield frame.by_group(
            "passages",
            passages_of_group,
            PASSAGES,
            settings={
                **rules.model_dump(include={"min_documents", "min_share", "corpus_documents"}),
                **shares,
                "words": rules.copied_words,
            },
            given={
                "counts": _key([*counts, *copied]),
                "documents": sum(each.counts.get("documents", 0) for each in keys),
            },
        )
    )


def _copied(frame: "_Frame", words: int) -> Stage:
    """Phases that count grams of so many words; returns the receipts of their counts."""
    asked, shares = {"words": words}, {"groups": frame.shares}
    ranges = {"ranges": _ranges(frame.size // _BYTES_PER_WORD * _SEEDS_PER_SPAN // words)}
    seeds = yield frame.by_group("copied_seeds", seeds_of_group, SEEDS, settings=asked | ranges)
    counts = yield frame.by_range("copied_seed_counts", count_seeds, SEED_COUNTS, of=seeds, settings=ranges | shares)
    repeated = sum(entry.rows for each in counts for entry in each.files)
    ranges = {"ranges": _ranges(repeated * words // _SEEDS_PER_SPAN)}
    grams = yield frame.by_group(
        "copied_grams", grams_of_group, GRAMS, settings=asked | ranges | shares, given={"counts": _key(counts)}
    )
    return (yield frame.by_range("copied_gram_counts", count_grams, GRAM_COUNTS, of=grams, settings=ranges | shares))


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """What the phases have in common.

    Attributes:
        work: a unit for each group of parts.
        shares: where the shares of groups begin, see `counts`.
        size: bytes of all documents.
    """

    work: tuple[Work, ...]
    shares: list[int]
    size: int

    @classmethod
    def of_parts(cls, parts: Sequence[Part], clusters: Sequence[Receipt]) -> "_Frame":
        of_group = {entry.path: entry for receipt in clusters for entry in receipt.of(CLUSTERS)}
        groups = group(parts)
        work = tuple(
            work_of_group(
                name, members, tables=READ, beside={CLUSTERS.name: of_group.get(f"{CLUSTERS.name}/{name}.parquet")}
            )
            for name, members in groups.items()
        )
        return cls(work=work, shares=group_bounds(list(groups)), size=sum(each.size for each in work))

    def by_group(
        self, name: str, function: UnitFunction, table: Table, *, settings: JSON, given: JSON | None = None
    ) -> Phase:
        """A phase with a unit for each group, that reads its texts and has been given something besides."""
        settings = {**settings, "unicode": unicodedata.unidata_version}
        work = tuple(replace(each, descriptor={**each.descriptor, **(given or {})}) for each in self.work)
        return self._phase(name, function, table, settings=settings, work=work)

    def by_range(
        self, name: str, function: UnitFunction, table: Table, *, of: Sequence[Receipt], settings: JSON
    ) -> Phase:
        """A phase with a unit for each range of what another has written."""
        ranges = settings["ranges"]
        size = sum(entry.text_bytes for receipt in of for entry in receipt.files)
        work = [Work(descriptor={"of": _key(of), "range": each}, size=size // ranges) for each in range(ranges)]
        return self._phase(name, function, table, settings=settings, work=work)

    def _phase(self, name: str, function: UnitFunction, table: Table, *, settings: JSON, work: Sequence[Work]) -> Phase:
        return Phase(
            name=name,
            stage="dedup",
            function=function,
            version=VERSION,
            tables=(table.name,),
            settings=settings,
            work=tuple(work),
        )


def _key(receipts: Sequence[Receipt]) -> str:
    """Names what some units wrote."""
    return key_of(sorted(entry.checksum for receipt in receipts for entry in receipt.files))


def _ranges(rows: int) -> int:
    return exchange.ranges_for(rows, rows_per_range=ROWS_PER_RANGE)
