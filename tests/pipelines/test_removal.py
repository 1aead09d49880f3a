"""Documents taken out of a finished output: what holds them is written anew, and nothing else changes."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st
from stages import Runner, document, recipe

from gristmill.pipelines import pack, removal, removed, train_tokenizer
from gristmill.pipelines.checkpoints import Output, Receipt, Store, unit
from gristmill.pipelines.cut_pieces import cut_pieces, look
from gristmill.schemas import CURATED, HELD_OUT, LEDGER, shards

_RNG = np.random.default_rng(3)
_WORDS = ["the", "bank", "pays", "money", "to", "people", "of", "every", "country", "for", "work", "in", "a", "factory"]
DOCUMENTS = [
    document(
        f"{number}",
        " ".join(_RNG.choice(_WORDS, int(size) + 1)),
        language=("eng_Latn", "deu_Latn")[number % 4 == 0],
        source=("web", "bank")[number % 3 == 0],
    )
    for number, size in enumerate(_RNG.lognormal(4, 1.2, 240))
]
IDS = [str(each["doc_id"]) for each in DOCUMENTS]
LONGEST = max(DOCUMENTS, key=lambda each: len(each["text"]))["doc_id"]
COPY = "c" * 32
RECIPE = recipe(
    tokenizer={"vocabulary_size": 1000, "sample_bytes": 60_000},
    packing={"sequence_length": 64, "shard_tokens": 4096},
    mixture={"language_weights": {"deu": 2.5}},
)


class _Corpus:
    """An output from curate on: six groups, each with a ledger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runner = Runner(folder)
        for group in range(6):
            self._curate(group, DOCUMENTS[group::6])
        self.run()

    def _curate(self, group: int, documents: Iterable[Any]) -> None:
        work = unit(phase="curate", version=1, settings={}, descriptor={"group": group})
        with Output(self.runner.store, phase="curate", version=1, settings={}, unit=work) as output:
            languages: dict[str, list[Any]] = {}
            ledger: list[Any] = []
            for each in documents:
                shared = {"doc_id": each["doc_id"], "source": each["source"], "uri": f"test:{each['doc_id']}"}
                size = len(each["text"])
                ledger.append(
                    shared | {"language": each["language"], "bytes": size, "stage": "curate", "disposition": "kept"}
                )
                domain = {"web": "general", "bank": "finance"}[each["source"]]
                row = shared | {"domain": domain, "licence": "x", "cluster_size": 1, "text": each["text"]}
                languages.setdefault(each["language"], []).append(row)
                output.count("kept")
                output.count("kept_bytes", size)
            if group == 0:
                duplicate = {"doc_id": COPY, "source": "web", "bytes": 9, "stage": "dedup", "disposition": "duplicate"}
                ledger.append(duplicate | {"rule": "exact", "survivor_id": IDS[0]})
            _write(output.table(LEDGER), ledger)
            for language, rows in languages.items():
                _write(output.table(CURATED, partition=f"language={language}"), rows)

    def run(self) -> dict[str, int]:
        """What `gristmill run` would do: the units that were missing, by phase."""
        curated = [receipt for _, receipt in sorted(self.runner.store.receipts("curate").items())]
        tokenizer = self.runner(train_tokenizer.stage(RECIPE, folder="", curated=curated))
        done = dict(self.runner.done)
        self.runner(pack.stage(RECIPE, curated=curated, tokenizer=tokenizer))
        return done | self.runner.done

    def receipts(self, phase: str) -> list[Receipt]:
        return list(self.runner.store.receipts(phase).values())

    def files(self) -> dict[str, str]:
        """All files of the output, by their digests."""
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }

    def rows(self, table: str) -> list[dict[str, Any]]:
        return [
            row for path in sorted((self.folder / table).rglob("*.parquet")) for row in pq.read_table(path).to_pylist()
        ]

    def pieces(self) -> list[list[tuple[str, int, tuple[int, ...]]]]:
        """(document, offset, tokens) of every piece of every sequence."""
        found = []
        for row in self.rows("shards"):
            ends = np.cumsum(row["doc_lens"]).tolist()
            assert row["tokens"][sum(row["doc_lens"]) :] == [2] * (64 - sum(row["doc_lens"]))
            pieces = zip(row["doc_ids"], row["doc_offsets"], row["doc_lens"], ends, strict=True)
            found.append([(name, at, tuple(row["tokens"][end - n : end])) for name, at, n, end in pieces])
        return found


