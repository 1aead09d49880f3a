"""Signals of lines, on examples that a reader can check; `test_signals` has the comparison with the oracle."""

import pyarrow as pa
import pytest

from gristmill.filters.signals import StopWords, measure


@pytest.fixture(scope="module")
def stop_words() -> StopWords:
    return StopWords.compile({})


def signal(name: str, text: str, stop_words: StopWords) -> float:
    return float(measure(pa.array([text]), stop_words=stop_words)[name][0].as_py())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("...", 0),
        ("Home", 1),
        ("One. Two! Three?", 3),
        ("One\nTwo. And three", 3),
        ("It cost 1.50 in the U.S. and more.", 1),
        ("See e.g. this. Or that.", 2),
        ("Wait... what? No... Never.", 3),
        ("“No.” (Yes.) Perhaps", 3),
        ("1. Introduction", 1),
        ("他来了。我走了！“真的？”真的", 4),
        ("यह किताब है। वह घर है॥", 2),
        ("هل هذا كتاب؟ نعم.", 2),
        ("አማርኛ ቋንቋ ነው። ጥሩ ነው።", 2),
        ("วันนี้อากาศดี เราไปเที่ยว", 1),
        ("12 34. 56.", 0),
    ],
)
def test_sentences(stop_words: StopWords, text: str, expected: int) -> None:
    assert signal("n_sentences", text, stop_words) == expected


@pytest.mark.parametrize(
    "line", ["3 likes", "1,234 views", "1.2K views", "12 minutes ago", "12条评论", "٣ إعجابات", "5 좋아요"]
)
def test_counters(stop_words: StopWords, line: str) -> None:
    assert signal("counter_line_ratio", line, stop_words) == 1


@pytest.mark.parametrize(
    "line", ["3", "likes 3", "3 likes.", "3. Chapter", "3 of the best", "(3 likes)", "3 4", "3rd place", "我有三本书"]
)
def test_no_counters(stop_words: StopWords, line: str) -> None:
    assert signal("counter_line_ratio", line, stop_words) == 0


@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        ("upper_line_ratio", "NEWS AND Views", True),
        ("upper_line_ratio", "News And Views", False),
        ("upper_line_ratio", "ΝΕΑ", True),
        ("upper_line_ratio", "新闻", False),
        ("upper_line_ratio", "123", False),
        ("numeric_line_ratio", "12,5 % (2019)", True),
        ("numeric_line_ratio", "१२३", True),
        ("numeric_line_ratio", "12 kg", False),
        ("numeric_line_ratio", "---", False),
        ("one_word_line_ratio", "Home", True),
        ("one_word_line_ratio", "e-mail", True),
        ("one_word_line_ratio", "购物车", True),
        ("one_word_line_ratio", "联系我们", False),
        ("one_word_line_ratio", "***", True),
        ("one_word_line_ratio", "About us", False),
    ],
)
def test_flagged_lines(stop_words: StopWords, name: str, line: str, expected: bool) -> None:
    assert signal(name, line, stop_words) == expected


def test_words_of_flagged_lines(stop_words: StopWords) -> None:
    text = "Home\nABOUT US\n3 likes\n12 34\nFive words are not flagged."
    assert signal("flagged_line_word_ratio", text, stop_words) == pytest.approx(7 / 12)


@pytest.mark.parametrize(
    ("line", "javascript", "policy"),
    [
        ("Please enable JavaScript.", 1, 0),
        ("Our Privacy Policy and Terms of Use", 0, 1),
        ("This site uses cookies", 0, 1),
        ("the use of cookies", 0, 1),
        ("we use cookies, javascript too", 1, 1),
        ("use\nof cookies", 0, 0),
        ("cookies and their use", 0, 0),
        ("java script", 0, 0),
    ],
)
def test_javascript_and_policy(stop_words: StopWords, line: str, javascript: int, policy: int) -> None:
    assert signal("javascript_lines", line, stop_words) == javascript
    assert signal("policy_lines", line, stop_words) == policy


@pytest.mark.parametrize(
    ("line", "kept", "sentences"),
    [
        ("These are five words here.", 1, 1),
        ("He came. She saw. They won.", 1, 3),
        ("Only four words here.", 0, 0),
        ("No full stop at all here", 0, 0),
        ("This one ends with dots...", 0, 0),
        ("This site uses cookies and more.", 0, 0),
        ("今天天气很好我们去玩。", 1, 1),
        ("今天天气很好。", 0, 0),
    ],
)
def test_lines_that_c4_keeps(stop_words: StopWords, line: str, kept: int, sentences: int) -> None:
    assert signal("c4_line_ratio", line, stop_words) == kept
    assert signal("c4_sentences", line, stop_words) == sentences


def test_long_lines(stop_words: StopWords) -> None:
    assert signal("n_long_lines", "a" * 199 + "\n" + "b" * 200 + "\n  " + "c" * 198 + "  ", stop_words) == 1


GOOD = "Größe, café, «là\u00a0», l’été, Fuß“, Ñandú, MENÜ. Січень, Рік, «СССР». Señor Åström’s naïve coöperation…"


@pytest.mark.parametrize(
    "text", ["Der Löwe läuft über süße Früchte", "今天天气很好", "สวัสดีชาวโลก", "שלום עולם", "नमस्ते"]
)
def test_mojibake(stop_words: StopWords, text: str) -> None:
    assert signal("mojibake_ratio", text, stop_words) == 0
    misread = "".join(chr(byte) for byte in text.encode())
    n_misread = sum(len(c.encode()) for c in text if ord(c) > 0x7F)
    found = signal("mojibake_ratio", misread, stop_words)
    assert 0.7 * n_misread / len(misread) <= found <= 1


def test_mojibake_of_russian(stop_words: StopWords) -> None:
    misread = "Сегодня была хорошая погода".encode().decode("cp1251", "ignore")
    assert signal("mojibake_ratio", misread, stop_words) > 0.5


def test_good_text_is_no_mojibake(stop_words: StopWords) -> None:
    assert signal("mojibake_ratio", GOOD, stop_words) < 0.05
