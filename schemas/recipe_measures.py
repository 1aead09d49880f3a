"""The parts of the recipe that say what is measured of a document besides the signals, and what follows from it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gristmill.schemas.section import LanguageCode, Name, Policy, Section

Agent = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=64)]
FilePath = Annotated[str, Field(min_length=1)]
Treatment = Literal["off", "flag", "mask", "drop"]
Directive = Literal["noai", "noml", "noimageai", "noindex", "none", "noarchive", "nocache"]


class Quality(Section):
    """A score of how much a text is like the reference text, and which domain it is most like."""

    train: bool = Field(
        True,
        description="Train classifiers in the run: reference inputs against raw ones, and domains against each other, "
        "in every language that has enough of both.",
    )
    sample_words: int = Field(
        2_000_000,
        ge=10_000,
        le=1 << 30,
        description="Words to train on, at most, of each class in each language; some 20 bytes of memory for each.",
    )
    model: FilePath | None = Field(
        None, description="A fastText classifier (.bin, .ftz) that gives the score, in place of a trained one."
    )
    good_label: str = Field("__label__good", description="The label of that model that stands for good text.")
    perplexity: dict[LanguageCode, FilePath] = Field(
        default_factory=dict,
        description="KenLM models by language (deu_Latn), script (Latn) or for all (default); needs the kenlm package.",
    )


class Personal(Section):
    """Personal data in the text: flag only finds it, mask puts a placeholder such as <EMAIL> in its place, drop drops
    the document, off does not look for it."""

    email: Treatment = Field("mask", description="E-mail addresses.")
    phone: Treatment = Field("mask", description="Telephone numbers.")
    ip: Treatment = Field("mask", description="Public IPv4 and IPv6 addresses.")
    iban: Treatment = Field("mask", description="Bank account numbers, by checksum.")
    card: Treatment = Field("mask", description="Payment card numbers, by checksum.")
    national_id: Treatment = Field(
        "mask", description="National identity and tax numbers, where a checksum makes them sure."
    )


class Blocklist(Section):
    """A list of domains or URLs that are not wanted."""

    name: Name = Field(description="Name of the list; appears in the table `web`.")
    path: FilePath = Field(
        description="A file of domains, a hosts file, or a folder or tar file in the layout of UT1, compressed or not."
    )
    categories: tuple[Name, ...] | None = Field(
        None, strict=False, min_length=1, description="Categories of a list in the layout of UT1; all by default."
    )


class Web(Section):
    """Where a document comes from: blocklists, reservations, licences."""

    blocklists: tuple[Blocklist, ...] = Field((), strict=False, description="Lists; [[web.blocklists]] in TOML.")
    blocked: Policy = Field("drop", description="What becomes of documents that a blocklist names.")
    opt_outs: Policy = Field("flag", description="What becomes of documents whose owner reserves them from training.")
    directives: tuple[Directive, ...] = Field(
        ("noai", "noml"),
        strict=False,
        description="Directives in robots meta and X-Robots-Tag that are a reservation; TDM reservations always are.",
    )
    agents: tuple[Agent, ...] = Field(
        ("GPTBot", "CCBot", "Google-Extended", "ClaudeBot", "anthropic-ai", "Bytespider", "Applebot-Extended"),
        strict=False,
        description="A robots.txt that shuts out one of these agents by name is a reservation.",
    )
    licences: tuple[str, ...] | None = Field(
        None,
        strict=False,
        min_length=1,
        description="Keep only documents that state one of these licences; all by default.",
    )

    @model_validator(mode="after")
    def _lists_differ(self) -> Self:
        names = [each.name for each in self.blocklists]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two blocklists are named {twice[0]!r}: every list needs a name of its own")
        return self


class EvaluationSet(Section):
    """An evaluation set whose items must not be trained on."""

    name: Name = Field(description="Name of the set; appears in the table `contamination`.")
    paths: tuple[FilePath, ...] = Field(
        min_length=1, strict=False, description="Paths or patterns: JSON lines, JSON, Parquet, CSV or TSV."
    )
    fields: tuple[str, ...] = Field(
        min_length=1,
        strict=False,
        description="Fields that hold an item's text, each of which gives the item away; a dotted name reaches into "
        "nested ones, lists included; in CSV and TSV without a header, numbers of columns from 1.",
    )
    id: str | None = Field(
        None, description="Field that names an item; 'id' is taken where it exists, else the item's place in the file."
    )


class Contamination(Section):
    """Evaluation items in the text."""

    sets: tuple[EvaluationSet, ...] = Field((), strict=False, description="Sets; [[contamination.sets]] in TOML.")
    policy: Literal["flag", "cut", "drop"] = Field(
        "drop", description="What becomes of a document with an item: flag, cut the passage out, or drop the document."
    )
    min_share: float = Field(
        0.8, ge=0.5, le=1, description="Share of an item's words that must be there, in order, for it to be found."
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [each.name for each in self.sets]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two evaluation sets are named {twice[0]!r}: every set needs a name of its own")
        return self
