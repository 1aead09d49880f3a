"""What if a limit were another one: which documents of an output would be gained, and which lost, by language.

A document's verdict changes with one rule's limit only if it fails nothing else. So of every document three things
decide: the signal's value, whether the rule fails it now, and whether another one does. One pass of SQL over `verdicts`
and `signals` compares each value with each limit that is asked for; texts are read only for the examples.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import duckdb
import pyarrow as pa

from gristmill.filters.rules import Limits, Rule
from gristmill.reports import safe
from gristmill.reports.views import connect, literal
from gristmill.schemas import CONTAMINATION, MEASURED_FIELDS, MEASURES, PERSONAL, SIGNALS, WEB, nearest
from gristmill.schemas.recipe import RuleSet

EXAMPLES = 3
"""Examples of documents gained, and as many of documents lost."""

_STEPS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 4.0)
_LEAST_STEP = 0.01
_SHOWN = 160


@dataclass(frozen=True, kw_only=True)
class Example:
    """A document whose verdict would change: its id, the value found, and the beginning of its text."""

    doc_id: str
    value: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """What another limit would do to the documents of a language.

    Attributes:
        language: as the verdicts have it.
        now: the limit that holds; None: the rule is off.
        limit: the other one; None switches the rule off.
        documents: of this language, whatever their verdict.
        kept: documents kept now.
        gained, lost: documents that would be kept, or dropped, besides; with the bytes of their records.
    """

    language: str
    now: float | None
    limit: float | None
    documents: int
    kept: int
    gained: int
    gained_bytes: int
    lost: int
    lost_bytes: int
    gained_examples: tuple[Example, ...] = ()
    lost_examples: tuple[Example, ...] = ()


def what_if(
    out: str, rule: str, *, values: Sequence[float] = (), language: str | None = None, examples: int = EXAMPLES
) -> list[Change]:
    """Sweep a rule's limit over the documents of an output.

    Args:
        out: output folder of a run that has come to `decide`.
        rule: such as gopher.n_words.min; a rule that the run did not use counts as off.
        values: limits to try, the same for every language; none: for each language, quantiles of its signal around the
            limit that holds.
        language: only this one, such as deu_Latn; all by default.

    Raises:
        ValueError: there is no such rule, no verdict yet, no document of the language, or the run did not measure what
            the rule compares.
    """
    with connect(out) as connection:
        limits = limits_of(connection)
        subject = known_rule(rule, limits)
        _check_measured(connection, subject)
        languages = _languages(connection, language)
        asked: dict[str, Sequence[float]] = {
            each: values if values else _around(connection, subject, each, limits.limit(subject, each))
            for each in languages
            if not _never(subject, each, limits)
        }
        return changes(connection, subject, asked, limits=limits, examples=examples)


def limits_of(connection: duckdb.DuckDBPyConnection) -> Limits:
    """The limits that the verdicts were made with.

    Raises:
        ValueError: the run has not come to `decide`.
    """
    found = connection.execute("SELECT settings FROM stages WHERE phase = 'decide' ORDER BY key LIMIT 1").fetchall()
    if not found:
        raise ValueError("there are no verdicts in this output yet; what would change is told after `decide`")
    return Limits.from_json(json.loads(found[0][0])["limits"])


def known_rule(name: str, limits: Limits) -> Rule:
    """The rule of that name: the run's own, or a shipped one or that of a policy, switched off.

    Raises:
        ValueError: there is none.
    """
    own = {rule.name: rule for rule in limits.rules}
    shipped = {rule.name: Rule(name=rule.name, limits=()) for rule in Limits.load(get_args(RuleSet)).rules}
    shipped |= {each: Rule(name=each, limits=()) for each in _policy_rules()}
    if name not in own and name not in shipped:
        raise ValueError(f"unknown rule {name!r}{nearest(name, {**shipped, **own})}")
    return own.get(name) or shipped[name]


def _policy_rules() -> Iterator[str]:
    """What a policy may drop documents for; under another policy the rule is off."""
    measured = {field.name for field in MEASURED_FIELDS}
    for table in (PERSONAL, WEB, CONTAMINATION):
        yield from (f"{table.name}.{name}.max" for name in table.schema.names if name in measured)


def _check_measured(connection: duckdb.DuckDBPyConnection, rule: Rule) -> None:
    table, _ = _column(rule)
    if connection.execute(f"SELECT EXISTS (FROM verdicts) AND NOT EXISTS (FROM {table})").fetchall()[0][0]:
        raise ValueError(f"{rule.name}: this run did not measure {table}; ask for it with [{table}] in the recipe")


def changes(
    connection: duckdb.DuckDBPyConnection, rule: Rule, asked: Mapping[str, Sequence[float | None]], *, limits: Limits,
    examples: int = 0,
) -> list[Change]:  # fmt: skip
    """What each asked limit of a rule would change, by language."""
    rows = [(language, limit) for language, some in asked.items() for limit in dict.fromkeys(some)]
    if not rows:
        return []
    connection.register("asked", pa.table({
        "language": pa.array([each for each, _ in rows], pa.string()),
        "bound": pa.array([limit for _, limit in rows], pa.float64()),
        "place": pa.array(range(len(rows)), pa.int64()),
    }))  # fmt: skip
    try:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW compared AS {_compared(rule)}")
        counted = connection.execute(_COUNTED).fetchall()
        shown = _examples(connection, examples) if examples else {}
    finally:
        connection.unregister("asked")
    return [
        Change(
            language=language,
            now=limits.limit(rule, language),
            limit=limit,
            documents=documents,
            kept=kept,
            gained=gained,
            gained_bytes=gained_bytes,
            lost=lost,
            lost_bytes=lost_bytes,
            gained_examples=tuple(shown.get((place, True), ())),
            lost_examples=tuple(shown.get((place, False), ())),
        )
        for place, (language, limit) in enumerate(rows)
        for documents, kept, gained, gained_bytes, lost, lost_bytes in [counted[place][1:]]
    ]


def to_json(found: Sequence[Change]) -> Iterator[str]:
    """One JSON object for each language and limit."""
    for change in found:
        yield json.dumps(asdict(change), ensure_ascii=False)


def to_text(rule: str, found: Sequence[Change]) -> Iterator[str]:
    """For people: a table, with examples under the lines that change something."""
    yield rule
    yield f"{'language':<12}{'now':>10}{'limit':>10}{'documents':>12}{'kept':>10}{'gained':>10}{'lost':>10}   bytes"
    for change in found:
        bytes_ = f"+{safe.size(change.gained_bytes)} -{safe.size(change.lost_bytes)}"
        counts = f"{change.documents:>12,}{change.kept:>10,}{change.gained:>10,}{change.lost:>10,}"
        yield f"{change.language:<12}{_limit(change.now):>10}{_limit(change.limit):>10}{counts}   {bytes_}"
        for sign, examples in (("+", change.gained_examples), ("-", change.lost_examples)):
            for each in examples:
                yield f"    {sign} {each.doc_id} {safe.number(each.value)}  {safe.one_line(each.text)}"


def _limit(limit: float | None) -> str:
    return "off" if limit is None else safe.number(limit)


def _languages(connection: duckdb.DuckDBPyConnection, language: str | None) -> list[str]:
    query = "SELECT DISTINCT language FROM verdicts WHERE language IS NOT NULL ORDER BY language"
    present = [row[0] for row in connection.execute(query).fetchall()]
    if language is None:
        return present
    if language not in present:
        raise ValueError(f"no document is in {language!r}{nearest(language, present)}")
    return [language]


def _never(rule: Rule, language: str, limits: Limits) -> bool:
    """Whether no limit could make the rule fail documents of a language: stop words without a list."""
    trial = Rule(name=rule.name, limits=(("default", 0.0),))
    return limits.limit(trial, language) is None


def _column(rule: Rule) -> tuple[str, str]:
    """The table and the type of a rule's signal."""
    table = next(each for each in (SIGNALS, *MEASURES) if rule.signal in each.schema.names)
    kind = next(field.type for field in MEASURED_FIELDS if field.name == rule.signal)
    return table.name, "FLOAT" if pa.types.is_float32(kind) else "DOUBLE"


