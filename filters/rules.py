"""Rules compare signals with limits, and say why a document is dropped.

A rule is named `<set>.<signal>.<min|max>`, such as `gopher.n_words.min`: a document fails it if the signal is below the
minimum, or above the maximum, that holds for the document's language. Limits are looked up under the document's code
(`deu_Latn`), then its language (`deu`), its script (`Latn`), and `default`; the first that is there counts, and may say
that the rule is off. The shipped limits are in `limits.toml`, with their sources; those in `limits_languages.toml` were
fitted to single languages by `calibrate`.
"""

import functools
import math
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters import stop_words
from gristmill.schemas import MEASURED_FIELDS, SIGNAL_FIELDS, VERDICTS, nearest

Overrides = Mapping[str, Mapping[str, float | None]]
"""Limits by language, script or `default`, then by rule; None switches the rule off."""

LANGUAGE_RULE = "language"
"""Fails a document whose language is not wanted; its value is the language score, and it has no limit."""

LICENCE_RULE = "web.licence"
"""Fails a document that states none of the licences asked for; it has neither value nor limit."""

DEFAULT = "default"
_UNKNOWN = "und"
_STOP_WORDS = "stop_words"

_SIGNALS = frozenset(field.name for field in SIGNAL_FIELDS)
_MEASURED: Mapping[str, pa.DataType] = {field.name: field.type for field in MEASURED_FIELDS}
_FAILURES: pa.ListType = VERDICTS.schema.field("failures").type


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A signal and its limits.

    Attributes:
        name: `<set>.<signal>.<min|max>`.
        limits: pairs of a key (code, language, script or `default`) and its limit, sorted; None: off.
    """

    name: str
    limits: tuple[tuple[str, float | None], ...]

    @property
    def signal(self) -> str:
        """The column that the rule compares."""
        return self.name.split(".")[1]

    @property
    def bound(self) -> Literal["min", "max"]:
        """Whether documents below (min) or above (max) the limit fail."""
        return "min" if self.name.endswith(".min") else "max"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Everything a verdict depends on besides the signals.

    Attributes:
        rules: in the order in which failures are listed.
        languages: codes, languages or scripts to keep; None keeps all.
        listed: languages with a stop-word list, sorted: only these can be asked for stop words.
        min_score: documents whose language scores less are und. 0..1.
        licences: licences that a page must state, sorted; None asks for none.
    """

    rules: tuple[Rule, ...]
    languages: tuple[str, ...] | None
    listed: tuple[str, ...]
    min_score: float = 0.0
    licences: tuple[str, ...] | None = None

    @classmethod
    def load(
        cls,
        sets: Iterable[str],
        overrides: Overrides | None = None,
        *,
        languages: Collection[str] | None = None,
        policies: Mapping[str, float] | None = None,
        min_score: float = 0.0,
        licences: Collection[str] | None = None,
        fitted: bool = True,
    ) -> "Limits":
        """The shipped limits of some rule sets, changed by a recipe's own.

        An own limit replaces the shipped one under the same key, and shipped exceptions for single languages and
        scripts stay: a new default for `mean_word_length` does not drop all Chinese. But an own default of None
        switches the rule off for all languages that the recipe does not name itself.

        Args:
            sets: names of rule sets; their rules come in the order of `limits.toml`, whatever the order here.
            overrides: own limits, such as {"deu": {"gopher.n_words.min": 30}}.
            languages: codes, languages or scripts to keep; None keeps all.
            policies: further rules with their default limits, such as {"personal.emails.max": 0}.
            min_score: documents whose language scores less are und. 0..1.
            licences: licences that a page must state; None asks for none.
            fitted: False leaves out the limits fitted for single languages.

        Raises:
            ValueError: a set or a rule is unknown, a rule's set is not among the sets, or a limit is not finite.
        """
        shipped = _shipped(fitted=fitted)
        chosen = set(sets)
        for name in sorted(chosen - shipped.keys()):
            raise ValueError(f"unknown rule set {name!r}{nearest(name, shipped)}")
        tables = {rule: table for name in shipped if name in chosen for rule, table in shipped[name].items()}
        tables |= {rule: {DEFAULT: limit} for rule, limit in (policies or {}).items()}
        own = _by_rule(overrides or {}, tables)
        return cls(
            rules=tuple(
                Rule(name=rule, limits=tuple(sorted(_merge(table, own.get(rule, {})).items())))
                for rule, table in tables.items()
            ),
            languages=_sorted(languages),
            listed=tuple(sorted(stop_words.load())),
            min_score=min_score,
            licences=_sorted(licences),
        )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Limits":
        """The limits that `to_json` has written."""
        return cls(
            rules=tuple(Rule(name=name, limits=tuple(sorted(table.items()))) for name, table in value["rules"]),
            languages=_sorted(value["languages"]),
            listed=tuple(value["listed"]),
            min_score=value["min_score"],
            licences=_sorted(value["licences"]),
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON value with all that verdicts depend on: equal limits have equal values."""
        return {
            "rules": [[rule.name, dict(rule.limits)] for rule in self.rules],
            "languages": None if self.languages is None else list(self.languages),
            "listed": list(self.listed),
            "min_score": self.min_score,
            "licences": None if self.licences is None else list(self.licences),
        }

    def limit(self, rule: Rule, code: str) -> float | None:
        """The limit of a rule for a document's code, such as deu_Latn; None where the rule is off."""
        if rule.signal == _STOP_WORDS and code.partition("_")[0] not in self.listed:
            return None
        table = dict(rule.limits)
        return next((table[key] for key in lookup_keys(code) if key in table), None)

    def wants(self, code: str) -> bool:
        """Whether documents of a code are to be kept at all."""
        return self.languages is None or any(key in self.languages for key in lookup_keys(code))


def lookup_keys(code: str) -> tuple[str, ...]:
    """The keys that hold for a code, most special first: deu_Latn, deu, Latn, default."""
    language, _, script = code.partition("_")
    return (code, language, script, DEFAULT) if script else (language, DEFAULT)


def decide(signals: pa.RecordBatch, limits: Limits) -> pa.RecordBatch:
    """Verdicts of a batch of documents: one row each, in order, with every rule that failed in the order of the rules.

    What was not measured fails no rule: a null, not a number, or a measure beside the signals whose column is not
    there. Values are compared in the precision of their column, so that 0.3 is not more than 0.3.

    Args:
        signals: doc_id, language, language_score and what is measured; null as language counts as und.
        limits: from `Limits.load`.

    Returns:
        A batch with the schema of `VERDICTS`.

    Raises:
        KeyError: the column of a signal is missing.
    """
    languages = _resolved(signals, limits.min_score)
    encoded = languages.dictionary_encode()
    codes: list[str] = encoded.dictionary.to_pylist()
    code_of_row = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    columns = _Columns(signals=signals, codes=codes, code_of_row=code_of_row)
    special = [_unwanted(columns, limits), _unlicensed(columns, limits)]
    found = [*special, *(_failing(columns, limits, rule) for rule in limits.rules)]
    names = [LANGUAGE_RULE, LICENCE_RULE, *(rule.name for rule in limits.rules)]

    rows = np.concatenate([each.rows for each in found])
    order = np.argsort(rows, kind="stable")
    which = np.repeat(np.arange(len(found)), [len(each.rows) for each in found])[order]
    counts = np.bincount(rows, minlength=signals.num_rows)
    failures = pa.StructArray.from_arrays(
        [
            pa.array(names, pa.string()).take(pa.array(which)),
            _nan_as_null(np.concatenate([each.values for each in found])[order]),
            _nan_as_null(np.concatenate([each.limits for each in found])[order]),
        ],
        fields=list(_FAILURES.value_type),
    )
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.RecordBatch.from_arrays(
        [
            signals.column("doc_id"),
            languages,
            pa.array(counts == 0),
            pa.ListArray.from_arrays(pa.array(offsets), failures, type=_FAILURES),
        ],
        schema=VERDICTS.schema,
    )


def _resolved(signals: pa.RecordBatch, min_score: float) -> pa.StringArray:
    """The language of each document; und with its script where the score is too low."""
    languages = pc.fill_null(signals.column("language"), _UNKNOWN)
    sure = pc.fill_null(pc.greater_equal(signals.column("language_score"), np.float32(min_score)), True)
    unsure = pc.replace_substring_regex(languages, "^[a-z]{3}", _UNKNOWN)
    return pc.if_else(sure, languages, unsure)


Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """A batch of signals, its distinct language codes, and which of them each row has."""

    signals: pa.RecordBatch
    codes: list[str]
    code_of_row: Rows

    def has(self, name: str) -> bool:
        """Whether a measure was taken; signals always are."""
        return name in _SIGNALS or name in self.signals.schema.names

    def values(self, name: str) -> Doubles:
        """A column as doubles; NaN for null."""
        column = self.signals.column(name).cast(pa.float64())
        values: Doubles = column.to_numpy(zero_copy_only=False)
        return values


@dataclass(frozen=True, kw_only=True)
class _Found:
    """Rows that fail a rule, in order, with values and limits; NaN where there is none."""

    rows: Rows
    values: Doubles
    limits: Doubles


def _failing(columns: _Columns, limits: Limits, rule: Rule) -> _Found:
    by_code = [limits.limit(rule, code) for code in columns.codes]
    exact = np.array([math.nan if each is None else each for each in by_code], np.float64)
    if np.isnan(exact).all() or not columns.has(rule.signal):
        return _Found(rows=np.zeros(0, np.int64), values=np.zeros(0), limits=np.zeros(0))
    rounded = exact.astype(np.float32).astype(np.float64) if pa.types.is_float32(_MEASURED[rule.signal]) else exact
    values, bounds = columns.values(rule.signal), rounded[columns.code_of_row]
    rows = np.flatnonzero(values < bounds if rule.bound == "min" else values > bounds)
    return _Found(rows=rows, values=values[rows], limits=exact[columns.code_of_row[rows]])


def _unwanted(columns: _Columns, limits: Limits) -> _Found:
    wanted = np.array([limits.wants(code) for code in columns.codes], np.bool_)
    rows = np.flatnonzero(~wanted[columns.code_of_row])
    return _Found(rows=rows, values=columns.values("language_score")[rows], limits=np.full(len(rows), math.nan))


def _unlicensed(columns: _Columns, limits: Limits) -> _Found:
    rows = np.zeros(0, np.int64)
    if limits.licences is not None:
        allowed = pc.is_in(columns.signals.column("page_licence"), pa.array(limits.licences, pa.string()))
        rows = np.flatnonzero(~allowed.to_numpy(zero_copy_only=False))
    nothing = np.full(len(rows), math.nan)
    return _Found(rows=rows, values=nothing, limits=nothing)


def _nan_as_null(values: Doubles) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)


