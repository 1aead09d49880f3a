"""The recipe: one TOML file that says what goes in, what is good enough, and what comes out.

Every field has a default but the inputs' names and paths, and is checked before any work starts. The classes below are
the reference for the file: `gristmill recipe schema` prints them as JSON schema.
"""

import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from gristmill.schemas.recipe_measures import Contamination, Personal, Quality, Web
from gristmill.schemas.section import LanguageCode, Name, Section

Format = Literal["auto", "warc", "html", "jsonl", "parquet", "csv", "tsv", "text", "markdown", "pdf"]
RuleSet = Literal["gopher", "c4", "fineweb", "refinedweb", "mc4", "gristmill", "quality"]

STAGES = ("ingest", "annotate", "decide", "dedup", "curate", "tokenizer", "pack")
"""What is done to the inputs, in order."""

MIB = 1 << 20

UNKNOWN_LICENCE = "unknown"
"""Stands where neither the recipe nor the page gives a licence."""


def _share_or_bytes(value: float) -> float:
    if 1 < value < 1000:
        raise ValueError(f"{value:g} is neither a share (0 to 1) nor bytes (1,000 or more)")
    return value


def _one_digit(value: str) -> str:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 10**9:
        raise ValueError("not a number of documents; 2 stands for documents of which there were two copies or more")
    rounded = value[0] + "0" * (len(value) - 1)
    if value != rounded:
        raise ValueError(f"clusters are counted to one digit; use {rounded}")
    return value


def _nothing_or_something(value: float) -> float:
    if 0 < value < 1e-6:
        raise ValueError(f"{value:g} is less than one in a million; use 0 for nothing")
    return value


Weight = Annotated[float, Field(ge=0, le=1e6), AfterValidator(_nothing_or_something)]
Share = Annotated[float, Field(ge=0, le=1), AfterValidator(_nothing_or_something)]
ClusterSize = Annotated[str, AfterValidator(_one_digit)]
"""A number of documents, of one digit and zeros: so finely are clusters counted."""

Amount = Annotated[float, Field(ge=0), AfterValidator(_share_or_bytes)]
"""A share of the whole, where it is at most 1; else bytes."""


class Columns(Section):
    """Names of the columns (Parquet, CSV) or keys (JSONL) that hold each part of a record."""

    text: str = Field("text", description="The text itself. A dotted name reaches into nested JSON.")
    url: str | None = Field(None, description="The record's URL; 'url' is taken where it exists and none is named.")
    title: str | None = Field(None, description="The title; 'title' is taken where it exists and none is named.")
    date: str | None = Field(None, description="The date; 'date' is taken where it exists and none is named.")
    captured: str | None = Field(
        None, description="The date on which a crawler fetched the page; of pages fetched twice dedup keeps the newest."
    )

    def parts(self) -> Iterator[tuple[str, str, bool]]:
        """Each part of a record, the name of its column, and whether the recipe asks for that column."""
        yield "text", self.text, True
        for part, named in (("url", self.url), ("title", self.title), ("date", self.date)):
            yield part, named or part, named is not None
        if self.captured is not None:
            yield "captured", self.captured, True


class Input(Section):
    """A named set of files of one kind."""

    name: Name = Field(description="Short name; appears as `source` in every table.")
    paths: tuple[str, ...] = Field(
        min_length=1,
        strict=False,
        description="Paths or glob patterns (* ? [] **), relative to the recipe, on any Beam filesystem.",
    )
    format: Format = Field("auto", description="How to read the files; auto looks at content first, then at names.")
    domain: Name = Field("general", description="Domain label, such as finance, medicine or manufacturing.")
    licence: str = Field(
        UNKNOWN_LICENCE, description="Licence of the text, as you know it; otherwise curated text has the page's own."
    )
    role: Literal["raw", "reference"] = Field(
        "raw", description="raw text is curated; reference text is known to be good, and is never curated itself."
    )
    columns: Columns = Field(default_factory=Columns, description="Columns of JSONL, Parquet and CSV.")


