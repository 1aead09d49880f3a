import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from held_out_files import TEXTS, write

from gristmill.trainer import held_out
from gristmill.trainer.shards import ManifestError, ShardReader


def _texts(table: pa.Table) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in table.to_pylist():
        found.setdefault(each["language"], set()).add(each["text"])
    return found


def test_documents_are_those_of_all_files_by_their_ids(tmp_path: Path) -> None:
    table = held_out.documents(write(tmp_path))
    assert _texts(table) == {language: set(texts) for language, texts in TEXTS.items()}
    assert table["doc_id"].to_pylist() == sorted(table["doc_id"].to_pylist())
    assert set(table["domain"].to_pylist()) == {"bank", "web"}


def test_a_cap_takes_the_same_documents_of_a_language_whatever_others_there_are(tmp_path: Path) -> None:
    english = [f"text {number}" for number in range(40)]
    few = held_out.documents(write(tmp_path / "a", {"eng_Latn": english}), most=7)
    among = held_out.documents(write(tmp_path / "b", {"deu_Latn": ["eins"], "eng_Latn": english[::-1]}), most=7)
    assert few.num_rows == 7
    assert _texts(among) == {"eng_Latn": _texts(few)["eng_Latn"], "deu_Latn": {"eins"}}
    assert few["doc_id"].to_pylist() == sorted(held_out.documents(tmp_path / "a")["doc_id"].to_pylist())[:7]


def test_an_output_that_holds_out_nothing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no documents are held out; .* held_out\.share above 0"):
        held_out.documents(tmp_path)


def test_shared_are_the_documents_that_both_hold_out_with_one_text(tmp_path: Path) -> None:
    """Not those of one alone, and not those that one has edited."""
    english = [f"text {number}" for number in range(20)]
    a = write(tmp_path / "a", {"eng_Latn": english, "deu_Latn": ["eins", "zwei"]})
    b = write(tmp_path / "b", {"eng_Latn": english[5:], "und_Latn": ["eins"]})
    edited = pq.read_table(b / "held_out" / "0.parquet")
    texts = [each.replace("text 5", "edited") for each in edited["text"].to_pylist()]
    edited = edited.set_column(edited.column_names.index("text"), "text", pa.array(texts))
    pq.write_table(edited, b / "held_out" / "0.parquet")
    found, left_out = held_out.shared(a, b)
    assert _texts(found) == {"eng_Latn": set(english[6:]), "deu_Latn": {"eins"}}
    assert left_out == 1
    few, _ = held_out.shared(a, b, most=3)
    chosen = [each for each in held_out.documents(a).to_pylist() if each["text"] in english[5:]][:3]
    assert _texts(few)["eng_Latn"] == {each["text"] for each in chosen} - {"text 5"}


def test_outputs_of_other_inputs_are_not_compared(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a"), write(tmp_path / "b", {"eng_Latn": ["something else"]})
    with pytest.raises(ValueError, match="hold out no text in common: 5 documents and 1, 0 of them in both"):
        held_out.shared(a, b)


def test_a_file_of_ones_own_needs_text_alone(tmp_path: Path) -> None:
    rows = [{"text": "zwei", "language": "deu_Latn", "domain": "web"}, {"text": "2024-05-01", "x": [1]}, {"text": ""}]
    path = tmp_path / "own.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(each) for each in rows).encode()))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "own.parquet")
    for table in (held_out.documents_of(each) for each in (path, tmp_path / "own.parquet")):
        found = {tuple(each[name] for name in ("text", "language", "domain")) for each in table.to_pylist()}
        assert found == {("2024-05-01", "und", ""), ("zwei", "deu_Latn", "web")}


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("none.jsonl", b'{"words": "a"}\n', "no record has a 'text'"),
        ("damaged.jsonl", b'{"text": "a', "neither Parquet nor JSON lines"),
        ("damaged.parquet", b"PAR1", "neither Parquet nor JSON lines"),
        ("number.jsonl", b'{"text": 3}\n', "neither Parquet nor JSON lines"),
    ],
)
def test_a_file_without_text_is_named(name: str, data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=f"{name}: {why}"):
        held_out.documents_of(tmp_path / name)


def test_documents_are_encoded_as_shards_are(corpus: Path, tmp_path: Path) -> None:
    manifest = ShardReader.open(corpus).manifest
    encoder = held_out.encoder_of(corpus, manifest)
    table = held_out.documents(write(tmp_path))
    found = held_out.encode(table, encoder)
    assert found.vocabulary_size == manifest.vocabulary_size
    start = 0
    for text, about in zip(table["text"].to_pylist(), found.about.to_pylist(), strict=True):
        ids = found.ids[start : start + about["tokens"]].tolist()
        assert (encoder.decode(ids[:-1]), ids[-1]) == (text, manifest.end_id)
        assert about["bytes"] == len(text.encode())
        start += about["tokens"]
    assert start == len(found.ids)


def test_the_tokenizer_has_to_be_that_of_the_shards(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer").mkdir()
    (tmp_path / "tokenizer" / "tokenizer.model").write_bytes(b"another")
    with pytest.raises(ManifestError, match="the tokenizer that shards or model were made with is not there"):
        held_out.encoder_of(tmp_path, ShardReader.open(corpus).manifest)
