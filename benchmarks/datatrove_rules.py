"""datatrove's side of benchmarks/annotate.py and rule_agreement.py, run by a Python that has datatrove.

Run: python benchmarks/datatrove_rules.py time SAMPLE RUNS | judge SAMPLE OUTPUT

SAMPLE is JSON lines of `language` (ISO 639-3) and `text`. Gristmill is not imported here.

time: Gopher's repetition and quality rules, FineWeb's, and the MinHash signature of every document, RUNS times; prints
the processor seconds of each run as JSON. No executor, readers or writers: these would only add to the time.
judge: writes for every document the rules that it fails, under Gristmill's names, and its words, as JSON lines behind
one with the names of all rules and the characters that count as punctuation.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from datatrove.data import Document  # type: ignore[import-not-found]
from datatrove.pipeline.dedup import MinhashDedupSignature  # type: ignore[import-not-found]
from datatrove.pipeline.dedup.minhash import MinhashConfig  # type: ignore[import-not-found]
from datatrove.pipeline.filters import (  # type: ignore[import-not-found]
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.text import (  # type: ignore[import-not-found]
    PUNCTUATION_SET,
    TERMINAL_PUNCTUATION,
    split_into_words,
)

SIGNATURES = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
NAMES = {"arb": "arb_Arab", "hin": "hin_Deva", "zho": "zho_Hani"}
"""Languages whose bare code means another script to datatrove."""

Row = dict[str, Any]
Rules = Callable[[Document], Any]


def read(sample: Path) -> list[Row]:
    with sample.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@cache
def steps(language: str) -> tuple[list[Rules], MinhashDedupSignature]:
    """All filters of a language, and its signatures."""
    name = NAMES.get(language, language)
    stop_words = {} if language == "eng" else {"min_stop_words": 0}
    filters = [
        GopherRepetitionFilter(language=name),
        GopherQualityFilter(language=name, **stop_words),
        FineWebQualityFilter(language=name),
    ]
    return [each.filter for each in filters], MinhashDedupSignature("unused", config=SIGNATURES, language=name)


def annotate(row: Row) -> None:
    """What Gristmill's kernel does for a document, but that each filter stops at its first rule that fails."""
    filters, signatures = steps(row["language"])
    document = Document(text=row["text"], id="")
    for apply in filters:
        apply(document)
    shingles = signatures.get_shingles(row["text"])
    if shingles.size:
        signatures.get_signature(shingles)


def measure(rows: list[Row], runs: int) -> list[float]:
    """Processor seconds of each run, after one that does not count."""
    found = []
    for _ in range(runs + 1):
        started = time.process_time()
        for row in rows:
            annotate(row)
        found.append(time.process_time() - started)
    return found[1:]


def _quality(**only: Any) -> Rules:
    """Gopher's quality rules, all but one switched off."""
    off: dict[str, Any] = {
        "min_doc_words": None,
        "max_doc_words": None,
        "min_avg_word_length": None,
        "max_avg_word_length": None,
        "max_symbol_word_ratio": None,
        "max_bullet_lines_ratio": None,
        "max_ellipsis_lines_ratio": None,
        "max_non_alpha_words_ratio": None,
        "min_stop_words": None,
    }
    filter_: Rules = GopherQualityFilter(**{**off, **only}).filter
    return filter_


def _repetition(**only: Any) -> Rules:
    """Gopher's repetition rules, all but one switched off."""
    off: dict[str, Any] = {
        "dup_line_frac": None,
        "dup_para_frac": None,
        "dup_line_char_frac": None,
        "dup_para_char_frac": None,
        "top_n_grams": (),
        "dup_n_grams": (),
    }
    filter_: Rules = GopherRepetitionFilter(**{**off, **only}).filter
    return filter_


def _fineweb(**only: Any) -> Rules:
    """FineWeb's rules, all but one switched off."""
    off: dict[str, Any] = {
        "line_punct_thr": 0.0,
        "short_line_thr": math.inf,
        "char_duplicates_ratio": math.inf,
        "new_line_ratio": math.inf,
    }
    filter_: Rules = FineWebQualityFilter(**{**off, **only}).filter
    return filter_


TOP = {2: 0.2, 3: 0.18, 4: 0.16}
DUPLICATE = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}

RULES: dict[str, Rules] = {
    "gopher.n_words.min": _quality(min_doc_words=50),
    "gopher.n_words.max": _quality(max_doc_words=100_000),
    "gopher.mean_word_length.min": _quality(min_avg_word_length=3),
    "gopher.mean_word_length.max": _quality(max_avg_word_length=10),
    "gopher.symbol_word_ratio.max": _quality(max_symbol_word_ratio=0.1),
    "gopher.bullet_line_ratio.max": _quality(max_bullet_lines_ratio=0.9),
    "gopher.ellipsis_line_ratio.max": _quality(max_ellipsis_lines_ratio=0.3),
    "gopher.alpha_word_ratio.min": _quality(max_non_alpha_words_ratio=0.8),
    "gopher.stop_words.min": _quality(min_stop_words=2),
    "gopher.duplicate_line_ratio.max": _repetition(dup_line_frac=0.3),
    "gopher.duplicate_paragraph_ratio.max": _repetition(dup_para_frac=0.3),
    "gopher.duplicate_line_char_ratio.max": _repetition(dup_line_char_frac=0.2),
    "gopher.duplicate_paragraph_char_ratio.max": _repetition(dup_para_char_frac=0.2),
    **{f"gopher.top_{n}_gram_char_ratio.max": _repetition(top_n_grams=((n, most),)) for n, most in TOP.items()},
    **{
        f"gopher.duplicate_{n}_gram_char_ratio.max": _repetition(dup_n_grams=((n, most),))
        for n, most in DUPLICATE.items()
    },
    "fineweb.terminal_line_ratio.min": _fineweb(line_punct_thr=0.12),
    "fineweb.short_line_ratio.max": _fineweb(short_line_thr=0.67),
    "fineweb.duplicate_line_char_ratio.max": _fineweb(char_duplicates_ratio=0.1),
    "fineweb.duplicate_line_char_ratio.max at .01": _fineweb(char_duplicates_ratio=0.01),
    "fineweb.newline_word_ratio.max": _fineweb(new_line_ratio=0.3),
}
"""Every rule by itself, with the limits that the papers and datatrove share. FineWeb's paper has .1 for characters in
duplicate lines, datatrove's default is .01: both."""


HEADER = {"rules": list(RULES), "punctuation": sorted(PUNCTUATION_SET), "terminals": sorted(TERMINAL_PUNCTUATION)}


def judge(row: Row) -> Row:
    document = Document(text=row["text"], id="")
    failed = [name for name, apply in RULES.items() if apply(document) is not True]
    return {"failed": failed, "words": split_into_words(row["text"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["time", "judge"])
    parser.add_argument("sample", type=Path)
    parser.add_argument("last", help="RUNS, or OUTPUT")
    given = parser.parse_args()
    rows = read(given.sample)
    if given.what == "time":
        json.dump(measure(rows, int(given.last)), sys.stdout)
    else:
        with Path(given.last).open("w", encoding="utf-8") as out:
            out.write(json.dumps(HEADER) + "\n")
            out.writelines(json.dumps(judge(row)) + "\n" for row in rows)


if __name__ == "__main__":
    main()
