import pytest

torch = pytest.importorskip("torch")

from gristmill.trainer import head  # noqa: E402


def _inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    x_TD, output_VD = torch.randn(13, 8, requires_grad=True), torch.randn(20, 8, requires_grad=True)
    targets_T = torch.randint(0, 20, (13,))
    targets_T[[2, 12]] = -1
    return x_TD, output_VD, targets_T


@pytest.mark.parametrize("chunk", [4, 100])
@pytest.mark.parametrize("z_loss", [0.0, 0.3])
def test_losses_and_gradients_are_autograds(monkeypatch: pytest.MonkeyPatch, chunk: int, z_loss: float) -> None:
    monkeypatch.setattr(head, "_CHUNK", chunk)
    x_TD, output_VD, targets_T = _inputs()
    logits_TV = x_TD @ output_VD.T
    expected_T = torch.nn.functional.cross_entropy(logits_TV, targets_T, reduction="none", ignore_index=-1)
    z = logits_TV.logsumexp(-1)[targets_T >= 0].square().sum()
    expected = expected_T.sum() + z_loss * z
    loss_T, total = head.HeadLoss.apply(x_TD, output_VD, targets_T, z_loss)
    torch.testing.assert_close(loss_T, expected_T)
    torch.testing.assert_close(total, expected)
    ours = torch.autograd.grad(2 * total, (x_TD, output_VD))
    torch.testing.assert_close(ours, torch.autograd.grad(2 * expected, (x_TD, output_VD)), atol=1e-5, rtol=1e-5)


def test_without_gradients_and_without_tokens() -> None:
    x_TD, output_VD, targets_T = _inputs()
    with torch.no_grad():
        loss_T, _ = head.HeadLoss.apply(x_TD, output_VD, targets_T, 0.0)
        none_T, nothing = head.HeadLoss.apply(x_TD[:0], output_VD, targets_T[:0], 0.0)
    assert loss_T.shape == (13,)
    assert not loss_T.requires_grad
    assert (none_T.shape, nothing.item()) == ((0,), 0)
