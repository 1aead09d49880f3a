"""Commands that train models and ask what they learnt. torch is imported inside them."""

from pathlib import Path

import click

_OUTPUT = click.argument("output", type=click.Path(file_okay=False))


@click.command()
@_OUTPUT
@click.option("--to", type=click.Path(file_okay=False), help="Folder of the model. Default: OUTPUT/model.")
@click.option("--depth", type=click.IntRange(1), default=4, show_default=True, help="Layers; sets all other sizes.")
@click.option("--dense", is_flag=True, help="Without experts: the dense twin, as many active parameters.")
@click.option("--steps", type=click.IntRange(1), default=100, show_default=True, help="Updates of the weights.")
@click.option("--batch", type=click.IntRange(1), default=8, show_default=True, help="Sequences of a step.")
@click.option("--device", help="cuda, cuda:1, npu, xpu, mps or cpu. Default: the accelerator, if there is one.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of weights and order.")
def train(
    output: str, to: str | None, depth: int, dense: bool, steps: int, batch: int, device: str | None, seed: int
) -> None:
    """Train a mixture-of-experts model on OUTPUT's shards.

    A run that was stopped goes on from its last checkpoint.
    """
    from gristmill.trainer import train as training  # noqa: PLC0415
    from gristmill.trainer.config import ModelConfig, TrainConfig  # noqa: PLC0415
    from gristmill.trainer.shards import ShardReader  # noqa: PLC0415

    model = ModelConfig.of_depth(depth, vocabulary_size=ShardReader.open(output).manifest.vocabulary_size)
    job = training.Job(
        shards=output,
        folder=Path(to or f"{output}/model"),
        model=model.dense_twin() if dense else model,
        train=TrainConfig(steps=steps, batch_sequences=batch, seed=seed),
        device=device,
    )

    def report(progress: training.Progress) -> None:
        number = progress.step.number
        if number == 1 or number % 10 == 0 or number == steps or progress.step.skipped:
            click.echo(progress)

    training.run(job, report=report)


COMMANDS = (train,)
