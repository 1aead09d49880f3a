"""Planted copies: the same page under other addresses, and pages that differ in a few words."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from articles import Article, Pool, jaccard
from corpus import Corpus, row_url
from templates import Words
from warc import Capture
from web import SITE_OF, SITES, Web

SITES_BY_NAME = {site.name: site for site in SITES}
MINIMUM_JACCARD = 0.85

EXACT = (
    "eng_Latn", "eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn", "ita_Latn", "rus_Cyrl", "ell_Grek", "zho_Hans",
    "jpn_Jpan", "kor_Hang", "tha_Thai", "ara_Arab", "hin_Deva", "tam_Taml", "kat_Geor", "amh_Ethi", "swa_Latn",
)  # fmt: skip


def _other_address(url: str, n: int) -> str:
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    joined = "&" if "?" in path else "?"
    return (
        f"{url}{joined}utm_source=letter&utm_medium=email",
        f"http://{rest}",
        f"https://m.{rest}",
        f"https://mirror-archive.example/{host}/{path}",
        f"{scheme}://{host}/print/{path}",
    )[n % 5]


def plant_exact(web: Web, pool: Pool) -> None:
    reason = "the same page byte for byte under another address"
    for n, lang in enumerate(EXACT):
        original = web.publish(pool.take(lang))
        for copies in range(2 if n % 3 == 0 else 1):
            # How the copy travelled must not matter: half of the copies are compressed or chunked differently.
            delivery: dict[str, Any] = {"coding": "gzip", "chunked": True} if n % 2 else {}
            copy = web.mirror(original, _other_address(original.url, n + copies), **delivery)
            web.corpus.plant(copy.url, "exact_duplicate", "duplicate", reason, of=original.url, lang=lang)


def plant_revisits(web: Web, pool: Pool) -> None:
    for lang in ("eng_Latn", "deu_Latn", "kor_Hang", "hin_Deva"):
        original = web.publish(pool.take(lang))
        tagged = f"{original.url}{'&' if '?' in original.url else '?'}again=1"
        copy = web.mirror(original, tagged, revisit_of=(original.url, original.when))
        web.corpus.plant(copy.url, "revisit", "skipped", "a revisit record: no payload of its own", of=original.url)


def retitled(article: Article, words: Words) -> Article:
    return replace(article, title=f"{words['updated']}: {article.title}")


def trimmed(article: Article, _words: Words) -> Article:
    """A phrase less in one paragraph: a word or two, or a clause where there are no spaces between words."""
    for index, paragraph in enumerate(article.paragraphs[:-1]):
        if not article.unspaced:
            parts = paragraph.split(" ")
            return article.with_paragraph(index, " ".join(parts[:7] + parts[8:]))
        for clause in re.finditer(r"(?<=[、，。 ])[^、，。 ]{2,16}[、，。 ]", paragraph):
            return article.with_paragraph(index, paragraph[: clause.start()] + paragraph[clause.end() :])
    raise ValueError(f"{article.slug}: no phrase to leave out")


def extended(article: Article, words: Words) -> Article:
    """One more sentence at the end, as syndicated copies carry."""
    return article.with_paragraph(len(article.paragraphs) - 1, f"{article.paragraphs[-1]} {words['newsletter']}")


def reordered(article: Article, _words: Words) -> Article:
    *first, one, other = article.paragraphs
    return replace(article, paragraphs=(*first, other, one))


def unchanged(article: Article, _words: Words) -> Article:
    return article


Edit = Callable[[Article, Words], Article]
_REASONS: dict[Edit, str] = {
    retitled: "a changed headline over the same text",
    trimmed: "a phrase left out of the same text",
    extended: "a sentence added at the end of the same text",
    reordered: "the same text with two paragraphs exchanged",
    unchanged: "the same text inside another site's template",
}
# Language, edit, and the site of the copy where that is not the language's own.
NEAR: tuple[tuple[str, Edit, str | None], ...] = (
    ("eng_Latn", trimmed, None),
    ("eng_Latn", retitled, "Levant Gazette"),
    ("eng_Latn", unchanged, "Saffron Street"),
    ("deu_Latn", extended, None),
    ("fra_Latn", unchanged, "Levant Gazette"),
    ("por_Latn", retitled, None),
    ("rus_Cyrl", reordered, None),
    ("ukr_Cyrl", trimmed, None),
    ("ara_Arab", extended, None),
    ("fas_Arab", trimmed, None),
    ("heb_Hebr", retitled, "Saffron Street"),
    ("hin_Deva", trimmed, None),
    ("hin_Deva", unchanged, "Levant Gazette"),
    ("ben_Beng", extended, None),
    ("tha_Thai", trimmed, None),
    ("tha_Thai", extended, "Levant Gazette"),
    ("khm_Khmr", retitled, None),
    ("zho_Hans", trimmed, None),
    ("zho_Hans", retitled, None),
    ("zho_Hant", extended, None),
    ("jpn_Jpan", trimmed, None),
    ("kor_Hang", retitled, None),
    ("vie_Latn", trimmed, "Levant Gazette"),
    ("amh_Ethi", retitled, None),
)


def plant_near(web: Web, pool: Pool) -> None:
    for lang, edit, site_name in NEAR:
        article = pool.take(lang, longest=True)
        edited = edit(article, web.words[lang])
        similarity = jaccard(article, edited)
        if similarity <= MINIMUM_JACCARD:
            raise ValueError(f"{lang}/{article.slug}: {edit.__name__} leaves a similarity of {similarity:.3f} only")
        original = web.publish(article)
        copy = _publish_copy(web, edited, site_name)
        web.corpus.plant(
            copy.url, "near_duplicate", "duplicate", _REASONS[edit],
            of=original.url, jaccard=round(similarity, 4), lang=lang,
        )  # fmt: skip


def _publish_copy(web: Web, article: Article, site_name: str | None) -> Capture:
    site = SITES_BY_NAME[site_name] if site_name else SITE_OF[article.lang]
    url = f"https://syndicate.{site.host}/{article.lang.lower()}/{article.domain}/{article.slug}"
    return web.publish(article, site=site, url=url)


def plant_row(corpus: Corpus, copy: tuple[str, str], original: tuple[str, str]) -> None:
    """Two rows of different files with the same text: (file, id) each."""
    (uri, key), (of, of_key) = copy, original
    corpus.plant(
        uri, "exact_duplicate", "duplicate", "the text of another file's row",
        id=key, url=row_url(key), of=of, of_id=of_key, of_url=row_url(of_key),
    )  # fmt: skip
