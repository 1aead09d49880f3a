"""Signals, normalised text and shingles once more: plain, slow Python, to hold the kernels against.

Written from the definitions, character by character and string by string; of the code under test it takes only the
table of scripts, which `test_characters` checks by itself.
"""

import math
import re
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
POLICY = ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"]
TRAILS = bytes(range(0x80, 0xC0))
PLAIN_TRAILS = "\u00a0\u00adіїјёєґ"
TRAILS_LATIN = set(TRAILS.decode("cp1252", "ignore") + TRAILS.decode("latin-1")) - set(PLAIN_TRAILS)
TRAILS_CYRILLIC = set(TRAILS.decode("cp1251", "ignore")) - set(PLAIN_TRAILS)
OPTIONAL = (
    "0300-036F 0483-0489 0591-05C7 0610-061A 064B-065F 0670-0670 06D6-06ED 0711-0711 0730-074A 0897-089F 08CA-08FF "
    "180B-180D 180F-180F 1AB0-1AFF 1DC0-1DFF 20D0-20FF FB1E-FB1E FE00-FE0F FE20-FE2F E0100-E01EF"
)
OPTIONAL_MARKS = [range(int(a, 16), int(b, 16) + 1) for a, _, b in (span.partition("-") for span in OPTIONAL.split())]
CYRILLIC_LETTER = re.compile("(?!е\u0308|Е\u0308)[Ѐ-ԯ][\u0304\u0306\u0308\u030b]|[гкГК]\u0301")
PLAIN = {"đ": "d", "ħ": "h", "ł": "l", "ø": "o", "ŧ": "t", "ı": "i", "ک": "ك", "ی": "ي"}
WIDTHS = {"Jpan": 11} | dict.fromkeys(["Hans", "Hant", "Bopo", "Nshu", "Tang", "Kits", "Yiii"], 8)
LETTERS = ["Lu", "Ll", "Lt", "Lm", "Lo", "Nl"]
SHAPES = ["wide", "narrow", "font", "initial", "medial", "final", "isolated", "vertical", "small"]


def is_letter(c: str) -> bool:
    return unicodedata.category(c)[0] == "L" and not is_mark(c)


def is_mark(c: str) -> bool:
    return unicodedata.category(c)[0] == "M" or c in "ﾞﾟ"


def is_core(c: str) -> bool:
    return is_letter(c) or unicodedata.category(c)[0] == "N"


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


def gaps(text: str) -> list[tuple[str, str, str]]:
    """What stands between words, with the words on both sides; "" at the ends."""
    found = []
    i, before = 0, ""
    for word in [*words(text), ""]:
        start = text.index(word, i) if word else len(text)
        found.append((before, text[i:start], word))
        i, before = start + len(word), word
    return found


def are_parted(before: str, gap: str, after: str) -> bool:
    """Whether two words with a gap between them are tokens apart."""
    if any(map(str.isspace, gap)) or is_unspaced(before[0]) or is_unspaced(after[0]):
        return True
    return gap in [*"/:<>=,~–—"] and is_letter(after[0]) and (is_letter(before[-1]) or is_mark(before[-1]))


def tokens(text: str) -> list[str]:
    """Tokens, those of hyphens in words first."""
    found = [c for word in words(text) for c in word if c in HYPHENS]
    for before, gap, after in gaps(text):
        if before and after and not are_parted(before, gap, after):
            found[-1] += after
        else:
            kept = [c for c, previous in zip(gap, " " + gap, strict=False) if c != previous]
            found += [c for c in kept if not c.isspace() and not is_format(c)] + [after] * bool(after)
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
    return category == "Cf" or c in "ـʻʼ"


def fold(c: str, before: str = "") -> str:
    """A character of normalised text, behind another."""
    if CYRILLIC_LETTER.fullmatch(before + c):
        return c
    if not (is_core(c) or is_mark(c)) or is_optional(c):
        return ""
    if unicodedata.name(c, "").startswith("HANGUL SYLLABLE "):
        return c
    shape = re.match("<(.*)>", unicodedata.decomposition(c))
    whole = unicodedata.normalize("NFKD" if shape else "NFD", c)
    is_display_form = shape and (shape[1] in SHAPES or (shape[1] == "compat" and unicodedata.category(c) in LETTERS))
    if is_display_form and not re.search(r"\S \S", whole):
        return fold_all(whole)
    if not shape and whole != c:
        return fold_all(whole)
    return "0" if c.isdecimal() else "".join(PLAIN.get(folded, folded) for folded in c.casefold())


