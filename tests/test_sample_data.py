"""The sample corpus is what its builder makes of the texts, and its two lists tell the truth about it."""

import gzip
import importlib.metadata
import ipaddress
import json
import re
import subprocess
import sys
import tomllib
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import brotli
import lz4.frame
import phonenumbers
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
    "personal_data": 20,
    "mixed_languages": 8,
    "opt_out": 10,
    "blocklist": 5,
    "licence": 3,
    "contaminated": 20,
    "recaptured": 14,
    "repeated_passages": 36,
    "shared_boilerplate": 8,
    "copied_passage": 3,
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
    places = Counter((case["uri"], case.get("id"), case.get("row"), case.get("captured")) for case in PLANTED)
    assert max(places.values()) == 1
    kinds = Counter(case["kind"] for case in PLANTED)
    assert {kind: kinds[kind] for kind, least in PLANTED_AT_LEAST.items() if kinds[kind] < least} == {}


def test_everything_listed_is_there() -> None:
    assert [entry for entry in INVENTORY if not is_there(entry["uri"], entry.get("id"))] == []
    assert [case for case in PLANTED if not is_there(case["uri"], case.get("id"))] == []
    originals = [(case["of"], case.get("of_id")) for case in PLANTED if "of" in case]
    assert [place for place in originals if not is_there(*place)] == []


def test_every_document_is_listed_once() -> None:
    places = Counter((entry["uri"], entry.get("id"), entry.get("captured")) for entry in INVENTORY)
    assert max(places.values()) == 1
    no_documents = {"reference/reference.jsonl", "web/robots.warc.gz"}
    assert {entry["file"] for entry in INVENTORY} | no_documents == {
        path.relative_to(CORPUS).as_posix() for path in CORPUS.rglob("*") if path.is_file()
    }


@dataclass(frozen=True)
class Page:
    """A page of the corpus as it was captured: the fields of its answer in lower case, its HTML, its visible text."""

    headers: dict[str, str]
    html: str

    @property
    def text(self) -> str:
        without_emphasis = re.sub(r"</?(?:a|b|em)\b[^>]*>", "", self.html)
        return unescape(re.sub(r"<[^>]*>", "\n", without_emphasis))


UNPACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress}


@cache
def captures() -> dict[tuple[str, str], Page]:
    """The pages of planted cases about measures, and the rules that crawlers were given, with the date of capture."""
    wanted = {case["uri"] for case in PLANTED if case["kind"] in PLANTED_AT_LEAST or case["kind"] == "robots_txt"}
    found = {}
    for path in (CORPUS / "web").iterdir():
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, auto_decode="transfer"):
                uri = record.headers["WARC-Target-URI"]
                if uri in wanted:
                    headers = {name.lower(): value for name, value in record.http_headers}
                    body = UNPACK[headers.get("content-encoding", "")](record.reader.read())
                    when = record.record_date.isoformat()
                    found[uri, when] = Page(headers, body.decode("utf-8", "replace"))
    return found


def pages() -> dict[str, Page]:
    """The same, the last in the archives where a page was captured several times."""
    return {uri: page for (uri, _), page in captures().items()}


def cases(kind: str) -> list[dict[str, Any]]:
    return [case for case in PLANTED if case["kind"] == kind]


def is_luhn(text: str) -> bool:
    digits = [int(each) for each in text if each.isdigit()][::-1]
    return sum(digits[::2] + [sum(divmod(2 * each, 10)) for each in digits[1::2]]) % 10 == 0


def is_iban(text: str) -> bool:
    compact = text.replace(" ", "")
    return int("".join(str(int(each, 36)) for each in compact[4:] + compact[:4])) % 97 == 1


REGIONS = {"eng": "US", "deu": "DE", "fra": "FR"}


def region(number: str, lang: str) -> str | None:
    parsed = phonenumbers.parse(number, REGIONS.get(lang[:3]))
    return phonenumbers.region_code_for_number(parsed) if phonenumbers.is_valid_number(parsed) else None


