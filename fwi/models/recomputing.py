"""Parts of a network whose activations are computed again in the backward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def kept_with_state(part: nn.Module, *inputs: Tensor, recompute: bool) -> Tensor:
    """``part(*inputs)``; with ``recompute`` backward keeps the inputs alone and computes the rest
    again: with the same random numbers, and without counting batch statistics a second time."""
    if not (recompute and torch.is_grad_enabled()):
        whole: Tensor = part(*inputs)
        return whole
    result: Tensor = checkpoint(
        part,
        *inputs,
        use_reentrant=False,
        context_fn=lambda: (contextlib.nullcontext(), _statistics_held(part)),
    )
    return result


@contextlib.contextmanager
def _statistics_held(part: nn.Module) -> Iterator[None]:
    norms = [
        module
        for module in part.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        and module.training
        and module.track_running_stats
    ]
    held = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm, _, counted in held:
        # In training the batch's own statistics are used; a part of 0 leaves the running ones. The
        # counter stands in for itself: statistics in common ask for one.
        norm.momentum = 0.0
        norm.num_batches_tracked = None if counted is None else counted.clone()
    try:
        yield
    finally:
        for norm, momentum, counted in held:
            norm.momentum, norm.num_batches_tracked = momentum, counted


class Recomputed(nn.Sequential):
    """A sequence that keeps the input of each part alone; names of weights are the same."""

    def forward(self, input: Tensor) -> Tensor:
        for part in self:
            input = kept_with_state(part, input, recompute=True)
        return input
