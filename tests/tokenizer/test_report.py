"""Figures of a language, and what it costs beside others."""

import gzip
import json
from pathlib import Path
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from token_models import TEXTS, own

from gristmill.tokenizer import Encoder, costs, parities, tally, to_huggingface
from gristmill.tokenizer.evaluate import Tally, parallel_costs
from gristmill.tokenizer.report import report

ENCODER = Encoder.load(own("bpe", 1000, languages=("eng_Latn", "tha_Thai")))


def test_tallies_count_and_add() -> None:
    one, two = tally(ENCODER, ["two words"]), tally(ENCODER, ["中"])
    assert (one.n_bytes, one.characters, one.words, one.byte_tokens, two.byte_tokens) == (9, 9, 2, 0, 3)
    assert one + two == tally(ENCODER, ["two words", "中"])
    assert (two.byte_ratio, two.bytes_per_token, two.fertility, two.coverage) == (1, 1, 3, 0)
    assert tally(ENCODER, ["e中\u2581ж"]).spelt_characters == 3
    assert Tally().bytes_per_token == 0
    assert tally(ENCODER, []) == Tally()


@settings(deadline=None)
@given(texts=st.lists(st.text(st.sampled_from("ab \t\n\u3000\u2003é世")), max_size=5))
def test_words_are_what_python_splits(texts: list[str]) -> None:
    found = tally(ENCODER, texts)
    assert found.words == sum(len(text.split()) for text in texts)
    assert found.characters == sum(map(len, texts))
    assert found.n_bytes == sum(len(text.encode()) for text in texts)
    assert found.coverage == pytest.approx(1 - found.spelt_characters / max(found.characters, 1))


def test_costs_and_parity() -> None:
    tallies = {
        "eng_Latn": Tally(texts=2, characters=100, tokens=20),
        "deu_Latn": Tally(texts=2, characters=120, tokens=36),
        "spa_Latn": Tally(texts=4, characters=200, tokens=60),
        "fra_Latn": Tally(texts=3, characters=80, tokens=30),
    }
    assert costs(tallies) == pytest.approx({"eng_Latn": 1, "deu_Latn": 1.5, "spa_Latn": 1.5, "fra_Latn": 1.875})
    assert parallel_costs(tallies) == {"eng_Latn": 1, "deu_Latn": 1.8, "spa_Latn": 1.5, "fra_Latn": None}
    assert parities({"a": Tally(characters=10, tokens=1), "b": Tally(characters=10, tokens=3)}) == {"a": 0.5, "b": 1.5}
    assert set(costs({"deu_Latn": tallies["deu_Latn"]}).values()) == {None}
    assert set(parallel_costs({"deu_Latn": tallies["deu_Latn"]}).values()) == {None}
    assert parities({"a": Tally()}) == {"a": 0}
    assert set(parallel_costs({"eng": Tally(texts=1), "deu": Tally(texts=1, characters=1, tokens=1)}).values()) == {
        None
    }


def _files(folder: Path) -> tuple[Path, Path]:
    model, other = own("bpe", 1000, languages=("eng_Latn", "tha_Thai")), own("bpe", 1000)
    (folder / "one.model").write_bytes(model)
    (folder / "two.json").write_bytes(to_huggingface(other) or b"")
    return folder / "one.model", folder / "two.json"


