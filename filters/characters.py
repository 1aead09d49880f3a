"""What the kernels know about every code point: class, script, case folding, folding for deduplication.

Built once per process from `unicodedata`, `data/scripts.tsv` and `data/sentence_terminals.tsv` as three arrays of
0x110000 entries (13 MB, about 0.2 s), so that a kernel looks up instead of deciding.
"""

import unicodedata
from collections import defaultdict
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gristmill.filters.folding import add_folds

CODE_POINTS = 0x110000

# Flags of a character, the low 24 bits of its kind. None is free.
LETTER = 1 << 0
MARK = 1 << 1
DIGIT = 1 << 2
"""Decimal digit (Nd)."""
CORE = 1 << 3
"""Letter or number (N*): what a word starts with."""
UNSPACED = 1 << 4
"""Letter or number letter of a script written without spaces: a word by itself, with its marks."""
FORMAT = 1 << 5
"""Invisible format character (Cf), which neither ends a word nor counts in it. Not U+200B, which does end words."""
JOINS = 1 << 6
"""Apostrophe, hyphen and their like: belongs to the word where it stands between two letters or numbers."""
JOINS_DIGITS = 1 << 7
"""Full stop and comma: belong to the word where they stand between two digits."""
SPACE = 1 << 8
BREAK = 1 << 9
"""Ends a line: LF, VT, FF, CR, NEL, LS, PS (the mandatory breaks of UAX #14)."""
TERMINAL = 1 << 10
"""Sentence-final punctuation of any script (Sentence_Terminal), and the ellipsis."""
CLOSER = 1 << 11
"""Quotation mark or closing bracket, which may follow sentence-final punctuation."""
ELLIPSIS = 1 << 12
BULLET = 1 << 13
"""Bullet wherever a line begins with it."""
BULLET_BEFORE_SPACE = 1 << 14
"""Bullet if white space follows, such as a hyphen."""
HASH = 1 << 15
CURLY = 1 << 16
UPPER = 1 << 17
"""Upper or title case letter."""
REPLACED = 1 << 18
"""U+FFFD, private use, surrogate or unassigned: text that was lost on the way."""
SIMPLIFIED = 1 << 19
"""Han character of simplified Chinese only."""
TRADITIONAL = 1 << 20
"""Han character of traditional Chinese only."""
MISREAD_LATIN = 1 << 21
"""What a trail byte of UTF-8 looks like to a reader of Windows-1252 or Latin-1."""
MISREAD_CYRILLIC = 1 << 22
"""The same to a reader of Windows-1251."""
LOWER = 1 << 23
"""Lower case letter."""
SCRIPT_SHIFT = 24
"""The script's index in `scripts()` is the high 8 bits of a kind."""

# Balinese and Javanese write without spaces too. The rest of the list is UAX #14's class SA, and East Asia.
UNSPACED_SCRIPTS = frozenset(
    (
        *("Ahom", "Bali", "Bopo", "Hani", "Hira", "Java", "Kana", "Khmr", "Kits", "Lana"),
        *("Laoo", "Mymr", "Nshu", "Tale", "Talu", "Tang", "Tavt", "Thai", "Tibt", "Yiii"),
    )
)
"""ISO 15924 codes of the scripts without spaces between words (Hangul has them)."""

_APOSTROPHES = "'’＇՚׳"
_HYPHENS = "-‐‑֊־"
_OTHER_JOINERS = "·‧_״"
_BREAKS = "\n\v\f\r\x85\u2028\u2029"
_BULLETS = "•‣⁃∙▪▫■□▶►▸▹●○◆◇◦➢➤➔★☆✓✔❖⦁⦿・※"
_BULLETS_BEFORE_SPACE = "-–*+·"
_ELLIPSES = "…⋯︙"
_NO_MISREADING = "\u00a0\u00adіїјёєґ"
"""Trail bytes to some reader, but common in good text too behind the letters that lead bytes become."""
_CLOSERS = "\"'＂＇»«”’“‘„‚‹›」』"

