import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gristmill.reports import explain_view
from gristmill.reports.explain import explain

NameOf = Callable[[int], str]

TEXT = "The mill by the river grinds rye for the whole valley. "
HEBREW = "הטחנה על גדת הנהר טוחנת שיפון לכל העמק מאז השיטפון הגדול."


def _shown(out: str, doc_id: str, *, width: int = 160) -> str:
    return explain_view.to_text(explain(out, doc_id), width=width)


def _later(folder: Any, tmp_path: Path, *, earlier: str, survivor: int = 1, text: str = TEXT) -> str:
    """An output whose document 0x30 is a duplicate of one that an earlier output kept."""
    folder.add(
        0x30, language="eng_Latn", text=text, size=50, disposition="duplicate", rule="near", survivor=survivor,
        similarity=0.75, earlier=earlier,
    )  # fmt: skip
    folder.cluster(survivor, (0x30, "near", 0.75), earlier=earlier)
    out = folder.write(tmp_path / "out")
    (out / "run.json").write_text(json.dumps({"recipe": str(tmp_path / "recipes" / "recipe.toml")}))
    return str(out)


def test_an_older_capture_is_told_in_words(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    folder.add(0x20, language="eng_Latn", text=TEXT, size=60, captured="2024-06-01T00:00:00Z", cluster_size=2)
    folder.add(
        0x21, language="eng_Latn", text=TEXT + "Closed.", size=60, captured="2024-05-01T00:00:00Z",
        disposition="duplicate", rule="url", survivor=0x20, similarity=0.5,
    )  # fmt: skip
    folder.cluster(0x20, (0x21, "url", 0.5))
    text = _shown(str(folder.write(tmp_path / "out")), name_of(0x21))
    assert "An older capture of the same page, similarity 0.500, in a cluster of 2." in text
    assert "captured       2024-05-01T00:00:00Z" in text
    assert "survivor            1   2024-06-01T00:00:00Z" in text
    assert "captured 2024-06-01T00:00:00Z" in text
    assert "[-Closed.-]" in text


def test_members_are_those_of_the_cluster_not_of_the_same_survivors_id(
    folder: Any, tmp_path: Path, name_of: NameOf
) -> None:
    # An earlier output may hold a document of the same id: the same file was in its input too.
    out = _later(folder, tmp_path, earlier="gone", survivor=1)
    found = explain(out, name_of(1)).cluster
    assert found is not None
    assert [each.doc_id for each in found.members] == [name_of(3), name_of(2)]


def test_a_survivor_is_shown_from_an_earlier_output(folder: Any, tmp_path: Path, name_of: NameOf, shared: str) -> None:
    (tmp_path / "recipes").mkdir()
    shutil.copytree(shared, tmp_path / "january")
    out = _later(folder, tmp_path, earlier="../january", survivor=5, text="Rye only.")
    folder_text = _shown(out, name_of(0x30))
    assert f"near of {name_of(5)} in ../january, similarity 0.750" in folder_text
    assert "Nearly the same text, similarity 0.750.\n" in folder_text
    assert f"Kept in its place: {name_of(5)} of the earlier output ../january." in folder_text
    assert f"{name_of(5)}  https://example.org/5, in ../january, size 900 bytes" in folder_text
    assert "[-Rye only.-]" in folder_text
    assert "โรงสี" in folder_text


def test_a_survivor_is_followed_through_earlier_outputs(
    folder: Any, tmp_path: Path, name_of: NameOf, shared: str
) -> None:
    for name in ("recipes", "first", "second"):
        (tmp_path / name).mkdir()
    shutil.copytree(shared, tmp_path / "first/out")
    second = type(folder)()
    second.add(
        0x40, language="eng_Latn", text=TEXT, size=9, disposition="duplicate", rule="near", survivor=5,
        similarity=0.8, earlier="../first/out",
    )  # fmt: skip
    second.cluster(5, (0x40, "near", 0.8), earlier="../first/out")
    made = second.write(tmp_path / "second/out")
    (made / "run.json").write_text(json.dumps({"recipe": str(tmp_path / "second/recipe.toml")}))
    found = explain(_later(folder, tmp_path, earlier="../second/out", survivor=5), name_of(0x30))
    assert found.survivor is not None
    assert (found.survivor.doc_id, found.survivor.uri) == (name_of(5), "https://example.org/5")


def test_outputs_that_name_each_other_end(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    # Each says that the other holds the survivor, which is in neither.
    out = _later(folder, tmp_path, earlier="../out", survivor=0x77)
    (tmp_path / "recipes").mkdir()
    assert "its documents do not have it any more" in _shown(out, name_of(0x30))


@pytest.mark.parametrize(
    ("earlier", "reason"),
    [
        ("../january", "no such output folder"),
        ("gs://bucket/out", "reports read local folders"),
        ("\x1b[2J", r"\x1b[2J"),
    ],
)
def test_a_lost_earlier_output_is_told_and_the_rest_shown(
    folder: Any, tmp_path: Path, name_of: NameOf, earlier: str, reason: str
) -> None:
    text = _shown(_later(folder, tmp_path, earlier=earlier), name_of(0x30), width=300)
    assert "It cannot be shown: it lies in the earlier output" in text
    assert reason in text
    assert "\x1b" not in text
    assert TEXT.strip() in text


@pytest.mark.parametrize("note", ["", "[]", '{"recipe": 1}'])
def test_an_output_without_a_note_cannot_say_where_the_earlier_one_lies(
    folder: Any, tmp_path: Path, name_of: NameOf, note: str
) -> None:
    out = _later(folder, tmp_path, earlier="january")
    (Path(out) / "run.json").write_text(note)
    assert "It cannot be shown: it lies in the earlier output january: " in _shown(out, name_of(0x30))
    (Path(out) / "run.json").unlink()
    assert "It cannot be shown: it lies in the earlier output january: " in _shown(out, name_of(0x30))


def test_a_damaged_earlier_output_is_told(folder: Any, tmp_path: Path, name_of: NameOf, shared: str) -> None:
    (tmp_path / "recipes").mkdir()
    copy = Path(shutil.copytree(shared, tmp_path / "january"))
    (copy / "documents/a.parquet").write_bytes(b"PAR1 nothing PAR1")
    text = _shown(_later(folder, tmp_path, earlier="../january"), name_of(0x30), width=400)
    assert "cannot read table documents" in text


def test_a_survivor_that_documents_lacks_is_told(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    del folder.documents[0]
    assert "It cannot be shown: documents does not have it" in _shown(str(folder.write(tmp_path / "out")), name_of(2))


def test_differences_are_marked_in_colour_and_without(out: str, name_of: NameOf) -> None:
    stream = io.StringIO()
    Console(file=stream, width=120, force_terminal=True, color_system="standard").print(
        explain_view.render(explain(out, name_of(2)))
    )
    assert "\x1b[1;31m[-barley-]\x1b[0m" in stream.getvalue()
    assert "\x1b[1;32m{+wheat+}\x1b[0m" in stream.getvalue()


def test_texts_from_right_to_left_stand_above_each_other(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    folder.add(0x20, language="heb_Hebr", text=HEBREW, size=60, cluster_size=2)
    folder.cluster(
        0x20,
        folder.duplicate(0x21, of=0x20, kind="near", similarity=0.9, text=HEBREW.replace("שיפון", "חיטה")),
    )
    text = _shown(str(folder.write(tmp_path / "out")), name_of(0x21))
    assert "┃" not in text
    lines = [line.strip() for line in text.splitlines()]
    above, below = lines.index("this document"), lines.index("the survivor")
    assert (below - above, "[-חיטה-]" in lines[above + 1], "{+שיפון+}" in lines[below + 1]) == (2, True, True)


def test_many_differences_are_counted(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    words = [f"{n * 7919 % 2003}th" for n in range(2000)]
    changed = [f"new{word}" if n % 100 == 50 else word for n, word in enumerate(words)]
    folder.add(0x20, language="eng_Latn", text=" ".join(words), size=60, cluster_size=2)
    folder.cluster(0x20, folder.duplicate(0x21, of=0x20, kind="near", similarity=0.9, text=" ".join(changed)))
    text = _shown(str(folder.write(tmp_path / "out")), name_of(0x21))
    assert "… and 8 more places" in text
    assert text.count("[-new") == 12


def test_repeated_passages_are_shown_with_what_became_of_them(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    page = "Home | News | About\n" + TEXT + "\nWe use \x1b[2J cookies.\n" + TEXT.replace("rye", "oats")
    kept = TEXT + "\n" + TEXT.replace("rye", "oats")
    folder.add(0x20, language="eng_Latn", text=page, size=60)
    folder.curated["eng_Latn"][-1]["text"] = kept
    cookies = page.index("We use")
    folder.repeats(
        0x20,
        ("line", 0, 19, 412, 0.93),
        ("copied", 20, 20 + len(TEXT), 3, 0.01),
        ("paragraph", cookies, page.index("\n", cookies), 4000, 0.5),
    )
    out = str(folder.write(tmp_path / "out"))
    found = explain(out, name_of(0x20))
    assert [(each.kind, each.documents, each.text, each.cut) for each in found.passages] == [
        ("line", 412, "Home | News | About", True),
        ("copied", 3, TEXT, False),
        ("paragraph", 4000, "We use \x1b[2J cookies.", True),
    ]
    text = _shown(out, name_of(0x20))
    assert f"3 found, {19 + len(TEXT) + 20} of {len(page)} characters; 2 cut." in text
    assert "line              412   93.0 %           19   cut    Home | News | About" in text
    assert r"We use \x1b[2J cookies." in text
    assert "[-Home | News | About-]\n" in text


def test_places_are_told_in_code_points(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    page = "🌾🌾 é\u0301 menu\nท้องนา"
    folder.add(0x20, language="eng_Latn", text=page, size=60)
    folder.repeats(0x20, ("line", 3, 10, 12, 0.5), ("line", 11, len(page), 12, 0.5))
    found = explain(str(folder.write(tmp_path / "out")), name_of(0x20))
    assert [each.text for each in found.passages] == [page[3:10], page[11:]]
    assert [each.cut for each in found.passages] == [False, False]


def test_passages_of_a_dropped_document_have_no_fate(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    folder.repeats(7, ("line", 0, 5, 12, 0.5))
    found = explain(str(folder.write(tmp_path / "out")), name_of(7))
    assert [each.cut for each in found.passages] == [None]
    assert "1 found, 5 of 20 characters.\n" in explain_view.to_text(found)


def test_passages_that_overlap_are_counted_once(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    folder.repeats(9, ("line", 0, 5, 12, 0.5), ("copied", 2, 7, 12, 0.5), ("line", 3, 4, 12, 0.5), ("line", 8, 9, 2, 1))
    text = explain_view.to_text(explain(str(folder.write(tmp_path / "out")), name_of(9)))
    assert "4 found, 8 of 15 characters; 0 cut.\n" in text


def test_what_was_masked_is_shown_where_it_stood(folder: Any, tmp_path: Path, name_of: NameOf) -> None:
    folder.add(0x20, language="eng_Latn", text=TEXT + "Write to a@b.example today.", size=60)
    folder.curated["eng_Latn"][-1]["text"] = TEXT + "Write to <EMAIL> today."
    text = _shown(str(folder.write(tmp_path / "out")), name_of(0x20))
    assert "Write to [-a@b.example-] {+<EMAIL>+} today." in text
