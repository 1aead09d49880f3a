"""Files that are broken: cut short, mixed with garbage, full of lines that are not what they should be."""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from articles import DOMAINS, Article, Pool
from charsets import snippet
from corpus import EPOCH, Corpus, Expect, json_lines, row_url
from mess import garble
from templates import bare
from warc import Capture, gzip_member, members, records

SURVIVES = "sound, although its file is damaged elsewhere"
DEPTH = 5000


class Damaged:
    def __init__(self, corpus: Corpus, pool: Pool, english: list[Article]) -> None:
        self.corpus, self.pool = corpus, pool
        self.english = english  # every English text of the inputs, wherever it is
        self._taken = 0

    def _take(self) -> Article:
        self._taken += 1
        return self.pool.take("eng_Latn", DOMAINS[1 + self._taken % 4], source="domain_texts/")

    def _captures(self, path: str, count: int) -> list[Capture]:
        captures = []
        for _ in range(count):
            article = self._take()
            url = f"https://attic.example/{path.rpartition('/')[2].partition('.')[0]}/{article.slug}"
            paragraphs = "\n".join(f"<p>{p}</p>" for p in article.paragraphs)
            html = bare(article.title, f"<article><h1>{article.title}</h1>\n{paragraphs}</article>")
            captures.append(Capture(url, self.corpus.tick(), html.encode("utf-8")))
            self.corpus.enter(url, path, article)
        return captures

    def truncated_warc(self) -> None:
        path = "damaged/truncated.warc.gz"
        *whole, last = self._captures(path, 4)
        request, response, _ = (gzip_member(r) for r in records(last))
        sound = b"".join(members("truncated.warc.gz", whole, EPOCH)) + request
        self.corpus.add_file(path, sound + response[: len(response) // 2])
        for capture in whole:
            self.corpus.plant(capture.url, "truncated", "kept", SURVIVES)
        self.corpus.plant(last.url, "truncated", "unreadable", "the last member of the file is cut off in the middle")

    def garbage_between(self) -> None:
        path = "damaged/garbage.warc.gz"
        before, after = self._captures(path, 2), self._captures(path, 2)
        # 0x1f never occurs in this garbage, so that no reader can take it for the start of a member.
        garbage = Random("garbage").randbytes(700).replace(b"\x1f", b"\x20")
        data = b"".join(members("garbage.warc.gz", before, EPOCH)) + garbage
        self.corpus.add_file(path, data + b"".join(gzip_member(r) for c in after for r in records(c)))
        for capture in before:
            self.corpus.plant(capture.url, "garbage", "kept", SURVIVES)
        self.corpus.plant(path, "garbage", "unreadable", "700 bytes of garbage between two members")
        for capture in after:
            self.corpus.plant(capture.url, "garbage", "kept", f"{SURVIVES}: the next member can be found")

    def cut_json(self) -> None:
        path = "damaged/cut.jsonl.gz"
        articles = [self._take() for _ in range(9)]
        rows = [
            {"id": f"cut-{n:04d}", "text": a.text, "url": row_url(f"cut-{n:04d}")} for n, a in enumerate(articles, 1)
        ]
        packed = gzip_member(json_lines(rows))
        packed = packed[: len(packed) * 6 // 10]
        self.corpus.add_file(path, packed)
        whole_lines = zlib.decompressobj(31).decompress(packed).count(b"\n")
        for row, article in zip(rows[:whole_lines], articles, strict=False):
            self.corpus.enter(path, path, article, id=row["id"])
            self.corpus.plant(path, "cut_gzip", "kept", SURVIVES, id=row["id"], url=row["url"])
        reason = "the gzip stream is cut off in the middle; what follows is lost"
        self.corpus.plant(path, "cut_gzip", "unreadable", reason)

    def json_mess(self) -> None:
        """A JSONL file in which nearly every line has something the matter with it."""
        lines = _JsonMess(self.corpus, "damaged/mess.jsonl")
        lines.sound(self._take(), "byte_order_mark", "a byte order mark starts the file", Twist(before=b"\xef\xbb\xbf"))
        lines.broken(b'{"id": "mess-broken", "text": "a mark is missing}', "not_json", "a line that is not JSON")
        lines.row({"title": "no text here"}, "missing_text", "unreadable", "the text field is missing")
        lines.row({"text": 20240506}, "wrong_type", "unreadable", "the text field holds a number")
        lines.row({"text": None}, "missing_text", "unreadable", "the text field is null")
        lines.broken(b'["a list", "not an object"]', "not_an_object", "JSON, but a list")
        lines.sound(self._take(), "lone_surrogate", "half of a surrogate pair in an escape", Twist(inside=b"\\ud800 "))
        lines.sound(self._take(), "nul_escape", "an escaped NUL in the text", Twist(inside=b"\\u0000 "))
        lines.sound(
            self._take(), "invalid_utf8", "bytes that are not UTF-8 inside the text", Twist(inside=b"\xff\xfe ")
        )
        lines.deep(self._take())
        lines.row({"text": ""}, "empty_text", "skipped", "the text is empty")
        lines.row({"text": " \n\t "}, "empty_text", "skipped", "the text is white space")
        lines.sound(self._anthology(), "very_long_line", "sentences of twenty articles on one line")
        article = replace(self.pool.take("deu_Latn"), title="")
        repaired = snippet(article, beyond_ascii=True)
        lines.sound(garble(article), "mojibake", "UTF-8 read as windows-1252: to be repaired", contains=repaired)
        lines.sound(self._take(), "line_ending", "a carriage return ends the line", Twist(after=b"\r\n"))
        lines.sound(self._take(), "line_ending", "the last line, with no line end", Twist(after=b""))
        self.corpus.add_file(lines.path, bytes(lines.data))

    def _anthology(self) -> Article:
        """Texts that are elsewhere too, by turns a sentence of each: another document, and no long copy of any."""
        parts = [a for a in self.english if a.source.startswith("domain_texts/")][::5][:20]
        turns = zip(*(re.split(r"(?<=[.!?]) ", a.body.replace("\n\n", " ")) for a in parts), strict=False)
        body = " ".join(sentence for turn in turns for sentence in turn)
        return replace(parts[0], slug="anthology", title="", paragraphs=(body,))


@dataclass(frozen=True)
class Twist:
    """Raw bytes put around a line of JSON, and before the second word of its text."""

    before: bytes = b""
    inside: bytes = b""
    after: bytes = b"\n"


PLAIN = Twist()


class _JsonMess:
    def __init__(self, corpus: Corpus, path: str) -> None:
        self.corpus, self.path = corpus, path
        self.data = bytearray()
        self._line = 0

    def broken(self, line: bytes, kind: str, reason: str) -> None:
        self._line += 1
        self.data += line + b"\n"
        self.corpus.plant(self.path, kind, "unreadable", reason, row=self._line)

    def row(self, fields: dict[str, Any], kind: str, expect: Expect, reason: str) -> None:
        self._line += 1
        key = f"mess-{self._line:02d}"
        self.data += json_lines([{"id": key, "url": row_url(key), **fields}])
        self.corpus.plant(self.path, kind, expect, reason, id=key, url=row_url(key), row=self._line)

    def sound(
        self,
        article: Article,
        kind: str,
        reason: str,
        twist: Twist = PLAIN,
        contains: str | None = None,
    ) -> None:
        """A line that has to be kept."""
        self._line += 1
        key = f"mess-{self._line:02d}"
        text = article.text if article.title else article.body
        line = json.dumps({"id": key, "url": row_url(key), "text": text}, ensure_ascii=False).encode("utf-8")
        cut = line.index(b" ", line.index(b'"text": ') + 8) + 1
        self.data += twist.before + line[:cut] + twist.inside + line[cut:] + twist.after
        self.corpus.enter(self.path, self.path, article, id=key)
        found = contains or snippet(article)
        where = {"id": key, "url": row_url(key), "row": self._line}
        self.corpus.plant(self.path, kind, "kept", reason, contains=found, **where)

    def deep(self, article: Article) -> None:
        text = json.dumps(article.text, ensure_ascii=False)
        line = f'{{"id": "mess-deep", "text": {text}, "meta": {"[" * DEPTH}{"]" * DEPTH}}}'
        self.broken(line.encode("utf-8"), "deeply_nested", f"JSON nested {DEPTH} levels deep")


def plant(corpus: Corpus, pool: Pool, english: list[Article]) -> None:
    damaged = Damaged(corpus, pool, english)
    damaged.truncated_warc()
    damaged.garbage_between()
    damaged.cut_json()
    damaged.json_mess()
