import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stages import Runner, curated, document, recipe

from gristmill.pipelines import mixture, mixture_plan, pack, train_tokenizer, weigh
from gristmill.pipelines.weigh import Group, Weight
from gristmill.schemas.recipe import Mixture
from gristmill.tokenizer import train

_SIZES = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.integers(0, 10**13), min_size=1)

FINEWEB_2 = {"2": 2.0, "3": 3.0, "5": 5.0, "100": 8.0, "1000": 1.0}
"""The weights that FineWeb 2's README reports good results with."""


def _group(language: str, domain: str = "general", source: str = "web") -> Group:
    return Group(language=language, domain=domain, source=source)


def _weight(n_bytes: int, *more: tuple[int, int]) -> Weight:
    """So many bytes of documents of which there was no copy, and more: (size of the cluster, bytes)."""
    by_size = ((1, n_bytes), *more)
    return Weight(documents=1, n_bytes=sum(size for _, size in by_size), by_size=by_size)


def _rates(found: Mapping[Group, Weight], **settings: Any) -> list[float]:
    return [each.rate for each in mixture_plan.plan(found, Mixture(**settings)).values()]


def _near(values: list[float]) -> Any:
    """Equal to six digits, as rates are rounded."""
    return pytest.approx(values, rel=1e-5)


@given(_SIZES, st.floats(0, 1), st.floats(1, 100))
def test_temperature_keeps_the_total_and_the_limit(
    sizes: dict[str, int], temperature: float, max_epochs: float
) -> None:
    found = mixture_plan.language_rates(sizes, temperature=temperature, max_epochs=max_epochs)
    total = sum(sizes.values())
    assert sum(found[name] * sizes[name] for name in sizes) == pytest.approx(total, rel=1e-9)
    assert all(0 < found[name] <= max_epochs * (1 + 1e-9) for name in sizes)
    if total:
        assert found[max(sizes, key=lambda name: sizes[name])] <= 1 + 1e-9


def test_temperature_of_one_uses_everything_once() -> None:
    found = mixture_plan.language_rates({"a": 7, "b": 10**12, "c": 0}, temperature=1, max_epochs=4)
    assert found == {"a": 1, "b": 1, "c": 1}


def test_what_the_limit_cuts_off_goes_to_the_others() -> None:
    found = mixture_plan.language_rates({"a": 10, "b": 400, "c": 590}, temperature=0, max_epochs=4)
    assert found["a"] == 4
    assert found["b"] * 400 == pytest.approx(480)
    assert found["c"] * 590 == pytest.approx(480)


def test_weights_multiply_and_are_limited() -> None:
    weights = {
        _group("zho_Hans", "finance", "bank"): _weight(100),
        _group("zho_Hant"): _weight(100),
        _group("eng_Latn"): _weight(100),
        _group("deu_Latn"): _weight(100),
    }
    languages = {"zho_Hans": 2.0, "zho": 1.5, "Latn": 0.5, "deu_Latn": 0.0}
    found = _rates(weights, language_weights=languages, domain_weights={"finance": 3.0}, max_epochs=5)
    assert found == [5.0, 1.5, 0.5, 0.0]


def test_a_weight_changes_no_other_group() -> None:
    weights = {_group("eng_Latn"): _weight(900), _group("deu_Latn"): _weight(100), _group("fra_Latn"): _weight(70)}
    plain = _rates(weights, temperature=0.5)
    changed = _rates(weights, temperature=0.5, language_weights={"deu": 1.2})
    assert changed == [plain[0], pytest.approx(plain[1] * 1.2, rel=1e-5), plain[2]]


def test_duplicates_weigh_by_the_largest_size_not_above() -> None:
    sizes = [1, 2, 3, 4, 5, 90, 100, 900, 1000, 70_000]
    group = _group("eng_Latn")
    settings = Mixture(duplicate_weights=FINEWEB_2, max_epochs=8)
    found = mixture_plan.plan({group: _weight(100, *((size, 100) for size in sizes[1:]))}, settings)
    batch = pa.record_batch([["general"] * 10, ["web"] * 10, sizes], names=["domain", "source", "cluster_size"])
    rates = mixture.document_rates(batch, mixture.by_language(found, settings)["eng_Latn"])
    assert rates.tolist() == [1, 2, 3, 3, 5, 5, 8, 8, 1, 1]
    assert found[group].rate == pytest.approx(37 / 10)
    capped = mixture_plan.plan({group: _weight(100, (100, 100))}, Mixture(duplicate_weights=FINEWEB_2))
    assert capped[group].rates == (1, 2, 3, 4, 4, 1)


