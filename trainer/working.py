"""A model in the dtype that it computes in, beside its float32 weights."""

import copy
from functools import partial

from gristmill.trainer._torch import torch
from gristmill.trainer.devices import fused
from gristmill.trainer.model import Decoder, hidden_matrices

Tensor = torch.Tensor
nn = torch.nn


class Working:
    """Runs a decoder forwards and backwards with a copy of its hidden matrices that is made once a step, not once for
    each micro-batch. Gradients of the copy are added to the float32 ones of the decoder, each as soon as it is there.

    Memory: 2 bytes for each of their parameters; none where the decoder computes in float32. Routers, norms and
    embeddings are the decoder's own.

    Attributes:
        model: what computes; the decoder itself in float32.
    """

    def __init__(self, model: Decoder) -> None:
        self._pairs: list[tuple[nn.Parameter, nn.Parameter]] = []
        self.model = model
        if model.dtype == torch.float32:
            return
        for own in hidden_matrices(model).values():
            copied = nn.Parameter(own.detach().to(model.dtype))
            copied.register_post_accumulate_grad_hook(partial(_hand_over, own))  # type: ignore[no-untyped-call]
            self._pairs.append((own, copied))
        same = {id(each): each for each in (*model.parameters(), *model.buffers())}
        self.model = copy.deepcopy(model, same | {id(own): copied for own, copied in self._pairs})

    @torch.no_grad()
    def refresh(self) -> None:
        """Take up what has become of the weights."""
        if self._pairs:
            torch._foreach_copy_([copied for _, copied in self._pairs], [own for own, _ in self._pairs])


def _hand_over(own: Tensor, copied: Tensor) -> None:
    assert copied.grad is not None, "autograd calls this when it is there"
    if own.grad is None:
        own.grad = _widened(copied.grad.view(-1)).view_as(own)
    else:
        _added(own.grad.view(-1), copied.grad.view(-1))
    copied.grad = None


@fused
def _widened(x: Tensor) -> Tensor:
    return x.float()


@fused
def _added(own: Tensor, copied: Tensor) -> Tensor:
    return own.add_(copied)
