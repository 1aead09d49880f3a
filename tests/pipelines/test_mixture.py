import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.pipelines import mixture
from gristmill.pipelines.weigh import Group, Weight
from gristmill.schemas.recipe import Mixture

_SIZES = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.integers(0, 10**13), min_size=1)


@given(_SIZES, st.floats(0, 1), st.floats(1, 100))
def test_temperature_keeps_the_total_and_the_limit(
    sizes: dict[str, int], temperature: float, max_epochs: float
) -> None:
    found = mixture.language_rates(sizes, temperature=temperature, max_epochs=max_epochs)
    total = sum(sizes.values())
    assert sum(found[name] * sizes[name] for name in sizes) == pytest.approx(total, rel=1e-9)
    assert all(0 < found[name] <= max_epochs * (1 + 1e-9) for name in sizes)
    if total:
        assert found[max(sizes, key=lambda name: sizes[name])] <= 1 + 1e-9


def test_temperature_of_one_uses_everything_once() -> None:
    found = mixture.language_rates({"a": 7, "b": 10**12, "c": 0}, temperature=1, max_epochs=4)
    assert found == {"a": 1, "b": 1, "c": 1}


def test_what_the_limit_cuts_off_goes_to_the_others() -> None:
    found = mixture.language_rates({"a": 10, "b": 400, "c": 590}, temperature=0, max_epochs=4)
    assert found["a"] == 4
    assert found["b"] * 400 == pytest.approx(480)
    assert found["c"] * 590 == pytest.approx(480)


def test_weights_multiply_and_are_limited() -> None:
    weights = {
        Group(language="zho_Hans", domain="finance", source="bank"): Weight(documents=1, n_bytes=100),
        Group(language="zho_Hant", domain="general", source="web"): Weight(documents=1, n_bytes=100),
        Group(language="eng_Latn", domain="general", source="web"): Weight(documents=1, n_bytes=100),
        Group(language="deu_Latn", domain="general", source="web"): Weight(documents=1, n_bytes=100),
    }
    settings = Mixture(
        languages={"zho_Hans": 2.0, "zho": 1.5, "Latn": 0.5, "deu_Latn": 0.0}, domains={"finance": 3.0}, max_epochs=5
    )
    assert list(mixture.rates(weights, settings).values()) == [5.0, 1.5, 0.5, 0.0]


@given(st.floats(0, 5), st.integers(0, 2**63 - 1))
def test_copies_are_nested_and_near_the_rate(rate: float, seed: int) -> None:
    names = [f"{number:032x}" for number in range(400)]
    found = mixture.copies(names, np.full(400, rate), seed=seed)
    assert set(found.tolist()) <= {int(rate), int(rate) + 1}
    assert abs(found.mean() - rate) < 0.2
    assert (mixture.copies(names, np.full(400, rate + 0.1), seed=seed) >= found).all()
    if rate == int(rate):
        assert (found == int(rate)).all()
