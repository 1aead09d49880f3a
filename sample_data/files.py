"""Domain text as files: JSONL, Parquet, CSV, TSV, plain text, Markdown, PDF, single HTML pages."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pdf
import pyarrow as pa
import pyarrow.parquet as pq
from articles import DOMAINS, Article, Pool
from charsets import snippet
from corpus import EPOCH, Corpus, json_lines, row_url
from duplicates import plant_row
from mess import unstyled
from templates import Words
from warc import codec_for

Row = dict[str, Any]
REFERENCE_LANGUAGES = (
    "deu_Latn", "fra_Latn", "spa_Latn", "zho_Hans", "jpn_Jpan", "rus_Cyrl", "ara_Arab", "hin_Deva", "tha_Thai",
    "swa_Latn", "ell_Grek", "vie_Latn",
)  # fmt: skip


class Files:
    """Takes articles from the pool and writes them as files."""

    def __init__(self, corpus: Corpus, words: dict[str, Words], pool: Pool) -> None:
        self.corpus, self.words, self.pool = corpus, words, pool

    def _own(self, domain: str, count: int) -> list[Article]:
        """English records of one domain."""
        return self.pool.take_up_to(count, "eng_Latn", domain, source="domain_texts/")

    def _foreign(self, domain: str, step: int = 1) -> list[Article]:
        """One article in every language, or every step-th one, that still has one to spare."""
        return [a for lang in self.pool.languages()[::step] for a in self.pool.take_up_to(1, lang, domain)]

    def rows(self, path: str, prefix: str, articles: list[Article]) -> list[Row]:
        rows = []
        for n, article in enumerate(articles, 1):
            key = f"{prefix}-{n:04d}"
            self.corpus.enter(path, path, article, id=key)
            rows.append(
                {
                    "id": key,
                    "text": article.text,
                    "title": article.title,
                    "lang": self.words[article.lang]["tag"],
                    "url": row_url(key),
                }
            )
        return rows

    def json(self, path: str, rows: list[Row]) -> None:
        self.corpus.add_file(path, codec_for(path)(json_lines(rows)))

    def reference(self) -> list[Article]:
        """Good articles held back from the inputs: what other texts can be measured against."""
        articles = [a for domain in DOMAINS[1:] for a in self._own(domain, 2)]
        articles += [self.pool.take(lang) for lang in REFERENCE_LANGUAGES]
        rows = [
            {"id": f"ref-{n:04d}", "text": a.text, "title": a.title, "lang": a.lang, "domain": a.domain}
            for n, a in enumerate(articles, 1)
        ]
        self.json("reference/reference.jsonl", rows)
        return articles

    def finance(self) -> None:
        archive = self._own("finance", 6)
        path, archive_path = "domain/finance.jsonl", "domain/finance-archive.jsonl.gz"
        rows = self.rows(path, "fin", [*self._own("finance", 99), *self._foreign("finance")])
        archived = self.rows(archive_path, "far", archive)
        for n, copied in enumerate((rows[3], rows[-1])):
            key = f"far-copy-{n}"
            archived.append({**copied, "id": key, "url": row_url(key)})
            self.corpus.enter(archive_path, archive_path, id=key)
            plant_row(self.corpus, (archive_path, key), (path, copied["id"]))
        self.json(path, rows)
        self.json(archive_path, archived)

    def medicine(self) -> None:
        path = "domain/medicine.parquet"
        rows = self.rows(path, "med", [*self._own("medicine", 99), *self._foreign("medicine")])
        for n, row in enumerate(rows):
            row["published"] = EPOCH - timedelta(days=n)
        nothing = {**rows[0], "id": "med-null", "url": row_url("med-null"), "text": None}
        reason = "a row whose text is null"
        self.corpus.plant(path, "missing_text", "unreadable", reason, id="med-null", url=nothing["url"])
        table = pa.Table.from_pylist([*rows[:20], nothing, *rows[20:]])
        sink = io.BytesIO()
        pq.write_table(table, sink, row_group_size=16, compression="zstd")
        self.corpus.add_file(path, sink.getvalue())

    def manufacturing(self) -> None:
        own, foreign = self._own("manufacturing", 99), self._foreign("manufacturing")
        for name, prefix, delimiter, articles in (
            ("csv", "man", ",", [*own[:12], *foreign[::2]]),
            ("tsv", "mat", "\t", [*own[12:], *foreign[1::2]]),
        ):
            path = f"domain/manufacturing.{name}"
            out = io.StringIO(newline="")
            writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n" if name == "csv" else "\n")
            rows = self.rows(path, prefix, articles)
            writer.writerow(rows[0])
            for n, row in enumerate(rows):
                writer.writerow(row.values())
                if n == 4:
                    key = f"{prefix}-short"
                    writer.writerow([key])
                    self.corpus.plant(path, "missing_text", "unreadable", "a row of one field", id=key, row=n + 2)
            self.corpus.add_file(path, out.getvalue().encode("utf-8"))

    def electric_vehicles(self) -> None:
        folder = "domain/electric_vehicles"
        own = self._own("electric_vehicles", 99)
        for n, article in enumerate(own):
            suffix, data = (
                ("pdf", pdf.write(article.title, article.paragraphs))
                if n < 3
                else ("html", unstyled(article).encode("utf-8"))
                if n < 5
                else ("md", markdown(article, n).encode("utf-8"))
                if n % 2
                else ("txt", article.text.encode("utf-8"))
            )
            path = f"{folder}/{article.slug}.{suffix}"
            self._one(path, article, data)
            if suffix in ("pdf", "html"):
                # A PDF's lines break anywhere; its title does not.
                contains = article.title if suffix == "pdf" else snippet(article)
                self.corpus.plant(path, f"format_{suffix}", "kept", f"a {suffix.upper()} file", contains=contains)
        for article in self._foreign("electric_vehicles", step=2):
            self._one(f"{folder}/{article.lang}-{article.slug}.txt", article, article.text.encode("utf-8"))

    def reports(self) -> None:
        path = "domain/reports.jsonl.zst"
        articles = [a for domain in DOMAINS[1:] for a in self._foreign(domain, step=3)]
        self.json(path, self.rows(path, "rep", articles))

    def legacy_text(self) -> None:
        for lang, codec, name in (
            ("jpn_Jpan", "cp932", "Shift_JIS"),
            ("rus_Cyrl", "cp1251", "windows-1251"),
        ):
            article = self.pool.take(lang)
            path = f"domain/legacy/{article.slug}.txt"
            # Dashes differ between Unicode and Shift_JIS fonts; the horizontal bar is what Japanese editors type.
            data = article.text.replace("—", "―").encode(codec)
            self._one(path, article, data)
            self.corpus.plant(path, "encoding", "kept", f"plain text in {name}", contains=snippet(article), lang=lang)

    def _one(self, path: str, article: Article, data: bytes) -> None:
        self.corpus.enter(path, path, article)
        self.corpus.add_file(path, data)


def markdown(article: Article, n: int) -> str:
    """Front matter, headings, emphasis, a link, a list: what a documentation folder looks like."""
    first, *middle, last = article.paragraphs
    words = first.split(" ")
    lead = f"{words[0]} **{' '.join(words[1:4])}** {' '.join(words[4:])}"
    listed = "\n".join(f"- {sentence.rstrip('.')}." for sentence in last.split(". "))
    parts = [
        f'---\ntitle: "{article.title}"\ndate: 2024-04-{n % 28 + 1:02d}\ntags: [charging, vehicles]\n---',
        f"# {article.title}",
        lead,
        *middle,
        "## In short",
        listed,
        f"[Back to the list](../index.md) | ![cover](img/{article.slug}.png)",
    ]
    return "\n\n".join(parts) + "\n"