class Ingest(Section):
    """Reading and extraction."""

    extractor: Literal["resiliparse", "trafilatura"] = Field(
        "resiliparse", description="HTML to main text: resiliparse is fast, trafilatura more precise and 5x slower."
    )
    max_record_bytes: int = Field(
        32 * MIB, ge=1024, le=1 << 30, description="Larger records, also once decompressed, are unreadable: too_large."
    )
    split_bytes: int = Field(
        32 * MIB, ge=1024, description="Files larger than this are read in several pieces where the format allows it."
    )


class Language(Section):
    """Language identification."""

    model: str | None = Field(
        None, description="A fastText model (.bin, .ftz); by default the bundled lid.176.ftz, with py3langid beside it."
    )
    min_score: float = Field(
        0.3, ge=0, le=1, description="Below this score a document's language is und_Latn or its like (undetermined)."
    )


class Rules(Section):
    """Which published rules decide, and with which limits."""

    sets: tuple[RuleSet, ...] = Field(
        ("gopher", "c4", "fineweb", "gristmill", "quality"),
        strict=False,
        description="Rule sets; an empty list keeps every document.",
    )
    limits: dict[LanguageCode, dict[str, float | None]] = Field(
        default_factory=dict,
        description="Limits by language (deu_Latn), script (Thai) or for all (default), such as "
        '"gopher.n_words.min" = 30; false in place of a number switches the rule off.',
    )
    languages: tuple[LanguageCode, ...] | None = Field(
        None, min_length=1, strict=False, description="Keep only these languages; all are kept by default."
    )

    @field_validator("limits", mode="before")
    @classmethod
    def _false_switches_off(cls, limits: object) -> object:
        """TOML has no null: `false` stands for it."""
        if not isinstance(limits, dict):
            return limits
        return {
            language: {rule: None if limit is False else limit for rule, limit in table.items()}
            if isinstance(table, dict)
            else table
            for language, table in limits.items()
        }


class Dedup(Section):
    """Removal of duplicates. A cluster's best document survives: quality, then length, then date, then id decide."""

    urls: bool = Field(True, description="Of a page captured several times, the newest capture stays.")
    exact: bool = Field(True, description="Documents with the same text, white space apart.")
    fuzzy: bool = Field(True, description="Documents with nearly the same text, by MinHash.")
    bands: int = Field(14, ge=1, le=112, description="LSH bands; more bands find less similar pairs.")
    rows: int = Field(8, ge=1, le=112, description="MinHash values per band; more rows ask for more similarity.")
    threshold: float | None = Field(
        None,
        ge=0.1,
        le=0.95,
        description="In place of bands and rows: have datasketch choose the best ones for this Jaccard similarity.",
    )
    min_similarity: float = Field(
        0.7, ge=0, le=1, description="Candidate pairs whose Jaccard similarity is lower are let go."
    )
    similarity: Literal["estimated", "exact"] = Field(
        "estimated", description="Of candidate pairs: by their signatures, or exact, by all of their shingles (slower)."
    )
    previous: tuple[str, ...] = Field(
        (),
        strict=False,
        description="Output folders of earlier runs: what they have a copy of is a duplicate here.",
    )

    @model_validator(mode="after")
    def _fits_signature(self) -> Self:
        if self.threshold is not None and (given := self.model_fields_set & {"bands", "rows"}):
            raise ValueError(f"threshold chooses bands and rows itself; remove {' and '.join(sorted(given))}, or it")
        if self.bands * self.rows > 112:
            asked = f"{self.bands} x {self.rows} = {self.bands * self.rows}"
            most = f"with {self.rows} rows use at most {112 // self.rows} bands"
            raise ValueError(f"bands x rows = {asked}, but a signature has 112 values; {most}")
        return self


class Passages(Section):
    """Lines and paragraphs that recur over many documents, such as menus, notices and licences; and long copied spans.

    A group is the documents of one site (or of one input, where they have no URL) in one language.
    """

    policy: Literal["off", "flag", "remove"] = Field(
        "remove", description="flag only finds them, remove cuts them out of the curated text."
    )
    min_documents: int = Field(
        10, ge=2, description="Documents of a group that have a passage, at least, for it to be a repeated one."
    )
    min_share: float = Field(0.2, ge=0, le=1, description="Share of the group's documents that have it, at least.")
    corpus_documents: int = Field(
        1000,
        ge=2,
        description="Documents of a language that have a passage, from which it is repeated whatever its share; short "
        "lines never are.",
    )
    copied_words: int | None = Field(
        None,
        ge=16,
        le=10_000,
        description="Also spans of so many words or more that other documents have too, word for word: one keeps it.",
    )


