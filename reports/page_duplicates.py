"""The report's section on duplicates: by kind, cluster size and similarity, the largest clusters, repeated passages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb

from gristmill.reports import charts, differences, page_data, safe
from gristmill.reports.differences import Segment
from gristmill.reports.page_parts import escape, folded, language_row, language_table, nothing, quoted, scroll, uri
from gristmill.reports.views import fetch

_LANGUAGES = 12
"""Languages that are shown at once; the rest are one click away."""

_SAMPLED_LANGUAGES = 40
_CLUSTERS = 3
_COMPARED = 6000
"""Characters of each text that are compared."""

_EXCERPTS = 4
_EXCERPT = 400
_PASSAGES = 25
_STEPS = 20

_KINDS = ("url", "exact", "near")

Rows = Sequence[Mapping[str, Any]]
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class _Sample:
    """A large cluster and the least alike of its duplicates; `survivor` is None where an earlier output has it."""

    row: Mapping[str, Any]
    doc_id: str
    uri: str | None
    text: str
    survivor: str | None


def duplicates(connection: duckdb.DuckDBPyConnection) -> str:
    """The section as HTML."""
    found = [row for row in page_data.rows(connection, "duplicates") if row["duplicates"]]
    passages = _passages(page_data.rows(connection, "passages"))
    if not found:
        return nothing("No duplicates were found.") + passages
    order = {row["language"]: place for place, row in enumerate(found)}
    return (
        _kinds(found)
        + _sizes(page_data.rows(connection, "cluster_sizes"), order=order)
        + _similarities(connection, order=order)
        + _largest(_samples(connection), order=order)
        + passages
    )


def _kinds(rows: Rows) -> str:
    heads = ("documents", *_KINDS, "of earlier outputs", "share", "bytes", "bytes of duplicates")

    def table(some: Rows) -> str:
        caption = "Documents that were compared, and duplicates by kind"
        return language_table(caption, map(_kinds_row, some), share_of="documents", heads=heads)

    url, exact, near = (f"{charts.dot(each)}<b>{each}</b>" for each in _KINDS)
    return (
        f"<p>{url}: an older capture of the same page. {exact}: the same text, white space apart. {near}: nearly the"
        " same text. The others stayed, as the best of their cluster or the only ones of their text.</p>"
    ) + _some(rows, table)


def _kinds_row(row: Mapping[str, Any]) -> str:
    parts = [*((each, row[each]) for each in _KINDS), ("others", row["documents"] - row["duplicates"])]
    cells = [safe.count(row[each]) for each in ("documents", *_KINDS, "of_earlier_outputs")]
    cells += [safe.share(row["duplicates"], row["documents"])]
    cells += [safe.size(row["bytes"]), safe.size(row["duplicate_bytes"])]
    return language_row(row["language"], parts, cells)


def _sizes(rows: Rows, *, order: Mapping[str | None, int]) -> str:
    classes = {row["at_least"]: row["at_most"] for row in sorted(rows, key=lambda row: row["at_least"])}
    names = {least: _class_name(least, most) for least, most in classes.items()}
    grouped = _by_language(rows, order)

    def table(languages: Sequence[str | None]) -> str:
        rows = (_sizes_row(each, grouped[each], names) for each in languages)
        heads = (*names.values(), "all", "documents")
        return language_table("Clusters by the number of their documents", rows, share_of="documents", heads=heads)

    alone = " Of a cluster of 1, the best document is in an earlier output." if 1 in classes else ""
    return f"<h3>Sizes of clusters</h3><p>Darker is larger.{alone}</p>{_some(list(grouped), table)}"


def _sizes_row(language: str | None, rows: Rows, names: Mapping[int, str]) -> str:
    of_class = {row["at_least"]: row for row in rows}
    parts = [(f"size {least}", of_class[least]["documents"]) for least in names if least in of_class]
    cells = [safe.count(of_class[least]["clusters"] if least in of_class else 0) for least in names]
    cells += [safe.count(sum(row[each] for row in rows)) for each in ("clusters", "documents")]
    return language_row(language, parts, cells)


def _class_name(least: int, most: int | None) -> str:
    if most is None:
        return f"{safe.count(least)} or more"
    return safe.count(least) if least == most else f"{safe.count(least)} to {safe.count(most)}"


def _similarities(connection: duckdb.DuckDBPyConnection, *, order: Mapping[str | None, int]) -> str:
    grouped = _by_language(page_data.rows(connection, "similarities"), order)
    if not grouped:
        return ""
    recalls = {row["language"]: row for row in page_data.rows(connection, "lsh_recall")}

    def figures(languages: Sequence[str | None]) -> str:
        shown = (_similarity(each, grouped[each], recalls.get(each)) for each in languages)
        return f"<div class=multiples>{''.join(shown)}</div>"

    return (
        "<h3>Similarity of near duplicates</h3><p>Estimated Jaccard similarity to the document that stayed. What is"
        f" less alike than asked for came into its cluster through others. {_setting(list(recalls.values()))}</p>"
        + _some(list(grouped), figures)
    )


def _setting(recalls: Rows) -> str:
    if not recalls:
        return ""
    first = recalls[0]
    chances = ", ".join(f"{first[f'chance_at_{each}']:.4g} at 0.{each // 10}" for each in (70, 80, 90))
    found, estimated = (sum(row[each] for row in recalls) for each in ("near_found", "near_estimated"))
    return (
        f"Two documents share one of {first['bands']} bands of {first['rows']} values with a probability of {chances}."
        f" By that, {safe.share(round(found), round(estimated))} of all such pairs were found. Clusters find more of"
        " the documents: one is missed only where it shares no band with any of the others."
    )


def _similarity(language: str | None, rows: Rows, recall: Mapping[str, Any] | None) -> str:
    counts = [0] * _STEPS
    for row in rows:
        counts[round(row["at_least"] * _STEPS)] = row["documents"]
    note = f"near duplicates: {safe.count(sum(counts))}"
    if recall:
        estimate = f"{safe.count(recall['near_found'])} of {safe.number(recall['near_estimated'])}"
        note += f"; recall of pairs {recall['recall']:.3f} ({estimate})"
    return charts.distribution(counts, name=language or "(none)", note=note, kind="near")


def _samples(connection: duckdb.DuckDBPyConnection) -> dict[str | None, list[_Sample]]:
    """The largest clusters of each language, largest first, with the texts to be compared."""
    chosen: dict[str | None, list[dict[str, Any]]] = {}
    for row in page_data.rows(connection, "largest_clusters"):
        of_language = chosen.setdefault(row["language"], [])
        if len(of_language) < _CLUSTERS and len(chosen) <= _SAMPLED_LANGUAGES:
            of_language.append(row)
    rows = [row for some in chosen.values() for row in some]
    least = _least_alike(connection, [row["cluster"] for row in rows])
    here = [row["survivor_id"] for row in rows if row["earlier"] is None]
    ids = [*here, *(doc_id for doc_id, _ in least.values())]
    texts = page_data.beginnings(connection, ids, characters=_COMPARED)
    return {
        language: [_sample(row, least[row["cluster"]], texts) for row in some if row["cluster"] in least]
        for language, some in chosen.items()
    }


def _sample(row: Mapping[str, Any], least: tuple[str, str | None], texts: Mapping[str, str]) -> _Sample:
    doc_id, place = least
    survivor = None if row["earlier"] is not None else texts.get(row["survivor_id"])
    return _Sample(row=row, doc_id=doc_id, uri=place, text=texts.get(doc_id, ""), survivor=survivor)


def _least_alike(connection: duckdb.DuckDBPyConnection, clusters: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Id and URI of the document of each cluster that is least like the one that stayed."""
    marks = ", ".join("?" for _ in clusters)
    found = fetch(
        connection,
        "SELECT cluster, doc_id, uri FROM (SELECT cluster, arg_min(doc_id, (c.similarity, doc_id)) AS doc_id"
        f" FROM clusters AS c WHERE kind <> 'survivor' AND cluster IN ({marks}) GROUP BY cluster)"
        " LEFT JOIN ledger USING (doc_id)",
        *clusters,
    )
    return {row["cluster"]: (row["doc_id"], row["uri"]) for row in found}


