"""How far predicted maps are from the true ones, a number a sample."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_msssim import ssim  # type: ignore[import-untyped]
from torch import Tensor

from fwi.evaluation import ODD_COLUMNS
from fwi.layout import MAP_SHAPE, VELOCITY_MAX, VELOCITY_MIN

SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
"""Cells: the Gaussian window of Wang et al. (2004)."""
SSIM_RANGE = VELOCITY_MAX - VELOCITY_MIN
"""m/s; the maps count from 1500, so that a map in [0, 1] and a range of 1 would give the same, as
OpenFWI computes it."""
SCORES = ("mae", "mae_odd", "mse", "mse_odd", "ssim")

Values = Mapping[str, NDArray[np.float64]]
"""A number a sample, by the score's name."""


@torch.no_grad()
def scores(predicted: Tensor, velocity: Tensor) -> dict[str, Tensor]:
    """The :data:`SCORES` of each sample: m/s, (m/s)², and the structural similarity, at most 1.

    Args:
        predicted, velocity: (B, 1, 70, 70) m/s, on one device.
    Returns:
        (B,) float64 each, on that device. The similarity is the mean over the places of the window
        that lie whole in the map.
    Raises:
        ValueError: the two differ in shape.
    """
    if predicted.shape != velocity.shape or predicted.shape[1:] != (1, *MAP_SHAPE):
        raise ValueError(
            f"prediction {tuple(predicted.shape)} and map {tuple(velocity.shape)}: expected "
            "(batch, 1, 70, 70) for both"
        )
    predicted, velocity = predicted.double(), velocity.double()
    error = predicted - velocity
    odd = error[..., ODD_COLUMNS]
    alike = ssim(
        predicted - VELOCITY_MIN,
        velocity - VELOCITY_MIN,
        data_range=SSIM_RANGE,
        size_average=False,
        win_size=SSIM_WINDOW,
        win_sigma=SSIM_SIGMA,
    )
    return {
        "mae": error.abs().mean((1, 2, 3)),
        "mae_odd": odd.abs().mean((1, 2, 3)),
        "mse": error.square().mean((1, 2, 3)),
        "mse_odd": odd.square().mean((1, 2, 3)),
        "ssim": alike,
    }
