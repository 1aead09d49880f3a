import itertools

from hypothesis import given
from hypothesis import strategies as st

from gristmill.reports.differences import COMPARED_TOKENS, compare

_TEXTS = st.text(alphabet="ab \nก漢é", max_size=60)


@given(_TEXTS, _TEXTS)
def test_joined_segments_are_the_texts_and_alternate(left: str, right: str) -> None:
    segments = compare(left, right)
    assert "".join(each.left for each in segments) == left
    assert "".join(each.right for each in segments) == right
    assert all(a.same != b.same for a, b in itertools.pairwise(segments))
    if left == right:
        assert all(each.same for each in segments)


def test_words_are_compared_whole_and_unspaced_scripts_by_character() -> None:
    assert [(each.left, each.right) for each in compare("grind rye now", "grind ryes now") if not each.same] == [
        ("rye", "ryes")
    ]
    assert [(each.left, each.right) for each in compare("河边的磨坊", "河边的水磨坊") if not each.same] == [("", "水")]


def test_only_the_beginning_of_long_texts_is_aligned() -> None:
    left = "".join(f"{(n * 7) % 50} " for n in range(COMPARED_TOKENS))
    right = "".join(f"{(n * 11) % 50} " for n in range(COMPARED_TOKENS))
    *_, rest = compare(f"{left}a same", f"{right}b same")
    assert (rest.left, rest.right) == (" same", " same")
