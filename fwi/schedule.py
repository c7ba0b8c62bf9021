"""How far a training run is, and the learning rate that belongs there. Pure arithmetic.

Everything is counted in samples, so that a run can go on with another batch size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a run stands between two moves of the optimizer."""

    epoch: int = 0
    """From 0; equal to the number of epochs when the run is done."""
    position: int = 0
    """Samples of this epoch's order that were learned from; all of them: to be validated."""
    step: int = 0
    """Batches learned from since the run began."""
    moves: int = 0
    """Moves of the optimizer since the run began."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"{name} {value!r}: expected a whole number from 0")


def learning_rate(progress: float, peak: float, warmup: float) -> float:
    """A straight rise to ``peak``, then half a cosine down to 0.

    Args:
        progress: the part of the whole run that is done, 0 to 1.
        peak: the highest rate.
        warmup: the part of the whole run that the rise takes.

    Cosine: Loshchilov and Hutter, "SGDR", 2017, equation 5, one period.
    """
    if progress < warmup:
        return peak * progress / warmup
    if warmup >= 1:
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))


def progress(place: Place, window: int, samples: int, epochs: int) -> float:
    """The middle of the ``window`` of samples that comes next, as a part of the whole run.

    The middle, so that neither the first move nor the last is made with a rate of 0.
    """
    return (place.epoch * samples + place.position + window / 2) / (epochs * samples)


def steps_left(place: Place, samples: int, epochs: int, per_step: int) -> int:
    """Steps of ``per_step`` samples from ``place`` to the end of the run."""
    if place.epoch >= epochs:
        return 0
    here = math.ceil((samples - place.position) / per_step)
    return here + (epochs - place.epoch - 1) * math.ceil(samples / per_step)
