import json
import re
import shutil
import struct
import sys
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from stages import Runner, curated, document, recipe

from gristmill import cli
from gristmill.pipelines import pack, train_tokenizer
from gristmill.pipelines.removal import remove
from gristmill.trainer import ManifestError, ShardReader, exports
from gristmill.trainer.exports.card import Amounts, card
from gristmill.trainer.exports.reading import documents
from gristmill.trainer.shards.files import Group, ShardFiles

Tokens = tuple[int, ...]

DOCUMENTS = 110


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents of 1 to some 300 tokens in sequences of 64, each three times in the mixture."""
    runner = Runner(tmp_path_factory.mktemp("exported"))
    words = ("the bank pays for the work of all people in a factory " * 30).split()
    texts = [" ".join(words[number : 4 + 3 * number]) for number in range(DOCUMENTS)]
    given = curated(runner.store, [[document(str(number), text) for number, text in enumerate(texts)]])
    settings = recipe(
        tokenizer={"vocabulary_size": 1000},
        packing={"sequence_length": 64, "shard_tokens": 8192},
        mixture={"domain_weights": {"general": 3.0}},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pack, "ROW_GROUP_TOKENS", 256)
        tokenizer = runner(train_tokenizer.stage(settings, folder="", curated=given))
        runner(pack.stage(settings, curated=given, tokenizer=tokenizer))
    return Path(runner.store.root)


@pytest.fixture
def copied(output: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(output, tmp_path / "copied"))


def rows_of(output: Path) -> list[list[dict[str, Any]]]:
    """The rows of each shard."""
    manifest = json.loads((output / "shards/manifest.json").read_text())
    paths = [output / "shards" / each["path"] for each in manifest["shards"]]
    return [pq.read_table(each, partitioning=None).to_pylist() for each in paths]


def sequences_of(output: Path) -> list[tuple[list[int], list[int]]]:
    return [(row["tokens"], row["doc_lens"]) for shard in rows_of(output) for row in shard if row["doc_lens"]]


def encoded(output: Path) -> Counter[Tokens]:
    """The documents as they were before they were packed."""
    tables = [pq.read_table(each, columns=["tokens"]) for each in (output / "tokens").glob("*.parquet")]
    return Counter(tuple(each) for table in tables for each in table["tokens"].to_pylist())


def in_order(output: Path) -> list[Tokens]:
    """The documents by where their first piece stands, put together piece by piece."""
    found = []
    for rows in rows_of(output):
        rest: dict[tuple[str, int], list[Tokens]] = {}
        firsts = []
        for row in rows:
            at = 0
            for name, offset, length in zip(row["doc_ids"], row["doc_offsets"], row["doc_lens"], strict=True):
                piece = tuple(row["tokens"][at : at + length])
                at += length
                if offset == 0:
                    firsts.append((name, piece))
                else:
                    rest.setdefault((name, offset), []).append(piece)
        for name, first in firsts:
            whole = first
            while pieces := rest.get((name, len(whole))):
                whole += pieces.pop()
            found.append(whole)
        assert not any(rest.values())
    return found


def read_megatron(folder: Path) -> list[Tokens]:
    """Read as Megatron Core's `IndexedDataset` does."""
    index, data = (folder / "tokens.idx").read_bytes(), (folder / "tokens.bin").read_bytes()
    assert index[:9] == b"MMIDIDX\x00\x00"
    version, code, count, bounds = struct.unpack_from("<QBQQ", index, 9)
    assert version == 1
    kind = {4: np.dtype("<i4"), 8: np.dtype("<u2")}[code]
    lengths = np.frombuffer(index, "<i4", count, 34)
    pointers = np.frombuffer(index, "<i8", count, 34 + 4 * count)
    document_bounds = np.frombuffer(index, "<i8", bounds, 34 + 12 * count)
    assert len(index) == 34 + 12 * count + 8 * bounds
    assert document_bounds.tolist() == list(range(count + 1))
    assert int(lengths.astype(np.int64).sum()) * kind.itemsize == len(data)
    return [
        tuple(np.frombuffer(data, kind, length, pointer).tolist())
        for length, pointer in zip(lengths, pointers.tolist(), strict=True)
    ]