def _compared(rule: Rule) -> str:
    """Documents that no other rule fails, with each limit that is asked for their language."""
    table, kind = _column(rule)
    fails = f"coalesce(NOT isnan(value) AND value {'<' if rule.bound == 'min' else '>'} CAST(bound AS {kind}), false)"
    return f"""
        SELECT place, doc_id, value, keep, bytes, NOT ({fails}) AS would_keep
        FROM (
            SELECT verdicts.doc_id, verdicts.language, verdicts.keep, documents.bytes,
                CAST({table}."{rule.signal}" AS {kind}) AS value
            FROM verdicts
            JOIN documents USING (doc_id)
            LEFT JOIN {table} USING (doc_id)
            WHERE len(list_filter(verdicts.failures, lambda failure: failure.rule <> {literal(rule.name)})) = 0
        ) JOIN asked USING (language)
    """


_COUNTED = """
    WITH totals AS (
        SELECT language, count(*) AS documents, count(*) FILTER (keep) AS kept FROM verdicts GROUP BY language
    ),
    counted AS (
        SELECT place,
            count(*) FILTER (would_keep AND NOT keep) AS gained,
            coalesce(sum(bytes) FILTER (would_keep AND NOT keep), 0) AS gained_bytes,
            count(*) FILTER (keep AND NOT would_keep) AS lost,
            coalesce(sum(bytes) FILTER (keep AND NOT would_keep), 0) AS lost_bytes
        FROM compared GROUP BY place
    )
    SELECT place, coalesce(documents, 0), coalesce(kept, 0), coalesce(gained, 0),
        CAST(coalesce(gained_bytes, 0) AS BIGINT), coalesce(lost, 0), CAST(coalesce(lost_bytes, 0) AS BIGINT)
    FROM asked LEFT JOIN totals USING (language) LEFT JOIN counted USING (place)
    ORDER BY place
"""


