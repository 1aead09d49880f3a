import math

import numpy as np
import pyarrow as pa
import pytest

torch = pytest.importorskip("torch")

from gristmill.trainer import routing  # noqa: E402
from gristmill.trainer.experts import Routed  # noqa: E402
from gristmill.trainer.model import Hidden  # noqa: E402


def _hidden(*chosen: list[list[int]]) -> Hidden:
    nothing = torch.zeros(0)
    return Hidden(x_TD=nothing, routed=tuple(Routed(nothing, torch.tensor(each), nothing, nothing) for each in chosen))


def test_counts_are_by_piece_layer_and_expert() -> None:
    hidden = _hidden([[0, 1], [0, 2], [1, 2]], [[2, 1], [2, 0], [2, 1]])
    found = routing.counts(hidden, np.array([0, 0, 2]), experts=3)
    assert found.tolist() == [[2, 1, 1, 1, 1, 2], [0] * 6, [0, 1, 1, 0, 1, 1]]
    assert routing.counts(_hidden(), np.array([0, 1]), experts=0).shape == (2, 0)


def test_doubt_is_the_likelihood_under_another_language_without_the_piece_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routing, "_PRIOR", 2)
    counts = np.array([[3, 1], [3, 1], [1, 3]], np.int32)
    nearest, doubt = routing.affinity(counts, pa.array(["deu", "deu", "fra"]))
    assert nearest.to_pylist() == ["fra", "fra", "deu"]
    # All: 7 and 5 of 12, so that the prior is 7/6 and 5/6. Of German without the first: 3 and 1; of French: 1 and 3.
    german, french = (3 + 7 / 6) / 6, (1 + 7 / 6) / 6
    by_french, by_german = (3 / 4 * math.log(share) + 1 / 4 * math.log(1 - share) for share in (french, german))
    assert doubt[0] == pytest.approx(by_french - by_german) == pytest.approx(doubt[1])
    both, none = (6 + 7 / 6) / 10, (7 / 6) / 2
    expected = 1 / 4 * math.log(both / none) + 3 / 4 * math.log((1 - both) / (1 - none))
    assert doubt[2] == pytest.approx(expected)


def test_a_document_under_a_wrong_label_is_doubted() -> None:
    maker = np.random.default_rng(0)
    shares = maker.dirichlet(np.ones(16), size=2)
    truth = maker.integers(0, 2, 60)
    counts = np.stack([maker.multinomial(200, shares[each]) for each in truth]).astype(np.int32)
    label = truth.copy()
    label[:3] ^= 1
    _, doubt = routing.affinity(counts, pa.array(["deu", "fra"]).take(pa.array(label)))
    assert np.flatnonzero(np.asarray(doubt) > 0).tolist() == [0, 1, 2]


def test_load_is_by_language_and_domain_and_chance_has_the_same_sum() -> None:
    counts = np.array([[2, 0, 1, 1], [0, 2, 1, 1], [4, 0, 0, 4]], np.int32)
    languages, domains = pa.array(["deu", "fra", "deu"]), pa.array(["law", "law", "news"])
    columns = routing.load(counts, experts=2, first_layer=1, languages=languages, domains=domains)
    layer, expert, language, domain, tokens, chance = (pa.array(each).to_pylist() for each in columns)
    rows = list(zip(layer, expert, language, domain, tokens, strict=True))
    assert [row for row in rows if row[-1]] == [
        (1, 0, "deu", "law", 2),
        (2, 0, "deu", "law", 1),
        (2, 1, "deu", "law", 1),
        (1, 0, "deu", "news", 4),
        (2, 1, "deu", "news", 4),
        (1, 1, "fra", "law", 2),
        (2, 0, "fra", "law", 1),
        (2, 1, "fra", "law", 1),
    ]
    assert sum(chance) == sum(tokens)
