"""Which characters may be side by side in a piece, by their scripts, as SentencePiece has it."""

from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from gristmill.tokenizer.code_points import CODE_POINTS, SPACE_SYMBOL

ALONE, ANY, COMMON = -1, 0, 1
"""A character that is in no piece of two or more; one that goes with any script; the script of all without another.

Smaller than any script, in this order. `words` and `merges` have them compiled in, which Numba's cache does not see.
"""

_DIGITS = (range(0x30, 0x3A), range(0xFF10, 0xFF1A))
"""What SentencePiece takes for digits, each of which is a token of its own: ASCII and full width."""


@cache
def joining_scripts() -> npt.NDArray[np.int16]:
    """A number for each code point: ALONE, ANY, or its script. Two of different scripts are never in one piece.

    The table is that of SentencePiece, rather than `unicodedata` or `filters`, which know characters that came later:
    a vocabulary must not depend on them. `data/joining_scripts.tsv` says where it is from.
    """
    table = np.full(CODE_POINTS, COMMON, np.int16)
    numbers = {"Inherited": ANY}
    text = resources.files(__package__).joinpath("data", "joining_scripts.tsv").read_text(encoding="utf-8")
    for row in [line for line in text.splitlines() if not line.startswith("#")][1:]:
        first, last, script = row.split("\t")
        table[int(first, 16) : int(last, 16) + 1] = numbers.setdefault(script, COMMON + len(numbers))
    table[SPACE_SYMBOL] = ANY
    for digits in _DIGITS:
        table[digits.start : digits.stop] = ALONE
    return table