def fold_all(chars: str) -> str:
    return "".join(fold(c, before) for c, before in zip(chars, "\0" + chars, strict=False))


def normalised_words(text: str) -> list[str]:
    return [word for word in map(fold_all, words(text)) if word]


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


def text_hash(text: str) -> bytes:
    chars = list(map(ord, " ".join(text.split())))
    return b"".join(hash_chars(chars, seed).to_bytes(8, "little") for seed in (SEED, 0xC2B2AE3D27D4EB4F))


def hash_chars(chars: list[int], seed: int) -> int:
    """Pairs of code points in turn to four chains, as long as all four get one; the rest to the chains together."""
    pairs = [one | two << 32 for one, two in zip(chars[::2], chars[1::2], strict=False)]
    a = mix(seed, len(chars))
    chains = [a, (a + seed) % 2**64, a ^ seed, ~a % 2**64]
    whole = len(pairs) // 4 * 4
    for number, pair in enumerate(pairs[:whole]):
        chains[number % 4] = mix(chains[number % 4], pair)
    state = chains[0]
    for value in [*chains[1:], *pairs[whole:], *chars[len(pairs) * 2 :]]:
        state = mix(state, value)
    return state


def shingles(text: str) -> list[int]:
    units = [hash_of([ord(c) for c in word]) for word in normalised_words(text)]
    script = commonest_script(text)[0]
    width = WIDTHS.get(script, 16 if script in characters.UNSPACED_SCRIPTS else 5)
    if len(units) < width:
        units = [ord(c) for c in normalise(text)]
        width = min(5, len(units))
    if not units:
        return []
    return [hash_of(units[i : i + width]) >> 32 for i in range(len(units) - width + 1)]


def lines_of(text: str) -> list[str]:
    text = text.replace("\r\n", "\n")
    for c in BREAKS:
        text = text.replace(c, "\n")
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


def is_closer(c: str) -> bool:
    return c in CLOSERS or unicodedata.category(c) in ("Pe", "Pf")


def is_terminal(c: str) -> bool:
    return c in ELLIPSES or bool(characters.characters().kinds[ord(c)] & characters.TERMINAL)


def stripped_end(line: str) -> str:
    def says_nothing(c: str) -> bool:
        return is_closer(c) or c.isspace() or is_format(c)

    end = len(line) - 1
    while end > 0 and says_nothing(line[end]):
        end -= 1
    return line[: end + 1]


def ends_sentence(line: str) -> bool:
    return is_terminal(stripped_end(line)[-1]) or stripped_end(line).endswith("፡፡")


def ends_in_ellipsis(line: str) -> bool:
    return stripped_end(line).endswith((*ELLIPSES, "..."))


def scripts(text: str) -> Counter[str]:
    """Letters by script, with kana and what Han goes with them as Kana."""
    counts = Counter(characters.script_of(c) for c in text if is_letter(c))
    han, kana = counts.pop("Hani", 0), counts.pop("Hira", 0) + counts.pop("Kana", 0)
    if kana and kana * 20 >= kana + han:
        kana, han = kana + han, 0
    counts.update({"Hani": han, "Kana": kana})
    return counts


def second_script(text: str) -> int:
    counts = scripts(text)
    first = min(counts, key=lambda name: (-counts[name], name == "Zyyy", name))
    return max((n for name, n in counts.items() if name not in (first, "Zyyy")), default=0)


def commonest_script(text: str) -> tuple[str, int]:
    counts = scripts(text)
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


def ends_at(text: str, i: int) -> int | None:
    """Where the sentence ends if it does with the terminals at i, closing marks included; else None."""
    j = i
    last = text[i]
    while j < len(text) and (is_terminal(text[j]) or is_closer(text[j]) or is_format(text[j])):
        last = text[j] if is_terminal(text[j]) else last
        j += 1
    rest = text[j:]
    if last == "." or last in ELLIPSES:
        after = next((c for c in rest if is_letter(c) or is_terminal(c)), "A")
        if (rest and not rest[0].isspace()) or is_terminal(after) or unicodedata.category(after) == "Ll":
            return None
    return j


def sentences(line: str) -> list[str]:
    found = []
    start = i = 0
    while i < len(line):
        end = ends_at(line, i) if is_terminal(line[i]) and any(map(is_letter, line[start:i])) else None
        if end is not None:
            found.append(line[start:end])
            start = i = end
        else:
            i += 1
    return [sentence for sentence in (*found, line[start:]) if any(map(is_letter, sentence))]


