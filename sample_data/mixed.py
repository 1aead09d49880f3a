"""Planted texts in two languages, and texts in one that quote a sentence of another."""

from __future__ import annotations

from pathlib import Path

from charsets import snippet
from marked import load_marked
from web import Web


def plant(web: Web, root: Path) -> None:
    for page in load_marked(root, "mixed"):
        article, both = page.article, len(page.languages) > 1
        reason = "paragraphs in two languages, about half of them each" if both else "a single quotation in another"
        url = web.publish(article).url
        # Of two halves either may count as the document's language.
        known = {"mixed": page.languages} if both else {"mixed": (), "lang": article.lang}
        web.corpus.plant(url, "mixed_languages", "kept", reason, contains=snippet(article), **known)