def _examples(connection: duckdb.DuckDBPyConnection, n: int) -> dict[tuple[int, bool], list[Example]]:
    """The first documents by id that each limit would gain (True) or lose (False)."""
    found: dict[tuple[int, bool], list[Example]] = {}
    query = f"""
        WITH chosen AS (
            SELECT place, would_keep, doc_id, value FROM compared WHERE keep <> would_keep
            QUALIFY row_number() OVER (PARTITION BY place, would_keep ORDER BY doc_id) <= {n}
        )
        SELECT place, would_keep, doc_id, value, left(text, {_SHOWN})
        FROM chosen JOIN documents USING (doc_id) ORDER BY place, would_keep, doc_id
    """
    rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
    for place, gained, doc_id, value, text in rows:
        found.setdefault((place, gained), []).append(Example(doc_id=doc_id, value=value, text=text))
    return found


def _around(connection: duckdb.DuckDBPyConnection, rule: Rule, language: str, now: float | None) -> list[float]:
    """Limits around the present one: quantiles of the signal at parts and multiples of the share that it fails."""
    table, kind = _column(rule)
    value = f'CAST({table}."{rule.signal}" AS DOUBLE)'
    source = (
        f"verdicts JOIN {table} USING (doc_id) WHERE verdicts.language = {literal(language)} AND NOT isnan({value})"
    )
    less = rule.bound == "min"
    failing = 0.0
    if now is not None:
        share = f"avg(CAST({value} {'<' if less else '>'} CAST({now!r} AS {kind}) AS INTEGER))"
        failing = connection.execute(f"SELECT {share} FROM {source}").fetchall()[0][0] or 0.0
    shares = [min(max(failing, _LEAST_STEP) * step, 0.5) for step in _STEPS]
    levels = [share if less else 1 - share for share in shares]
    found = connection.execute(f"SELECT quantile_disc({value}, {levels!r}) FROM {source}").fetchall()[0][0] or []
    limits = {float(f"{each:.3g}") for each in found} | ({now} if now is not None else set())
    return sorted(limits, reverse=less)
