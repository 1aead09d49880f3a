import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stages import Document, Runner, curated, document, recipe

from gristmill.pipelines import pack, train_tokenizer
from gristmill.pipelines.checkpoints import Receipt
from gristmill.tokenizer import Encoder, train
from gristmill.trainer.shards import Manifest

_WORDS = ["the", "bank", "pays", "money", "to", "people", "of", "every", "country", "for", "work", "in", "a", "factory"]
_RNG = np.random.default_rng(7)


def _words(count: int) -> str:
    return " ".join(_RNG.choice(_WORDS, count))


DOCUMENTS = [
    document(
        f"document {number}",
        _words(int(size)),
        language=("eng_Latn", "eng_Latn", "eng_Latn", "deu_Latn")[number % 4],
        source=("web", "bank")[number % 2],
        quality=number / 512 if number % 3 else None,
    )
    for number, size in enumerate(_RNG.lognormal(3.5, 1.2, 300))
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.model"
    text = [str(each["text"]) for each in DOCUMENTS[:100]]
    path.write_bytes(train(text, vocabulary_size=1000, kind="bpe", character_coverage=1.0).model)
    return path


class Packed:
    """A packed corpus, read back."""

    def __init__(self, folder: Path, files: Iterable[Iterable[Document]], *, model: Path, **sections: Any) -> None:
        self.folder = folder
        self.runner = Runner(folder)
        packing = {"sequence_length": 64, "shard_tokens": 4096} | sections.pop("packing", {})
        self.recipe = recipe(tokenizer={"model": str(model)}, packing=packing, **sections)
        self.given = curated(self.runner.store, files)
        self.receipts = self.run()
        self.manifest = json.loads((folder / "shards/manifest.json").read_bytes())
        self.rows = [row for shard in self.manifest["shards"] for row in self.rows_of(shard["path"])]

    def rows_of(self, path: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(self.folder / "shards" / path).to_pylist()
        return rows

    def run(self) -> list[Receipt]:
        tokenizer = self.runner(train_tokenizer.stage(self.recipe, folder="", curated=self.given))
        return self.runner(pack.stage(self.recipe, curated=self.given, tokenizer=tokenizer))

    def pieces(self) -> list[tuple[str, int, tuple[int, ...]]]:
        """(document, offset, tokens) of every piece in the shards."""
        found = []
        for row in self.rows:
            ends = np.cumsum(row["doc_lens"])
            for name, offset, length, end in zip(
                row["doc_ids"], row["doc_offsets"], row["doc_lens"], ends, strict=True
            ):
                found.append((name, offset, tuple(row["tokens"][end - length : end])))
        return found

    def tokens(self) -> Counter[tuple[str, int, int, int]]:
        """How often each (document, index, token) is in the shards."""
        return Counter(
            (name, 0, offset + place, token)
            for name, offset, tokens in self.pieces()
            for place, token in enumerate(tokens)
        )

    def shard_bytes(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.folder / "shards").rglob("*.*"))}


def _expected(documents: Iterable[Document], model: Path, copies: int = 1) -> Counter[tuple[str, int, int, int]]:
    encoder = Encoder.load(model.read_bytes())
    found: Counter[tuple[str, int, int, int]] = Counter()
    for each in documents:
        ids = [*encoder.encode_batch([each["text"]])[0].tolist(), encoder.end_id]
        found.update({(each["doc_id"], 0, place, token): copies for place, token in enumerate(ids)})
    return found


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Packed:
    return Packed(tmp_path_factory.mktemp("packed"), [DOCUMENTS], model=model)


def test_every_token_is_there_once(packed: Packed, model: Path) -> None:
    assert packed.tokens() == _expected(DOCUMENTS, model)


def test_documents_that_fit_are_whole_and_others_are_cut_at_the_length(packed: Packed) -> None:
    lengths: Counter[str] = Counter()
    for name, _, tokens in packed.pieces():
        lengths[name] += len(tokens)
    assert max(lengths.values()) > 64
    for name, offset, tokens in packed.pieces():
        assert offset % 64 == 0
        assert len(tokens) == min(64, lengths[name] - offset)


def test_rows_are_what_the_schema_says(packed: Packed) -> None:
    known = {each["doc_id"]: each for each in DOCUMENTS}
    for row in packed.rows:
        filled = sum(row["doc_lens"])
        assert row["tokens"][filled:] == [packed.manifest["pad_id"]] * (64 - filled)
        assert packed.manifest["pad_id"] not in row["tokens"][:filled]
        assert row["languages"] == [known[name]["language"] for name in row["doc_ids"]]
        assert row["sources"] == [known[name]["source"] for name in row["doc_ids"]]
        assert row["qualities"] == [known[name]["quality"] for name in row["doc_ids"]]
        assert set(row["domains"]) <= {"general", "finance"}


