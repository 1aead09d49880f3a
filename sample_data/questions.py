"""Planted items of the evaluation set: word for word, with one word in ten changed, and pages near their topics."""

from __future__ import annotations

import json
from pathlib import Path

from corpus import Expect
from marked import Mark, Marked, load_marked
from web import Web


def load_questions(root: Path) -> dict[str, dict[str, str]]:
    lines = (root / "evaluation" / "questions.jsonl").read_text("utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def plant(web: Web, root: Path) -> None:
    items = load_questions(root)

    def spell(mark: Mark) -> str:
        """`⟦item:ID⟧` and `⟦answer:ID⟧` stand for an item's texts, `⟦changed:ID:TEXT⟧` for the text it gives."""
        key, _, changed = mark.text.partition(":")
        found = items[key]
        return {"item": found["question"], "answer": found["answer"], "changed": changed}[mark.kind]

    for page in load_marked(root, "contaminated", spell):
        expect, reason = _outcome(page)
        planted = tuple(dict.fromkeys(mark.text.partition(":")[0] for mark in page.marks))
        url = web.publish(page.article).url
        web.corpus.plant(url, "contaminated", expect, reason, contaminated_by=planted, lang=page.article.lang)


def _outcome(page: Marked) -> tuple[Expect, str]:
    if page.of("item"):
        return "dropped", "an item of the evaluation set, word for word"
    if page.of("changed"):
        return "dropped", "an item of the evaluation set, about one word in ten changed"
    return "kept", "near the topics of evaluation items, without any of them"
