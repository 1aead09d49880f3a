"""Passages: what is repeated by which rule, in which documents; copied spans; the same whatever the order of work."""

import functools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pieces import Row, part, piece, write
from stages import Runner, recipe

from gristmill.pipelines import parts, passages
from gristmill.pipelines.checkpoints import Receipt, unit
from gristmill.pipelines.parts import Part
from gristmill.schemas import CLUSTERS, PASSAGES, WEB

MENU = "Home\nThe mill\nOur flour\n\nWrite to us"
NOTICE = "All texts may be copied if the source is named."


@pytest.fixture
def run(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def own(n: int) -> str:
    """A text that no other document has."""
    return f"Story number {n} begins in the year {1000 + n}.\nSee also\nAnd so it ends, after {n} days."


def site_of(
    run: Runner,
    texts: Sequence[str],
    *,
    site: str | None = "mill.example",
    verdicts: Sequence[Row] | None = None,
    name: str = "0",
    documents: Sequence[Row] | None = None,
) -> Part:
    """A part whose documents are of one site."""
    rows = [{"doc_id": f"{name}-{n}", "source": "web", "text": text} for n, text in enumerate(texts)]
    given = [{**row, **more} for row, more in zip(rows, documents or [{}] * len(rows), strict=True)]
    web = {WEB: [{"site": site, "host": site and f"www.{site}"}] * sum("status" not in each for each in given)}
    return part(run.store, piece(run.store, given, name=name), verdicts, measures=web if site else {})


def found(
    run: Runner, *given: Part, clusters: Sequence[Receipt] = (), **rules: Any
) -> dict[str, list[tuple[str, str, int, float]]]:
    """Kind, text, documents and share of each passage, by document."""
    texts: dict[str, str] = {}
    for each in given:
        table = pq.ParquetFile(run.store.path(each.documents.path)).read(columns=["doc_id", "text"])
        texts |= dict(zip(*table.to_pydict().values(), strict=True))
    receipts = run(passages.stage(recipe(passages=rules), parts=given, clusters=clusters))
    files = [entry for receipt in receipts for entry in receipt.of(PASSAGES)]
    rows = [row for entry in files for row in pq.ParquetFile(run.store.path(entry.path)).read().to_pylist()]
    return {
        row["doc_id"]: [
            (
                span["kind"],
                texts[row["doc_id"]][span["start"] : span["end"]],
                span["documents"],
                round(span["share"], 3),
            )
            for span in row["spans"]
        ]
        for row in rows
    }


def test_a_menu_and_a_notice_are_found_where_enough_pages_of_the_site_have_them(run: Runner) -> None:
    texts = [f"{MENU}\n{own(n)}\n{NOTICE}" for n in range(10)] + [own(n) for n in range(10, 20)]
    expected = [("paragraph", MENU, 10, 0.5), ("line", NOTICE, 10, 0.5)]
    assert found(run, site_of(run, texts)) == {f"0-{n}": expected for n in range(10)}
    assert found(run, site_of(run, texts), min_documents=11) == {}
    assert found(run, site_of(run, texts), min_share=0.51) == {}
    assert found(run, site_of(run, texts), policy="flag", min_share=0.5).keys() == {f"0-{n}" for n in range(10)}


def test_a_heading_that_stands_alone_is_no_passage(run: Runner) -> None:
    assert found(run, site_of(run, [own(n) for n in range(30)])) == {}


def test_a_notice_is_found_however_its_lines_break(run: Runner) -> None:
    words = NOTICE.split()
    wrapped = [" ".join(words[: n % 8 + 1]) + "\r\n" + " ".join(words[n % 8 + 1 :]) for n in range(16)]
    rows = found(run, site_of(run, [f"{own(n)}\n\n{each}" for n, each in enumerate(wrapped)]))
    assert rows == {f"0-{n}": [("paragraph", each, 16, 1.0)] for n, each in enumerate(wrapped)}


def test_sites_and_languages_are_counted_apart(run: Runner) -> None:
    texts = [f"{NOTICE}\n{own(n)}" for n in range(18)]
    mixed = [{"language": "eng_Latn" if n % 2 else "deu_Latn"} for n in range(18)]
    assert found(run, site_of(run, texts, verdicts=mixed)) == {}
    apart = [site_of(run, texts[:9], name="0"), site_of(run, texts[9:], site="other.example", name="1")]
    assert found(run, *apart) == {}
    assert found(run, *apart, min_documents=9).keys() == {f"{name}-{n}" for name in "01" for n in range(9)}


def test_documents_without_a_site_are_counted_by_their_input(run: Runner) -> None:
    texts = [f"{NOTICE}\n{own(n)}" for n in range(12)]
    inputs = [{"source": "web" if n < 8 else "bank"} for n in range(12)]
    given = site_of(run, texts, site=None, documents=inputs)
    assert found(run, given, min_documents=4, min_share=1.0) == {
        f"0-{n}": [("line", NOTICE, 8 if n < 8 else 4, 1.0)] for n in range(12)
    }


def test_over_all_sites_of_a_language_a_number_decides_and_no_share(run: Runner) -> None:
    given = [
        site_of(run, [f"{NOTICE}\n{own(n)}\n{own(n + 1)}"], site=f"site{n}.example", name=str(n)) for n in range(12)
    ]
    other = site_of(run, [NOTICE], name="12", verdicts=[{"language": "deu_Latn"}])
    expected = {f"{n}-0": [("line", NOTICE, 12, 1.0)] for n in range(12)}
    assert found(run, *given, other, corpus_documents=12) == expected  # and not "See also", which is short
    assert found(run, *given, other, corpus_documents=13) == {}


def test_what_does_not_go_on_is_not_counted(run: Runner) -> None:
    texts = [f"{NOTICE}\n{own(n)}" for n in range(14)]
    documents: list[Row] = [{} for _ in range(14)]
    documents[3] = {"status": "skipped", "text": NOTICE}
    documents[4] = {"role": "reference"}
    verdicts: list[Row] = [{} for _ in range(13)]
    verdicts[0] = {"keep": False}
    given = site_of(run, texts, documents=documents, verdicts=verdicts)
    rows: list[Row] = [{"doc_id": "0-1", "kind": "survivor"}] + [
        {"doc_id": f"0-{n}", "kind": kind} for n, kind in ((2, "near"), (5, "url"))
    ]
    entry = write(run.store, "clusters/0.parquet", table=CLUSTERS, rows=rows)
    work = unit(phase="dedup", version=1, settings={}, descriptor={})
    clusters = Receipt(phase="dedup", key=work.key, version=1, settings={}, descriptor={}, files=(entry,), counts={})
    left = [1, *range(6, 14)]
    assert found(run, given, clusters=[clusters], min_documents=9) == {
        f"0-{n}": [("line", NOTICE, 9, 1.0)] for n in left
    }
    assert found(run, given, clusters=[clusters]) == {}


def shuffled(run: Runner, rows: Sequence[tuple[str, str]], *, cut: int, seed: int) -> list[Part]:
    """The same documents in another order, spread over parts otherwise."""
    given = random.Random(seed).sample(rows, len(rows))
    made = []
    for number in range(0, len(given), cut):
        some = given[number : number + cut]
        documents = [{"doc_id": doc_id} for doc_id, _ in some]
        made.append(site_of(run, [text for _, text in some], documents=documents, name=f"{seed}-{number}"))
    return made


def test_the_order_of_documents_and_of_work_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = random.Random(4)
    pool = [" ".join(f"w{source.randrange(3000)}" for _ in range(40)) for _ in range(6)]
    rows = [
        (f"{n:032x}", f"{MENU if n % 3 else ''}\n{own(n)}\n{' '.join(source.choices(pool, k=2))}\n{own(n + 100)}")
        for n in range(40)
    ]
    rules = {"min_share": 0.1, "copied_words": 20}
    one = Runner(tmp_path / "one")
    expected = found(one, *shuffled(one, rows, cut=40, seed=0), **rules)
    assert {kind for spans in expected.values() for kind, *_ in spans} == {"paragraph", "copied"}
    monkeypatch.setattr(passages, "group", functools.partial(parts.group, target_bytes=1000))
    monkeypatch.setattr(passages, "ROWS_PER_RANGE", 16)
    for seed, cut in ((1, 1), (2, 3), (3, 40)):
        many = Runner(tmp_path / str(seed))
        assert found(many, *shuffled(many, rows, cut=cut, seed=seed), **rules) == expected
        if cut == 1:
            assert many.done["passages"] > 8
            assert many.done["passage_counts"] > 4


def test_of_a_copied_passage_one_document_keeps_it(run: Runner) -> None:
    passage = (
        "The miller of the lower mill counted his sacks twice\r\nbefore the boat came, once by day and once by night"
    )
    texts = [f"{own(n)}\n\n{n}: {passage}, {n} times." for n in range(3)] + [own(99)]
    words = len(passage.split())
    rows = found(run, site_of(run, texts), copied_words=words)
    assert len(rows) == 2
    assert all(spans == [("copied", passage, 3, 0.75)] for spans in rows.values())
    assert found(run, site_of(run, texts), copied_words=words + 1) == {}
    assert found(run, site_of(run, texts)) == {}


@pytest.mark.parametrize(
    "notice",
    [
        "جميع الحقوق محفوظة لأصحاب الطاحونة القديمة على النهر",
        "כל הזכויות שמורות לבעלי הטחנה הישנה שעל הנהר",
        "สงวนลิขสิทธิ์โดยเจ้าของโรงสี",
        "👍 Follow us 👩‍👩‍👧‍👦 on all channels\0of the mill 👍",
    ],
)
def test_places_are_exact_in_every_script(run: Runner, notice: str) -> None:
    texts = [f"🌾 {own(n)}\r\n\r\n  {notice} \r\n{own(n + 50)}" for n in range(10)]
    assert found(run, site_of(run, texts)) == {f"0-{n}": [("line", notice, 10, 1.0)] for n in range(10)}


def test_no_phase_where_passages_are_off(run: Runner) -> None:
    assert found(run, site_of(run, [NOTICE] * 20), policy="off") == {}
    assert run.done == {}


def test_no_documents_no_passages(run: Runner) -> None:
    nothing = site_of(run, [NOTICE] * 20, verdicts=[{"keep": False}] * 20)
    assert found(run, nothing, copied_words=16) == {}
    assert found(run, copied_words=16) == {}


def test_a_changed_rule_counts_no_text_again(run: Runner) -> None:
    given = site_of(run, [f"{NOTICE}\n{own(n)}" for n in range(12)])
    found(run, given)
    assert run.done == {"passage_keys": 1, "passage_counts": 1, "passages": 1}
    found(run, given)
    assert run.done == {}
    found(run, given, min_share=0.3)
    assert run.done == {"passages": 1}
    found(run, given, min_share=0.3, min_documents=11)
    assert run.done == {"passage_counts": 1, "passages": 1}
    found(run, given, min_share=0.3, min_documents=11, copied_words=50)
    new = ("copied_seeds", "copied_seed_counts", "copied_grams", "copied_gram_counts", "passages")
    assert run.done == dict.fromkeys(new, 1)


def test_what_all_documents_lose_is_no_copy(run: Runner) -> None:
    notice = "By reading on you agree that we count our readers, and that we remember which story you read last."
    texts = [f"{own(n)}\n{notice}\n{own(n + 50)}" for n in range(12)]
    expected = {f"0-{n}": [("line", notice, 12, 1.0)] for n in range(12)}
    assert found(run, site_of(run, texts), copied_words=16) == expected
    assert len(found(run, site_of(run, texts[:9]), copied_words=16)) == 8