def _largest(samples: Mapping[str | None, Sequence[_Sample]], *, order: Mapping[str | None, int]) -> str:
    languages = sorted((each for each in samples if samples[each]), key=lambda each: order.get(each, len(order)))
    if not languages:
        return ""
    items = "".join(
        f"<details{' open' * (place == 0)}><summary><code>{escape(each or '(none)')}</code> <span class=note>largest:"
        f" {safe.count(samples[each][0].row['size'])} documents</span></summary>"
        f"{''.join(map(_cluster, samples[each]))}</details>"
        for place, each in enumerate(languages)
    )
    return (
        "<h3>The largest clusters</h3><p>Of each, the document that stayed and the least alike of those that did not."
        " <del>Struck out</del> is what only the duplicate has, <ins>underlined</ins> what only the survivor has; what"
        f" both have is shortened. {safe.count(_COMPARED)} characters of each were compared.</p>{items}"
    )


def _cluster(sample: _Sample) -> str:
    row = sample.row
    kinds = ", ".join(f"{safe.count(row[each])} {each}" for each in _KINDS if row[each])
    alike = "" if row["least_similarity"] is None else f"; least similarity {row['least_similarity']:.3f}"
    where = f" in <code>{escape(row['earlier'])}</code>" if row["earlier"] is not None else ""
    survivor_uri = None if row["earlier"] is not None else row["uri"]
    duplicate = f"duplicate <code>{escape(sample.doc_id)}</code> {uri(sample.uri, limit=120)}"
    survivor = f"survivor <code>{escape(row['survivor_id'])}</code>{where} {uri(survivor_uri, limit=120)}"
    return (
        f"<figure class=cluster><figcaption>{safe.count(row['size'])} documents ({kinds}{alike})</figcaption>"
        f"<div class=beside><div class=note>{duplicate}</div><div class=note>{survivor}</div>{_texts(sample)}</div>"
        "</figure>"
    )


