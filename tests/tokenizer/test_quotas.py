import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.tokenizer.quotas import divide, powers, quotas

_NAMES = st.sampled_from(["amh_Ethi", "deu_Latn", "eng_Latn", "tha_Thai", "zho_Hans"])
_SIZES = st.dictionaries(_NAMES, st.integers(0, 10**12))
_GROUPS = st.dictionaries(
    st.tuples(_NAMES, st.sampled_from(["general", "finance"]), st.sampled_from(["web", "bank", "books"])),
    st.integers(0, 10**10),
    max_size=12,
)
_PLAIN = {"temperature": 0.3, "domain_temperature": 0.3, "floors": {}, "caps": {}}


@given(_SIZES, st.floats(0, 1))
def test_powers_keep_the_order_of_sizes(sizes: dict[str, int], temperature: float) -> None:
    found = powers(sizes, temperature=temperature)
    assert list(found) == sorted(sizes)
    assert {name for name, power in found.items() if power} == {name for name, size in sizes.items() if size}
    assert all(found[a] <= found[b] for a in found for b in found if sizes[a] <= sizes[b])


def test_temperature_goes_from_the_corpus_to_all_alike() -> None:
    sizes = {"a": 900, "b": 100, "none": 0}
    for temperature, share in ((1, 0.9), (0.5, 0.75), (0, 0.5)):
        found = divide(100, powers(sizes, temperature=temperature), caps=dict.fromkeys(sizes, 1e9))
        assert found == pytest.approx({"a": 100 * share, "b": 100 * (1 - share), "none": 0})


def test_what_a_cap_cuts_off_and_a_floor_adds() -> None:
    wanted = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 0.0}
    wide = dict.fromkeys(wanted, math.inf)
    assert divide(60, wanted, caps=wide) == pytest.approx({"a": 10, "b": 20, "c": 30, "d": 0})
    assert divide(60, wanted, caps=wide | {"c": 15}) == pytest.approx({"a": 15, "b": 30, "c": 15, "d": 0})
    assert divide(60, wanted, caps=wide, floors={"a": 20}) == pytest.approx({"a": 20, "b": 16, "c": 24, "d": 0})
    assert divide(60, wanted, caps=wide, floors={"d": 6}) == pytest.approx({"a": 9, "b": 18, "c": 27, "d": 6})
    # The floor of a takes so much that b is no longer capped, though its cap alone would bind.
    assert divide(60, wanted, caps=wide | {"b": 19}, floors={"a": 35}) == pytest.approx(
        {"a": 35, "b": 10, "c": 15, "d": 0}
    )
    assert divide(60, wanted, caps=dict.fromkeys(wanted, 10)) == {"a": 10, "b": 10, "c": 10, "d": 0}
    assert divide(60, wanted, caps=wide, floors={"a": 80, "d": 40}) == pytest.approx({"a": 40, "b": 0, "c": 0, "d": 20})
    assert divide(60, {}, caps={}) == {}
    assert divide(0, wanted, caps=wide) == dict.fromkeys(wanted, 0)


@st.composite
def _bounded(draw: st.DrawFn) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    names = draw(st.lists(_NAMES, unique=True, min_size=1))
    amounts = st.floats(0, 1e9, allow_subnormal=False)
    wanted = {name: draw(st.floats(0.001, 1000) | st.just(0.0)) for name in names}
    return wanted, {name: draw(amounts) for name in names}, {name: draw(amounts | st.just(0.0)) for name in names}


@given(_bounded(), st.floats(0, 5e9))
def test_there_is_one_scale(
    bounded: tuple[dict[str, float], dict[str, float], dict[str, float]], budget: float
) -> None:
    wanted, caps, floors = bounded
    found = divide(budget, wanted, caps=caps, floors=floors)
    least = {name: min(caps[name], floors[name]) for name in wanted}
    most = {name: caps[name] if wanted[name] else least[name] for name in wanted}
    total = math.fsum(found.values())
    assert total == pytest.approx(min(budget, math.fsum(most.values())), rel=1e-9, abs=1e-9)
    if math.fsum(least.values()) > budget:
        return
    assert all(least[name] <= found[name] <= most[name] for name in wanted)
    # Whoever is at no bound gets the same for what it wants; who gets more is at its floor, who gets less at its cap.
    free = {
        name: found[name] / wanted[name] for name in wanted if wanted[name] and least[name] < found[name] < most[name]
    }
    for scale in free.values():
        for name in wanted:
            wish = scale * wanted[name]
            assert found[name] == pytest.approx(min(most[name], max(least[name], wish)), rel=1e-6, abs=1e-6)
    backwards = divide(budget, dict(reversed(wanted.items())), caps=caps, floors=floors)
    assert backwards == found


