from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from small import row, sizes  # noqa: E402

from gristmill.trainer.config import TrainConfig  # noqa: E402
from gristmill.trainer.devices import open_device  # noqa: E402
from gristmill.trainer.feed import Feed  # noqa: E402
from gristmill.trainer.model import Decoder, hidden_matrices  # noqa: E402
from gristmill.trainer.shards import ShardReader  # noqa: E402
from gristmill.trainer.trainer import Trainer  # noqa: E402
from gristmill.trainer.working import Working  # noqa: E402


def _half() -> Decoder:
    model = Decoder(sizes(), dtype=torch.bfloat16)
    model.initialise(0)
    return model


def _learn(model: Decoder, lengths: list[int]) -> None:
    tokens, positions, spans = row(lengths, seed=len(lengths))
    torch.autograd.backward(model.losses(model(tokens, positions, spans).x_TD, tokens.roll(-1))[1])


def test_gradients_are_those_of_weights_that_are_cast_in_each_product() -> None:
    ours, theirs = _half(), _half()
    working = Working(ours)
    for lengths in ([20, 13], [5, 9, 2]):
        _learn(working.model, lengths)
        _learn(theirs, lengths)
    for (name, own), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert own.grad.dtype == torch.float32, name
        torch.testing.assert_close(own.grad, other.grad, atol=0, rtol=0, msg=lambda m, name=name: f"{name}: {m}")
    assert all(each.grad is None for each in hidden_matrices(working.model).values())


def test_only_hidden_matrices_are_copied_and_follow_the_weights() -> None:
    model = _half()
    working = Working(model)
    copied = hidden_matrices(working.model)
    for (name, own), other in zip(model.named_parameters(), working.model.parameters(), strict=True):
        assert (own is other) == (name not in copied), name
    assert working.model.routers[0].router.bias_E is model.routers[0].router.bias_E
    with torch.no_grad():
        for each in model.parameters():
            each.mul_(2)
    working.refresh()
    for name, own in hidden_matrices(model).items():
        torch.testing.assert_close(copied[name], own.to(torch.bfloat16), atol=0, rtol=0)


def test_in_float32_a_model_works_itself() -> None:
    model = Decoder(sizes())
    assert Working(model).model is model


def test_a_trainer_learns_as_if_weights_were_cast_in_each_product(corpus: Path) -> None:
    reader = ShardReader.open(corpus)
    model = sizes()
    config = TrainConfig(steps=4, batch_sequences=2)
    ours, theirs = (
        Trainer(
            reader=reader,
            batches=Feed.begin(reader, seed=0),
            model=replace(model, vocabulary_size=reader.manifest.vocabulary_size),
            config=config,
            device=open_device("cpu", dtype="bfloat16"),
        )
        for _ in range(2)
    )
    theirs._working.model = theirs.model
    for _ in range(3):
        ours.step()
        theirs.step()
    torch.testing.assert_close(ours.model.state_dict(), theirs.model.state_dict(), atol=0, rtol=0)
