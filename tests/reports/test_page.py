import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gristmill.reports.page import write_page

_VOID = {"meta", "br", "rect", "line"}
_ACTIVE = {"script", "link", "img", "iframe", "object", "embed", "form", "base"}


class _Page(HTMLParser):
    """Checks nesting, and collects what could act or load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids |= {value for name, value in attrs if name == "id" and value}
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:  # </rect>, where it holds a title
            return
        assert self.open.pop() == tag


def _parsed(html: str) -> _Page:
    page = _Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


@pytest.fixture(scope="module")
def html(shared: str) -> str:
    return write_page(shared).read_text("utf-8")


def test_the_page_is_well_formed_and_loads_nothing(html: str) -> None:
    page = _parsed(html)
    assert not _ACTIVE.intersection(page.tags)
    links = [value or "" for name, value in page.attributes if name in ("href", "src", "action", "data", "srcset")]
    assert links
    assert all(each.startswith("#") and each[1:] in page.ids for each in links)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "url(" not in html
    assert "@import" not in html


def test_strangers_words_are_shown_not_run(html: str) -> None:
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; \\x1b[31mred" in html
    assert "https://evil.example/\\x1b[2J&lt;b&gt;" in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "${name}" in html
    assert "<blockquote dir=auto>الطاحونة" in html


def test_the_folders_name_is_escaped_too(folder: Any, tmp_path: Path) -> None:
    html = write_page(str(folder.write(tmp_path / "<i>$summary &"))).read_text("utf-8")
    _parsed(html)
    assert "<title>&lt;i&gt;$summary &amp; · Gristmill report</title>" in html


def test_the_numbers_are_there(html: str) -> None:
    text = re.sub(r"<[^>]*>", " ", html)
    words = " ".join(text.split())
    assert "records in 12 15.5 KiB" in words
    assert "documents kept 4 33.3 % of records" in words
    assert "tokens in shards 1,815 in 2 sequences" in words
    assert "eng_Latn 5 2 1 2 0 0 13.4 KiB 6.3 KiB 1,705" in words
    assert "Reconciled: all 12 records" in words
    assert "3 documents (1 exact, 1 near; least similarity 0.875)" in words
    assert "tha_Thai 80 4.41 % 40 2.00 1" in words
    assert 'aria-label="eng_Latn: kept 40.0 %, dropped 20.0 %, duplicate 40.0 %"' in html


def test_the_page_says_when_the_tables_disagree(folder: Any, tmp_path: Path) -> None:
    del folder.ledger[6]
    html = write_page(str(folder.write(tmp_path / "out"))).read_text("utf-8")
    assert "The tables do not agree" in html
    assert "1 records are missing from the ledger" in html


def test_the_same_tables_give_the_same_bytes(out: str) -> None:
    first = write_page(out).read_bytes()
    assert write_page(out).read_bytes() == first
    assert [path.name for path in Path(out).iterdir() if "report" in path.name] == ["report.html"]


def test_a_new_folder_has_a_page(empty: str) -> None:
    html = write_page(empty).read_text("utf-8")
    _parsed(html)
    assert "The ledger is empty" in html


def test_many_languages_are_folded_away(folder: Any, tmp_path: Path) -> None:
    for number in range(50):
        folder.add(100 + number, language=f"q{chr(97 + number % 26)}{chr(97 + number // 26)}_Latn", text="x", size=10)
    html = write_page(str(folder.write(tmp_path / "out"))).read_text("utf-8")
    _parsed(html)
    assert "15 more languages" in html


def test_measures_have_tables_of_their_own(out: str) -> None:
    page = write_page(out).read_text("utf-8")
    for title in ("Documents in more than one language", "Quality score by language", "Personal data by language"):
        assert f"<h3>{title}</h3>" in page
    assert "xquad" in page
    assert "meta:noai&lt;b&gt;" in page


def test_measures_that_were_not_taken_are_left_out(out: str) -> None:
    for name in ("personal", "web", "contamination", "quality"):
        shutil.rmtree(Path(out) / name)
    page = write_page(out).read_text("utf-8")
    assert "<h3>Documents in more than one language</h3>" in page
    assert "<h3>Personal data by language</h3>" not in page
