"""The predictions of several networks as one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from fwi.config.evaluate import Combine
from fwi.layout import VELOCITY_MAX, VELOCITY_MIN


def combine(predictions: Sequence[Tensor], how: Combine) -> Tensor:
    """The mean or the median, cell by cell, of predictions of one shape; of one, itself.

    The median of an even number is the mean of the two in the middle (torch's own takes the lower,
    which would pull every prediction down).
    """
    if len(predictions) == 1:
        return predictions[0]
    stacked = torch.stack(list(predictions))
    if how == "mean":
        return stacked.mean(0)
    ordered = stacked.sort(0).values
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def clipped(velocity: Tensor) -> Tensor:
    """The map within the range of all families, m/s: what lies outside cannot be right."""
    return velocity.clamp(VELOCITY_MIN, VELOCITY_MAX)
