"""Limits per language, fitted from good text: each limit of the base language is carried to the place that means the
same in another one.

A published limit was chosen by people who looked at English. What it asks of a text is a distance from good English
text: 50 words is a sixth of a news article, a share of .3 of line breaks is six times the usual. The same distance from
good text of another language is the limit there. It is measured on a scale on which languages differ by a shift: the
logarithm for counts and lengths, the logarithm of the odds for ratios. For each rule and language:

1. Five quantiles of the signal are compared in both languages' reference text, on the side of the limit: the 2nd to the
   50th percentile for a minimum, the 50th to the 98th for a maximum. The shift to the looser side is their mean
   difference; to the stricter side, only what all five agree on.
2. The limit is the base's, shifted by at most a factor of 6 for counts and of 4 for odds. Limits on stop words, whose
   lists differ in length, and on words with letters, of which laws and lists have fewer, are only made looser.
3. It is drawn towards the limit that holds without it, as far as the standard error of the shift asks for (a
   positive-part James-Stein estimate). A signal that is the same in most documents says nothing: its limit stays.
4. A limit may drop as much of the reference as `MOST_DROPPED`, or as the base's limit drops of the base's reference. If
   it drops more, it goes to the quantile where it does not; if that is beyond the cut-off, the rule is off.
5. A limit that differs little from the one that holds anyway (a fifth in counts, a third in odds) is left alone, unless
   that one drops more than it may. Others are rounded to two digits, to the looser side.

Rules that are off for a language stay off. The limits of the set `gristmill` are left alone: they were chosen to
hold in every language.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.filters.rules import Limits, Rule
from gristmill.schemas import SIGNAL_FIELDS

BASE = "eng_Latn"
"""The language whose limits are carried over."""
MIN_DOCUMENTS = 50
"""Reference documents that a language needs."""
MOST_DROPPED = 0.01
"""Share of the reference that a fitted limit may drop."""
SETS = frozenset(["gopher", "c4", "fineweb", "refinedweb"])
"""Sets of published rules, whose limits are fitted."""

_QUANTILES = np.array([0.02, 0.05, 0.1, 0.25, 0.5])
_FOLDS = 5
_FLOOR = 0.002
_ONLY_LOOSER = frozenset(["alpha_word_ratio", "stop_words"])

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A limit that another language needs, with its evidence.

    Attributes:
        code: language and script, such as deu_Latn.
        rule: `<set>.<signal>.<min|max>`.
        documents: reference documents of the language.
        before: the limit that held for it.
        limit: the fitted one; None switches the rule off.
        dropped_before: share of the reference that `before` drops. 0..1.
        dropped: share of the reference that `limit` drops. 0..1.
    """

    code: str
    rule: str
    documents: int
    before: float
    limit: float | None
    dropped_before: float
    dropped: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What was fitted.

    Attributes:
        base: the language whose limits were carried over.
        fits: by code, in order, those limits that had to change; a language without any needs none.
        few: codes with too few documents, and how many they have.
    """

    base: str
    fits: Mapping[str, tuple[Fit, ...]]
    documents: Mapping[str, int]
    few: Mapping[str, int]

    @property
    def limits(self) -> dict[str, dict[str, float | None]]:
        """The fitted limits as a recipe takes them."""
        return {code: {fit.rule: fit.limit for fit in fits} for code, fits in self.fits.items() if fits}


def calibrate(
    reference: pa.Table, limits: Limits, *, base: str = BASE, min_documents: int = MIN_DOCUMENTS
) -> Calibration:
    """Fit limits for every language of the reference text but the base.

    Args:
        reference: `language` (a code such as deu_Latn) and signals of good text, a row for each document.
        limits: the limits that hold so far.

    Raises:
        ValueError: the reference has fewer than `min_documents` documents of the base.
    """
    codes = np.array(reference.column("language").to_pylist(), object)
    present = sorted({code for code in codes if code is not None and not code.startswith("und")})
    counts = {code: int((codes == code).sum()) for code in present}
    if counts.get(base, 0) < min_documents:
        raise ValueError(
            f"the reference text has {counts.get(base, 0)} documents of {base}, whose limits are to be carried over: "
            f"at least {min_documents} are needed (--base names another language, --min-documents another number)"
        )
    signals = _signals(reference)
    rules = [rule for rule in limits.rules if rule.name.partition(".")[0] in SETS and rule.signal in signals]
    fits = {
        code: tuple(_fits(code, rules, limits=limits, signals=signals, codes=codes, base=base))
        for code in present
        if code != base and counts[code] >= min_documents
    }
    few = {code: n for code, n in counts.items() if n < min_documents}
    return Calibration(base=base, fits=fits, documents=counts, few=few)


def _signals(reference: pa.Table) -> dict[str, Doubles]:
    present = [field.name for field in SIGNAL_FIELDS if field.name in reference.schema.names]
    return {name: reference.column(name).cast(pa.float64()).to_numpy() for name in present}


def _fits(
    code: str, rules: list[Rule], *, limits: Limits, signals: Mapping[str, Doubles], codes: npt.NDArray[np.object_],
    base: str,
) -> Iterator[Fit]:  # fmt: skip
    for rule in rules:
        standard, before = limits.limit(rule, base), limits.limit(rule, code)
        if standard is None or before is None:
            continue
        good, values = (_known(signals[rule.signal][codes == each]) for each in (base, code))
        if not len(good) or not len(values):
            continue
        scale = _Scale(rule)
        allowed = max(MOST_DROPPED, scale.dropped(good, standard))
        place = scale.place(good, values, standard=standard, before=before)
        dropped_before = scale.dropped(values, before)
        if abs(place - float(scale.to(before))) < scale.noticed and dropped_before <= allowed:
            continue
        limit = scale.limit(place, values, standard=standard, allowed=allowed)
        if limit != before:
            yield Fit(
                code=code,
                rule=rule.name,
                documents=len(values),
                before=before,
                limit=limit,
                dropped_before=dropped_before,
                dropped=0.0 if limit is None else scale.dropped(values, limit),
            )


def _known(values: Doubles) -> Doubles:
    return values[~np.isnan(values)]


class _Scale:
    """The scale on which a rule's signal is compared between languages."""

    def __init__(self, rule: Rule) -> None:
        self.minimum = rule.bound == "min"
        self.odds = rule.signal.endswith("_ratio")
        self.whole = pa.types.is_integer(next(each.type for each in SIGNAL_FIELDS if each.name == rule.signal))
        self.only_looser = rule.signal in _ONLY_LOOSER
        self.furthest = math.log(4 if self.odds else 6)
        self.noticed = math.log(4 / 3 if self.odds else 6 / 5)

    def to(self, values: Doubles | float) -> Doubles:
        """Where values are on the scale. A floor keeps 0, and the odds of 1, finite."""
        v = np.asarray(values, np.float64)
        return np.log((v + _FLOOR) / (1 - v + _FLOOR)) if self.odds else np.log(v + 0.5)

    def back(self, place: float) -> float:
        """The value at a place of the scale."""
        value = (
            (math.exp(place) * (1 + _FLOOR) - _FLOOR) / (1 + math.exp(place)) if self.odds else math.exp(place) - 0.5
        )
        return min(max(value, 0.0), 1.0 if self.odds else math.inf)

    def dropped(self, values: Doubles, limit: float) -> float:
        """Share of the values that a limit drops, compared in single precision, as the columns are."""
        v, bound = values.astype(np.float32), np.float32(limit)
        return float((v < bound).mean() if self.minimum else (v > bound).mean())

    def shift(self, good: Doubles, values: Doubles) -> float:
        """From the base's place to the language's. Looser is down for a minimum, up for a maximum."""
        quantiles = _QUANTILES if self.minimum else 1 - _QUANTILES
        apart = self.to(np.quantile(values, quantiles)) - self.to(np.quantile(good, quantiles))
        mean = float(apart.mean())
        looser = mean < 0 if self.minimum else mean > 0
        if looser:
            return mean
        return max(float(apart.min()), 0.0) if self.minimum else min(float(apart.max()), 0.0)

    def says(self, *samples: Doubles) -> bool:
        """Whether some sample differs in half of its documents from its own most harmless value."""
        return any(bool(np.median(each) != (each.max() if self.minimum else each.min())) for each in samples)

    def error(self, good: Doubles, values: Doubles) -> float:
        """Standard error of the shift, from disjoint fifths of the documents."""
        folds = [self.shift(good[k::_FOLDS], values[k::_FOLDS]) for k in range(min(_FOLDS, len(good), len(values)))]
        return float(np.std(folds, ddof=1)) / math.sqrt(len(folds)) if len(folds) > 1 else math.inf

    def place(self, good: Doubles, values: Doubles, *, standard: float, before: float) -> float:
        """Where the limit belongs: the standard one shifted, drawn towards the one before."""
        start = float(self.to(before))
        if not self.says(good, values):
            return start
        shift = min(max(self.shift(good, values), -self.furthest), self.furthest)
        way = float(self.to(standard)) + shift - start
        if self.only_looser:
            way = min(way, 0.0) if self.minimum else max(way, 0.0)
        sure = max(1 - (self.error(good, values) / way) ** 2, 0.0) if way else 0.0
        return start + sure * way

    def limit(self, place: float, values: Doubles, *, standard: float, allowed: float) -> float | None:
        """The limit at a place, or as near as keeps enough of the reference; None where none within reach does."""
        limit = self.rounded(self.back(place))
        if self.dropped(values, limit) > allowed:
            bearable = (
                np.quantile(values, allowed, method="lower")
                if self.minimum
                else (np.quantile(values, 1 - allowed, method="higher"))
            )
            limit = self.rounded(float(bearable))
        if abs(float(self.to(limit) - self.to(standard))) > self.furthest + self.noticed:
            return None
        nothing = limit <= 0 if self.minimum else self.odds and limit >= 1
        return None if nothing else limit

    def rounded(self, limit: float) -> float:
        """Two digits, to the looser side; counts to whole numbers."""
        if limit == 0:
            return 0.0
        unit = 10.0 ** (math.floor(math.log10(limit)) - 1)
        steps = limit / (max(unit, 1.0) if self.whole else unit)
        near = float(round(steps))
        if not math.isclose(steps, near, rel_tol=1e-9):
            near = math.floor(steps) if self.minimum else math.ceil(steps)
        return float(f"{near * (max(unit, 1.0) if self.whole else unit):.12g}")
