"""Identities: stable, sensitive to what matters, blind to what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.schemas import canonical_json, document_id, key_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def test_ids_never_change() -> None:
    # Stored in users' outputs: a change here would orphan them all.
    found = document_id(source="web", path="a/b.warc.gz", offset=17, payload=b"text")
    assert found == "21172f7dbe8dcd6a6ff2f17c6bcbd147"
    assert key_of({"b": 1, "a": [None, "é"]}) == "33aec330f566ffa360f74a09a2181b2e"


@given(JSON, JSON)
def test_equal_values_and_only_they_share_a_key(one: object, other: object) -> None:
    same = canonical_json(one) == canonical_json(other)
    assert (key_of(one) == key_of(other)) is same


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_order_of_a_mapping_does_not_matter(value: dict[str, int]) -> None:
    assert key_of(value) == key_of(dict(reversed(value.items())))


def test_not_a_number_has_no_key() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        key_of({"a": float("nan")})


@pytest.mark.parametrize("change", [{"source": "x"}, {"path": "x"}, {"offset": 1}, {"payload": b"x"}])
def test_every_part_of_origin_and_content_counts(change: dict[str, object]) -> None:
    base: dict[str, object] = {"source": "s", "path": "p", "offset": 0, "payload": b""}
    assert document_id(**base) != document_id(**(base | change))  # type: ignore[arg-type]
