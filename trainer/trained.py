"""A trained model, taken from its folder to be measured, sampled from or exported."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from gristmill.trainer import checkpoint
from gristmill.trainer.config import ModelConfig
from gristmill.trainer.devices import Device
from gristmill.trainer.model import Decoder
from gristmill.trainer.train import CHECKPOINTS


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model and how it was trained.

    Attributes:
        context: tokens of a document that it saw at most.
        steps: of the checkpoint.
        tokenizer: checksum of the file of the tokenizer that its tokens are of.
    """

    model: Decoder
    context: int
    steps: int
    tokenizer: str
    end_id: int
    pad_id: int

    @classmethod
    def load(cls, folder: Path, *, device: Device) -> Self:
        """The newest checkpoint of a model's folder, on a device.

        Raises:
            CheckpointError: it has none, or it is damaged.
        """
        path = checkpoint.latest(folder / CHECKPOINTS)
        if path is None:
            raise checkpoint.CheckpointError(f"{folder}: no checkpoint; make one with `gristmill train`")
        saved = checkpoint.read(path)
        model = Decoder(ModelConfig(**saved.about["model"]), dtype=device.dtype)
        model.load_state_dict(dict(saved.weights))
        shards, asked = saved.about["shards"], saved.about["train"]["context"]
        length = shards["sequence_length"]
        return cls(
            model=model.to(device.place).eval(),
            context=length if asked is None else min(asked, length),
            steps=saved.about["steps"],
            **{name: shards[name] for name in ("tokenizer", "end_id", "pad_id")},
        )
