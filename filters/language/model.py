"""Which languages a text is in: two models' opinions, what its script allows, and paragraph by paragraph.

`paragraphs` draws samples of a document's paragraphs, `letters` tells their script, `fasttext_model` and `langid_model`
give their opinions of each sample and of all together, `opinions` makes one probability of each language of these, and
`shares` tells which languages the document is in. All of it is compiled, and works on whole batches.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.filters.characters import HANS, HANT, JPAN, script_names
from gristmill.filters.language import bundled
from gristmill.filters.language.fasttext_model import FastText
from gristmill.filters.language.labels import NO_LANGUAGE, PREFIX, UNKNOWN, Label, parse_label, sole_language
from gristmill.filters.language.langid_model import LangId
from gristmill.filters.language.letters import N_SCRIPTS, Letters, classes, see_letters
from gristmill.filters.language.opinions import Floats, Knowledge, weigh
from gristmill.filters.language.paragraphs import Bounds, Units, cut
from gristmill.filters.language.shares import SCRIPTS, Shares, settle
from gristmill.filters.segmentation import Text, texts_of
from gristmill.schemas import SIGNALS

MIN_SHARED = 90
"""Languages that a model without scripts in its labels must share with the second opinion for it to be asked: then it
is lid.176 or a model like it. Models that name scripts (GlotLID, OpenLID, NLLB) know more than the second opinion, and
models of a few languages are meant to name only these: both are taken alone."""

_DISPUTED = ("bos", "hrv", "srp")
_TOGETHER = "hbs"
_STANDARD_CHINESE = ("zho", "wuu")
_CANTONESE = "yue"

QUICK = Bounds(units=10, bytes=1152)
"""What is looked at of every document. On 11,931 NTREX documents of 2,120 characters on average, so much is as often
right as the whole."""
THOROUGH = Bounds(units=64, bytes=8192)
"""What is looked at of a document that seems to be in several languages: their shares are then close to the truth."""

_CHUNK = 1 << 9
"""Documents at a time: up to 6,000 samples, whose probabilities take 13 MB."""


@dataclass(frozen=True, kw_only=True)
class Languages:
    """What texts are in.

    Attributes:
        primary: ISO 639-3 language and ISO 15924 script, such as zho_Hans; und_Hans with too few letters to tell, and
            und without any.
        scores: probability of the primary language. 0..1; 0 for und.
        shares: languages of the paragraphs with their shares of the characters, largest first, as SIGNALS has them.
    """

    primary: pa.StringArray
    scores: Floats
    shares: pa.ListArray


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """Names the languages of texts. Pickled by its path: a worker loads the files itself.

    Attributes:
        path: the fastText model as given; None for the bundled lid.176.ftz.
    """

    path: str | None
    _first: FastText = field(repr=False, compare=False)
    _second: LangId | None = field(repr=False, compare=False)
    _languages: tuple[str, ...] = field(repr=False, compare=False)
    _known: Knowledge = field(repr=False, compare=False)

    @classmethod
    def load(cls, path: str | None = None) -> "LanguageModel":
        """Load a fastText model from a .bin or .ftz file, or the bundled lid.176.ftz; and the second opinion, if it is
        to be asked.

        Raises:
            FileNotFoundError: there is no such file, or a bundled model's distribution is not installed.
            ValueError: the file is not a fastText model with labels.
        """
        file = Path(path) if path is not None else bundled.lid_176()
        if not file.is_file():
            raise FileNotFoundError(f"language model {str(file)!r} does not exist")
        first = FastText.load(file)
        if not any(each.startswith(PREFIX) for each in first.labels):
            raise ValueError(f"language model {str(file)!r} has no labels that begin with {PREFIX!r}")
        second = _second_opinion(first)
        languages, known = _knowledge(first.labels, second.labels if second else ())
        return cls(path=path, _first=first, _second=second, _languages=languages, _known=known)

    def __reduce__(self) -> tuple[Any, tuple[str | None]]:
        return LanguageModel.load, (self.path,)

    def identify(self, texts: pa.StringArray | pa.LargeStringArray | pa.ChunkedArray) -> Languages:
        """The languages of each text; a null is an empty text. Linear time, without the GIL."""
        found = [self._identify(part) for text in texts_of(texts) for part in _parts(text)]
        return Languages(
            primary=pa.concat_arrays([pa.array([], pa.string()), *(each.primary for each in found)]),
            scores=np.concatenate([np.zeros(0, np.float32), *(each.scores for each in found)]),
            shares=pa.concat_arrays([pa.array([], _SHARES), *(each.shares for each in found)]),
        )

    def _identify(self, text: Text) -> Languages:
        """A quick look at all documents, and a thorough one at those that seem to be in several languages."""
        found = self._look(text, QUICK)
        several = np.flatnonzero(np.diff(found.shares.offsets.to_numpy()) > 1)
        if not len(several):
            return found
        again = self._look(_only(text, several), THOROUGH)
        rows = np.arange(len(found.primary))
        rows[several] = len(rows) + np.arange(len(several))
        return Languages(
            primary=pa.concat_arrays([found.primary, again.primary]).take(pa.array(rows)),
            scores=np.concatenate([found.scores, again.scores])[rows],
            shares=pa.concat_arrays([found.shares, again.shares]).take(pa.array(rows)),
        )

    def _look(self, text: Text, bounds: Bounds) -> Languages:
        units = cut(text, bounds)
        of_parts, of_wholes = see_letters(units.text, units.firsts, classes())
        parts, wholes = self._probabilities(units, of_parts, of_wholes)
        found = settle(parts, wholes, units, (of_parts, of_wholes), _HAN)
        return self._named(found, of_wholes)

    def _probabilities(self, units: Units, of_parts: Letters, of_wholes: Letters) -> tuple[Floats, Floats]:
        """Of each language in each sample, and in all samples of a document together."""
        text, firsts = units.text, units.firsts
        parts, wholes = self._first.of_parts(text, firsts)
        second_parts, second_wholes = (
            self._second.of_parts(text, firsts) if self._second else (parts[:, :0], wholes[:, :0])
        )
        of_part, of_whole = np.diff(text.offsets), np.diff(text.offsets[firsts])
        return (
            weigh(parts, second_parts, of_part, _rows(of_parts), self._known),
            weigh(wholes, second_wholes, of_whole, _rows(of_wholes), self._known),
        )

    def _named(self, found: Shares, letters: Letters) -> Languages:
        """Numbers as codes, and characters as shares."""
        names = script_names()
        numbers = np.unique(np.concatenate([found.codes, found.primary]))
        codes = pa.array(
            [f"{self._languages[each // SCRIPTS]}_{names[each % SCRIPTS]}" if each >= 0 else "" for each in numbers],
            pa.string(),
        )
        undetermined = pa.array([UNKNOWN] + [f"{UNKNOWN}_{name}" for name in names[1:]], pa.string())
        primary = pc.if_else(
            pa.array(found.primary >= 0),
            codes.take(pa.array(np.searchsorted(numbers, found.primary))),
            undetermined.take(pa.array(letters.scripts)),
        )
        owners = np.repeat(np.arange(len(found.primary)), np.diff(found.firsts))
        totals = np.bincount(owners, found.chars, len(found.primary))
        fields = [
            codes.take(pa.array(np.searchsorted(numbers, found.codes))),
            pa.array((found.chars / np.maximum(totals[owners], 1)).astype(np.float32)),
        ]
        entries = pa.StructArray.from_arrays(fields, fields=list(_SHARES.value_type))
        shares = pa.ListArray.from_arrays(pa.array(found.firsts, pa.int32()), entries, type=_SHARES)
        return Languages(primary=primary, scores=found.scores, shares=shares)


_SHARES = SIGNALS.schema.field("languages").type
_HAN = np.array([HANS, HANT, JPAN], np.int64)


def _second_opinion(first: FastText) -> LangId | None:
    """The second opinion, where the first is one that it was fitted to: see `MIN_SHARED`."""
    names_scripts = any("_" in each.removeprefix(PREFIX) for each in first.labels)
    if names_scripts or len(first.labels) < MIN_SHARED:
        return None
    second = LangId.load()
    languages = {parse_label(each).language for each in first.labels}
    shared = languages & {parse_label(each).language for each in second.labels}
    return second if len(shared) >= MIN_SHARED else None


def _knowledge(first: Sequence[str], second: Sequence[str]) -> tuple[tuple[str, ...], Knowledge]:
    """All languages of both models and of scripts with one language, and what is known of them."""
    of_first = [parse_label(each) for each in first]
    of_second = [parse_label(each) for each in second]
    soles = [sole_language(name) for name in script_names()]
    languages = sorted({each.language for each in (*of_first, *of_second)}.union(filter(None, soles)) - {NO_LANGUAGE})
    numbers = {language: number for number, language in enumerate(languages)}
    by_first = np.array([numbers.get(each.language, -1) for each in of_first], np.int32)
    by_second = np.array([numbers.get(each.language, -1) for each in of_second], np.int32)
    known_first, known_second = (np.isin(np.arange(len(languages)), each) for each in (by_first, by_second))
    return tuple(languages), Knowledge(
        first=by_first,
        second=by_second,
        written=_written([*of_first, *of_second], numbers),
        only_first=known_first & ~known_second,
        only_second=known_second & ~known_first,
        disputed=_numbers(_DISPUTED, numbers) if second else np.zeros(0, np.int32),
        together=_numbers((_TOGETHER,), numbers) if second else np.zeros(0, np.int32),
        sole=np.array([numbers.get(each or "", -1) for each in (*soles, _CANTONESE, _CANTONESE)], np.int32),
    )


def _numbers(languages: Sequence[str], numbers: Mapping[str, int]) -> npt.NDArray[np.int32]:
    return np.array([numbers[each] for each in languages], np.int32)


def _written(labels: Sequence[Label], numbers: Mapping[str, int]) -> npt.NDArray[np.bool_]:
    """Which language is written in which script: see `_rows` for the last two rows."""
    names = {name: number for number, name in enumerate(script_names()) if name}
    written = np.zeros((N_SCRIPTS + 2, len(numbers)), np.bool_)
    for label in labels:
        if label.language not in numbers:
            continue
        if label.scripts is None:
            written[1:, numbers[label.language]] = True
        else:
            written[[names[each] for each in label.scripts if each in names], numbers[label.language]] = True
    written[N_SCRIPTS:] = written[HANS : HANT + 1]
    if _CANTONESE in numbers:
        written[N_SCRIPTS:, [numbers[each] for each in _STANDARD_CHINESE if each in numbers]] = False
    return written


def _rows(letters: Letters) -> npt.NDArray[np.int64]:
    """Rows of `Knowledge.written`: scripts, and behind them simplified and traditional Han that is Cantonese."""
    return np.where(letters.cantonese, letters.scripts - HANS + N_SCRIPTS, letters.scripts)


def _only(text: Text, documents: npt.NDArray[np.int64]) -> Text:
    """A few documents of a text, copied."""
    pieces = [text.data[text.offsets[each] : text.offsets[each + 1]] for each in documents]
    data = np.concatenate(pieces)
    data.setflags(write=False)
    return Text(data, np.concatenate([[0], np.cumsum([len(each) for each in pieces])]))


def _parts(text: Text) -> Iterator[Text]:
    for start in range(0, len(text.offsets) - 1, _CHUNK):
        yield Text(text.data, text.offsets[start : start + _CHUNK + 1])
