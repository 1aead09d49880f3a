"""Reads `cases.toml`: texts with their personal data marked. The tests and `benchmarks/personal.py` use it."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MARK = re.compile(r"⟦([a-z_]+):(.*?)⟧")


@dataclass(frozen=True, kw_only=True)
class Case:
    """A text without its marks, and the spans (kind, start, end) that they stood for."""

    country: str
    language: str
    region: str | None
    text: str
    spans: frozenset[tuple[str, int, int]]


def read() -> list[Case]:
    """All cases, in the order of the file."""
    return list(_cases(Path(__file__).with_name("cases.toml").read_text("utf-8")))


def _cases(source: str) -> Iterator[Case]:
    for group in tomllib.loads(source)["group"]:
        for marked in group["texts"]:
            text, spans = unmarked(marked)
            yield Case(
                country=group["country"],
                language=group["language"],
                region=group.get("region"),
                text=text,
                spans=spans,
            )


def unmarked(marked: str) -> tuple[str, frozenset[tuple[str, int, int]]]:
    """The text without marks, and what they marked."""
    pieces, spans, end, length = [], set(), 0, 0
    for match in _MARK.finditer(marked):
        pieces += [marked[end : match.start()], match[2]]
        length += match.start() - end
        spans.add((match[1], length, length + len(match[2])))
        length += len(match[2])
        end = match.end()
    return "".join([*pieces, marked[end:]]), frozenset(spans)
