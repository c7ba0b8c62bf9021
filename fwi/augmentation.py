"""Mirror images of samples: sources, receivers and map reversed together.

A mirrored medium gives the mirrored record where the sources' places are symmetric. Those of
OpenFWI, x = 0, 17, 34, 52, 69, are not quite: 34 mirrors to 35, so channel 2 of a mirrored cube is
only near to the truth, by 46 % of its norm. The public baselines mirror all the same, and so do we;
the decision that it is worth it was theirs, by score.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_FLIPS = 0xF11B
"""Keeps these draws apart from all others that are made from the same seed."""


def flips(seed: int, epoch: int, samples: int, probability: float) -> NDArray[np.bool_]:
    """Which places in an epoch's order are mirrored, (samples,) bool.

    A function of its arguments alone: neither batches nor loader workers nor an interruption
    change which sample is mirrored.
    """
    draws = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, epoch, _FLIPS])))
    return draws.random(samples) < probability


def mirror(cube: Tensor, velocity: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
    """The batch with the samples that ``which`` names mirrored; the given tensors stay as they are.

    Args:
        cube: (B, 5, 1000, 70), axes (source, time, receiver): sources and receivers are reversed.
        velocity: (B, 1, 70, 70) m/s: the width is reversed.
        which: (B,) bool on the device of both.
    """
    each = which.reshape(-1, 1, 1, 1)
    return (
        torch.where(each, cube.flip(1, 3), cube),
        torch.where(each, velocity.flip(3), velocity),
    )
