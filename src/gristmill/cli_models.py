"""Commands that ask trained models what they learnt. torch is imported inside them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gristmill.command import Command

if TYPE_CHECKING:
    import pyarrow as pa

    from gristmill.trainer.compare import Comparison
    from gristmill.trainer.config import Dtype
    from gristmill.trainer.trained import Trained

_FOLDER = click.Path(file_okay=False, path_type=Path)
_OUTPUT = click.argument("output", type=_FOLDER)
_MODEL = click.option("--model", type=_FOLDER, help="Folder of the model. Default: OUTPUT/model.")
_DEVICE = click.option(
    "--device", help="cuda, cuda:1, npu, xpu, mps or cpu. Default: the accelerator, if there is one."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
_DOCUMENTS = click.option(
    "--documents", type=click.IntRange(1), default=100, show_default=True, help="Of each language, so many at most."
)


def load(output: Path, model: Path | None, *, device: str | None = None) -> "Trained":
    """The model of an output, or of another folder."""
    from gristmill.trainer.devices import open_device  # noqa: PLC0415
    from gristmill.trainer.trained import Trained  # noqa: PLC0415

    return Trained.load(model or output / "model", device=open_device(device))


@click.command(cls=Command)
@_OUTPUT
@_MODEL
@click.option("--on", type=click.Path(dir_okay=False, path_type=Path), help="Parquet or JSON lines of your own.")
@_DOCUMENTS
@_DEVICE
@_JSON
def evaluate(
    output: Path, model: Path | None, on: Path | None, documents: int, device: str | None, as_json: bool
) -> None:
    """Measure a model on the documents that OUTPUT holds out: bits for each byte of text, by language and domain.

    Bits per byte compare models of different tokenizers too.

    \b
        gristmill evaluate out
        gristmill evaluate out --on mine.jsonl
    """
    from gristmill.trainer import evaluate as evaluation  # noqa: PLC0415
    from gristmill.trainer import held_out  # noqa: PLC0415

    texts = held_out.documents(output, most=documents) if on is None else held_out.documents_of(on, most=documents)
    trained = load(output, model, device=device)
    encoded = held_out.encode(texts, held_out.encoder_of(output, trained))
    found = evaluation.evaluate(trained.model, encoded, context=trained.context)
    groups: dict[str, tuple[str, ...]] = {"all": (), "languages": ("language",), "domains": ("domain",)}
    sums = {name: evaluation.summed(found, by=by) for name, by in groups.items()}
    if as_json:
        click.echo(json.dumps({"steps": trained.steps} | {name: each.to_pylist() for name, each in sums.items()}))
        return
    for line in _evaluated(sums):
        click.echo(line)


def _evaluated(sums: "dict[str, pa.Table]") -> Iterator[str]:
    yield f"{'':<24} {'documents':>9} {'bytes':>12} {'tokens':>11} {'bits/byte':>9}"
    for row in (row for each in sums.values() for row in each.to_pylist()):
        name = row.get("language") or row.get("domain", "all")
        amounts = f"{row['documents']:>9,} {row['bytes']:>12,} {row['tokens']:>11,}"
        yield f"{name:<24} {amounts} {row['bits_per_byte']:>9.4f}"


@click.command(cls=Command)
@_OUTPUT
@click.argument("prompt", required=False)
@_MODEL
@click.option("--number", type=click.IntRange(1), default=1, show_default=True, help="Texts that begin with PROMPT.")
@click.option("--tokens", type=click.IntRange(1), default=100, show_default=True, help="Of each text, so many at most.")
@click.option("--temperature", type=float, default=0.8, show_default=True, help="0 takes the most likely token.")
@click.option("--top-k", type=int, help="Draw from so many of the most likely tokens. Default: from all.")
@click.option("--top-p", type=float, default=0.95, show_default=True, help="Draw from the likeliest of this share.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed, another text.")
@_DEVICE
def sample(
    output: Path,
    prompt: str | None,
    model: Path | None,
    number: int,
    tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float,
    seed: int,
    device: str | None,
) -> None:
    """Let a model write on from PROMPT; without one, from the first words of a held-out document of each language.

    \b
        gristmill sample out "The bank" --number 3
    """
    from gristmill.trainer import held_out  # noqa: PLC0415
    from gristmill.trainer.generate import Sampling, generate  # noqa: PLC0415

    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, seed=seed)
    trained = load(output, model, device=device)
    encoder = held_out.encoder_of(output, trained)
    if prompt is None:
        texts = held_out.documents(output, most=1).sort_by("language")["text"].to_pylist()
        prompts = [each[:_BEGINNING].tolist() for each in encoder.encode_batch(texts)]
    else:
        prompts = [each.tolist() for each in encoder.encode_batch([prompt] * number)]
    written = generate(
        trained.model, prompts, end_id=trained.end_id, context=trained.context, most=tokens, sampling=sampling
    )
    for before, after in zip(prompts, written, strict=True):
        whole, start = encoder.decode([*before, *after]), encoder.decode(before)
        click.echo(click.style(start, bold=True) + whole.removeprefix(start) if whole.startswith(start) else whole)
        click.echo("---")


_BEGINNING = 8
"""Tokens of a held-out document that a text begins with."""


@click.command(cls=Command)
@click.argument("a", type=_FOLDER)
@click.argument("b", type=_FOLDER)
@click.option("--to", type=_FOLDER, default="compare", show_default=True, help="Folder of the runs.")
@click.option("--seeds", type=click.IntRange(2), default=3, show_default=True, help="Runs on each of the two.")
@click.option("--depth", type=click.IntRange(1), default=4, show_default=True, help="Layers; sets all other sizes.")
@click.option("--steps", type=click.IntRange(1), default=200, show_default=True, help="Updates of the weights.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Sequences of a step.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Any size or setting, such as experts=64.")
@_DOCUMENTS
@_DEVICE
@_JSON
def compare(
    a: Path,
    b: Path,
    to: Path,
    seeds: int,
    depth: int,
    steps: int,
    batch: int,
    settings: tuple[str, ...],
    documents: int,
    device: str | None,
    as_json: bool,
) -> None:
    """Tell which of two outputs of the same input makes the better model, by language, and how sure that is.

    Trains models of the same sizes, tokens and seeds on A and on B, and measures them on the documents that both hold
    out. A comparison that was stopped goes on.

    \b
        gristmill compare out-before out-after --seeds 3 --steps 500
    """
    from gristmill.trainer import compare as comparing  # noqa: PLC0415
    from gristmill.trainer import overrides  # noqa: PLC0415
    from gristmill.trainer.config import ModelConfig, TrainConfig  # noqa: PLC0415

    sizes, of_training = overrides.parsed(settings, (ModelConfig, TrainConfig))
    plan = comparing.Plan(
        folder=to,
        depth=depth,
        sizes=sizes,
        train=TrainConfig(**{"steps": steps, "batch_sequences": batch} | of_training),
        seeds=seeds,
        most=documents,
        device=device,
    )
    found = comparing.compare(a, b, plan=plan, report=lambda line: click.echo(line, err=True))
    if as_json:
        rows = [each.to_json() for each in found.differences]
        click.echo(json.dumps({"differences": rows, "left_out": found.left_out, "epochs": found.epochs}))
        return
    for line in _compared(found, a=a, b=b):
        click.echo(line)


def _compared(found: "Comparison", *, a: Path, b: Path) -> Iterator[str]:
    epochs = ", ".join(f"{name} {each:.2f}" for name, each in zip("ab", found.epochs, strict=True))
    yield f"a: {a}    b: {b}    epochs: {epochs}    bits per byte, 95% intervals"
    yield f"{'':<12} {'documents':>9} {'bytes':>12} {'a':>8} {'b':>8} {'b - a':>9} {'+-':>8}  better"
    for each in found.differences:
        margin = "" if each.margin is None else f"{each.margin:.4f}"
        amounts = f"{each.documents:>9,} {each.bytes:>12,} {each.a:>8.4f} {each.b:>8.4f} {each.difference:>+9.4f}"
        yield f"{each.language or 'all':<12} {amounts} {margin:>8}  {each.better or '-'}"
    if found.left_out:
        yield f"{found.left_out:,} documents are held out by both with different texts, and were left out"


def export(output: Path, target: Path, *, model: Path | None, dtype: "Dtype") -> None:
    """The model as a folder for transformers: a part of `gristmill export`."""
    from gristmill.trainer import held_out, huggingface  # noqa: PLC0415

    trained = load(output, model, device="cpu")
    held_out.encoder_of(output, trained)  # the tokenizer that goes along is the model's
    huggingface.export(trained, target, tokenizers=output / "tokenizer", dtype=dtype)
    total, active = trained.model.count()
    click.echo(f"a model of {total:,} parameters, {active:,} of them used by a token")


COMMANDS = (evaluate, sample, compare)