@functools.cache
def _shipped(*, fitted: bool = True) -> Mapping[str, Mapping[str, Mapping[str, float | None]]]:
    """`limits.toml`, and the fitted `limits_languages.toml` over it, as set -> rule -> key -> limit."""
    read = _read("limits.toml")
    groups: dict[str, list[str]] = read.pop("groups")
    shipped = {
        name: {
            f"{name}.{signal}.{bound}": _expand(table, groups)
            for signal, bounds in signals.items()
            for bound, table in bounds.items()
        }
        for name, signals in read.items()
    }
    for key, rule, limit in _flat(_read("limits_languages.toml")["rules"]["limits"] if fitted else {}):
        shipped[rule.partition(".")[0]][rule][key] = None if limit is False else limit
    return shipped


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text("utf-8"))


def _expand(table: Mapping[str, float | bool], groups: Mapping[str, Iterable[str]]) -> dict[str, float | None]:
    """A table of limits.toml with its groups written out, and false as None. A later group goes over an
    earlier one, and what is named itself over any.
    """
    limits = {key: None if limit is False else float(limit) for key, limit in table.items()}
    members = {key: limit for name, limit in limits.items() for key in groups.get(name, ())}
    return members | {key: limit for key, limit in limits.items() if key not in groups}


def _by_rule(overrides: Overrides, known: Collection[str]) -> dict[str, dict[str, float | None]]:
    """Overrides as rule -> key -> limit, checked."""
    tables: dict[str, dict[str, float | None]] = {}
    for key, rule, limit in _flat(overrides):
        if rule not in known:
            raise ValueError(f"rules.limits.{key}: {_unknown_rule(rule, known)}")
        if limit is not None and not math.isfinite(limit):
            raise ValueError(f"rules.limits.{key}: limit of {rule!r} must be a finite number, not {limit}")
        tables.setdefault(rule, {})[key] = None if limit is None else float(limit)
    return tables


def _flat(overrides: Overrides) -> Iterator[tuple[str, str, float | None]]:
    for key, table in overrides.items():
        for rule, limit in table.items():
            yield key, rule, limit


def _unknown_rule(rule: str, known: Collection[str]) -> str:
    shipped = _shipped()
    name = rule.partition(".")[0]
    if rule in shipped.get(name, {}):
        return f"rule {rule!r} is part of set {name!r}, which is not among rules.sets"
    return f"unknown rule {rule!r}{nearest(rule, known)}"


def _sorted(names: Collection[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(sorted(set(names)))


def _merge(shipped: Mapping[str, float | None], own: Mapping[str, float | None]) -> dict[str, float | None]:
    off = DEFAULT in own and own[DEFAULT] is None
    return {**({} if off else shipped), **own}
