"""An explanation for people, in a terminal or as plain text, and for programs, as JSON."""

import dataclasses
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gristmill.reports import safe
from gristmill.reports.beside_view import beside, inline
from gristmill.reports.explain import PIECES, Explanation, Piece
from gristmill.reports.explain_duplicates import MEMBERS, PASSAGES, Cluster, Passage, Survivor
from gristmill.reports.run_sql import plain

EXCERPT = 800
_PIECES = 5
_FINDINGS = 10
_MEASURES = {
    "web": "Where it comes from",
    "personal": "Personal data",
    "contamination": "Items of evaluation sets",
    "quality": "Quality",
}
_KINDS = {
    "url": "An older capture of the same page",
    "exact": "The same text, white space apart",
    "near": "Nearly the same text",
}
_FATES = {True: "cut", False: "left", None: ""}
_NUMERIC = ("documents", "share", "characters")
_STYLES = {"kept": "green", "dropped": "red", "duplicate": "yellow", "unreadable": "magenta", "skipped": "dim"}


def render(explanation: Explanation) -> RenderableType:
    """The explanation for a terminal. Nothing is told by colour alone."""
    return Group(*_sections(explanation))


def to_text(explanation: Explanation, *, width: int = 100) -> str:
    """The explanation as plain text."""
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=False, no_color=True, highlight=False)
    console.print(render(explanation))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def to_json(explanation: Explanation) -> str:
    """The explanation as JSON, indented; harmless on a terminal, and exact."""
    # Escaping all but ASCII also escapes what would act on a terminal.
    value = {"disposition": explanation.disposition, **plain(dataclasses.asdict(explanation))}
    return json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)


def _sections(explanation: Explanation) -> Iterator[RenderableType]:
    yield _headline(explanation)
    yield _section("Origin", _facts(_origin(explanation)))
    if explanation.failures:
        yield _section("Rules that it failed", _failures(explanation))
    if explanation.cluster:
        yield _section("Duplicates", _cluster(explanation.cluster))
    if explanation.passages:
        yield _section("Repeated passages", _passages(explanation))
    if explanation.edits:
        yield _section("What was cut or masked", inline(explanation.edits))
    if explanation.curated or explanation.pieces:
        yield _section("Where it is now", _facts(_places(explanation)))
    if explanation.signals:
        yield _section("Signals", _signals(explanation))
    for name, title in _MEASURES.items():
        if facts := list(_facts_of(explanation.measures.get(name, {}))):
            yield _section(title, _facts(facts))
    if explanation.survivor:
        yield _section("Beside the document that was kept", _beside(explanation, explanation.survivor))
        return
    if explanation.survivor_missing:
        yield _section("Beside the document that was kept", _missing(explanation))
    if explanation.text:
        excerpt = Text(safe.visible(safe.clip(explanation.text, EXCERPT)))
        yield _section(f"Text ({safe.count(explanation.characters)} characters)", excerpt)


def _headline(explanation: Explanation) -> Text:
    line = Text.assemble(
        (explanation.doc_id, "bold"), "  ", (explanation.disposition, _STYLES.get(explanation.disposition, "bold"))
    )
    if explanation.curated and explanation.curated.held_out:
        line.append(", held out")
    for row in explanation.ledger:
        line.append(f" by {safe.one_line(row['stage'] or 'no stage')}")
        if row["rule"]:
            line.append(f": {safe.one_line(row['rule'])}")
        if row["value"] is not None:
            line.append(f" = {safe.number(row['value'])}")
        if row["limit"] is not None:
            line.append(f", limit {safe.number(row['limit'])}")
        if row["survivor_id"]:
            line.append(f" of {row['survivor_id']}")
        if row["earlier"]:
            line.append(f" in {safe.one_line(row['earlier'])}")
        if row["similarity"] is not None:
            line.append(f", similarity {row['similarity']:.3f}")
        if row["detail"]:
            line.append(f" ({safe.one_line(safe.clip(row['detail'], 300))})")
    return line


