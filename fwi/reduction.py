"""The record reduced in time, as the 72×72 re-pack holds it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from fwi.layout import MAP_SHAPE

_AT_ONCE = 16
"""Samples whose float32 copies, 1.4 MB each, live at the same time."""


def to_72(cube: Tensor) -> Tensor:
    """The re-pack's recipe: each (1000, 70) gather to float32, averaged by area to (70, 70), edges
    replicated to (72, 72), rounded to float16. On a CPU the same bits as in the re-pack's files.

    Args:
        cube: (B, 5, 1000, 70), any floating type.
    Returns:
        (B, 5, 72, 72) float16, on the same device.
    """
    with torch.autocast(cube.device.type, enabled=False):
        return torch.cat([_reduced(part) for part in torch.split(cube, _AT_ONCE)])


def _reduced(cube: Tensor) -> Tensor:
    # Another memory format takes another kernel, and might add up in another order.
    gathers = cube.float().contiguous()
    return with_edges(F.interpolate(gathers, size=MAP_SHAPE, mode="area")).half()


def with_edges(cube: Tensor) -> Tensor:
    """(B, 5, 70, 70) → (B, 5, 72, 72), edges replicated by one."""
    return F.pad(cube, (1, 1, 1, 1), mode="replicate")