def half_words(found: list[str]) -> int:
    return sum(1 if is_unspaced(word[0]) else 2 for word in found)


def is_upper(line: str) -> bool:
    letters = list(filter(is_letter, line))
    return 2 * sum(unicodedata.category(c) in ("Lu", "Lt") for c in letters) > len(letters)


def is_numeric(line: str) -> bool:
    return any(map(is_core, line)) and not any(map(is_letter, line))


def is_one_word(line: str) -> bool:
    return half_words(words(line)) <= 3


def is_counter(line: str) -> bool:
    found = words(line)
    if len(found) < 2 or not found[0][0].isdecimal() or is_numeric(line):
        return False
    if "".join(line.split()) != "".join("".join(found).split()) or sum(map(is_letter, found[0])) > 1:
        return False
    return half_words(found[1:]) <= 4


def has_policy(line: str) -> bool:
    spaced = f" {' '.join(map(plain, words(line)))} "
    return any(f" {phrase} " in spaced for phrase in POLICY)


def has_javascript(line: str) -> bool:
    return "javascript" in map(plain, words(line))


def is_kept_by_c4(line: str) -> bool:
    if has_policy(line) or has_javascript(line) or ends_in_ellipsis(line):
        return False
    return ends_sentence(line) and half_words(words(line)) >= 10


def misread(text: str) -> int:
    """Characters of sequences that are UTF-8 when written in the encoding that they were wrongly read in."""
    found = i = 0
    while i < len(text):
        lead = ord(text[i])
        if text[i] in "РС":
            size, trails = 1, TRAILS_CYRILLIC
        elif 0xC2 <= lead <= 0xF4 and text[i] != "ß":
            size, trails = 1 + (lead >= 0xE0) + (lead >= 0xF0), TRAILS_LATIN
        else:
            size, trails = 0, set()
        following = text[i + 1 : i + 1 + size]
        if size and len(following) == size and all(c in trails for c in following):
            found += 1 + size
            i += size
        i += 1
    return found


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
        "mojibake_ratio": share(misread(text), visible),
        "script_ratio": share(most, letters),
        "second_script_ratio": share(second_script(text), letters),
        "script": script,
    }


def _word_signals(text: str, stop_words: Collection[str]) -> dict[str, float | str]:
    found = [plain(word) for word in words(text)]
    lengths = [sum(not is_mark(c) for c in word) for word in found]
    hashes = sum(text.count(c) for c in "#＃")
    dots = "".join(c if c == "." else " " for c in text).split()
    ellipses = sum(text.count(c) for c in ELLIPSES) + sum(len(run) >= 3 for run in dots)
    breaks = len(lines_of(text)) - 1
    of_text = tokens(text)
    return {
        "n_words": len(found),
        "mean_word_length": sum(lengths) / len(found) if found else 0.0,
        "max_word_length": max(lengths, default=0),
        "alpha_word_ratio": share(sum(any(map(is_letter, token)) for token in of_text), len(of_text)),
        "symbol_word_ratio": share(max(hashes, ellipses), max(len(of_text), 1)),
        "newline_word_ratio": share(breaks, max(len(of_text), 1)),
        "stop_words": len(set(found) & set(stop_words)),
        "lorem_ipsum": sum(pair == ("lorem", "ipsum") for pair in pairwise(found)),
    }


def _line_signals(text: str) -> dict[str, float | str]:
    lines = [line.strip() for line in lines_of(text) if line.strip()]
    flagged = [line for line in lines if is_upper(line) or is_numeric(line) or is_one_word(line) or is_counter(line)]
    kept = list(filter(is_kept_by_c4, lines))
    return {
        "n_lines": len(lines),
        "n_sentences": sum(len(sentences(line)) for line in lines),
        "n_long_lines": sum(len(line) >= 200 for line in lines),
        "upper_line_ratio": share(sum(map(is_upper, lines)), len(lines)),
        "numeric_line_ratio": share(sum(map(is_numeric, lines)), len(lines)),
        "counter_line_ratio": share(sum(map(is_counter, lines)), len(lines)),
        "one_word_line_ratio": share(sum(map(is_one_word, lines)), len(lines)),
        "flagged_line_word_ratio": share(sum(len(words(line)) for line in flagged), len(words(text))),
        "javascript_lines": sum(map(has_javascript, lines)),
        "policy_lines": sum(map(has_policy, lines)),
        "c4_line_ratio": share(len(kept), len(lines)),
        "c4_sentences": sum(len(sentences(line)) for line in kept),
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