def _write(writer: Any, rows: list[Any]) -> None:
    with writer:
        schema = writer._table.schema
        full = [{name: row.get(name) for name in schema.names} for row in rows]
        for start in range(0, len(full), 50):  # several row groups
            writer.write(pa.RecordBatch.from_pylist(full[start : start + 50], schema=schema))
            writer.end_row_group()


@pytest.fixture
def corpus(tmp_path: Path) -> _Corpus:
    return _Corpus(tmp_path / "out")


CHOSEN = frozenset({IDS[0], IDS[1], IDS[8], IDS[30], LONGEST})


def test_documents_are_gone_and_all_others_are_where_they_were(corpus: _Corpus) -> None:
    before, files = corpus.pieces(), corpus.files()
    lengths = Counter[str]()
    for sequence in before:
        for name, _, tokens in sequence:
            lengths[name] += len(tokens)
    found = removal.remove(str(corpus.folder), [*CHOSEN, "f" * 32])

    assert corpus.pieces() == [[piece for piece in sequence if piece[0] not in CHOSEN] for sequence in before]
    for table in ("curated", "tokens"):
        assert {row["doc_id"] for row in corpus.rows(table)} == set(IDS) - CHOSEN
    assert found.documents == len(CHOSEN)
    assert found.tokens == sum(lengths[name] for name in CHOSEN)
    assert found.sequences == sum(any(piece[0] in CHOSEN for piece in sequence) for sequence in before)
    assert found.unknown == ("f" * 32,)
    changed = {path for path, digest in corpus.files().items() if files.get(path) != digest and "receipts" not in path}
    record = {path for path in changed if path.startswith("removed/")}
    assert len(record) == 1
    assert changed - record == set(found.files)
    assert len([path for path in changed if path.startswith("curated/")]) < len(list(corpus.folder.glob("curated/*/*")))

    rows = {row["doc_id"]: row for row in corpus.rows("removed")}
    assert set(rows) == CHOSEN | {COPY}
    assert rows[COPY] == {"doc_id": COPY, "copy_of": IDS[0], "bytes": 0, "tokens": 0, "files": []}
    texts = {each["doc_id"]: each["text"] for each in DOCUMENTS}
    for name in CHOSEN:
        assert (rows[name]["bytes"], rows[name]["tokens"]) == (len(texts[name].encode()), lengths[name])
        assert {path.split("/")[0] for path in rows[name]["files"]} == {"curated", "tokens", "shards"}
    assert set(removed.removed_ids(corpus.runner.store).to_pylist()) == CHOSEN | {COPY}


def test_the_books_still_close(corpus: _Corpus) -> None:
    text = {row["text"] for row in corpus.rows("sample")}
    assert any(LONGEST_TEXT.startswith(piece[:50]) for piece in text)
    removal.remove(str(corpus.folder), CHOSEN)
    assert not any(LONGEST_TEXT.startswith(piece[:50]) for piece in (row["text"] for row in corpus.rows("sample")))
    ledger = {row["doc_id"]: row for row in corpus.rows("ledger")}
    assert {name for name, row in ledger.items() if row["disposition"] == "kept"} == set(IDS) - CHOSEN
    assert {(ledger[name]["disposition"], ledger[name]["rule"], ledger[name]["stage"]) for name in CHOSEN} == {
        ("dropped", "curate.removed", "curate")
    }
    assert ledger[COPY]["disposition"] == "duplicate"
    counts = Counter[str]()
    for receipt in corpus.receipts("curate"):
        counts.update(receipt.counts)
    sizes = {each["doc_id"]: len(each["text"]) for each in DOCUMENTS}
    assert counts["kept"] == len(IDS) - len(CHOSEN)
    assert counts["kept_bytes"] == sum(sizes[name] for name in set(IDS) - CHOSEN)
    assert (counts["dropped"], counts["dropped_bytes"]) == (len(CHOSEN), sum(sizes[name] for name in CHOSEN))

    manifest = json.loads((corpus.folder / "shards/manifest.json").read_bytes())
    tokens = [sum(len(tokens) for _, _, tokens in sequence) for sequence in corpus.pieces()]
    assert manifest["totals"]["tokens"] == sum(tokens) == sum(each["tokens"] for each in manifest["shards"])
    assert manifest["totals"]["sequences"] == len(tokens)
    assert manifest["totals"]["documents"] == len(corpus.rows("tokens"))
    for shard in manifest["shards"]:
        path = corpus.folder / "shards" / shard["path"]
        assert shard["checksum"] == xxhash.xxh3_128_hexdigest(path.read_bytes())
        assert shard["bytes"] == path.stat().st_size
        footer = {key.decode(): value.decode() for key, value in pq.read_schema(path).metadata.items()}
        assert (footer["tokens"], footer["documents"]) == (str(shard["tokens"]), str(shard["documents"]))
    mixed = corpus.rows("mixture")
    assert sum(row["mixed_tokens"] for row in mixed) == sum(tokens)
    assert sum(row["mixed_documents"] for row in mixed) == len(corpus.rows("tokens"))
    copies = Counter(row["doc_id"] for row in corpus.rows("tokens"))
    assert sum(row["mixed_bytes"] for row in mixed) == sum(sizes[name] * times for name, times in copies.items())


