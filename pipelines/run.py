"""A run from end to end: check, lock, do what is missing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from gristmill.pipelines import (
    contamination,
    decide,
    dedup,
    files,
    given_models,
    ingest,
    job,
    language_codes,
    quality,
    removal,
    runners,
    web,
)
from gristmill.pipelines.checkpoints import Store, Unit
from gristmill.pipelines.engine import Finished, PhaseState, RunError, Task, run, survey
from gristmill.pipelines.lock import locked
from gristmill.pipelines.progress import Reporter, Style
from gristmill.schemas import STAGES, Recipe, RecipeError, load
from gristmill.schemas.recipe import is_remote, resolve

_RUN_FILE = "run.json"
_RECIPE_COPY = "recipe.toml"


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where units are worked on: see `runners.executor`."""

    runner: str = runners.LOCAL
    workers: int | None = None
    options: Sequence[str] = ()


def check(recipe_path: str) -> Recipe:
    """Read a recipe and check all that can be checked before work starts, the input files included.

    Raises:
        RecipeError: something is wrong; the message says what and how to mend it.
    """
    recipe = load(recipe_path)
    folder = _folder(recipe_path)
    try:
        decide.limits_of(recipe)
        for given in recipe.inputs:
            ingest.find_files(given, folder=folder)
        for part in (given_models, web, contamination, quality, dedup, language_codes):
            part.check(recipe, folder=folder)
    except ValueError as error:
        raise RecipeError(f"{recipe_path}: {error}") from error
    model = recipe.tokenizer.model
    if model is not None and not files.is_file(resolve(model, folder=folder)):
        raise RecipeError(f"{recipe_path}: tokenizer.model: no file {model!r}")
    return recipe


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run left.

    Attributes:
        key: names all that the output holds now.
        closed: whether a run before had closed the books on just that.
        kept_nothing: whether it ended early, because no document was kept, or none but those held out.
    """

    key: str
    closed: bool
    kept_nothing: bool


def run_recipe(recipe_path: str, *, output: str, until: str, where: Where, style: Style, stream: TextIO) -> Outcome:
    """Do what a recipe asks for and the output folder does not yet hold.

    Raises:
        RecipeError: the recipe is wrong.
        RunError: another run holds the output, or work failed.
    """
    recipe = check(recipe_path)
    store = _store(output)
    _check_ours(store)
    with locked(store):
        removal.finish(store)
        if not is_remote(store.root):
            files.remove_leftovers(store.root)
        closed = _remember(store, recipe_path)
        do = runners.executor(runner=where.runner, workers=where.workers, options=where.options, log=_log_path(store))

        def execute(task: Task, units: list[Unit]) -> None:
            _write_note(store, recipe_path, closed=None)  # whatever happens now, what stands is no longer reconciled
            do(task, units)

        stages = job.stages(recipe, folder=_folder(recipe_path), store=store, until=until)
        with Reporter(store, style=style, stream=stream) as reporter:
            finished = run(stages, store=store, execute=execute, observer=reporter.observer())
        if until == STAGES[-1] or finished.changed or closed is None:
            _forget_others(store, finished)
        early = STAGES.index(until) > STAGES.index("curate") and finished.phases[-1] == "curate"
        return Outcome(key=finished.state, closed=finished.state == closed, kept_nothing=early)


def _forget_others(store: Store, finished: Finished) -> None:
    """Remove the tables of phases that were no part of this run, so that no two tables of an output disagree.

    After a complete run these are phases that the recipe no longer asks for; after one that stopped early and changed
    anything, later phases too, which were made from what there was before.
    """
    for phase in sorted(store.phases() - set(finished.phases)):
        store.forget(phase)


def close_books(recipe_path: str, *, output: str, outcome: Outcome) -> None:
    """Note that the ledger of this outcome has been reconciled and its report written."""
    _write_note(_store(output), recipe_path, closed=outcome.key)


def states(output: str) -> list[PhaseState]:
    """The state of each phase of the run that an output folder belongs to, up to the first that is not complete.

    Raises:
        RunError: no run ever began there.
    """
    store = _store(output)
    note = _read_note(store)
    if note is None:
        raise RunError(f"{output}: no run began here; start one with: gristmill run RECIPE --output {output}")
    recipe_path = note["recipe"]
    recipe = load(recipe_path)
    return list(survey(job.stages(recipe, folder=_folder(recipe_path), store=store), store=store))


def _folder(recipe_path: str) -> str:
    return str(Path(recipe_path).absolute().parent)


def _remember(store: Store, recipe_path: str) -> str | None:
    """Leave a copy of the recipe, and where it lies, for `gristmill status`; the key of the last closed books."""
    note = _read_note(store) or {}
    closed = note.get("closed")
    if note.get("recipe") != str(Path(recipe_path).absolute()):
        _write_note(store, recipe_path, closed=closed)
    copy, recipe = store.path(_RECIPE_COPY), Path(recipe_path).read_bytes()
    if not files.exists(copy) or files.read(copy) != recipe:
        files.write_atomically(copy, recipe)
    return closed if isinstance(closed, str) else None


def _read_note(store: Store) -> dict[str, Any] | None:
    path = store.path(_RUN_FILE)
    if not files.exists(path):
        return None
    try:
        note = json.loads(files.read(path))
    except ValueError:
        return None
    return note if isinstance(note, dict) and isinstance(note.get("recipe"), str) else None


def _write_note(store: Store, recipe_path: str, *, closed: str | None) -> None:
    note = {"recipe": str(Path(recipe_path).absolute()), "closed": closed}
    files.write_atomically(store.path(_RUN_FILE), json.dumps(note).encode() + b"\n")


def _check_ours(store: Store) -> None:
    """A run removes from its tables' folders what it did not write: these had better be its own."""
    if not files.exists(store.path(_RUN_FILE)) and not files.is_empty(store.root):
        raise RunError(f"{store.root}: holds files that no run wrote; use a new or an empty folder as --output")


def _store(output: str) -> Store:
    if not output:
        raise RunError("--output: '' names no folder")
    return Store(output if is_remote(output) else str(Path(output).absolute()))


def _log_path(store: Store) -> str | None:
    """Where workers' own output goes; nowhere for remote outputs, whose workers have logs of their own."""
    return None if is_remote(store.root) else store.path(runners.LOG)


__all__ = ["Outcome", "RunError", "Style", "Where", "check", "close_books", "run_recipe", "states"]
