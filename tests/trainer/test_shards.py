import json
import pickle
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines.removal import remove
from gristmill.trainer import Batch, Manifest, ManifestError, ShardReader
from gristmill.trainer.shards.folders import checksum


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """All rows, in the order of the manifest."""
    manifest = json.loads((folder / "shards/manifest.json").read_text())
    paths = [folder / "shards" / each["path"] for each in manifest["shards"]]
    return [row for path in paths for row in pq.read_table(path, partitioning=None).to_pylist()]


def test_reads_what_is_in_the_files(corpus: Path) -> None:
    reader = ShardReader.open(corpus, verify=True)
    rows = rows_of(corpus)
    assert len(reader) == len(rows) == reader.manifest.totals["sequences"] > 100
    assert len(reader.manifest.shards) > 8
    for place in (0, len(rows) - 1, 7):
        found = reader.read([place])
        assert found.tokens[0].tolist() == rows[place]["tokens"]
        assert found.doc_lens[0].tolist() == rows[place]["doc_lens"]
        assert found.indices.tolist() == [place]
    every = reader.read(range(len(rows)))
    assert every.tokens.tolist() == [row["tokens"] for row in rows]
    assert [each.tolist() for each in every.doc_lens] == [row["doc_lens"] for row in rows]
    assert sum(int(each.sum()) for each in every.doc_lens) == reader.manifest.totals["tokens"]
    for order in ([9, 3], [17, 16, 3, 2, 1, 90], range(len(rows))):
        assert reader.rows(order).to_pylist() == [rows[each] for each in order]
        assert reader.read(order).tokens.tolist() == [rows[each]["tokens"] for each in order]
        assert reader.read(order).indices.tolist() == list(order)
    for place in (-1, len(rows)):
        with pytest.raises(IndexError):
            reader.read([place])
    assert reader.read([]).tokens.shape == (0, 64)


def test_the_folder_of_shards_can_be_moved(copied: Path, corpus: Path) -> None:
    reader = ShardReader.open(copied)
    assert len(reader) == len(ShardReader.open(corpus / "shards"))
    assert reader.folder.name(reader.manifest.shards[0].path).startswith(str(copied))
    assert len(ShardReader.open(f"file://{copied}")) == len(reader)


def test_a_reader_can_be_pickled(corpus: Path) -> None:
    reader = ShardReader.open(corpus)
    reader.read([0])
    other = pickle.loads(pickle.dumps(reader))
    assert (other.read([5]).tokens == reader.read([5]).tokens).all()


def test_duckdb_and_pyarrow_read_the_same(corpus: Path) -> None:
    files = f"{corpus}/shards/data/*.parquet"
    found = duckdb.sql(
        f"SELECT count(*), sum(list_sum(doc_lens)), sum(list_sum(tokens[1:list_sum(doc_lens)])) FROM '{files}'"
    ).fetchall()
    rows = rows_of(corpus)
    filled = [row["tokens"][: sum(row["doc_lens"])] for row in rows]
    assert found == [(len(rows), sum(map(len, filled)), sum(map(sum, filled)))]
    scanned = pyarrow.dataset.dataset(corpus / "shards/data").to_table(columns=["tokens"])
    assert scanned["tokens"].to_pylist() == [row["tokens"] for row in rows]


