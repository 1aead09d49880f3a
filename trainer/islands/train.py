"""A training run as one of several islands."""

from dataclasses import asdict
from pathlib import Path

from gristmill.trainer import checkpoint
from gristmill.trainer.devices import open_device
from gristmill.trainer.feed import Feed, about
from gristmill.trainer.islands import island
from gristmill.trainer.islands.plan import Exchange, Plan
from gristmill.trainer.shards import ShardReader
from gristmill.trainer.train import CHECKPOINTS, Job, Report, decisive, progress
from gristmill.trainer.trainer import Trainer


def run(
    job: Job, location: str | Path, *, exchange: Exchange, name: str | None = None, report: Report | None = None
) -> Trainer:
    """Train with the islands that meet at a location until all data is used; then write the model they have in common.

    Raises:
        ManifestError: there are no shards that could be trained on.
        DamagedError: a file there is missing, or not what islands write.
        ValueError: there is no such device, the others train something else, or islands cannot work there.
    """
    reader, device = ShardReader.open(job.shards), open_device(job.device, dtype=job.train.dtype)
    feed = Feed.begin(reader, seed=job.train.seed)
    trainer = Trainer(reader=reader, batches=feed, model=job.model, config=job.train, device=device)
    train = decisive(job.train.to_json())
    plan = Plan(model=job.model.to_json(), train=train, manifest=reader.manifest.identity, **asdict(exchange))
    tell = None if report is None else lambda step: report(progress(trainer, step))
    island.run(trainer, location, plan=plan, name=name, report=tell)
    saved = trainer.checkpoint(shards=about(reader))
    checkpoint.write(job.folder / CHECKPOINTS, saved, step=trainer.steps)
    return trainer