def _origin(explanation: Explanation) -> Iterator[tuple[str, str]]:
    document = explanation.document or (explanation.ledger[0] if explanation.ledger else {})
    language = explanation.signals.get("language") or next((each["language"] for each in explanation.ledger), None)
    shown: dict[str, Any] = {
        "URI": document.get("uri"),
        "title": document.get("title"),
        "date": document.get("date"),
        "captured": document.get("captured"),
        "file": document.get("path"),
        "place in file": document.get("offset"),
        "source": document.get("source"),
        "domain": document.get("domain"),
        "licence": document.get("licence"),
        "role": document.get("role"),
        "language": language,
        "paragraphs in": _shares(explanation.signals.get("languages") or ()),
        "media type": document.get("media_type"),
        "encoding": document.get("encoding"),
    }
    yield from ((name, safe.one_line(safe.clip(str(value), 500))) for name, value in shown.items() if value is not None)
    if document.get("bytes") is not None:
        yield "size", f"{safe.count(document['bytes'])} bytes, {safe.count(explanation.characters)} characters of text"
    for doc_id, disposition in explanation.same_uri:
        yield "same URI", f"{doc_id} ({disposition})"
    if not explanation.document:
        yield "note", "the ledger has this record, but documents does not"
    if not explanation.ledger:
        yield "note", "the ledger has no row for it yet: the run has not come to its end"


def _shares(languages: Sequence[Mapping[str, Any]]) -> str | None:
    """The languages of a document's paragraphs, where there are several."""
    shares = ", ".join(f"{each['language']} {100 * each['share']:.0f} %" for each in languages)
    return shares if len(languages) > 1 else None


def _failures(explanation: Explanation) -> Table:
    table = _plain_table("rule", "value", "limit", numeric=("value", "limit"))
    for each in explanation.failures:
        table.add_row(Text(safe.one_line(each.rule)), safe.number(each.value), safe.number(each.limit))
    return table


def _cluster(cluster: Cluster) -> Group:
    size = safe.count(cluster.size)
    if cluster.kind == "survivor":
        return Group(Text(f"The survivor of a cluster of {size}."), *_members(cluster))
    kind = _KINDS.get(cluster.kind, safe.one_line(cluster.kind))
    alike = "" if cluster.similarity is None else f", similarity {cluster.similarity:.3f}"
    if cluster.earlier is None:
        among, where = f", in a cluster of {size}", ""
    else:
        among = f", with {safe.count(cluster.size - 1)} more here" if cluster.size > 1 else ""
        where = f" of the earlier output {safe.one_line(cluster.earlier)}"
    lines = (f"{kind}{alike}{among}.", f"Kept in its place: {cluster.survivor_id}{where}.")
    return Group(*map(Text, lines), *_members(cluster))


def _members(cluster: Cluster) -> Iterator[RenderableType]:
    if not cluster.members:
        return
    captured = "url" in (cluster.kind, *(each.kind for each in cluster.members))
    names = ("others", "kind", "similarity", *(("captured",) if captured else ()), "URI")
    table = _plain_table(*names, numeric=("similarity",))
    table.columns[0].no_wrap = True
    for each in cluster.members:
        uri = Text(safe.one_line(safe.clip(each.uri or "", 200)))
        when = (Text(safe.one_line(safe.clip(each.captured or "", 40))),) if captured else ()
        table.add_row(each.doc_id, Text(safe.one_line(each.kind)), safe.number(each.similarity), *when, uri)
    yield table
    more = cluster.size - 1 - len(cluster.members)
    if more > 0 and len(cluster.members) == MEMBERS:
        yield Text(f"… and {safe.count(more)} more", style="dim")


def _missing(explanation: Explanation) -> Text:
    earlier = explanation.cluster.earlier if explanation.cluster else None
    where = f"it lies in the earlier output {safe.one_line(earlier)}: " if earlier else ""
    return Text(f"It cannot be shown: {where}{safe.one_line(explanation.survivor_missing or '')}")


def _places(explanation: Explanation) -> Iterator[tuple[str, str]]:
    if curated := explanation.curated:
        removed = f", {safe.count(curated.removed)} fewer than it had" if curated.removed > 0 else ""
        side = "held out" if curated.held_out else "curated"
        yield side, f"{safe.one_line(curated.file)} ({safe.count(curated.characters)} characters{removed})"
        if curated.cluster_size > 1:
            yield "stands for", f"{safe.count(curated.cluster_size)} documents, itself included"
    yield from (("shard", _piece(each)) for each in explanation.pieces[:_PIECES])
    if (more := len(explanation.pieces) - _PIECES) > 0:
        at_least = " at least" if len(explanation.pieces) == PIECES else ""
        yield "", f"… and{at_least} {more} more pieces"


