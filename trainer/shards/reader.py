"""Reading shards: by index, or in an endless seeded order that can be taken up at any place."""

import os
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.trainer.shards import folders
from gristmill.trainer.shards.batch import Batch, State
from gristmill.trainer.shards.files import Group, ShardFiles
from gristmill.trainer.shards.folders import Cache, Folder
from gristmill.trainer.shards.manifest import Manifest, ManifestError
from gristmill.trainer.shards.order import BLOCK_SHARDS, Block, Order, Run

IntArray = npt.NDArray[np.int64]

_PLACES = ("manifest.json", "shards/manifest.json")
_HELD = 8
_AHEAD = 2
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class Share:
    """A part of every batch, of one rank, or of every so many batches, of one worker.

    Raises:
        ValueError: there is no such part.
    """

    size: int
    rank: int = 0
    ranks: int = 1
    worker: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.rank < self.ranks and 0 <= self.worker < self.workers):
            raise ValueError(f"no rank {self.rank} of {self.ranks}, or no worker {self.worker} of {self.workers}")
        if self.size < 1 or self.size % self.ranks:
            raise ValueError(f"a batch of {self.size} sequences cannot be divided among {self.ranks} ranks")

    @property
    def each(self) -> int:
        """Sequences of a batch that are this part's."""
        return self.size // self.ranks

    def of(self, places: IntArray) -> npt.NDArray[np.bool_]:
        """Which places of the order, counted from the start, are this part's."""
        batch, place = np.divmod(places, self.size)
        kept: npt.NDArray[np.bool_] = (batch % self.workers == self.worker) & (place // self.each == self.rank)
        return kept


class ShardReader:
    """Training sequences of a folder of shards, by index: 0 to len(reader) - 1, in the order of the shards.

    Can be pickled and forked. Memory: eight row groups, of 2 ** 18 tokens each or of one sequence.
    """

    def __init__(self, folder: Folder, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._sequences = np.array([each.sequences for each in manifest.shards], np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self._sequences)])
        self._files = ShardFiles(folder, manifest)
        self._held: OrderedDict[tuple[int, int], Group] = OrderedDict()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.folder, self.manifest)

    @classmethod
    def open(
        cls,
        location: str | os.PathLike[str],
        *,
        cache: Cache | None = None,
        tokenizer: str | os.PathLike[str] | None = None,
        vocabulary_size: int | None = None,
        verify: bool = False,
    ) -> Self:
        """Open the shards of an output folder, or of the `shards` folder in it: a path, or a URL of an object store.

        What every file is, is compared with the manifest when it is first read, and what is read with its checksums.

        Args:
            cache: where shards of an object store are kept.
            tokenizer: a tokenizer's file; the shards must have been made with it.
            vocabulary_size: the vocabulary that the shards must have been made with.
            verify: read all shards now, and compare their checksums; otherwise only sizes are compared now.

        Raises:
            ManifestError: there is no manifest, the shards are of another tokenizer or vocabulary, or some are missing
                or not what the manifest says. All of them are found, and the first few named.
        """
        folder, manifest = _manifest(folders.opened(location, cache=cache), location, cache=cache)
        _compare(manifest, name=os.fspath(location), tokenizer=tokenizer, vocabulary_size=vocabulary_size)
        reader = cls(folder, manifest)
        if faults := reader.faults(verify=verify):
            more = f"\nand {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
            raise ManifestError("\n".join(faults[:_NAMED]) + more)
        return reader

    def faults(self, *, verify: bool) -> list[str]:
        """What is wrong with the shards, a line each: sizes only, or with `verify` all of their bytes."""
        found = []
        sizes = self.folder.sizes([each.path for each in self.manifest.shards])
        for number, shard in enumerate(self.manifest.shards):
            name = self.folder.name(shard.path)
            size = sizes.get(shard.path)
            if size is None:
                found.append(f"{name}: missing, but listed in the manifest; run `gristmill run` again")
            elif size != shard.bytes:
                found.append(f"{name}: damaged: {size:,} bytes, not {shard.bytes:,}; run `gristmill run` again")
            elif verify:
                try:
                    self.folder.checked(shard)
                    self._files.check(number)
                except ManifestError as error:
                    found.append(f"{error}; run `gristmill run` again")
        room = self.folder.room()
        needed = sum(sorted((each.bytes for each in self.manifest.shards), reverse=True)[:BLOCK_SHARDS])
        if room is not None and room < needed:
            found.append(f"the cache may hold {room:,} bytes, but {BLOCK_SHARDS} shards are read in turns: {needed:,}")
        return found

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, indices: Sequence[int] | IntArray) -> Batch:
        """The sequences of some indices. Time: a millisecond for each change to a row group that is not held.

        Raises:
            IndexError: there is no such sequence.
            ManifestError: a shard is damaged, or another than the manifest lists.
        """
        filling = _Filling(len(indices), self.manifest)
        for run in self._runs(indices):
            filling.add(self._group(run.shard, run.group), run.rows, self._indices(run))
        return filling.batch(None)

    def rows(self, indices: Sequence[int] | IntArray, columns: list[str] | None = None) -> pa.Table:
        """Some columns, or all, of some sequences, at least one: their documents with offsets, languages and sources.

        A row group is read for each change to another. Raises as `read`.
        """
        groups = ((self._files.table(run.shard, run.group, columns), run.rows) for run in self._runs(indices))
        return pa.concat_tables(table.take(rows) for table, rows in groups)

    def indices(self, *, seed: int, start: int = 0) -> Iterator[int]:
        """An endless order of indices, from its place `start` on: every epoch has each once, and its own permutation.

        Raises:
            ManifestError: there are no sequences.
        """
        order = self._order(self.begin(seed=seed).seed)
        for block in order.blocks(start):
            for run in order.runs(block):
                yield from self._indices(run).tolist()

    def batches(
        self,
        size: int,
        *,
        seed: int = 0,
        state: State | None = None,
        rank: int = 0,
        ranks: int = 1,
        worker: int = 0,
        workers: int = 1,
    ) -> Iterator[Batch]:
        """Endless batches of `size` sequences in the seeded order; of each, the part of one rank.

        The next row groups are read ahead in a thread, and the next shards of an object store fetched.

        Args:
            size: sequences of the whole batch, of all ranks together.
            state: where to go on, in place of a seed: the `state` of the last batch used. Neither the number of ranks
                nor of workers has to be as before.
            worker: of each `workers` batches in a row, give the one of this number only.

        Raises:
            ManifestError: there are no sequences, the state belongs to other shards, or a shard is refused.
            ValueError: the batch cannot be divided among the ranks.
        """
        share = Share(size=size, rank=rank, ranks=ranks, worker=worker, workers=workers)
        return self._batches(share, self.begin(seed=seed, state=state))

    def begin(self, *, seed: int = 0, state: State | None = None) -> State:
        """A state that can be gone on from: the one given, or the beginning.

        Raises:
            ManifestError: there are no sequences, or the state belongs to other shards.
        """
        if len(self) == 0:
            raise ManifestError("the shards hold no sequence to train on")
        state = state or State(manifest=self.manifest.identity, seed=seed, next=0)
        if state.manifest != self.manifest.identity:
            raise ManifestError(f"the state is of shards {state.manifest}, not of these, {self.manifest.identity}")
        return state

    def _batches(self, share: Share, state: State) -> Iterator[Batch]:
        files = ShardFiles(self.folder, self.manifest)
        filling = _Filling(share.each, self.manifest)
        number = share.worker
        for run, group in self._read_ahead(files, share, state):
            rows, indices = run.rows, self._indices(run)
            while len(rows):
                taken = filling.add(group, rows, indices)
                rows, indices = rows[taken:], indices[taken:]
                if filling.full:
                    end = state.next + (number + 1) * share.size
                    yield filling.batch(State(manifest=state.manifest, seed=state.seed, next=end))
                    filling = _Filling(share.each, self.manifest)
                    number += share.workers

    def _read_ahead(self, files: ShardFiles, share: Share, state: State) -> Iterator[tuple[Run, Group]]:
        """The share's rows with their row groups, `_AHEAD` of which are read before they are asked for."""
        reading: deque[tuple[Run, Future[Group]]] = deque()
        reader, downloads = ThreadPoolExecutor(1, thread_name_prefix="gristmill-ahead"), folders.new_pool()
        try:
            for run in self._share(share, state, downloads=downloads):
                reading.append((run, reader.submit(files.group, run.shard, run.group)))
                if len(reading) > _AHEAD:
                    first, group = reading.popleft()
                    yield first, group.result()
        finally:
            downloads.shutdown(wait=False, cancel_futures=True)
            reader.shutdown(cancel_futures=True)
            files.close()

    def _share(self, share: Share, state: State, *, downloads: ThreadPoolExecutor) -> Iterator[Run]:
        """The share's part of each row group that it has a part in."""
        order = self._order(state.seed)
        blocks = order.blocks(state.next)
        block = next(blocks)
        while True:
            following = next(blocks)
            self._prefetch(block, following, downloads=downloads)
            for run in order.runs(block):
                kept = share.of(run.position - state.next + np.arange(len(run.rows)))
                if kept.any():
                    yield Run(position=run.position, shard=run.shard, group=run.group, rows=run.rows[kept])
            block = following

    def _prefetch(self, *blocks: Block, downloads: ThreadPoolExecutor) -> None:
        numbers = dict.fromkeys(int(shard) for block in blocks for shard in block.shards)
        self.folder.prefetch([self.manifest.shards[each] for each in numbers], downloads)

    def _order(self, seed: int) -> Order:
        return Order(sequences=self._sequences, group=self.manifest.row_group_sequences, seed=seed)

    def _indices(self, run: Run) -> IntArray:
        first: IntArray = self._starts[run.shard] + run.group * self.manifest.row_group_sequences
        return first + run.rows

    def _runs(self, indices: Sequence[int] | IntArray) -> Iterator[Run]:
        """The sequences of some indices, those together that follow each other in a row group."""
        wanted = np.asarray(indices, np.int64)
        if len(outside := wanted[(wanted < 0) | (wanted >= len(self))]):
            raise IndexError(f"sequence {outside[0]} of {len(self)}")
        shards = np.searchsorted(self._starts, wanted, side="right") - 1
        groups, rows = np.divmod(wanted - self._starts[shards], self.manifest.row_group_sequences)
        bounds = [0, *(np.flatnonzero(np.diff(shards) | np.diff(groups)) + 1).tolist(), len(wanted)]
        for start, end in pairwise(bounds):
            if start < end:
                yield Run(position=start, shard=int(shards[start]), group=int(groups[start]), rows=rows[start:end])

    def _group(self, shard: int, group: int) -> Group:
        key = (shard, group)
        if key not in self._held:
            while len(self._held) >= _HELD:
                self._held.popitem(last=False)
            self._held[key] = self._files.group(shard, group)
        self._held.move_to_end(key)
        return self._held[key]


