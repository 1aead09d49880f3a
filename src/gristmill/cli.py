"""The command line. Heavy imports wait inside the commands, so that help and a run with nothing to do are instant."""

import gc
import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import click

from gristmill import __version__, cli_models, cli_train
from gristmill.command import Commands
from gristmill.schemas import STAGES

if TYPE_CHECKING:
    from gristmill.trainer import exports

_FORMATS = ("megatron", "mds", "litdata", "datasets", "npy")
_OUTPUT = click.argument("output", type=click.Path(file_okay=False))
_OBJECTS = 50_000
"""New ones after which the garbage collector looks for cycles: imports make some hundred thousand, and they stay."""
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with: gristmill recipe init > recipe.toml, then gristmill run recipe.toml --output out",
)
@click.version_option(__version__, message="gristmill %(version)s")
def main() -> None:
    """Turn raw multilingual text into packed training shards, with a reason for every record."""
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell; each file opened later would take its number
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "r+"))


@main.command(context_settings={"ignore_unknown_options": False})
@click.argument("recipe", type=click.Path(dir_okay=False))
@click.option("--output", "-o", required=True, help="Folder for everything the run writes; made if need be.")
@click.option("--until", type=click.Choice(STAGES), default=STAGES[-1], show_default=True, help="Last stage to do.")
@click.option(
    "--workers",
    type=click.IntRange(1, 512),
    help="Local processes. Default: one for small work, one per processor where the work pays for their start.",
)
@click.option(
    "--runner",
    default="local",
    show_default=True,
    help="local (Beam's FnApiRunner), or any runner that Beam knows, such as DataflowRunner or FlinkRunner.",
)
@click.option("--json", "as_json", is_flag=True, help="Report progress as JSON lines.")
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED)
def run(
    recipe: str,
    output: str,
    until: str,
    workers: int | None,
    runner: str,
    as_json: bool,
    beam_options: tuple[str, ...],
) -> None:
    """Do what RECIPE asks for and the output folder does not yet hold.

    Finished work is found again, a killed run goes on where it was, and a changed recipe redoes only what depends on
    the change. Options after -- go to Beam as they are:

    \b
        gristmill run recipe.toml -o gs://bucket/out --runner DataflowRunner -- --project P --region R
    """
    from gristmill.pipelines.run import RunError, Style, Where, close_books, run_recipe  # noqa: PLC0415

    remote = "://" in output
    style: Style = "json" if as_json else "bars" if sys.stderr.isatty() else "lines"
    where = Where(runner=runner, workers=workers, options=beam_options)
    with _progress_stream() as stream:
        outcome = run_recipe(recipe, output=output, until=until, where=where, style=style, stream=stream)
    if outcome.closed and (remote or Path(output, "report.html").exists()):
        _say({"event": "unchanged"}, f"{output}: nothing to do, all of it is up to date", as_json=as_json)
    elif STAGES.index(until) < STAGES.index("curate") or remote:
        _say({"event": "done", "until": until}, f"{output}: done until {until}", as_json=as_json)
    else:
        _report(output, as_json=as_json)
        close_books(recipe, output=output, outcome=outcome)
    if outcome.kept_nothing:
        raise RunError(
            "nothing was kept, or all of it is held out, so there is no text for a tokenizer and shards; "
            f"what dropped it: gristmill sql {output} reasons"
        )


def _say(event: dict[str, str], text: str, *, as_json: bool) -> None:
    click.echo(json.dumps(event) if as_json else text)


@contextmanager
def _progress_stream() -> Iterator[TextIO]:
    """stderr under a descriptor of its own: descriptor 2 goes to a log while Beam's workers share it."""
    try:
        stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        yield sys.stderr
        return
    with stream:
        yield stream


def _report(output: str, *, as_json: bool) -> None:
    """Check the books, refresh views and report, print the funnel."""
    import dataclasses  # noqa: PLC0415

    from rich.console import Console  # noqa: PLC0415

    from gristmill.pipelines.engine import RunError  # noqa: PLC0415
    from gristmill.reports import funnel, page, reconcile, views  # noqa: PLC0415

    books = reconcile.reconcile(output)
    if not books.ok:
        lines = "\n".join(books.violations)
        raise RunError(f"the ledger does not reconcile, which is a fault of Gristmill; please report it:\n{lines}")
    views.write_database(output)
    report = page.write_page(output, books=books)
    rows = funnel.funnel(output)
    if as_json:
        click.echo(json.dumps({"event": "funnel", "languages": [dataclasses.asdict(row) for row in rows]}))
        return
    Console().print(funnel.table(rows))
    click.echo(f"Report: {report}    Questions: gristmill sql {output}")