def _piece(piece: Piece) -> str:
    return (
        f"{safe.one_line(piece.file)}, sequence {safe.count(piece.sequence)}, tokens {piece.start}..{piece.end}"
        f" (from the document's token {piece.offset})"
    )


def _signals(explanation: Explanation) -> Table:
    failed = {part for each in explanation.failures for part in each.rule.split(".")}
    table = Table.grid(padding=(0, 3))
    items = [
        Text(f"{name} {_measured(value)}", style="bold red" if name in failed else "")
        for name, value in explanation.signals.items()
        if name != "languages"
    ]
    columns = 3
    rows = -(-len(items) // columns)
    for index in range(rows):
        table.add_row(*items[index::rows])
    return table


def _facts_of(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a measure found; what it did not find (null, none, an empty list) is not worth a line."""
    for name, value in row.items():
        if isinstance(value, list):
            shown = [", ".join(_measured(part) for part in _parts_of(each)) for each in value[:_FINDINGS]]
            shown += [f"… and {len(value) - _FINDINGS} more"] if len(value) > _FINDINGS else []
            yield from ((name, safe.clip(line, 300)) for line in shown)
        elif value:
            yield name, _measured(value)


def _parts_of(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else (value,)


def _measured(value: Any) -> str:
    return safe.number(value) if value is None or isinstance(value, int | float) else safe.one_line(str(value))


def _beside(explanation: Explanation, survivor: Survivor) -> Group:
    known = {
        "": survivor.uri and safe.one_line(safe.clip(survivor.uri, 300)),
        "captured": survivor.captured and safe.one_line(survivor.captured),
        "in": survivor.earlier and safe.one_line(survivor.earlier),
        "size": None if survivor.bytes is None else f"{safe.count(survivor.bytes)} bytes",
    }
    about = Text(f"{survivor.doc_id}  {', '.join(f'{name} {value}'.strip() for name, value in known.items() if value)}")
    if all(each.same for each in survivor.segments):
        excerpt = Text(safe.visible(safe.clip(explanation.text, EXCERPT)))
        same = Text("As far as they were compared, the two are the same, white space apart.", style="dim")
        return Group(about, same, Text(), excerpt)
    return Group(about, beside(survivor.segments, left="this document", right="the survivor"))


def _passages(explanation: Explanation) -> Group:
    passages = explanation.passages
    size = f"{safe.count(_covered(passages))} of {safe.count(explanation.characters)} characters"
    cut = f"; {sum(1 for each in passages if each.cut)} cut" if explanation.curated else ""
    table = _plain_table("kind", "documents", "share", "characters", "", "text", numeric=_NUMERIC)
    for each in passages[:_FINDINGS]:
        text = Text(safe.one_line(safe.clip(each.text, 160)))
        share = f"{100 * each.share:.1f} %"
        counts = (safe.count(each.documents), share, safe.count(each.end - each.start))
        table.add_row(Text(safe.one_line(each.kind)), *counts, _FATES[each.cut], text)
    rest = len(passages) - _FINDINGS
    more = [Text(f"… and {rest}{' or' * (len(passages) == PASSAGES)} more", style="dim")] if rest > 0 else []
    return Group(Text(f"{len(passages)} found, {size}{cut}."), table, *more)


def _covered(passages: Iterable[Passage]) -> int:
    """Characters in passages, which may overlap, in their order."""
    covered = done = 0
    for each in passages:
        covered += max(0, each.end - max(each.start, done))
        done = max(done, each.end)
    return covered


def _section(title: str, content: RenderableType) -> Group:
    return Group(Text(), Text(title, style="bold"), Padding(content, (0, 0, 0, 2)))


def _facts(facts: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(value))
    return table


def _plain_table(*names: str, numeric: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, justify="right" if name in numeric else "left", overflow="fold")
    return table
