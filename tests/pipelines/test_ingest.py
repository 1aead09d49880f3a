"""Ingest: what records become as rows of `documents`."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from stages import Runner

from gristmill.pipelines import ingest
from gristmill.schemas import DOCUMENTS, Recipe

PAGE = '<html><head><meta name="date" content="2019-12-24"></head><body><p>Some text of a page.</p></body></html>'


def record(uri: str, *, date: str, kind: str = "response", block: str | None = None) -> bytes:
    block = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{PAGE}" if block is None else block
    head = f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {uri}\r\nWARC-Date: {date}\r\n"
    return f"{head}Content-Length: {len(block)}\r\n\r\n{block}\r\n\r\n".encode()


def ingested(folder: Path) -> dict[str, dict[str, Any]]:
    """Rows of `documents` by URL."""
    recipe = Recipe.model_validate({"inputs": [{"name": "all", "paths": ["in/*"]}]})
    run = Runner(folder / "out")
    receipts = run(ingest.stage(recipe, folder=str(folder), store=run.store))
    paths = [run.store.path(entry.path) for receipt in receipts for entry in receipt.of(DOCUMENTS)]
    return {row["uri"]: row for path in paths for row in pq.read_table(path).to_pylist()}


def test_archives_date_their_captures_whatever_a_page_says(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.warc").write_bytes(
        record("http://a.example/page", date="2024-05-06T04:00:05Z")
        + record("http://a.example/text", date="2024-05-06T04:00:05.5Z", kind="conversion", block="Text of a page.")
        + record("http://a.example/asked", date="2024-05-06T04:00:05Z", kind="request", block="GET / HTTP/1.1")
        + record("http://a.example/lost", date="long ago")
    )
    row = {"url": "http://b.example/", "text": "Text of a row.", "date": "2024-05-06T04:00:05Z"}
    (tmp_path / "in" / "b.jsonl").write_text(json.dumps(row))
    found = ingested(tmp_path)
    assert {uri: (row["captured"], row["date"]) for uri, row in found.items()} == {
        "http://a.example/page": ("2024-05-06T04:00:05+00:00", "2019-12-24"),
        "http://a.example/text": ("2024-05-06T04:00:05.500000+00:00", "2024-05-06T04:00:05.5Z"),
        "http://a.example/asked": ("2024-05-06T04:00:05+00:00", "2024-05-06T04:00:05Z"),
        "http://a.example/lost": (None, "2019-12-24"),
        "http://b.example/": (None, "2024-05-06T04:00:05Z"),
    }
