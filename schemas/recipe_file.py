"""Reading a recipe file, with errors that a person can act on: the field, the value, the nearest valid one, the fix."""

import difflib
import tomllib
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from gristmill.schemas.recipe import Recipe

if typing.TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_RECIPE_BYTES = 1 << 22


class RecipeError(ValueError):
    """The recipe cannot be used as it stands; the message says what to change, one problem a line."""


def load(path: str | Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        RecipeError: the file is missing, is not TOML, or a field is wrong.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():  # reading a pipe or a device may never end
            raise RecipeError(f"{path}: not a file, so no recipe")
        with path.open("rb") as file:
            data = file.read(MAX_RECIPE_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"{path}: cannot read the recipe: {error.strerror}{_nearest_file(path)}") from error
    if len(data) > MAX_RECIPE_BYTES:
        raise RecipeError(f"{path}: more than {MAX_RECIPE_BYTES:,} bytes, too large for a recipe; is this a data file?")
    return parse(data, name=str(path))


def parse(data: bytes, *, name: str) -> Recipe:
    """Check a recipe's bytes; `name` stands before each message."""
    try:
        table = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RecipeError(f"{name}: byte {error.start} is not UTF-8; a recipe is a TOML file in UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"{name}: not valid TOML: {error or 'nested too deeply'}") from error
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        lines = [_explain(each) for each in _causes(error.errors(include_url=False))]
        raise RecipeError("\n".join(f"{name}: {line}" for line in lines)) from error


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """'; did you mean ...?' for the known word most like this one, or nothing."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _nearest_file(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    return nearest(path.name, (each.name for each in path.parent.glob("*.toml")))


def _causes(errors: "list[ErrorDetails]") -> "list[ErrorDetails]":
    """The errors without those that only follow from another: a list with a wrong item also counts as too short."""
    places = [each["loc"] for each in errors]

    def follows(error: "ErrorDetails") -> bool:
        here = error["loc"]
        deeper = (place for place in places if len(place) > len(here) and place[: len(here)] == here)
        return error["type"] == "too_short" and any(deeper)

    return [each for each in errors if not follows(each)]


def _explain(error: "ErrorDetails") -> str:
    where, kind = _dotted(error["loc"]), error["type"]
    context = error.get("ctx", {})
    if kind == "extra_forbidden":
        field = str(error["loc"][-1])
        known = _fields_at(error["loc"][:-1])
        return f"{where}: no such field{nearest(field, known) or '; known: ' + ', '.join(sorted(known))}"
    if kind == "missing":
        return f"{where}: required, but missing"
    if kind == "literal_error":
        choices = [part.strip("'") for part in str(context["expected"]).replace(" or ", ", ").split(", ")]
        hint = nearest(str(error["input"]), choices)
        return f"{where}: {error['input']!r} is not one of {', '.join(choices)}{hint}"
    if kind == "value_error":
        message = str(context["error"])
        return f"{where}: {message}" if where else message
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{where}: {_brief(error['input'])}: {message}"


def _dotted(location: tuple[int | str, ...]) -> str:
    dotted = ""
    for part in location:
        if part == "[key]":
            continue
        dotted += f"[{part}]" if isinstance(part, int) else f".{part}" if dotted else part
    return dotted


def _brief(value: Any, width: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= width else text[: width - 3] + "..."


def _fields_at(location: tuple[int | str, ...]) -> set[str]:
    """Field names of the section that a location leads to."""
    section: type[BaseModel] = Recipe
    for part in location:
        if isinstance(part, int):
            continue
        section = _section_of(section.model_fields[part].annotation)
    return set(section.model_fields)


def _section_of(annotation: Any) -> type[BaseModel]:
    """The section class inside an annotation such as `tuple[Input, ...]`."""
    inner = typing.get_args(annotation)
    if inner:
        return _section_of(inner[0])
    assert issubclass(annotation, BaseModel), annotation
    return typing.cast(type[BaseModel], annotation)