@main.command()
@_OUTPUT
@_JSON
def status(output: str, as_json: bool) -> None:
    """Show what is done in OUTPUT, what is missing or stale, and why."""
    from gristmill.pipelines.run import states  # noqa: PLC0415

    found = states(output)
    rows: list[dict[str, Any]] = [
        {
            "phase": state.phase.name,
            "done": len(state.done),
            "units": len(state.units),
            "stale": len(state.stale),
            "why": state.reasons(),
        }
        for state in found
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        complete = row["done"] == row["units"]
        mark = click.style("done   ", fg="green") if complete else click.style("missing", fg="yellow")
        why = f"  ({'; '.join(row['why'])})" if row["why"] else ""
        click.echo(f"{row['phase']:<16} {mark} {row['done']:>6} / {row['units']:<6}{why}")
    if rows and rows[-1]["done"] != rows[-1]["units"]:
        click.echo("Later phases follow from this one. Go on with: gristmill run RECIPE --output " + output)


@main.command()
@_OUTPUT
@click.argument("query", required=False)
@_JSON
def sql(output: str, query: str | None, as_json: bool) -> None:
    """Ask OUTPUT a question: QUERY is SQL or the name of a shipped query; without it the names are listed.

    Views: documents, signals, verdicts, ledger, clusters, passages, curated, held_out, rejected, shards, stages. The
    same views are in OUTPUT/gristmill.duckdb for the plain duckdb client.

    \b
        gristmill sql out funnel
        gristmill sql out "SELECT language, count(*) FROM ledger GROUP BY ALL"
    """
    from gristmill.reports import queries, run_sql, views  # noqa: PLC0415

    if query is None:
        for name in queries.names():
            click.echo(f"{name:<18} {queries.description(name)}")
        return
    with suppress(OSError):  # the query needs no database file, nor leave to write one
        views.write_database(output)
    run_sql.run_query(output, query, json=as_json)


@main.command()
@_OUTPUT
@click.argument("document")
@_JSON
def explain(output: str, document: str, as_json: bool) -> None:
    """Tell all about one record: DOCUMENT is its id (or the beginning of it) or its URL."""
    from rich.console import Console  # noqa: PLC0415

    from gristmill.reports import explain_view  # noqa: PLC0415
    from gristmill.reports.explain import explain as explained  # noqa: PLC0415

    found = explained(output, document)
    if as_json:
        click.echo(explain_view.to_json(found))
    elif sys.stdout.isatty():
        Console().print(explain_view.render(found))
    else:
        click.echo(explain_view.to_text(found), nl=False)


@main.command("what-if")
@_OUTPUT
@click.argument("rule")
@click.option("--values", help="Limits to try, such as 30,50,80. Default: quantiles of the signal, and around today's.")
@click.option("--language", help="Only this language, such as deu_Latn.")
@_JSON
def what_if(output: str, rule: str, values: str | None, language: str | None, as_json: bool) -> None:
    """Try other limits of RULE: documents and bytes gained and lost by language, with examples. Changes nothing.

    \b
        gristmill what-if out gopher.n_words.min --values 30,50,80
    """
    from gristmill.reports import what_if as trial  # noqa: PLC0415

    found = trial.what_if(output, rule, values=_numbers(values), language=language)
    for line in trial.to_json(found) if as_json else trial.to_text(rule, found):
        click.echo(line)


def _numbers(values: str | None) -> list[float]:
    try:
        found = [float(value) for value in values.split(",")] if values else []
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):  # nan and inf are no limits, and no JSON
        message = f"{values!r} is not a list of numbers, such as 30,50,80"
        raise click.BadParameter(message, param_hint="--values")
    return found


@main.command()
@_OUTPUT
@click.option(
    "--ids",
    required=True,
    type=click.File(encoding="utf-8"),
    help="A file of document ids, one a line, as the tables have them; - is standard input.",
)
@_JSON
def remove(output: str, ids: TextIO, as_json: bool) -> None:
    """Take documents out of OUTPUT: out of kept text and shards, and keep them out of later runs.

    Only the files that hold them are written anew; sequences keep their places. The table `removed` says what was done.

    \b
        gristmill remove out --ids withdrawn.txt
    """
    import dataclasses  # noqa: PLC0415

    from gristmill.pipelines import removal  # noqa: PLC0415

    done = removal.remove(output, [line.strip() for line in ids if line.strip()])
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
        return
    click.echo(
        f"{done.documents:,} documents and {done.tokens:,} tokens removed; {done.sequences:,} sequences and "
        f"{len(done.files):,} files written anew"
    )
    if done.unknown:
        click.echo(f"{len(done.unknown):,} ids are unknown here, such as {done.unknown[0]}", err=True)


@main.command("tokenizer")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--with", "beside", type=click.Path(path_type=Path), help="Another tokenizer, to put side by side.")
@click.option(
    "--text",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What to measure on: Parquet or JSON lines with text and language. Default: the sample of the output.",
)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw a chart into this SVG file.")
@_JSON
def tokenizer_command(source: Path, beside: Path | None, text: Path | None, plot: Path | None, as_json: bool) -> None:
    """Show what each language pays: fertility, coverage, tokens beside English and beside the mean.

    SOURCE is an output folder, or a SentencePiece model or tokenizer.json, which needs --text. Where each language has
    the same texts in the same order, costs are those of translations, and exact.

    \b
        gristmill tokenizer out --with other/tokenizer.json --plot fairness.svg
    """
    from gristmill.tokenizer.report import report  # noqa: PLC0415

    found = report(source, beside=beside, text=text)
    if plot is not None:
        plot.write_text(found.to_svg(), "utf-8")
    for line in [found.to_json()] if as_json else found.to_text():
        click.echo(line)