class _Filling:
    """A batch that row groups fill from the front."""

    def __init__(self, size: int, manifest: Manifest) -> None:
        self._tokens = np.empty((size, manifest.sequence_length), manifest.token_type)
        self._indices = np.empty(size, np.int64)
        self._lengths: list[npt.NDArray[np.int32]] = []
        self._counts = np.empty(size, np.int64)
        self._filled = 0

    @property
    def full(self) -> bool:
        return self._filled == len(self._tokens)

    def add(self, group: Group, rows: IntArray, indices: IntArray) -> int:
        """Take as many rows of a row group as fit; returns how many."""
        here = slice(self._filled, min(len(self._tokens), self._filled + len(rows)))
        taken = here.stop - here.start
        rows = rows[:taken]
        np.take(group.tokens, rows, axis=0, out=self._tokens[here], mode="clip")
        self._indices[here] = indices[:taken]
        counts = group.bounds[rows + 1] - group.bounds[rows]
        self._counts[here] = counts
        before = np.cumsum(counts) - counts
        self._lengths.append(group.lengths[np.arange(counts.sum()) + np.repeat(group.bounds[rows] - before, counts)])
        self._filled = here.stop
        return taken

    def batch(self, state: State | None) -> Batch:
        return Batch(
            tokens=self._tokens,
            lengths=np.concatenate([np.empty(0, np.int32), *self._lengths]),
            bounds=np.concatenate([[0], np.cumsum(self._counts)]),
            indices=self._indices,
            state=state,
        )