def test_shares_are_reached_and_the_rest_keeps_its_proportions() -> None:
    weights = {
        _group("eng_Latn"): _weight(600),
        _group("deu_Latn"): _weight(200),
        _group("zho_Hans"): _weight(150),
        _group("zho_Hant"): _weight(50),
    }
    # Chinese to 0.4 of 1000 bytes; English and German share 0.6 as 3 to 1.
    assert _rates(weights, language_shares={"zho": 0.4}) == _near([0.75, 0.75, 2, 2])
    assert _rates(weights, language_shares={"zho": 0.15, "zho_Hant": 0.1}) == _near([0.9375, 0.9375, 1, 2])
    assert _rates(weights, language_shares={"deu": 1.0}) == _near([0, 4, 0, 0])
    assert _rates(weights, language_shares={"deu": 0.0}) == _near([1.25, 0, 1.25, 1.25])
    # What Chinese does not reach goes to German, which no share names, before it goes to English.
    both = mixture_plan.plan(weights, Mixture(language_shares={"zho": 0.9, "eng": 0.05}))
    assert [each.share for each in both.values()] == _near([0.05, 0.15, 0.6, 0.2])
    # All others are to have nothing: then English has what Chinese does not reach.
    short = _rates(weights, language_shares={"zho": 0.5, "eng": 0.5}, max_epochs=1.0, budget_bytes=700)
    assert short == _near([500 / 600, 0, 1, 1])
    # Chinese would be 0.9, but four times all there is are 800 bytes: the others have the rest.
    capped = mixture_plan.plan(weights, Mixture(language_shares={"zho": 0.9}))
    assert [each.rate for each in capped.values()] == _near([0.25, 0.25, 4, 4])
    assert [each.asked for each in capped.values()] == _near([0.075, 0.025, 0.675, 0.225])
    assert [each.share for each in capped.values()] == _near([0.15, 0.05, 0.6, 0.2])


def test_a_budget_scales_everything_up_to_the_limit() -> None:
    weights = {_group("eng_Latn"): _weight(600), _group("deu_Latn"): _weight(200)}
    assert _rates(weights, budget_bytes=400) == [0.5, 0.5]
    assert _rates(weights, budget_bytes=10**9) == [4, 4]
    assert _rates(weights, budget_bytes=1600, temperature=0) == _near([4 / 3, 4])  # UniMax
    assert _rates(weights, budget_bytes=400, language_weights={"deu": 2.0}) == _near([0.4, 0.8])


def test_a_domain_that_few_languages_have() -> None:
    weights = {
        _group("deu_Latn"): _weight(500),
        _group("eng_Latn"): _weight(480),
        _group("eng_Latn", "finance", "bank"): _weight(20),
    }
    found = mixture_plan.plan(weights, Mixture(language_shares={"deu": 0.7}, domain_shares={"finance": 0.05}))
    assert [each.share for each in found.values()] == pytest.approx([0.7, 0.25, 0.05], rel=1e-4)
    # A contradiction: finance is English alone. The language's share is reached.
    found = mixture_plan.plan(weights, Mixture(language_shares={"eng": 0.01}, domain_shares={"finance": 0.05}))
    assert [each.share for each in found.values()] == pytest.approx([0.99, 0, 0.01], abs=1e-4)


@st.composite
def _corpora(draw: st.DrawFn) -> dict[Group, Weight]:
    names = st.builds(
        _group,
        st.sampled_from(["deu_Latn", "eng_Latn", "tha_Thai", "zho_Hans", "zho_Hant"]),
        st.sampled_from(["general", "finance"]),
        st.sampled_from(["web", "bank"]),
    )
    sizes = st.lists(st.tuples(st.sampled_from([2, 5, 100, 3000]), st.integers(0, 10**9)), max_size=2)
    return {
        group: _weight(draw(st.integers(0, 10**12)), *draw(sizes))
        for group in sorted(draw(st.lists(names, unique=True, min_size=1)))
    }


@st.composite
def _settings(draw: st.DrawFn) -> Mixture:
    def shares(names: list[str]) -> dict[str, float]:
        parts = draw(st.lists(st.integers(0, 10), min_size=len(names) + 1, max_size=len(names) + 1))
        whole = max(sum(parts), 1)
        return {name: part / whole for name, part in zip(names, parts, strict=False) if draw(st.booleans())}

    weights = st.dictionaries(st.sampled_from(["2", "100"]), st.just(0.0) | st.floats(1e-6, 9))
    return Mixture(
        temperature=draw(st.floats(0, 1)),
        max_epochs=draw(st.floats(1, 10)),
        budget_bytes=draw(st.none() | st.integers(1, 10**13)),
        duplicate_weights=draw(weights),
        language_shares=shares(["eng", "zho", "Thai"]),
        domain_shares=shares(["finance"]),
    )


