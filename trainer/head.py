"""The loss of a large vocabulary: logits, cross-entropy and all gradients in one pass, a few thousand tokens at a time.

Shapes: T tokens, N tokens of a chunk, D width, V vocabulary.
"""

from typing import Any

from gristmill.trainer._torch import torch

Tensor = torch.Tensor

_CHUNK = 4096
"""Tokens whose logits are in memory at once."""


class HeadLoss(torch.autograd.Function):
    """Of hidden states (T, D), output embeddings (V, D), targets (T): each token's cross-entropy, and their sum.

    The gradients are made while the logits are there, so that they are neither kept nor computed twice, in place: three
    products and two passes over the logits for each chunk.
    """

    @staticmethod
    def forward(ctx: Any, x_TD: Tensor, output_VD: Tensor, targets_T: Tensor, z_loss: float) -> tuple[Tensor, Tensor]:
        """Cross-entropy (T) in nats, zero where the target is -1; and its sum, with `z_loss` times the squares of the
        log-sums (arXiv:2204.02311, section 5), which keeps the logits from drifting.
        """
        needs = x_TD.requires_grad or output_VD.requires_grad
        weight_VD = output_VD.to(x_TD.dtype)
        grad_TD, grad_VD = (torch.zeros_like(x_TD), torch.zeros_like(output_VD)) if needs else (None, None)
        losses, totals = [], []
        for start in range(0, len(targets_T), _CHUNK):
            here = slice(start, start + _CHUNK)
            x_ND, targets_N = x_TD[here], targets_T[here]
            logits_NV = (x_ND @ weight_VD.T).float()
            counted_N = targets_N >= 0
            targets_N1 = targets_N.clamp(min=0)[:, None]  # where nothing is counted, any will do
            lse_N = logits_NV.logsumexp(-1)
            loss_N = (lse_N - logits_NV.gather(1, targets_N1)[:, 0]) * counted_N
            losses.append(loss_N)
            totals.append(loss_N.sum() + z_loss * (lse_N * counted_N).square().sum())
            if grad_TD is not None and grad_VD is not None:
                scale_N = counted_N * (1 + 2 * z_loss * lse_N)
                grad_NV = logits_NV.sub_(lse_N[:, None]).exp_().mul_(scale_N[:, None])
                grad_NV.scatter_add_(1, targets_N1, -counted_N.float()[:, None])
                grad_NV = grad_NV.to(x_TD.dtype)
                grad_TD[here] = grad_NV @ weight_VD
                grad_VD += grad_NV.T @ x_ND
        ctx.save_for_backward(grad_TD, grad_VD)
        loss_T = torch.cat(losses) if losses else x_TD.new_zeros(0, dtype=torch.float32)
        ctx.mark_non_differentiable(loss_T)
        return loss_T, torch.stack(totals).sum() if totals else loss_T.sum()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_TD, grad_VD = ctx.saved_tensors
        return grad_TD * grads[1].to(grad_TD.dtype), grad_VD * grads[1], None, None
