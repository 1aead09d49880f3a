"""The report's section on duplicates."""

import re
from pathlib import Path
from typing import Any

import pytest

from gristmill.reports.page import write_page

HOSTILE = '</del><script>alert("x")</script>\u202e'


def _section(out: Path) -> str:
    html = write_page(str(out)).read_text("utf-8")
    return html[html.index("<h2 id=duplicates>") : html.index("<h2 id=tokens>")]


def _words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_numbers_are_there(shared: str) -> None:
    section = _section(Path(shared))
    words = _words(section)
    assert "eng_Latn 4 0 1 1 0 50.0 % 13.2 KiB 6.8 KiB" in words
    assert 'aria-label="eng_Latn: exact 25.0 %, near 25.0 %, others 50.0 %"' in section
    assert "language share of documents 3 to 4 all documents eng_Latn 1 1 3" in words
    assert "one of 14 bands of 8 values with a probability of 0.5645 at 0.7, 0.9235 at 0.8, 0.9996 at 0.9" in words
    assert "near duplicates: 1; recall of pairs 0.997 (1 of 1)" in words
    assert "0.85 to 0.90: 1" in words
    assert "example.org eng_Latn 1 line 40 80.0 % 23 The mill by the river g" in words


def test_a_duplicate_stands_beside_its_survivor(shared: str) -> None:
    section = _section(Path(shared))
    assert section.count("<div class=beside>") == 1
    assert "<del>barley</del> for the whole" in section
    assert "<ins>wheat</ins> for the whole" in section
    assert "<del>Visitors are welcome.</del>" in section


def test_strangers_words_are_shown_not_run(folder: Any, tmp_path: Path) -> None:
    folder.duplicate(0x30, of=5, kind="near", similarity=0.7, language="tha_Thai", text=f"{HOSTILE} a {HOSTILE}")
    folder.cluster(5, (0x30, "near", 0.7))
    folder.add(
        0x31, language="eng_Latn", text="a", size=9, disposition="duplicate", rule="near", survivor=0x99,
        similarity=0.7, earlier=HOSTILE,
    )  # fmt: skip
    folder.cluster(0x99, (0x31, "near", 0.7), earlier=HOSTILE)
    folder.repeats(4, ("line", 0, 60, 50, 0.5))
    section = _section(folder.write(tmp_path / "out"))
    assert "<script" not in section
    assert "\u202e" not in section
    assert section.count("&lt;/del&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;\\u202e") >= 3
    assert (
        "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; \\x1b[31mred" in section[section.index("Repeated") :]
    )


def test_a_survivor_in_an_earlier_output_is_named(folder: Any, tmp_path: Path, name_of: Any) -> None:
    folder.add(
        0x31, language="deu_Latn", text="Nur hier.", size=9, disposition="duplicate", rule="near", survivor=5,
        similarity=0.7, earlier="../january",
    )  # fmt: skip
    folder.cluster(5, (0x31, "near", 0.7), earlier="../january")
    words = _words(_section(folder.write(tmp_path / "out")))
    assert f"survivor {name_of(5)} in ../january" in words
    assert "Nur hier. Its text is not in this output" in words
    assert "Of a cluster of 1, the best document is in an earlier output." in words
    assert "deu_Latn 1 0 0 1 1 100.0 %" in words


@pytest.mark.parametrize(("text", "marked"), [("a b  c", None), ("a b d", "<del>d</del>")])
def test_the_least_alike_duplicate_is_shown(folder: Any, tmp_path: Path, text: str, marked: str | None) -> None:
    folder.add(0x30, language="deu_Latn", text="a b c", size=9, cluster_size=3)
    exact = folder.duplicate(0x31, of=0x30, kind="exact", similarity=1.0, language="deu_Latn", text="a b c")
    other = folder.duplicate(0x32, of=0x30, kind="near", similarity=0.75, language="deu_Latn", text=text)
    folder.cluster(0x30, exact, other)
    section = _section(folder.write(tmp_path / "out"))
    german = section[section.index("<code>deu_Latn</code> <span class=note>largest") :]
    assert (marked in german) if marked else "The same, white space apart, as far as they were compared." in german


def test_many_languages_are_folded_away(folder: Any, tmp_path: Path) -> None:
    for number in range(0x40, 0x80, 2):
        language = f"q{chr(97 + number % 26)}{chr(97 + number // 26)}_Latn"
        folder.add(number, language=language, text="a", size=9, cluster_size=2)
        folder.cluster(number, folder.duplicate(number + 1, of=number, kind="near", similarity=0.75, language=language))
    section = _section(folder.write(tmp_path / "out"))
    assert section.count("<summary>21 more languages</summary>") == 3
    assert section.count("<details open>") == 1


def test_without_duplicates_there_are_passages_still(folder: Any, tmp_path: Path) -> None:
    folder.clusters.clear()
    for row in folder.ledger[1:3]:
        row |= {"disposition": "dropped", "stage": "decide"}
    words = _words(_section(folder.write(tmp_path / "out")))
    assert "No duplicates were found." in words
    assert "Repeated passages" in words
    folder.passages.clear()
    assert "Repeated passages" not in _section(folder.write(tmp_path / "out"))


def test_without_clusters_the_duplicates_of_the_ledger_are_there_still(folder: Any, tmp_path: Path) -> None:
    folder.clusters.clear()
    out = folder.write(tmp_path / "out")
    assert "eng_Latn 4 0 1 1 0 50.0 %" in _words(_section(out))
    assert "The tables do not agree with each other." in (out / "report.html").read_text("utf-8")
