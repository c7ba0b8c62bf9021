"""The last step of every network: from its own units to metres a second, in float32."""

from __future__ import annotations

import torch
from torch import Tensor

SCALE, CENTRE = 1500.0, 3000.0  # m/s


def to_velocity(image: Tensor) -> Tensor:
    """``image``·1500 + 3000 m/s in float32, inside autocast as well.

    In half precision the affine map alone would add 0.56 m/s of error (fp16) or 8.4 m/s (bf16).
    """
    with torch.autocast(image.device.type, enabled=False):
        return image.float() * SCALE + CENTRE
