"""Checkpoints: everything a run goes on from, in one safetensors file that appears whole or not at all."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gristmill.trainer._torch import SafetensorError, safe_open, save_file, torch

FORMAT = 1
_ABOUT = "gristmill"
_NAME = "step-{:09d}.safetensors"
_PATTERN = "step-*.safetensors"
_KEPT = 2


class CheckpointError(ValueError):
    """A checkpoint cannot be gone on from; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What was saved.

    Attributes:
        weights: of the model, biases of its routers included.
        optimizer: the optimiser's state.
        about: all else: sizes, settings, step, place in the data.
    """

    weights: Mapping[str, torch.Tensor]
    optimizer: Mapping[str, torch.Tensor]
    about: Mapping[str, Any]


def write(folder: Path, checkpoint: Checkpoint, *, step: int) -> Path:
    """Write a checkpoint, and take away those before the last one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _NAME.format(step)
    tensors = {f"weights.{name}": each for name, each in checkpoint.weights.items()}
    tensors |= {f"optimizer.{name}": each for name, each in checkpoint.optimizer.items()}
    # One entry: safetensors writes several in an order of chance.
    about = {_ABOUT: json.dumps({"format": FORMAT, **checkpoint.about})}
    unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
    try:
        save_file({name: each.contiguous() for name, each in tensors.items()}, unfinished, metadata=about)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    for old in sorted(folder.glob(_PATTERN))[:-_KEPT]:
        old.unlink(missing_ok=True)
    return path


def latest(folder: Path) -> Path | None:
    """The newest checkpoint of a folder."""
    return max(folder.glob(_PATTERN), default=None)


def read(path: Path, *, device: torch.device | None = None) -> Checkpoint:
    """Read a checkpoint; nothing in it is executed.

    Raises:
        CheckpointError: it is none, or is damaged, or of another format.
        FileNotFoundError: there is no such file.
    """
    try:
        with safe_open(path, framework="pt", device=str(device or "cpu")) as file:
            about = json.loads((file.metadata() or {})[_ABOUT])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    except (SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: no checkpoint of ours, or damaged ({error})") from error
    if about["format"] != FORMAT:
        raise CheckpointError(f"{path}: of format {about['format']}, not {FORMAT}")
    parts = {
        part: {name.removeprefix(part): each for name, each in tensors.items() if name.startswith(part)}
        for part in ("weights.", "optimizer.")
    }
    return Checkpoint(weights=parts["weights."], optimizer=parts["optimizer."], about=about)
