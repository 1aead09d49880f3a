"""What only an accelerator computes: each of its ways beside the processor's. Skipped where there is none."""

import pytest

torch = pytest.importorskip("torch")

from small import row, sizes  # noqa: E402

from gristmill.trainer.attention import Spans, attend  # noqa: E402
from gristmill.trainer.devices import kinds, open_device  # noqa: E402
from gristmill.trainer.experts import by_loop, grouped  # noqa: E402
from gristmill.trainer.head import HeadLoss  # noqa: E402
from gristmill.trainer.model import Decoder  # noqa: E402
from gristmill.trainer.optimizer import orthogonal  # noqa: E402
from gristmill.trainer.working import Working  # noqa: E402

pytestmark = pytest.mark.skipif(kinds()[0] == "cpu", reason="there is no accelerator")
Tensor = torch.Tensor
WIDE = {"width": 64, "heads": 2, "kv_heads": 2, "head_width": 32, "expert_width": 32, "dense_width": 64}


def _near(found: Tensor, expected: Tensor, *, within: float) -> None:
    difference = (found.detach().cpu().double() - expected.detach().cpu().double()).norm()
    assert difference <= within * expected.detach().cpu().double().norm()


def _gradients_near(*made: tuple[Tensor, list[Tensor]]) -> None:
    """Compares the gradients of two results, by what each was made of."""
    ours, theirs = (torch.autograd.grad(result.float().square().sum(), given) for result, given in made)
    for a, b in zip(ours, theirs, strict=True):
        _near(a, b, within=2e-2)


def _both(*shapes: tuple[int, ...]) -> tuple[list[Tensor], list[Tensor]]:
    """Random numbers of some shapes, in float32 on the processor, and the same in the device's dtype."""
    device = open_device()
    generator = torch.Generator().manual_seed(0)
    here = [torch.randn(each, generator=generator).to(device.dtype).float().requires_grad_() for each in shapes]
    there = [each.detach().to(device.place, device.dtype).requires_grad_() for each in here]
    return here, there


@pytest.mark.parametrize("heads", [(4, 4), (4, 2)])
def test_attention(heads: tuple[int, int]) -> None:
    lengths = [300, 1, 77, 128, 5]
    here, there = _both(*((sum(lengths), each, 64) for each in (heads[0], heads[1], heads[1])))
    spans = Spans.of(lengths)
    expected, found = attend(*here, spans), attend(*there, spans.to(there[0].device))
    _near(found, expected, within=1e-2)
    _gradients_near((found, there), (expected, here))


def test_grouped_products() -> None:
    here, there = _both((90, 64), (4, 64, 32))
    ends = torch.tensor([33, 33, 70, 90], dtype=torch.int32)
    expected, found = by_loop(*here, ends), grouped(*there, ends.to(there[0].device))
    _near(found, expected, within=1e-2)
    _gradients_near((found, there), (expected, here))


def test_loss_of_the_head() -> None:
    here, there = _both((50, 64), (200, 64))
    targets = torch.randint(-1, 200, (50,), generator=torch.Generator().manual_seed(0))
    found_T, found = HeadLoss.apply(*there, targets.to(there[0].device), 1e-3)
    expected_T, expected = HeadLoss.apply(*here, targets, 1e-3)
    _near(found_T, expected_T, within=1e-2)
    for a, b in zip(torch.autograd.grad(found, there), torch.autograd.grad(expected, here), strict=True):
        _near(a, b, within=2e-2)


def test_singular_values_become_about_one() -> None:
    device = open_device()
    generator = torch.Generator(device.place).manual_seed(0)
    found = orthogonal(torch.randn(3, 128, 64, device=device.place, generator=generator), dtype=device.dtype)
    values = torch.linalg.svdvals(found.float())
    assert values.min() > 0.6 and values.max() < 1.3


@pytest.mark.parametrize("lengths", [[40, 20], [33, 90, 7]])
@pytest.mark.parametrize("recompute", [False, True])
def test_gradients_of_a_model_are_those_of_the_processor(lengths: list[int], recompute: bool) -> None:
    """All experts are chosen, since rounding could choose others."""
    device = open_device()
    config = sizes(**WIDE, experts_per_token=4)
    here = Decoder(config)
    here.initialise(0)
    with device.place:
        there = Decoder(config, dtype=device.dtype, recompute=recompute)
    there.load_state_dict(here.state_dict())
    tokens, positions, spans = row(lengths)
    place = device.place
    for model, given in (
        (here, (tokens, positions, spans)),
        (Working(there).model, (tokens.to(place), positions.to(place), spans.to(place))),
    ):
        hidden = model(*given)
        torch.autograd.backward(model.losses(hidden.x_TD, given[0].roll(-1))[1])
        assert hidden.counts().tolist() == [[sum(lengths)] * 4]
    for (name, a), b in zip(there.named_parameters(), here.parameters(), strict=True):
        assert a.grad is not None and b.grad is not None, name
        _near(a.grad, b.grad, within=0.1 if "router" in name else 0.05)