_NARROW_SOUND_MARKS = "\uff9e\uff9f"
"""Letters by their category, but extend the kana before them by Unicode's Grapheme_Extend, as U+3099 and U+309A do."""

_ASSIGNED = (range(0x40000), range(0xE0000, 0xE1000))
"""Planes with characters. What lies beyond is private use or unassigned."""

_VARIED = (
    *(range(0x3400), range(0xA000, 0xAC00), range(0xF900, 0x17000), range(0x1B000, 0x20000)),
    *(range(0x2F800, 0x2FA20), range(0xE0000, 0xE1000)),
)
"""All but the large blocks of ideographs and Hangul syllables, which have no other form."""

_FLAGS_OF_CATEGORIES = {
    LETTER: "Lu Ll Lt Lm Lo",
    MARK: "Mn Mc Me",
    DIGIT: "Nd",
    CORE: "Lu Ll Lt Lm Lo Nd Nl No",
    FORMAT: "Cf",
    UPPER: "Lu Lt",
    LOWER: "Ll",
    REPLACED: "Cn Co Cs",
    CLOSER: "Pe Pf",
}


class Characters(NamedTuple):
    """Tables indexed by code point."""

    kinds: npt.NDArray[np.uint32]
    """Flags and script."""
    folds: npt.NDArray[np.uint32]
    """What stands for it in normalised text, see `folding`."""
    lowers: npt.NDArray[np.uint32]
    """Case-folded code point; apostrophes and hyphens as their ASCII forms."""


@cache
def characters() -> Characters:
    """The tables, built on the first call (about 0.2 s)."""
    kinds = _kinds()
    lowers = np.arange(CODE_POINTS, dtype=np.uint32)
    codes = _with_variants()
    folds = add_folds(lowers * ((kinds & (CORE | MARK)) != 0), codes)
    for code in codes:
        lowers[code] = ord(fold_case(chr(code)))
    for group, plain in ((_APOSTROPHES, "'"), (_HYPHENS, "-")):
        lowers[_codes(group)] = ord(plain)
    for table in (kinds, folds, lowers):
        table.setflags(write=False)
    return Characters(kinds, folds, lowers)


def with_flags(flags: int) -> str:
    """The characters that have one of some flags."""
    return "".join(map(chr, np.flatnonzero(characters().kinds & np.uint32(flags))))


@cache
def scripts() -> tuple[str, ...]:
    """ISO 15924 codes by index; index 0 is Zyyy, the characters that all scripts share."""
    return ("Zyyy", *sorted({script for _, _, script in _rows("scripts.tsv")}))


JPAN, HANS, HANT = 253, 254, 255
"""Numbers of the scripts that are told by more than one character; `scripts()` has fewer than 253."""


def script_names() -> tuple[str, ...]:
    """ISO 15924 code of every script that a document may be found to have, by its number."""
    return (*scripts(), *[""] * (JPAN - len(scripts())), "Jpan", "Hans", "Hant")


def script_of(char: str) -> str:
    """ISO 15924 code of a letter's or number's script, Zyyy where it has none of its own."""
    return scripts()[int(characters().kinds[ord(char)]) >> SCRIPT_SHIFT]


def fold_case(char: str) -> str:
    """Case-fold a character to one character: the full case folding where that is one, else its first."""
    folded = char.casefold()
    if len(folded) == 1:
        return folded
    lower = char.lower()
    return lower if len(lower) == 1 else lower[0]


def _with_variants() -> list[int]:
    """The characters that may have a case, a decomposition or a digit's value, or be optional."""
    return [code for codes in _VARIED for code in codes if unicodedata.category(chr(code))[0] in "LNMS"]


