"""Pages to main text, title, URL and date."""

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.pipelines.extraction import Extracted, extract
from gristmill.pipelines.readers.records import Record

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
BODY = "<p>" + "A sentence of the article, long enough to be taken for content by the extractor. " * 4 + "</p>"


def page(head: str = "", body: str = f"<article><h1>Heading</h1>{BODY * 3}</article>") -> str:
    return f"<!doctype html><html><head>{head}</head><body><nav><a href=/>Home</a></nav>{body}</body></html>"


def run(payload: str, *, media_type: str = "text/html", uri: str | None = None, date: str | None = None) -> Extracted:
    data = payload.encode()
    record = Record(offset=0, payload=data, media_type=media_type, n_bytes=len(data), uri=uri, date=date)
    return extract(record, extractor="resiliparse")


def test_main_content() -> None:
    found = run(page())
    assert found.text.startswith("Heading\n\nA sentence of the article")
    assert "Home" not in found.text
    assert found.encoding == "utf-8"


def test_falls_back_to_the_whole_page() -> None:
    found = run("<html><body><nav><a href=/>Only</a> <a href=/x>links</a></nav></body></html>")
    assert "Only" in found.text


@pytest.mark.parametrize("html", ["", "<html></html>", "<script>x()</script>", "   "])
def test_pages_without_content_are_empty(html: str) -> None:
    assert run(html).text == ""


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title> A\n title </title>", "A title"),
        ('<title>x</title><meta property="og:title" content="From &amp; og">', "From & og"),
        ("", None),
    ],
)
def test_title(head: str, title: str | None) -> None:
    assert run(page(head)).title == title


@pytest.mark.parametrize(
    ("head", "uri"),
    [
        ('<link rel="canonical" href="https://example.org/a">', "https://example.org/a"),
        ('<link rel="canonical" href="/b?c=d">', "https://example.com/b?c=d"),
        ('<link rel="canonical" href="javascript:alert(1)">', "https://example.com/x"),
        ('<link rel="canonical" href="http://[bad">', "https://example.com/x"),
        ('<meta property="og:url" content="https://example.org/og">', "https://example.org/og"),
        ("", "https://example.com/x"),
    ],
)
def test_canonical_url(head: str, uri: str) -> None:
    assert run(page(head), uri="https://example.com/x").uri == uri


@pytest.mark.parametrize(
    ("head", "date"),
    [
        ('<meta property="article:published_time" content="2020-02-03T04:05:06+01:00">', "2020-02-03T04:05:06+01:00"),
        ('<script type="application/ld+json">{"@graph":[{"datePublished":"2019-01-02"}]}</script>', "2019-01-02"),
        ('<script type="application/ld+json">{"datePublished": 5}</script>', "2001-01-01"),
        ('<script type="application/ld+json">' + "[" * 9999 + '"datePublished"</script>', "2001-01-01"),
        ('<meta property="article:published_time" content="0001-01-01T00:00:00Z">', "2001-01-01"),
        ("", "2001-01-01"),
    ],
)
def test_date(head: str, date: str) -> None:
    assert run(page(head), date="2001-01-01").date == date


def test_time_element() -> None:
    assert run(page(body=f'<time datetime="2018-05-06">May</time>{BODY}')).date == "2018-05-06"


@pytest.mark.parametrize(
    ("text", "title", "body"),
    [
        ("---\ntitle: The Title\ntags: x\n---\n# Heading\n\nText", "The Title", "# Heading\n\nText"),
        ("# Heading #\n\nText *kept*", "Heading", "# Heading #\n\nText *kept*"),
        ("Heading\n=======\nText", "Heading", "Heading\n=======\nText"),
        ("No heading", None, "No heading"),
    ],
)
def test_markdown(text: str, title: str | None, body: str) -> None:
    found = run(text, media_type="text/markdown")
    assert (found.title, found.text) == (title, body)


def test_ready_text_is_only_cleaned() -> None:
    record = Record(offset=0, text="schÃ¶n <b>", payload=b"x", media_type="text/plain", charset="utf-8", n_bytes=1)
    assert extract(record, extractor="resiliparse") == Extracted(
        text="schön <b>", title=None, uri=None, date=None, encoding="utf-8", opt_outs=None, licence=None
    )


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + "x",
        "<p><b>" * 20_000 + "x",
        "<table><tr><td>" * 20_000 + "x",
        "<ul><li>" * 50_000 + "x",
        "<x " + " ".join(f"a{i}=1" for i in range(100_000)) + ">y",
        "<!--" * 100_000,
        "<a b='" * 100_000,
        "<head>" + "".join(f"<meta name=bot{n} content=noindex>" for n in range(30_000)),
        "<head>" + f"<meta name=robots content='{'noai,' * 1_000_000}'>" * 2,
        "<head>" + "<link rel=license href=https://creativecommons.org/licenses/by/4.0/>" * 20_000,
        "<div class='" + "footer " * 200_000 + "'>" * 3 + "<a rel=license href=x>" * 5_000,
        '<script type="application/ld+json">{"license": "x", "datePublished": 1}</script>' * 10_000,
    ],
    ids=[
        *("divs", "bold", "tables", "lists", "attributes", "comments", "quotes"),
        *("metas", "long content", "licences", "long class", "scripts"),
    ],
)
def test_hostile_pages_end_soon(html: str) -> None:
    start = time.process_time()
    run(html)
    assert time.process_time() - start < 5


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["<", ">", "div", "</", "<p>", "x ", "&", "'", '"', "<title>", "\0", "é", "<!--"])))
def test_any_markup(parts: list[str]) -> None:
    assert "\0" not in run("".join(parts)).text


def test_trafilatura() -> None:
    pytest.importorskip("trafilatura", exc_type=ImportError)
    data = page().encode()
    found = extract(Record(offset=0, payload=data, media_type="text/html", n_bytes=1), extractor="trafilatura")
    assert "A sentence of the article" in found.text
    assert "Home" not in found.text


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here")
def test_article_extraction_benchmark() -> None:
    folder = SHARED / "html" / "article-extraction-benchmark"
    truth = json.loads((folder / "ground-truth.json").read_text())
    scores = []
    for name in sorted(truth)[:40]:
        payload = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        record = Record(offset=0, payload=payload, media_type="text/html", n_bytes=len(payload))
        found = extract(record, extractor="resiliparse")
        expected, got = set(truth[name]["articleBody"].split()), set(found.text.split())
        scores.append(2 * len(expected & got) / (len(expected) + len(got)))
    assert sum(scores) / len(scores) > 0.9