def _texts(sample: _Sample) -> str:
    """The cells of two columns: the duplicate's and the survivor's."""
    if sample.survivor is None:
        return quoted(_shown(sample.text)) + nothing("Its text is not in this output; gristmill explain shows it.")
    cut = max(len(sample.text), len(sample.survivor)) == _COMPARED
    excerpts = differences.excerpts(differences.compare(sample.text, sample.survivor, cut=cut))
    if not excerpts:
        return quoted(_shown(sample.text)) + nothing("The same, white space apart, as far as they were compared.")
    cells = (
        quoted("".join(_part(each, left=left) for each in excerpt))
        for excerpt in excerpts[:_EXCERPTS]
        for left in (True, False)
    )
    more = len(excerpts) - _EXCERPTS
    return "".join(cells) + (nothing(f"… and {safe.count(more)} more places") if more > 0 else "")


def _part(segment: Segment, *, left: bool) -> str:
    text = segment.left if left else segment.right
    word = text.rstrip()
    if segment.same or not word:
        return escape(text)
    tag = "del" if left else "ins"
    return f"<{tag}>{_shown(word)}</{tag}>{escape(text[len(word) :])}"


def _shown(text: str) -> str:
    return escape(safe.clip(text, _EXCERPT))


def _passages(rows: Rows) -> str:
    if not rows:
        return ""
    body = "".join(
        f"<tr><th scope=row><bdi>{escape(row['place'])}</bdi></th><td class=word><code>"
        f"{escape(row['language'] or '(none)')}</code></td><td>{safe.count(row['with_passages'])}</td>"
        f"<td class=word>{escape(row['kind'])}</td><td>{safe.count(row['documents'])}</td>"
        f"<td>{row['percent']:.1f} %</td><td>{safe.count(row['characters'])}</td>"
        f"<td class='word passage'><bdi>{escape(safe.clip(row['passage'], 160))}</bdi></td></tr>"
        for row in rows[:_PASSAGES]
    )
    return "<h3>Repeated passages</h3>" + scroll(
        "<table><caption>The commonest, five of each site or input and language</caption><thead><tr>"
        "<th scope=col>site or input</th><th scope=col class=word>language</th><th scope=col>documents with any</th>"
        "<th scope=col class=word>kind</th><th scope=col>documents with it</th><th scope=col>share</th>"
        f"<th scope=col>characters</th><th scope=col class=word>text</th></tr></thead><tbody>{body}</tbody></table>"
    )


def _by_language(rows: Rows, order: Mapping[str | None, int]) -> dict[str | None, list[Mapping[str, Any]]]:
    """The rows of each language, languages in the order of the section."""
    grouped: dict[str | None, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: order.get(row["language"], len(order))):
        grouped.setdefault(row["language"], []).append(row)
    return grouped


def _some(rows: Sequence[_T], shown: Callable[[Sequence[_T]], str]) -> str:
    """What is shown of the first languages, and folded away that of the rest."""
    return shown(rows[:_LANGUAGES]) + folded(rows[_LANGUAGES:], shown)
