"""Which of two curated outputs makes the better model: the same sizes, budget and seeds, measured on the same text."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.trainer import held_out, train
from gristmill.trainer.config import ModelConfig, TrainConfig
from gristmill.trainer.evaluate import losses
from gristmill.trainer.intervals import Floats, margin
from gristmill.trainer.shards import ShardReader


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What a language costs by the models of both outputs, in bits per byte; all text, where it is None.

    Attributes:
        difference: b less a. Negative: b is better.
        margin: the 95% interval goes so far to both sides; None of a single document.
    """

    language: str | None
    documents: int
    bytes: int
    a: float
    b: float
    difference: float
    margin: float | None

    @property
    def better(self) -> str | None:
        """The output whose models are better by more than chance, if one is."""
        if self.margin is None or abs(self.difference) <= self.margin:
            return None
        return "a" if self.difference > 0 else "b"

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"better": self.better}


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Differences of all text, and of each language.

    Attributes:
        left_out: documents that both hold out, but with another text.
        epochs: how often each output's sequences were learnt from.
    """

    differences: tuple[Difference, ...]
    left_out: int
    epochs: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to compare.

    Attributes:
        folder: where the runs are kept. What is trained there is not trained again.
        sizes: those that `depth` should not set.
        train: settings of all runs, but for their seeds, which are 0 to `seeds` less 1.
        most: documents of a language to measure on; None for all.
    """

    folder: Path
    depth: int
    train: TrainConfig
    sizes: Mapping[str, Any] = field(default_factory=dict)
    seeds: int = 3
    most: int | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise ValueError(f"compare.seeds: {self.seeds}; what chance does is seen from 2 on, and better from 3")


def compare(a: Path, b: Path, *, plan: Plan, report: Callable[[str], None] = lambda _: None) -> Comparison:
    """Train models on both outputs, and measure them on what both hold out.

    Time: that of twice as many runs as there are seeds. A comparison that was stopped goes on, given the same plan.

    Raises:
        ValueError: they hold out no text in common, their sequences differ, or the folder holds other runs.
    """
    documents, left_out = held_out.shared(a, b, most=plan.most)
    sides = _Side.open(a, documents, name="a"), _Side.open(b, documents, name="b")
    lengths = [each.reader.manifest.sequence_length for each in sides]
    if lengths[0] != lengths[1]:
        raise ValueError(f"packing.sequence_length: {lengths[0]} in {a}, {lengths[1]} in {b}; they have to be the same")
    nats_2SN = np.zeros((2, plan.seeds, documents.num_rows))
    for seed in range(plan.seeds):
        for number, side in enumerate(sides):
            nats_2SN[number, seed] = side.nats(seed, plan=plan, report=report)
    sequences = plan.train.steps * plan.train.batch_sequences
    return Comparison(
        differences=tuple(_differences(nats_2SN, sides[0].documents)),
        left_out=left_out,
        epochs=(sequences / len(sides[0].reader), sequences / len(sides[1].reader)),
    )


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One of the two outputs, and the documents to measure on as its tokenizer encodes them."""

    name: str
    output: Path
    reader: ShardReader
    documents: held_out.Encoded

    @classmethod
    def open(cls, output: Path, documents: Any, *, name: str) -> "_Side":
        reader = ShardReader.open(output)
        encoded = held_out.encode(documents, held_out.encoder_of(output, reader.manifest))
        return cls(name=name, output=output, reader=reader, documents=encoded)

    def nats(self, seed: int, *, plan: Plan, report: Callable[[str], None]) -> Floats:
        """What each document costs a model of this seed."""
        name = f"{self.name}/seed-{seed}"
        sizes = {**plan.sizes, "vocabulary_size": self.documents.vocabulary_size}
        job = train.Job(
            shards=str(self.output),
            folder=plan.folder / name,
            model=ModelConfig.of_depth(plan.depth, **sizes),
            train=replace(plan.train, seed=seed),
            device=plan.device,
        )
        trained = train.run(job, report=lambda progress: report(f"{name}  {progress}"))
        length = self.reader.manifest.sequence_length
        table = losses(trained.model, self.documents, context=min(plan.train.context or length, length))
        found: Floats = table["nats"].to_numpy()
        return found


def _differences(nats_2SN: Floats, documents: held_out.Encoded) -> Iterator[Difference]:
    languages, n_bytes = (documents.about[each].to_numpy() for each in ("language", "bytes"))
    yield _difference(nats_2SN, n_bytes, language=None)
    for each in sorted(set(languages.tolist())):
        here = languages == each
        yield _difference(nats_2SN[:, :, here], n_bytes[here], language=each)


def _difference(nats_2SN: Floats, bytes_N: npt.NDArray[np.int64], *, language: str | None) -> Difference:
    bits_2SN = nats_2SN / math.log(2) / bytes_N.sum()
    a, b = bits_2SN.sum(2).mean(1).tolist()
    return Difference(
        language=language,
        documents=len(bytes_N),
        bytes=int(bytes_N.sum()),
        a=a,
        b=b,
        difference=b - a,
        margin=margin(bits_2SN[1] - bits_2SN[0], bytes_N / bytes_N.sum()),
    )