def test_datasets_reads_the_same(corpus: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    found = datasets.load_dataset(
        "parquet", data_files=f"{corpus}/shards/data/*.parquet", split="train", cache_dir=str(tmp_path)
    )
    assert found["tokens"][:] == [row["tokens"] for row in rows_of(corpus)]
    assert found.features["tokens"].length == 64


def test_pages_of_another_make_are_read_too(copied: Path, corpus: Path) -> None:
    """What `pages` does not know goes through pyarrow: dictionaries, other codecs, values that may be null."""
    path = copied / "manifest.json"
    manifest = json.loads(path.read_text())
    whole = ShardReader.open(corpus).read(range(40))
    for number, shard in enumerate(manifest["shards"]):
        data = copied / shard["path"]
        how: dict[str, Any] = [
            {"compression": "lz4"},
            {"compression": "none", "use_dictionary": False},
            {"data_page_version": "2.0", "use_dictionary": False},
            {"compression": "gzip", "use_dictionary": False, "write_page_checksum": True},
        ][number % 4]
        pq.write_table(pq.read_table(data, partitioning=None), data, row_group_size=4, **how)
        shard |= {"bytes": data.stat().st_size, "checksum": checksum(data)}
    path.write_text(json.dumps(manifest))
    again = ShardReader.open(copied, verify=True).read(range(40))
    assert (again.tokens == whole.tokens).all()
    assert (again.lengths == whole.lengths).all()
    assert (again.bounds == whole.bounds).all()


def test_sequences_that_documents_were_taken_out_of(corpus: Path, tmp_path: Path) -> None:
    """They keep their place, even where nothing is left; a trainer goes on with them where it was."""
    out = Path(shutil.copytree(corpus, tmp_path / "out"))
    rows = rows_of(out)
    alone = next(place for place, row in enumerate(rows) if len(row["doc_ids"]) == 1)
    before = ShardReader.open(out)
    remove(str(out), rows[alone]["doc_ids"])
    reader = ShardReader.open(out, verify=True)
    assert len(reader) == len(before)
    assert reader.manifest.identity == before.manifest.identity
    found = reader.read([alone])
    assert [each.tolist() for each in found.doc_lens] == [[]]
    assert (found.tokens == reader.manifest.pad_id).all()
    assert (found.documents() == -1).all()
    every = reader.read(range(len(reader)))
    assert every.tokens.tolist() == [row["tokens"] for row in rows_of(out)]
    assert next(reader.batches(len(reader))).lengths.sum() == reader.manifest.totals["tokens"]


def test_ranks_share_the_order(corpus: Path) -> None:
    reader = ShardReader.open(corpus)
    order = list(islice(reader.indices(seed=1), 12))
    alone = next(islice(reader.batches(6, seed=1), 1, None))
    assert alone.indices.tolist() == order[6:]
    halves = [next(islice(reader.batches(6, seed=1, rank=rank, ranks=2), 1, None)) for rank in (0, 1)]
    assert (np.concatenate([each.tokens for each in halves]) == alone.tokens).all()
    assert (alone.tokens == reader.read(order[6:]).tokens).all()
    assert [each.tolist() for each in alone.doc_lens] == [each.tolist() for each in reader.read(order[6:]).doc_lens]


@pytest.mark.parametrize("share", [{"ranks": 4}, {"ranks": 2, "rank": 2}, {"workers": 2, "worker": 2}, {"rank": -1}])
def test_impossible_shares(share: dict[str, int], corpus: Path) -> None:
    with pytest.raises(ValueError, match=r"divided|no rank"):
        ShardReader.open(corpus).batches(6, **share)


def test_documents_positions_and_bounds() -> None:
    batch = Batch(
        tokens=np.zeros((3, 6), np.uint16),
        lengths=np.array([2, 3, 6, 1], np.int32),
        bounds=np.array([0, 2, 3, 4]),
        indices=np.arange(3),
    )
    assert [each.tolist() for each in batch.doc_lens] == [[2, 3], [6], [1]]
    assert batch.documents().tolist() == [[0, 0, 1, 1, 1, -1], [0] * 6, [0, -1, -1, -1, -1, -1]]
    assert batch.positions().tolist() == [[0, 1, 0, 1, 2, 0], [0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4]]
    assert batch.cu_seqlens().tolist() == [0, 2, 5, 6, 12, 13, 18]


@given(st.lists(st.lists(st.integers(1, 5), max_size=4), max_size=6))
def test_documents_positions_and_bounds_of_any_batch(doc_lens: list[list[int]]) -> None:
    length = 20
    flat = [each for lengths in doc_lens for each in lengths]
    batch = Batch(
        tokens=np.zeros((len(doc_lens), length), np.uint32),
        lengths=np.array(flat, np.int32),
        bounds=np.cumsum([0, *map(len, doc_lens)]),
        indices=np.arange(len(doc_lens)),
    )
    for lengths, documents, positions in zip(doc_lens, batch.documents(), batch.positions(), strict=True):
        padding = length - sum(lengths)
        assert documents.tolist() == [n for n, each in enumerate(lengths) for _ in range(each)] + [-1] * padding
        assert positions.tolist() == [place for each in (*lengths, padding) for place in range(each)]
    pieces = [each for lengths in doc_lens for each in (*lengths, length - sum(lengths)) if each]
    assert np.diff(batch.cu_seqlens()).tolist() == pieces


def test_footers_and_manifest_say_the_same(corpus: Path) -> None:
    manifest = Manifest.parse((corpus / "shards/manifest.json").read_bytes(), name="manifest")
    assert len(manifest.recipe) == len(manifest.tokenizer) == 32
    for shard in manifest.shards:
        with pq.ParquetFile(corpus / "shards" / shard.path) as parquet:
            said = {key.decode(): value.decode() for key, value in parquet.schema_arrow.metadata.items()}
        wanted = manifest.footer(shard)
        assert {name: said[name] for name in wanted} == wanted
        assert wanted["sequences"] == str(parquet.metadata.num_rows)


def test_another_tokenizer_or_vocabulary_is_refused(corpus: Path, tmp_path: Path) -> None:
    model = next((corpus / "tokenizer").glob("*.model"))
    size = ShardReader.open(corpus).manifest.vocabulary_size
    assert len(ShardReader.open(corpus, tokenizer=model, vocabulary_size=size)) > 0
    with pytest.raises(ManifestError, match=f"vocabulary of {size:,} tokens, not of 50,257"):
        ShardReader.open(corpus, vocabulary_size=50257)
    other = tmp_path / "other.model"
    other.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(ManifestError, match=rf"made with another tokenizer.*{other}"):
        ShardReader.open(corpus, tokenizer=other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"shards": [{"path": "../elsewhere"}]}, "outside"),
        ({"shards": [{"path": "/etc/passwd"}]}, "outside"),
        ({"shards": [{}]}, "damaged manifest"),
        ({"shards": []}, "do not add up"),
        ({"totals": None}, "damaged manifest"),
        ({"totals": {"sequences": 1}}, "damaged manifest"),
        ({"vocabulary_size": 10**15, "end_id": -1}, "not in the vocabulary"),
        ({"sequence_length": "long"}, "damaged manifest"),
        ({"row_group_sequences": 0}, "not positive"),
        ({"pad_id": 1000}, "not in the vocabulary"),
        ({"token_type": "uint8"}, "token_type"),
    ],
)
def test_manifests_that_cannot_be_trusted(change: dict[str, object], message: str, copied: Path) -> None:
    path = copied / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ManifestError, match=message) as caught:
        ShardReader.open(copied)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_manifests_that_are_none(text: str, copied: Path) -> None:
    (copied / "manifest.json").write_text(text)
    with pytest.raises(ManifestError, match="damaged manifest"):
        ShardReader.open(copied)
    with pytest.raises(ManifestError, match="no manifest"):
        ShardReader.open(copied / "data")


def test_no_sequences(copied: Path) -> None:
    path = copied / "manifest.json"
    manifest = json.loads(path.read_text())
    nothing = {"shards": [], "totals": dict.fromkeys(manifest["totals"], 0)}
    path.write_text(json.dumps(manifest | nothing))
    reader = ShardReader.open(copied)
    assert len(reader) == 0
    with pytest.raises(ManifestError, match="no sequence"):
        reader.batches(1, seed=0)
    with pytest.raises(ManifestError, match="no sequence"):
        next(reader.indices(seed=0))


def test_the_manifest_is_named_by_what_was_packed(copied: Path, another: Path) -> None:
    path = copied / "manifest.json"
    first = ShardReader.open(copied).manifest.identity
    assert first != ShardReader.open(another).manifest.identity
    assert first == ShardReader.open(copied).manifest.identity
    path.write_text(path.read_text().replace('"recipe": "', '"recipe": "x'))
    assert first != ShardReader.open(copied).manifest.identity
    assert len(first) == 32
