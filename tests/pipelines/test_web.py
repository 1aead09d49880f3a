"""From archives to the table `web`: hosts, blocklists, reservations of pages and sites, licences."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pieces import piece
from stages import Runner

from gristmill.pipelines import ingest, web
from gristmill.pipelines.checkpoints import Receipt, Store
from gristmill.pipelines.parts import Piece
from gristmill.schemas import DOCUMENTS, SITE_FILES, WEB, Recipe

TEXT = "<p>" + "A sentence of the article, long enough to be taken for content by the extractor. " * 4 + "</p>"
PAGE = f"<html><body>{TEXT}</body></html>"
ROBOTS = "text/plain"


def record(uri: str, body: str, *, kind: str = "text/html", date: str = "2020-01-01T00:00:00Z", **fields: str) -> bytes:
    names = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    block = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{names}\r\n{body}".encode()
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {uri}\r\nWARC-Date: {date}\r\n"
    return f"{head}Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


def recipe(**section: Any) -> Recipe:
    return Recipe.model_validate({"inputs": [{"name": "crawl", "paths": ["*.warc"]}], "web": section})


def ingested(run: Runner, given: Recipe, folder: Path) -> list[Receipt]:
    return run(ingest.stage(given, folder=str(folder), store=run.store))


def pieces_of(receipts: Sequence[Receipt]) -> list[Piece]:
    """Without signals, of which `web` reads nothing."""
    entries = [entry for receipt in receipts for entry in receipt.of(DOCUMENTS)]
    return [Piece(documents=entry, signals=entry) for entry in entries]


def measured(run: Runner, given: Recipe, folder: Path) -> dict[str, dict[str, Any]]:
    """Rows of `web` by URL."""
    documents = ingested(run, given, folder)
    receipts = run(web.stage(given, folder=str(folder), pieces=pieces_of(documents), documents=documents))
    urls = {row["doc_id"]: row["uri"] for row in rows(run.store, documents, DOCUMENTS.name)}
    return {urls[row["doc_id"]]: row for row in rows(run.store, receipts, WEB.name)}


def rows(store: Store, receipts: Sequence[Receipt], table: str) -> list[dict[str, Any]]:
    paths = [entry.path for receipt in receipts for entry in receipt.files if entry.table == table]
    return [row for path in paths for row in pq.read_table(store.path(path)).to_pylist()]


def columns(row: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_everything_that_is_known_of_a_page(tmp_path: Path) -> None:
    page = (
        '<html><head><meta name="robots" content="noai, noindex">'
        '<link rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">'
        f'<link rel="canonical" href="https://mirror.example/a"></head><body>{TEXT}</body></html>'
    )
    (tmp_path / "a.warc").write_bytes(
        record("https://www.Example.co.uk:443/a", page, X_Robots_Tag="gptbot: none") + record("http://[::1]/", PAGE)
    )
    (tmp_path / "ads").write_text("0.0.0.0 example.co.uk\n")
    (tmp_path / "ut1" / "adult").mkdir(parents=True)
    (tmp_path / "ut1" / "adult" / "urls").write_text("mirror.example/a\nexample.co.uk/b\n")
    given = recipe(blocklists=[{"name": "ut1", "path": "ut1"}, {"name": "ads", "path": "ads"}])
    web.check(given, folder=str(tmp_path))
    found = measured(Runner(tmp_path / "out"), given, tmp_path)
    assert columns(found["https://www.Example.co.uk:443/a"], *WEB.schema.names[1:]) == (
        2,
        2,
        "www.example.co.uk",
        "example.co.uk",
        ["ads", "ut1:adult"],
        ["meta:noai", "meta:noindex", "header:gptbot:none"],
        "CC-BY-SA-4.0",
    )
    assert columns(found["http://[::1]/"], *WEB.schema.names[1:]) == (0, 0, "::1", None, [], [], None)


def test_directives_and_agents_are_the_recipe_s(tmp_path: Path) -> None:
    head = '<head><meta name="robots" content="noai, noindex"><meta name="otherbot" content="none"></head>'
    (tmp_path / "a.warc").write_bytes(record("http://a.example/", PAGE.replace("<body>", f"{head}<body>")))
    run = Runner(tmp_path / "out")
    for directives, agents, count in (
        (["noai"], ["GPTBot"], 1),
        (["noai", "noindex"], ["GPTBot"], 2),
        ([], ["OtherBot"], 1),
        (["noml"], ["GPTBot"], 0),
    ):
        given = recipe(directives=directives, agents=agents)
        (row,) = measured(run, given, tmp_path).values()
        assert columns(row, "opt_outs", "opt_outs_found") == (
            count,
            ["meta:noai", "meta:noindex", "meta:otherbot:none"],
        )


def robots(uri: str, text: str, date: str = "2020-01-01T00:00:00Z") -> bytes:
    return record(uri, text, kind=ROBOTS, date=date)


def test_robots_txt_holds_for_its_host_in_the_whole_corpus(tmp_path: Path) -> None:
    (tmp_path / "pages.warc").write_bytes(
        b"".join(
            record(url, PAGE) for url in ("http://a.example/x", "https://A.example/open", "http://www.a.example/x")
        )
    )
    (tmp_path / "robots.warc").write_bytes(
        robots("https://a.example/robots.txt", "User-agent: gptbot\nDisallow: /\nAllow: /open\n")
        + robots("https://b.example/robots.txt", "User-agent: GPTBot\nDisallow: /\n")
        + record("https://c.example/robots.txt", PAGE)
    )
    run = Runner(tmp_path / "out")
    given = recipe()
    documents = ingested(run, given, tmp_path)
    status = {row["uri"]: columns(row, "status", "rule") for row in rows(run.store, documents, DOCUMENTS.name)}
    assert status["https://a.example/robots.txt"] == ("skipped", "warc.robots")
    assert status["https://c.example/robots.txt"] == ("ok", None)
    assert len(rows(run.store, documents, SITE_FILES.name)) == 2
    found = measured(run, given, tmp_path)
    assert columns(found["http://a.example/x"], "opt_outs", "opt_outs_found") == (1, ["robots:GPTBot"])
    assert columns(found["https://A.example/open"], "opt_outs", "opt_outs_found") == (0, [])
    assert columns(found["http://www.a.example/x"], "opt_outs", "opt_outs_found") == (0, [])


def test_the_latest_robots_txt_counts_whatever_the_order(tmp_path: Path) -> None:
    files = [
        robots("http://a.example/robots.txt", "User-agent: GPTBot\nDisallow: /\n", "2020-01-01T00:00:00Z"),
        robots("http://a.example/robots.txt", "User-agent: CCBot\nDisallow: /\n", "2021-01-01T00:00:00Z"),
        robots("http://a.example/robots.txt", "User-agent: Bytespider\nDisallow: /\n", "2021-01-01T00:00:00Z"),
        robots("http://b.example/robots.txt", "User-agent: GPTBot\nDisallow: /\n", "2020-01-01T00:00:00Z"),
        robots("http://b.example/robots.txt", "User-agent: *\nDisallow: /\n", "2022-01-01T00:00:00Z"),
    ]
    seen = set()
    for number, order in enumerate(itertools.permutations(files[:3])):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "page.warc").write_bytes(record("http://a.example/x", PAGE) + record("http://b.example/x", PAGE))
        for name, data in zip("012", order, strict=True):
            (folder / f"{name}.warc").write_bytes(data + b"".join(files[3:] if name == "1" else files[:2:-1]))
        found = measured(Runner(folder / "out"), recipe(), folder)
        seen.add(tuple(found["http://a.example/x"]["opt_outs_found"]))
        assert found["http://b.example/x"]["opt_outs_found"] == []
    assert len(seen) == 1
    assert seen <= {("robots:CCBot",), ("robots:Bytespider",)}


def test_tdm_file_and_what_goes_over_it(tmp_path: Path) -> None:
    rules = '[{"location": "/open/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]'
    lifted = PAGE.replace("<body>", '<head><meta name="tdm-reservation" content="0"></head><body>')
    (tmp_path / "a.warc").write_bytes(
        record("http://a.example/.well-known/tdmrep.json", rules, kind="application/json")
        + record("http://a.example/x", PAGE)
        + record("http://a.example/open/x", PAGE)
        + record("http://a.example/lifted", lifted)
        + record("http://a.example/open/but", PAGE, TDM_Reservation="1")
    )
    found = measured(Runner(tmp_path / "out"), recipe(), tmp_path)
    shown = {url.rpartition("a.example")[2]: columns(row, "opt_outs", "opt_outs_found") for url, row in found.items()}
    assert shown == {
        "/x": (1, ["site:tdm"]),
        "/open/x": (0, ["site:tdm:0"]),
        "/lifted": (0, ["meta:tdm:0", "site:tdm"]),
        "/open/but": (1, ["header:tdm", "site:tdm:0"]),
    }


def test_only_what_depends_on_a_change_is_done_again(tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(record("http://a.example/x", PAGE))
    (tmp_path / "list").write_text("a.example\n")
    run = Runner(tmp_path / "out")
    lists = [{"name": "bad", "path": "list"}]
    documents = ingested(run, recipe(), tmp_path)

    def done(given: Recipe) -> dict[str, int]:
        run(web.stage(given, folder=str(tmp_path), pieces=pieces_of(documents), documents=documents))
        return run.done

    assert done(recipe()) == {"web": 1}
    assert done(recipe(blocklists=lists)) == {"blocklists": 1, "web": 1}
    assert done(recipe(blocklists=lists, blocked="flag", opt_outs="drop")) == {}
    (tmp_path / "list").write_text("a.example\n\n# the same entries\n")
    assert done(recipe(blocklists=lists)) == {"blocklists": 1}
    assert done(recipe(blocklists=lists, agents=["GPTBot"])) == {"web": 1}
    (tmp_path / "robots.warc").write_bytes(robots("http://b.example/robots.txt", "User-agent: *\nDisallow: /"))
    documents = ingested(run, recipe(), tmp_path)
    assert done(recipe(blocklists=lists, agents=["GPTBot"])) == {"site_rules": 1, "web": 1}  # says nothing to GPTBot
    (tmp_path / "more.warc").write_bytes(robots("http://b.example/robots.txt", "User-agent: GPTBot\nDisallow: /"))
    documents = ingested(run, recipe(), tmp_path)
    assert done(recipe(blocklists=lists, agents=["GPTBot"])) == {"site_rules": 1, "web": 3}


def test_urls_of_any_kind(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    uris = ["data/part-0.jsonl#7", "", None, "http://", "http://é.example/\U0001f600", "http://a.example/" + "x" * 5000]
    documents = [{"uri": uri, "opt_outs": None} for uri in uris]
    one = piece(store, documents)
    (receipt,) = Runner(tmp_path / "out")(web.stage(recipe(), folder=str(tmp_path), pieces=[one], documents=[]))
    (entry,) = receipt.of(WEB)
    table = pq.read_table(store.path(entry.path))
    assert table.schema.equals(WEB.schema)
    assert table["host"].to_pylist() == [None, None, None, None, "xn--9ca.example", "a.example"]
    assert receipt.descriptor["documents"] == one.key


def test_no_pieces(tmp_path: Path) -> None:
    assert Runner(tmp_path / "out")(web.stage(recipe(), folder=str(tmp_path), pieces=[], documents=[])) == []


@pytest.mark.parametrize(
    ("licence", "message"),
    [
        ("cc-by-4.0", r"web.licences\[1\]: 'cc-by-4.0' is no name .*; did you mean 'CC-BY-4.0'\?"),
        ("Apache 2.0", "did you mean 'Apache-2.0'"),
        ("", "'' is no name of a licence that pages state"),
    ],
)
def test_a_licence_that_no_page_can_state_is_an_error(licence: str, message: str) -> None:
    def given(*licences: str) -> Recipe:
        return Recipe.model_validate({"inputs": [{"name": "x", "paths": ["x"]}], "web": {"licences": licences}})

    web.check(given("CC-BY-SA-2.5", "CC0-1.0", "CC-BY", "GFDL-1.3", "public-domain", "BSD-2-Clause"), folder=".")
    with pytest.raises(ValueError, match=message):
        web.check(given("MIT", licence), folder=".")
