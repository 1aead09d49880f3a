"""The stage: a table beside each documents file."""

from pathlib import Path

import pieces as by_hand
import pyarrow.parquet as pq
from stages import Runner, recipe

from gristmill.pipelines import personal
from gristmill.pipelines.parts import Piece
from gristmill.schemas import PERSONAL, Recipe

DOCUMENTS = [
    {"text": "Desk 020 7946 0123, or write to ana@example.com.", "uri": "https://shop.example.co.uk/contact"},
    {"text": "Desk 020 7946 0123, or write to ana@example.com.", "uri": "pages.jsonl:2"},
    {"text": "gone", "status": "skipped", "uri": "https://example.org"},
    {"text": "Nothing here, on 12.05.2019.", "uri": None},
    {"text": "Rufnummer 030 23125014, IBAN DE89 3704 0044 0532 0130 00", "uri": "https://example.org"},
]
SIGNALS = [{"language": "deu_Latn"}, {"language": "deu_Latn"}, {"language": "eng_Latn"}, {"language": "deu_Latn"}]


def run(runner: Runner, which: Recipe, pieces: list[Piece]) -> list[dict[str, object]]:
    (receipt,) = runner(personal.stage(which, folder="", pieces=pieces))
    (entry,) = receipt.of(PERSONAL)
    assert receipt.descriptor["documents"] == pieces[0].documents.checksum
    table = pq.read_table(runner.store.path(entry.path))
    assert table.schema.equals(PERSONAL.schema)
    return table.to_pylist()


def test_the_table_is_aligned_and_knows_language_and_country(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    rows = run(runner, recipe(), [by_hand.piece(runner.store, DOCUMENTS, SIGNALS)])
    assert [int(row["doc_id"], 16) for row in rows] == [0, 1, 3, 4]
    assert [row["emails"] for row in rows] == [1, 1, 0, 0]
    assert [row["phones"] for row in rows] == [1, 0, 0, 1]  # the second is of no known country but German ones
    assert [row["ibans"] for row in rows] == [0, 0, 0, 1]
    assert rows[0]["spans"] == [{"kind": "phone", "start": 5, "end": 18}, {"kind": "email", "start": 32, "end": 47}]
    assert rows[2]["spans"] == []


def test_only_the_kinds_asked_for(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    pieces = [by_hand.piece(runner.store, DOCUMENTS, SIGNALS)]
    off = dict.fromkeys(("email", "phone", "ip", "card", "national_id"), "off")
    rows = run(runner, recipe(personal={**off, "iban": "drop"}), pieces)
    assert [[span["kind"] for span in row["spans"]] for row in rows] == [[], [], [], ["iban"]]


def test_nothing_asked_for_is_nothing_done(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    off = dict.fromkeys(("email", "phone", "ip", "iban", "card", "national_id"), "off")
    stage = personal.stage(recipe(personal=off), folder="", pieces=[by_hand.piece(runner.store, DOCUMENTS, SIGNALS)])
    assert runner(stage) == []
    assert runner.done == {}


def test_what_becomes_of_a_kind_does_not_measure_again(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    pieces = [by_hand.piece(runner.store, DOCUMENTS, SIGNALS)]
    run(runner, recipe(personal={"email": "flag"}), pieces)
    assert runner.done == {"personal": 1}
    run(runner, recipe(personal={"email": "drop"}), pieces)
    assert runner.done == {}
    run(runner, recipe(personal={"email": "off"}), pieces)
    assert runner.done == {"personal": 1}
