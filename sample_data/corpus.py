"""What the builder gathers before it writes: files, web captures, planted cases, an inventory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from articles import Article
from warc import Capture, members

Expect = Literal["kept", "dropped", "duplicate", "skipped", "unreadable"]

EPOCH = datetime(2024, 5, 6, 4, 0, 0)  # everything in the corpus is dated from here on


@dataclass(frozen=True)
class Case:
    """A planted case and what a good pipeline makes of it: one row of planted.jsonl."""

    uri: str
    kind: str
    expect: Expect
    reason: str
    id: str | None = None  # the record's own id, in files of rows
    url: str | None = None  # the record's own url, in files of rows
    row: int | None = None  # counted from 1, header left out: for rows too broken to have an id
    of: str | None = None  # uri of the original of a duplicate
    of_id: str | None = None
    of_url: str | None = None
    captured: str | None = None  # which capture, of a page that is captured several times
    of_captured: str | None = None
    jaccard: float | None = None  # 5-gram similarity to the original, before any extraction
    contains: str | None = None  # must be found in the text the pipeline makes of it
    personal: tuple[dict[str, str], ...] | None = None  # invented personal data in the text: kind, text
    stays: tuple[str, ...] | None = None  # looks like personal data, or like a repeated passage, and is none
    mixed: tuple[str, ...] | None = None  # the languages of its paragraphs; empty where one quotes another
    opt_outs: tuple[str, ...] | None = None  # reservations against training to be found
    blocklists: tuple[str, ...] | None = None  # blocklists to be found
    page_licence: str | None = None  # licence that the page states; empty where it states none
    contaminated_by: tuple[str, ...] | None = None  # evaluation items to be found
    removed: tuple[str, ...] | None = None  # repeated passages, which must not stand in the curated text
    copied: str | None = None  # a passage that other documents have as well
    copies: int | None = None  # how many of them keep it
    lang: str | None = None


@dataclass(frozen=True)
class Entry:
    """One document record of the corpus and the text behind it: one row of inventory.jsonl."""

    uri: str
    file: str
    id: str | None = None
    captured: str | None = None  # in a page's own time, where it is captured several times
    lang: str | None = None
    domain: str | None = None
    source: str | None = None  # file and slug of the plain text; none for generated mess
    slug: str | None = None


def row_url(key: str) -> str:
    """The url of a row of a file, which carries no other meaning than its id."""
    return f"https://library.example/{key.replace('-', '/', 1)}"


def as_row(item: Case | Entry) -> dict[str, Any]:
    return {key: value for key, value in asdict(item).items() if value is not None}


def json_lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8")


@dataclass
class Corpus:
    files: dict[str, bytes] = field(default_factory=dict)  # by path below corpus/
    captures: dict[str, list[Capture]] = field(default_factory=dict)  # by path of the WARC file
    cases: list[Case] = field(default_factory=list)
    inventory: list[Entry] = field(default_factory=list)
    _ticks: int = 0

    def tick(self) -> datetime:
        """The next moment of the crawl's clock."""
        self._ticks += 1
        return EPOCH + timedelta(seconds=41 * self._ticks)

    def plant(self, uri: str, kind: str, expect: Expect, reason: str, **more: Any) -> None:
        self.cases.append(Case(uri, kind, expect, reason, **more))

    def enter(self, uri: str, file: str, article: Article | None = None, **which: str | None) -> None:
        """List a document; `id` or `captured` say which, where several have the address."""
        known = {} if article is None else {key: getattr(article, key) for key in ("lang", "domain", "source", "slug")}
        self.inventory.append(Entry(uri, file, **which, **known))

    def add_file(self, path: str, data: bytes) -> None:
        if path in self.files:
            raise ValueError(f"{path} is written twice")
        self.files[path] = data

    def write_captures(self) -> None:
        """Turn the captures gathered so far into WARC files."""
        for name, captures in sorted(self.captures.items()):
            base = name.rpartition("/")[2]
            self.add_file(name, b"".join(members(base, captures, EPOCH)))
        self.captures.clear()
