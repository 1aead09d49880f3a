"""Perplexity of a text by a KenLM model of its language, as CCNet measures it (arXiv:1911.00359).

Line by line: the logarithms of the probabilities of all tokens and line ends, averaged over the document. What a token
is, the model decides, for it has to be what it was trained on:

- a SentencePiece model beside it (`de.arpa.bin` with `de.sp.model`, as CCNet names them): its pieces, of the text in
  lower case, without accents, every digit a 0, punctuation in its ASCII form;
- otherwise the words of `word_ngrams.spell`, set apart by spaces.

The package kenlm (LGPL) is imported by `load` alone.
"""

import importlib
import importlib.util
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gristmill.filters.quality import word_ngrams

INSTALL = "perplexity needs the package kenlm, which is LGPL and not installed with Gristmill: pip install kenlm"

MAX_LINE_CHARS = 20_000
"""Longer lines are looked at up to here."""

# What CCNet maps to ASCII: full-width forms, and quotation marks, dashes and dots of several scripts.
_PUNCTUATION = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys(map(ord, "„“”«»″「」《》"), '"'),
    **dict.fromkeys(map(ord, "‘’´`′"), "'"),
    **dict.fromkeys(map(ord, "–—━─"), "-"),
    **dict.fromkeys(map(ord, "。．"), "."),
    **dict.fromkeys(map(ord, "、，"), ","),
    **dict.fromkeys(map(ord, "【〔"), "["),
    **dict.fromkeys(map(ord, "】〕"), "]"),
    ord("…"): "...",
    ord("•"): "-",
    ord("►"): "-",
    ord("∶"): ":",
}


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """A KenLM model, and how to cut a line into what it knows."""

    _model: Any
    _lines: Callable[[str], Iterator[str]]

    @classmethod
    def load(cls, path: str | Path) -> "LanguageModel":
        """Load a model, ARPA or binary, and the SentencePiece model beside it, if there is one.

        Raises:
            ValueError: kenlm is not installed, or cannot read the file.
        """
        if importlib.util.find_spec("kenlm") is None:
            raise ValueError(INSTALL)
        kenlm = importlib.import_module("kenlm")
        try:
            model = kenlm.Model(str(path))
        except OSError as error:
            raise ValueError(f"{path}: not a KenLM model, or damaged: {error}") from error
        pieces = sentence_pieces(path)
        return cls(_model=model, _lines=_words if pieces is None else _pieces(pieces))

    def perplexity(self, text: str) -> float | None:
        """Perplexity of a text, 1 or more; None where it has no token."""
        score, tokens = 0.0, 0
        for line in self._lines(text):
            score += self._model.score(line)
            tokens += line.count(" ") + 2
        return 10.0 ** min(-score / tokens, 300.0) if tokens else None


def sentence_pieces(path: str | Path) -> Path | None:
    """The SentencePiece model beside a KenLM model: the name up to its first dot, with .sp.model behind."""
    beside = Path(path).with_name(Path(path).name.split(".")[0] + ".sp.model")
    return beside if beside.is_file() else None


def normalise(line: str) -> str:
    """A line as CCNet has it: lower case, no accents, digits 0, ASCII punctuation, no control characters."""
    line = unicodedata.normalize("NFD", line.lower().translate(_PUNCTUATION))
    return "".join(
        "0" if char.isdecimal() else char for char in line if char == "\t" or unicodedata.category(char) not in _DROPPED
    ).strip()


_DROPPED = frozenset(("Mn", "Cc", "Cf"))


def _words(text: str) -> Iterator[str]:
    """The words of each line that has any."""
    lines = [line[:MAX_LINE_CHARS] for line in text.splitlines()]
    yield from (line for line in word_ngrams.spell(pa.array(lines, pa.string())).to_pylist() if line)


def _pieces(path: Path) -> Callable[[str], Iterator[str]]:
    import sentencepiece  # noqa: PLC0415

    try:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{path}: not a SentencePiece model: {error}") from error

    def lines(text: str) -> Iterator[str]:
        for line in text.splitlines():
            pieces = processor.encode(normalise(line[:MAX_LINE_CHARS]), out_type=str)
            if pieces:
                yield " ".join(pieces)

    return lines
