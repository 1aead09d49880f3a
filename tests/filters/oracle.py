"""Signals, normalised text and shingles once more: plain, slow Python, to hold the kernels against.

Written from the definitions, character by character and string by string; of the code under test it takes only the
table of scripts, which `test_characters` checks by itself.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Collection
from itertools import pairwise

from gristmill.filters import characters

SEED = 0x9E3779B97F4A7C15
BREAKS = "\n\v\f\r\x85\u2028\u2029"
APOSTROPHES = "'’＇՚׳"
HYPHENS = "-‐‑֊־"
JOINERS = APOSTROPHES + HYPHENS + "·‧_״"
CLOSERS = "\"'＂＇»«”’“‘„‚‹›」』"
BULLETS = "•‣⁃∙▪▫■□▶►▸▹●○◆◇◦➢➤➔★☆✓✔❖⦁⦿・※"
ELLIPSES = "…⋯︙"
OPTIONAL = (
    "0300-036F 0483-0489 0591-05C7 0610-061A 064B-065F 0670-0670 06D6-06ED 0711-0711 0730-074A 0897-089F 08CA-08FF "
    "1AB0-1AFF 1DC0-1DFF 20D0-20FF FB1E-FB1E FE00-FE0F FE20-FE2F E0100-E01EF"
)
OPTIONAL_MARKS = [range(int(a, 16), int(b, 16) + 1) for a, _, b in (span.partition("-") for span in OPTIONAL.split())]
SHAPES = ["wide", "narrow", "font", "initial", "medial", "final", "isolated", "vertical", "small"]


def is_letter(c: str) -> bool:
    return unicodedata.category(c)[0] == "L"


def is_mark(c: str) -> bool:
    return unicodedata.category(c)[0] == "M"


def is_core(c: str) -> bool:
    return unicodedata.category(c)[0] in "LN"


def is_format(c: str) -> bool:
    return unicodedata.category(c) == "Cf" and c != "\u200b"


def is_unspaced(c: str) -> bool:
    return is_core(c) and not c.isdecimal() and characters.script_of(c) in characters.UNSPACED_SCRIPTS


def words(text: str) -> list[str]:
    """Words as they stand in the text."""
    found = []
    i = 0
    while i < len(text):
        if not is_core(text[i]):
            i += 1
            continue
        end = _word_end(text, i)
        found.append(text[i:end])
        i = end
    return found


def _skip_format(text: str, i: int) -> int:
    while i < len(text) and is_format(text[i]):
        i += 1
    return i


def _word_end(text: str, start: int) -> int:
    end = start + 1
    while True:
        i = _skip_format(text, end)
        if i == len(text):
            return end
        c = text[i]
        if is_mark(c):
            end = i + 1
            continue
        if is_unspaced(text[start]):
            return end
        if is_core(c) and not is_unspaced(c):
            end = i + 1
            continue
        before = [b for b in text[start:end] if is_core(b)][-1]
        j = _skip_format(text, i + 1)
        if j == len(text):
            return end
        after = text[j]
        joined = c in JOINERS and is_core(after) and not is_unspaced(after)
        if not joined and not (c in ".," and before.isdecimal() and after.isdecimal()):
            return end
        end = j + 1


def fold_case(c: str) -> str:
    folded = c.casefold()
    return folded if len(folded) == 1 else c.lower()[0]


def plain(word: str) -> str:
    """A word as words are compared: case folded, without format characters, apostrophes and hyphens in ASCII."""
    folded = (fold_case(c) for c in word if not is_format(c))
    return "".join("'" if c in APOSTROPHES else "-" if c in HYPHENS else c for c in folded)


def is_optional(c: str) -> bool:
    category = unicodedata.category(c)
    if category in ("Mn", "Me"):
        return any(ord(c) in span for span in OPTIONAL_MARKS)
    return category == "Cf" or c == "ـ"


def fold(c: str) -> str:
    """A character of normalised text."""
    if not (is_core(c) or is_mark(c)) or is_optional(c):
        return ""
    parts = unicodedata.decomposition(c).split()
    if len(parts) == 2 and parts[0].strip("<>") in SHAPES:
        return fold(chr(int(parts[1], 16)))
    canonical = unicodedata.normalize("NFD", c)
    if len(canonical) > 1 and all(is_optional(mark) for mark in canonical[1:]):
        c = canonical[0]
    return "0" if c.isdecimal() else fold_case(c)


def normalised_words(text: str) -> list[str]:
    folded = ("".join(map(fold, word)) for word in words(text))
    return [word for word in folded if word]


def normalise(text: str) -> str:
    return " ".join(normalised_words(text)) or " ".join(text.split())


def mix(state: int, value: int) -> int:
    rotated = (state << 23 | state >> 41) & (2**64 - 1)
    mixed = ((rotated ^ value) * 0xD6E8FEB86659FD93) % 2**64
    return mixed ^ mixed >> 32


def hash_of(values: list[int]) -> int:
    state = SEED
    for value in values:
        state = mix(state, value)
    return state


def shingles(text: str) -> list[int]:
    units = [hash_of([ord(c) for c in word]) for word in normalised_words(text)]
    script = commonest_script(text)[0]
    slow = characters.UNSPACED_SCRIPTS - {"Hani", "Bopo", "Nshu", "Tang", "Kits", "Yiii"}
    width = 8 if script == "Jpan" else 10 if script in slow else 5
    if len(units) < width:
        units = [ord(c) for c in normalise(text)]
        width = min(5, len(units))
    if not units:
        return []
    return [hash_of(units[i : i + width]) >> 32 for i in range(len(units) - width + 1)]


def lines_of(text: str) -> list[str]:
    for c in BREAKS:
        text = text.replace("\r\n", "\n").replace(c, "\n")
    return text.split("\n")


def paragraphs_of(text: str) -> list[list[str]]:
    paragraphs: list[list[str]] = [[]]
    for line in map(str.strip, lines_of(text)):
        if line:
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return [paragraph for paragraph in paragraphs if paragraph]


def is_short(line: str) -> bool:
    unspaced = sum(map(is_unspaced, line))
    others = sum(map(is_core, line)) - unspaced
    return len(line) <= (10 if unspaced > others else 30)


def is_bullet(line: str) -> bool:
    return line[0] in BULLETS or (line[0] in "-–*+·" and line[1:2].isspace())


def stripped_end(line: str) -> str:
    def says_nothing(c: str) -> bool:
        return c in CLOSERS or unicodedata.category(c) in ("Pe", "Pf") or c.isspace() or is_format(c)

    end = len(line) - 1
    while end > 0 and says_nothing(line[end]):
        end -= 1
    return line[: end + 1]


def ends_sentence(line: str) -> bool:
    last = stripped_end(line)[-1]
    return last in ELLIPSES or bool(characters.characters().kinds[ord(last)] & characters.TERMINAL)


def ends_in_ellipsis(line: str) -> bool:
    return stripped_end(line).endswith((*ELLIPSES, "..."))


def commonest_script(text: str) -> tuple[str, int]:
    counts = Counter(characters.script_of(c) for c in text if is_letter(c))
    han, kana = counts.pop("Hani", 0), counts.pop("Hira", 0) + counts.pop("Kana", 0)
    if kana and kana * 20 >= kana + han:
        kana, han = kana + han, 0
    counts.update({"Hani": han, "Kana": kana})
    if not counts.total():
        return "Zyyy", 0
    script = min(counts, key=lambda name: (-counts[name], name == "Zyyy", name))
    names = {"Kana": "Jpan", "Hani": chinese(text)}
    return names.get(script, script), counts[script]


def chinese(text: str) -> str:
    def has(c: str, codec: str) -> bool:
        return len(c.encode(codec, errors="ignore")) == 2 and "\u4e00" <= c <= "\u9fff"

    simplified = sum(has(c, "gb2312") and not has(c, "big5") for c in text)
    traditional = sum(has(c, "big5") and not has(c, "gb2312") and c.encode("big5") < b"\xc9" for c in text)
    return "Hant" if traditional > simplified else "Hans"


def top_gram(units: list[str], size: int) -> int:
    counts = Counter(tuple(units[i : i + size]) for i in range(len(units) - size + 1))
    often = max(counts.values(), default=0)
    return often * max(sum(map(len, gram)) for gram, n in counts.items() if n == often) if often > 1 else 0


def duplicate_grams(units: list[str], size: int) -> int:
    seen = set()
    covered = i = 0
    while i + size <= len(units):
        gram = tuple(units[i : i + size])
        if gram in seen:
            covered += sum(map(len, gram))
            i += size
        else:
            seen.add(gram)
            i += 1
    return covered


def share(part: float, whole: float) -> float:
    return min(part / whole, 1.0) if whole else 0.0


def signals(text: str, stop_words: Collection[str] = ()) -> dict[str, float | str]:
    """Every signal, and the script."""
    return {
        **_character_signals(text),
        **_word_signals(text, {plain(word) for word in stop_words}),
        **_line_signals(text),
        **_repetition_signals(text),
    }


def _character_signals(text: str) -> dict[str, float | str]:
    categories = Counter(map(unicodedata.category, text))
    visible = sum(not c.isspace() for c in text)
    letters = sum(map(is_letter, text))
    lost = text.count("\ufffd") + sum(categories[name] for name in ("Cn", "Co", "Cs"))
    script, most = commonest_script(text)
    shares = [n / len(text) for n in Counter(text).values()]
    return {
        "n_chars": len(text),
        "letter_ratio": share(letters + sum(map(is_mark, text)), visible),
        "digit_ratio": share(categories["Nd"], visible),
        "upper_ratio": share(categories["Lu"] + categories["Lt"], letters),
        "replacement_ratio": share(lost, visible),
        "curly_brackets": text.count("{") + text.count("}"),
        "entropy": abs(sum(-p * math.log2(p) for p in shares)),
        "script_ratio": share(most, letters),
        "script": script,
    }


def _word_signals(text: str, stop_words: Collection[str]) -> dict[str, float | str]:
    found = [plain(word) for word in words(text)]
    lengths = [sum(not is_mark(c) for c in word) for word in found]
    symbols = sum(text.count(c) for c in "#＃" + ELLIPSES)
    dots = "".join(c if c == "." else " " for c in text).split()
    symbols += sum(len(run) >= 3 for run in dots)
    breaks = len(lines_of(text)) - 1
    return {
        "n_words": len(found),
        "mean_word_length": sum(lengths) / len(found) if found else 0.0,
        "max_word_length": max(lengths, default=0),
        "alpha_word_ratio": share(sum(any(map(is_letter, word)) for word in found), len(found)),
        "symbol_word_ratio": share(symbols, max(len(found), 1)),
        "newline_word_ratio": share(breaks, max(len(found), 1)),
        "stop_words": sum(word in stop_words for word in found),
        "lorem_ipsum": sum(pair == ("lorem", "ipsum") for pair in pairwise(found)),
    }


def _line_signals(text: str) -> dict[str, float | str]:
    lines = [line.strip() for line in lines_of(text) if line.strip()]
    return {
        "n_lines": len(lines),
        "bullet_line_ratio": share(sum(map(is_bullet, lines)), len(lines)),
        "ellipsis_line_ratio": share(sum(map(ends_in_ellipsis, lines)), len(lines)),
        "terminal_line_ratio": share(sum(map(ends_sentence, lines)), len(lines)),
        "short_line_ratio": share(sum(map(is_short, lines)), len(lines)),
    }


def _repetition_signals(text: str) -> dict[str, float | str]:
    lines = [line.strip() for line in lines_of(text) if line.strip()]
    again = [line for i, line in enumerate(lines) if line in lines[:i]]
    paragraphs = paragraphs_of(text)
    repeated = [paragraph for i, paragraph in enumerate(paragraphs) if paragraph in paragraphs[:i]]
    units = [plain(word) for word in words(text)]
    return {
        "n_paragraphs": len(paragraphs),
        "duplicate_line_ratio": share(len(again), len(lines)),
        "duplicate_line_char_ratio": share(sum(map(len, again)), len(text)),
        "duplicate_paragraph_ratio": share(len(repeated), len(paragraphs)),
        "duplicate_paragraph_char_ratio": share(sum(len("".join(lines)) for lines in repeated), len(text)),
        **{f"top_{n}_gram_char_ratio": share(top_gram(units, n), len(text)) for n in (2, 3, 4)},
        **{f"duplicate_{n}_gram_char_ratio": share(duplicate_grams(units, n), len(text)) for n in range(5, 11)},
    }
