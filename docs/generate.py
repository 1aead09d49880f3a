"""Writes the reference pages from the code: `python docs/generate.py`. A test fails where they are not up to date."""

import textwrap
from pathlib import Path

import click
import pyarrow as pa

from gristmill.cli import main as command_line
from gristmill.schemas import TABLES, Recipe, Table
from gristmill.schemas.recipe_example import example
from gristmill.schemas.training import TRAINING_TABLES

HERE = Path(__file__).parent


def tables_page() -> str:
    """A section for each table, a row for each column."""
    head = """\
# Tables

Every table of an output folder is Parquet, in the folder of its name; `training`, `losses` and `routing` in the model's
folder. `gristmill sql OUT` and `OUT/gristmill.duckdb` show them as views. This page is generated from `schemas/`.
"""
    return "\n".join([head, *(_table(each) for each in (*TABLES, *TRAINING_TABLES))])


def _table(table: Table) -> str:
    rows = [f"| `{field.name}` | {_type(field.type)} | {_meaning(field)} |" for field in table.schema]
    head = [f"## {table.name}", "", f"One row: {table.row}.", "", "| column | type | meaning |", "|---|---|---|"]
    return "\n".join([*head, *rows, ""])


def _type(kind: pa.DataType) -> str:
    return str(kind).replace("|", "\\|").replace("item: ", "").replace("element: ", "")


def _meaning(field: pa.Field) -> str:
    return (field.metadata or {}).get(b"meaning", b"").decode()


def recipe_page() -> str:
    """The example recipe, which shows every field with its default."""
    head = """\
# Recipe

A recipe is one TOML file. Only the inputs are required. This page is what `gristmill recipe init` prints; it is
generated from `schemas/recipe.py`.

"""
    assert Recipe.model_fields
    return f"{head}```toml\n{example()}```\n"


def commands_page() -> str:
    """The help of every command."""
    head = "# Commands\n\nThis page is what `gristmill COMMAND --help` prints.\n"
    sections = [_help(command_line, "gristmill")]
    for name, command in sorted(command_line.commands.items()):
        sections.append(_help(command, f"gristmill {name}"))
        if isinstance(command, click.Group):
            sections += [_help(each, f"gristmill {name} {sub}") for sub, each in sorted(command.commands.items())]
    return "\n".join([head, *sections])


def _help(command: click.Command, name: str) -> str:
    context = click.Context(
        command, info_name=name, terminal_width=100, max_content_width=100, help_option_names=["-h", "--help"]
    )
    return f"## {name}\n\n{textwrap.indent(command.get_help(context), '    ')}\n"


PAGES = {"tables.md": tables_page, "recipe.md": recipe_page, "commands.md": commands_page}

if __name__ == "__main__":
    for page, make in PAGES.items():
        (HERE / page).write_text(make(), encoding="utf-8")
