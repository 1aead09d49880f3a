import numpy as np

from gristmill.tokenizer.model_file import ModelFile
from gristmill.tokenizer.scripts import ALONE, ANY, COMMON, joining_scripts
from gristmill.tokenizer.sentencepiece_trainer import sentencepiece_model

UNLEARNABLE = {0, *map(ord, "\n\r\t \u2581\u2585")}
SURROGATES = range(0xD800, 0xE000)


def _learnt(words: list[str]) -> set[str]:
    """Which pairs of characters SentencePiece has as pieces, if each is a word: all that may be one."""
    found: set[str] = set()
    for start in range(0, len(words), 900):
        texts = words[start : start + 900]
        model = sentencepiece_model(texts, kind="bpe", vocabulary_size=4000, longest=10)
        found.update(ModelFile.parse(model).pieces)
    return found


def test_scripts_are_those_of_sentencepiece() -> None:
    """At the ends and in the middle of every range of characters of the same script, and at those of the others."""
    scripts = joining_scripts()
    edges = np.flatnonzero(np.diff(scripts)) + 1
    starts, ends = np.append(0, edges), np.append(edges, len(scripts))
    points = sorted({*starts.tolist(), *(ends - 1).tolist(), *((starts + ends) // 2).tolist()} - UNLEARNABLE)
    samples = {int(script): chr(point) for point, script in reversed(list(enumerate(scripts[:0x20000].tolist())))}
    samples[COMMON] = "!"
    words = [
        samples[script] + chr(point)
        for point in points
        if point not in SURROGATES
        for script in {COMMON, int(scripts[ord("a")]), int(scripts[point])} - {ANY, ALONE}
        if samples[script] != chr(point)
    ]
    expected = {word for word in words if scripts[ord(word[1])] in (ANY, scripts[ord(word[0])])}
    assert _learnt(words) & set(words) == expected
    assert len(expected) > 1500
    assert len(words) - len(expected) > 2500


def test_digits_are_alone_and_kana_with_ideographs() -> None:
    scripts = joining_scripts()
    assert (scripts[[ord(each) for each in "09０９"]] == ALONE).all()
    assert len({scripts[ord(each)] for each in "字のンー"}) == 1
    assert scripts[ord("\u0301")] == ANY
    assert scripts[ord(".")] == scripts[ord("१") + 0x10_0000] == COMMON
