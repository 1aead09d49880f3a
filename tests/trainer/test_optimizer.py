import pytest

torch = pytest.importorskip("torch")

from small import decoder, row  # noqa: E402

from gristmill.trainer import optimizer  # noqa: E402
from gristmill.trainer.config import TrainConfig  # noqa: E402
from gristmill.trainer.model import Decoder, hidden_matrices  # noqa: E402
from gristmill.trainer.optimizer import Optimizer, clip, orthogonal  # noqa: E402


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 8, 24), (3, 24, 8)])
def test_singular_values_become_about_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    found = orthogonal(torch.randn(shape) * 7, dtype=torch.float32)
    values = torch.linalg.svdvals(found)
    assert found.shape == shape
    assert values.min() > 0.6 and values.max() < 1.3


def test_matrices_of_a_stack_do_not_touch_each_other() -> None:
    torch.manual_seed(0)
    stack = torch.randn(3, 8, 24) * torch.tensor([1.0, 100.0, 0.01])[:, None, None]
    alone = torch.cat([orthogonal(each[None], dtype=torch.float32) for each in stack])
    torch.testing.assert_close(orthogonal(stack, dtype=torch.float32), alone)


def _with_gradients() -> Decoder:
    model = decoder()
    tokens, positions, spans = row([20, 13])
    torch.autograd.backward(model.losses(model(tokens, positions, spans).x_TD, tokens.roll(-1))[1])
    return model


def test_hidden_matrices_are_moved_by_muon_and_the_rest_by_adamw() -> None:
    model = _with_gradients()
    before = {name: each.detach().clone() for name, each in model.named_parameters()}
    gradients = {name: each.grad for name, each in model.named_parameters()}
    ours = Optimizer(model, TrainConfig(steps=1, peak=0.1, peak_adam=0.01, weight_decay=0.5))
    ours.step(0.5)
    now = dict(model.named_parameters())
    for name, old in before.items():
        if old.ndim == 1:  # first update of Adam: the sign of the gradient, at the rate; no decay
            expected = old - 0.005 * gradients[name] / (gradients[name].abs() + 1e-8)
        elif name.endswith(("embedding_VD", "router.weight_ED")):
            rate = 0.0005 if "router" in name else 0.005
            expected = old * (1 - rate * 0.5) - rate * gradients[name] / (gradients[name].abs() + 1e-8)
        else:
            # Nesterov from rest: the momentum is 5 % of the gradient, and what is applied in its direction.
            update = orthogonal(gradients[name].reshape(-1, *old.shape[-2:]), dtype=torch.float32).view_as(old)
            scale = 0.05 * 0.2 * max(old.shape[-2:]) ** 0.5
            expected = old * (1 - 0.05 * 0.5) - scale * update
        torch.testing.assert_close(now[name], expected, atol=2e-5, rtol=1e-4, msg=lambda m, name=name: f"{name}: {m}")


def test_state_holds_one_momentum_or_two_moments_of_each_parameter() -> None:
    model = _with_gradients()
    state = Optimizer(model, TrainConfig(steps=1)).state()
    names = dict(model.named_parameters())
    assert set(state) == {
        f"{kind}.{name}"
        for name, each in names.items()
        for kind in (
            ["first", "second"]
            if each.ndim == 1 or name.endswith(("embedding_VD", "router.weight_ED"))
            else ["momentum"]
        )
    }


def test_gradients_are_clipped_together() -> None:
    model = _with_gradients()
    norm = sum(float(each.grad.square().sum()) for each in model.parameters()) ** 0.5
    assert clip(list(model.parameters()), most=norm / 4) == pytest.approx(norm, rel=1e-5)
    after = sum(float(each.grad.square().sum()) for each in model.parameters()) ** 0.5
    assert after == pytest.approx(norm / 4, rel=1e-4)


def test_matrices_that_do_not_go_together_are_moved_as_if_they_did(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig(steps=1)
    moved = []
    for together in (optimizer._TOGETHER, 1):
        monkeypatch.setattr(optimizer, "_TOGETHER", together)
        model = _with_gradients()
        ours = Optimizer(model, config)
        ours.step(1.0)
        moved.append((len(ours._groups), dict(model.named_parameters())))
    (few, a), (many, b) = moved
    assert few < many == len(hidden_matrices(model))
    torch.testing.assert_close(a, b)