class HeldOut(Section):
    """Documents that no part of training sees: models are measured on them. Duplicates are on the same side."""

    share: Annotated[float, AfterValidator(_nothing_or_something)] = Field(
        0.005,
        ge=0,
        le=0.5,
        description="Share of the kept documents; 0 holds out none. Whatever their seed, other recipes for the same "
        "input hold out the same ones.",
    )


class Tokenizer(Section):
    """The tokenizer: a SentencePiece model, trained on the curated text; or one brought along."""

    model: str | None = Field(
        None,
        description="An existing SentencePiece .model or Hugging Face tokenizer.json to use; none is trained then.",
    )
    end_token: str | None = Field(
        None,
        min_length=1,
        description="The token that ends documents, by name; by default the model's own.",
    )
    pad_token: str | None = Field(
        None,
        min_length=1,
        description="The token that fills free slots, by name; by default the model's own, or else the end token.",
    )
    kind: Literal["bpe", "unigram"] = Field("bpe", description="SentencePiece algorithm.")
    vocabulary_size: int = Field(32_768, ge=1_000, le=262_144, description="Tokens, special and byte tokens included.")
    sample_bytes: int = Field(
        32 * MIB,
        ge=10_000,
        description="Text to train on, balanced over the languages; training takes some 20 bytes of memory for each.",
    )
    temperature: float = Field(
        0.3, ge=0, le=1, description="Balance of languages in the sample: 1 as in the corpus, 0 all alike."
    )
    domain_temperature: float = Field(
        0.3,
        ge=0,
        le=1,
        description="The same for the domains within a language, and for the inputs within a domain.",
    )
    floors: dict[LanguageCode, Amount] = Field(
        default_factory=dict,
        description="What a language gets of the sample at least, by language (deu), script (Thai) or for all "
        "(default): a share such as 0.01, or bytes such as 500_000.",
    )
    caps: dict[LanguageCode, Amount] = Field(default_factory=dict, description="What it gets at most, in the same way.")
    character_coverage: float = Field(
        0.9998, ge=0.98, le=1, description="Share of characters that get a token; the rest is spelt in bytes."
    )

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        for key in sorted(set(self.floors) & set(self.caps)):
            if self.bytes_of(self.floors[key]) > self.bytes_of(self.caps[key]):
                raise ValueError(f"floors.{key} = {self.floors[key]:g} is above caps.{key} = {self.caps[key]:g}")
        reserved = math.fsum(self.bytes_of(each) for key, each in self.floors.items() if key != "default")
        if reserved > self.sample_bytes:
            raise ValueError(
                f"floors sum to {reserved:,.0f} bytes, but the sample holds {self.sample_bytes:,}: lower them or raise "
                "sample_bytes"
            )
        return self

    def bytes_of(self, amount: float) -> float:
        """Bytes of the sample that a floor or a cap stands for."""
        return amount * self.sample_bytes if amount <= 1 else amount


