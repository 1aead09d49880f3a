"""Good text made bad in the ways of the web: shuffled, repeated, wrongly decoded, or boilerplate in its place.

Articles and interfaces are those of the sample data: written for this project, in 32 languages, and not seen by the fit
of limits or of word order.
"""

import random
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

SAMPLE = Path(__file__).parents[2] / "sample_data"
UNSPACED = frozenset(("Hans", "Hant", "Jpan", "Khmr", "Mymr", "Thai"))
ENDS = "".join(set(".,;:!?。，、！？।።"))
LANGUAGES = tuple(sorted(path.stem for path in (SAMPLE / "texts").glob("*.txt")))


def articles(code: str) -> list[str]:
    """The articles of a language: title and three paragraphs, of 80 to 230 words."""
    content = (SAMPLE / "texts" / f"{code}.txt").read_text("utf-8")
    return [each.strip() for each in re.split(r"^===.*$", content, flags=re.MULTILINE)[1:]]


def pairs(code: str) -> list[str]:
    """Two articles each: news of 160 to 460 words."""
    return _joined(articles(code), 2)


def news(code: str) -> list[str]:
    """Two articles each; three in Amharic, whose word order takes 300 words to judge."""
    return _joined(articles(code), 3 if code == "amh_Ethi" else 2)


def _joined(texts: list[str], n: int) -> list[str]:
    return ["\n\n".join(texts[i : i + n]) for i in range(0, len(texts), n)]


def _words(line: str, code: str) -> list[str]:
    """Words; in scripts without spaces, characters with their marks."""
    if code[4:] not in UNSPACED:
        return line.split()
    found: list[str] = []
    for char in line:
        if found and unicodedata.category(char)[0] == "M":
            found[-1] += char
        else:
            found.append(char)
    return found


def _shuffled(text: str, code: str, *, split: Callable[[str], list[str]], joint: str, lines: bool) -> str:
    pieces = [split(line) for line in text.split("\n")]
    flat = [piece for line in pieces for piece in line]
    random.Random(code + text[:40]).shuffle(flat)
    if not lines:
        return joint.join(flat)
    rest = iter(flat)
    return "\n".join(joint.join(next(rest) for _ in line) for line in pieces)


def words_shuffled(text: str, code: str) -> str:
    """All words in random order, in lines of as many words as before."""
    joint = "" if code[4:] in UNSPACED else " "
    return _shuffled(text, code, split=lambda line: _words(line, code), joint=joint, lines=True)


def words_shuffled_in_one_line(text: str, code: str) -> str:
    joint = "" if code[4:] in UNSPACED else " "
    return _shuffled(text, code, split=lambda line: _words(line, code), joint=joint, lines=False)


def characters_shuffled(text: str, code: str) -> str:
    """All code points in random order, in lines as long as before."""
    return _shuffled(text, code, split=list, joint="", lines=True)


def characters_shuffled_in_one_line(text: str, code: str) -> str:
    return _shuffled(text, code, split=list, joint="", lines=False)


def sentence_repeated(text: str, _: str) -> str:
    """The first paragraph's beginning, over and over."""
    paragraph = text.split("\n\n")[1]
    found = re.match(r".+?[.!?。！？।။።։؟]", paragraph)
    sentence = found[0] if found else paragraph[: len(paragraph) // 2]
    return " ".join([sentence] * (len(text) // len(sentence) + 2))


def paragraph_repeated(text: str, _: str) -> str:
    return "\n\n".join([text.split("\n\n")[1]] * 6)


def lines_repeated(text: str, _: str) -> str:
    """The whole text three times."""
    return "\n\n".join([text] * 3)


def misread(codec: str) -> Callable[[str, str], str]:
    """UTF-8 read in another encoding, as Python reads it where it can and as browsers do where it cannot."""

    def read(text: str, _: str) -> str:
        return "".join(bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in text.encode())

    return read


def bytes_lost(text: str, _: str) -> str:
    """Every fortieth byte is gone."""
    data = bytearray(text.encode())
    del data[::40]
    return data.decode("utf-8", "replace")


def as_question_marks(text: str, _: str) -> str:
    return text.encode("ascii", "replace").decode()


def menu(text: str, code: str) -> str:
    """A page without an article: navigation, headlines, buttons."""
    return "\n".join(_menu(code))


def cookie_banner(text: str, code: str) -> str:
    words = _interface(code)
    banner = [words["cookies"], words["accept"], words["newsletter"], words["search"]]
    return "\n".join([*_navigation(words), *banner, *_navigation(words), f"© 2024 {words['rights']}"])


def tag_list(text: str, code: str) -> str:
    """Words of the text without its sentences, as clouds of tags have them."""
    found = _words(text.replace("\n", " "), code)
    size = 4 if code[4:] in UNSPACED else 1
    tags = ["".join(found[i : i + size]).rstrip(ENDS) for i in range(0, len(found), size + 3)]
    return "\n".join(f"#{tag}" for tag in tags[:60] if tag)


def price_list(text: str, code: str) -> str:
    titles = [each.split("\n")[0] for each in articles(code)]
    return "\n".join(f"{title} {17 + 13 * i},{i % 10}0 €" for i, title in enumerate(titles * 3))


def _interface(code: str) -> dict[str, str]:
    read = tomllib.loads((SAMPLE / "interface.toml").read_text("utf-8"))
    found: dict[str, str] = read[code]
    return found


def _navigation(words: dict[str, str]) -> list[str]:
    return [words["home"], *words["sections"], words["about"], words["contact"], words["search"]]


def _menu(code: str) -> Iterator[str]:
    words = _interface(code)
    yield from _navigation(words)
    for title in [each.split("\n")[0] for each in articles(code)]:
        yield title
        yield words["more"]
        yield words["share"]
        yield f"{words['comments']} (3)"
    yield words["newsletter"]
    yield from _navigation(words)


CORRUPTIONS: dict[str, dict[str, Callable[[str, str], str]]] = {
    "shuffled words": {"lines": words_shuffled, "one line": words_shuffled_in_one_line},
    "shuffled characters": {"lines": characters_shuffled, "one line": characters_shuffled_in_one_line},
    "repeated": {"sentence": sentence_repeated, "paragraph": paragraph_repeated, "whole": lines_repeated},
    "boilerplate": {"menu": menu, "cookies": cookie_banner, "tags": tag_list, "prices": price_list},
    "mojibake": {
        **{codec: misread(codec) for codec in ("cp1252", "latin-1", "cp1251")},
        "lost bytes": bytes_lost,
        "question marks": as_question_marks,
    },
}
"""What is done to a text, by kind and way."""
