"""Earlier runs that a recipe names: what they left is looked up, never worked on again."""

from typing import Any

from gristmill.pipelines.checkpoints import JSON, Store
from gristmill.pipelines.dedup.corpus import read_plan
from gristmill.schemas import Recipe, RecipeError, key_of
from gristmill.schemas.recipe import resolve

_LAST = "dedup_clusters"
"""The phase with which a run's part in this is complete."""

_READ = ("dedup_captures", "dedup_keys", "dedup_survivors")
"""The phases whose tables are looked into."""


def earlier_runs(recipe: Recipe, *, folder: str, made_with: JSON) -> list[dict[str, Any]]:
    """Name, folder and plan of each earlier run, and what all it left is known by.

    Args:
        folder: the recipe's folder, where relative paths start.
        made_with: what keys depend on besides the text; those of an earlier run compare only if it was the same.

    Raises:
        RecipeError: a folder is no output, its deduplication is not complete, or its keys do not compare.
    """
    return [
        _run(name, f"dedup.previous[{place}]", folder=folder, made_with=made_with)
        for place, name in enumerate(recipe.dedup.previous)
    ]


def _run(name: str, field: str, *, folder: str, made_with: JSON) -> dict[str, Any]:
    root = resolve(name, folder=folder).rstrip("/")
    store = Store(root)
    plan = read_plan(store)
    if plan is None or not list(store.finished(_LAST)):
        raise RecipeError(
            f"{field}: {name!r} is no output folder whose deduplication is complete (looked in {root}); "
            "name the --output of an earlier run, and let that run come to its end first"
        )
    for what, here in made_with.items():
        there = plan["made_with"].get(what)
        if there != here and what == "code":
            raise RecipeError(f"{field}: {name!r} was made by another version of Gristmill; run that one again")
        if there != here:
            raise RecipeError(
                f"{field}: {name!r} was made with {what} = {there}, this recipe says {here}; "
                f"use {what} = {there} here, or run that one again"
            )
    receipts = [store.receipts(phase) for phase in _READ]
    left = sorted(entry.checksum for found in receipts for receipt in found.values() for entry in receipt.files)
    return {"name": name, "root": root, "key": key_of(left), "plan": {each: plan[each] for each in ("groups", "parts")}}