class TestPersonalData:
    def spans(self, kind: str) -> list[tuple[str, str]]:
        return [
            (span["text"], case["lang"])
            for case in cases("personal_data")
            for span in case["personal"]
            if span["kind"] == kind
        ]

    def test_the_pages_hold_what_is_claimed(self) -> None:
        for case in cases("personal_data"):
            text = pages()[case["uri"]].text
            for listed in [span["text"] for span in case["personal"]] + case.get("stays", []):
                assert listed in text, (case["uri"], listed)

    def test_every_kind_is_there(self) -> None:
        found = Counter(span["kind"] for case in cases("personal_data") for span in case["personal"])
        assert set(found) == {"email", "phone", "ip", "iban", "card", "national_id"}
        assert min(found.values()) >= 3
        assert len({case["lang"] for case in cases("personal_data")}) >= 10
        assert any(not case["personal"] for case in cases("personal_data"))

    def test_checksums_are_right_and_those_of_near_misses_wrong(self) -> None:
        assert all(is_luhn(text) for text, _ in self.spans("card"))
        assert all(is_iban(text) for text, _ in self.spans("iban"))
        stays = [text for case in cases("personal_data") for text in case.get("stays", [])]
        cards = [text for text in stays if re.fullmatch(r"(\d{4} ){3}\d{4}", text)]
        accounts = [text for text in stays if re.fullmatch(r"[A-Z]{2}\d\d [\d ]+", text)]
        assert [bool(cards), bool(accounts)] == [True, True]
        assert not any(map(is_luhn, cards)) and not any(map(is_iban, accounts))

    def test_numbers_of_six_countries_are_valid(self) -> None:
        regions = {text: region(text, lang) for text, lang in self.spans("phone")}
        assert None not in regions.values(), regions
        assert len(set(regions.values())) >= 6

    def test_addresses_are_public_and_hosts_reserved(self) -> None:
        assert all(ipaddress.ip_address(text).is_global for text, _ in self.spans("ip"))
        assert {ipaddress.ip_address(text).version for text, _ in self.spans("ip")} == {4, 6}
        hosts = [text.rpartition("@")[2] for text, _ in self.spans("email")]
        reserved = re.compile(r"(.+\.)?example\.(com|net|org)")
        assert [host for host in hosts if not reserved.fullmatch(host)] == []
        assert any(not text.isascii() for text, _ in self.spans("email"))


SCRIPT_NAMES = {"Latn": "LATIN", "Deva": "DEVANAGARI", "Arab": "ARABIC", "Taml": "TAMIL", "Hans": "CJK"}


def source_text(theme: str, slug: str) -> str:
    """A text as it was written, with its title."""
    content = (SAMPLE / "planted_texts" / f"{theme}.txt").read_text("utf-8")
    return content.partition(f"=== {slug} | ")[2].partition("\n")[2].partition("\n=== ")[0]


def test_mixed_texts_are_mixed() -> None:
    slugs = {entry["uri"]: entry["slug"] for entry in INVENTORY if entry.get("source") == "planted_texts/mixed.txt"}
    assert set(slugs) == {case["uri"] for case in cases("mixed_languages")}
    for case in cases("mixed_languages"):
        letters = [each for each in source_text("mixed", slugs[case["uri"]]) if each.isalpha()]
        scripts = Counter(unicodedata.name(each).partition(" ")[0] for each in letters)
        for language in case["mixed"]:
            assert scripts[SCRIPT_NAMES[language.partition("_")[2]]] > len(letters) / 4, case["uri"]
        assert len(case["mixed"]) == 2 or "lang" in case


def is_listed(host: str) -> bool:
    """Whether the blocklist names a host or a domain that it is below."""
    lines = (SAMPLE / "lists" / "blocked-domains.txt").read_text("utf-8").splitlines()
    listed = {line.encode("idna").decode() for line in lines if line and not line.startswith("#")}
    labels = host.split(".")
    return any(".".join(labels[n:]) in listed for n in range(len(labels)))


