"""What every table looks like, the recipe, and ids. Imports nothing else of Gristmill."""

from gristmill.schemas.ids import canonical_json, digest, document_id, key_of
from gristmill.schemas.recipe import Input, Recipe
from gristmill.schemas.recipe_file import RecipeError, load, nearest, parse
from gristmill.schemas.tables import (
    CLUSTERS,
    CURATED,
    DOCUMENTS,
    LEDGER,
    PERMUTATIONS,
    SIGNAL_FIELDS,
    SIGNALS,
    TABLES,
    TOKENS,
    VERDICTS,
    Table,
    shards,
)

__all__ = [
    "CLUSTERS",
    "CURATED",
    "DOCUMENTS",
    "LEDGER",
    "PERMUTATIONS",
    "SIGNALS",
    "SIGNAL_FIELDS",
    "TABLES",
    "TOKENS",
    "VERDICTS",
    "Input",
    "Recipe",
    "RecipeError",
    "Table",
    "canonical_json",
    "digest",
    "document_id",
    "key_of",
    "load",
    "nearest",
    "parse",
    "shards",
]
