"""Commands that train models and ask what they learnt. torch is imported inside them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from gristmill.command import Command
from gristmill.training_progress import shown

T = TypeVar("T")


def _listed(of: "click.ParamType[Any]") -> Callable[..., list[Any] | None]:
    """Reads values separated by commas: one for each rank of a machine, or one for all."""

    def read(context: click.Context, parameter: click.Parameter, given: str | None) -> list[Any] | None:
        return None if given is None else [of.convert(each.strip(), parameter, context) for each in given.split(",")]

    return read


def _own(values: Sequence[T] | None, *, rank: int) -> T | None:
    if values is None or len(values) == 1:
        return values[0] if values else None
    if rank >= len(values):
        raise click.UsageError(f"no value for rank {rank} of this machine in a list of {len(values)}")
    return values[rank]


_OUTPUT = click.argument("output", type=click.Path(file_okay=False))


@click.command(cls=Command)
@_OUTPUT
@click.option("--to", type=click.Path(file_okay=False), help="Folder of the model. Default: OUTPUT/model.")
@click.option("--depth", type=click.IntRange(1), default=4, show_default=True, help="Layers; sets all other sizes.")
@click.option("--dense", is_flag=True, help="Without experts: the dense twin, as many active parameters.")
@click.option("--steps", type=click.IntRange(1), default=100, show_default=True, help="Updates of the weights.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Sequences of a step.")
@click.option(
    "--device",
    callback=_listed(click.STRING),
    help="cuda, cuda:1, npu, xpu, mps or cpu. Default: the accelerator, if there is one.",
)
@click.option(
    "--micro", callback=_listed(click.IntRange(1)), help="Sequences that go through the model at once. Default: 1."
)
@click.option(
    "--most", callback=_listed(click.IntRange(1)), help="Sequences that a rank takes in a step. Default: any number."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of weights and order.")
@click.option("--islands", metavar="PLACE", help="Folder, or s3://, gs:// or az:// URL, that distant machines share.")
@click.option("--name", help="Of this machine among them. Default: its host and process.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Any size or setting, such as experts=64.")
@click.option("--tensorboard", type=click.Path(file_okay=False), help="Folder for TensorBoard.")
@click.option("--json", "as_json", is_flag=True, help="Report each step as a line of JSON.")
def train(
    output: str,
    to: str | None,
    depth: int,
    dense: bool,
    steps: int,
    batch: int,
    device: list[str] | None,
    micro: list[int] | None,
    most: list[int] | None,
    seed: int,
    islands: str | None,
    name: str | None,
    settings: tuple[str, ...],
    tensorboard: str | None,
    as_json: bool,
) -> None:
    """Train a mixture-of-experts model on OUTPUT's shards.

    --depth sets all sizes: 64 of width for each layer, and experts that are together as wide as a dense layer; --set
    sets one by itself. A run that was stopped goes on from its last checkpoint.

    \b
        gristmill train out --depth 6 --steps 2000
        gristmill train out --set width=512 --set recompute=true --set peak=0.005
        torchrun --nproc-per-node 2 -m gristmill.cli train out --device cuda,cpu

    Under torchrun all ranks train one model, whatever their
    devices: --device, --micro and --most may then be lists, such as cuda,cpu, with a value for each rank of a machine.

    With --islands each process trains alone, and exchanges a little with the others now and then, over a folder or
    bucket. Start and stop as many as you like; --steps and --batch count for all of them together.
    """
    from gristmill.trainer import overrides  # noqa: PLC0415
    from gristmill.trainer import train as training  # noqa: PLC0415
    from gristmill.trainer.config import ModelConfig, TrainConfig  # noqa: PLC0415
    from gristmill.trainer.islands import train as distant  # noqa: PLC0415
    from gristmill.trainer.islands.plan import Exchange  # noqa: PLC0415
    from gristmill.trainer.ranks import Ranks  # noqa: PLC0415
    from gristmill.trainer.shards import ShardReader  # noqa: PLC0415

    of_model, of_training, of_islands = overrides.parsed(settings, (ModelConfig, TrainConfig, Exchange))
    if of_islands and islands is None:
        raise click.UsageError(f"--set {next(iter(of_islands))}: only islands have it; give --islands")
    vocabulary = ShardReader.open(output).manifest.vocabulary_size
    model = ModelConfig.of_depth(depth, **{"vocabulary_size": vocabulary} | of_model)
    given: dict[str, Any] = {"steps": steps, "batch_sequences": batch, "seed": seed} | of_training
    with (
        Ranks.join() as ranks,
        shown(steps=given["steps"], as_json=as_json, tensorboard=tensorboard if ranks.leads else None) as report,
    ):
        own_micro = _own(micro, rank=ranks.local) or 1
        job = training.Job(
            shards=output,
            folder=Path(to or f"{output}/model"),
            model=model.dense_twin() if dense else model,
            train=TrainConfig(**{"micro_sequences": own_micro} | given),
            device=_own(device, rank=ranks.local),
            most=_own(most, rank=ranks.local),
        )
        if islands is None:
            training.run(job, ranks=ranks, report=report)
        elif ranks.size == 1:
            distant.run(job, islands, exchange=Exchange(**of_islands), name=name, report=report)
        else:
            raise click.UsageError("an island is one process: give --islands without torchrun")
        if ranks.leads and job.folder == Path(output, "model"):
            _refresh_page(output)


def _refresh_page(output: str) -> None:
    if Path(output, "report.html").exists():
        from gristmill.reports import page  # noqa: PLC0415  (a machine that only trains may lack what reports need)

        page.write_page(output)


COMMANDS = (train,)
