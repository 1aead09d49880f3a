import pytest

torch = pytest.importorskip("torch")

from small import sizes  # noqa: E402

from gristmill.trainer.experts import Experts, Router, _gather, by_loop, grouped  # noqa: E402


def _experts(**overrides: int) -> Experts:
    torch.manual_seed(0)
    experts = Experts(sizes(**overrides))
    for each in experts.parameters():
        torch.nn.init.normal_(each, std=0.3)
    return experts


def test_grouped_products_equal_a_loop_with_gradients() -> None:
    torch.manual_seed(0)
    counts = [3, 0, 5, 1]
    ends = torch.tensor(counts, dtype=torch.int32).cumsum(0, dtype=torch.int32)
    x, weight = torch.randn(9, 16, requires_grad=True), torch.randn(4, 16, 8, requires_grad=True)
    found, expected = grouped(x, weight, ends), by_loop(x, weight, ends)
    torch.testing.assert_close(found, expected)
    ours = torch.autograd.grad(found.square().sum(), (x, weight))
    theirs = torch.autograd.grad(expected.square().sum(), (x, weight))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("shared", [0, 1])
def test_every_token_gets_exactly_its_experts(shared: int) -> None:
    experts = _experts(shared_experts=shared)
    x = torch.randn(11, 16, requires_grad=True)
    found, routed = experts(x)
    parameters = [experts.gate_EDF, experts.up_EDF, experts.down_EFD, experts.router.weight_ED]
    gradients = torch.autograd.grad(found.square().sum(), [*parameters, x], retain_graph=True)
    expected = torch.zeros(11, 16)
    for token in range(11):
        for weight, expert in zip(routed.weights_TC[token], routed.chosen_TC[token], strict=True):
            gate, up = x[token] @ experts.gate_EDF[expert], x[token] @ experts.up_EDF[expert]
            made = (torch.nn.functional.silu(gate) * up) @ experts.down_EFD[expert]
            expected[token] = expected[token] + weight * made
    if experts.shared is not None:
        expected = expected + experts.shared(x)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
    theirs = torch.autograd.grad(expected.square().sum(), [*parameters, x])
    torch.testing.assert_close(gradients, theirs, atol=1e-5, rtol=1e-4)


def test_what_experts_made_of_a_token_is_summed_in_float32() -> None:
    torch.manual_seed(0)
    y, back = torch.randn(24, 16).bfloat16(), torch.randperm(24).view(3, 8)
    torch.testing.assert_close(_gather(y, back), y[back].float().sum(1).bfloat16(), atol=0, rtol=0)


def test_weights_are_the_scores_of_the_chosen_and_sum_to_one() -> None:
    router = _experts().router
    x = torch.randn(7, 16)
    scores = (x @ router.weight_ED.T).sigmoid()
    weights, chosen, z_loss, counts = router(x)
    assert chosen.sort(-1).values.tolist() == scores.topk(2).indices.sort(-1).values.tolist()
    torch.testing.assert_close(weights, scores.gather(1, chosen) / scores.gather(1, chosen).sum(-1, keepdim=True))
    torch.testing.assert_close(z_loss, (x @ router.weight_ED.T).exp().sum(-1).log().square().sum())
    assert counts.tolist() == chosen.flatten().bincount(minlength=4).tolist()


def test_the_bias_moves_the_choice_and_not_the_weights() -> None:
    router = _experts().router
    x = torch.randn(7, 16)
    before, scores = router(x), (x @ router.weight_ED.T).sigmoid()
    router.bias_E.copy_(torch.tensor([10.0, -10.0, -10.0, 10.0]))
    weights, chosen, *_ = router(x)
    assert chosen.sort(-1).values.tolist() == [[0, 3]] * 7 != before.chosen_TC.sort(-1).values.tolist()
    torch.testing.assert_close(weights, scores.gather(1, chosen) / scores.gather(1, chosen).sum(-1, keepdim=True))


def test_biases_rise_where_experts_idle_and_stay_centred() -> None:
    router = Router(sizes())
    router.rebalance(torch.tensor([10, 2, 4, 4]), rate=0.1)
    torch.testing.assert_close(router.bias_E, torch.tensor([-0.15, 0.05, 0.05, 0.05]))
    assert router.bias_E.sum().item() == pytest.approx(0, abs=1e-7)
    router.rebalance(torch.tensor([5, 5, 5, 5]), rate=0.1)
    torch.testing.assert_close(router.bias_E, torch.tensor([-0.15, 0.05, 0.05, 0.05]))


def test_balance_comes_without_a_loss() -> None:
    router = _experts().router
    x = torch.randn(512, 16) + 1.0  # all alike enough that some experts are everybody's
    first = router(x).chosen_TC.flatten().bincount(minlength=4)
    for _ in range(300):
        counts = router(x).chosen_TC.flatten().bincount(minlength=4)
        router.rebalance(counts, rate=0.01)
    assert first.max() / first.double().mean() > 1.3
    assert counts.max() / counts.double().mean() < 1.1
