"""What pages say of reservations and licences; title, URL and date are in test_extraction."""

import json

import pytest

from gristmill.pipelines.extraction import Extracted, extract
from gristmill.pipelines.readers.records import Record

BODY = "<p>" + "A sentence of the article, long enough to be taken for content by the extractor. " * 4 + "</p>"
CC = "https://creativecommons.org/licenses"
BY = f"{CC}/by/4.0/"


def run(head: str = "", *, body: str = BODY, headers: tuple[tuple[str, str], ...] | None = None) -> Extracted:
    data = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>".encode()
    record = Record(offset=0, payload=data, media_type="text/html", n_bytes=len(data), headers=headers)
    return extract(record, extractor="resiliparse")


def ld_json(value: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


@pytest.mark.parametrize(
    ("head", "opt_outs"),
    [
        ("", []),
        ('<meta name="ROBOTS" content="noai, NOIMAGEAI">', ["meta:noai", "meta:noimageai"]),
        ('<meta name="robots" content="noai"><meta name="robots" content="noml">', ["meta:noai", "meta:noml"]),
        ('<meta name="GPTBot" content="noindex">', ["meta:gptbot:noindex"]),
        ('<meta name="tdm-reservation" content="1">', ["meta:tdm"]),
        ("<meta name=robots><meta content=noai><meta>", []),
    ],
)
def test_opt_outs_of_pages(head: str, opt_outs: list[str]) -> None:
    assert run(head).opt_outs == opt_outs


def test_opt_outs_of_headers() -> None:
    headers = (("x-robots-tag", "noai"), ("x-robots-tag", "gptbot: none"), ("tdm-reservation", "0"))
    found = run('<meta name="robots" content="noindex">', headers=headers)
    assert found.opt_outs == ["header:noai", "meta:noindex", "header:gptbot:none", "header:tdm:0"]
    text = Record(offset=0, payload=b"text", media_type="text/plain", n_bytes=4, headers=headers[:1])
    assert extract(text, extractor="resiliparse").opt_outs == ["header:noai"]


def test_records_that_can_reserve_nothing() -> None:
    wet = Record(offset=0, payload=b"noai", media_type="text/plain", n_bytes=4)
    jsonl = Record(offset=0, text="noai", n_bytes=4)
    for record in (wet, jsonl):
        found = extract(record, extractor="resiliparse")
        assert (found.opt_outs, found.licence) == (None, None)


@pytest.mark.parametrize(
    ("head", "body", "licence"),
    [
        (f'<link rel="license" href="{BY}">', BODY, "CC-BY-4.0"),
        (f'<link rel="alternate license" href="{BY}">', BODY, "CC-BY-4.0"),
        ('<link rel="license" href="/terms">', BODY, None),
        ("", f'{BODY}<a rel="License noopener" href="{BY}">terms</a>', "CC-BY-4.0"),
        ("", f'{BODY}<a itemprop="license" href="{BY}">terms</a>', "CC-BY-4.0"),
        ("", f'{BODY}<a property="cc:license" href="{BY}">terms</a>', "CC-BY-4.0"),
        (f'<meta name="DC.rights" content="{BY}">', BODY, "CC-BY-4.0"),
        ('<meta name="dcterms.license" content="CC BY-SA 3.0">', BODY, "CC-BY-SA-3.0"),
        ('<meta name="copyright" content="Example Ltd">', BODY, None),
        (ld_json({"@type": "Article", "license": BY}), BODY, "CC-BY-4.0"),
        (ld_json({"@graph": [{"@type": "Article", "license": {"@id": BY}}]}), BODY, "CC-BY-4.0"),
        (ld_json({"@type": "Article", "license": [5, {"url": BY}]}), BODY, "CC-BY-4.0"),
        (ld_json({"@type": "Article", "image": {"@type": ["ImageObject"], "license": BY}}), BODY, None),
        ("", f'{BODY}<footer><p><a href="{BY}">CC</a></p></footer>', "CC-BY-4.0"),
        ("", f'{BODY}<div id="page-footer"><a href="{BY}">CC</a></div>', "CC-BY-4.0"),
        ("", f'{BODY}<p class="x copyright-notice"><a href="{BY}">CC</a></p>', "CC-BY-4.0"),
        ("", f'{BODY}<p>An article on <a href="{BY}">a licence</a>.</p>', None),
        ("", f'{BODY}<p class="footnote">See <a href="{BY}">the licence</a>.</p>', None),
        ("", f'<figure><img><figcaption><a rel="license" href="{BY}">x</a></figcaption></figure>{BODY}', None),
        (f'<link rel="license" href="{CC}/by-nc/4.0/">', f'<footer><a href="{BY}">x</a></footer>', "CC-BY-NC-4.0"),
        ('<link rel="license" href="/terms">', f'<footer><a href="{BY}">x</a></footer>', "CC-BY-4.0"),
        ('<meta name="license" content="CC0">', f'<footer><a href="{BY}">x</a></footer>', "CC0-1.0"),
    ],
)
def test_licences_of_pages(head: str, body: str, licence: str | None) -> None:
    assert run(head, body=body).licence == licence


def test_licence_of_the_header() -> None:
    headers = (("link", f'</a>; rel="next", <{BY}>; rel="license"'),)
    assert run('<meta name="license" content="CC0">', headers=headers).licence == "CC-BY-4.0"
