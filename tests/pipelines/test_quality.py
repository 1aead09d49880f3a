"""Quality: classifiers trained in the run, domains, and a model by path, on text made of small vocabularies."""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pieces import Row, piece
from stages import Runner

from gristmill.filters.shingles import text_hashes
from gristmill.pipelines import quality
from gristmill.pipelines.checkpoints import Receipt
from gristmill.pipelines.parts import Piece
from gristmill.schemas import DOMAIN_REPORT, QUALITY, QUALITY_REPORT, Recipe, Table

COMMON = ["the", "of", "and", "to", "in", "that", "was", "for", "with", "from"]
GOOD = [*COMMON, "evidence", "therefore", "analysis", "committee", "published", "measured"]
JUNK = [*COMMON, "click", "cheap", "subscribe", "cart", "discount", "follow"]
BANK = [*COMMON, "bond", "interest", "loan", "dividend", "market", "equity"]
GERMAN_GOOD, GERMAN_JUNK = ([f"{word}ung" for word in words] for words in (GOOD, JUNK))


def text(words: Sequence[str], number: int, length: int = 220) -> str:
    chance = random.Random(f"{words[-1]} {number}")
    return " ".join(chance.choice(words) for _ in range(length)) + "."


def documents(words: Sequence[str], count: int, **columns: Any) -> list[Row]:
    first = columns.pop("first", 0)
    return [{"text": text(words, number), "domain": "general", **columns} for number in range(first, first + count)]


def made(run: Runner, rows: Iterable[Row], *, name: str = "0") -> Piece:
    """A piece with the signals that count here; language `eng_Latn` where a row names none."""
    rows = list(rows)
    texts = [row["text"] for row in rows]
    hashes = text_hashes(pa.array(texts, pa.string())).to_pylist()
    signals = [
        {"language": row.get("language", "eng_Latn"), "n_words": len(row["text"].split()), "text_hash": each}
        for row, each in zip(rows, hashes, strict=True)
    ]
    return piece(run.store, rows, signals, name=name)


def recipe(**quality_section: Any) -> Recipe:
    inputs = [
        {"name": "web", "paths": ["*"]},
        {"name": "books", "paths": ["*"], "role": "reference"},
        {"name": "bank", "paths": ["*"], "domain": "finance"},
    ]
    return Recipe.model_validate({"inputs": inputs, "quality": quality_section})


def read(run: Runner, table: Table) -> list[Row]:
    found = sorted((Path(run.store.root) / table.name).glob("*.parquet"))
    return [row for path in found for row in pq.ParquetFile(path).read().to_pylist()]


def of_table(run: Runner, receipts: Sequence[Receipt]) -> list[Row]:
    entries = [entry for receipt in receipts for entry in receipt.of(QUALITY)]
    return [row for entry in entries for row in pq.ParquetFile(run.store.path(entry.path)).read().to_pylist()]


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


CORPUS = [*documents(GOOD, 80, role="reference"), *documents(JUNK, 80), *documents(BANK, 70, domain="finance")]
TESTED = [
    *documents(GOOD, 10, first=500),
    *documents(JUNK, 10, first=500),
    *documents(BANK, 10, first=500, domain="finance"),
    {"text": "Click here.", "domain": "general"},
    {"text": "", "domain": "general"},
    {"text": text(GOOD, 600), "domain": "general", "language": "fra_Latn"},
]


def test_score_and_domain_of_each_document(run: Runner) -> None:
    receipts = run(quality.stage(recipe(), folder="", pieces=[made(run, [*CORPUS, *TESTED])]))
    assert run.done == {"quality_weigh": 1, "quality_sample": 1, "quality_model": 3, "quality": 1}
    rows = of_table(run, receipts)[len(CORPUS) :]
    assert [row["doc_id"] for row in rows] == [f"{n:032x}" for n in range(len(CORPUS), len(CORPUS) + len(TESTED))]
    good, junk, bank = rows[:10], rows[10:20], rows[20:30]
    assert min(row["quality_score"] for row in good) > 0.7
    assert max(row["quality_score"] for row in [*junk, *bank]) < 0.2
    assert {row["likely_domain"] for row in bank} == {"finance"}
    assert {row["likely_domain"] for row in [*good, *junk]} == {"general"}
    assert min(row["likely_domain_score"] for row in rows[:30]) > 0.8
    nothing = {"quality_score": None, "perplexity": None, "likely_domain": None, "likely_domain_score": None}
    assert [{name: row[name] for name in nothing} for row in rows[30:]] == [nothing] * 3