class TestOrigins:
    def test_the_blocklist_names_the_blocked_hosts_alone(self) -> None:
        for case in PLANTED:
            if case["uri"].startswith("http"):
                assert is_listed(urlsplit(case["uri"]).hostname or "") == bool(case.get("blocklists")), case["uri"]
        assert {bool(case["blocklists"]) for case in cases("blocklist")} == {True, False}

    @pytest.mark.parametrize("case", cases("opt_out"), ids=lambda case: urlsplit(case["uri"]).hostname)
    def test_pages_carry_the_reservations_claimed(self, case: dict[str, Any]) -> None:
        page = pages()[case["uri"]]
        robots_meta = re.search(r'<meta name="robots" content="([^"]*)">', page.html)
        carried = {
            "meta:noai": "noai" in (robots_meta[1].split(", ") if robots_meta else ()),
            "header:noai": "noai" in page.headers.get("x-robots-tag", "").split(", "),
            "meta:tdm": '<meta name="tdm-reservation" content="1">' in page.html,
            "header:tdm": page.headers.get("tdm-reservation") == "1",
            "site:tdm": urlsplit(case["uri"]).path.startswith("/biblioteca/"),
            "robots:GPTBot": self.is_shut_out("GPTBot", case["uri"]),
            "robots:CCBot": self.is_shut_out("CCBot", case["uri"]),
        }
        assert {name for name, there in carried.items() if there} == set(case["opt_outs"])

    def is_shut_out(self, agent: str, url: str) -> bool:
        rules = pages().get(f"https://{urlsplit(url).hostname}/robots.txt")
        parser = RobotFileParser()
        parser.parse(rules.html.splitlines() if rules else [])
        return not parser.can_fetch(agent, url)

    def test_licences_are_stated_or_only_linked(self) -> None:
        stated = {case["page_licence"]: pages()[case["uri"]].html for case in cases("licence")}
        assert 'rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/"' in stated["CC-BY-SA-4.0"]
        assert 'rel="license" href="https://creativecommons.org/publicdomain/zero/1.0/"' in stated["CC0-1.0"]
        assert 'href="https://creativecommons.org/licenses/' in stated[""]
        assert "rel=" not in stated[""]


def words_of(text: str, lang: str) -> Sequence[str]:
    """Words, or characters where there are no spaces between words."""
    unspaced = lang.partition("_")[2] in ("Hans", "Thai")
    return [each for each in text if each.isalnum()] if unspaced else text.lower().split()


def share_found(item: Sequence[str], text: Sequence[str]) -> float:
    """Share of an item's words that stand in a text, in the item's order and near each other."""
    blocks = SequenceMatcher(None, item, text, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks if block.size > 1) / len(item)


QUESTIONS = {row["id"]: row for row in rows(SAMPLE / "evaluation" / "questions.jsonl")}


class TestEvaluation:
    def test_items(self) -> None:
        assert len(QUESTIONS) == 24
        assert all(set(row) == {"id", "language", "question", "answer"} for row in QUESTIONS.values())
        assert len({row["question"] for row in QUESTIONS.values()}) == 24
        languages = Counter(row["language"] for row in QUESTIONS.values())
        assert {"eng_Latn", "ara_Arab", "hin_Deva", "tha_Thai", "zho_Hans", "rus_Cyrl"} < set(languages)
        assert set(languages.values()) == {3}

    def test_items_are_where_they_are_said_to_be(self) -> None:
        shares: dict[str, list[float]] = {"word for word": [], "word in ten": [], "without any": []}
        for case in cases("contaminated"):
            kind = next(each for each in shares if each in case["reason"])
            text, lang = pages()[case["uri"]].text, case["lang"]
            keys = case["contaminated_by"] or [key for key in QUESTIONS if QUESTIONS[key]["language"] == lang]
            for question in (QUESTIONS[key]["question"] for key in keys):
                assert (question in text) == (kind == "word for word")
                shares[kind].append(share_found(words_of(question, lang), words_of(text, lang)))
        assert set(shares["word for word"]) == {1.0}
        assert 0.87 < min(shares["word in ten"]) <= max(shares["word in ten"]) < 0.96, shares
        assert max(shares["without any"]) < 0.4, shares

    def test_only_contaminated_pages_hold_an_item(self) -> None:
        held = {case["uri"]: set(case["contaminated_by"]) for case in cases("contaminated")}
        for uri, page in pages().items():
            found = {key for key, row in QUESTIONS.items() if row["question"] in page.text}
            assert found <= held.get(uri, set()), uri