def _kinds() -> npt.NDArray[np.uint32]:
    of_category: dict[str, int] = defaultdict(int)
    for flag, categories in _FLAGS_OF_CATEGORIES.items():
        for category in categories.split():
            of_category[category] |= flag
    kinds = np.full(CODE_POINTS, of_category["Cn"], dtype=np.uint32)
    for codes in _ASSIGNED:
        kinds[codes.start : codes.stop] = [of_category[unicodedata.category(chr(code))] for code in codes]
    kinds[0x200B] &= np.uint32(~FORMAT & 0xFFFFFFFF)
    kinds[0xFFFD] |= np.uint32(REPLACED)
    kinds[_codes(_NARROW_SOUND_MARKS)] = MARK
    spaces = [code for code in range(0x3001) if chr(code).isspace()]
    kinds[spaces] |= np.uint32(SPACE)
    for flag, members in (
        (JOINS, _APOSTROPHES + _HYPHENS + _OTHER_JOINERS),
        (JOINS_DIGITS, ".,"),
        (BREAK, _BREAKS),
        (TERMINAL, _ELLIPSES),
        (CLOSER, _CLOSERS),
        (ELLIPSIS, _ELLIPSES),
        (BULLET, _BULLETS),
        (BULLET_BEFORE_SPACE, _BULLETS_BEFORE_SPACE),
        (HASH, "#＃"),
        (CURLY, "{}"),
        (MISREAD_LATIN, _trail_bytes("cp1252") + _trail_bytes("latin-1")),
        (MISREAD_CYRILLIC, _trail_bytes("cp1251")),
    ):
        kinds[_codes(members)] |= np.uint32(flag)
    for first, last, *_ in _rows("sentence_terminals.tsv"):
        kinds[int(first, 16) : int(last, 16) + 1] |= np.uint32(TERMINAL)
    _add_scripts(kinds)
    simplified, traditional = _chinese()
    kinds[simplified] |= np.uint32(SIMPLIFIED)
    kinds[traditional] |= np.uint32(TRADITIONAL)
    return kinds


def _trail_bytes(codec: str) -> str:
    """What the trail bytes of UTF-8 become when they are read as a one-byte encoding."""
    return "".join(set(bytes(range(0x80, 0xC0)).decode(codec, "ignore")) - set(_NO_MISREADING))


def _add_scripts(kinds: npt.NDArray[np.uint32]) -> None:
    indices = {script: index for index, script in enumerate(scripts())}
    for first, last, script in _rows("scripts.tsv"):
        span = kinds[int(first, 16) : int(last, 16) + 1]
        core = (span & CORE) != 0
        span[core] |= np.uint32(indices[script] << SCRIPT_SHIFT)
        if script in UNSPACED_SCRIPTS:
            span[core & ((span & DIGIT) == 0)] |= np.uint32(UNSPACED)


def _chinese() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Han characters of simplified and of traditional Chinese only.

    What the mainland's standard GB 2312 has and Taiwan's Big5 lacks is simplified; what the frequent half of Big5 has
    and GB 2312 lacks is traditional. Python's codecs know both, so no table of variants is needed.
    """
    gb2312 = _decoded("gb2312", 0xB0, 0xF7)
    big5_frequent = _decoded("big5", 0xA4, 0xC6)
    big5 = big5_frequent | _decoded("big5", 0xC9, 0xF9)
    return np.array(sorted(gb2312 - big5)), np.array(sorted(big5_frequent - gb2312))


def _decoded(codec: str, first: int, last: int) -> set[int]:
    """Han characters that a two-byte codec has in its rows of lead bytes first to last."""
    pairs = (bytes((lead, trail)) for lead in range(first, last + 1) for trail in range(0x40, 0xFF))
    chars = (pair.decode(codec, errors="ignore") for pair in pairs)
    return {ord(char) for char in chars if len(char) == 1 and "\u4e00" <= char <= "\u9fff"}


def _codes(chars: str) -> list[int]:
    return [ord(char) for char in chars]


@cache
def _rows(name: str) -> tuple[list[str], ...]:
    """Rows of a table in data/, without comments and header."""
    text = resources.files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return tuple(line.split("\t") for line in lines[1:])