def test_report_says_what_a_classifier_is_worth_and_why_there_is_none(run: Runner) -> None:
    run(quality.stage(recipe(), folder="", pieces=[made(run, [*CORPUS, *TESTED])]))
    report = {(row["kind"], row["language"]): row for row in read(run, QUALITY_REPORT)}
    assert sorted(report) == [
        ("domain", "eng_Latn"), ("domain", "fra_Latn"), ("quality", "eng_Latn"), ("quality", "fra_Latn")
    ]  # fmt: skip
    english = report["quality", "eng_Latn"]
    assert (english["model"], english["reason"], english["accuracy"]) == ("eng_Latn", None, None)
    # Ten of the 180 raw documents are as good as the reference.
    assert 0.92 < english["auc"] < 0.97
    assert english["calibration_error"] < 0.1
    assert [each["name"] for each in english["classes"]] == ["reference", "raw"]
    assert [each["documents"] for each in english["classes"]] == [80, 180]
    assert [each["used"] for each in english["classes"]] == [80, 80]
    half = english["thresholds"][4]
    assert (half["score"], half["reference"]) == (0.5, 1.0)
    assert half["raw"] < 0.15
    french = report["quality", "fra_Latn"]
    assert (french["model"], french["auc"]) == (None, None)
    assert french["reason"] == (
        "reference has 0 documents of 50 words or more, 0 words in all; at least 50 and 10,000 are needed"
    )
    assert report["domain", "eng_Latn"]["accuracy"] == 1.0
    assert report["domain", "fra_Latn"]["reason"].startswith("no domain has enough text: general has 1 document of")
    confusion = {(row["domain"], row["likely_domain"]): row["documents"] for row in read(run, DOMAIN_REPORT)}
    assert confusion == {
        ("finance", "finance"): 80,
        ("finance", "general"): 0,
        ("general", "finance"): 0,
        ("general", "general"): 180,
    }


def test_a_second_run_does_nothing_and_a_piece_of_another_language_is_not_scored_again(run: Runner) -> None:
    english = made(run, CORPUS, name="0")
    run(quality.stage(recipe(), folder="", pieces=[english]))
    run(quality.stage(recipe(), folder="", pieces=[english]))
    assert run.done == {}
    thai = made(run, documents(GOOD, 5, language="tha_Thai"), name="1")
    run(quality.stage(recipe(), folder="", pieces=[english, thai]))
    assert run.done == {"quality_weigh": 1, "quality_model": 1, "quality": 1}  # the report on Thai, and its scores
    more = made(run, documents(JUNK, 5, first=900), name="2")
    run(quality.stage(recipe(), folder="", pieces=[english, thai, more]))
    assert run.done == {"quality_weigh": 1, "quality_sample": 1, "quality_model": 2, "quality": 2}


def test_how_text_is_spread_over_pieces_changes_no_byte_of_a_classifier(tmp_path: Path) -> None:
    models = []
    for name, cuts in (("one", [CORPUS]), ("two", [CORPUS[start::3][::-1] for start in range(3)])):
        run = Runner(tmp_path / name)
        run(quality.stage(recipe(), folder="", pieces=[made(run, rows, name=str(n)) for n, rows in enumerate(cuts)]))
        models.append({path.name: path.read_bytes() for path in (tmp_path / name / "quality_models").iterdir()})
    assert sorted(models[0]) == ["domain-eng_Latn.arrow", "quality-eng_Latn.arrow"]
    assert models[0] == models[1]


