"""What islands agree on: the first of them writes it down."""

from dataclasses import asdict, dataclass
from typing import Any, get_args

from gristmill.trainer.islands.codec import Codec


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """How islands exchange what they learn.

    Attributes:
        fragments: of the parameters, which are exchanged in turn.
        interval: steps of a range, after which an island may post a fragment.
        round_seconds: how long an island learns before it posts, ranges as many as that takes. None: one range.
        codec: of deltas and means.
        outer_rate, outer_momentum: of the Nesterov step along the mean of the deltas; 1 and 0 are their plain mean.
        quorum: share of the islands after which the others are waited for no longer than `grace` seconds.
        patience: seconds without a heartbeat, one a step, after which an island counts as dead.
        snapshot_every: rounds after which the whole state is written, for islands that join.
    """

    fragments: int = 10
    interval: int = 1
    round_seconds: float | None = None
    codec: Codec = "int2"
    outer_rate: float = 1.0
    outer_momentum: float = 0.0
    quorum: float = 0.5
    grace: float = 10.0
    patience: float = 60.0
    snapshot_every: int = 256

    def __post_init__(self) -> None:
        for name in ("fragments", "interval", "snapshot_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"islands.{name}: {getattr(self, name)} is not positive; the smallest is 1")
        for name in ("grace", "round_seconds"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"islands.{name}: {getattr(self, name)} seconds; the least is 0")
        for name in ("patience", "outer_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"islands.{name}: {getattr(self, name)} is not positive")
        if not 0 < self.quorum <= 1:
            raise ValueError(f"islands.quorum: {self.quorum} of the islands; a share above 0, and 1 at most")
        if not 0 <= self.outer_momentum < 1:
            raise ValueError(f"islands.outer_momentum: {self.outer_momentum}; 0 or more, and below 1")
        if self.codec not in get_args(Codec):
            raise ValueError(f"islands.codec: there is no {self.codec!r}; there are {', '.join(get_args(Codec))}")


@dataclass(frozen=True, kw_only=True)
class Plan(Exchange):
    """A run of islands, which together do `steps` steps. Their data is ranges of the seeded order.

    Attributes:
        model, train, manifest: what is trained, how, on which shards.
        weights: digest of what the seed begins with, which islands fill in.
    """

    model: dict[str, Any]
    train: dict[str, Any]
    manifest: str
    weights: int | None = None

    @property
    def ranges(self) -> int:
        """How many there are; the last may be shorter."""
        return -(-int(self.train["steps"]) // self.interval)

    def places(self, number: int) -> range:
        """The places of the seeded order that a range is made of."""
        first, last = (min(each * self.interval, self.train["steps"]) for each in (number, number + 1))
        return range(first * self.train["batch_sequences"], last * self.train["batch_sequences"])

    def turn(self, round_: int) -> int:
        """The fragment that a round exchanges. Their order moves on now and then, so that an island that is in time for
        every second round only gets to exchange them all."""
        return (round_ + round_ // self.fragments**2) % self.fragments

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
