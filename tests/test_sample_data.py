"""The sample corpus is what its builder makes of the texts, and its two lists tell the truth about it."""

import importlib.metadata
import json
import re
import subprocess
import sys
import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import lz4.frame
import pyarrow.parquet as pq
import pytest
import zstandard
from fastwarc.warc import ArchiveIterator, WarcRecordType

SAMPLE = Path(__file__).resolve().parents[1] / "sample_data"
CORPUS = SAMPLE / "corpus"
PLANTED_AT_LEAST = {
    "exact_duplicate": 12,
    "near_duplicate": 12,
    "spam": 10,
    "junk": 10,
    "boilerplate_only": 8,
    "encoding": 20,
    "mojibake": 4,
    "personal_data": 8,
}
EXPECTATIONS = {"kept", "dropped", "duplicate", "skipped", "unreadable"}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


PLANTED = rows(SAMPLE / "planted.jsonl")
INVENTORY = rows(SAMPLE / "inventory.jsonl")


def build(dest: Path) -> Path:
    subprocess.run([sys.executable, SAMPLE / "build.py", dest], check=True, capture_output=True)
    return dest


def built_files(root: Path) -> dict[str, bytes]:
    found = {str(p.relative_to(root)): p.read_bytes() for p in (root / "corpus").rglob("*") if p.is_file()}
    return found | {name: (root / name).read_bytes() for name in ("planted.jsonl", "inventory.jsonl")}


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return built_files(build(tmp_path_factory.mktemp("first")))


def test_building_again_gives_the_committed_bytes(rebuilt: dict[str, bytes]) -> None:
    committed = built_files(SAMPLE)
    assert sorted(rebuilt) == sorted(committed)
    recorded = json.loads((SAMPLE / "built_with.json").read_text("utf-8"))
    here = {name: importlib.metadata.version(name) for name in recorded if name != "zlib"}
    same_codecs = {"zlib": zlib.ZLIB_RUNTIME_VERSION, **here} == recorded
    # Other versions of the codecs may pack the same content into other bytes, within WARC payloads too.
    packed = re.compile(r"\.(gz|zst|lz4|warc|parquet)$|^corpus/damaged/|^planted|^inventory")
    differ = [n for n in committed if rebuilt[n] != committed[n] and (same_codecs or not packed.search(n))]
    assert differ == []


def test_building_twice_gives_the_same_bytes(rebuilt: dict[str, bytes], tmp_path: Path) -> None:
    assert built_files(build(tmp_path)) == rebuilt


def test_size() -> None:
    files = [p for p in SAMPLE.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert sum(p.stat().st_size for p in files) < 6_000_000
    assert sum(p.stat().st_size for p in CORPUS.rglob("*") if p.is_file()) < 3_000_000


def web_documents(path: Path) -> int:
    count = 0
    with path.open("rb") as stream:
        for record in ArchiveIterator(stream):
            if record.record_type == WarcRecordType.response:
                kind = record.http_headers.get("Content-Type") or "text/html"
                html = "html" in kind.lower() or kind.startswith("text/plain")
                count += record.http_headers.status_code == 200 and html
            else:
                count += record.record_type == WarcRecordType.conversion
    return count


def test_there_are_enough_documents_languages_and_scripts() -> None:
    counted = sum(web_documents(path) for path in (CORPUS / "web").iterdir())
    counted += pq.read_metadata(CORPUS / "domain" / "medicine.parquet").num_rows
    counted += sum(plain(path).count(b"\n") for path in CORPUS.glob("domain/*.jsonl*"))
    counted += sum(entry["file"].endswith((".csv", ".tsv")) for entry in INVENTORY)
    counted += sum(1 for folder in ("electric_vehicles", "legacy") for _ in (CORPUS / "domain" / folder).iterdir())
    assert counted >= 600
    assert len(INVENTORY) >= 600
    languages = Counter(entry["lang"] for entry in INVENTORY if "lang" in entry)
    assert len(languages) >= 24
    assert min(languages.values()) >= 8
    assert len({language.partition("_")[2] for language in languages}) >= 10


def test_reference_is_held_back() -> None:
    reference = rows(CORPUS / "reference" / "reference.jsonl")
    assert len(reference) == 20
    assert len({row["lang"] for row in reference}) >= 10
    last_paragraphs = {row["text"].rpartition("\n\n")[2] for row in reference}
    inputs = b"".join(plain(p) for p in CORPUS.rglob("*") if p.is_file() and p.parent.name != "reference")
    assert not [text for text in last_paragraphs if text.encode() in inputs]


@cache
def plain(path: Path) -> bytes:
    """A file's decompressed content, as much of it as there is."""
    data = path.read_bytes()
    match path.suffix:
        case ".gz":
            starts = [match.start() for match in re.finditer(rb"\x1f\x8b\x08\x00\x00\x00\x00\x00", data)]
            return b"".join(zlib.decompressobj(31).decompress(data[start:]) for start in starts)
        case ".zst":
            return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()
        case ".lz4":
            whole: bytes = lz4.frame.open(path).read()
            return whole
        case _:
            return data


@cache
def addresses() -> frozenset[str]:
    found: set[str] = set()
    for path in CORPUS.rglob("*.warc*"):
        found |= {uri.decode() for uri in re.findall(rb"WARC-Target-URI: (.*)\r\n", plain(path))}
    return frozenset(found)


@cache
def row_ids(uri: str) -> frozenset[str]:
    path = CORPUS / uri
    if path.suffix == ".parquet":
        return frozenset(pq.read_table(path, columns=["id"])["id"].to_pylist())
    start = r"^" if path.suffix in (".csv", ".tsv") else r'^(?:\ufeff)?\{"id": "'
    return frozenset(re.findall(start + r"([a-z]+-[\w-]+)", plain(path).decode("utf-8", "replace"), re.MULTILINE))


def is_there(uri: str, key: str | None) -> bool:
    if uri.startswith("http"):
        return uri in addresses()
    return (CORPUS / uri).is_file() and (key is None or key in row_ids(uri))


def test_planted_is_well_formed() -> None:
    for case in PLANTED:
        assert {"uri", "kind", "expect", "reason"} <= case.keys(), case
        assert case["expect"] in EXPECTATIONS
        assert case["reason"].strip()
        assert "\n" not in case["reason"]
        assert ("of" in case) or case["expect"] != "duplicate", case
        assert case.get("jaccard", 1) > 0.85
    places = Counter((case["uri"], case.get("id"), case.get("row")) for case in PLANTED)
    assert max(places.values()) == 1
    kinds = Counter(case["kind"] for case in PLANTED)
    assert {kind: kinds[kind] for kind, least in PLANTED_AT_LEAST.items() if kinds[kind] < least} == {}


def test_everything_listed_is_there() -> None:
    assert [entry for entry in INVENTORY if not is_there(entry["uri"], entry.get("id"))] == []
    assert [case for case in PLANTED if not is_there(case["uri"], case.get("id"))] == []
    originals = [(case["of"], case.get("of_id")) for case in PLANTED if "of" in case]
    assert [place for place in originals if not is_there(*place)] == []


def test_every_document_is_listed_once() -> None:
    places = Counter((entry["uri"], entry.get("id")) for entry in INVENTORY)
    assert max(places.values()) == 1
    assert {entry["file"] for entry in INVENTORY} | {"reference/reference.jsonl"} == {
        path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*") if path.is_file()
    }