@main.command()
@_OUTPUT
def verify(output: str) -> None:
    """Read all of OUTPUT's shards and compare them with their manifest; name every one that is not what it says."""
    from gristmill.trainer.shards import ShardReader  # noqa: PLC0415

    reader = ShardReader.open(output, verify=True)
    click.echo(f"{len(reader.manifest.shards):,} shards with {len(reader):,} sequences are sound")


@main.command("export")
@_OUTPUT
@click.argument("target", type=click.Path())
@click.option(
    "--format", required=True, type=click.Choice((*_FORMATS, "transformers")), help="What the target is written for."
)
@click.option("--model", type=click.Path(file_okay=False, path_type=Path), help="Its folder. Default: OUTPUT/model.")
@click.option(
    "--dtype", type=click.Choice(("float32", "bfloat16")), default="float32", show_default=True, help="Of the model."
)
def export_command(
    output: str,
    target: str,
    format: 'exports.Format | Literal["transformers"]',
    model: Path | None,
    dtype: Literal["float32", "bfloat16"],
) -> None:
    """Write OUTPUT's tokens, or its model, to the new folder TARGET, in the format of another library.

    Whole documents for megatron (Megatron-LM's .bin and .idx) and npy (NumPy arrays); packed sequences for mds
    (MosaicML streaming), litdata, and datasets (a Hugging Face folder, with the curated text beside them). The trained
    model, with its tokenizer, for transformers.

    \b
        gristmill export out for-megatron --format megatron
        gristmill export out my-model --format transformers
    """
    from gristmill.trainer import exports  # noqa: PLC0415

    if format == "transformers":
        cli_models.export(Path(output), Path(target), model=model, dtype=dtype)
        return
    done = exports.export(output, target, format=format)
    click.echo(f"{done.samples:,} samples with {done.tokens:,} tokens: {done.files:,} files, {done.bytes:,} bytes")


@main.command()
@click.argument("source", type=click.Path())
@click.option("--base", default="eng_Latn", show_default=True, help="Language whose limits are carried over.")
@click.option(
    "--min-documents", type=click.IntRange(1), default=50, show_default=True, help="Documents that a language needs."
)
@click.option("--model", help="fastText model for the language of files of text; the bundled one by default.")
@click.option("--toml", "-o", type=click.Path(dir_okay=False), help="Write the limits here, for [rules.limits].")
def calibrate(source: str, base: str, min_documents: int, model: str | None, toml: str | None) -> None:
    """Fit limits for each language from good text: SOURCE is an output folder, or a file or folder of text.

    Says what each change would keep and drop, and with -o writes a TOML file to review, with the evidence for every
    limit.
    """
    from gristmill.reports import calibration  # noqa: PLC0415

    if calibration.is_output(source):
        found = calibration.from_output(source, base=base, min_documents=min_documents)
    else:
        from gristmill.filters.annotate import Annotator  # noqa: PLC0415

        annotate = Annotator.load(model=model).annotate
        found = calibration.from_text(source, annotate, base=base, min_documents=min_documents)
    for line in found.to_text():
        click.echo(line)
    if toml is not None:
        Path(toml).write_text(found.to_toml(), "utf-8")


for _command in (*cli_train.COMMANDS, *cli_models.COMMANDS):
    main.add_command(_command)


@main.group()
def recipe() -> None:
    """Write, check and describe recipes."""


@recipe.command("init")
def recipe_init() -> None:
    """Print a recipe to begin with, every field explained."""
    from gristmill.schemas.recipe_example import example  # noqa: PLC0415

    click.echo(example(), nl=False)


@recipe.command("check")
@click.argument("recipe", type=click.Path(dir_okay=False))
def recipe_check(recipe: str) -> None:
    """Check RECIPE and that its input files are there."""
    from gristmill.pipelines import ingest  # noqa: PLC0415
    from gristmill.pipelines.run import check  # noqa: PLC0415

    checked = check(recipe)
    folder = str(Path(recipe).absolute().parent)
    for each in checked.inputs:
        click.echo(f"{each.name:<24} {len(ingest.find_files(each, folder=folder)):>8} files  {each.role}")
    click.echo(click.style("ok", fg="green"))


@recipe.command("schema")
def recipe_schema() -> None:
    """Print the JSON schema of recipes, for editors."""
    from gristmill.schemas import Recipe  # noqa: PLC0415

    click.echo(json.dumps(Recipe.model_json_schema(), indent=2))


if __name__ == "__main__":
    main()
