"""torch's DataLoader over shards: the same batches with any number of workers, and after a stop."""

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gristmill.trainer import Batch, Cache, ManifestError, ShardReader, State

torch = pytest.importorskip("torch")

from gristmill.trainer.shards.datasets import Places, ShardDataset, ShardStream, tensors  # noqa: E402

# Where there are fewer processors than workers, torch says so.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")

SIZE = 12


@pytest.fixture(scope="module")
def reader(corpus: Path) -> ShardReader:
    return ShardReader.open(corpus)


def loaded(dataset: Any, count: int, *, workers: int, **options: Any) -> list[dict[str, Any]]:
    context = "forkserver" if workers else None
    loader = torch.utils.data.DataLoader(dataset, num_workers=workers, multiprocessing_context=context, **options)
    return list(islice(loader, count))


def test_tensors(reader: ShardReader) -> None:
    batch = reader.read([3, 1])
    found = tensors(batch)
    assert list(found) == ["tokens", "documents", "positions"]
    assert {(tensor.dtype, tuple(tensor.shape)) for tensor in found.values()} == {(torch.int64, (2, 64))}
    assert found["tokens"].tolist() == batch.tokens.tolist()
    assert found["documents"].tolist() == batch.documents().tolist()


@pytest.mark.parametrize("workers", [0, 3])
def test_a_stream_is_that_of_the_reader(workers: int, reader: ShardReader) -> None:
    found = loaded(ShardStream(reader, size=SIZE, seed=2), 14, workers=workers, batch_size=None)
    for one, other in zip(found, reader.batches(SIZE, seed=2), strict=False):
        assert one["tokens"].tolist() == other.tokens.tolist()
        assert one["positions"].tolist() == other.positions().tolist()
        assert one["state"] == other.state


def test_a_stream_goes_on_with_other_ranks_and_workers(reader: ShardReader) -> None:
    unbroken = list(islice(reader.batches(SIZE, seed=2), 12))
    state: State = loaded(ShardStream(reader, size=SIZE, seed=2), 5, workers=2, batch_size=None)[-1]["state"]
    assert state.next == 5 * SIZE
    ranks = [
        loaded(ShardStream(reader, size=SIZE, state=state, rank=rank, ranks=3), 6, workers=rank, batch_size=None)
        for rank in range(3)
    ]
    for number, parts in enumerate(zip(*ranks, strict=True)):
        together = np.concatenate([part["tokens"].numpy() for part in parts])
        assert (together == unbroken[5 + number].tokens).all()


def test_workers_share_a_cache(corpus: Path, reader: ShardReader, tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    remote = ShardReader.open(f"local://{corpus}", cache=Cache(folder=tmp_path))
    found = loaded(ShardStream(remote, size=SIZE, seed=2), 14, workers=2, batch_size=None)
    for one, other in zip(found, reader.batches(SIZE, seed=2), strict=False):
        assert one["tokens"].tolist() == other.tokens.tolist()
    kept = {path.name for path in tmp_path.glob("*.parquet")}
    assert kept <= {f"{each.checksum}.parquet" for each in reader.manifest.shards}
    assert len(kept) >= 8


def indices_of(batch: Batch) -> list[int]:
    return [int(each) for each in batch.indices]


def test_a_stream_makes_what_the_trainer_wants(reader: ShardReader) -> None:
    found = loaded(ShardStream(reader, size=4, make=indices_of), 3, workers=0, batch_size=None)
    assert [each for batch in found for each in batch] == list(islice(reader.indices(seed=0), 12))


@pytest.mark.parametrize("workers", [0, 2])
def test_map_style_in_the_seeded_order(workers: int, reader: ShardReader) -> None:
    dataset = ShardDataset(reader)
    assert len(dataset) == len(reader)
    assert dataset[7]["tokens"].tolist() == reader.read([7]).tokens[0].tolist()
    places = Places(reader, size=SIZE, seed=4, rank=1, ranks=2)
    found = loaded(dataset, 5, workers=workers, batch_sampler=places)
    wanted = reader.batches(SIZE, seed=4, rank=1, ranks=2)
    for one, other in zip(found, wanted, strict=False):
        assert one["tokens"].tolist() == other.tokens.tolist()
    state = places.after(3)
    again = loaded(dataset, 2, workers=0, batch_sampler=Places(reader, size=SIZE, state=state, rank=1, ranks=2))
    assert [each["tokens"].tolist() for each in again] == [each["tokens"].tolist() for each in found[3:]]


def test_any_sampler_does_for_map_style(reader: ShardReader) -> None:
    found = loaded(ShardDataset(reader), 1, workers=0, batch_size=8, shuffle=False)
    assert found[0]["tokens"].tolist() == reader.read(range(8)).tokens.tolist()


def test_what_cannot_be(reader: ShardReader, another: Path) -> None:
    state = ShardReader.open(another).begin()
    for make in (Places, ShardStream):
        with pytest.raises(ManifestError, match="the state is of shards"):
            make(reader, size=SIZE, state=state)
        with pytest.raises(ValueError, match="cannot be divided"):
            make(reader, size=SIZE, ranks=5)
