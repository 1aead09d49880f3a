"""What every part of a recipe shares: strictness, and the forms of names and codes."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)]
LanguageCode = Annotated[str, Field(pattern=r"^(default|[A-Z][a-z]{3}|[a-z]{3}(_[A-Z][a-z]{3})?)$")]
Policy = Literal["flag", "drop"]
"""What becomes of a document with a finding: `flag` only measures, `drop` fails it."""


class Section(BaseModel):
    """A part of the recipe: unknown fields are errors, values are never changed after the check."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