@settings(deadline=None, max_examples=150)
@given(_corpora(), _settings())
def test_what_holds_of_every_mixture(found: dict[Group, Weight], given_: Mixture) -> None:
    plans = mixture_plan.plan(found, given_)
    assert list(plans) == list(found)
    assert plans == mixture_plan.plan(dict(reversed(found.items())), given_)
    assert all(0 <= rate <= given_.max_epochs for each in plans.values() for rate in each.rates)
    mixed = {group: plans[group].rate * found[group].n_bytes for group in found}
    total = math.fsum(mixed.values())
    for shares in ([each.share for each in plans.values()], [each.asked for each in plans.values()]):
        assert math.fsum(shares) == pytest.approx(1, abs=1e-4) or set(shares) == {0}
    assert all(each.share == pytest.approx(mixed[group] / (total or 1), abs=1e-4) for group, each in plans.items())
    if given_.budget_bytes:
        assert total <= given_.budget_bytes * (1 + 1e-4)
    for key, share in given_.language_shares.items():
        members = [group for group in found if key in (group.language[:3], group.language[4:])]
        capacity = sum(found[group].n_bytes for group in members) * given_.max_epochs
        if given_.domain_shares or given_.duplicate_weights or not total:
            continue
        if share == 0:
            assert all(mixed[group] == 0 for group in members)
        elif capacity > share * total * 1.001:
            assert math.fsum(mixed[group] for group in members) >= share * total * (1 - 1e-4)


@given(st.floats(0, 5), st.integers(0, 2**63 - 1))
def test_copies_are_nested_and_near_the_rate(rate: float, seed: int) -> None:
    names = [f"{number:032x}" for number in range(400)]
    found = mixture.copies(names, np.full(400, rate), seed=seed)
    assert set(found.tolist()) <= {int(rate), int(rate) + 1}
    assert abs(found.mean() - rate) < 0.2
    assert (mixture.copies(names, np.full(400, rate + 0.1), seed=seed) >= found).all()
    if rate == int(rate):
        assert (found == int(rate)).all()


@given(st.lists(st.integers(1, 10**9)))
def test_clusters_are_counted_to_one_digit(sizes: list[int]) -> None:
    found = weigh.one_digit(np.array(sizes, np.int64)).tolist()
    assert found == [int(str(size)[0]) * 10 ** (len(str(size)) - 1) for size in sizes]


def test_the_table_says_what_came_out(tmp_path: Path) -> None:
    documents = [
        document(
            f"{number}",
            f"a document of {number} words " * (1 + number % 7),
            language=language,
            source=source,
            cluster_size=size,
        )
        for number in range(600)
        for language in [("eng_Latn", "deu_Latn", "eng_Latn")[number % 3]]
        for source in [("web", "bank")[number % 5 == 0]]
        for size in [1 + number % 2]
    ]
    (tmp_path / "small.model").write_bytes(
        train([str(each["text"]) for each in documents], vocabulary_size=1000, kind="bpe", character_coverage=1.0).model
    )
    asked = recipe(
        tokenizer={"model": "small.model"},
        packing={"sequence_length": 64, "shard_tokens": 4096},
        mixture={"language_shares": {"deu": 0.5}, "domain_shares": {"finance": 0.3}, "duplicate_weights": {"2": 1.5}},
    )
    runner = Runner(tmp_path)
    given = curated(runner.store, [documents])
    tokenizer = runner(train_tokenizer.stage(asked, folder=str(tmp_path), curated=given))
    runner(pack.stage(asked, curated=given, tokenizer=tokenizer))

    rows = pq.read_table(next((tmp_path / "mixture").iterdir())).to_pylist()
    keys = {(row["language"], row["domain"], row["source"]): row for row in rows}
    copies, tokens = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for path in sorted((tmp_path / "tokens").rglob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            key = (row["language"], row["domain"], row["source"])
            copies[key] += 1
            tokens[key] += len(row["tokens"])
    assert {key: row["mixed_documents"] for key, row in keys.items()} == copies
    assert {key: row["mixed_tokens"] for key, row in keys.items()} == tokens
    total = sum(row["mixed_bytes"] for row in rows)
    for row in rows:
        assert row["share"] == row["asked"]  # nothing reaches the limit
        assert row["mixed_bytes"] / total == pytest.approx(row["share"], abs=0.03)
    for column, name, share in (("language", "deu_Latn", 0.5), ("domain", "finance", 0.3)):
        assert sum(row["share"] for row in rows if row[column] == name) == pytest.approx(share, abs=1e-4)
    twice = sum(row["mixed_documents"] for row in rows) / len(documents)
    assert twice == pytest.approx(1.25, abs=0.1)  # as the weights of duplicates come to