def test_manifest_and_footers_tell_the_truth(packed: Packed, model: Path) -> None:
    manifest = packed.manifest
    encoder = Encoder.load(model.read_bytes())
    assert manifest["tokenizer"] == encoder.fingerprint
    assert manifest["vocabulary_size"] == encoder.vocabulary_size
    assert (manifest["end_id"], manifest["token_type"], manifest["seed"]) == (encoder.end_id, "uint16", 0)
    totals = manifest["totals"]
    assert totals["documents"] == len(DOCUMENTS)
    assert totals["sequences"] == len(packed.rows) == sum(each["sequences"] for each in manifest["shards"])
    assert totals["tokens"] == sum(sum(row["doc_lens"]) for row in packed.rows)
    assert totals["text_bytes"] == sum(len(each["text"].encode()) for each in DOCUMENTS)
    assert totals["shards"] == -(-totals["tokens"] // 4096)
    for shard in manifest["shards"]:
        with pq.ParquetFile(packed.folder / "shards" / shard["path"]) as parquet:
            footer = {key.decode(): value.decode() for key, value in parquet.schema_arrow.metadata.items()}
        assert footer["tokenizer"] == encoder.fingerprint
        assert footer["recipe"] == manifest["recipe"] == pack.recipe_key(packed.recipe)
        for name in ("format", "sequence_length", "vocabulary_size", "end_id", "pad_id", "seed"):
            assert footer[name] == str(manifest[name])
        for name in ("shard", "sequences", "tokens", "documents", "packed"):
            assert footer[name] == str(shard[name])
        assert footer["sequence_length"] == "64"
        assert int(footer["pieces"]) == sum(len(row["doc_ids"]) for row in packed.rows_of(shard["path"]))
    text = (packed.folder / "shards/manifest.json").read_text()
    assert str(packed.folder) not in text


def test_the_recipe_is_named_by_what_it_says_of_shards() -> None:
    def key(**sections: Any) -> str:
        return pack.recipe_key(recipe(**sections))

    assert key() == key(tokenizer={"model": "somewhere/a.model"}) == key(rules={"sets": []}, name="another")
    changed: list[dict[str, Any]] = [
        {"seed": 1},
        {"packing": {"sequence_length": 128}},
        {"mixture": {"temperature": 0.5}},
        {"tokenizer": {"vocabulary_size": 2000}},
    ]
    assert len({key(), *(key(**sections) for sections in changed)}) == 5


def test_tokens_stand_plain_and_strict(packed: Packed) -> None:
    """What makes them fast to read: no dictionaries, nothing that could be null, row groups of a fixed size."""
    for shard in packed.manifest["shards"]:
        with pq.ParquetFile(packed.folder / "shards" / shard["path"]) as parquet:
            columns = [parquet.schema.column(place) for place in range(len(parquet.schema))]
            chunk = parquet.metadata.row_group(0)
        for place, column in enumerate(columns):
            if column.path.split(".")[0] in pack.PLAIN:
                assert column.max_definition_level == column.max_repetition_level == 1
                assert not chunk.column(place).has_dictionary_page


def test_sequences_are_nearly_full(packed: Packed) -> None:
    totals = packed.manifest["totals"]
    assert totals["tokens"] / (totals["sequences"] * 64) > 0.97  # some sixty sequences a shard leave no more choice


def test_long_pieces_do_not_come_first(packed: Packed) -> None:
    longest = [max(row["doc_lens"]) for row in packed.rows]
    half = len(longest) // 2
    assert abs(np.mean(longest[:half]) - np.mean(longest[half:])) < 8


def test_neither_order_nor_partition_of_the_input_changes_a_byte(packed: Packed, model: Path, tmp_path: Path) -> None:
    shuffled = [DOCUMENTS[place] for place in np.random.default_rng(1).permutation(len(DOCUMENTS))]
    other = Packed(tmp_path, [shuffled[start::6] for start in range(6)], model=model)
    assert other.shard_bytes() == packed.shard_bytes()


@pytest.mark.parametrize(
    "others",
    [
        [document("other 0", "of the bank"), document("other 1", "of the money")],
        [document("0", "of the bank"), document("1", "of the people")],
    ],
)
def test_other_documents_have_another_identity(others: list[Document], model: Path, tmp_path: Path) -> None:
    """Even where recipe, tokenizer and all numbers agree. In which files they came does not matter."""
    given = [document("0", "of the bank"), document("1", "of the money")]

    def identity(name: str, files: list[list[Document]]) -> str:
        made = Packed(tmp_path / name, files, model=model)
        return Manifest.parse((made.folder / "shards/manifest.json").read_bytes(), name=name).identity

    one = identity("one", [given])
    assert identity("same", [given[1:], given[:1]]) == one
    assert identity("other", [others]) != one


def test_the_seed_changes_the_order_and_nothing_else(packed: Packed, model: Path, tmp_path: Path) -> None:
    other = Packed(tmp_path, [DOCUMENTS], model=model, seed=5)
    assert other.tokens() == packed.tokens()
    assert other.shard_bytes() != packed.shard_bytes()


def test_a_second_run_does_nothing_and_a_lost_shard_is_made_again(model: Path, tmp_path: Path) -> None:
    first = Packed(tmp_path, [DOCUMENTS[:50]], model=model)
    assert first.runner.done == {"mixture": 1, "encode": 2, "pack": 1, "manifest": 1}
    before = first.shard_bytes()
    first.run()
    assert first.runner.done == {}
    next((tmp_path / "shards/data").iterdir()).unlink()
    first.run()
    assert first.runner.done == {"pack": 1}
    assert first.shard_bytes() == before


def test_a_weight_changes_only_its_own_work(model: Path, tmp_path: Path) -> None:
    first = Packed(tmp_path, [DOCUMENTS[:50]], model=model)
    again = Packed(tmp_path, [DOCUMENTS[:50]], model=model, mixture={"language_weights": {"deu_Latn": 3.0}})
    assert again.runner.done == {"mixture": 1, "encode": 1, "pack": 1, "manifest": 1}
    german = [each for each in DOCUMENTS[:50] if each["language"] == "deu_Latn"]
    others = [each for each in DOCUMENTS[:50] if each["language"] != "deu_Latn"]
    assert again.tokens() == _expected(german, model, copies=3) + _expected(others, model)
    assert first.recipe.packing == again.recipe.packing


def test_weights_of_zero_leave_out(model: Path, tmp_path: Path) -> None:
    found = Packed(tmp_path, [DOCUMENTS], model=model, mixture={"domain_weights": {"finance": 0.0}})
    assert found.tokens() == _expected([each for each in DOCUMENTS if each["source"] == "web"], model)
    table = pq.read_table(next((tmp_path / "mixture").iterdir())).to_pylist()
    assert {row["domain"]: row["rate"] for row in table} == {"finance": 0.0, "general": 1.0}
    assert sum(row["share"] for row in table) == pytest.approx(1)


def test_no_documents(model: Path, tmp_path: Path) -> None:
    found = Packed(tmp_path, [], model=model)
    assert (found.rows, found.manifest["shards"], found.manifest["totals"]["tokens"]) == ([], [], 0)


@pytest.mark.parametrize("text", ["", "x", "word " * 63, "many words " * 3000])
def test_one_document(text: str, model: Path, tmp_path: Path) -> None:
    one = [document("one", text)]
    found = Packed(tmp_path, [one], model=model)
    assert found.tokens() == _expected(one, model)
    assert len(found.manifest["shards"]) == 1


@pytest.mark.parametrize(("length", "size"), [(64, 1), (100, 3), (2048, 2)])
def test_other_lengths(length: int, size: int, model: Path, tmp_path: Path) -> None:
    found = Packed(tmp_path, [DOCUMENTS[:40]], model=model, packing={"sequence_length": length, "shard_tokens": 2048})
    assert found.tokens() == _expected(DOCUMENTS[:40], model)
    assert {len(row["tokens"]) for row in found.rows} == {length}
    assert len(found.manifest["shards"]) >= size - 2


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 200), max_size=12), parts=st.integers(1, 3), rate=st.sampled_from([0.5, 1.0, 2.5]))
def test_nothing_is_lost_whatever_comes(
    sizes: list[int], parts: int, rate: float, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    documents = [document(f"{place}", "of the bank " * size) for place, size in enumerate(sizes)]
    found = Packed(
        tmp_path_factory.mktemp("law"),
        [documents[start::parts] for start in range(parts)],
        model=model,
        packing={"shard_tokens": 1024},
        mixture={"source_weights": {"web": rate}},
    )
    copies = Counter(name for name, offset, _ in found.pieces() if offset == 0)
    assert all(copies[each["doc_id"]] in (int(rate), int(rate) + (rate % 1 > 0)) for each in documents)
    wanted: Counter[tuple[str, int, int, int]] = Counter()
    for each in documents:
        wanted += _expected([each], model, copies=copies[each["doc_id"]])
    assert found.tokens() == wanted