def _parallel(folder: Path) -> Path:
    languages = ("eng_Latn", "tha_Thai", "deu_Latn")
    rows = [
        {"lang": language, "text": paragraph}
        for language in languages
        for paragraph in TEXTS[language].split("\n\n")[:2]
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "parallel.parquet")
    with gzip.open(folder / "parallel.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return folder / "parallel.parquet"


def test_two_tokenizers_side_by_side(tmp_path: Path) -> None:
    one, two = _files(tmp_path)
    found = report(one, beside=two, text=_parallel(tmp_path))
    assert found.parallel
    assert list(found.rows) == ["one.model", "two.json"]
    ours, theirs = ({row.language: row for row in rows} for rows in found.rows.values())
    english = ours["eng_Latn"].tally.tokens
    assert ours["deu_Latn"].cost == ours["deu_Latn"].tally.tokens / english
    assert ours["eng_Latn"].cost == theirs["eng_Latn"].cost == 1
    assert ours["deu_Latn"].tally.n_bytes == theirs["deu_Latn"].tally.n_bytes
    assert theirs["deu_Latn"].tally.tokens < ours["deu_Latn"].tally.tokens  # it has seen German
    order = [row.cost or 0 for row in found.rows["one.model"]]
    assert order == sorted(order, reverse=True)
    assert [row.language for row in found.rows["one.model"]] == [row.language for row in found.rows["two.json"]]
    again = report(one, beside=two, text=tmp_path / "parallel.jsonl.gz")
    assert again.to_json() == found.to_json()


def test_a_table_json_and_a_chart(tmp_path: Path) -> None:
    one, two = _files(tmp_path)
    found = report(one, beside=two, text=_parallel(tmp_path))
    lines = list(found.to_text())
    assert lines[0].startswith("one.model: ")
    assert sum(line.startswith("tha_Thai") for line in lines) == 2
    value = json.loads(found.to_json())
    assert value["parallel"] is True
    assert {row["language"] for row in value["tokenizers"][1]["languages"]} == {"eng_Latn", "tha_Thai", "deu_Latn"}
    chart = ElementTree.fromstring(found.to_svg())
    titles = [each.text or "" for each in chart.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == 3
    assert any(each.startswith("eng_Latn: one.model 1.00, two.json 1.00") for each in titles)


def test_text_that_is_not_parallel(tmp_path: Path) -> None:
    one, _ = _files(tmp_path)
    rows = [{"language": name, "text": TEXTS[name]} for name in ("eng_Latn", "tha_Thai", "tha_Thai", "deu_Latn")]
    rows += [{"language": "eng_Latn", "text": "one more"}, {"language": "deu_Latn", "text": "noch\u00a0einer"}]
    (tmp_path / "text.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows + rows[3:4]))
    found = report(one, text=tmp_path / "text.jsonl")
    assert not found.parallel
    assert {row.language: row.cost for row in found.rows["one.model"]}["eng_Latn"] == 1
    pq.write_table(pa.table({"language": ["deu_Latn"], "text": ["nur Deutsch"]}), tmp_path / "german.parquet")
    german = report(one, text=tmp_path / "german.parquet")
    assert german.rows["one.model"][0].cost is None
    assert "beside the mean" in german.to_svg()
    assert " –" in list(german.to_text())[3]


def test_text_without_a_language_is_measured_too(tmp_path: Path) -> None:
    one, _ = _files(tmp_path)
    texts = {"language": ["eng_Latn", None, None], "text": ["one", "two", "three"]}
    pq.write_table(pa.table(texts), tmp_path / "text.parquet")
    rows = [{"language": language, "text": text} for language, text in zip(*texts.values(), strict=True)]
    (tmp_path / "text.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("text.parquet", "text.jsonl"):
        found = {row.language: row.tally.n_bytes for row in report(one, text=tmp_path / name).rows["one.model"]}
        assert found == {"eng_Latn": 3, "und": 8}


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    one, _ = _files(tmp_path)
    (tmp_path / "bad.jsonl").write_text('{"text": "no language"}\n')
    pq.write_table(pa.table({"words": ["a"]}), tmp_path / "columns.parquet")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(b'{"lang": "eng", "text": "some"}\n')[:-12])
    (tmp_path / "latin.jsonl").write_bytes('{"lang": "deu", "text": "schön"}\n'.encode("latin-1"))
    (tmp_path / "number.jsonl").write_text('{"lang": "deu", "text": 1}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "no.model").write_bytes(b"nothing of the sort")
    for text, message in {
        "bad.jsonl": "without 'text' and 'language'",
        "columns.parquet": "needs columns",
        "torn.parquet": "cannot be read",
        "torn.jsonl.gz": "cannot be read",
        "latin.jsonl": "cannot be read",
        "number.jsonl": "cannot be read",
        "empty.jsonl": "no text",
        "gone.jsonl": "no such file",
    }.items():
        with pytest.raises(ValueError, match=message):
            report(one, text=tmp_path / text)
    with pytest.raises(ValueError, match="no sample"):
        report(one)
    with pytest.raises(ValueError, match="no tokenizer"):
        report(tmp_path / "nowhere", text=_parallel(tmp_path))
    with pytest.raises(ValueError, match=r"no\.model: not a SentencePiece model"):
        report(tmp_path / "no.model", text=_parallel(tmp_path))
