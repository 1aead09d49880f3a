"""The recipe that `gristmill recipe init` prints, made from the fields themselves so that it can never go stale."""

import inspect
import textwrap
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gristmill.schemas.recipe import Columns, Input, Recipe

_HEAD = """\
# A Gristmill recipe. Every field below shows its default and may be left out, but for the inputs.
# Check it with: gristmill recipe check recipe.toml
"""

_INPUT = """
# What goes in. Repeat [[inputs]] for every source.
[[inputs]]
name = "web"
paths = ["data/*.warc.gz"]"""


def example() -> str:
    """A complete recipe with a comment on every field."""
    lines = [_HEAD]
    for name, field in Recipe.model_fields.items():
        section = _section(field)
        if name == "inputs" or section is not None:
            continue
        lines += _entry(name, field)
    lines.append(_INPUT)
    for name, field in Input.model_fields.items():
        if name not in ("name", "paths", "columns"):
            lines += _entry(name, field)
    lines += ["", "[inputs.columns]", *_fields(Columns)]
    for name, field in Recipe.model_fields.items():
        section = _section(field)
        if name != "inputs" and section is not None:
            lines += ["", *_comment(section.__doc__ or ""), f"[{name}]", *_fields(section)]
    return "\n".join(lines) + "\n"


def _fields(section: type[BaseModel]) -> list[str]:
    return [line for name, field in section.model_fields.items() for line in _entry(name, field)]


def _entry(name: str, field: FieldInfo) -> list[str]:
    default = field.get_default(call_default_factory=True, validated_data={})
    off = "# " if default is None or default == {} else ""
    shown = _toml(default) if default is not None else '"..."'
    return [*_comment(field.description or ""), f"{off}{name} = {shown}"]


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, width=110, initial_indent="# ", subsequent_indent="# ")


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case list() | tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case dict():
            return "{}"
        case _:
            return str(value)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    annotation = field.annotation
    return annotation if inspect.isclass(annotation) and issubclass(annotation, BaseModel) else None