class Mixture(Section):
    """How often each document is used. Weights multiply; shares are reached, and the rest keeps its proportions."""

    temperature: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Balance of languages: 1 as in the corpus, lower raises the small ones, 0 all alike, which with "
        "max_epochs is UniMax.",
    )
    max_epochs: float = Field(
        4.0, ge=1, le=100, description="No document is repeated more often than this, whatever the shares ask for."
    )
    budget_bytes: int | None = Field(
        None,
        ge=1,
        description="Text in the mixture, repeats counted; by default what temperature and weights make of it all.",
    )
    language_weights: dict[LanguageCode, Weight] = Field(
        default_factory=dict, description="How many times as often a language is used: 2 is twice, 0 never."
    )
    domain_weights: dict[Name, Weight] = Field(default_factory=dict, description="The same for domains.")
    source_weights: dict[Name, Weight] = Field(default_factory=dict, description="The same for inputs.")
    duplicate_weights: dict[ClusterSize, Weight] = Field(
        default_factory=dict,
        description="The same for documents by how many they stand for, copies included: each weight holds from its "
        "number on up to the next, such as 2 = 2.0, 10 = 3.0, 1000 = 1.0.",
    )
    language_shares: dict[LanguageCode, Share] = Field(
        default_factory=dict, description="Shares of the mixture that languages shall have; others divide the rest."
    )
    domain_shares: dict[Name, Share] = Field(default_factory=dict, description="The same for domains.")
    source_shares: dict[Name, Share] = Field(default_factory=dict, description="The same for inputs.")

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        for kind, shares, weights in (
            ("language", self.language_shares, self.language_weights),
            ("domain", self.domain_shares, self.domain_weights),
            ("source", self.source_shares, self.source_weights),
        ):
            if (total := math.fsum(shares.values())) > 1 + 1e-9:
                raise ValueError(
                    f"{kind}_shares sum to {total:g}, but are shares of the whole: 1 at most; what is to be used so "
                    f"many times as often belongs into {kind}_weights"
                )
            if "default" in shares:
                raise ValueError(f"{kind}_shares.default: what no share names has the rest by itself; remove it")
            if both := sorted(set(shares) & set(weights)):
                raise ValueError(
                    f"{kind}_shares.{both[0]} says what it comes to, so {kind}_weights.{both[0]} has no effect; "
                    "remove one of the two"
                )
        return self


class Packing(Section):
    """Training sequences and shards."""

    sequence_length: int = Field(2048, ge=64, le=1 << 20, description="Tokens per training sequence.")
    shard_tokens: int = Field(1 << 26, ge=1 << 10, description="Tokens per shard file, about.")


class Recipe(Section):
    """Everything that determines an output."""

    name: Name = Field("corpus", description="Name of the corpus.")
    seed: int = Field(0, ge=0, lt=1 << 63, description="Seed of the shuffle and of every sample.")
    inputs: tuple[Input, ...] = Field(min_length=1, strict=False, description="What goes in; [[inputs]] in TOML.")
    ingest: Ingest = Field(default_factory=Ingest)
    language: Language = Field(default_factory=Language)
    quality: Quality = Field(default_factory=Quality)
    personal: Personal = Field(default_factory=Personal)
    web: Web = Field(default_factory=Web)
    contamination: Contamination = Field(default_factory=Contamination)
    rules: Rules = Field(default_factory=Rules)
    dedup: Dedup = Field(default_factory=Dedup)
    passages: Passages = Field(default_factory=Passages)
    held_out: HeldOut = Field(default_factory=HeldOut)
    tokenizer: Tokenizer = Field(default_factory=Tokenizer)
    mixture: Mixture = Field(default_factory=Mixture)
    packing: Packing = Field(default_factory=Packing)

    @model_validator(mode="after")
    def _inputs_agree(self) -> Self:
        names = [each.name for each in self.inputs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two inputs are named {twice[0]!r}: every input needs a name of its own")
        if all(each.role == "reference" for each in self.inputs):
            raise ValueError("every input has role 'reference': at least one must be 'raw', or nothing would come out")
        domains = {each.domain for each in self.inputs}
        for field, named, known in (
            ("mixture.source_weights", self.mixture.source_weights, set(names)),
            ("mixture.source_shares", self.mixture.source_shares, set(names)),
            ("mixture.domain_weights", self.mixture.domain_weights, domains),
            ("mixture.domain_shares", self.mixture.domain_shares, domains),
        ):
            unknown = sorted(set(named) - known)
            if unknown:
                raise ValueError(f"{field} names {unknown[0]!r}, which no input has; known: {', '.join(sorted(known))}")
        return self


def is_remote(path: str) -> bool:
    """Whether a path carries a filesystem's scheme, such as gs:// or s3://."""
    return "://" in path


def resolve(path: str, *, folder: str) -> str:
    """A recipe's path as seen from anywhere: relative ones start at the recipe's folder."""
    if is_remote(path) or PurePosixPath(path).is_absolute():
        return path
    return str(PurePosixPath(folder) / path)