def _manifest(folder: Folder, location: str | os.PathLike[str], *, cache: Cache | None) -> tuple[Folder, Manifest]:
    """The manifest of an output folder, or of the `shards` folder in it; and the folder that it lies in."""
    for place in _PLACES:
        if (data := folder.read(place)) is not None:
            own = place.removesuffix("manifest.json").rstrip("/")
            inner = folders.opened(f"{os.fspath(location)}/{own}", cache=cache) if own else folder
            return inner, Manifest.parse(data, name=folder.name(place))
    raise ManifestError(f"{os.fspath(location)}: no manifest of shards here; make one with `gristmill run`")


def _compare(
    manifest: Manifest, *, name: str, tokenizer: str | os.PathLike[str] | None, vocabulary_size: int | None
) -> None:
    if tokenizer is not None and (found := folders.checksum(Path(tokenizer))) != manifest.tokenizer:
        raise ManifestError(
            f"{name}: made with another tokenizer: its checksum is {manifest.tokenizer}, that of {tokenizer} is {found}"
        )
    if vocabulary_size is not None and vocabulary_size != manifest.vocabulary_size:
        raise ManifestError(
            f"{name}: made with a vocabulary of {manifest.vocabulary_size:,} tokens, not of {vocabulary_size:,}"
        )