def test_equal_texts_count_once_and_reference_text_is_never_raw(run: Runner) -> None:
    same = documents(GOOD, 80, role="reference")
    rows = [*same, *same, *[{**row, "role": "raw"} for row in same], *documents(JUNK, 60)]
    run(quality.stage(recipe(), folder="", pieces=[made(run, rows)]))
    (english,) = (row for row in read(run, QUALITY_REPORT) if row["kind"] == "quality")
    assert english["auc"] == 1.0
    assert [each["documents"] for each in english["classes"]] == [160, 140]
    assert [each["used"] for each in english["classes"]] == [60, 60]


def test_too_many_copies_leave_too_little(run: Runner) -> None:
    few = documents(GOOD, 30, role="reference")
    receipts = run(quality.stage(recipe(), folder="", pieces=[made(run, [*few, *few, *documents(JUNK, 80)])]))
    (english,) = (row for row in read(run, QUALITY_REPORT) if row["kind"] == "quality")
    assert english["model"] is None
    assert english["reason"] == (
        "once equal texts are counted once, reference has 30 documents of 50 words or more, 6,600 words in all; "
        "at least 50 and 10,000 are needed"
    )
    assert {row["quality_score"] for row in of_table(run, receipts)} == {None}


def test_what_cannot_be_told_apart_has_no_score(run: Runner) -> None:
    rows = [*documents(COMMON, 60, role="reference"), *documents(COMMON, 60, first=100)]
    receipts = run(quality.stage(recipe(), folder="", pieces=[made(run, rows)]))
    (english,) = (row for row in read(run, QUALITY_REPORT) if row["kind"] == "quality")
    assert (english["model"], english["reason"]) == (None, "reference and raw text cannot be told apart")
    assert {row["quality_score"] for row in of_table(run, receipts)} == {None}


def test_no_domains_where_general_text_is_too_little_to_be_told_from_them(run: Runner) -> None:
    rows = [*documents(BANK, 60, domain="finance"), *documents(JUNK, 60, domain="shops"), *documents(COMMON, 20)]
    inputs = [{"name": name, "paths": ["*"], "domain": name} for name in ("general", "finance", "shops")]
    with_general, without = (Recipe.model_validate({"inputs": some}) for some in (inputs, inputs[1:]))
    receipts = run(quality.stage(with_general, folder="", pieces=[made(run, rows)]))
    assert {row["likely_domain"] for row in of_table(run, receipts)} == {None}
    (english,) = read(run, QUALITY_REPORT)
    assert english["reason"].startswith("general has 20 documents of 50 words or more, 4,400 words in all")
    receipts = run(quality.stage(without, folder="", pieces=[made(run, rows[:120])]))
    assert {row["likely_domain"] for row in of_table(run, receipts)} == {"finance", "shops"}


def test_small_languages_of_a_script_share_a_classifier(run: Runner) -> None:
    rows = []
    for language, good, junk in (("eng_Latn", GOOD, JUNK), ("deu_Latn", GERMAN_GOOD, GERMAN_JUNK)):
        rows += documents(good, 30, role="reference", language=language)
        rows += documents(junk, 40, language=language)
    rows += documents(JUNK, 1, first=800, language="fra_Latn")
    receipts = run(quality.stage(recipe(), folder="", pieces=[made(run, rows)]))
    report = {row["language"]: row for row in read(run, QUALITY_REPORT) if row["kind"] == "quality"}
    assert {language: row["model"] for language, row in report.items()} == {
        "deu_Latn": "Latn", "eng_Latn": "Latn", "fra_Latn": None
    }  # fmt: skip
    assert [each["used"] for each in report["deu_Latn"]["classes"]] == [30, 30]
    scored = of_table(run, receipts)
    assert scored[-1]["quality_score"] is None
    good = [row.get("role") == "reference" for row in rows[:-1]]
    assert [row["quality_score"] > 0.5 for row in scored[:-1]] == good