LONGEST_TEXT = next(str(each["text"]) for each in DOCUMENTS if each["doc_id"] == LONGEST)


def test_a_later_run_does_nothing_and_a_lost_file_comes_back_without_them(corpus: _Corpus) -> None:
    removal.remove(str(corpus.folder), CHOSEN)
    files = corpus.files()
    assert corpus.run() == {}
    assert corpus.files() == files
    # A lost file of tokens is made again from the curated text, which has lost the documents.
    lost = next(path for row in corpus.rows("removed") for path in row["files"] if path.startswith("tokens/"))
    (corpus.folder / lost).unlink()
    assert set(corpus.run()) == {"encode", "pack", "manifest"}
    assert not CHOSEN & {piece[0] for sequence in corpus.pieces() for piece in sequence}
    assert corpus.run() == {}


def test_what_is_held_out_goes_too(corpus: _Corpus) -> None:
    held, other, text = "d" * 32, "e" * 32, "Ein Müller"
    work = unit(phase="curate", version=1, settings={}, descriptor={"group": 6})
    with Output(corpus.runner.store, phase="curate", version=1, settings={}, unit=work) as output:
        rows = [{"doc_id": each, "cluster": each, "text": text} for each in (held, other)]
        _write(output.table(HELD_OUT), rows)
        ledger = {"bytes": 20, "stage": "curate", "disposition": "kept"}
        _write(output.table(LEDGER), [ledger | {"doc_id": each} for each in (held, other)])
        output.count("kept", 2)
        output.count("kept_bytes", 40)
    found = removal.remove(str(corpus.folder), {held})
    assert (found.documents, found.tokens, found.unknown) == (1, 0, ())
    assert [path.split("/")[0] for path in found.files] == ["held_out", "ledger"]
    assert [row["doc_id"] for row in corpus.rows("held_out")] == [other]
    assert [(row["doc_id"], row["bytes"], row["tokens"]) for row in corpus.rows("removed")] == [(held, 11, 0)]
    fates = {row["doc_id"]: (row["disposition"], row["rule"]) for row in corpus.rows("ledger")}
    assert (fates[held], fates[other]) == (("dropped", "curate.removed"), ("kept", None))
    counts = next(each.counts for each in corpus.receipts("curate") if each.descriptor == {"group": 6})
    assert counts == {"dropped": 1, "dropped_bytes": 20, "kept": 1, "kept_bytes": 20}
    assert corpus.run() == {}


def test_removing_again_does_nothing_and_more_is_added(corpus: _Corpus) -> None:
    removal.remove(str(corpus.folder), CHOSEN)
    files = corpus.files()
    again = removal.remove(str(corpus.folder), CHOSEN)
    assert (again.documents, again.tokens, again.files, again.unknown) == (0, 0, (), ())
    assert corpus.files() == files
    more = removal.remove(str(corpus.folder), {IDS[50], IDS[0]})
    assert more.documents == 1
    assert set(removed.removed_ids(corpus.runner.store).to_pylist()) == CHOSEN | {COPY, IDS[50]}
    assert corpus.run() == {}
    one_by_one, at_once = corpus.pieces(), set(IDS) - CHOSEN - {IDS[50]}
    assert {piece[0] for sequence in one_by_one for piece in sequence} == at_once


def test_all_of_a_file_and_of_a_sequence(corpus: _Corpus) -> None:
    german = {str(each["doc_id"]) for each in DOCUMENTS if each["language"] == "deu_Latn"}
    sequences = len(corpus.pieces())
    removal.remove(str(corpus.folder), german)
    found = corpus.pieces()
    assert len(found) == sequences
    assert [] in found
    assert corpus.run() == {}
    removal.remove(str(corpus.folder), IDS)
    assert corpus.pieces() == [[]] * sequences
    assert corpus.run() == {}


class _KilledError(BaseException):
    pass


