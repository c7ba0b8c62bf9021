"""The record of the mirrored medium, as nearly as a record of five shots tells it.

Mirrored sources and receivers of a record are those of the mirrored medium where the shots' places
are symmetric: x = 0, 17, 52, 69. The shot at 34 lands at 35, so that for the mirrored record's
channel 2 one of the unmirrored medium at 35 is wanted, which nobody recorded. Two things are known
of it:

- by reciprocity its traces at the five shots' places are those that these shots left at receiver
  35, exactly;
- where the medium does not vary sideways over a cell, it is the shot at 34 moved by one cell.

With both, channel 2 is 6 % off by its norm over the ten families (0.01 % in flat ones), where
reversing alone is 47 % off; ``python -m tests.bench mirror`` measures it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fwi.layout import RECEIVERS
from fwi.wave import SOURCE_X

MIDDLE = 2
"""The channel whose shot has no mirror image."""
WANTED_X = RECEIVERS - 1 - SOURCE_X[MIDDLE]
"""Where that shot would have to be."""


def mirrored(record: Tensor) -> Tensor:
    """A batch of records as the mirrored media would have left them; a new tensor.

    Args:
        record: (B, 5, T, 70), axes (source, time, receiver), any floating type, with one column a
            receiver: not a re-pack's 72.
    """
    flipped = record.flip(1, 3)
    flipped[:, MIDDLE] = shot_beside_the_middle(record).flip(-1)
    return flipped


def shot_beside_the_middle(record: Tensor) -> Tensor:
    """(B, 5, T, 70) → (B, T, 70): the gather of a shot at x = 35."""
    middle = record[:, MIDDLE]
    step = WANTED_X - SOURCE_X[MIDDLE]
    moved = torch.cat([middle[..., :step], middle[..., :-step]], -1)
    for channel, place in enumerate(SOURCE_X):
        moved[..., place] = record[:, channel, :, WANTED_X]
    return moved
