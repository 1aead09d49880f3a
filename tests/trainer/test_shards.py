import json
import shutil
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from stages import Runner, curated, document, recipe

from gristmill.pipelines import pack, train_tokenizer
from gristmill.trainer import Manifest, ManifestError, ShardReader
from gristmill.trainer.shards import Batch


def build(folder: Path, documents: int) -> Path:
    runner = Runner(folder)
    texts = ["the bank pays for the work of all people in a factory " * (1 + number % 5) for number in range(documents)]
    given = curated(runner.store, [[document(str(number), text) for number, text in enumerate(texts)]])
    settings = recipe(tokenizer={"vocabulary_size": 1000}, packing={"sequence_length": 64, "shard_tokens": 1024})
    tokenizer = runner(train_tokenizer.stage(settings, folder="", curated=given))
    runner(pack.stage(settings, curated=given, tokenizer=tokenizer))
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("corpus"), 200)


@pytest.fixture
def copied(corpus: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(corpus / "shards", tmp_path / "shards"))


def test_reads_what_is_in_the_files(corpus: Path) -> None:
    reader = ShardReader.open(corpus, verify=True)
    rows = [row for shard in reader.manifest.shards for row in pq.read_table(shard.path, partitioning=None).to_pylist()]
    assert len(reader) == len(rows) == reader.manifest.totals["sequences"] > 20
    for place in (0, len(rows) - 1, 7):
        found = reader.read([place])
        assert found.tokens[0].tolist() == rows[place]["tokens"]
        assert found.doc_lens[0].tolist() == rows[place]["doc_lens"]
    every = reader.read(range(len(rows)))
    assert every.tokens.shape == (len(rows), 64)
    assert sum(int(each.sum()) for each in every.doc_lens) == reader.manifest.totals["tokens"]
    for place in (-1, len(rows)):
        with pytest.raises(IndexError):
            reader.read([place])


def test_the_folder_of_shards_can_be_moved(copied: Path, corpus: Path) -> None:
    assert len(ShardReader.open(copied)) == len(ShardReader.open(corpus / "shards"))
    assert Manifest.read(copied).shards[0].path.is_relative_to(copied)


def test_every_epoch_has_every_sequence_once_and_an_order_of_its_own(corpus: Path) -> None:
    reader = ShardReader.open(corpus)
    size = len(reader)
    order = list(islice(reader.indices(seed=1), 2 * size))
    assert sorted(order[:size]) == sorted(order[size:]) == list(range(size))
    assert order[:size] != order[size:]
    assert order != list(islice(reader.indices(seed=2), 2 * size))
    for start in (1, size - 1, size, size + 5):
        assert list(islice(reader.indices(seed=1, start=start), 10)) == (order + order)[start : start + 10][:10]


def test_row_groups_do_not_matter_to_the_index(copied: Path, corpus: Path) -> None:
    path = copied / "manifest.json"
    manifest = json.loads(path.read_text())
    whole = ShardReader.open(corpus).read(range(20))
    for shard in manifest["shards"]:
        data = copied / shard["path"]
        pq.write_table(pq.read_table(data, partitioning=None), data, row_group_size=3)
        shard["bytes"] = data.stat().st_size
    path.write_text(json.dumps(manifest | {"row_group_sequences": 3}))
    reader = ShardReader.open(copied)
    again = reader.read(range(20))
    assert (again.tokens == whole.tokens).all()
    assert [each.tolist() for each in again.doc_lens] == [each.tolist() for each in whole.doc_lens]
    assert sorted(islice(reader.indices(seed=3), len(reader))) == list(range(len(reader)))


def test_ranks_share_the_order(corpus: Path) -> None:
    reader = ShardReader.open(corpus)
    order = list(islice(reader.indices(seed=1, start=4), 12))
    alone = next(islice(reader.batches(6, seed=1, start=4), 1, None))
    first, second = (next(islice(reader.batches(3, seed=1, start=4, rank=rank, ranks=2), 1, None)) for rank in (0, 1))
    assert (np.concatenate([first.tokens, second.tokens]) == alone.tokens).all()
    assert (alone.tokens == reader.read(order[6:]).tokens).all()


def test_documents_positions_and_bounds() -> None:
    lengths = (np.array([2, 3], np.int32), np.array([6], np.int32), np.array([1], np.int32))
    batch = Batch(tokens=np.zeros((3, 6), np.uint16), doc_lens=lengths)
    assert batch.documents().tolist() == [[0, 0, 1, 1, 1, -1], [0] * 6, [0, -1, -1, -1, -1, -1]]
    assert batch.positions().tolist() == [[0, 1, 0, 1, 2, 0], [0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4]]
    assert batch.cu_seqlens().tolist() == [0, 2, 5, 6, 12, 13, 18]


def test_damage_is_found(copied: Path) -> None:
    shard = ShardReader.open(copied).manifest.shards[0].path
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    ShardReader.open(copied)
    with pytest.raises(ManifestError, match="damaged"):
        ShardReader.open(copied, verify=True)
    shard.write_bytes(data[:-1])
    with pytest.raises(ManifestError, match="damaged"):
        ShardReader.open(copied)
    shard.unlink()
    with pytest.raises(ManifestError, match="missing"):
        ShardReader.open(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"shards": [{"path": "../elsewhere", "sequences": 1, "tokens": 1, "bytes": 1, "checksum": ""}]}, "outside"),
        ({"shards": [{"path": "/etc/passwd", "sequences": 1, "tokens": 1, "bytes": 1, "checksum": ""}]}, "outside"),
        ({"shards": [{}]}, "damaged manifest"),
        ({"totals": None}, "damaged manifest"),
        ({"sequence_length": "long"}, "damaged manifest"),
        ({"row_group_sequences": 0}, "damaged manifest"),
    ],
)
def test_manifests_that_cannot_be_trusted(change: dict[str, object], message: str, copied: Path) -> None:
    path = copied / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ManifestError, match=message):
        ShardReader.open(copied)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_manifests_that_are_none(text: str, copied: Path) -> None:
    (copied / "manifest.json").write_text(text)
    with pytest.raises(ManifestError, match="damaged manifest"):
        ShardReader.open(copied)
    with pytest.raises(ManifestError, match="no manifest"):
        ShardReader.open(copied / "data")


def test_no_sequences(copied: Path) -> None:
    path = copied / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"shards": []}))
    reader = ShardReader.open(copied)
    assert len(reader) == 0
    with pytest.raises(ManifestError, match="no sequence"):
        next(reader.batches(1, seed=0))
