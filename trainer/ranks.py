"""The processes that train one model together, on devices of any kinds and speeds; one process alone, too.

A step: each rank computes the gradient of its sequences; one sum over the ranks makes that of the whole batch; rank 0,
which leads, updates the weights and shares them with those who compute the next. So these are the same on all ranks,
bit by bit, although no two kinds of devices round alike; and the others need no optimiser.

Ranks of a machine with accelerators of one kind talk by their vendor's library, the first of them with all others by
gloo, through the host's memory. Sums are made in an order that only the number of ranks decides.
"""

import json
import os
import socket
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Self

from gristmill.trainer._torch import torch
from gristmill.trainer.allotment import Allotment

Tensor = torch.Tensor
dist = torch.distributed

_BUCKET = 1 << 22
"""Numbers that are sent at once: 16 MB, which stay in the cache and in any device's memory."""

_TIMEOUT = 600.0


class RanksError(ValueError):
    """The ranks cannot go on together."""


class Ranks:
    """Which process this is, among how many. Traffic of a step: the weights in float32 two to three times,
    both in and out, whatever the number of ranks; next to none while rank 0 computes it all."""

    def __init__(self, *, rank: int = 0, size: int = 1, local: int = 0, timeout: float = _TIMEOUT) -> None:
        """A process alone; see `join`."""
        self.rank, self.size, self.local = rank, size, local
        self._timeout = timedelta(seconds=timeout)
        self._allotment = Allotment(speeds=[1.0] * size)
        self._speed, self._first = 0.0, rank
        self._near: dist.ProcessGroup | None = None
        self._far: dist.ProcessGroup | None = None

    @classmethod
    def join(cls, *, timeout: float = _TIMEOUT) -> Self:
        """One of several as RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT say, which torchrun sets; alone
        without them. Whoever waits longer than the timeout, in seconds, ends with a RanksError."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        with _together():
            dist.init_process_group("gloo", timeout=timedelta(seconds=timeout))
        local = int(os.environ.get("LOCAL_RANK", "0"))
        return cls(rank=dist.get_rank(), size=dist.get_world_size(), local=local, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self.size > 1 and error is None:
            dist.destroy_process_group()

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def meet(self, *, kind: str, speed: float, most: int | None = None, host: str | None = None) -> None:
        """Tell the others what this rank is, once, before the first step.

        Args:
            kind: of its device; `host` is its machine, by default this one.
            speed: a guess, in any unit.
            most: sequences that it takes in a step; None for any number.
        """
        every = self._gather([host or socket.gethostname(), kind, speed, most])
        self._allotment = Allotment(speeds=[each[2] for each in every], most=[each[3] for each in every])
        if self.size == 1:
            return
        alike: dict[tuple[str, str], list[int]] = defaultdict(list)
        for rank, (its_host, its_kind, *_) in enumerate(every):
            alike[its_host, its_kind].append(rank)
        firsts = [members[0] for members in alike.values()]
        self._far = dist.new_group(firsts, timeout=self._timeout) if len(firsts) > 1 else None
        for (_, its_kind), members in alike.items():  # all ranks take part in making each group
            backend = dist.get_default_backend_for_device(its_kind) if len(members) > 1 else "gloo"
            group = dist.new_group(members, backend=backend, timeout=self._timeout)
            if self.rank in members:
                self._first, self._near = members[0], group if len(members) > 1 else None

    def part(self, sequences: int) -> slice:
        """Which sequences of a batch are this rank's."""
        allotted = self._allotment.of(sequences)
        start = sum(allotted[: self.rank])
        return slice(start, start + allotted[self.rank])

    def divides(self, sequences: int) -> bool:
        """Whether any but rank 0 has a part of a batch: if none, nobody needs gradients or weights of another."""
        return self._allotment.of(sequences)[0] < sequences

    def timed(self, *, sequences: int, seconds: float) -> None:
        """Tell how long this rank's part of a step took."""
        self._speed = sequences / max(seconds, 1e-9)

    def sum(self, gradients: Sequence[Tensor], totals: Tensor) -> None:
        """Replace gradients, and totals on the host, by their sums over the ranks; all learn how fast each was."""
        if self.size == 1:
            return
        speeds = torch.zeros(self.size, dtype=torch.float64)
        speeds[self.rank] = self._speed
        both = torch.cat([totals, speeds])
        with _together():
            dist.all_reduce(both)
            self._send(gradients, is_sum=True)
        totals.copy_(both[: len(totals)])
        self._allotment.observe(both[len(totals) :].tolist())

    def share(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by those of rank 0."""
        if self.size > 1:
            with _together():
                self._send(tensors, is_sum=False)

    def told(self, value: float) -> float:
        """The value that rank 0 has."""
        given = torch.tensor([value], dtype=torch.float64)
        if self.size > 1:
            with _together():
                dist.broadcast(given, 0)
        return float(given)

    def agree(self, **facts: Any) -> None:
        """Raises RanksError, on all ranks, if any has other facts than rank 0."""
        every = self._gather(facts)
        for rank, its_own in enumerate(every):
            if differs := [name for name in facts if its_own[name] != every[0][name]]:
                name = differs[0]
                raise RanksError(
                    f"rank {rank} and rank 0 differ in {name}: {its_own[name]} and {every[0][name]}. Start all ranks"
                    " again, with the same settings, shards and folder"
                )

    @torch.no_grad()
    def _send(self, tensors: Sequence[Tensor], *, is_sum: bool) -> None:
        for bucket in _buckets(tensors):
            flat = torch.cat(bucket)
            if self._near is not None and is_sum:
                dist.all_reduce(flat, group=self._near)
            if self._far is not None and self.rank == self._first:
                host = flat.cpu()
                dist.all_reduce(host, group=self._far) if is_sum else dist.broadcast(host, 0, group=self._far)
                flat.copy_(host)
            if self._near is not None and not (is_sum and self._far is None):
                dist.broadcast(flat, self._first, group=self._near)
            for piece, found in zip(bucket, torch.split(flat, [len(piece) for piece in bucket]), strict=True):
                piece.copy_(found)

    def _gather(self, value: Any) -> list[Any]:
        """What each rank gave, by rank: anything that JSON holds."""
        text = json.dumps(value).encode()
        if self.size == 1:
            return [json.loads(text)]
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        with _together():
            dist.all_gather(lengths, torch.tensor([len(text)]))
            longest = int(max(lengths))
            texts = [torch.zeros(longest, dtype=torch.uint8) for _ in range(self.size)]
            dist.all_gather(texts, torch.tensor(list(text.ljust(longest)), dtype=torch.uint8))
        return [json.loads(bytes(each.tolist())) for each in texts]


def digest(tensors: Sequence[Tensor]) -> int:
    """A sum over the bits of float32 tensors, computed where they are: equal if they are, and hardly else."""
    return sum((number + 1) * int(each.view(torch.int32).sum(dtype=torch.int64)) for number, each in enumerate(tensors))


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Flat pieces of contiguous tensors, one after another, that have about _BUCKET numbers together."""
    bucket: list[Tensor] = []
    room = _BUCKET
    for piece in (piece for each in tensors for piece in torch.split(each.view(-1), _BUCKET)):
        if len(piece) > room:
            yield bucket
            bucket, room = [], _BUCKET
        bucket.append(piece)
        room -= len(piece)
    if bucket:
        yield bucket


@contextmanager
def _together() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise RanksError(
            "another rank has stopped, or was not heard of for too long: see what it says. Start all ranks again, and"
            f" they go on from the last checkpoint ({error})"
        ) from error