def _killed_at(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Let the process end at a call of the function by which every file takes its name."""
    calls = iter(range(10**6))
    rename = os.replace

    def replace(*arguments: Any) -> None:
        if next(calls) == call:
            raise _KilledError
        rename(*arguments)

    monkeypatch.setattr(os, "replace", replace)


def _kills(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    for call in range(10**6):
        with monkeypatch.context() as patched:
            _killed_at(patched, call)
            try:
                removal.remove(str(folder), CHOSEN)
            except _KilledError:
                yield call
                continue
        return


def test_killed_at_any_moment_and_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _Corpus(tmp_path / "whole")
    removal.remove(str(whole.folder), CHOSEN)
    wanted = whole.files()
    killed = _Corpus(tmp_path / "killed")
    untouched = killed.files()
    seen = []
    for call in _kills(killed.folder, monkeypatch):
        # Either nothing has happened yet, or the rest follows by itself, whoever comes next.
        committed = (killed.folder / ".removal/list.json").exists()
        if not committed:
            assert {
                path: digest for path, digest in killed.files().items() if not path.startswith(".removal")
            } == untouched
        seen.append((call, committed))
        if committed and len([1 for _, each in seen if each]) == 5:
            break
    assert {committed for _, committed in seen} == {False, True}
    removal.finish(Store(str(killed.folder)))
    assert killed.files() == wanted
    assert killed.run() == {}


def test_killed_in_the_middle_a_removal_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _Corpus(tmp_path / "whole")
    removal.remove(str(whole.folder), CHOSEN)
    killed = _Corpus(tmp_path / "killed")
    for _ in _kills(killed.folder, monkeypatch):
        pass
    assert killed.files() == whole.files()


def test_a_run_that_was_stopped_is_to_be_ended_first(corpus: _Corpus) -> None:
    files = corpus.files()
    receipt = next(each for each in corpus.receipts("encode") if each.files)
    (corpus.folder / f"receipts/encode/{receipt.key}.json").unlink()
    with pytest.raises(ValueError, match="a run that changes it was stopped"):
        removal.remove(str(corpus.folder), CHOSEN)
    assert set(corpus.run()) == {"encode"}
    assert corpus.files() == files
    assert removal.remove(str(corpus.folder), CHOSEN).documents == len(CHOSEN)


def test_what_cannot_be_removed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'xyz' is no id of a document: 32 hexadecimal digits"):
        removal.remove(str(tmp_path), ["xyz"])
    with pytest.raises(ValueError, match="local outputs only"):
        removal.remove("gs://bucket/out", [IDS[0]])
    with pytest.raises(ValueError, match="no such output folder"):
        removal.remove(str(tmp_path / "none"), [IDS[0]])
    assert removal.remove(str(tmp_path), [IDS[0]]).unknown == (IDS[0],)


@st.composite
def _sequences(draw: st.DrawFn) -> list[list[tuple[str, int, list[int]]]]:
    piece = st.tuples(st.sampled_from("abcd"), st.integers(0, 3), st.lists(st.integers(3, 99), min_size=1, max_size=4))
    return draw(st.lists(st.lists(piece, max_size=4), max_size=6))


@given(_sequences(), st.sets(st.sampled_from("abcdx")))
def test_pieces_are_cut_out_of_any_sequences(sequences: list[list[tuple[str, int, list[int]]]], ids: set[str]) -> None:
    schema = shards(sequence_length=16, vocabulary_size=100).schema

    def table(rows: list[list[tuple[str, int, list[int]]]]) -> pa.Table:
        filled = [
            {
                "tokens": (tokens := [token for *_, some in row for token in some]) + [2] * (16 - len(tokens)),
                "doc_lens": [len(some) for *_, some in row],
                "doc_ids": [name for name, *_ in row],
                "doc_offsets": [offset for _, offset, _ in row],
                **{field.name: [name for name, *_ in row] for field in schema if _names(field)},
            }
            for row in rows
        ]
        full = [{field.name: row.get(field.name, [None] * len(row["doc_ids"])) for field in schema} for row in filled]
        return pa.Table.from_pylist(full, schema=schema)

    values = pa.array(sorted(ids), pa.string())
    left = [[piece for piece in row if piece[0] not in ids] for row in sequences]
    assert cut_pieces(table(sequences).combine_chunks(), values, pad_id=2).to_pylist() == table(left).to_pylist()
    gone = [piece for row in sequences for piece in row if piece[0] in ids]
    found = look(table(sequences), values)
    assert found.tokens.total() == sum(len(tokens) for *_, tokens in gone)
    assert found.documents == sum(offset == 0 for _, offset, _ in gone)
    assert (found.pieces, found.sequences) == (
        len(gone),
        sum(any(piece[0] in ids for piece in row) for row in sequences),
    )


def _names(field: pa.Field) -> bool:
    """Whether a column has a name for each piece."""
    return field.name in ("languages", "domains", "sources")
