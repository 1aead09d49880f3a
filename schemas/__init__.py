"""What every table looks like, the recipe, and ids. Imports nothing else of Gristmill."""

from gristmill.schemas.ids import canonical_json, digest, document_id, key_of, mix
from gristmill.schemas.recipe import STAGES, Input, Recipe
from gristmill.schemas.recipe_file import RecipeError, load, nearest, parse
from gristmill.schemas.tables import (
    CLUSTERS,
    CURATED,
    DOCUMENTS,
    LEDGER,
    MIXTURE,
    PERMUTATIONS,
    SAMPLE,
    SIGNAL_FIELDS,
    SIGNALS,
    TABLES,
    TOKENIZER_REPORT,
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
    "MIXTURE",
    "PERMUTATIONS",
    "SAMPLE",
    "SIGNALS",
    "SIGNAL_FIELDS",
    "STAGES",
    "TABLES",
    "TOKENIZER_REPORT",
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
    "mix",
    "nearest",
    "parse",
    "shards",
]
