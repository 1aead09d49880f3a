"""The recipe that `gristmill recipe init` prints, made from the fields themselves so that it can never go stale."""

import inspect
import textwrap
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

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
            lines += ["", *_comment(inspect.cleandoc(section.__doc__ or "")), f"[{name}]", *_fields(section)]
            lines += [line for list_name, item in _lists(section) for line in _items(f"{name}.{list_name}", item)]
    return "\n".join(lines) + "\n"


def _fields(section: type[BaseModel]) -> list[str]:
    lists = dict(_lists(section))
    return [line for name, field in section.model_fields.items() if name not in lists for line in _entry(name, field)]


def _lists(section: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """The fields of a section that are lists of sections, with the section of one item."""
    for name, field in section.model_fields.items():
        for item in typing.get_args(field.annotation):
            if inspect.isclass(item) and issubclass(item, BaseModel):
                yield name, item


def _items(name: str, item: type[BaseModel]) -> list[str]:
    """An item of a list, all of it commented out: by default there is none."""
    lines = (line if line.startswith("#") else f"# {line}" for line in [f"[[{name}]]", *_fields(item)])
    return ["", *_comment(inspect.cleandoc(item.__doc__ or "")), *lines]


def _entry(name: str, field: FieldInfo) -> list[str]:
    default = field.get_default(call_default_factory=True, validated_data={})
    absent = default is None or default is PydanticUndefined
    off = "# " if absent or default == {} else ""
    shown = _placeholder(field) if absent else _toml(default)
    return [*_comment(field.description or ""), f"{off}{name} = {shown}"]


def _placeholder(field: FieldInfo) -> str:
    kinds = (field.annotation, *typing.get_args(field.annotation))
    return '["..."]' if "tuple" in str(kinds) else "0" if {int, float} & set(kinds) else '"..."'


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