class TestRecaptured:
    def test_the_newest_capture_is_the_one_to_keep(self) -> None:
        by_page: dict[str, list[dict[str, Any]]] = {}
        for case in cases("recaptured"):
            if "captured" in case:
                by_page.setdefault(case.get("of", case["uri"]), []).append(case)
        for of_page in by_page.values():
            dates = sorted(case["captured"] for case in of_page)
            assert [case["captured"] for case in of_page if case["expect"] == "kept"] == dates[-1:]
            assert {case["of_captured"] for case in of_page if case["expect"] == "duplicate"} == {dates[-1]}
            assert len({captures()[case["uri"], case["captured"]].text for case in of_page}) == len(of_page) > 1
        assert len(by_page) >= 6
        assert len({case["lang"] for of_page in by_page.values() for case in of_page}) >= 4
        assert max(map(len, by_page.values())) == 3

    def test_archives_do_not_have_them_in_order(self) -> None:
        order = [(uri, when) for uri, when in captures() if any(case["uri"] == uri for case in cases("recaptured"))]
        assert [when for _, when in order] != sorted(when for _, when in order)
        by_uri: dict[str, list[str]] = {}
        for uri, when in order:
            by_uri.setdefault(uri, []).append(when)
        assert any(dates != sorted(dates) for dates in by_uri.values())

    def test_some_texts_have_little_in_common(self) -> None:
        shares = []
        for case in cases("recaptured"):
            if case["expect"] == "duplicate":
                old, new = captures()[case["uri"], case["captured"]], captures()[case["of"], case["of_captured"]]
                shares.append(share_found(words_of(old.text, case["lang"]), words_of(new.text, case["lang"])))
        assert min(shares) < 0.3
        assert sum(share > 0.7 for share in shares) >= 5

    def test_canonical_addresses(self) -> None:
        named = {case["uri"]: self.canonical(case["uri"]) for case in cases("recaptured")}
        front = [uri for uri, canonical in named.items() if canonical and urlsplit(canonical).path == "/"]
        assert len(front) == 2
        assert len({urlsplit(uri).netloc for uri in front}) == 1
        assert any(canonical and canonical == uri.partition("?")[0] != uri for uri, canonical in named.items())

    def canonical(self, uri: str) -> str | None:
        found = re.search(r'<link rel="canonical" href="([^"]*)">', pages()[uri].html)
        return found[1] if found else None


class TestPassages:
    def paragraphs(self, uri: str) -> list[str]:
        return [unescape(each) for each in re.findall(r"<p>(.*?)</p>", pages()[uri].html.partition("</main>")[0])]

    def test_notices_are_on_all_pages_of_their_site(self) -> None:
        by_site: dict[str, list[list[str]]] = {}
        for case in cases("repeated_passages"):
            paragraphs = self.paragraphs(case["uri"])
            assert set(case.get("removed", [])) <= set(paragraphs)
            assert len(set(paragraphs) - set(case.get("removed", []))) >= (2 if case["expect"] == "kept" else 1)
            by_site.setdefault(urlsplit(case["uri"]).netloc, []).append(paragraphs)
        assert len(by_site) == 3
        removed = {text for case in cases("repeated_passages") for text in case.get("removed", [])}
        for pages_of_site in by_site.values():
            assert len(pages_of_site) >= 12
            on = Counter(paragraph for paragraphs in pages_of_site for paragraph in paragraphs)
            assert {text for text, count in on.items() if count >= 10} == removed & set(on)
            assert {count for text, count in on.items() if text in removed} == {len(pages_of_site)}

    def test_one_page_has_hardly_anything_else(self) -> None:
        (case,) = [case for case in cases("repeated_passages") if case["expect"] == "dropped"]
        notices = {text for other in cases("repeated_passages") for text in other.get("removed", [])}
        own = [text for text in self.paragraphs(case["uri"]) if text not in notices]
        assert len(" ".join(own).split()) < 15

    def test_near_misses_recur_on_few_pages(self) -> None:
        on = Counter(text for case in PLANTED for text in (self.paragraphs(case["uri"]) if "stays" in case else []))
        for case in cases("repeated_passages") + cases("shared_boilerplate"):
            assert {on[text] for text in case.get("stays", [])} <= {2, 5}
        assert len({case["lang"] for case in cases("shared_boilerplate")}) == 4

    def test_copied_passages_are_word_for_word_and_long(self) -> None:
        recipe = tomllib.loads((SAMPLE / "recipe.toml").read_text("utf-8"))
        for case in cases("copied_passage"):
            assert case["copied"] in pages()[case["uri"]].text
            assert len(case["copied"].split()) >= recipe["passages"]["copied_words"] + 10
        copied = Counter(case["copied"] for case in cases("copied_passage"))
        assert min(copied.values()) == 3
        assert {case["copies"] for case in cases("copied_passage")} == {1}


def test_the_recipe_uses_the_lists() -> None:
    recipe = tomllib.loads((SAMPLE / "recipe.toml").read_text("utf-8"))
    assert all((SAMPLE / each["path"]).is_file() for each in recipe["web"]["blocklists"])
    assert {name for case in PLANTED for name in case.get("blocklists", ())} == {
        each["name"] for each in recipe["web"]["blocklists"]
    }
    assert recipe["web"]["opt_outs"] == "drop"
    assert all((SAMPLE / path).is_file() for each in recipe["contamination"]["sets"] for path in each["paths"])