def test_a_recipe_that_asks_for_nothing_has_no_phase(run: Runner) -> None:
    plain = Recipe.model_validate({"inputs": [{"name": "web", "paths": ["*"]}]})
    assert run(quality.stage(plain, folder="", pieces=[made(run, CORPUS)])) == []
    assert run(quality.stage(recipe(train=False), folder="", pieces=[made(run, CORPUS)])) == []
    assert run.done == {}


def test_no_documents_at_all(run: Runner) -> None:
    assert run(quality.stage(recipe(), folder="", pieces=[])) == []
    empty = piece(run.store, [{"text": "", "status": "unreadable", "domain": "general"}])
    receipts = run(quality.stage(recipe(), folder="", pieces=[empty]))
    assert of_table(run, receipts) == []


def test_a_model_of_ones_own_by_path(run: Runner, tmp_path: Path) -> None:
    train_fasttext(tmp_path / "own.bin")
    given = recipe(model="own.bin", good_label="__label__fine")
    quality.check(given, str(tmp_path))
    receipts = run(quality.stage(given, folder=str(tmp_path), pieces=[made(run, [*TESTED, *CORPUS])]))
    rows = of_table(run, receipts)
    assert min(row["quality_score"] for row in rows[:10]) > 0.9
    assert max(row["quality_score"] for row in rows[10:20]) < 0.1
    assert {row["likely_domain"] for row in rows[20:30]} == {"finance"}
    assert {row["kind"] for row in read(run, QUALITY_REPORT)} == {"domain"}


def train_fasttext(path: Path) -> None:
    import fasttext

    lines = [
        f"__label__{label} {text(words, n)}\n" for n in range(40) for label, words in (("fine", GOOD), ("bad", JUNK))
    ]
    examples = path.with_suffix(".txt")
    examples.write_text("".join(lines))
    # The library leaves most of a matrix of buckets unset; without n-grams, and with ten threads, all of it is set.
    model = fasttext.train_supervised(str(examples), epoch=60, lr=1.0, dim=10, bucket=0, thread=10, verbose=0)
    model.save_model(str(path))


def test_models_that_cannot_be_used_are_told_before_any_work(tmp_path: Path) -> None:
    def message(**section: Any) -> str:
        with pytest.raises(ValueError) as caught:
            quality.check(recipe(**section), str(tmp_path))
        return str(caught.value)

    assert message(model="none.bin") == f"quality.model: no file 'none.bin' (looked for {tmp_path}/none.bin)"
    assert message(model="gs://bucket/m.bin").endswith("models must lie on a local disk; copy it there")
    (tmp_path / "text.bin").write_text("not a model " * 20)
    assert "is not a fastText classifier" in message(model="text.bin")
    train_fasttext(tmp_path / "own.bin")
    wrong = message(model="own.bin", good_label="__label__fin")
    assert "has no label '__label__fin'; did you mean '__label__fine'?; it has " in wrong
    missing = message(perplexity={"deu": "de.arpa"})
    assert missing.startswith(f"quality.perplexity.deu: no file 'de.arpa' (looked for {tmp_path}/de.arpa)")
    quality.check(recipe(), str(tmp_path))


def test_hostile_texts_are_scored_or_left_without_a_score(run: Runner) -> None:
    odd = [
        "\0" * 5000,
        "\u202e" * 300,
        "👍 " * 3000,
        "a" * 200_000,
        "x " * 50_000,
        "https://a.b/c " * 500,
        "中" * 30_000,
    ]
    rows = [*CORPUS, *({"text": each, "domain": "general"} for each in odd)]
    receipts = run(quality.stage(recipe(), folder="", pieces=[made(run, rows)]))
    scores = [row["quality_score"] for row in of_table(run, receipts)[len(CORPUS) :]]
    assert [score is None for score in scores] == [True, True, True, True, False, True, False]
    assert all(0 <= score <= 1 for score in scores if score is not None)
