"""Weights and inputs that are a function of their names, as the reference vectors were made."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "baselines"


def vectors(encoder: str) -> dict[str, Any]:
    """Names with shapes, input shape and outputs of a baseline."""
    found: dict[str, Any] = json.loads((FOLDER / f"{encoder}.json").read_text())
    return found


def fill(network: nn.Module) -> None:
    """Give every weight and buffer the numbers that its name stands for."""
    network.load_state_dict(
        {name: _numbers(name, value) for name, value in network.state_dict().items()}
    )


def _numbers(name: str, like: Tensor) -> Tensor:
    if not like.dtype.is_floating_point:
        return torch.zeros_like(like)
    seed = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    v = np.random.default_rng(seed).standard_normal(like.numel())
    if name.endswith("running_var"):
        v = np.maximum(1 + 0.1 * v, 0.5)
    elif like.ndim <= 1 and name.endswith(("weight", "gamma", "scale")):
        v = 1 + 0.1 * v
    elif like.ndim <= 1:
        v = 0.01 * v
    else:
        v = v * math.sqrt(2 / (like.numel() / like.shape[0]))
    return torch.from_numpy(v.reshape(like.shape)).float()


def cubes(*shape: int) -> Tensor:
    """(2, *shape) float32."""
    n = np.arange(2 * math.prod(shape))
    return torch.from_numpy(np.sin(0.01234 * n) * 3).float().reshape(2, *shape)