def test_the_documents_are_in_pieces_and_there_are_copies(output: Path) -> None:
    assert len(rows_of(output)) > 2
    offsets = Counter(each for shard in rows_of(output) for row in shard for each in row["doc_offsets"])
    assert min(offsets[0], offsets[64], offsets[128]) > 100
    in_a_shard = [Counter(name for row in shard for name in row["doc_ids"]) for shard in rows_of(output)]
    assert any(count > 4 for names in in_a_shard for count in names.values())
    assert min(encoded(output).values()) >= 3


def test_megatron_holds_whole_documents(output: Path, tmp_path: Path) -> None:
    done = exports.export(str(output), str(tmp_path / "new"), format="megatron")
    found = read_megatron(tmp_path / "new")
    assert found == in_order(output)
    assert Counter(found) == encoded(output)
    assert (done.samples, done.tokens, done.files) == (len(found), sum(map(len, found)), 2)
    assert done.bytes == sum(each.stat().st_size for each in (tmp_path / "new").iterdir())
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


@pytest.mark.filterwarnings("ignore")
def test_megatron_loads_in_its_library(output: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("megatron.core.datasets.indexed_dataset", exc_type=ImportError)
    exports.export(str(output), str(tmp_path / "new"), format="megatron")
    dataset = library.IndexedDataset(str(tmp_path / "new/tokens"))
    assert [tuple(dataset[number].tolist()) for number in range(len(dataset))] == in_order(output)


def test_large_vocabularies(copied: Path, tmp_path: Path) -> None:
    """The same shards with tokens of 32 bits."""
    path = copied / "shards/manifest.json"
    manifest = json.loads(path.read_text())
    for each in manifest["shards"]:
        shard = copied / "shards" / each["path"]
        table = pq.read_table(shard, partitioning=None)
        metadata = {**table.schema.metadata, b"vocabulary_size": b"100000"}
        wide = table.schema.field("tokens").with_type(pa.list_(pa.uint32(), 64))
        table = table.cast(table.schema.set(0, wide)).replace_schema_metadata(metadata)
        pq.write_table(table, shard, row_group_size=manifest["row_group_sequences"])
        each["bytes"] = shard.stat().st_size
    path.write_text(json.dumps({**manifest, "vocabulary_size": 100000, "token_type": "uint32"}))
    exports.export(str(copied), str(tmp_path / "megatron"), format="megatron")
    assert (tmp_path / "megatron/tokens.idx").read_bytes()[17] == 4
    assert read_megatron(tmp_path / "megatron") == in_order(copied)
    exports.export(str(copied), str(tmp_path / "npy"), format="npy")
    tokens = np.load(tmp_path / "npy/tokens.npy")
    assert tokens.dtype == np.uint32
    assert tokens.tolist() == [token for document in in_order(copied) for token in document]


def test_npy_can_be_mapped(output: Path, tmp_path: Path) -> None:
    exports.export(str(output), str(tmp_path / "new"), format="npy")
    tokens = np.load(tmp_path / "new/tokens.npy", mmap_mode="r")
    lengths = np.load(tmp_path / "new/doc_lens.npy", mmap_mode="r")
    assert isinstance(tokens, np.memmap)
    assert (tokens.dtype, lengths.dtype) == (np.uint16, np.int32)
    ends = [0, *np.cumsum(lengths).tolist()]
    assert [tuple(tokens[start:end].tolist()) for start, end in pairwise(ends)] == in_order(output)
    assert ends[-1] == len(tokens)


def test_many_documents_come_some_at_a_time(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gristmill.trainer.exports.reading._TOGETHER", 200)
    batches = list(documents(ShardReader.open(output)))
    assert len(batches) > 30
    assert all(len(each.tokens) <= 200 or len(each.lengths) == 1 for each in batches)
    assert [token for each in batches for token in each.tokens.tolist()] == [
        token for document in in_order(output) for token in document
    ]


def test_removed_documents_are_not_exported(copied: Path, tmp_path: Path) -> None:
    shard = rows_of(copied)[0]
    gone = {name for row in shard for name in row["doc_ids"]}
    remove(str(copied), sorted(gone))
    exports.export(str(copied), str(tmp_path / "new"), format="megatron")
    found = read_megatron(tmp_path / "new")
    assert found == in_order(copied)
    assert Counter(found) == encoded(copied)
    assert not any(row["doc_lens"] for row in rows_of(copied)[0])
    assert len(found) == 3 * (DOCUMENTS - len(gone)) > 50


def test_nothing_is_exported_of_nothing(copied: Path, tmp_path: Path) -> None:
    remove(str(copied), sorted({name for shard in rows_of(copied) for row in shard for name in row["doc_ids"]}))
    with pytest.raises(ManifestError, match="hold no tokens"):
        exports.export(str(copied), str(tmp_path / "new"), format="npy")


@pytest.mark.parametrize("format", ["megatron", "npy", "datasets"])
def test_a_damaged_shard_leaves_no_target(copied: Path, tmp_path: Path, format: exports.Format) -> None:
    path = sorted((copied / "shards/data").iterdir())[-1]
    whole = path.read_bytes()
    with pq.ParquetFile(path) as parquet:
        tokens = parquet.metadata.row_group(0).column(0)
    assert tokens.path_in_schema == "tokens.list.element"
    at = tokens.data_page_offset + tokens.total_compressed_size // 2
    for damaged, fault in ((whole[:-1], "bytes, not"), (whole[:at] + b"\x55\xaa" + whole[at + 2 :], "damaged")):
        path.write_bytes(damaged)
        with pytest.raises(ManifestError, match=fault) as error:
            exports.export(str(copied), str(tmp_path / "new"), format=format)
        assert path.name in str(error.value)
    path.unlink()
    with pytest.raises(ManifestError, match=f"{path.name}: missing"):
        exports.export(str(copied), str(tmp_path / "new"), format=format)
    assert [each.name for each in tmp_path.iterdir()] == ["copied"]


def test_a_target_is_not_overwritten(output: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for target in (tmp_path, tmp_path / "mine"):
        with pytest.raises(FileExistsError, match="not an empty folder"):
            exports.export(str(output), str(target), format="npy")
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]
    (tmp_path / "empty").mkdir()
    exports.export(str(output), str(tmp_path / "empty"), format="npy")
    assert sorted(each.name for each in (tmp_path / "empty").iterdir()) == ["doc_lens.npy", "tokens.npy"]


def test_datasets_folder(output: Path, tmp_path: Path) -> None:
    done = exports.export(str(output), str(tmp_path / "new"), format="datasets")
    text = pq.read_table(tmp_path / "new/data/text").to_pylist()
    (source,) = (output / "curated/language=eng_Latn").iterdir()
    assert text == [{**row, "language": "eng_Latn"} for row in pq.read_table(source, partitioning=None).to_pylist()]
    tokens = pq.read_table(tmp_path / "new/data/tokens").to_pylist()
    assert tokens == [row for shard in rows_of(output) for row in shard]
    assert done.samples == len(tokens)
    about = yaml.safe_load((tmp_path / "new/README.md").read_text().split("---\n")[1])
    assert about["language"] == ["eng"]
    assert about["license"] == ["unknown"]
    assert about["size_categories"] == ["n<1K"]
    paths = {each["config_name"]: each["data_files"][0]["path"] for each in about["configs"]}
    rows = {each["config_name"]: each["splits"][0]["num_examples"] for each in about["dataset_info"]}
    assert rows == {"text": len(text), "tokens": len(tokens)}
    assert all(list((tmp_path / "new").glob(each)) for each in paths.values())


def test_text_is_written_in_files_of_some_size(output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):  # as other languages
        shutil.copytree(output / "curated/language=eng_Latn", tmp_path / f"out/curated/language=aa{number}_Latn")
    shutil.copytree(output / "shards", tmp_path / "out/shards")
    size = sum(
        each["text"] is not None and len(each["text"]) for each in pq.read_table(tmp_path / "out/curated").to_pylist()
    )
    monkeypatch.setattr("gristmill.trainer.exports.datasets._GROUP_BYTES", size // 5)
    monkeypatch.setattr("gristmill.trainer.exports.datasets._FILE_BYTES", size // 3)
    exports.export(str(tmp_path / "out"), str(tmp_path / "new"), format="datasets")
    paths = sorted((tmp_path / "new/data/text").iterdir())
    assert [each.name for each in paths] == [f"train-{number:05}.parquet" for number in range(len(paths))]
    assert 2 <= len(paths) < 9
    languages = Counter(row["language"] for each in paths for row in pq.read_table(each).to_pylist())
    assert languages == {f"aa{number}_Latn": DOCUMENTS for number in range(9)}


def test_missing_pieces_are_noticed(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards whose rows contradict the manifest, or each other: an error of whoever wrote them."""
    reader = ShardReader.open(output)
    end = reader.manifest.end_id
    table, group = ShardFiles.table, ShardFiles.group

    def other_offsets(self: ShardFiles, *where: Any) -> pa.Table:
        found = table(self, *where)
        values = [[each + 64 * (each > 64) for each in row] for row in found["doc_offsets"].to_pylist()]
        place = found.schema.get_field_index("doc_offsets")
        return found.set_column(place, "doc_offsets", pa.array(values, pa.list_(pa.int32())))

    def other_ends(self: ShardFiles, *where: int) -> Group:
        found = group(self, *where)
        return replace(found, tokens=found.tokens + (found.tokens == end))

    for name, changed, fault in (
        ("table", other_offsets, "pieces of a document are missing"),
        ("group", other_ends, "the end token"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(ShardFiles, name, changed)
            with pytest.raises(ManifestError, match=fault):
                list(documents(reader))


def test_datasets_without_text_are_refused(output: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no curated text"):
        exports.export(str(output / "shards"), str(tmp_path / "new"), format="datasets")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("count", "size"), [(999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**11, "100B<n<1T"), (10**12, "n>1T")]
)
def test_a_card(output: Path, count: int, size: str) -> None:
    languages = {"nor_Latn": Amounts(documents=count - 1, bytes=7), "und_Latn": Amounts(documents=1)}
    licences = {"CC-BY-4.0": 5, "a|b\nc": 2}
    text = card(ShardReader.open(output).manifest, languages=languages, licences=licences)
    about = yaml.safe_load(text.split("---\n")[1])
    assert about["language"] == ["nor"]
    assert about["license"] == ["cc-by-4.0", "other"]
    assert about["size_categories"] == [size]
    assert "| a\\|b c | 2 |" in text


@pytest.mark.parametrize(("format", "module"), [("mds", "streaming"), ("litdata", "litdata.streaming.cache")])
def test_a_missing_library_is_named(
    output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: exports.Format, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=re.escape(f"pip install 'gristmill[{format}]'")):
        exports.export(str(output), str(tmp_path / "new"), format=format)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
def test_mds_loads_in_its_library(output: Path, tmp_path: Path) -> None:
    streaming = pytest.importorskip("streaming", exc_type=ImportError)
    done = exports.export(str(output), str(tmp_path / "new"), format="mds")
    samples = list(streaming.StreamingDataset(local=str(tmp_path / "new"), batch_size=1, shuffle=False))
    found = [(each["tokens"].tolist(), each["doc_lens"].tolist()) for each in samples]
    assert found == sequences_of(output)
    assert done.samples == len(found)


@pytest.mark.filterwarnings("ignore")
def test_litdata_loads_in_its_library(output: Path, tmp_path: Path) -> None:
    litdata = pytest.importorskip("litdata")
    done = exports.export(str(output), str(tmp_path / "new"), format="litdata")
    dataset = litdata.StreamingDataset(str(tmp_path / "new"), shuffle=False)
    found = [(each["tokens"].tolist(), each["doc_lens"].tolist()) for each in dataset]
    assert found == sequences_of(output)
    assert done.samples == len(found)


@pytest.mark.filterwarnings("ignore")
def test_datasets_loads_by_name(output: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("datasets")
    exports.export(str(output), str(tmp_path / "new"), format="datasets")
    cache = str(tmp_path / "cache")
    text = library.load_dataset(str(tmp_path / "new"), split="train", cache_dir=cache)
    assert set(text["language"]) == {"eng_Latn"}
    tokens = library.load_dataset(str(tmp_path / "new"), "tokens", split="train", cache_dir=cache)
    assert [(row["tokens"], row["doc_lens"]) for row in tokens] == sequences_of(output)
    (tmp_path / "new/data/tokens/train-00001.parquet").unlink()
    with pytest.raises(Exception, match="train"):
        library.load_dataset(str(tmp_path / "new"), "tokens", split="train", cache_dir=str(tmp_path / "other"))


def test_the_command(output: Path, tmp_path: Path) -> None:
    assert get_args(exports.Format) == cli._FORMATS
    arguments = ["export", str(output), str(tmp_path / "new"), "--format", "npy"]
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{len(in_order(output)):,} samples with ")
    again = CliRunner().invoke(cli.main, arguments)
    assert again.exit_code == 1
    assert "overwrites nothing" in again.output
