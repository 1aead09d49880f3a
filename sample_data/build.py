"""Build the sample corpus from the plain texts beside this file.

    python sample_data/build.py [DEST]

writes DEST/corpus/, DEST/planted.jsonl, DEST/inventory.jsonl and DEST/built_with.json; DEST is this folder unless
given. Two runs with the same library versions write the same bytes.
"""

from __future__ import annotations

import json
import shutil
import sys
import zlib
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path

import charsets
import damaged
import duplicates
import mess
import mixed
import origins
import passages
import personal
import questions
import recaptured
from articles import Article, Pool, load
from corpus import Corpus, as_row, json_lines
from files import Files
from templates import load_words
from web import Web

HERE = Path(__file__).resolve().parent
# What a compressed byte can depend on. The test asks for equal bytes only where these are equal.
CODECS = ("brotli", "lz4", "pyarrow", "zstandard")


def assemble(root: Path) -> Corpus:
    """Place every text. The order matters: the planted cases choose first, the sites and files take the rest."""
    articles = load(root)
    pool, corpus, words = Pool(articles), Corpus(), load_words(root)
    by_language: dict[str, list[Article]] = defaultdict(list)
    for article in articles:
        by_language[article.lang].append(article)
    web, files = Web(corpus, words, dict(by_language)), Files(corpus, words, pool)

    duplicates.plant_near(web, pool)  # before others: they need the longest texts
    held_back = files.reference()
    duplicates.plant_exact(web, pool)
    duplicates.plant_revisits(web, pool)
    charsets.plant(web, pool)
    mess.plant_mojibake(web, pool)
    mess.plant_kept(web, pool)
    personal.plant_sentences(web, pool)
    mess.plant_dropped(web)
    damaged.plant(corpus, pool, [a for a in by_language["eng_Latn"] if a not in held_back])

    files.legacy_text()
    files.finance()
    files.medicine()
    files.manufacturing()
    files.electric_vehicles()
    files.reports()
    for n, article in enumerate(pool.rest()):
        if n % 5 == 4:
            web.convert(article)
        else:
            web.publish(article)
    web.front_pages()
    web.not_documents()
    personal.plant_pages(web, root)
    mixed.plant(web, root)
    origins.plant(web, root)
    questions.plant(web, root)
    recaptured.plant(web, root)
    passages.plant(web, root)
    corpus.write_captures()
    return corpus


def built_with() -> dict[str, str]:
    return {"zlib": zlib.ZLIB_RUNTIME_VERSION, **{name: version(name) for name in CODECS}}


def write(corpus: Corpus, dest: Path) -> None:
    shutil.rmtree(dest / "corpus", ignore_errors=True)
    for name, data in sorted(corpus.files.items()):
        path = dest / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (dest / "planted.jsonl").write_bytes(json_lines(map(as_row, corpus.cases)))
    (dest / "inventory.jsonl").write_bytes(json_lines(map(as_row, corpus.inventory)))
    (dest / "built_with.json").write_text(json.dumps(built_with(), indent=2) + "\n", "utf-8")


def main(arguments: list[str]) -> None:
    dest = Path(arguments[0]) if arguments else HERE
    corpus = assemble(HERE)
    write(corpus, dest)
    size = sum(map(len, corpus.files.values()))
    print(f"{len(corpus.inventory)} documents, {len(corpus.cases)} planted cases, {size:,} bytes in {dest / 'corpus'}")


if __name__ == "__main__":
    main(sys.argv[1:])