@given(_bounded(), st.floats(0, 5e9), st.floats(0, 5e9))
def test_more_to_divide_is_less_for_nobody(
    bounded: tuple[dict[str, float], dict[str, float], dict[str, float]], one: float, two: float
) -> None:
    wanted, caps, floors = bounded
    less, more = (divide(budget, wanted, caps=caps, floors=floors) for budget in sorted((one, two)))
    assert all(less[name] <= more[name] * (1 + 1e-9) + 1e-6 for name in wanted)


def _unimax(counts: Mapping[str, int], *, budget: float, max_epochs: float) -> dict[str, float]:
    """Algorithm 1 of arXiv:2304.09151, line by line."""
    found: dict[str, float] = {}
    ordered = sorted(counts, key=lambda name: counts[name])
    remaining = budget
    for i, name in enumerate(ordered):
        per_language = remaining / (len(ordered) - i)
        found[name] = counts[name] * max_epochs if per_language > counts[name] * max_epochs else per_language
        remaining -= found[name]
    return found


@given(st.dictionaries(_NAMES, st.integers(1, 10**13), min_size=1), st.integers(1, 10**14), st.floats(1, 16))
def test_temperature_zero_with_caps_is_unimax(sizes: dict[str, int], budget: int, max_epochs: float) -> None:
    caps = {name: size * max_epochs for name, size in sizes.items()}
    found = divide(budget, powers(sizes, temperature=0), caps=caps)
    assert found == pytest.approx(_unimax(sizes, budget=budget, max_epochs=max_epochs), rel=1e-9)


def test_unimax_on_counts_of_fineweb_2() -> None:
    """The example that the package unimax-sampling prints: what two of five languages lack, the other three share."""
    counts = {"swe": 179955884499, "fas": 184595788282, "ekk": 42541080893, "isl": 10027573389, "fao": 549707867}
    found = divide(250e9, powers(counts, temperature=0), caps={name: 4 * count for name, count in counts.items()})
    rest = (250e9 - 4 * (549707867 + 10027573389)) / 3
    assert found == pytest.approx({"swe": rest, "fas": rest, "ekk": rest, "isl": 40110293556, "fao": 2198831468})


@given(_GROUPS, st.integers(10_000, 10**10), st.floats(0, 1), st.floats(0, 1))
def test_quotas_use_all_of_the_sample_and_no_more_than_there_is(
    sizes: dict[tuple[str, str, str], int], sample_bytes: int, temperature: float, domain_temperature: float
) -> None:
    bounds = {"temperature": temperature, "domain_temperature": domain_temperature, "floors": {}, "caps": {}}
    found = quotas(sizes, sample_bytes=sample_bytes, **bounds)  # type: ignore[arg-type]
    assert set(found) == set(sizes)
    assert all(0 <= found[group] <= sizes[group] for group in found)
    assert sum(found.values()) == pytest.approx(min(sample_bytes, sum(sizes.values())), abs=len(sizes))
    assert found == quotas(dict(reversed(sizes.items())), sample_bytes=sample_bytes, **bounds)  # type: ignore[arg-type]


def test_a_corpus_smaller_than_the_sample_is_taken_whole() -> None:
    sizes = {("eng", "general", name): size for name, size in {"a": 3, "b": 7_777_777_777, "c": 10**12 + 1}.items()}
    assert quotas(sizes, sample_bytes=10**13, **_PLAIN) == sizes  # type: ignore[arg-type]


def test_domains_and_sources_are_balanced_within_their_language() -> None:
    sizes = {
        ("deu", "general", "web"): 1600,
        ("eng", "finance", "bank"): 90_000,
        ("eng", "finance", "fund"): 10_000,
        ("eng", "general", "web"): 900_000,
    }
    found = quotas(
        sizes, sample_bytes=9000, temperature=1 / 2, domain_temperature=1 / 2, floors={"deu": 1000}, caps={"eng": 8000}
    )
    # 1 to 25 by the square roots of languages; the floor gives German more. The square roots of domains are 1 to 3, and
    # those of the sources of finance 3 to 1.
    assert found == {
        ("deu", "general", "web"): 1000,
        ("eng", "finance", "bank"): 1500,
        ("eng", "finance", "fund"): 500,
        ("eng", "general", "web"): 6000,
    }
