import math

import pytest

torch = pytest.importorskip("torch")

from small import decoder, row, sizes  # noqa: E402

from gristmill.trainer.config import ModelConfig  # noqa: E402
from gristmill.trainer.model import Decoder  # noqa: E402


def test_documents_do_not_see_each_other_nor_the_future() -> None:
    model = decoder()
    tokens, positions, spans = row([4, 4, 3])
    before = model(tokens, positions, spans).x_TD
    changed = tokens.clone()
    changed[3] = (changed[3] + 1) % 50  # the last token of the first document
    after = model(changed, positions, spans).x_TD
    same = torch.isclose(before, after, atol=1e-6).all(-1)
    assert same.tolist() == [True] * 3 + [False] + [True] * 7
    alone = model(tokens[4:8], *row([4])[1:]).x_TD
    torch.testing.assert_close(alone, before[4:8], atol=1e-5, rtol=1e-4)


def test_positions_within_a_document_are_told_apart() -> None:
    model = decoder()
    _, positions, spans = row([6])
    same = torch.zeros(6, dtype=torch.int64)
    x_TD = model(torch.tensor([1, 2, 1, 3, 1, 2]), positions, spans).x_TD
    swapped = model(torch.tensor([2, 1, 1, 3, 1, 2]), positions, spans).x_TD
    assert not torch.allclose(x_TD[5], swapped[5], atol=1e-6)
    torch.testing.assert_close(*(model(same, positions, spans).x_TD[each] for each in (0, 5)), atol=1e-5, rtol=1e-4)


def test_loss_is_that_of_the_targets_alone() -> None:
    model = decoder()
    tokens, positions, spans = row([5, 3])
    x_TD = model(tokens, positions, spans).x_TD
    targets = torch.tensor([3, 1, -1, 7, -1, 0, 2, -1])
    losses, total = model.losses(x_TD, targets)
    logits = model.logits(x_TD)
    expected = torch.nn.functional.cross_entropy(logits[targets >= 0], targets[targets >= 0], reduction="none")
    torch.testing.assert_close(losses[targets >= 0], expected)
    assert losses[targets < 0].tolist() == [0, 0, 0]
    assert total.item() == pytest.approx(expected.sum().item(), rel=1e-6)
    _, with_z = model.losses(x_TD, targets, z_loss=0.5)
    z = logits.logsumexp(-1).square()[targets >= 0].sum()
    assert with_z.item() == pytest.approx((expected.sum() + 0.5 * z).item(), rel=1e-6)


def test_losses_in_chunks_have_the_same_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens, positions, spans = row([20, 13])
    targets = tokens.roll(-1)

    def gradients() -> list[torch.Tensor]:
        model = decoder()
        _, total = model.losses(model(tokens, positions, spans).x_TD, targets, z_loss=0.01)
        return list(torch.autograd.grad(total, list(model.parameters())))

    whole = gradients()
    monkeypatch.setattr("gristmill.trainer.head._CHUNK", 8)
    torch.testing.assert_close(gradients(), whole)


def test_recomputing_changes_nothing() -> None:
    tokens, positions, spans = row([20, 13])
    found = []
    for recompute in (False, True):
        model = Decoder(sizes(), recompute=recompute)
        model.initialise(0)
        hidden = model(tokens, positions, spans)
        total = model.losses(hidden.x_TD, tokens.roll(-1))[1] + sum(each.z_loss for each in hidden.routed)
        found.append(torch.autograd.grad(total, list(model.parameters())))
    torch.testing.assert_close(*found, atol=0, rtol=0)


def test_initial_loss_is_that_of_guessing() -> None:
    model = decoder()
    tokens, positions, spans = row([200])
    losses, _ = model.losses(model(tokens, positions, spans).x_TD, tokens.roll(-1))
    assert losses.mean().item() == pytest.approx(math.log(50), rel=0.2)


def test_initial_weights_are_truncated_and_depend_on_the_seed_alone() -> None:
    first, again, other = decoder(), decoder(), decoder(seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.embedding_VD, other.embedding_VD)
    deviation = 16**-0.5
    assert first.embedding_VD.abs().max() <= 3 * deviation
    assert first.embedding_VD.std().item() == pytest.approx(deviation, rel=0.05)
    assert first.layers[1].ffn.down_EFD.std().item() == pytest.approx(deviation / 2, rel=0.1)


def test_parameters_are_counted() -> None:
    model = decoder()
    total, active = model.count()
    assert total == sum(each.numel() for each in model.parameters())
    assert total - active == 2 * 3 * 16 * 8  # two of four experts, of one layer
    untied = decoder(tied=False)
    assert untied.count() == (total + 50 * 16, active)
    dense = Decoder(sizes().dense_twin())
    assert dense.count()[0] == dense.count()[1] == active - 16 * 4 - _dense_layer(48 * 16, 24 * 16)
    assert model.flops(10, context=3) == 10 * (6 * active + 12 * 2 * 16 * 3)


def _dense_layer(given: int, twin: int) -> int:
    """The first layer, dense in both, is as wide as the experts in use of the other layers, in the twin."""
    return 3 * (given - twin)


def test_the_dial_sets_all_sizes() -> None:
    model = ModelConfig.of_depth(6, vocabulary_size=1000)
    assert (model.width, model.heads, model.kv_heads, model.head_width) == (384, 6, 3, 64)
    assert (model.dense_width, model.expert_width, model.moe_layers) == (1024, 208, 5)
    assert ModelConfig.of_depth(6, vocabulary_size=1000, width=512).heads == 8
    twin = model.dense_twin()
    assert (twin.experts, twin.moe_layers, twin.dense_width) == (0, 0, 5 * 208)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"heads": 3, "kv_heads": 2}, "model.kv_heads: 3 heads cannot share 2 heads of keys evenly"),
        ({"experts_per_token": 5}, "model.experts_per_token: 5 of 4 experts; 1 to 4 can be chosen"),
        ({"width": 0}, "model.width: 0 is not positive; the smallest is 1"),
        ({"head_width": 3}, "model.head_width: 3 is odd; 4 can be rotated"),
        ({"expert_width": 0}, "model.expert_width: 0 is not positive; the smallest is 1"),
        ({"layers": 2}, "model.layers: there is no such size"),
    ],
)
def test_sizes_without_meaning_are_refused(overrides: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sizes(**overrides)
